//! A provider says that somebody has signed out there: the logout token (OpenID Connect Back-Channel Logout 1.0).
//!
//! It is no ID token and none is taken for it: its type is `logout+jwt`, it names the event and never holds a nonce.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};
use storage::Timestamp;

use super::claims::{self, Fault, Parties, SKEW_SECONDS, SUBJECT_BYTES, TOKEN_BYTES};

/// The event that a logout token names (section 2.4).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The type in its header.
pub const TYPE: &str = "logout+jwt";

/// Who has signed out at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// The person, everywhere, if nothing narrower is named.
    pub subject: Option<String>,
    /// One session of the provider.
    pub session: Option<String>,
    /// When this was said, to the second.
    pub issued_at: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: i64,
    jti: String,
    events: Map<String, Value>,
    #[serde(default)]
    nonce: Option<Value>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Judges a logout token: who has signed out, or which part of it does not hold.
pub fn judge(token: &str, parties: Parties<'_>, keys: &[CoreJsonWebKey], now: Timestamp) -> Result<Logout, Fault> {
    if token.len() > TOKEN_BYTES {
        return Err(Fault::Wrong("size"));
    }
    let claims = signed(token, keys)?;
    if claims.iss != parties.issuer {
        return Err(Fault::Wrong("issuer"));
    }
    let is_for_us = match &claims.aud {
        Audience::One(client) => client == parties.client_id,
        Audience::Several(clients) => clients.iter().any(|client| client == parties.client_id),
    };
    if !is_for_us {
        return Err(Fault::Wrong("audience"));
    }
    if !claims::is_in_time(claims.iat, now) || Timestamp::from_seconds(claims.exp).plus_seconds(SKEW_SECONDS) <= now {
        return Err(Fault::Wrong("time"));
    }
    if !claims.events.get(EVENT).is_some_and(Value::is_object) || claims.jti.is_empty() {
        return Err(Fault::Wrong("event"));
    }
    if claims.nonce.is_some() {
        return Err(Fault::Wrong("nonce"));
    }
    let named = |name: &Option<String>| name.as_ref().is_none_or(|name| (1..=SUBJECT_BYTES).contains(&name.len()));
    if (claims.sub.is_none() && claims.sid.is_none()) || !named(&claims.sub) || !named(&claims.sid) {
        return Err(Fault::Wrong("subject"));
    }
    Ok(Logout { subject: claims.sub, session: claims.sid, issued_at: Timestamp::from_seconds(claims.iat) })
}

/// The claims of a token in compact form (RFC 7515 section 7.1), whose signature holds.
fn signed(token: &str, keys: &[CoreJsonWebKey]) -> Result<Claims, Fault> {
    let (message, signature) = token.rsplit_once('.').ok_or(Fault::Wrong("shape"))?;
    let (header, payload) = message.split_once('.').ok_or(Fault::Wrong("shape"))?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Wrong("shape"));
    let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| Fault::Wrong("shape"))?;
    if !header.typ.as_deref().is_some_and(is_logout) {
        return Err(Fault::Wrong("type"));
    }
    if header.crit.is_some() {
        return Err(Fault::Wrong("shape"));
    }
    if !claims::algorithms().contains(&header.alg) {
        return Err(Fault::Wrong("algorithm"));
    }
    let is_meant = |key: &&CoreJsonWebKey| match &header.kid {
        Some(kid) => key.key_id().is_some_and(|known| known.as_str() == kid),
        None => true,
    };
    let mut meant = keys.iter().filter(is_meant).peekable();
    if meant.peek().is_none() {
        return Err(Fault::UnknownKey);
    }
    // The library refuses a key of another kind than the algorithm, and one that is not for signatures.
    let holds = |key: &CoreJsonWebKey| key.verify_signature(&header.alg, message.as_bytes(), &signature).is_ok();
    if !meant.any(holds) {
        return Err(Fault::Wrong("signature"));
    }
    serde_json::from_slice(&payload).map_err(|_| Fault::Wrong("shape"))
}

/// Types are compared without case, and `application/` may be left out (RFC 7515 section 4.1.9).
fn is_logout(given: &str) -> bool {
    let given = given.to_ascii_lowercase();
    given.strip_prefix("application/").unwrap_or(&given) == TYPE
}
