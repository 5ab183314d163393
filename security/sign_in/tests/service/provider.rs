//! An OpenID provider on this machine that tells the truth unless it is told to lie.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::{Value, json};
use sign_in::single_sign_on::claims::challenge;

/// What this server is called at every provider of these tests.
pub const CLIENT: &str = "ringfence";
/// And what it shows.
pub const SECRET: &str = "a secret: with / signs & spaces";

/// A key that signs with Ed25519; the same number gives the same key.
pub fn key(number: u8) -> CoreEdDsaPrivateSigningKey {
    // A private key in PKCS #8 is these bytes and a seed.
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([number; 32]);
    let label = ["PRIVATE", "KEY"].join(" ");
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
    let name = JsonWebKeyId::new(format!("key-{number}"));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(name)).expect("a key")
}

/// The public half.
pub fn public(number: u8) -> CoreJsonWebKey {
    key(number).as_verification_key()
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// With this key, as it should be.
    With(u8),
    /// With this key, under the name of another.
    Posing(u8, u8),
    /// Not at all.
    Not,
    /// With a shared secret: the client's.
    BySecret,
    /// With a shared secret: the bytes of the public key, as they stand in the key set.
    ByPublicKey(u8),
}

/// A token in compact form.
pub fn token(signed: Signed, kind: Option<&str>, claims: &Value) -> String {
    let (algorithm, kid) = match signed {
        Signed::With(number) | Signed::Posing(_, number) => ("EdDSA", Some(format!("key-{number}"))),
        Signed::Not => ("none", None),
        Signed::BySecret => ("HS256", None),
        Signed::ByPublicKey(number) => ("HS256", Some(format!("key-{number}"))),
    };
    let mut header = json!({ "alg": algorithm });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    if let Some(kind) = kind {
        header["typ"] = kind.into();
    }
    let message = format!("{}.{}", part(&header), part(claims));
    let by = |key: &CoreHmacKey| key.sign(&CoreJwsSigningAlgorithm::HmacSha256, message.as_bytes()).expect("signed");
    let signature = match signed {
        Signed::With(number) | Signed::Posing(number, _) => {
            key(number).sign(&CoreJwsSigningAlgorithm::EdDsa, message.as_bytes()).expect("signed")
        }
        Signed::Not => Vec::new(),
        Signed::BySecret => by(&CoreHmacKey::new(SECRET.as_bytes())),
        Signed::ByPublicKey(number) => {
            let shown = serde_json::to_value(public(number)).expect("a key");
            by(&CoreHmacKey::new(shown["x"].as_str().expect("its bytes").as_bytes()))
        }
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// What the provider does next.
struct Mood {
    issuer: String,
    signed: Signed,
    keys: Vec<u8>,
    claims: Value,
    description: Value,
    user_info: Value,
    challenge: String,
    asked: HashMap<String, usize>,
}

/// The provider.
#[derive(Clone)]
pub struct Provider {
    pub issuer: String,
    mood: Arc<Mutex<Mood>>,
}

impl Provider {
    /// A provider with one key, who knows nobody yet.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("bound"));
        let mood = Mood {
            issuer: issuer.clone(),
            signed: Signed::With(1),
            keys: vec![1],
            claims: json!({}),
            description: json!({}),
            user_info: json!({}),
            challenge: String::new(),
            asked: HashMap::new(),
        };
        let mood = Arc::new(Mutex::new(mood));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(show_keys))
            .route("/token", post(redeem))
            .route("/me", get(tell_more))
            .with_state(Arc::clone(&mood));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, mood }
    }

    fn change(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.mood.lock().expect("no test panics here"));
    }

    /// The claims of the next ID tokens.
    pub fn says(&self, claims: Value) {
        self.change(|mood| mood.claims = claims);
    }

    /// How they are signed.
    pub fn signs(&self, signed: Signed) {
        self.change(|mood| mood.signed = signed);
    }

    /// Which keys it shows.
    pub fn shows_keys(&self, keys: &[u8]) {
        self.change(|mood| mood.keys = keys.to_vec());
    }

    /// What else it says about itself.
    pub fn describes(&self, description: Value) {
        self.change(|mood| mood.description = description);
    }

    /// What it says at its userinfo endpoint.
    pub fn tells(&self, user_info: Value) {
        self.change(|mood| mood.user_info = user_info);
    }

    /// The challenge that the next code is bound to.
    pub fn expects(&self, challenge: &str) {
        self.change(|mood| challenge.clone_into(&mut mood.challenge));
    }

    /// How often it was asked for this.
    pub fn asked(&self, path: &str) -> usize {
        self.mood.lock().expect("no test panics here").asked.get(path).copied().unwrap_or_default()
    }
}

type Shared = State<Arc<Mutex<Mood>>>;

fn count<'a>(mood: &'a Shared, path: &str) -> std::sync::MutexGuard<'a, Mood> {
    let mut mood = mood.lock().expect("no test panics here");
    *mood.asked.entry(path.to_owned()).or_default() += 1;
    mood
}

fn merged(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        match value {
            // What is null is left out.
            Value::Null => drop(base.as_object_mut().and_then(|object| object.remove(name))),
            value => base[name] = value.clone(),
        }
    }
    base
}

async fn describe(mood: Shared) -> Json<Value> {
    let mood = count(&mood, "description");
    let at = |path: &str| format!("{}{path}", mood.issuer);
    let base = json!({
        "issuer": mood.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/me"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
    });
    Json(merged(base, &mood.description))
}

async fn show_keys(mood: Shared) -> Json<Value> {
    let mood = count(&mood, "keys");
    let keys: Vec<CoreJsonWebKey> = mood.keys.iter().copied().map(public).collect();
    Json(json!({ "keys": keys }))
}

async fn redeem(mood: Shared, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let mood = count(&mood, "token");
    let no = |word: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": word }))).into_response();
    let written = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", written(CLIENT), written(SECRET))));
    if headers.get("authorization").is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        return no("invalid_client");
    }
    let is_bound = form.get("code_verifier").is_some_and(|verifier| challenge(verifier) == mood.challenge);
    let is_ours = form.get("redirect_uri").is_some_and(|address| address.ends_with("/callback"));
    if form.get("code").map(String::as_str) != Some("good") || !is_bound || !is_ours {
        return no("invalid_grant");
    }
    let id_token = token(mood.signed, Some("JWT"), &mood.claims);
    Json(json!({ "access_token": "made-up", "token_type": "Bearer", "id_token": id_token })).into_response()
}

async fn tell_more(mood: Shared, headers: HeaderMap) -> Response {
    let mood = count(&mood, "userinfo");
    if headers.get("authorization").is_none_or(|given| given != "Bearer made-up") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(mood.user_info.clone()).into_response()
}
