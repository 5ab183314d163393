//! Passkeys (WebAuthn level 3): registered by name, shown as second factor or alone.
//!
//! A passkey always checks its owner by finger, face or PIN (user verification), so it is worth two factors. The state of a
//! ceremony stays on the server for five minutes and is used once. Passkeys are bound to the server's name: over an
//! address without one, or without TLS, browsers have none, and the pages say so.

pub mod pages;
mod store;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::session::Device;
use identity::token::{self, Secret};
use identity::{Caller, Factor, Platform, SECOND_FACTOR, sign_in};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use storage::Value;
use url::{Host, Url};
use uuid::Uuid;
use vault::Field;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use store::{FACTOR_BY_CREDENTIAL, FACTOR_USED, Purpose};
pub use store::{PASSKEY_CEREMONY, STATEMENTS};

use crate::second_factor::{self, Added, Kind};
use crate::single_sign_on::arrival::must_not_rest_on_provider;
use crate::{Error, Result};

/// How long a ceremony may take.
pub const CEREMONY_SECONDS: i64 = 5 * 60;

/// The passkeys of this server's name.
#[derive(Clone)]
pub struct Passkeys(Option<Arc<RelyingParty>>);

struct RelyingParty {
    webauthn: Webauthn,
    origin: String,
}

/// Whether passkeys are possible here, and under which address.
#[derive(Debug, Clone)]
pub struct Possible(Option<String>);

impl Possible {
    /// The address that passkeys of this server are bound to (`https://desk.example`).
    pub fn elsewhere(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Why there are none, if so.
    pub fn impossible(&self) -> Option<&'static str> {
        self.0.is_none().then_some(
            "Passkeys are not possible here: they are bound to a name and to HTTPS, and this server is reached by a bare \
             address or without TLS. Its operator sets `public_url` for that.",
        )
    }
}

impl Passkeys {
    /// The passkeys of a server at this address. On the machine itself they are bound to `localhost`, because a bare
    /// loopback address is no name.
    pub fn at(base_url: &str) -> Self {
        Self(relying_party(base_url).map(Arc::new))
    }

    /// Whether they are possible.
    pub fn possible(&self) -> Possible {
        Possible(self.0.as_ref().map(|party| party.origin.clone()))
    }

    fn party(&self) -> Result<&RelyingParty> {
        self.0.as_deref().ok_or(Error::NotNow("Passkeys are not possible at this address."))
    }
}

fn relying_party(base_url: &str) -> Option<RelyingParty> {
    let mut origin = Url::parse(base_url).ok()?;
    let is_loopback = match origin.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
    };
    if !matches!(origin.host()?, Host::Domain(_)) {
        if !is_loopback {
            return None;
        }
        origin.set_host(Some("localhost")).ok()?;
    }
    if origin.scheme() != "https" && !is_loopback {
        return None;
    }
    let name = origin.host_str()?.to_owned();
    let webauthn = WebauthnBuilder::new(&name, &origin).ok()?.rp_name("Ringfence").build().ok()?;
    Some(RelyingParty { webauthn, origin: origin.origin().ascii_serialization() })
}

/// What a browser needs to ask its authenticator.
#[derive(Debug, Serialize)]
pub struct Question {
    /// The ceremony, to be named in the answer.
    pub ceremony: Uuid,
    /// The options of WebAuthn, as JSON.
    pub options: Json,
}

/// Begins to register a passkey.
pub async fn begin_registration(platform: &Platform, passkeys: &Passkeys, caller: &Caller) -> Result<Question> {
    let user = second_factor::person(caller)?;
    must_not_rest_on_provider(platform, caller).await?;
    second_factor::has_room(platform, caller).await?;
    let party = passkeys.party()?;
    let known = of_user(platform, user).await?;
    let known = known.iter().map(|(_, passkey)| passkey.cred_id().clone()).collect();
    let email = second_factor::email(platform, user).await?;
    let begun = party.webauthn.start_passkey_registration(user, &email, caller.display_name(), Some(known));
    let (options, state) = begun.map_err(refused)?;
    let mut options = to_json(&options)?;
    // One that the device finds by itself can sign in without an e-mail address being typed.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = Json::from("preferred");
    let ceremony = store::begin(platform, Purpose::Register, Some(user), &to_json(&state)?).await?;
    Ok(Question { ceremony, options })
}

