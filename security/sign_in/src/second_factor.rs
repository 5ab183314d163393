//! Second factors of an account: authenticator apps and backup codes; passkeys have a module of their own.
//!
//! An app counts only after its first code was typed in, in the session that began to set it up and within
//! [`PENDING_SECONDS`]: what one way of signing in began, another does not finish. No step's code is taken twice, a hundred
//! wrong codes in a row stop the app until a backup code or a passkey is shown, and every success gives the session a new token.

pub mod pages;
mod store;

use identity::notice::{self, Kind as Told};
use identity::session;
use identity::token::Secret;
use identity::{BACKUP_CODE, Caller, Change, Credential, Factor, Outstanding, Platform, SECOND_FACTOR, sign_in, user};
use storage::{Timestamp, Transaction, Value};
use uuid::Uuid;
use vault::Field;

pub use store::STATEMENTS;
use store::{
    CODE_USE, CODES_DELETE, CODES_OF_USER, FACTOR_CONFIRM, FACTOR_REMOVE, FACTOR_STEP, FACTORS_DROP_OTHERS,
    FACTORS_DROP_UNCONFIRMED, FACTORS_FAILED, FACTORS_FORGIVE, Stored,
};
pub(crate) use store::{email, of_user as stored};

use crate::single_sign_on::arrival::must_not_rest_on_provider;
use crate::totp::SharedSecret;
use crate::{Error, Result, backup_code, totp};

/// Second factors that one account may have.
pub const MAXIMUM_PER_USER: usize = 10;
/// Wrong codes in a row after which an app is not asked any more (NIST SP 800-63B-4 section 3.2.2 allows 100).
pub const MAXIMUM_FAILURES: i64 = 100;
/// An app that is being set up is forgotten after so long without its first code.
pub const PENDING_SECONDS: i64 = 15 * 60;
/// Longest name of a factor, in characters.
pub const MAXIMUM_NAME_LENGTH: usize = 60;

/// What kind a factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An authenticator app.
    App,
    /// A passkey.
    Passkey,
}

impl Kind {
    /// The word stored and shown in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "totp",
            Self::Passkey => "passkey",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::App, Self::Passkey].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A second factor as its owner sees it.
#[derive(Debug, Clone)]
pub struct SecondFactor {
    /// Its row.
    pub id: Uuid,
    /// App or passkey.
    pub kind: Kind,
    /// What its owner calls it.
    pub name: String,
    /// Since when it counts.
    pub created_at: Timestamp,
    /// When it was shown last.
    pub used_at: Option<Timestamp>,
}

/// A factor that was just added.
pub struct Added {
    /// The session's new token.
    pub token: Secret,
    /// Backup codes, if the account had none; shown this once.
    pub codes: Vec<String>,
}

/// An app that is being set up: what to show.
pub struct Pending {
    pub(crate) id: Uuid,
    pub(crate) secret: SharedSecret,
    pub(crate) account: String,
}

/// The factors that count, the oldest first.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<SecondFactor>> {
    let user = person(caller)?;
    let stored = store::of_user(platform, user).await?;
    Ok(stored.into_iter().filter_map(Stored::into_factor).collect())
}

/// How many backup codes are left.
pub async fn codes_left(platform: &Platform, caller: &Caller) -> Result<usize> {
    Ok(platform.database.installation().query(&CODES_OF_USER, &[person(caller)?.into()]).await?.len())
}

/// Begins to set up an app; whatever was begun before is forgotten.
pub async fn begin_app(platform: &Platform, caller: &Caller) -> Result<()> {
    let user = person(caller)?;
    must_not_rest_on_provider(platform, caller).await?;
    has_room(platform, caller).await?;
    let session = session_of(caller)?;
    let (id, secret) = (platform.identifiers.next(), SharedSecret::generate(platform.entropy.as_ref()));
    let mut change = caller.change(platform, "second_factor.begin").await?;
    change.execute(&FACTORS_DROP_UNCONFIRMED, &[user.into()]).await?;
    let keyring = platform.vault.installation_keyring();
    let fields = [
        ("id", id.into()),
        ("user_id", user.into()),
        ("kind", Kind::App.as_str().into()),
        ("name", keyring.seal_text(Field::new(&SECOND_FACTOR, "name", id), "Authenticator app")?.into()),
        ("secret", keyring.seal(Field::new(&SECOND_FACTOR, "secret", id), secret.as_bytes())?.into()),
        ("credential_hash", Value::Null),
        ("last_step", Value::Null),
        ("failures", 0_i64.into()),
        ("created_at", platform.now().into()),
        ("confirmed_at", Value::Null),
        ("session_id", session.into()),
        ("used_at", Value::Null),
    ];
    change.insert(&SECOND_FACTOR, &fields).await?;
    Ok(change.commit("second_factor", Some(id), Vec::new()).await?)
}

