//! Asks providers: for what they are, for their keys, for what a code is worth, and for more about a person.
//!
//! Every request goes through [`edge::outgoing`]: checked and pinned addresses, no redirects, limits of bytes and time.
//! Documents and keys are kept for an hour; a key that is not known asks anew, but not more than once a minute, and a provider
//! that does not answer keeps nobody waiting but its own organization.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge::outgoing::{Outgoing, OutgoingError, Reach};
use http::{Method, Request, Response, StatusCode, header};
use identity::Platform;
use openidconnect::JsonWebKeySet;
use openidconnect::core::CoreJsonWebKey;
use serde::Deserialize;
use storage::Timestamp;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::claims::{self, Fault, Parties, Person};
use super::discovery::{self, ClientAuthentication, Metadata};
use super::logout_token::{self, Logout};
use super::refusal::Refusal;
use super::store::{Attempt, Stored};

/// The largest answer of a provider that is read, in bytes.
pub const ANSWER_BYTES: usize = 256 * 1024;
/// Documents and keys are asked for anew after so long.
pub const KEPT_SECONDS: i64 = 60 * 60;
/// And not sooner than this, whatever tokens come in.
pub const REFETCH_SECONDS: i64 = 60;
/// One that could not be asked is left alone for so long.
pub const PAUSE_SECONDS: i64 = 5;
/// Providers that are remembered at a time; beyond it all are asked anew.
pub const MAXIMUM_KEPT: usize = 256;

/// The providers of all organizations. Cheap to clone.
#[derive(Clone)]
pub struct Providers {
    outgoing: Outgoing,
    slots: Arc<Mutex<HashMap<String, Slot>>>,
}

/// One provider; whoever needs it waits for whoever is asking.
type Slot = Arc<tokio::sync::Mutex<Asked>>;

#[derive(Default)]
struct Asked {
    known: Option<Known>,
    /// When it was asked last, whether it answered or not.
    at: Option<Timestamp>,
}

impl Asked {
    fn is_within(&self, seconds: i64, now: Timestamp) -> bool {
        self.at.is_some_and(|at| now < at.plus_seconds(seconds))
    }
}

/// What is known of a provider.
#[derive(Clone)]
pub struct Known {
    /// What it is.
    pub metadata: Arc<Metadata>,
    /// Its public keys.
    pub keys: Arc<Vec<CoreJsonWebKey>>,
}

/// What an Owner learns by trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether signing in can work.
    pub works: bool,
    /// What was found, or what is wrong, in sentences.
    pub words: Vec<String>,
}

/// Why a provider cannot be used: a word for the log and a sentence for the Owner.
struct Trouble {
    word: &'static str,
    sentence: String,
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Unreachable(trouble.word)
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// What is said about a person beside the ID token (OpenID Connect Core 1.0 section 5.3).
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    name: Option<String>,
}

