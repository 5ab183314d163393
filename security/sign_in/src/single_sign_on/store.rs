//! Settings of organizations, and sign-ins that have been begun and not ended.

use identity::session::Device;
use identity::token::{self, Secret};
use identity::{Caller, Error, Platform, Role, SINGLE_SIGN_ON, provider_session};
use serde::{Deserialize, Serialize};
use storage::{Column, Erasure, OrganizationId, Owner, Retention, Row, SealedWith, Statement, Table, Timestamp, Value};
use uuid::Uuid;
use vault::Field;
use zeroize::Zeroizing;

use super::ATTEMPT_SECONDS;
use super::settings::{self, Settings};
use crate::Result;

/// Sign-ins that were begun here and are being answered at a provider.
pub static SINGLE_SIGN_ON_ATTEMPT: Table = Table {
    name: "single_sign_on_attempt",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // SHA-256 of the `state` that the provider gives back.
        Column::bytes("state_hash"),
        // SHA-256 of what the browser keeps meanwhile.
        Column::bytes("browser_hash"),
        // Whoever is signed in and confirms or connects.
        Column::uuid("user_id").nullable(),
        // The nonce, the verifier of the code, and where to go afterwards.
        Column::sealed("secrets", SealedWith::Installation),
        Column::time("expires_at"),
    ],
    references: &[],
    unique: &[&["state_hash"]],
    indexes: &[&["expires_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

const fn statement(label: &'static str, sql: &'static str) -> Statement {
    Statement::installation(label, sql)
}

const ATTEMPTS_SWEEP: Statement =
    statement("sign_in.single_sign_on_attempts_sweep", "delete from single_sign_on_attempt where expires_at <= $1");
const ATTEMPT: Statement = statement(
    "sign_in.single_sign_on_attempt",
    "select id, user_id, secrets, expires_at from single_sign_on_attempt \
     where organization_id = $1 and state_hash = $2 and browser_hash = $3 and expires_at > $4",
);
const ATTEMPT_END: Statement =
    statement("sign_in.single_sign_on_attempt_end", "delete from single_sign_on_attempt where id = $1");

/// Every statement of this file.
pub const STATEMENTS: &[&Statement] = &[&ATTEMPTS_SWEEP, &ATTEMPT, &ATTEMPT_END];

/// What somebody does by way of their provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Sign in.
    SignIn,
    /// Confirm who they are, being signed in.
    Confirm,
    /// Connect the account they are signed in to with who they are at the provider.
    Connect,
}

/// A sign-in that was begun.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// For what.
    pub purpose: Purpose,
    /// The provider that was asked.
    pub issuer: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Shown when the code is redeemed (RFC 7636).
    pub verifier: String,
    /// The page to go to afterwards.
    pub next: String,
    /// Whoever was signed in when it began.
    #[serde(skip)]
    pub user: Option<Uuid>,
    /// When it began.
    #[serde(skip)]
    pub begun_at: Timestamp,
}

/// What a new attempt gives away: one part to the provider, one to the browser.
pub struct Begun {
    /// The `state`.
    pub state: Secret,
    /// What the browser keeps.
    pub browser: Secret,
    /// The rest.
    pub attempt: Attempt,
}

/// Remembers that somebody goes to their provider, and forgets those who never came back.
pub async fn begin(
    platform: &Platform,
    organization: OrganizationId,
    (purpose, user): (Purpose, Option<Uuid>),
    issuer: &str,
    next: &str,
) -> Result<Begun> {
    let (id, now, entropy) = (platform.identifiers.next(), platform.now(), platform.entropy.as_ref());
    let [state, browser, nonce, verifier] = std::array::from_fn(|_| Secret::generate(entropy));
    let attempt = Attempt {
        purpose,
        issuer: issuer.to_owned(),
        nonce: nonce.reveal().to_owned(),
        verifier: verifier.reveal().to_owned(),
        next: next.to_owned(),
        user,
        begun_at: now,
    };
    let secrets = Zeroizing::new(serde_json::to_vec(&attempt).unwrap_or_default());
    let field = Field::new(&SINGLE_SIGN_ON_ATTEMPT, "secrets", id);
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("state_hash", state.hash().into()),
        ("browser_hash", browser.hash().into()),
        ("user_id", user.into()),
        ("secrets", platform.vault.installation_keyring().seal(field, &secrets)?.into()),
        ("expires_at", now.plus_seconds(ATTEMPT_SECONDS).into()),
    ];
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&ATTEMPTS_SWEEP, &[now.into()]).await?;
    transaction.insert(&SINGLE_SIGN_ON_ATTEMPT, &fields).await?;
    transaction.commit().await?;
    Ok(Begun { state, browser, attempt })
}