/// The app that this session is setting up, if any.
pub async fn pending_app(platform: &Platform, caller: &Caller) -> Result<Option<Pending>> {
    let (user, session, now) = (person(caller)?, session_of(caller)?, platform.now());
    // It may have become so since the app was begun: the person works elsewhere now.
    must_not_rest_on_provider(platform, caller).await?;
    let stored = store::of_user(platform, user).await?;
    let is_pending = |one: &Stored| {
        let is_open = one.confirmed_at.is_none() && now < one.created_at.plus_seconds(PENDING_SECONDS);
        is_open && one.kind == Kind::App && one.session == Some(session)
    };
    let Some(found) = stored.into_iter().find(is_pending) else { return Ok(None) };
    let Some(secret) = SharedSecret::from_bytes(&found.secret) else { return Ok(None) };
    Ok(Some(Pending { id: found.id, secret, account: store::email(platform, user).await? }))
}

/// The first code of an app that is being set up: from now on it counts.
pub async fn confirm_app(platform: &Platform, caller: &Caller, name: &str, code: &str) -> Result<Added> {
    let (user, now) = (person(caller)?, platform.now());
    let pending = pending_app(platform, caller).await?;
    let pending = pending.ok_or(Error::NotNow("No app is being set up. Begin again."))?;
    let name = factor_name(name, "Authenticator app")?;
    let step = totp::typed(code).and_then(|code| pending.secret.check(&code, now)).ok_or(Error::WrongCode)?;
    let codes = codes_for_new_factor(platform, caller).await?;
    let mut change = caller.change(platform, "second_factor.add").await?;
    let keyring = platform.vault.installation_keyring();
    let name = keyring.seal_text(Field::new(&SECOND_FACTOR, "name", pending.id), &name)?;
    let arguments = [pending.id.into(), user.into(), now.into(), step.into(), name.into()];
    if change.execute(&FACTOR_CONFIRM, &arguments).await? != 1 {
        return Err(Error::WrongCode);
    }
    finish_adding(platform, change, pending.id, Kind::App, codes, Factor::OneTimeCode).await
}

/// The last steps of adding a factor, in the transaction that made it count.
pub(crate) async fn finish_adding(
    platform: &Platform,
    mut change: Change,
    id: Uuid,
    kind: Kind,
    codes: Option<CodeSet>,
    factor: Factor,
) -> Result<Added> {
    let user = person(change.caller())?;
    let mut shown = Vec::new();
    if let Some(set) = codes {
        set.insert(platform, &mut change, user).await?;
        shown = set.shown;
    }
    let mut facts = vec![("kind", kind.as_str().to_owned())];
    let told = if replaces_all(change.caller()) {
        // The lost ones held until now, and end with this.
        let replaced = change.execute(&FACTORS_DROP_OTHERS, &[user.into(), id.into()]).await?;
        facts.push(("replaced", replaced.to_string()));
        // Whoever came in with them meanwhile goes with them.
        facts.push(("sessions", session::end_others(&mut change).await?.to_string()));
        Told::FactorsReplaced
    } else {
        Told::FactorAdded
    };
    let caller = change.caller().clone();
    notice::write(&mut change, platform, user, told, Some(&caller)).await?;
    let token = session::strengthen(&mut change, platform, factor).await?;
    let token = token.ok_or(Error::NotNow("This session has ended. Sign in again."))?;
    change.commit("second_factor", Some(id), facts).await?;
    Ok(Added { token, codes: shown })
}

/// Did the person come by a link that replaces their second factors, and is that still to be done?
pub(crate) fn replaces_all(caller: &Caller) -> bool {
    caller.signed_in().is_some_and(|signed_in| {
        signed_in.outstanding == Some(Outstanding::Enrolment) && signed_in.factors.contains(&Factor::FactorReset)
    })
}

/// Shows a code, of an app or from the list of backup codes. The session gets a new token.
pub async fn show_code(platform: &Platform, caller: &Caller, presented: &str) -> Result<Secret> {
    if let Some(code) = totp::typed(presented) {
        return show_app_code(platform, caller, &code).await;
    }
    match backup_code::typed(presented) {
        Some(code) => show_backup_code(platform, caller, &code).await,
        None => Err(Error::WrongCode),
    }
}

