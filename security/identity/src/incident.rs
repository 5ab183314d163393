//! The one-click lock: everything of an organization stops within one transaction, and an incident is written down. The same
//! for one person, when only one account is in doubt.
//!
//! Sessions, one-time links and invitations go for good, keys are revoked for good (whoever reports a compromise must take them for
//! stolen), and nothing is answered for the organization, on any channel, until the machine's own one-time link opens it
//! again. The log has both entries.

use storage::{OrganizationId, Row, Timestamp};
use uuid::Uuid;
use vault::Field;

use crate::assurance::Factor;
use crate::member::leaving::{self, Ended};
use crate::password_change::Prepared;
use crate::session::{self, Device};
use crate::store::people::{SESSIONS_DELETE_OF_USER, TOKENS_DELETE_OF_USER};
use crate::store::{
    INCIDENT, INCIDENT_CLOSE, INCIDENTS_COUNTED, INCIDENTS_OF_ORGANIZATION, INVITATIONS_REVOKE_ALL, KEYS_REVOKE_ALL,
    ORGANIZATION, ORGANIZATION_FREEZE, ORGANIZATION_OWNER, ORGANIZATION_THAW, SESSIONS_DELETE_OF_ORGANIZATION,
    TOKENS_DELETE_OF_ORGANIZATION,
};
use crate::token::Secret;
use crate::{Caller, Change, Error, Platform, Result, change, notice, one_time};
use audit::{Actor, ActorKind, Entry, Outcome};

/// Longest account of what happened, in characters.
pub const MAXIMUM_REASON_LENGTH: usize = 1000;

/// A reported compromise.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its row.
    pub id: Uuid,
    /// The one person who was locked out; none when it was the whole organization.
    pub person: Option<Uuid>,
    /// What was reported.
    pub reason: String,
    /// When it was locked.
    pub opened_at: Timestamp,
    /// Who did; none when it was the machine's operator or a program.
    pub opened_by: Option<Uuid>,
    /// When the organization was opened again; for one person the moment of the lock, after which they sign in anew.
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
    let incident = Incident {
        id,
        person: None,
        reason: reason.to_owned(),
        opened_at: now,
        opened_by: caller.user(),
        closed_at: None,
        sessions: sessions as i64,
        keys: keys as i64,
    };
    insert(&mut change, &incident).await?;
    let facts = vec![("sessions", sessions.to_string()), ("keys", keys.to_string())];
    change.commit("incident", Some(id), facts).await?;
    Ok(incident)
}

/// What a lock of one person ended, and the incident that says so.
#[derive(Debug, Clone)]
pub struct PersonLocked {
    /// The incident.
    pub incident: Uuid,
    /// What ended.
    pub ended: Ended,
}

/// Locks one person out within a change: their sessions, links, keys, widgets and invitations in this organization end; when it
/// is their own wish (`everywhere`), their sessions and links in every organization. They sign in anew with what they have.
/// Whoever calls has made sure that the caller may.
pub(crate) async fn lock_person(
    change: &mut Change,
    user: Uuid,
    everywhere: bool,
    reason: &str,
) -> Result<PersonLocked> {
    let (organization, opened_by) = (change.caller().organization(), change.caller().user());
    let (id, now) = (change.platform().identifiers.next(), change.platform().now());
    let mut ended = leaving::cut_off(change, organization, user).await?;
    if everywhere {
        ended.links += change.execute(&TOKENS_DELETE_OF_USER, &[user.into()]).await?;
        ended.sessions += change.execute(&SESSIONS_DELETE_OF_USER, &[user.into()]).await?;
    }
    let incident = Incident {
        id,
        person: Some(user),
        reason: reason.to_owned(),
        opened_at: now,
        opened_by,
        closed_at: Some(now),
        sessions: ended.sessions as i64,
        keys: ended.keys as i64,
    };
    insert(change, &incident).await?;
    let (platform, caller) = (change.platform().clone(), change.caller().clone());
    notice::write(change, &platform, user, notice::Kind::Locked, Some(&caller)).await?;
    Ok(PersonLocked { incident: id, ended })
}

/// The caller's own account is in doubt: the same lock, at once.
pub async fn lock_own(platform: &Platform, caller: &Caller) -> Result<PersonLocked> {
    let user = caller.user().ok_or(Error::Conflict("a program has no account: revoke its key"))?;
    let mut change = caller.change(platform, "account.lock").await?;
    let reason = "Somebody says that a change of their own account was not theirs";
    let locked = lock_person(&mut change, user, true, reason).await?;
    let mut facts = vec![("incident", locked.incident.to_string())];
    facts.extend(leaving::facts(&locked.ended));
    change.commit("user", Some(user), facts).await?;
    Ok(locked)
}

async fn insert(change: &mut Change, incident: &Incident) -> Result<()> {
    let (organization, id) = (change.caller().organization(), incident.id);
    let keyring = change.platform().vault.installation_keyring();
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("person_id", incident.person.into()),
        ("reason", keyring.seal_text(Field::new(&INCIDENT, "reason", id), &incident.reason)?.into()),
        ("opened_by", incident.opened_by.into()),
        ("opened_at", incident.opened_at.into()),
        ("closed_at", incident.closed_at.into()),
        ("sessions", incident.sessions.into()),
        ("keys", incident.keys.into()),
    ];
    Ok(change.insert(&INCIDENT, &fields).await?)
}

/// The incidents of the caller's organization, the newest first; at most a hundred.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<Incident>> {
    let arguments = [caller.organization().into()];
    let rows = platform.database.installation().query(&INCIDENTS_OF_ORGANIZATION, &arguments).await?;
    rows.iter().map(|row| read(platform, row)).collect()
}

/// An incident as whoever runs the installation sees it, without what was reported.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Its row.
    pub id: Uuid,
    /// The organization's public name.
    pub organization: String,
    /// Was the whole organization locked, or one person?
    pub whole: bool,
    /// When.
    pub opened_at: Timestamp,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
    /// Sessions that ended.
    pub sessions: i64,
    /// Keys that were revoked.
    pub keys: i64,
}

/// The incidents of every organization, newest first, older than `before`.
pub async fn of_installation(platform: &Platform, before: Uuid, limit: i64) -> Result<Vec<Counted>> {
    let arguments = [before.into(), limit.into()];
    let rows = platform.database.installation().query(&INCIDENTS_COUNTED, &arguments).await?;
    let counted = |row: &Row| -> Result<Counted> {
        Ok(Counted {
            id: row.uuid("id")?,
            organization: row.text("name")?,
            whole: row.optional_uuid("person_id")?.is_none(),
            opened_at: row.timestamp("opened_at")?,
            closed_at: row.optional_timestamp("closed_at")?,
            sessions: row.integer("sessions")?,
            keys: row.integer("keys")?,
        })
    };
    rows.iter().map(counted).collect()
}

fn read(platform: &Platform, row: &Row) -> Result<Incident> {
    let id = row.uuid("id")?;
    let keyring = platform.vault.installation_keyring();
    Ok(Incident {
        id,
        person: row.optional_uuid("person_id")?,
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
    notice::write(&mut transaction, platform, user, notice::Kind::PasswordReset, None).await?;
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