/// Ends an attempt and gives what it was about; once, to the browser that began it, in time. Somebody else's try ends
/// nothing.
pub async fn take(
    platform: &Platform,
    organization: OrganizationId,
    state: &str,
    browser: &str,
) -> Result<Option<Attempt>> {
    let mut transaction = platform.database.installation().begin().await?;
    let arguments =
        [organization.into(), token::hash(state).into(), token::hash(browser).into(), platform.now().into()];
    let rows = transaction.query(&ATTEMPT, &arguments).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let id = row.uuid("id")?;
    if transaction.execute(&ATTEMPT_END, &[id.into()]).await? != 1 {
        return Ok(None);
    }
    let field = Field::new(&SINGLE_SIGN_ON_ATTEMPT, "secrets", id);
    let secrets = platform.vault.installation_keyring().open(field, &row.bytes("secrets")?)?;
    let (user, expires_at) = (row.optional_uuid("user_id")?, row.timestamp("expires_at")?);
    transaction.commit().await?;
    let Ok(attempt) = serde_json::from_slice::<Attempt>(&secrets) else { return Ok(None) };
    Ok(Some(Attempt { user, begun_at: expires_at.plus_seconds(-ATTEMPT_SECONDS), ..attempt }))
}

/// The settings of an organization, with what only the server needs.
#[derive(Clone)]
pub struct Stored {
    /// Their row.
    pub id: Uuid,
    /// Whose.
    pub organization: OrganizationId,
    /// What was set.
    pub settings: Settings,
    /// What this server shows to the provider.
    pub client_secret: Zeroizing<String>,
    /// Whether the organization is open at all.
    pub organization_is_open: bool,
    /// When it was set last.
    pub changed_at: Timestamp,
}

/// The settings of an organization, if it made any.
pub async fn of(platform: &Platform, organization: OrganizationId) -> Result<Option<Stored>> {
    let row = provider_session::settings_of(platform, organization).await?;
    row.map(|row| read(platform, &row)).transpose()
}

/// The settings that have this short name, if they are switched on and the organization is open.
pub async fn named(platform: &Platform, short_name: &str) -> Result<Option<Stored>> {
    let row = provider_session::settings_named(platform, short_name).await?;
    let stored = row.map(|row| read(platform, &row)).transpose()?;
    Ok(stored.filter(Stored::is_open))
}

impl Stored {
    /// Can anybody sign in by it at the moment?
    pub fn is_open(&self) -> bool {
        self.settings.is_on && self.organization_is_open
    }
}

fn read(platform: &Platform, row: &Row) -> Result<Stored> {
    let id = row.uuid("id")?;
    let field = Field::new(&SINGLE_SIGN_ON, "client_secret", id);
    let secret = platform.vault.installation_keyring().open_text(field, &row.bytes("client_secret")?)?;
    let words = |column: &str| -> storage::Result<Vec<String>> {
        Ok(row.text(column)?.split_whitespace().map(str::to_owned).collect())
    };
    Ok(Stored {
        id,
        organization: OrganizationId(row.uuid("organization_id")?),
        settings: Settings {
            short_name: row.text("short_name")?,
            issuer: row.text("issuer")?,
            client_id: row.text("client_id")?,
            domains: words("domains")?,
            new_member_role: row.optional_text("new_member_role")?.as_deref().and_then(Role::parse),
            is_required: row.boolean("is_required")?,
            two_factor_words: words("two_factor_words")?,
            is_on: row.boolean("is_on")?,
        },
        client_secret: Zeroizing::new(secret),
        organization_is_open: row.text("organization_state")? == "active",
        changed_at: row.timestamp("changed_at")?,
    })
}

