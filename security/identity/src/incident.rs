//! The one-click lock: everything of an organization stops within one transaction, and an incident is written down.
//!
//! Sessions, one-time links and invitations go for good, keys are revoked for good (whoever reports a compromise must take them for
//! stolen), and nothing is answered for the organization, on any channel, until the machine's own one-time link opens it
//! again. The log has both entries.

use storage::{OrganizationId, Row, Timestamp};
use uuid::Uuid;
use vault::Field;

use crate::assurance::Factor;
use crate::password_change::Prepared;
use crate::session::{self, Device};
use crate::store::{
    INCIDENT, INCIDENT_CLOSE, INCIDENTS_OF_ORGANIZATION, INVITATIONS_REVOKE_ALL, KEYS_REVOKE_ALL, ORGANIZATION,
    ORGANIZATION_FREEZE, ORGANIZATION_OWNER, ORGANIZATION_THAW, SESSIONS_DELETE_OF_ORGANIZATION,
    TOKENS_DELETE_OF_ORGANIZATION,
};
use crate::token::Secret;
use crate::{Caller, Error, Platform, Result, change, one_time};
use audit::{Actor, ActorKind, Entry, Outcome};

/// Longest account of what happened, in characters.
pub const MAXIMUM_REASON_LENGTH: usize = 1000;

/// A reported compromise.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its row.
    pub id: Uuid,
    /// What was reported.
    pub reason: String,
    /// When the organization was locked.
    pub opened_at: Timestamp,
    /// Who did; none when it was the machine's operator or a program.
    pub opened_by: Option<Uuid>,
    /// When it was opened again.
    pub closed_at: Option<Timestamp>,
    /// Sessions that ended.
    pub sessions: i64,
    /// Keys that were revoked.
    pub keys: i64,
}

/// Is this organization open, so that something may be answered for it? Channels ask before they answer: a lock stops them
/// with everything else.
pub async fn is_open(platform: &Platform, organization: OrganizationId) -> Result<bool> {
    let row = platform.database.installation().get(&ORGANIZATION, organization.0).await?;
    Ok(row.map(|row| row.text("state")).transpose()?.is_some_and(|state| state == "active"))
}

/// Locks the caller's organization. Whoever calls has made sure that the caller may.
pub async fn lock(platform: &Platform, caller: &Caller, reason: &str) -> Result<Incident> {
    let reason = reason.trim();
    if reason.chars().count() > MAXIMUM_REASON_LENGTH {
        return Err(Error::invalid("reason", format!("Use at most {MAXIMUM_REASON_LENGTH} characters.")));
    }
    let (organization, now, id) = (caller.organization(), platform.now(), platform.identifiers.next());
    let mut change = caller.change(platform, "organization.lock").await?;
    if change.execute(&ORGANIZATION_FREEZE, &[organization.into()]).await? != 1 {
        return Err(Error::invalid(
            "organization",
            "This organization is locked already, or was stopped by the operator.",
        ));
    }
    let sessions = change.execute(&SESSIONS_DELETE_OF_ORGANIZATION, &[organization.into()]).await?;
    let keys = change.execute(&KEYS_REVOKE_ALL, &[organization.into(), now.into()]).await?;
    change.execute(&TOKENS_DELETE_OF_ORGANIZATION, &[organization.into()]).await?;
    change.execute(&INVITATIONS_REVOKE_ALL, &[organization.into(), now.into()]).await?;
    let (sessions, keys) = (sessions as i64, keys as i64);
    let keyring = platform.vault.installation_keyring();
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("reason", keyring.seal_text(Field::new(&INCIDENT, "reason", id), reason)?.into()),
        ("opened_by", caller.user().into()),
        ("opened_at", now.into()),
        ("closed_at", storage::Value::Null),
        ("sessions", sessions.into()),
        ("keys", keys.into()),
    ];
    change.insert(&INCIDENT, &fields).await?;
    let facts = vec![("sessions", sessions.to_string()), ("keys", keys.to_string())];
    change.commit("incident", Some(id), facts).await?;
    let reason = reason.to_owned();
    Ok(Incident { id, reason, opened_at: now, opened_by: caller.user(), closed_at: None, sessions, keys })
}

/// The incidents of the caller's organization, the newest first; at most a hundred.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<Incident>> {
    let arguments = [caller.organization().into()];
    let rows = platform.database.installation().query(&INCIDENTS_OF_ORGANIZATION, &arguments).await?;
    rows.iter().map(|row| read(platform, row)).collect()
}

fn read(platform: &Platform, row: &Row) -> Result<Incident> {
    let id = row.uuid("id")?;
    let keyring = platform.vault.installation_keyring();
    Ok(Incident {
        id,
        reason: keyring.open_text(Field::new(&INCIDENT, "reason", id), &row.bytes("reason")?)?,
        opened_at: row.timestamp("opened_at")?,
        opened_by: row.optional_uuid("opened_by")?,
        closed_at: row.optional_timestamp("closed_at")?,
        sessions: row.integer("sessions")?,
        keys: row.integer("keys")?,
    })
}

/// Issues the link that opens a locked organization again, for its owner of longest standing. From the machine only.
pub async fn issue_unlock_link(platform: &Platform, organization: OrganizationId) -> Result<Secret> {
    if is_open(platform, organization).await? {
        return Err(Error::invalid("organization", "This organization is not locked."));
    }
    let rows = platform.database.installation().query(&ORGANIZATION_OWNER, &[organization.into()]).await?;
    let owner = rows.first().ok_or_else(|| Error::invalid("organization", "It has no active owner."))?;
    one_time::issue_unlock_link(platform, organization, owner.uuid("user_id")?).await
}

/// Opens the organization again for whoever holds the link, with a new password: the old one may be what was stolen.
pub async fn unlock(platform: &Platform, presented: &str, new_password: &str, device: &Device) -> Result<Secret> {
    let (organization, user) = one_time::subject(platform, presented).await?.ok_or(Error::TokenRefused)?;
    let name = platform.database.installation().get(&ORGANIZATION, organization.0).await?;
    let name = name.map(|row| row.text("name")).transpose()?.ok_or(Error::TokenRefused)?;
    let prepared = Prepared::new(platform, user, &name, new_password).await?;
    let mut transaction = platform.database.organization(organization).begin().await?;
    one_time::consume(&mut transaction, platform, one_time::Purpose::Unlock, presented).await?;
    if transaction.execute(&ORGANIZATION_THAW, &[organization.into()]).await? != 1 {
        return Err(Error::TokenRefused);
    }
    transaction.execute(&INCIDENT_CLOSE, &[organization.into(), platform.now().into()]).await?;
    prepared.write(platform, &mut transaction).await?;
    prepared.end_sessions(&mut transaction).await?;
    let token = session::open(&mut transaction, platform, organization, user, device, &[Factor::MachineLink]).await?;
    let entry = Entry {
        actor: Actor { kind: ActorKind::User, id: Some(user), address: device.address },
        action: "organization.unlock",
        object_kind: "organization",
        object_id: Some(organization.0),
        outcome: Outcome::Done,
        facts: Vec::new(),
        personal: Vec::new(),
    };
    change::append(&mut transaction, platform, &entry).await?;
    transaction.commit().await?;
    Ok(token)
}
