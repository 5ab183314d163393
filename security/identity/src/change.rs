//! A change and its entry in the audit log: one transaction, or neither.

use std::ops::{Deref, DerefMut};

use audit::Entry;
use audit::entry::in_pieces;
use storage::Transaction;
use uuid::Uuid;

use crate::{Caller, Platform, Result};

/// A running change of one organization. Dropping it undoes everything.
///
/// There is none without a [`Caller`], and no caller without credentials or a listed channel: neither can be made up.
///
/// ```compile_fail,E0451
/// fn made_up(transaction: storage::Transaction, platform: identity::Platform, caller: identity::Caller) {
///     let _change = identity::Change { transaction, platform, caller, action: "agent.publish" };
/// }
/// ```
///
/// ```compile_fail,E0423
/// fn made_up(facts: ()) {
///     let _caller = identity::Caller(std::sync::Arc::new(facts));
/// }
/// ```
pub struct Change {
    transaction: Transaction,
    platform: Platform,
    caller: Caller,
    action: &'static str,
}

impl Change {
    /// Who changes.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn new(transaction: Transaction, platform: Platform, caller: Caller, action: &'static str) -> Self {
        Self { transaction, platform, caller, action }
    }

    /// Commits with exactly one entry; a long value stands in it in pieces. `facts` never hold personal data; see
    /// [`Self::commit_with_personal`].
    pub async fn commit(
        self,
        object_kind: &'static str,
        object_id: Option<Uuid>,
        facts: Vec<(&'static str, String)>,
    ) -> Result<()> {
        self.commit_with_personal(object_kind, object_id, facts, Vec::new()).await
    }

    /// The same with personal facts: they are stored sealed, and stand in the log's tree only as a salted commitment, so
    /// that they can be erased without breaking it.
    pub async fn commit_with_personal(
        mut self,
        object_kind: &'static str,
        object_id: Option<Uuid>,
        facts: Vec<(&'static str, String)>,
        personal: Vec<(&'static str, String)>,
    ) -> Result<()> {
        let whole = |values: Vec<(&'static str, String)>| {
            values.into_iter().flat_map(|(name, value)| in_pieces(name, &value)).collect::<Vec<_>>()
        };
        let entry = self.caller.entry(self.action, object_kind, object_id);
        let entry = Entry { personal: whole(personal), facts: [entry.facts, whole(facts)].concat(), ..entry };
        append(&mut self.transaction, &self.platform, &entry).await?;
        self.transaction.commit().await?;
        self.caller.count_entry();
        Ok(())
    }

    /// The platform that the change runs on.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

impl Deref for Change {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Transaction {
        &mut self.transaction
    }
}

/// The one call into the audit log.
pub(crate) async fn append(transaction: &mut Transaction, platform: &Platform, entry: &Entry) -> Result<()> {
    platform.audit.append(transaction, platform.now(), entry).await?;
    Ok(())
}