/// Writes the settings. Without a new secret the old one stays, but never for another provider or client: it would be shown
/// to them. Sessions that the former provider opened end when it is another one or none; those that began another way end
/// when single sign-on becomes required.
pub async fn save(platform: &Platform, caller: &Caller, settings: &Settings, secret: settings::Secret) -> Result<()> {
    let organization = caller.organization();
    let former = of(platform, organization).await?;
    let is_same =
        |stored: &Stored| stored.settings.issuer == settings.issuer && stored.settings.client_id == settings.client_id;
    let secret = match (secret, &former) {
        (Some(secret), _) => Zeroizing::new(settings::credential("client_secret", &secret)?),
        (None, Some(former)) if is_same(former) => former.client_secret.clone(),
        (None, _) => {
            let reason = "Give the client secret: a new provider or client needs its own.".to_owned();
            return Err(Error::Invalid { field: "client_secret", reason }.into());
        }
    };
    let former_is_over = former.as_ref().is_some_and(|former| !settings.is_on || !is_same(former));
    let mut change = caller.change(platform, "single_sign_on.change").await?;
    provider_session::delete_settings(&mut change).await?;
    let id = platform.identifiers.next();
    let field = Field::new(&SINGLE_SIGN_ON, "client_secret", id);
    let role = settings.new_member_role.map_or(Value::Null, |role| role.as_str().into());
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("short_name", settings.short_name.as_str().into()),
        ("issuer", settings.issuer.as_str().into()),
        ("client_id", settings.client_id.as_str().into()),
        ("client_secret", platform.vault.installation_keyring().seal_text(field, &secret)?.into()),
        ("domains", settings.domains.join(" ").into()),
        ("new_member_role", role),
        ("is_required", settings.is_required.into()),
        ("two_factor_words", settings.two_factor_words.join(" ").into()),
        ("is_on", settings.is_on.into()),
        ("changed_at", platform.now().into()),
    ];
    change.insert(&SINGLE_SIGN_ON, &fields).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => {
            let reason = "Another organization of this server has this short name.".to_owned();
            Error::Invalid { field: "short_name", reason }
        }
        other => other.into(),
    })?;
    let mut ended = if former_is_over { provider_session::end_all(&mut change).await? } else { 0 };
    if settings.is_required {
        ended += provider_session::end_past_provider(&mut change).await?;
    }
    let facts = vec![
        ("issuer", settings.issuer.clone()),
        ("on", settings.is_on.to_string()),
        ("required", settings.is_required.to_string()),
        ("new_member_role", settings.new_member_role.map_or("none", Role::as_str).to_owned()),
        ("domains", settings.domains.join(" ")),
        ("sessions", ended.to_string()),
    ];
    Ok(change.commit("single_sign_on", Some(id), facts).await?)
}

/// Takes the settings away: nobody signs in that way any more, and who did is signed out.
pub async fn remove(platform: &Platform, caller: &Caller) -> Result<()> {
    let mut change = caller.change(platform, "single_sign_on.remove").await?;
    if !provider_session::delete_settings(&mut change).await? {
        return Err(Error::NotFound.into());
    }
    let ended = provider_session::end_all(&mut change).await?;
    Ok(change.commit("single_sign_on", None, vec![("sessions", ended.to_string())]).await?)
}

/// Writes a refusal down where the organization reads it.
pub async fn note_refusal(platform: &Platform, organization: OrganizationId, why: &str, device: &Device) {
    if let Err(error) = provider_session::note_refusal(platform, organization, why, device).await {
        tracing::error!(%error, "a refused single sign-on could not be written down");
    }
}
