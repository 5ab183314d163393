//! Who asks on the operator plane. There is no way from here to an organization's data: an operator has no
//! [`identity::Caller`], and nothing here makes one but [`identity::support::open`], which asks for a grant.

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use audit::{Actor, ActorKind, Entry, Outcome};
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use identity::Platform;
use storage::{Timestamp, Transaction};
use uuid::Uuid;

use crate::Result;
use crate::role::{OperatorPermission, OperatorRole, Standing, allows};

/// An operator who showed a session. Cheap to clone.
#[derive(Clone)]
pub struct OperatorCaller(pub(crate) Arc<Facts>);

pub(crate) struct Facts {
    pub operator: Uuid,
    pub session: Uuid,
    pub name: String,
    pub role: OperatorRole,
    pub standing: Standing,
    /// Was the second factor given in this session?
    pub finished: bool,
    /// Has a second factor ever been confirmed?
    pub enrolled: bool,
    pub trained_until: Option<Timestamp>,
    pub address: Option<IpAddr>,
}

impl OperatorCaller {
    /// The account.
    pub fn operator(&self) -> Uuid {
        self.0.operator
    }

    /// The session.
    pub fn session(&self) -> Uuid {
        self.0.session
    }

    /// The operator's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What they are.
    pub fn role(&self) -> OperatorRole {
        self.0.role
    }

    /// How they stand.
    pub fn standing(&self) -> Standing {
        self.0.standing
    }

    /// Was the second factor given?
    pub fn is_finished(&self) -> bool {
        self.0.finished
    }

    /// Has this operator a second factor?
    pub fn is_enrolled(&self) -> bool {
        self.0.enrolled
    }

    /// Until when their training counts; none when there is none.
    pub fn trained_until(&self) -> Option<Timestamp> {
        self.0.trained_until
    }

    /// Where the request comes from.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// May this operator do that? Never with a password alone.
    pub fn permits(&self, permission: OperatorPermission) -> bool {
        self.0.finished && allows(self.0.role, self.0.standing, permission)
    }

    /// Begins a change; it commits with one entry in the installation's log.
    pub async fn change(&self, platform: &Platform, action: &'static str) -> Result<OperatorChange> {
        let transaction = platform.database.installation().begin().await?;
        Ok(OperatorChange { transaction, platform: platform.clone(), actor: self.actor(), action })
    }

    /// Writes down that something was looked at, or refused and why.
    pub async fn note(
        &self,
        platform: &Platform,
        action: &'static str,
        outcome: Outcome,
        facts: Vec<(&'static str, String)>,
    ) -> Result<()> {
        let mut transaction = platform.database.installation().begin().await?;
        let entry = Entry { outcome, facts, ..entry(self.actor(), action, "route", None) };
        platform.audit.append(&mut transaction, platform.now(), &entry).await?;
        Ok(transaction.commit().await?)
    }

    fn actor(&self) -> Actor {
        Actor { kind: ActorKind::Operator, id: Some(self.0.operator), address: self.0.address }
    }
}

/// A running change of the installation. Dropping it undoes everything.
pub struct OperatorChange {
    transaction: Transaction,
    platform: Platform,
    actor: Actor,
    action: &'static str,
}

impl OperatorChange {
    /// A change from the machine's own command line: whoever has the data folder and the root key.
    pub(crate) async fn by_machine(platform: &Platform, action: &'static str) -> Result<Self> {
        let transaction = platform.database.installation().begin().await?;
        let actor = Actor { kind: ActorKind::Operator, id: None, address: None };
        Ok(Self { transaction, platform: platform.clone(), actor, action })
    }

    /// Commits with exactly one entry. Facts never hold personal data.
    pub async fn commit(
        mut self,
        object_kind: &'static str,
        object_id: Option<Uuid>,
        facts: Vec<(&'static str, String)>,
    ) -> Result<()> {
        let entry = Entry { facts, ..entry(self.actor, self.action, object_kind, object_id) };
        self.platform.audit.append(&mut self.transaction, self.platform.now(), &entry).await?;
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for OperatorChange {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

impl DerefMut for OperatorChange {
    fn deref_mut(&mut self) -> &mut Transaction {
        &mut self.transaction
    }
}

pub(crate) fn entry(actor: Actor, action: &'static str, object_kind: &'static str, object_id: Option<Uuid>) -> Entry {
    let outcome = Outcome::Done;
    Entry { actor, action, object_kind, object_id, outcome, facts: Vec::new(), personal: Vec::new() }
}

impl<S: Sync> FromRequestParts<S> for OperatorCaller {
    type Rejection = StatusCode;

    /// The operator that the door put beside the request.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> std::result::Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}