async fn show_app_code(platform: &Platform, caller: &Caller, code: &str) -> Result<Secret> {
    let (user, now) = (person(caller)?, platform.now());
    let apps: Vec<Stored> = store::of_user(platform, user).await?;
    let apps: Vec<Stored> =
        apps.into_iter().filter(|one| one.kind == Kind::App && one.confirmed_at.is_some()).collect();
    if !apps.is_empty() && apps.iter().all(|app| app.failures >= MAXIMUM_FAILURES) {
        return Err(Error::TooManyWrongCodes);
    }
    let matched = apps.iter().find_map(|app| {
        let step = SharedSecret::from_bytes(&app.secret)?.check(code, now)?;
        Some((app.id, step))
    });
    if let Some((id, step)) = matched {
        let mut change = caller.change(platform, "session.strengthen").await?;
        let arguments = [id.into(), user.into(), step.into(), now.into(), MAXIMUM_FAILURES.into()];
        if change.execute(&FACTOR_STEP, &arguments).await? == 1 {
            return strengthen(platform, change, Factor::OneTimeCode).await;
        }
    }
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&FACTORS_FAILED, &[user.into(), MAXIMUM_FAILURES.into()]).await?;
    transaction.commit().await?;
    refuse(platform, caller, "code").await
}

async fn show_backup_code(platform: &Platform, caller: &Caller, code: &str) -> Result<Secret> {
    let user = person(caller)?;
    let rows = platform.database.installation().query(&CODES_OF_USER, &[user.into()]).await?;
    let Some(first) = rows.first() else { return refuse(platform, caller, "backup code").await };
    let hash = user::lookup_hash(code, first.bytes("salt")?).await?;
    for row in &rows {
        if !identity::token::same(&row.bytes("code_hash")?, &hash) {
            continue;
        }
        let mut change = caller.change(platform, "session.strengthen").await?;
        let arguments = [row.uuid("id")?.into(), user.into(), platform.now().into()];
        if change.execute(&CODE_USE, &arguments).await? == 1 {
            return strengthen(platform, change, Factor::BackupCode).await;
        }
    }
    refuse(platform, caller, "backup code").await
}

/// Shows the password again, where the account has nothing stronger.
pub async fn show_password(platform: &Platform, caller: &Caller, password: &str) -> Result<Secret> {
    if caller.signed_in().is_some_and(|signed_in| signed_in.has_second_factor) {
        return Err(Error::NotNow("Confirm with your app, a backup code or a passkey."));
    }
    if !sign_in::is_own_password(platform, caller, password).await? {
        let _refused: Result<Secret> = refuse(platform, caller, "password").await;
        return Err(Error::WrongPassword);
    }
    let change = caller.change(platform, "session.strengthen").await?;
    strengthen(platform, change, Factor::Password).await
}

pub(crate) async fn strengthen(platform: &Platform, mut change: Change, factor: Factor) -> Result<Secret> {
    let token = session::strengthen(&mut change, platform, factor).await?;
    let token = token.ok_or(Error::NotNow("This session has ended. Sign in again."))?;
    if matches!(factor, Factor::BackupCode | Factor::Passkey) {
        let user = person(change.caller())?;
        forgive(&mut change, user).await?;
    }
    change.commit("session", None, vec![("by", factor.as_str().to_owned())]).await?;
    Ok(token)
}

/// Lets apps that wrong codes have stopped be asked again: the person has shown a factor that whoever guessed does not have.
pub(crate) async fn forgive(transaction: &mut Transaction, user: Uuid) -> Result<()> {
    transaction.execute(&FACTORS_FORGIVE, &[user.into()]).await?;
    Ok(())
}

async fn refuse(platform: &Platform, caller: &Caller, what: &str) -> Result<Secret> {
    caller.note_refusal(platform, "session.strengthen", format!("wrong {what}")).await?;
    Err(Error::WrongCode)
}

