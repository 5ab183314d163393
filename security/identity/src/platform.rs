//! What every part stands on, wired once at start and handed down.

use std::sync::Arc;

use audit::AuditLog;
use storage::objects::ObjectFolder;
use storage::{Clock, Database, Entropy, Identifiers, Timestamp};
use vault::Vault;

use crate::alert::Alerts;
use crate::belonging::Belonging;
use crate::password::breached::Breached;

/// The database, the keys, the log, and the three things that must come in from outside: time, randomness, ids.
/// Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    /// Both kinds of database behind one door.
    pub database: Database,
    /// The keys.
    pub vault: Vault,
    /// Who did what.
    pub audit: AuditLog,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Fresh identifiers.
    pub identifiers: Identifiers,
    /// Sealed objects on disk.
    pub objects: ObjectFolder,
    /// What members make in the parts above; it ends with them.
    pub belongings: &'static [Belonging],
    /// Passwords that were leaked somewhere, as far as the operator imported them.
    pub breached: Breached,
    /// Where raised alerts are told.
    pub alerts: Alerts,
}

impl Platform {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
