//! Tokens of providers, one by one: what is right is taken, and every part that is wrong is refused by its name.

use serde_json::{Value, json};
use sign_in::single_sign_on::claims::{Fault, Parties, SKEW_SECONDS, TOKEN_BYTES, judge};
use sign_in::single_sign_on::logout_token::{self, EVENT, TYPE};
use storage::Timestamp;

use crate::provider::{CLIENT, Signed, public, token};

const ISSUER: &str = "https://login.harbour.example";
const NOW: i64 = 1_800_000_000;
const PARTIES: Parties<'_> = Parties { issuer: ISSUER, client_id: CLIENT };

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": CLIENT, "sub": "ana", "iat": NOW, "exp": NOW + 300, "nonce": "n" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn fault(signed: Signed, claims: &Value) -> Option<Fault> {
    judge(&token(signed, Some("JWT"), claims), PARTIES, "n", &[public(1), public(2)], now()).err()
}

#[test]
fn a_right_token_says_who_it_is() {
    let mut claims = claims();
    for (name, value) in [
        ("email", json!("Ana@Harbour.example")),
        ("email_verified", json!(true)),
        ("name", json!("Ana Lee")),
        ("sid", json!("s-1")),
        ("acr", json!("urn:two")),
        ("amr", json!(["pwd", "mfa"])),
        ("auth_time", json!(NOW - 5)),
        ("azp", json!(CLIENT)),
    ] {
        claims[name] = value;
    }
    let person = judge(&token(Signed::With(2), Some("JWT"), &claims), PARTIES, "n", &[public(1), public(2)], now());
    let person = person.expect("taken");
    assert_eq!((person.subject.as_str(), person.email.as_deref()), ("ana", Some("Ana@Harbour.example")));
    assert!(person.email_is_verified && person.name.as_deref() == Some("Ana Lee"));
    assert_eq!(person.session.as_deref(), Some("s-1"));
    assert_eq!(person.ways, ["urn:two", "pwd", "mfa"]);
    assert_eq!(person.asked_at, Some(Timestamp::from_seconds(NOW - 5)));
    let bare = judge(&token(Signed::With(1), None, &self::claims()), PARTIES, "n", &[public(1)], now()).expect("taken");
    assert!(!bare.email_is_verified && bare.email.is_none() && bare.ways.is_empty() && bare.asked_at.is_none());
}

#[test]
fn signatures_that_are_none_shared_or_somebody_elses_are_refused() {
    assert_eq!(fault(Signed::With(1), &claims()), None);
    assert_eq!(fault(Signed::Not, &claims()), Some(Fault::Wrong("algorithm")));
    assert_eq!(fault(Signed::BySecret, &claims()), Some(Fault::Wrong("algorithm")));
    assert_eq!(fault(Signed::ByPublicKey(1), &claims()), Some(Fault::Wrong("algorithm")));
    assert_eq!(fault(Signed::Posing(3, 1), &claims()), Some(Fault::Wrong("signature")));
    assert_eq!(fault(Signed::With(3), &claims()), Some(Fault::UnknownKey));
    let whole = token(Signed::With(1), None, &claims());
    let (message, _) = whole.rsplit_once('.').expect("three parts");
    for cut in [format!("{message}."), message.to_owned(), String::new(), "a.b.c".to_owned(), "..".to_owned()] {
        assert!(judge(&cut, PARTIES, "n", &[public(1)], now()).is_err(), "{cut}");
    }
    let other = token(Signed::With(1), None, &with("sub", json!("owner")));
    let (_, payload) = other.split_once('.').expect("three parts");
    let swapped = format!(
        "{}.{}.{}",
        whole.split('.').next().unwrap_or_default(),
        payload.split('.').next().unwrap_or_default(),
        whole.rsplit('.').next().unwrap_or_default()
    );
    assert_eq!(judge(&swapped, PARTIES, "n", &[public(1)], now()), Err(Fault::Wrong("signature")));
    let huge = token(Signed::With(1), None, &with("name", json!("a".repeat(TOKEN_BYTES))));
    assert_eq!(judge(&huge, PARTIES, "n", &[public(1)], now()), Err(Fault::Wrong("size")));
}

