//! From presented credentials to a [`Caller`]. Membership, role and state are read at every request, so that whoever is
//! stopped is stopped at once; nothing is trusted because it was true before.

use std::net::IpAddr;
use std::sync::atomic::AtomicU32;

use audit::{Actor, ActorKind};
use storage::{OrganizationId, Row, Timestamp, Transaction};
use vault::Field;

use crate::api_key::KeyRole;
use crate::assurance;
use crate::caller::Facts;
use crate::session;
use crate::store::{
    self, API_KEY, KEY_BY_ID, KEY_SEEN, ORGANIZATION_LOCK, SESSION_BY_ID, SESSION_BY_TOKEN, SESSION_SEEN, USER_ACCOUNT,
};
use crate::support;
use crate::token::{self, Environment, KeyText};
use crate::{Caller, Credential, Error, MembershipState, Platform, Result, Role, SignedIn, place};

/// A credential's last use is written down at most this often.
const SECONDS_BETWEEN_SEEN: i64 = 60;
/// Longest credential that is looked at.
const MAXIMUM_CREDENTIAL_LENGTH: usize = 256;

/// What a request brings along.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// What stands behind `Authorization: Bearer`.
    pub bearer: Option<&'a str>,
    /// The session cookie's value.
    pub session: Option<&'a str>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// How the sender names itself (`User-Agent`).
    pub agent: Option<&'a str>,
}

/// Makes callers from credentials; nothing else does.
#[derive(Clone)]
pub struct Authenticator {
    platform: Platform,
}

impl Authenticator {
    /// An authenticator on this platform.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }

    /// Who this is, or nobody. A bearer key that is wrong is not made good by a cookie beside it.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>> {
        match (presented.bearer, presented.session) {
            (Some(text), _) | (None, Some(text)) if text.starts_with(support::TOKEN_PREFIX) => {
                support::by_token(&self.platform, text, presented.address).await
            }
            (Some(key), _) => self.by_key(key, presented.address).await,
            (None, Some(session)) => self.by_session(session, presented).await,
            (None, None) => Ok(None),
        }
    }

    /// What this caller is here now, or nothing when it may no longer come in. For streams that outlive the request which
    /// opened them; it does not count as a sign of life. A channel has no role, so it has no standing either.
    pub async fn standing(&self, caller: &Caller) -> Result<Option<Role>> {
        let (statement, id) = match caller.credential() {
            Credential::Channel | Credential::Support { .. } => return Ok(None),
            Credential::ApiKey(id) => (&KEY_BY_ID, id),
            Credential::Session(id) => (&SESSION_BY_ID, id),
        };
        let rows = self.platform.database.installation().query(statement, &[id.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let now = self.platform.now();
        let good = match caller.credential() {
            Credential::Session(_) => session_is_good(row, now)?,
            _ => key_is_good(row, now)?,
        };
        match caller.credential() {
            _ if !good => Ok(None),
            // The key of a directory has no role of its own: nothing that lasts longer than a request is open to it.
            Credential::ApiKey(_) => Ok(match key_role(row)? {
                KeyRole::Of(role) => Some(role),
                KeyRole::Provisioning => None,
            }),
            _ => Ok(Some(store::word(row, "role", Role::parse)?)),
        }
    }

    async fn by_key(&self, text: &str, address: Option<IpAddr>) -> Result<Option<Caller>> {
        let Some(key) = Some(text).filter(|text| text.len() <= MAXIMUM_CREDENTIAL_LENGTH).and_then(KeyText::parse)
        else {
            return Ok(None);
        };
        let now = self.platform.now();
        let rows = self.platform.database.installation().query(&KEY_BY_ID, &[key.id.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let same = token::same(&row.bytes("key_hash")?, &key.hash());
        if !same || row.text("environment")? != key.environment.as_str() || !key_is_good(row, now)? {
            return Ok(None);
        }
        self.write_seen(row.optional_timestamp("used_at")?, now, &KEY_SEEN, key.id).await?;
        let role = key_role(row)?;
        let keyring = self.platform.vault.installation_keyring();
        Ok(Some(Caller::new(Facts {
            organization: OrganizationId(row.uuid("organization_id")?),
            organization_name: row.text("organization_name")?,
            actor: Actor { kind: ActorKind::ApiKey, id: Some(key.id), address },
            credential: Credential::ApiKey(key.id),
            standing: Some((role.reach(), MembershipState::Active)),
            provisions: role == KeyRole::Provisioning,
            support: None,
            user: None,
            signed_in: None,
            display_name: keyring.open_text(Field::new(&API_KEY, "name", key.id), &row.bytes("name")?)?,
            environment: key.environment,
            entries: AtomicU32::new(0),
        })))
    }

    async fn by_session(&self, text: &str, presented: Presented<'_>) -> Result<Option<Caller>> {
        if text.len() != token::SECRET_TEXT_LENGTH {
            return Ok(None);
        }
        let now = self.platform.now();
        let hash = token::hash(text);
        let rows = self.platform.database.installation().query(&SESSION_BY_TOKEN, &[hash.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let signed_in = signed_in(row)?;
        if !session_is_good(row, now)? || !session::lives_incomplete(&signed_in, now) {
            return Ok(None);
        }
        let (session, user) = (row.uuid("session_id")?, row.uuid("user_id")?);
        self.write_seen(Some(row.timestamp("seen_at")?), now, &SESSION_SEEN, session).await?;
        let keyring = self.platform.vault.installation_keyring();
        let caller = Caller::new(Facts {
            organization: OrganizationId(row.uuid("organization_id")?),
            organization_name: row.text("organization_name")?,
            actor: Actor { kind: ActorKind::User, id: Some(user), address: presented.address },
            credential: Credential::Session(session),
            standing: Some((store::word(row, "role", Role::parse)?, MembershipState::Active)),
            provisions: false,
            support: None,
            user: Some(user),
            signed_in: Some(signed_in),
            display_name: keyring.open_text(Field::new(&USER_ACCOUNT, "name", user), &row.bytes("user_name")?)?,
            environment: Environment::Live,
            entries: AtomicU32::new(0),
        });
        place::look(&self.platform, &caller, session, presented.agent.unwrap_or_default()).await?;
        Ok(Some(caller))
    }

    async fn write_seen(
        &self,
        last: Option<Timestamp>,
        now: Timestamp,
        statement: &'static storage::Statement,
        id: uuid::Uuid,
    ) -> Result<()> {
        if last.is_some_and(|last| now < last.plus_seconds(SECONDS_BETWEEN_SEEN)) {
            return Ok(());
        }
        let mut transaction = self.platform.database.installation().begin().await?;
        transaction.execute(statement, &[id.into(), now.into()]).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Refuses a caller that was stopped, or whose role became another one, since its request came in. Changes by people and keys of one
/// organization wait for each other from here on, so nothing can be stopped between this look and the commit. What ends by the
/// clock was looked at when the request came in.
///
/// # Errors
/// [`Error::Stopped`].
pub(crate) async fn still_stands(transaction: &mut Transaction, caller: &Caller, now: Timestamp) -> Result<()> {
    let (statement, id) = match caller.credential() {
        // A channel has no standing, and support changes nothing.
        Credential::Channel | Credential::Support { .. } => return Ok(()),
        Credential::ApiKey(id) => (&KEY_BY_ID, id),
        Credential::Session(id) => (&SESSION_BY_ID, id),
    };
    transaction.query(&ORGANIZATION_LOCK, &[caller.organization().into()]).await?;
    let rows = transaction.query(statement, &[id.into()]).await?;
    let row = rows.first().ok_or(Error::Stopped)?;
    let (good, role) = match caller.credential() {
        Credential::Session(_) => (is_member(row)?, store::word(row, "role", Role::parse)?),
        _ => (!is_revoked(row, now)? && owner_is_active(row)?, key_role(row)?.reach()),
    };
    let same = OrganizationId(row.uuid("organization_id")?) == caller.organization() && caller.role() == Some(role);
    if good && same && organization_is_active(row)? { Ok(()) } else { Err(Error::Stopped) }
}

/// Owners and Admins need two factors, and everybody where the organization says so.
fn signed_in(row: &Row) -> storage::Result<SignedIn> {
    let factors = assurance::from_text(&row.text("factors")?);
    let has_second_factor = row.integer("second_factors")? > 0;
    let by_role = matches!(store::word(row, "role", Role::parse)?, Role::Owner | Role::Admin);
    let is_demanded = by_role || row.integer("demands")? > 0;
    Ok(SignedIn::new(factors, row.timestamp("authenticated_at")?, has_second_factor, is_demanded))
}

fn organization_is_active(row: &Row) -> storage::Result<bool> {
    Ok(row.text("organization_state")? == "active")
}

fn key_is_good(row: &Row, now: Timestamp) -> storage::Result<bool> {
    let expired = row.optional_timestamp("expires_at")?.is_some_and(|expires_at| now >= expires_at);
    Ok(!expired && !is_revoked(row, now)? && organization_is_active(row)? && owner_is_active(row)?)
}

fn is_revoked(row: &Row, now: Timestamp) -> storage::Result<bool> {
    Ok(row.optional_timestamp("revoked_at")?.is_some_and(|revoked_at| now >= revoked_at))
}

/// A key ends with the membership of the person who answers for it. One without such a person is the machine's own.
fn owner_is_active(row: &Row) -> storage::Result<bool> {
    if row.optional_uuid("created_by")?.is_none() {
        return Ok(true);
    }
    let state = row.optional_text("owner_state")?;
    let active = state.as_deref().and_then(MembershipState::parse) == Some(MembershipState::Active);
    // Only an Owner answers for the key of a directory.
    let may_answer = match store::word(row, "role", KeyRole::parse)? {
        KeyRole::Of(_) => true,
        KeyRole::Provisioning => owner_role(row)? == Some(Role::Owner),
    };
    Ok(active && may_answer)
}

fn owner_role(row: &Row) -> storage::Result<Option<Role>> {
    Ok(row.optional_text("owner_role")?.as_deref().and_then(Role::parse))
}

/// What a key may do now: its own role, or that of its owner when that has become the smaller one.
fn key_role(row: &Row) -> storage::Result<KeyRole> {
    match store::word(row, "role", KeyRole::parse)? {
        KeyRole::Of(own) => Ok(KeyRole::Of(owner_role(row)?.filter(|owner| !owner.may_grant(own)).unwrap_or(own))),
        KeyRole::Provisioning => Ok(KeyRole::Provisioning),
    }
}

fn session_is_good(row: &Row, now: Timestamp) -> storage::Result<bool> {
    let lives = session::lives(row.timestamp("created_at")?, row.timestamp("seen_at")?, now);
    Ok(lives && is_member(row)? && organization_is_active(row)?)
}

fn is_member(row: &Row) -> storage::Result<bool> {
    Ok(store::word(row, "state", MembershipState::parse)? == MembershipState::Active)
}
