//! Signed-in browsers: a random token in a cookie, its hash in the database, two limits, and a list to revoke from.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use storage::{OrganizationId, Timestamp, Transaction};
use uuid::Uuid;
use vault::Field;

use crate::assurance::{self, Factor, INCOMPLETE_SECONDS};
use crate::store::{
    SESSION, SESSION_DELETE, SESSION_STRENGTHEN, SESSIONS_DELETE_BEYOND, SESSIONS_DELETE_OTHERS, SESSIONS_OF_USER,
    SESSIONS_SWEEP, TOKENS_SWEEP,
};
use crate::token::Secret;
use crate::{Caller, Change, Credential, Platform, Result, SignedIn};

/// Signed out after so long without a request (NIST SP 800-63B-4, AAL2: at most one hour).
pub const IDLE_SECONDS: i64 = 60 * 60;
/// Signed out after so long in any case (AAL2 asks for at most 24 hours).
pub const ABSOLUTE_SECONDS: i64 = 12 * 60 * 60;
/// Sessions of one person at a time; beyond it the one unused for longest ends.
pub const MAXIMUM_PER_USER: i64 = 20;
const MAXIMUM_AGENT_LENGTH: usize = 200;

/// The browser as it presented itself. Personal, so sealed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Device {
    /// The address of the first request.
    pub address: Option<IpAddr>,
    /// The User-Agent field, cut to 200 characters.
    pub agent: String,
}

storage::debug_shows!(struct Device { agent });

impl Device {
    /// A device from what the request says.
    pub fn new(address: Option<IpAddr>, agent: &str) -> Self {
        let agent = agent.chars().filter(|letter| !letter.is_control()).take(MAXIMUM_AGENT_LENGTH).collect();
        Self { address, agent }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its row.
    pub id: Uuid,
    /// The browser that signed in.
    pub device: Device,
    /// When it signed in.
    pub created_at: Timestamp,
    /// The last request, to the minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Whether this very request uses it.
    pub is_current: bool,
}

/// Is a session with these times still good?
pub(crate) fn lives(created_at: Timestamp, seen_at: Timestamp, now: Timestamp) -> bool {
    now < created_at.plus_seconds(ABSOLUTE_SECONDS) && now < seen_at.plus_seconds(IDLE_SECONDS)
}

/// One that lacks its second factor is given less time.
pub(crate) fn lives_incomplete(signed_in: &SignedIn, now: Timestamp) -> bool {
    signed_in.outstanding.is_none() || now < signed_in.authenticated_at.plus_seconds(INCOMPLETE_SECONDS)
}

/// Opens a session within a transaction and returns the token for the cookie.
pub(crate) async fn open(
    transaction: &mut Transaction,
    platform: &Platform,
    organization: OrganizationId,
    user: Uuid,
    device: &Device,
    factors: &[Factor],
) -> Result<Secret> {
    let (id, now) = (platform.identifiers.next(), platform.now());
    let token = Secret::generate(platform.entropy.as_ref());
    let device = serde_json::to_vec(device).unwrap_or_default();
    let keyring = platform.vault.installation_keyring();
    let device = keyring.seal(Field::new(&SESSION, "device", id), &device)?;
    transaction
        .insert(
            &SESSION,
            &[
                ("id", id.into()),
                ("organization_id", organization.into()),
                ("user_id", user.into()),
                ("token_hash", token.hash().into()),
                ("device", device.into()),
                ("factors", assurance::to_text(factors).into()),
                ("authenticated_at", now.into()),
                ("created_at", now.into()),
                ("seen_at", now.into()),
            ],
        )
        .await?;
    transaction.execute(&SESSIONS_DELETE_BEYOND, &[user.into(), MAXIMUM_PER_USER.into()]).await?;
    Ok(token)
}

/// The caller has shown another factor: it is added to the session, which gets a new token (whoever held the old one is
/// out) and counts as fresh. `None` when the caller is no session, or it has ended meanwhile.
pub async fn strengthen(change: &mut Change, platform: &Platform, factor: Factor) -> Result<Option<Secret>> {
    let caller = change.caller().clone();
    let (Some(user), Credential::Session(id), Some(signed_in)) =
        (caller.user(), caller.credential(), caller.signed_in())
    else {
        return Ok(None);
    };
    let mut factors = signed_in.factors.clone();
    if !factors.contains(&factor) {
        factors.push(factor);
    }
    let token = Secret::generate(platform.entropy.as_ref());
    let arguments =
        [user.into(), id.into(), token.hash().into(), assurance::to_text(&factors).into(), platform.now().into()];
    let changed = change.execute(&SESSION_STRENGTHEN, &arguments).await?;
    Ok((changed == 1).then_some(token))
}

/// The caller's own sessions in this organization, the one used last first.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<Session>> {
    let Some(user) = caller.user() else { return Ok(Vec::new()) };
    let now = platform.now();
    let (oldest, idle) = (now.plus_seconds(-ABSOLUTE_SECONDS), now.plus_seconds(-IDLE_SECONDS));
    let arguments = [caller.organization().into(), user.into(), oldest.into(), idle.into(), MAXIMUM_PER_USER.into()];
    let rows = platform.database.installation().query(&SESSIONS_OF_USER, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    let mut sessions = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, created_at, seen_at) = (row.uuid("id")?, row.timestamp("created_at")?, row.timestamp("seen_at")?);
        let device = keyring.open(Field::new(&SESSION, "device", id), &row.bytes("device")?)?;
        let expires_at = created_at.plus_seconds(ABSOLUTE_SECONDS).min(seen_at.plus_seconds(IDLE_SECONDS));
        sessions.push(Session {
            id,
            device: serde_json::from_slice(&device).unwrap_or_default(),
            created_at,
            seen_at,
            expires_at,
            is_current: caller.credential() == Credential::Session(id),
        });
    }
    Ok(sessions)
}