impl Providers {
    /// Providers asked by these means.
    pub fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, slots: Arc::default() }
    }

    /// Where providers may stand.
    pub fn reach(&self) -> Reach {
        self.outgoing.reach()
    }

    fn slot(&self, issuer: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAXIMUM_KEPT && !slots.contains_key(issuer) {
            slots.clear();
        }
        Arc::clone(slots.entry(issuer.to_owned()).or_default())
    }

    /// What is known of a provider, asked for when it is not known or was asked long ago.
    pub async fn get(&self, platform: &Platform, issuer: &str) -> Result<Known, Refusal> {
        self.get_within(platform, issuer, KEPT_SECONDS).await
    }

    /// The same, not older than so many seconds if the provider answers.
    async fn get_within(&self, platform: &Platform, issuer: &str, seconds: i64) -> Result<Known, Refusal> {
        let (slot, now) = (self.slot(issuer), platform.now());
        let mut asked = slot.lock().await;
        match &asked.known {
            Some(known) if asked.is_within(seconds, now) => return Ok(known.clone()),
            None if asked.is_within(PAUSE_SECONDS, now) => return Err(Refusal::Unreachable("asked a moment ago")),
            _ => asked.at = Some(now),
        }
        match self.ask(issuer).await {
            Ok(fresh) => asked.known = Some(fresh),
            // Keys that were good an hour ago are better than none, where the provider is down.
            Err(trouble) if asked.known.is_none() => return Err(trouble.into()),
            Err(trouble) => tracing::warn!(why = trouble.word, "a provider did not answer: what was known stays"),
        }
        asked.known.clone().ok_or(Refusal::Unreachable("connection"))
    }

    /// Forgets a provider, so that a change there or here counts at once.
    pub fn forget(&self, issuer: &str) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(issuer);
    }

    async fn ask(&self, issuer: &str) -> Result<Known, Trouble> {
        let metadata: Metadata = self.document("its description", &discovery::address(issuer)).await?;
        let judged = metadata.judge(issuer, self.reach());
        judged.map_err(|sentence| Trouble { word: "provider's description", sentence })?;
        let keys: JsonWebKeySet<CoreJsonWebKey> = self.document("its keys", metadata.jwks_uri.as_str()).await?;
        if keys.keys().is_empty() {
            let sentence = "The provider shows no key that can be used.".to_owned();
            return Err(Trouble { word: "provider's keys", sentence });
        }
        Ok(Known { metadata: Arc::new(metadata), keys: Arc::new(keys.keys().clone()) })
    }

    async fn document<T: for<'de> Deserialize<'de>>(&self, what: &str, address: &str) -> Result<T, Trouble> {
        let request = request(Method::GET, address, Vec::new())?;
        let answer = self.outgoing.send(request, ANSWER_BYTES).await.map_err(|error| unreachable(what, &error))?;
        if answer.status() != StatusCode::OK {
            let sentence = format!(
                "Asked for {what} at {address}, the provider answered with status {}. Is the address right?",
                answer.status().as_u16()
            );
            return Err(Trouble { word: "provider's status", sentence });
        }
        serde_json::from_slice(answer.body()).map_err(|error| {
            // What is missing may be told; what is there instead is not ours to show.
            let error = error.to_string();
            let missing = if error.starts_with("missing field") { error.as_str() } else { "" };
            let sentence = format!("Asked for {what} at {address}, the provider answered something else. {missing}");
            Trouble { word: "provider's answer", sentence: sentence.trim_end().to_owned() }
        })
    }

    /// Redeems a code and judges the ID token that it is worth.
    pub async fn redeem(
        &self,
        platform: &Platform,
        stored: &Stored,
        attempt: &Attempt,
        code: &str,
        redirect: &str,
    ) -> Result<Person, Refusal> {
        let issuer = stored.settings.issuer.as_str();
        let known = self.get(platform, issuer).await?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", &attempt.verifier),
        ];
        let answer = self.ask_for_tokens(stored, &known.metadata, &fields).await?;
        if answer.status() != StatusCode::OK {
            return Err(Refusal::Unreachable(match failure(&answer).as_deref() {
                Some("invalid_client") => "client secret",
                Some("invalid_grant") => "code",
                _ => "token endpoint",
            }));
        }
        let tokens: Tokens =
            serde_json::from_slice(answer.body()).map_err(|_| Refusal::Unreachable("token endpoint"))?;
        let access_token = Zeroizing::new(tokens.access_token);
        let parties = Parties { issuer, client_id: &stored.settings.client_id };
        let judge =
            |keys: &[CoreJsonWebKey]| claims::judge(&tokens.id_token, parties, &attempt.nonce, keys, platform.now());
        let mut person = match judge(&known.keys) {
            Err(Fault::UnknownKey) => judge(&self.get_within(platform, issuer, REFETCH_SECONDS).await?.keys)?,
            judged => judged?,
        };
        if person.email.is_none()
            && let Some(url) = known.metadata.userinfo_endpoint.as_ref().filter(|_| !access_token.is_empty())
        {
            self.add_user_info(url, &access_token, &mut person).await?;
        }
        Ok(person)
    }

    /// Asks the provider for the address that it left out of the ID token. What is said about somebody else is not taken.
    async fn add_user_info(&self, url: &Url, access_token: &str, person: &mut Person) -> Result<(), Refusal> {
        let mut request = request(Method::GET, url.as_str(), Vec::new())?;
        let bearer = header::HeaderValue::try_from(format!("Bearer {access_token}"));
        let mut bearer = bearer.map_err(|_| Refusal::Unreachable("access token"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let unusable = Refusal::Unreachable("userinfo endpoint");
        let answer = self.outgoing.send(request, ANSWER_BYTES).await.map_err(|_| unusable)?;
        let info: UserInfo = match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body()).map_err(|_| unusable)?,
            _ => return Err(unusable),
        };
        if info.sub != person.subject {
            return Err(Refusal::Token("subject"));
        }
        person.email_is_verified = info.email_verified == Some(true);
        person.email = info.email;
        person.name = person.name.take().or(info.name);
        Ok(())
    }

    /// Judges the word of a provider that somebody has signed out there.
    pub async fn signed_out(&self, platform: &Platform, stored: &Stored, token: &str) -> Result<Logout, Refusal> {
        let issuer = stored.settings.issuer.as_str();
        let parties = Parties { issuer, client_id: &stored.settings.client_id };
        let judge = |keys: &[CoreJsonWebKey]| logout_token::judge(token, parties, keys, platform.now());
        match judge(&self.get(platform, issuer).await?.keys) {
            Err(Fault::UnknownKey) => Ok(judge(&self.get_within(platform, issuer, REFETCH_SECONDS).await?.keys)?),
            judged => Ok(judged?),
        }
    }

    async fn ask_for_tokens(
        &self,
        stored: &Stored,
        metadata: &Metadata,
        fields: &[(&str, &str)],
    ) -> Result<Response<Vec<u8>>, Trouble> {
        let request = token_request(stored, metadata, fields)?;
        self.outgoing
            .send(request, ANSWER_BYTES)
            .await
            .map_err(|error| unreachable("whether the client secret is right", &error))
    }

    /// Tries the settings as far as that goes without a person: the description, the keys, the client secret.
    pub async fn try_out(&self, stored: &Stored, redirect: &str) -> Finding {
        self.forget(&stored.settings.issuer);
        match self.try_all(stored, redirect).await {
            Ok(words) => Finding { works: true, words },
            Err(trouble) => Finding { works: false, words: vec![trouble.sentence] },
        }
    }

    async fn try_all(&self, stored: &Stored, redirect: &str) -> Result<Vec<String>, Trouble> {
        let known = self.ask(&stored.settings.issuer).await?;
        let mut words = vec![format!("The provider answers and shows {} keys.", known.keys.len())];
        // A code that nobody was given: whoever knows the client refuses the code, whoever does not refuses the client.
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", "no-such-code"),
            ("redirect_uri", redirect),
            ("code_verifier", "no-such-verifier-no-such-verifier-no-such-verifier"),
        ];
        let answer = self.ask_for_tokens(stored, &known.metadata, &fields).await?;
        match failure(&answer).as_deref() {
            Some("invalid_grant") => words.push("It knows the client id and takes the client secret.".to_owned()),
            Some("invalid_client" | "unauthorized_client") => {
                let sentence = "The provider does not take the client id and the client secret. Copy both again.";
                return Err(Trouble { word: "client secret", sentence: sentence.to_owned() });
            }
            _ => words.push(
                "Whether the client secret is right could not be seen; the first sign-in will show it.".to_owned(),
            ),
        }
        words.extend(known.metadata.remarks().into_iter().map(str::to_owned));
        Ok(words)
    }
}

