//! Attempts in the database.

use std::sync::Arc;

use storage::{Clock, Database, Identifiers, InstallationDb, Result, Timestamp};

use super::attempts::{Bucket, FULL_AT, SWEEP, TAKE};
use super::{Allowance, Rate};

/// The attempts at accounts, of all nodes together. Cheap to clone.
#[derive(Clone)]
pub struct Attempts {
    door: InstallationDb,
    identifiers: Identifiers,
    clock: Arc<dyn Clock>,
    bucket: Bucket,
}

impl Attempts {
    /// The attempts in this database, so many in so long for each account.
    pub fn new(database: &Database, identifiers: Identifiers, clock: Arc<dyn Clock>, rate: Rate) -> Self {
        Self { door: database.installation(), identifiers, clock, bucket: Bucket::new(rate) }
    }

    /// Takes one attempt at this account: a keyed hash of what it is called by, or its identifier.
    ///
    /// # Errors
    /// When the database cannot be reached; the attempt must then not be made.
    pub async fn take(&self, account: [u8; 32]) -> Result<Allowance> {
        let (now, interval) = (self.clock.now(), self.bucket.interval());
        let account = account.to_vec();
        let arguments = [
            self.identifiers.next().into(),
            account.clone().into(),
            Timestamp(now.0.saturating_add(interval)).into(),
            now.into(),
            interval.into(),
            self.bucket.latest(now).into(),
        ];
        let mut transaction = self.door.begin().await?;
        let taken = transaction.query(&TAKE, &arguments).await?;
        transaction.commit().await?;
        if let Some(row) = taken.first() {
            return Ok(self.bucket.granted(row.timestamp("full_at")?, now));
        }
        let rows = self.door.query(&FULL_AT, &[account.into()]).await?;
        let full_at = rows.first().map(|row| row.timestamp("full_at")).transpose()?;
        Ok(self.bucket.refused(full_at.unwrap_or(now), now))
    }

    /// Forgets accounts that may be tried as often as ever again.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep(&self) -> Result<()> {
        let mut transaction = self.door.begin().await?;
        transaction.execute(&SWEEP, &[self.clock.now().into()]).await?;
        transaction.commit().await
    }
}
