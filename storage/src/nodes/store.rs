//! Nodes in the database.

use uuid::Uuid;

use super::{END, FORGET, HOLD, KEPT_SECONDS, LEASE_SECONDS, LIVE, LiveNode};
use crate::database::{Database, InstallationDb};
use crate::error::Result;
use crate::row::Row;
use crate::statement::Statement;
use crate::time::Timestamp;
use crate::value::Value;

/// The nodes that serve this database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Nodes {
    door: InstallationDb,
}

impl Nodes {
    /// The nodes of this database.
    pub fn new(database: &Database) -> Self {
        Self { door: database.installation() }
    }

    /// Takes or renews the lease of a node, for [`LEASE_SECONDS`] from now on.
    pub async fn hold(&self, id: Uuid, now: Timestamp) -> Result<()> {
        self.change(&HOLD, &[id.into(), now.into(), now.plus_seconds(LEASE_SECONDS).into()]).await
    }

    /// Ends the lease of a node: it has stopped, or is known to be dead.
    pub async fn end(&self, id: Uuid) -> Result<()> {
        self.change(&END, &[id.into()]).await
    }

    /// The nodes whose leases hold, the oldest first.
    pub async fn live(&self, now: Timestamp) -> Result<Vec<LiveNode>> {
        let read = |row: &Row| {
            Ok(LiveNode {
                id: row.uuid("id")?,
                started_at: row.timestamp("started_at")?,
                lease_until: row.timestamp("lease_until")?,
            })
        };
        self.door.query(&LIVE, &[now.into()]).await?.iter().map(read).collect()
    }

    /// Forgets nodes whose leases lapsed more than a day ago.
    pub async fn forget(&self, now: Timestamp) -> Result<()> {
        self.change(&FORGET, &[now.plus_seconds(-KEPT_SECONDS).into()]).await
    }

    async fn change(&self, statement: &'static Statement, arguments: &[Value]) -> Result<()> {
        let mut transaction = self.door.begin().await?;
        transaction.execute(statement, arguments).await?;
        transaction.commit().await
    }
}