/// The request of RFC 6749 section 4.1.3, with the secret where the provider wants it.
fn token_request(stored: &Stored, metadata: &Metadata, fields: &[(&str, &str)]) -> Result<Request<Vec<u8>>, Trouble> {
    let (id, secret) = (stored.settings.client_id.as_str(), stored.client_secret.as_str());
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let in_form = metadata.client_authentication() == Some(ClientAuthentication::Form);
    if in_form {
        form.append_pair("client_id", id).append_pair("client_secret", secret);
    }
    let mut request = request(Method::POST, metadata.token_endpoint.as_str(), form.finish().into_bytes())?;
    let form_type = header::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, form_type);
    if !in_form {
        request.headers_mut().insert(header::AUTHORIZATION, basic(id, secret)?);
    }
    Ok(request)
}

fn failure(answer: &Response<Vec<u8>>) -> Option<String> {
    serde_json::from_slice::<Failure>(answer.body()).ok().map(|failure| failure.error)
}

/// Id and secret in a header, each written as in a form first (RFC 6749 section 2.3.1).
fn basic(id: &str, secret: &str) -> Result<header::HeaderValue, Trouble> {
    let written = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", written(id), written(secret)));
    let value = header::HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = value.map_err(|_| not_sendable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn request(method: Method, address: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, Trouble> {
    let request = Request::builder().method(method).uri(address).header(header::ACCEPT, "application/json");
    request.body(body).map_err(|_| not_sendable())
}

fn not_sendable() -> Trouble {
    Trouble { word: "address", sentence: "The provider's address cannot be asked.".to_owned() }
}

fn unreachable(what: &str, error: &OutgoingError) -> Trouble {
    Trouble { word: "connection", sentence: format!("The provider could not be asked for {what}: {error}") }
}
