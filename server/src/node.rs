//! This node among those that serve the same database: who it is, its lease, and what follows from who else is there.
//!
//! Every life of a process is a new node. The file `node` in the data folder, locked while the process lives, names the life before
//! it, so that a node that starts again closes at once what its own crash left open; what other nodes left is closed once their
//! leases have lapsed. The rates of `[limits]` are shared by the nodes whose leases hold.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use storage::Identifiers;
use storage::nodes::{LEASE_SECONDS, Nodes, RENEW_SECONDS};
use telephony::recovery::{Mender, Recovered, recover};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::wiring::House;

/// The file in the data folder.
const FILE: &str = "node";
/// Every so many renewals it is looked after what others left open.
const LOOK_EVERY: u64 = 2;

/// Who this node is, for as long as it lives.
#[derive(Debug)]
pub struct Membership {
    /// This life.
    pub id: Uuid,
    /// The life before in the same data folder, when it is surely over.
    former_id: Option<Uuid>,
    /// Locked; none when another process that serves has it.
    _file: Option<File>,
}

impl Membership {
    /// A node that nobody counts and that holds nothing: for a process that only looks.
    pub fn beside(identifiers: &Identifiers) -> Self {
        Self { id: identifiers.next(), former_id: None, _file: None }
    }

    /// Takes the place of the life before, if that is over.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn enter(folder: &Path, identifiers: &Identifiers) -> anyhow::Result<Self> {
        let (id, path) = (identifiers.next(), folder.join(FILE));
        let in_words = || format!("the file {} that names this node", path.display());
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).with_context(in_words)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Self { id, former_id: None, _file: None }),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the data folder cannot be locked: what a crash leaves open is closed after half a minute");
                return Ok(Self { id, former_id: None, _file: None });
            }
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(in_words)?;
        let former_id = text.trim().parse().ok();
        file.set_len(0).and_then(|()| file.rewind()).with_context(in_words)?;
        file.write_all(format!("{id}\n").as_bytes()).and_then(|()| file.sync_all()).with_context(in_words)?;
        Ok(Self { id, former_id, _file: Some(file) })
    }

    /// Takes the lease and mends what the life before left open. What others left waits until [`Self::keep`] has looked at them for
    /// the length of a lease: a database that was away for a while has let all leases lapse.
    ///
    /// # Errors
    /// Says what could not be read or written.
    pub async fn begin(&self, house: &House) -> anyhow::Result<()> {
        let nodes = Nodes::new(&house.platform.database);
        if let Some(former) = self.former_id {
            nodes.end(former).await.context("lease of the run before")?;
        }
        self.renew(house).await.context("lease of this node")?;
        self.mend(house, false).await.context("calls of the run before")
    }

    /// Renews the lease and looks who else is there.
    async fn renew(&self, house: &House) -> storage::Result<()> {
        let (nodes, now) = (Nodes::new(&house.platform.database), house.platform.now());
        nodes.hold(self.id, now).await?;
        let live = nodes.live(now).await?.len();
        house.gate.limits.share(u32::try_from(live).unwrap_or(u32::MAX));
        Ok(())
    }

    async fn mend(&self, house: &House, others: bool) -> anyhow::Result<()> {
        let mender = Mender { node_id: self.id, former_id: self.former_id, others };
        let recovered = recover(&house.platform, mender).await?;
        if recovered != Recovered::default() {
            let Recovered { recordings, calls } = recovered;
            tracing::warn!(recordings, calls, "what a node that is gone left open was closed");
        }
        Ok(())
    }

    /// Keeps the lease until `gone`, then gives it back.
    pub async fn keep(self, house: House, gone: CancellationToken) {
        let mut renewed_at = house.platform.now();
        let mut unbroken_since = renewed_at;
        for round in 1.. {
            let pause = tokio::time::sleep(Duration::from_secs(RENEW_SECONDS));
            if gone.run_until_cancelled(pause).await.is_none() {
                break;
            }
            if let Err(error) = self.renew(&house).await {
                tracing::error!(%error, "the lease of this node could not be renewed");
                continue;
            }
            let now = house.platform.now();
            if now.seconds() - renewed_at.seconds() > 2 * RENEW_SECONDS as i64 {
                unbroken_since = now;
            }
            renewed_at = now;
            let others = now.seconds() - unbroken_since.seconds() > LEASE_SECONDS;
            if round % LOOK_EVERY == 0
                && let Err(error) = self.mend(&house, others).await
            {
                tracing::error!(%error, "what nodes that are gone left open could not be closed");
            }
        }
        let nodes = Nodes::new(&house.platform.database);
        let given_back = match nodes.end(self.id).await {
            Ok(()) => nodes.forget(house.platform.now()).await,
            failed => failed,
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "the lease of this node could not be given back: it lapses by itself");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_life_knows_the_one_before_it_in_its_folder_and_not_one_that_still_lasts() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(storage::SystemClock);
        let identifiers = Identifiers::new(clock, Arc::new(storage::SystemEntropy));
        let first = Membership::enter(folder.path(), &identifiers).expect("entered");
        assert_eq!(first.former_id, None);
        let beside = Membership::enter(folder.path(), &identifiers).expect("entered");
        assert_eq!(beside.former_id, None, "the first still lasts");
        let id = first.id;
        drop((first, beside));
        let next = Membership::enter(folder.path(), &identifiers).expect("entered");
        assert_eq!(next.former_id, Some(id));
        drop(next);
        std::fs::write(folder.path().join(FILE), "nonsense").expect("written");
        assert_eq!(Membership::enter(folder.path(), &identifiers).expect("entered").former_id, None);
    }
}