#[test]
fn another_issuer_audience_party_nonce_or_time_is_refused() {
    for (claims, what) in [
        (with("iss", json!("https://login.harbour.example/")), "issuer"),
        (with("iss", json!("https://evil.example")), "issuer"),
        (with("aud", json!("another")), "audience"),
        (with("aud", json!([CLIENT, "another"])), "audience"),
        (with("aud", json!([])), "audience"),
        (with("azp", json!("another")), "authorized party"),
        (with("nonce", json!("m")), "nonce"),
        (without("nonce"), "nonce"),
        (with("exp", json!(NOW - SKEW_SECONDS)), "time"),
        (with("iat", json!(NOW + SKEW_SECONDS + 1)), "time"),
        (with("iat", json!(NOW - 3600)), "time"),
        (with("sub", json!("")), "subject"),
        (with("sub", json!("a".repeat(256))), "subject"),
        (without("sub"), "shape"),
        (without("exp"), "shape"),
        (without("iat"), "shape"),
        (without("aud"), "audience"),
        (without("iss"), "shape"),
        (json!([1]), "shape"),
    ] {
        assert_eq!(fault(Signed::With(1), &claims), Some(Fault::Wrong(what)), "{claims}");
    }
    for claims in [
        with("exp", json!(NOW - SKEW_SECONDS + 1)),
        with("iat", json!(NOW + SKEW_SECONDS)),
        with("aud", json!([CLIENT])),
        with("sub", json!("a".repeat(255))),
    ] {
        assert_eq!(fault(Signed::With(1), &claims), None, "{claims}");
    }
}

fn logout_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "iat": NOW, "exp": NOW + 120, "jti": "1", "sub": "ana", "sid": "s-1",
        "events": { EVENT: {} },
    })
}

fn logout_fault(signed: Signed, kind: Option<&str>, claims: &Value) -> Option<Fault> {
    logout_token::judge(&token(signed, kind, claims), PARTIES, &[public(1), public(2)], now()).err()
}

#[test]
fn a_logout_token_is_no_id_token_and_no_id_token_is_one() {
    let logout =
        logout_token::judge(&token(Signed::With(1), Some(TYPE), &logout_claims()), PARTIES, &[public(1)], now());
    let logout = logout.expect("taken");
    assert_eq!((logout.subject.as_deref(), logout.session.as_deref()), (Some("ana"), Some("s-1")));
    assert_eq!(logout_fault(Signed::With(1), Some("application/Logout+JWT"), &logout_claims()), None);
    for kind in [None, Some("JWT"), Some("at+jwt"), Some("")] {
        let fault = logout_fault(Signed::With(1), kind, &logout_claims());
        assert_eq!(fault, Some(Fault::Wrong("type")), "{kind:?}");
    }
    let whole = claims();
    assert!(logout_fault(Signed::With(1), Some(TYPE), &whole).is_some(), "an ID token under another name");
    let posing = token(Signed::With(1), Some(TYPE), &whole);
    assert!(judge(&posing, PARTIES, "n", &[public(1)], now()).is_err(), "and the other way round");
}

#[test]
fn every_part_of_a_logout_token_must_hold() {
    let changed = |name: &str, value: Value| {
        let mut claims = logout_claims();
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value,
        }
        claims
    };
    for (claims, what) in [
        (changed("iss", json!("https://evil.example")), "issuer"),
        (changed("aud", json!("another")), "audience"),
        (changed("aud", json!([])), "audience"),
        (changed("iat", json!(NOW - 3600)), "time"),
        (changed("iat", json!(NOW + 3600)), "time"),
        (changed("exp", json!(NOW - SKEW_SECONDS)), "time"),
        (changed("events", json!({})), "event"),
        (changed("events", json!({ EVENT: "yes" })), "event"),
        (changed("events", json!({ "http://schemas.openid.net/event/other": {} })), "event"),
        (changed("jti", json!("")), "event"),
        (changed("nonce", json!("n")), "nonce"),
        (changed("sub", json!("")), "subject"),
        (changed("exp", Value::Null), "shape"),
        (changed("jti", Value::Null), "shape"),
        (changed("events", Value::Null), "shape"),
    ] {
        assert_eq!(logout_fault(Signed::With(1), Some(TYPE), &claims), Some(Fault::Wrong(what)), "{claims}");
    }
    let mut nobody = changed("sub", Value::Null);
    assert_eq!(logout_fault(Signed::With(1), Some(TYPE), &nobody), None, "a session alone is enough");
    nobody.as_object_mut().expect("an object").remove("sid");
    assert_eq!(logout_fault(Signed::With(1), Some(TYPE), &nobody), Some(Fault::Wrong("subject")));
    for (signed, what) in [
        (Signed::Not, Fault::Wrong("algorithm")),
        (Signed::BySecret, Fault::Wrong("algorithm")),
        (Signed::ByPublicKey(1), Fault::Wrong("algorithm")),
        (Signed::Posing(3, 1), Fault::Wrong("signature")),
        (Signed::With(3), Fault::UnknownKey),
    ] {
        assert_eq!(logout_fault(signed, Some(TYPE), &logout_claims()), Some(what), "{signed:?}");
    }
}
