//! Keys of programs: shown once, stored as a hash, with a name, a world, a role and an end.

use storage::{Row, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::store::{self, API_KEY, KEY_OF_ORGANIZATION, KEY_REVOKE, KEYS_COUNT, KEYS_OF_ORGANIZATION, unknown_word};
use crate::token::KeyText;
use crate::{Caller, Environment, Error, Platform, Result, Role, user};

/// Keys of one organization that are good at a time.
pub const MAXIMUM_KEYS: i64 = 200;
/// Longest life that can be asked for, in days.
pub const MAXIMUM_LIFE_DAYS: i64 = 3660;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// What the key is for, in the organization's words.
    pub name: &'a str,
    /// Live or test.
    pub environment: Environment,
    /// What it may do; never more than its maker.
    pub role: Role,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
}

/// A key as it is listed. The secret is not among it: it is nowhere.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its row, also the middle part of the key.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Live or test.
    pub environment: Environment,
    /// What it may do.
    pub role: Role,
    /// The person who made it; none when the machine's own command line did.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// When somebody stopped it.
    pub revoked_at: Option<Timestamp>,
    /// The last request, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Makes a key. The text is returned this once.
pub async fn create(platform: &Platform, caller: &Caller, new: &NewKey<'_>) -> Result<(ApiKey, KeyText)> {
    let name = user::name("name", new.name)?;
    let now = platform.now();
    if caller.role().is_some_and(|own| !own.may_grant(new.role)) {
        return Err(Error::BeyondOwnRole);
    }
    if let Some(expires_at) = new.expires_at
        && (expires_at <= now || expires_at > now.plus_seconds(MAXIMUM_LIFE_DAYS * 86_400))
    {
        return Err(Error::invalid("expires_at", "Give a time after now and within ten years."));
    }
    let id = platform.identifiers.next();
    let text = KeyText::generate(new.environment, id, platform.entropy.as_ref());
    let sealed_name = platform.vault.installation_keyring().seal_text(Field::new(&API_KEY, "name", id), &name)?;
    let mut change = caller.change(platform, "key.create").await?;
    let counted = change.query(&KEYS_COUNT, &[caller.organization().into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("keys"))? >= MAXIMUM_KEYS {
        return Err(Error::invalid("name", format!("There are {MAXIMUM_KEYS} keys already; revoke some first.")));
    }
    let fields = [
        ("id", id.into()),
        ("organization_id", caller.organization().into()),
        ("name", sealed_name.into()),
        ("key_hash", text.hash().into()),
        ("environment", new.environment.as_str().into()),
        ("role", new.role.as_str().into()),
        ("created_by", caller.user().into()),
        ("created_at", now.into()),
        ("expires_at", new.expires_at.into()),
        ("revoked_at", storage::Value::Null),
        ("used_at", storage::Value::Null),
    ];
    change.insert(&API_KEY, &fields).await?;
    let facts = vec![("role", new.role.as_str().to_owned()), ("environment", new.environment.as_str().to_owned())];
    change.commit("api_key", Some(id), facts).await?;
    let key = ApiKey {
        id,
        name,
        environment: new.environment,
        role: new.role,
        created_by: caller.user(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        used_at: None,
    };
    Ok((key, text))
}

/// The organization's keys by age, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<ApiKey>> {
    let arguments = [caller.organization().into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&KEYS_OF_ORGANIZATION, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().map(|row| read(row, &keyring)).collect()
}

/// One key of the organization.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Option<ApiKey>> {
    let arguments = [caller.organization().into(), id.into()];
    let rows = platform.database.installation().query(&KEY_OF_ORGANIZATION, &arguments).await?;
    rows.first().map(|row| read(row, &platform.vault.installation_keyring())).transpose()
}

/// Stops a key at once, or at `at` (a time of overlap for rotation). `false` when there is no good key with this id.
pub async fn revoke(platform: &Platform, caller: &Caller, id: Uuid, at: Option<Timestamp>) -> Result<bool> {
    let now = platform.now();
    let at = at.map_or(now, |at| at.max(now));
    let mut change = caller.change(platform, "key.revoke").await?;
    let arguments = [caller.organization().into(), id.into(), at.into()];
    if change.execute(&KEY_REVOKE, &arguments).await? == 0 {
        return Ok(false);
    }
    change.commit("api_key", Some(id), vec![("at", at.seconds().to_string())]).await?;
    Ok(true)
}

fn read(row: &Row, keyring: &Keyring) -> Result<ApiKey> {
    let id = row.uuid("id")?;
    Ok(ApiKey {
        id,
        name: keyring.open_text(Field::new(&API_KEY, "name", id), &row.bytes("name")?)?,
        environment: Environment::parse(&row.text("environment")?).ok_or_else(|| unknown_word("environment"))?,
        role: store::word(row, "role", Role::parse)?,
        created_by: row.optional_uuid("created_by")?,
        created_at: row.timestamp("created_at")?,
        expires_at: row.optional_timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
        used_at: row.optional_timestamp("used_at")?,
    })
}