/// How many other browsers the caller's person is signed in with here.
pub async fn count_others(platform: &Platform, caller: &Caller) -> Result<usize> {
    Ok(list(platform, caller).await?.iter().filter(|session| !session.is_current).count())
}

/// Ends one of the caller's own sessions; `false` when there is none with this id.
pub async fn revoke(platform: &Platform, caller: &Caller, id: Uuid) -> Result<bool> {
    let Some(user) = caller.user() else { return Ok(false) };
    let mut change = caller.change(platform, "session.revoke").await?;
    let arguments = [caller.organization().into(), user.into(), id.into()];
    if change.execute(&SESSION_DELETE, &arguments).await? == 0 {
        return Ok(false);
    }
    change.commit("session", Some(id), Vec::new()).await?;
    Ok(true)
}

/// Ends every session of the caller's person but this one, in every organization, within a change that says why.
pub async fn end_others(change: &mut Change) -> Result<u64> {
    let (Some(user), Credential::Session(current)) = (change.caller().user(), change.caller().credential()) else {
        return Ok(0);
    };
    Ok(change.execute(&SESSIONS_DELETE_OTHERS, &[user.into(), current.into()]).await?)
}

/// Ends every session of the caller's person but this one, in every organization; says how many.
pub async fn revoke_others(platform: &Platform, caller: &Caller) -> Result<u64> {
    if !matches!(caller.credential(), Credential::Session(_)) {
        return Ok(0);
    }
    let mut change = caller.change(platform, "session.revoke_others").await?;
    let ended = end_others(&mut change).await?;
    change.commit("session", None, vec![("ended", ended.to_string())]).await?;
    Ok(ended)
}

/// Signs the caller's browser out.
pub async fn sign_out(platform: &Platform, caller: &Caller) -> Result<()> {
    let (Some(user), Credential::Session(id)) = (caller.user(), caller.credential()) else { return Ok(()) };
    let mut change = caller.change(platform, "session.end").await?;
    change.execute(&SESSION_DELETE, &[caller.organization().into(), user.into(), id.into()]).await?;
    change.commit("session", Some(id), Vec::new()).await
}

/// Deletes what has expired: sessions and one-time tokens. Called on a timer; the limits hold without it.
pub async fn sweep(platform: &Platform) -> Result<()> {
    let now = platform.now();
    let mut transaction = platform.database.installation().begin().await?;
    let limits = [now.plus_seconds(-ABSOLUTE_SECONDS).into(), now.plus_seconds(-IDLE_SECONDS).into()];
    transaction.execute(&SESSIONS_SWEEP, &limits).await?;
    transaction.execute(&TOKENS_SWEEP, &[now.into()]).await?;
    transaction.commit().await?;
    Ok(())
}
