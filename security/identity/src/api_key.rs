//! Keys of programs: shown once, stored as a hash, with a name, a world, a role, an end, and a person who answers for them.
//!
//! A key never does more than its owner may at that moment, and ends with its owner's membership. It is replaced by
//! [`rotate`]: the new one is shown once, the old one works for the overlap that was asked for, and then no more.
//!
//! The key of an organization's directory ([`KeyRole::Provisioning`]) is one of a kind: an Owner makes it, it provisions
//! members and does nothing else, and no other key, whatever its role, provisions.

use storage::{Row, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::store::{
    self, API_KEY, KEY_OF_ORGANIZATION, KEY_REVOKE, KEYS_COUNT, KEYS_FOR_PROVISIONING, KEYS_OF_ORGANIZATION,
    unknown_word,
};
use crate::token::KeyText;
use crate::{
    Caller, Change, Credential, Environment, Error, MembershipState, Permission, Platform, Result, Role, allows, user,
};

/// Keys of one organization that are good at a time.
pub const MAXIMUM_KEYS: i64 = 200;
/// Longest life that can be asked for, in days.
pub const MAXIMUM_LIFE_DAYS: i64 = 3660;
const SECONDS_PER_DAY: i64 = 24 * 3600;
/// The longest time that an old key works beside the one that took its place.
pub const MAXIMUM_OVERLAP_SECONDS: i64 = 7 * 86_400;
/// The overlap unless asked otherwise: a working day to put the new key in place.
pub const DEFAULT_OVERLAP_SECONDS: i64 = 86_400;
/// Keys for provisioning of one organization that are good at a time: one for each directory, and those that end beside them.
pub const MAXIMUM_PROVISIONING_KEYS: usize = 5;
/// A key that ends by itself within this time is shown with a warning.
pub const EXPIRY_WARNING_SECONDS: i64 = 14 * 86_400;

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

/// What a key is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// A program that does what a member of this role may.
    Of(Role),
    /// A directory that provisions members, and nothing else.
    Provisioning,
}

impl KeyRole {
    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Of(role) => role.as_str(),
            Self::Provisioning => "provisioning",
        }
    }

    /// The role of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        if word == Self::Provisioning.as_str() { Some(Self::Provisioning) } else { Role::parse(word).map(Self::Of) }
    }

    /// How far up it reaches. The key of a directory as far as an Admin, so that no directory ever touches an Owner; what it may
    /// do at all is one permission.
    pub(crate) const fn reach(self) -> Role {
        match self {
            Self::Of(role) => role,
            Self::Provisioning => Role::Admin,
        }
    }

    /// May a key that works do this?
    pub fn allows(self, permission: Permission) -> bool {
        match self {
            Self::Of(role) => allows(role, MembershipState::Active, permission),
            Self::Provisioning => permission == Permission::MemberProvision,
        }
    }
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
    pub role: KeyRole,
    /// The person who answers for it: who made it, or whose key made it. None when the machine's own command line did.
    pub created_by: Option<Uuid>,
    /// The key whose place it took.
    pub replaces: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// When somebody stopped it; ahead while it still works beside its successor.
    pub revoked_at: Option<Timestamp>,
    /// When somebody reported that it had leaked.
    pub leaked_at: Option<Timestamp>,
    /// The last request, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works, as far as its owner is let in.
    Works,
    /// It works until its own end, which is near.
    ExpiresSoon,
    /// It works until the end of its overlap: another key took its place.
    Ending,
    /// Its time is over.
    Expired,
    /// Somebody stopped it.
    Revoked,
    /// It was reported as leaked, and stopped.
    Leaked,
}

impl State {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::ExpiresSoon => "expires_soon",
            Self::Ending => "ending",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Leaked => "leaked",
        }
    }

    /// Does a key in this state let anybody in?
    pub const fn works(self) -> bool {
        matches!(self, Self::Works | Self::ExpiresSoon | Self::Ending)
    }
}

