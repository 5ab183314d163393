//! The door to knowledge at run time: indexes in memory, one for each agent, built on demand from sealed rows.
//!
//! An index is used only while the stamp of the agent's documents is the one that it was built at, which every search
//! asks the database, so a change on another node is seen at once. The least recently used indexes are dropped when
//! there are too many; dropping is all that is needed to forget them, because nothing of them is written anywhere.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use identity::Platform;
use storage::{OrganizationDb, OrganizationId};
use tokio::sync::OnceCell;
use uuid::Uuid;
use web::live::Live;

use super::address::Reach;
use super::client::Crawler;
use super::error::{Error, Result};
use super::index::{Index, SECTIONS_MAX};
use super::store::{self, Stamp};
use super::{Found, find};
use crate::reply::Passage;

/// Indexes in memory at most.
pub const INDEXES_MAX: usize = 256;
/// Sections in memory at most, over all indexes (one alone may have [`SECTIONS_MAX`]).
pub const SECTIONS_CACHED_MAX: usize = 200_000;

/// What the operator decides about knowledge.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How far the crawler may reach.
    pub reach: Reach,
    /// The program that is started again to read a PDF: the running one.
    pub program: PathBuf,
}

/// Knowledge of all agents. Cheap to clone.
#[derive(Clone)]
pub struct Knowledge(Arc<Inner>);

struct Inner {
    platform: Platform,
    live: Live,
    settings: Settings,
    crawler: Crawler,
    indexes: Mutex<Indexes>,
}

type Key = (OrganizationId, Uuid);

#[derive(Default)]
struct Indexes {
    slots: HashMap<Key, Slot>,
    uses: u64,
}

struct Slot {
    stamp: Stamp,
    index: Arc<OnceCell<Arc<Index>>>,
    used: u64,
}

impl Knowledge {
    /// Knowledge on this platform; `live` hears how reading goes on.
    pub fn new(platform: Platform, live: Live, settings: Settings) -> Self {
        let crawler = Crawler::new(settings.reach);
        Self(Arc::new(Inner { platform, live, settings, crawler, indexes: Mutex::default() }))
    }

    /// What it stands on.
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn crawler(&self) -> &Crawler {
        &self.0.crawler
    }

    pub(crate) fn program(&self) -> &std::path::Path {
        &self.0.settings.program
    }

    /// The passages of this agent that answer `question`, best first, at most `limit`; empty means "not known".
    pub async fn search(
        &self,
        database: &OrganizationDb,
        agent_id: Uuid,
        question: &str,
        limit: usize,
    ) -> Result<Vec<Passage>> {
        let found = self.find(database, agent_id, question, limit).await?;
        Ok(found.into_iter().map(|one| one.passage).collect())
    }

    /// The same with the piece of each passage to quote, and how well it is supported.
    pub async fn find(
        &self,
        database: &OrganizationDb,
        agent_id: Uuid,
        question: &str,
        limit: usize,
    ) -> Result<Vec<Found>> {
        let index = self.index(database, agent_id).await?;
        Ok(find(&index, question, limit))
    }

    /// The index of an agent, built when it is missing or stale.
    pub async fn index(&self, database: &OrganizationDb, agent_id: Uuid) -> Result<Arc<Index>> {
        let key = (database.id(), agent_id);
        // Before the rows are read: a change in between makes the next search build again, never keeps the old.
        let stamp = store::stamp(database, agent_id).await?;
        let cell = self.slot(key, stamp);
        let index = cell.get_or_try_init(|| self.build(database, agent_id)).await?;
        self.shrink(key);
        Ok(Arc::clone(index))
    }

    /// Drops what is in memory of an organization, when it is sealed or deleted.
    pub fn forget(&self, organization: OrganizationId) {
        self.indexes().slots.retain(|(owner, _), _| *owner != organization);
    }

    async fn build(&self, database: &OrganizationDb, agent_id: Uuid) -> Result<Arc<Index>> {
        let keyring = self.platform().vault.keyring(database).await?;
        let rows = store::sealed_passages(database, agent_id, SECTIONS_MAX).await?;
        let built = tokio::task::spawn_blocking(move || {
            let sections = rows.iter().map(|row| store::open_passage(&keyring, row)).collect::<Result<Vec<_>>>()?;
            Ok::<_, Error>(Arc::new(Index::build(sections)))
        });
        built.await.map_err(|_| Error::Stopping)?
    }

    fn indexes(&self) -> std::sync::MutexGuard<'_, Indexes> {
        self.0.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: Key, stamp: Stamp) -> Arc<OnceCell<Arc<Index>>> {
        let mut indexes = self.indexes();
        indexes.uses += 1;
        let used = indexes.uses;
        let fresh = || Slot { stamp, index: Arc::default(), used };
        let slot = indexes.slots.entry(key).or_insert_with(fresh);
        if slot.stamp != stamp {
            *slot = fresh();
        }
        slot.used = used;
        Arc::clone(&slot.index)
    }

    /// Drops the least recently used indexes until the rest fits; the one in use stays.
    fn shrink(&self, keep: Key) {
        let mut indexes = self.indexes();
        let size = |slot: &Slot| slot.index.get().map_or(0, |index| index.len());
        let mut sections: usize = indexes.slots.values().map(size).sum();
        while indexes.slots.len() > INDEXES_MAX || sections > SECTIONS_CACHED_MAX {
            let others = indexes.slots.iter().filter(|(key, _)| **key != keep);
            let Some(oldest) = others.min_by_key(|(_, slot)| slot.used).map(|(key, _)| *key) else { return };
            if let Some(slot) = indexes.slots.remove(&oldest) {
                sections -= size(&slot);
            }
        }
    }
}