/// Removes a factor. The last one stays while the role or the organization asks for one; without it the password stands
/// alone, so it must be long enough for that, and backup codes go as well.
pub async fn remove(platform: &Platform, caller: &Caller, id: Uuid, password: &str) -> Result<()> {
    let user = person(caller)?;
    must_not_rest_on_provider(platform, caller).await?;
    let factors = list(platform, caller).await?;
    let is_last = factors.iter().all(|factor| factor.id == id);
    if is_last && caller.signed_in().is_some_and(|signed_in| signed_in.is_demanded) {
        return Err(Error::NotNow(
            "Your role or your organization asks for a second factor. Add another one first, then remove this one.",
        ));
    }
    if is_last {
        if !sign_in::is_own_password(platform, caller, password).await? {
            return Err(Error::WrongPassword);
        }
        if password.chars().count() < identity::password::MINIMUM_LENGTH_ALONE {
            return Err(Error::NotNow(
                "Your password is shorter than 15 characters, which is too short to stand alone. Change it first.",
            ));
        }
    }
    let mut change = caller.change(platform, "second_factor.remove").await?;
    if change.execute(&FACTOR_REMOVE, &[id.into(), user.into()]).await? != 1 {
        return Err(Error::NotNow("There is no such factor any more."));
    }
    if is_last {
        change.execute(&CODES_DELETE, &[user.into()]).await?;
    }
    notice::write(&mut change, platform, user, Told::FactorRemoved, Some(caller)).await?;
    Ok(change.commit("second_factor", Some(id), Vec::new()).await?)
}

/// A fresh set of backup codes; the old ones die.
pub async fn new_codes(platform: &Platform, caller: &Caller) -> Result<Vec<String>> {
    let user = person(caller)?;
    must_not_rest_on_provider(platform, caller).await?;
    if !sign_in::has_second_factor(platform, user).await? {
        return Err(Error::NotNow("Backup codes stand in for an app or a passkey. Add one of those first."));
    }
    let set = CodeSet::generate(platform).await?;
    let mut change = caller.change(platform, "backup_codes.renew").await?;
    set.insert(platform, &mut change, user).await?;
    notice::write(&mut change, platform, user, Told::CodesRenewed, Some(caller)).await?;
    change.commit("user", Some(user), Vec::new()).await?;
    Ok(set.shown)
}

/// A set of codes, hashed before the transaction begins, so that it is short.
pub(crate) struct CodeSet {
    pub(crate) shown: Vec<String>,
    salt: Vec<u8>,
    hashes: Vec<Vec<u8>>,
}

impl CodeSet {
    async fn generate(platform: &Platform) -> Result<Self> {
        let shown = backup_code::generate(platform.entropy.as_ref());
        let mut salt = vec![0; backup_code::SALT_BYTES];
        platform.entropy.fill(&mut salt);
        let mut hashes = Vec::with_capacity(shown.len());
        for code in &shown {
            hashes.push(user::lookup_hash(&code.replace('-', ""), salt.clone()).await?);
        }
        Ok(Self { shown, salt, hashes })
    }

    async fn insert(&self, platform: &Platform, change: &mut Change, user: Uuid) -> Result<()> {
        change.execute(&CODES_DELETE, &[user.into()]).await?;
        for hash in &self.hashes {
            let fields = [
                ("id", platform.identifiers.next().into()),
                ("user_id", user.into()),
                ("salt", self.salt.clone().into()),
                ("code_hash", hash.clone().into()),
                ("created_at", platform.now().into()),
                ("used_at", Value::Null),
            ];
            change.insert(&BACKUP_CODE, &fields).await?;
        }
        Ok(())
    }
}

/// Codes for an account that gets its first factor, or new ones for all that it had.
pub(crate) async fn codes_for_new_factor(platform: &Platform, caller: &Caller) -> Result<Option<CodeSet>> {
    let rows = platform.database.installation().query(&CODES_OF_USER, &[person(caller)?.into()]).await?;
    if rows.is_empty() || replaces_all(caller) { Ok(Some(CodeSet::generate(platform).await?)) } else { Ok(None) }
}

pub(crate) async fn has_room(platform: &Platform, caller: &Caller) -> Result<()> {
    if !replaces_all(caller) && list(platform, caller).await?.len() >= MAXIMUM_PER_USER {
        return Err(Error::NotNow("There are ten second factors already. Remove one first."));
    }
    Ok(())
}

/// What its owner calls a factor: one line of bounded length, or the usual name.
pub(crate) fn factor_name(text: &str, usual: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAXIMUM_NAME_LENGTH || text.chars().any(char::is_control) {
        let reason = format!("Give a name of at most {MAXIMUM_NAME_LENGTH} characters.");
        return Err(identity::Error::Invalid { field: "name", reason }.into());
    }
    Ok(if text.is_empty() { usual.to_owned() } else { text.to_owned() })
}

fn session_of(caller: &Caller) -> Result<Uuid> {
    match caller.credential() {
        Credential::Session(session) => Ok(session),
        _ => Err(Error::NotNow("A second factor is set up in a browser. Sign in with one.")),
    }
}

/// Second factors belong to people; keys and channels have none.
pub(crate) fn person(caller: &Caller) -> Result<Uuid> {
    caller.user().ok_or(Error::NotNow("Only people have a second factor. Sign in with a browser."))
}