impl ApiKey {
    /// Where the key stands now.
    pub fn state(&self, now: Timestamp) -> State {
        match (self.revoked_at, self.expires_at) {
            _ if self.leaked_at.is_some() => State::Leaked,
            (Some(end), _) if end <= now => State::Revoked,
            (_, Some(end)) if end <= now => State::Expired,
            (Some(_), _) => State::Ending,
            (None, Some(end)) if end <= now.plus_seconds(EXPIRY_WARNING_SECONDS) => State::ExpiresSoon,
            (None, _) => State::Works,
        }
    }
}

/// The end of a key that is made now for so many days, 1 to [`MAXIMUM_LIFE_DAYS`]: the last second of them.
pub fn expiry_in_days(now: Timestamp, days: i64) -> Timestamp {
    now.plus_seconds(days.clamp(1, MAXIMUM_LIFE_DAYS) * SECONDS_PER_DAY - 1)
}

/// Makes a key. The text is returned this once.
pub async fn create(platform: &Platform, caller: &Caller, new: &NewKey<'_>) -> Result<(ApiKey, KeyText)> {
    make(platform, caller, new, KeyRole::Of(new.role)).await
}

/// Makes the key of a directory, which provisions members and does nothing else; for Owners. Its text is returned this once.
pub async fn create_for_provisioning(
    platform: &Platform,
    caller: &Caller,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<(ApiKey, KeyText)> {
    let new = NewKey { name, environment: Environment::Live, role: Role::Viewer, expires_at };
    make(platform, caller, &new, KeyRole::Provisioning).await
}

/// The keys of directories, the newest first.
pub async fn for_provisioning(platform: &Platform, caller: &Caller) -> Result<Vec<ApiKey>> {
    let rows = platform.database.installation().query(&KEYS_FOR_PROVISIONING, &[caller.organization().into()]).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().map(|row| read(row, &keyring)).collect()
}

async fn make(platform: &Platform, caller: &Caller, new: &NewKey<'_>, role: KeyRole) -> Result<(ApiKey, KeyText)> {
    let name = user::name("name", new.name)?;
    may_hand_out(caller, role)?;
    let now = platform.now();
    if let Some(expires_at) = new.expires_at
        && (expires_at <= now || expires_at > now.plus_seconds(MAXIMUM_LIFE_DAYS * SECONDS_PER_DAY))
    {
        return Err(Error::invalid("expires_at", "Give a time after now and within ten years."));
    }
    let key = ApiKey {
        id: platform.identifiers.next(),
        name,
        environment: new.environment,
        role,
        created_by: owner(platform, caller).await?,
        replaces: None,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        leaked_at: None,
        used_at: None,
    };
    let mut change = caller.change(platform, "key.create").await?;
    let counted = change.query(&KEYS_COUNT, &[caller.organization().into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("keys"))? >= MAXIMUM_KEYS {
        return Err(Error::Conflict("there are as many keys as an organization can have: revoke some first"));
    }
    if role == KeyRole::Provisioning {
        let rows = change.query(&KEYS_FOR_PROVISIONING, &[caller.organization().into()]).await?;
        let keys =
            rows.iter().map(|row| read(row, &platform.vault.installation_keyring())).collect::<Result<Vec<_>>>()?;
        if keys.iter().filter(|key| key.state(now).works()).count() >= MAXIMUM_PROVISIONING_KEYS {
            let reason =
                format!("There are {MAXIMUM_PROVISIONING_KEYS} keys for directories already; revoke some first.");
            return Err(Error::invalid("name", reason));
        }
    }
    let text = insert(&mut change, caller, &key).await?;
    let facts = vec![("role", key.role.as_str().to_owned()), ("environment", key.environment.as_str().to_owned())];
    change.commit("api_key", Some(key.id), facts).await?;
    Ok((key, text))
}

/// Puts a fresh key in the place of another: the same name, world, role and length of life, owned by whoever rotates. The
/// old one works for `overlap_seconds` more (at most [`MAXIMUM_OVERLAP_SECONDS`]) and then no more; with 0 it stops now.
pub async fn rotate(platform: &Platform, caller: &Caller, id: Uuid, overlap_seconds: i64) -> Result<(ApiKey, KeyText)> {
    if !(0..=MAXIMUM_OVERLAP_SECONDS).contains(&overlap_seconds) {
        let reason = format!("The old key works on for 0 to {MAXIMUM_OVERLAP_SECONDS} seconds (7 days).");
        return Err(Error::invalid("overlap_seconds", reason));
    }
    let (owner, now) = (owner(platform, caller).await?, platform.now());
    let mut change = caller.change(platform, "key.rotate").await?;
    let rows = change.query(&KEY_OF_ORGANIZATION, &[caller.organization().into(), id.into()]).await?;
    let old = read(rows.first().ok_or(Error::NotFound)?, &platform.vault.installation_keyring())?;
    may_hand_out(caller, old.role)?;
    if !matches!(old.state(now), State::Works | State::ExpiresSoon) {
        return Err(Error::Conflict("this key has ended, or another took its place already: make a new one"));
    }
    let until = now.plus_seconds(overlap_seconds);
    if change.execute(&KEY_REVOKE, &[caller.organization().into(), id.into(), until.into()]).await? == 0 {
        return Err(Error::Conflict("this key has just been rotated or revoked: look at the list again"));
    }
    let life = old.expires_at.map(|end| end.microseconds_since(old.created_at));
    let key = ApiKey {
        id: platform.identifiers.next(),
        created_by: owner,
        replaces: Some(id),
        created_at: now,
        expires_at: life.map(|life| Timestamp(now.0.saturating_add(life))),
        revoked_at: None,
        leaked_at: None,
        used_at: None,
        ..old
    };
    let text = insert(&mut change, caller, &key).await?;
    let facts = vec![("successor", key.id.to_string()), ("until", until.seconds().to_string())];
    change.commit("api_key", Some(id), facts).await?;
    Ok((key, text))
}

fn may_hand_out(caller: &Caller, role: KeyRole) -> Result<()> {
    let within = |own: Role| match role {
        KeyRole::Of(role) => own.may_grant(role),
        KeyRole::Provisioning => own == Role::Owner,
    };
    if caller.provisions() || caller.role().is_some_and(|own| !within(own)) {
        Err(Error::BeyondOwnRole)
    } else {
        Ok(())
    }
}

/// Who answers for what this caller makes: the person, or the person who answers for the key.
pub async fn owner(platform: &Platform, caller: &Caller) -> Result<Option<Uuid>> {
    match caller.credential() {
        Credential::ApiKey(id) => Ok(get(platform, caller, id).await?.and_then(|key| key.created_by)),
        Credential::Session(_) | Credential::Support { .. } | Credential::Channel => Ok(caller.user()),
    }
}

async fn insert(change: &mut Change, caller: &Caller, key: &ApiKey) -> Result<KeyText> {
    let platform = change.platform();
    let text = KeyText::generate(key.environment, key.id, platform.entropy.as_ref());
    let keyring = platform.vault.installation_keyring();
    let sealed_name = keyring.seal_text(Field::new(&API_KEY, "name", key.id), &key.name)?;
    let fields = [
        ("id", key.id.into()),
        ("organization_id", caller.organization().into()),
        ("name", sealed_name.into()),
        ("key_hash", text.hash().into()),
        ("environment", key.environment.as_str().into()),
        ("role", key.role.as_str().into()),
        ("created_by", key.created_by.into()),
        ("replaces", key.replaces.into()),
        ("created_at", key.created_at.into()),
        ("expires_at", key.expires_at.into()),
    ];
    change.insert(&API_KEY, &fields).await?;
    Ok(text)
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
        role: store::word(row, "role", KeyRole::parse)?,
        created_by: row.optional_uuid("created_by")?,
        replaces: row.optional_uuid("replaces")?,
        created_at: row.timestamp("created_at")?,
        expires_at: row.optional_timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
        leaked_at: row.optional_timestamp("leaked_at")?,
        used_at: row.optional_timestamp("used_at")?,
    })
}
