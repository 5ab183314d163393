//! Grants and support sessions in the database. Both tables belong to the installation: a session is read before it is
//! known which organization it is for. Each statement about one organization names it.

use std::net::IpAddr;
use std::sync::atomic::AtomicU32;

use audit::{Actor, ActorKind};
use storage::{
    Column, Erasure, OrganizationId, Owner, Retention, Row, SealedWith, Statement, Table, Timestamp, Transaction,
};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::{Grant, MAXIMUM_GRANTS, NewGrant, SESSION_SECONDS, Scope, TOKEN_PREFIX};
use crate::caller::Facts;
use crate::store::unknown_word;
use crate::token::{self, Secret};
use crate::{Caller, Change, Credential, Environment, Error, Platform, Result};

/// What organizations allowed support to look at.
pub static SUPPORT_GRANT: Table = Table {
    name: "support_grant",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // Dotted names and identifiers with spaces between; an empty list of objects means all of them.
        Column::text("permissions"),
        Column::text("objects"),
        Column::sealed("reason", SealedWith::Installation),
        Column::uuid("granted_by").nullable(),
        Column::time("created_at"),
        Column::time("expires_at"),
        Column::time("revoked_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["organization_id"], &["expires_at"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("what an organization allowed; its reason is sealed and goes with the organization"),
};

/// Operators at work within an organization.
pub static SUPPORT_SESSION: Table = Table {
    name: "support_session",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::uuid("grant_id"),
        Column::uuid("operator_id"),
        Column::sealed("operator_name", SealedWith::Installation),
        Column::bytes("token_hash"),
        Column::time("created_at"),
        Column::time("expires_at"),
        Column::time("ended_at").nullable(),
    ],
    references: &[],
    unique: &[&["token_hash"]],
    indexes: &[&["organization_id"], &["operator_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("operator_id"),
};

/// The tables of support access.
pub const TABLES: &[&Table] = &[&SUPPORT_GRANT, &SUPPORT_SESSION];

macro_rules! statements {
    ($($name:ident = $label:literal, $sql:literal;)*) => {
        $(const $name: Statement = Statement::installation($label, $sql);)*
        /// Every statement of support access.
        pub const STATEMENTS: &[&Statement] = &[$(&$name),*];
    };
}

statements! {
    GRANTS_COUNT = "identity.support_grants_count",
        "select count(*) as grants from support_grant \
         where organization_id = $1 and revoked_at is null and expires_at > $2";
    GRANTS_OF_ORGANIZATION = "identity.support_grants_of_organization",
        "select id, permissions, objects, reason, granted_by, created_at, expires_at, revoked_at from support_grant \
         where organization_id = $1 and id > $2 order by id limit $3";
    GRANT_REVOKE = "identity.support_grant_revoke",
        "update support_grant set revoked_at = $3 \
         where organization_id = $1 and id = $2 and revoked_at is null and expires_at > $3";
    SESSIONS_END_OF_GRANT = "identity.support_sessions_end_of_grant",
        "update support_session set ended_at = $3 where organization_id = $1 and grant_id = $2 and ended_at is null";
    SESSIONS_END_OF_OPERATOR = "identity.support_sessions_end_of_operator",
        "update support_session set ended_at = $2 where operator_id = $1 and ended_at is null";
    SESSION_END = "identity.support_session_end",
        "update support_session set ended_at = $3 where organization_id = $1 and id = $2 and ended_at is null";
    SESSION_BY_TOKEN = "identity.support_session_by_token",
        "select s.id, s.organization_id, s.grant_id, s.operator_id, s.operator_name, s.expires_at, s.ended_at, \
         g.permissions, g.objects, g.expires_at as grant_expires_at, g.revoked_at, \
         o.name as organization_name, o.state as organization_state \
         from support_session s \
         join support_grant g on g.id = s.grant_id and g.organization_id = s.organization_id \
         join organization o on o.id = s.organization_id \
         where s.token_hash = $1";
    SESSIONS_LOOKING = "identity.support_sessions_looking",
        "select s.id, s.operator_id, s.operator_name, s.grant_id, s.created_at, s.expires_at from support_session s \
         join support_grant g on g.id = s.grant_id and g.organization_id = s.organization_id \
         where s.organization_id = $1 and s.ended_at is null and s.expires_at > $2 \
         and g.revoked_at is null and g.expires_at > $2 order by s.id limit 20";
    GRANTS_OPEN = "identity.support_grants_open",
        "select g.id, g.permissions, g.objects, g.reason, g.granted_by, g.created_at, g.expires_at, g.revoked_at, \
         g.organization_id, o.name as organization_name, o.state as organization_state \
         from support_grant g join organization o on o.id = g.organization_id \
         where g.revoked_at is null and g.expires_at > $1 and g.id > $2 order by g.id limit $3";
}

/// A grant that operators may use, with whose it is.
#[derive(Debug, Clone)]
pub struct OpenGrant {
    /// The grant.
    pub grant: Grant,
    /// Whose.
    pub organization: OrganizationId,
    /// Its public name.
    pub organization_name: String,
    /// Is the organization itself active?
    organization_is_active: bool,
}

/// Who asks to look, as the operator plane knows them.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    /// Their account.
    pub id: Uuid,
    /// Their name, shown to the organization.
    pub name: &'a str,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// They may be an operator until then: a session of support does not outlive it.
    pub until: Timestamp,
}

storage::debug_shows!(struct Operator<'a> { id, until });

/// An operator who looks at this moment.
#[derive(Clone)]
pub struct Looking {
    /// The support session.
    pub session: Uuid,
    /// Under which grant.
    pub grant: Uuid,
    /// Who.
    pub operator: Uuid,
    /// Their name.
    pub operator_name: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when at most.
    pub until: Timestamp,
}

storage::debug_shows!(struct Looking { session, grant, operator, since, until });

/// Grants support access. The permission to do so is the route's; what may be granted at all is judged here.
pub async fn grant(platform: &Platform, caller: &Caller, new: &NewGrant<'_>) -> Result<Grant> {
    let reason = new.checked()?;
    // Nobody lets others see more than they see themselves.
    if new.scope.permissions().iter().any(|permission| !caller.permits(*permission)) {
        return Err(Error::BeyondOwnRole);
    }
    let (id, now) = (platform.identifiers.next(), platform.now());
    let expires_at = now.plus_seconds(new.hours * 3600);
    let sealed = platform.vault.installation_keyring().seal_text(Field::new(&SUPPORT_GRANT, "reason", id), &reason)?;
    let mut change = caller.change(platform, "support.grant").await?;
    let counted = change.query(&GRANTS_COUNT, &[caller.organization().into(), now.into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("grants"))? >= MAXIMUM_GRANTS {
        return Err(Error::Conflict("there are as many open grants as an organization can have: revoke some first"));
    }
    let fields = [
        ("id", id.into()),
        ("organization_id", caller.organization().into()),
        ("permissions", new.scope.permission_words().into()),
        ("objects", new.scope.object_words().into()),
        ("reason", sealed.into()),
        ("granted_by", caller.user().into()),
        ("created_at", now.into()),
        ("expires_at", expires_at.into()),
        ("revoked_at", storage::Value::Null),
    ];
    change.insert(&SUPPORT_GRANT, &fields).await?;
    let facts = vec![
        ("permissions", new.scope.permission_words()),
        ("objects", new.scope.object_words()),
        ("hours", new.hours.to_string()),
    ];
    change.commit_with_personal("support_grant", Some(id), facts, vec![("reason", reason.clone())]).await?;
    Ok(Grant {
        id,
        scope: new.scope.clone(),
        reason,
        granted_by: caller.user(),
        created_at: now,
        expires_at,
        revoked_at: None,
    })
}

/// The organization's grants by age, those that are over too, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<Grant>> {
    let arguments = [caller.organization().into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&GRANTS_OF_ORGANIZATION, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().map(|row| read(row, &keyring)).collect()
}

/// Ends a grant and everybody who looks by it, at once. `false` when there is no good one with this id.
pub async fn revoke(platform: &Platform, caller: &Caller, id: Uuid) -> Result<bool> {
    let mut change = caller.change(platform, "support.revoke").await?;
    let Some(ended) = revoke_within(&mut change, caller, id).await? else { return Ok(false) };
    change.commit("support_grant", Some(id), vec![("sessions_ended", ended.to_string())]).await?;
    Ok(true)
}

/// The same within a change that says why; how many sessions ended, or nothing when the grant is over already.
pub(crate) async fn revoke_within(change: &mut Change, caller: &Caller, id: Uuid) -> Result<Option<u64>> {
    let arguments = [caller.organization().into(), id.into(), change.platform().now().into()];
    if change.execute(&GRANT_REVOKE, &arguments).await? == 0 {
        return Ok(None);
    }
    Ok(Some(change.execute(&SESSIONS_END_OF_GRANT, &arguments).await?))
}

/// Who looks into this organization at this moment.
pub async fn looking(platform: &Platform, organization: OrganizationId) -> Result<Vec<Looking>> {
    let arguments = [organization.into(), platform.now().into()];
    let rows = platform.database.installation().query(&SESSIONS_LOOKING, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter()
        .map(|row| {
            let session = row.uuid("id")?;
            let name = Field::new(&SUPPORT_SESSION, "operator_name", session);
            Ok(Looking {
                session,
                grant: row.uuid("grant_id")?,
                operator: row.uuid("operator_id")?,
                operator_name: keyring.open_text(name, &row.bytes("operator_name")?)?,
                since: row.timestamp("created_at")?,
                until: row.timestamp("expires_at")?,
            })
        })
        .collect()
}

/// Every grant that still holds, of all organizations, for the operators' own pages; from after the given one.
pub async fn open_grants(platform: &Platform, after: Option<Uuid>, limit: i64) -> Result<Vec<OpenGrant>> {
    let arguments = [platform.now().into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&GRANTS_OPEN, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter()
        .map(|row| {
            Ok(OpenGrant {
                grant: read(row, &keyring)?,
                organization: OrganizationId(row.uuid("organization_id")?),
                organization_name: row.text("organization_name")?,
                organization_is_active: row.text("organization_state")? == "active",
            })
        })
        .collect()
}

/// Opens a support session by a grant, and writes it into the organization's log with operator and grant. Gives the token
/// and whose door it opens; nothing when the grant does not hold (any more).
pub async fn open(platform: &Platform, operator: Operator<'_>, grant: Uuid) -> Result<Option<(String, OpenGrant)>> {
    let Some(found) = find_open(platform, grant).await? else { return Ok(None) };
    let (id, now) = (platform.identifiers.next(), platform.now());
    let until = now.plus_seconds(SESSION_SECONDS).min(found.grant.expires_at).min(operator.until);
    if until <= now {
        return Ok(None);
    }
    let secret = format!("{TOKEN_PREFIX}{}", Secret::generate(platform.entropy.as_ref()).reveal());
    let name = Field::new(&SUPPORT_SESSION, "operator_name", id);
    let caller = support_caller(Found {
        session: id,
        grant,
        operator: operator.id,
        operator_name: operator.name.to_owned(),
        organization: found.organization,
        organization_name: found.organization_name.clone(),
        scope: found.grant.scope.clone(),
        address: operator.address,
    });
    let mut change = caller.begin(platform, "support.open").await?;
    let fields = [
        ("id", id.into()),
        ("organization_id", found.organization.into()),
        ("grant_id", grant.into()),
        ("operator_id", operator.id.into()),
        ("operator_name", platform.vault.installation_keyring().seal_text(name, operator.name)?.into()),
        ("token_hash", token::hash(&secret).into()),
        ("created_at", now.into()),
        ("expires_at", until.into()),
        ("ended_at", storage::Value::Null),
    ];
    change.insert(&SUPPORT_SESSION, &fields).await?;
    let facts = vec![("until", until.seconds().to_string())];
    let personal = vec![("operator", operator.name.to_owned())];
    change.commit_with_personal("support_session", Some(id), facts, personal).await?;
    Ok(Some((secret, found)))
}

async fn find_open(platform: &Platform, grant: Uuid) -> Result<Option<OpenGrant>> {
    // Identifiers are in order of time, so the page that begins just before this one begins with it.
    let before = Uuid::from_u128(grant.as_u128().saturating_sub(1));
    let mut page = open_grants(platform, Some(before), 1).await?;
    Ok(page.pop().filter(|found| found.grant.id == grant && found.organization_is_active))
}

/// Ends a support session of the caller's organization, whether a member asks or the operator; `false` when it is over.
pub async fn end_session(platform: &Platform, caller: &Caller, session: Uuid) -> Result<bool> {
    let mut change = caller.begin(platform, "support.end").await?;
    let arguments = [caller.organization().into(), session.into(), platform.now().into()];
    if change.execute(&SESSION_END, &arguments).await? == 0 {
        return Ok(false);
    }
    change.commit("support_session", Some(session), Vec::new()).await?;
    Ok(true)
}

/// Ends everything that an operator looks at, within the change that takes their standing away.
pub async fn end_sessions_of(transaction: &mut Transaction, operator: Uuid, now: Timestamp) -> Result<u64> {
    Ok(transaction.execute(&SESSIONS_END_OF_OPERATOR, &[operator.into(), now.into()]).await?)
}

/// The caller of a presented support token, when session, grant and organization are all good.
pub(crate) async fn by_token(platform: &Platform, text: &str, address: Option<IpAddr>) -> Result<Option<Caller>> {
    if text.len() != TOKEN_PREFIX.len() + token::SECRET_TEXT_LENGTH {
        return Ok(None);
    }
    let hash = token::hash(text);
    let rows = platform.database.installation().query(&SESSION_BY_TOKEN, &[hash.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !is_good(row, platform.now())? {
        return Ok(None);
    }
    let session = row.uuid("id")?;
    let scope = Scope::parse(&row.text("permissions")?, &row.text("objects")?);
    let name = Field::new(&SUPPORT_SESSION, "operator_name", session);
    Ok(Some(support_caller(Found {
        session,
        grant: row.uuid("grant_id")?,
        operator: row.uuid("operator_id")?,
        operator_name: platform.vault.installation_keyring().open_text(name, &row.bytes("operator_name")?)?,
        organization: OrganizationId(row.uuid("organization_id")?),
        organization_name: row.text("organization_name")?,
        scope: scope.ok_or_else(|| unknown_word("objects"))?,
        address,
    })))
}

/// Are session, grant and organization of this row good now?
fn is_good(row: &Row, now: Timestamp) -> storage::Result<bool> {
    let ended = row.optional_timestamp("ended_at")?.is_some();
    let revoked = row.optional_timestamp("revoked_at")?.is_some();
    let over = now >= row.timestamp("expires_at")? || now >= row.timestamp("grant_expires_at")?;
    Ok(!ended && !revoked && !over && row.text("organization_state")? == "active")
}

struct Found {
    session: Uuid,
    grant: Uuid,
    operator: Uuid,
    operator_name: String,
    organization: OrganizationId,
    organization_name: String,
    scope: Scope,
    address: Option<IpAddr>,
}

fn support_caller(found: Found) -> Caller {
    Caller::new(Facts {
        organization: found.organization,
        organization_name: found.organization_name,
        actor: Actor { kind: ActorKind::Operator, id: Some(found.operator), address: found.address },
        credential: Credential::Support { session: found.session, grant: found.grant },
        standing: None,
        provisions: false,
        support: Some(found.scope),
        user: None,
        signed_in: None,
        display_name: found.operator_name,
        environment: Environment::Live,
        entries: AtomicU32::new(0),
    })
}

fn read(row: &Row, keyring: &Keyring) -> Result<Grant> {
    let id = row.uuid("id")?;
    let scope = Scope::parse(&row.text("permissions")?, &row.text("objects")?);
    Ok(Grant {
        id,
        scope: scope.ok_or_else(|| unknown_word("objects"))?,
        reason: keyring.open_text(Field::new(&SUPPORT_GRANT, "reason", id), &row.bytes("reason")?)?,
        granted_by: row.optional_uuid("granted_by")?,
        created_at: row.timestamp("created_at")?,
        expires_at: row.timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
    })
}