/// The new passkey's answer: from now on it counts.
pub async fn finish_registration(
    platform: &Platform,
    passkeys: &Passkeys,
    caller: &Caller,
    ceremony: Uuid,
    name: &str,
    credential: &str,
) -> Result<Added> {
    let (user, now) = (second_factor::person(caller)?, platform.now());
    must_not_rest_on_provider(platform, caller).await?;
    let name = second_factor::factor_name(name, "Passkey")?;
    let state: PasskeyRegistration = taken(platform, ceremony, Purpose::Register, Some(user)).await?;
    let answer: RegisterPublicKeyCredential = parse(credential)?;
    let passkey = passkeys.party()?.webauthn.finish_passkey_registration(&answer, &state).map_err(refused)?;
    let codes = second_factor::codes_for_new_factor(platform, caller).await?;
    let id = platform.identifiers.next();
    let keyring = platform.vault.installation_keyring();
    let secret = keyring.seal(Field::new(&SECOND_FACTOR, "secret", id), &to_bytes(&passkey)?)?;
    let fields = [
        ("id", id.into()),
        ("user_id", user.into()),
        ("kind", Kind::Passkey.as_str().into()),
        ("name", keyring.seal_text(Field::new(&SECOND_FACTOR, "name", id), &name)?.into()),
        ("secret", secret.into()),
        ("credential_hash", credential_hash(passkey.cred_id()).into()),
        ("last_step", Value::Null),
        ("failures", 0_i64.into()),
        ("created_at", now.into()),
        ("confirmed_at", now.into()),
        ("used_at", Value::Null),
    ];
    let mut change = caller.change(platform, "second_factor.add").await?;
    change.insert(&SECOND_FACTOR, &fields).await.map_err(|error| match error {
        // Somebody's already, perhaps this person's: which is not said.
        storage::Error::Conflict { .. } => Error::PasskeyRefused,
        other => other.into(),
    })?;
    second_factor::finish_adding(platform, change, id, Kind::Passkey, codes, Factor::Passkey).await
}

/// Asks for a passkey of the caller, as second factor or to confirm.
pub async fn begin_showing(platform: &Platform, passkeys: &Passkeys, caller: &Caller) -> Result<Question> {
    let user = second_factor::person(caller)?;
    let known: Vec<Passkey> = of_user(platform, user).await?.into_iter().map(|(_, passkey)| passkey).collect();
    if known.is_empty() {
        return Err(Error::NotNow("There is no passkey on this account."));
    }
    let begun = passkeys.party()?.webauthn.start_passkey_authentication(&known);
    let (options, state) = begun.map_err(refused)?;
    let ceremony = store::begin(platform, Purpose::Show, Some(user), &to_json(&state)?).await?;
    Ok(Question { ceremony, options: to_json(&options)? })
}

/// The passkey's answer; the session gets a new token.
pub async fn finish_showing(
    platform: &Platform,
    passkeys: &Passkeys,
    caller: &Caller,
    ceremony: Uuid,
    credential: &str,
) -> Result<Secret> {
    let user = second_factor::person(caller)?;
    let state: PasskeyAuthentication = taken(platform, ceremony, Purpose::Show, Some(user)).await?;
    let answer: PublicKeyCredential = parse(credential)?;
    let shown = passkeys.party()?.webauthn.finish_passkey_authentication(&answer, &state);
    let Ok(shown) = shown else {
        caller.note_refusal(platform, "session.strengthen", "wrong passkey".to_owned()).await?;
        return Err(Error::PasskeyRefused);
    };
    let (id, passkey) = by_credential(platform, user, shown.cred_id()).await?;
    let mut change = caller.change(platform, "session.strengthen").await?;
    write_used(platform, &mut change, id, user, passkey, &shown).await?;
    second_factor::strengthen(platform, change, Factor::Passkey).await
}

/// Asks whoever is there for any passkey of this server.
pub async fn begin_sign_in(platform: &Platform, passkeys: &Passkeys) -> Result<Question> {
    let begun = passkeys.party()?.webauthn.start_discoverable_authentication();
    let (options, state) = begun.map_err(refused)?;
    let mut options = to_json(&options)?;
    // The button asks at once, instead of waiting in the list of the e-mail field.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    let ceremony = store::begin(platform, Purpose::SignIn, None, &to_json(&state)?).await?;
    Ok(Question { ceremony, options })
}

/// Signs in whoever holds the passkey. An answer that fits nobody and one that is false look the same.
pub async fn finish_sign_in(
    platform: &Platform,
    passkeys: &Passkeys,
    ceremony: Uuid,
    credential: &str,
    device: &Device,
) -> Result<Secret> {
    let state: DiscoverableAuthentication = taken(platform, ceremony, Purpose::SignIn, None).await?;
    let answer: PublicKeyCredential = parse(credential)?;
    let webauthn = &passkeys.party()?.webauthn;
    let (user, credential_id) = webauthn.identify_discoverable_authentication(&answer).map_err(refused)?;
    let (id, passkey) = by_credential(platform, user, credential_id).await?;
    let key = DiscoverableKey::from(&passkey);
    let shown = webauthn.finish_discoverable_authentication_v2(&answer, state, &key).map_err(refused)?;
    let mut transaction = platform.database.installation().begin().await?;
    write_used(platform, &mut transaction, id, user, passkey, &shown).await?;
    second_factor::forgive(&mut transaction, user).await?;
    transaction.commit().await?;
    let token = sign_in::admit(platform, user, None, &[Factor::Passkey], device).await?;
    token.ok_or(Error::PasskeyRefused)
}

