//! What a provider says about a person: the ID token, judged (OpenID Connect Core 1.0 section 3.1.3.7).
//!
//! Signed with a public key of the provider by an algorithm of [`algorithms`], never unsigned and never with a shared
//! secret; from the provider that was asked, for this client and no other, in time, and with the nonce of this very sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, IdToken, IdTokenClaims, IdTokenVerifier, IssuerUrl,
    JsonWebKeySet, Nonce, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use storage::Timestamp;

use super::refusal::Refusal;

/// Clocks of providers may be wrong by so much.
pub const SKEW_SECONDS: i64 = 60;
/// A token is issued while somebody waits for it, so not longer ago than this.
pub const FRESH_SECONDS: i64 = 600;
/// Longest token that is read, in bytes.
pub const TOKEN_BYTES: usize = 16 * 1024;
/// Longest subject (OpenID Connect Core 1.0 section 2).
pub const SUBJECT_BYTES: usize = 255;

/// What tokens must be signed with. None of them takes a shared secret, and `none` is not among them.
pub fn algorithms() -> [CoreJwsSigningAlgorithm; 9] {
    use CoreJwsSigningAlgorithm::{
        EcdsaP256Sha256, EcdsaP384Sha384, EdDsa, RsaSsaPkcs1V15Sha256, RsaSsaPkcs1V15Sha384, RsaSsaPkcs1V15Sha512,
        RsaSsaPssSha256, RsaSsaPssSha384, RsaSsaPssSha512,
    };
    [
        RsaSsaPkcs1V15Sha256,
        RsaSsaPkcs1V15Sha384,
        RsaSsaPkcs1V15Sha512,
        RsaSsaPssSha256,
        RsaSsaPssSha384,
        RsaSsaPssSha512,
        EcdsaP256Sha256,
        EcdsaP384Sha384,
        EdDsa,
    ]
}

/// The one whom a token must come from and whom it must be for.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// This server at the provider.
    pub client_id: &'a str,
}

/// The person, as far as the provider vouches.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The provider's name for them, never used again for somebody else.
    pub subject: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether the provider has verified it.
    pub email_is_verified: bool,
    /// Their name.
    pub name: Option<String>,
    /// The provider's name for its session (`sid`).
    pub session: Option<String>,
    /// Words about how they were asked who they are: `acr`, and each of `amr`.
    pub ways: Vec<String>,
    /// When they were asked.
    pub asked_at: Option<Timestamp>,
}

storage::debug_shows!(struct Person { email_is_verified, ways, asked_at });

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Signed with a key that is not known: the provider may have a new one.
    UnknownKey,
    /// Anything else; the word says which part does not hold.
    Wrong(&'static str),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::UnknownKey => Self::Token("key"),
            Fault::Wrong(what) => Self::Token(what),
        }
    }
}

/// What is read beside the claims that the library knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Further {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl AdditionalClaims for Further {}

type Token = IdToken<Further, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Further, CoreGenderClaim>;

/// Judges a token: who it is about, or which part of it does not hold.
pub fn judge(
    token: &str,
    parties: Parties<'_>,
    nonce: &str,
    keys: &[CoreJsonWebKey],
    now: Timestamp,
) -> Result<Person, Fault> {
    if token.len() > TOKEN_BYTES {
        return Err(Fault::Wrong("size"));
    }
    let token: Token = token.parse().map_err(|_| Fault::Wrong("shape"))?;
    let issuer = IssuerUrl::new(parties.issuer.to_owned()).map_err(|_| Fault::Wrong("issuer"))?;
    let keys = JsonWebKeySet::new(keys.to_vec());
    let early = now.plus_seconds(-SKEW_SECONDS).0.max(0).unsigned_abs();
    let verifier = IdTokenVerifier::new_public_client(ClientId::new(parties.client_id.to_owned()), issuer, keys)
        .set_allowed_algs(algorithms())
        .set_time_fn(move || (SystemTime::UNIX_EPOCH + Duration::from_micros(early)).into())
        .set_issue_time_verifier_fn(move |issued| {
            if is_in_time(issued.timestamp(), now) { Ok(()) } else { Err("issued at another time".to_owned()) }
        });
    let expected = Nonce::new(nonce.to_owned());
    let same = |presented: Option<&Nonce>| match presented {
        // The library's own comparison runs in the same time wherever the first difference is.
        Some(presented) if identity::token::same(presented.secret().as_bytes(), expected.secret().as_bytes()) => Ok(()),
        _ => Err("another nonce".to_owned()),
    };
    let claims = token.claims(&verifier, same).map_err(|error| fault(&error))?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != parties.client_id) {
        return Err(Fault::Wrong("authorized party"));
    }
    person(claims)
}

fn person(claims: &Claims) -> Result<Person, Fault> {
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > SUBJECT_BYTES {
        return Err(Fault::Wrong("subject"));
    }
    let acr = claims.auth_context_ref().map(|word| word.as_str().to_owned());
    let amr = claims.auth_method_refs().into_iter().flatten().map(|word| word.as_str().to_owned());
    Ok(Person {
        subject: subject.to_owned(),
        email: claims.email().map(|email| email.as_str().to_owned()),
        email_is_verified: claims.email_verified() == Some(true),
        name: claims.name().and_then(|names| names.get(None)).map(|name| name.as_str().to_owned()),
        session: claims.additional_claims().sid.clone().filter(|sid| !sid.is_empty() && sid.len() <= SUBJECT_BYTES),
        ways: acr.into_iter().chain(amr).collect(),
        asked_at: claims.auth_time().map(|asked| Timestamp::from_seconds(asked.timestamp())),
    })
}

/// Was it issued about now?
pub(crate) fn is_in_time(issued_seconds: i64, now: Timestamp) -> bool {
    let now = now.0.div_euclid(1_000_000);
    (now.saturating_sub(FRESH_SECONDS)..=now.saturating_add(SKEW_SECONDS)).contains(&issued_seconds)
}

/// The library's words are for programmers; ours name the part.
fn fault(error: &ClaimsVerificationError) -> Fault {
    match error {
        ClaimsVerificationError::Expired(_) => Fault::Wrong("time"),
        ClaimsVerificationError::InvalidAudience(_) => Fault::Wrong("audience"),
        ClaimsVerificationError::InvalidIssuer(_) => Fault::Wrong("issuer"),
        ClaimsVerificationError::InvalidNonce(_) => Fault::Wrong("nonce"),
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey => Fault::UnknownKey,
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature => Fault::Wrong("algorithm"),
            _ => Fault::Wrong("signature"),
        },
        _ => Fault::Wrong("shape"),
    }
}

/// A challenge for the code (RFC 7636, S256): what the provider compares with the verifier that is sent later.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(identity::token::hash(verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn tokens_are_taken_while_somebody_waits_for_them() {
        let now = Timestamp::from_seconds(1_000_000);
        for (seconds, good) in [
            (1_000_000 - FRESH_SECONDS, true),
            (1_000_000 - FRESH_SECONDS - 1, false),
            (1_000_000 + SKEW_SECONDS, true),
            (1_000_000 + SKEW_SECONDS + 1, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(is_in_time(seconds, now), good, "{seconds}");
        }
    }

    #[test]
    fn no_shared_secret_and_nothing_unsigned_is_among_the_algorithms() {
        use openidconnect::JwsSigningAlgorithm as _;
        for algorithm in algorithms() {
            assert!(!algorithm.uses_shared_secret() && algorithm != CoreJwsSigningAlgorithm::None, "{algorithm:?}");
        }
    }
}