/// Keeps the counter, by which a copied passkey betrays itself, and the time.
async fn write_used(
    platform: &Platform,
    transaction: &mut storage::Transaction,
    id: Uuid,
    user: Uuid,
    mut passkey: Passkey,
    shown: &AuthenticationResult,
) -> Result<()> {
    let _is_changed = passkey.update_credential(shown);
    let field = Field::new(&SECOND_FACTOR, "secret", id);
    let secret = platform.vault.installation_keyring().seal(field, &to_bytes(&passkey)?)?;
    let arguments = [id.into(), user.into(), secret.into(), platform.now().into()];
    match transaction.execute(&FACTOR_USED, &arguments).await? {
        1 => Ok(()),
        _ => Err(Error::PasskeyRefused),
    }
}

async fn of_user(platform: &Platform, user: Uuid) -> Result<Vec<(Uuid, Passkey)>> {
    let stored = second_factor::stored(platform, user).await?;
    let passkeys = stored.into_iter().filter(|one| one.kind == Kind::Passkey && one.confirmed_at.is_some());
    Ok(passkeys.filter_map(|one| Some((one.id, serde_json::from_slice(&one.secret).ok()?))).collect())
}

async fn by_credential(platform: &Platform, user: Uuid, credential_id: &[u8]) -> Result<(Uuid, Passkey)> {
    let hash = credential_hash(credential_id);
    let rows = platform.database.installation().query(&FACTOR_BY_CREDENTIAL, &[hash.into(), user.into()]).await?;
    let row = rows.first().ok_or(Error::PasskeyRefused)?;
    let id = row.uuid("id")?;
    let field = Field::new(&SECOND_FACTOR, "secret", id);
    let secret = platform.vault.installation_keyring().open(field, &row.bytes("secret")?)?;
    Ok((id, serde_json::from_slice(&secret).map_err(|_| Error::PasskeyRefused)?))
}

fn credential_hash(credential_id: &[u8]) -> [u8; 32] {
    token::hash(&URL_SAFE_NO_PAD.encode(credential_id))
}

/// The state of a ceremony, which is over with that.
async fn taken<T: DeserializeOwned>(
    platform: &Platform,
    ceremony: Uuid,
    purpose: Purpose,
    user: Option<Uuid>,
) -> Result<T> {
    let state = store::take(platform, ceremony, purpose, user).await?.ok_or(Error::PasskeyRefused)?;
    serde_json::from_slice(&state).map_err(|_| Error::PasskeyRefused)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::PasskeyRefused)
}

fn to_json<T: Serialize>(value: &T) -> Result<Json> {
    serde_json::to_value(value).map_err(|_| Error::PasskeyRefused)
}

fn to_bytes(passkey: &Passkey) -> Result<Vec<u8>> {
    serde_json::to_vec(passkey).map_err(|_| Error::PasskeyRefused)
}

/// Why, goes to the log; browsers learn only that it was not taken.
#[expect(clippy::needless_pass_by_value, reason = "taken by map_err")]
fn refused(error: webauthn_rs::prelude::WebauthnError) -> Error {
    tracing::info!(%error, "a passkey was not taken");
    Error::PasskeyRefused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_a_challenge_of_its_own_of_at_least_128_bits() {
        use base64::Engine as _;
        let passkeys = Passkeys::at("https://desk.example");
        let challenge = || {
            let party = passkeys.party().expect("a name");
            let (options, _) = party.webauthn.start_discoverable_authentication().expect("a question");
            let options = to_json(&options).expect("JSON");
            let text = options["publicKey"]["challenge"].as_str().expect("a challenge").to_owned();
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let mut seen: Vec<Vec<u8>> = (0..100).map(|_| challenge()).collect();
        assert!(seen.iter().all(|challenge| challenge.len() >= 16), "{:?}", seen.first());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100, "none twice");
    }

    #[test]
    fn passkeys_are_bound_to_a_name() {
        let origin = |base: &str| Passkeys::at(base).possible().elsewhere().map(str::to_owned);
        assert_eq!(origin("https://desk.example/"), Some("https://desk.example".to_owned()));
        assert_eq!(origin("https://desk.example:8443"), Some("https://desk.example:8443".to_owned()));
        assert_eq!(origin("http://127.0.0.1:8080"), Some("http://localhost:8080".to_owned()));
        assert_eq!(origin("http://[::1]:8080"), Some("http://localhost:8080".to_owned()));
        assert_eq!(origin("http://localhost:8080"), Some("http://localhost:8080".to_owned()));
        for none in ["http://desk.example", "https://192.0.2.7", "http://192.0.2.7:80", "nonsense", ""] {
            assert_eq!(origin(none), None, "{none}");
            assert!(Passkeys::at(none).possible().impossible().is_some());
        }
    }
}
