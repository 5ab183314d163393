//! The RFCs' own examples, and headers that are nearly right.

use super::*;
use proptest::prelude::*;

const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const OWN_NONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

/// The example of RFC 7616, section 3.9.1.
fn example(algorithm: Algorithm) -> Authorization {
    let challenge = Challenge {
        realm: "http-auth@example.org".to_owned(),
        nonce: NONCE.to_owned(),
        opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".to_owned()),
        algorithm,
        protects: true,
        stale: false,
    };
    let ha1 = Ha1::of(algorithm, "Mufasa", &challenge.realm, "Circle of Life");
    challenge.answer(&ha1, "Mufasa", "GET", "/dir/index.html", OWN_NONCE, 1)
}

#[test]
fn the_rfcs_examples_come_out() {
    assert_eq!(example(Algorithm::Md5).response, "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(example(Algorithm::Sha256).response, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    // RFC 2617, section 3.5, without protection: the old form.
    let challenge =
        Challenge::parse("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    let challenge = challenge.expect("a challenge");
    let ha1 = Ha1::of(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
    assert_eq!(ha1.hex(), "939e7578ed9e3c518a452acee763bce9");
    assert!(!challenge.protects);
}

#[test]
fn an_answer_is_checked_by_the_stored_value_alone() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512Half] {
        let answer = Authorization::parse(&example(algorithm).to_header()).expect("our own header");
        assert_eq!(answer, example(algorithm));
        let stored = Ha1::of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        let stored = Ha1::from_hex(algorithm, stored.hex()).expect("hex");
        assert!(answer.is_right(&stored, "GET"));
        assert!(!answer.is_right(&stored, "INVITE"));
        let wrong = Ha1::of(algorithm, "Mufasa", "http-auth@example.org", "circle of life");
        assert!(!answer.is_right(&wrong, "GET"));
        let mut later = answer.clone();
        later.protection = Some(Protection { own_nonce: OWN_NONCE.to_owned(), count: 2 });
        assert!(!later.is_right(&stored, "GET"));
    }
}

#[test]
fn a_client_cannot_choose_a_weaker_algorithm() {
    let stored = Ha1::of(Algorithm::Sha256, "Mufasa", "http-auth@example.org", "Circle of Life");
    assert!(!example(Algorithm::Md5).is_right(&stored, "GET"));
}

#[test]
fn headers_are_read_strictly() {
    let parse = Challenge::parse;
    assert_eq!(parse("Basic realm=\"x\""), Err(Error::Malformed));
    assert_eq!(parse("Digest realm=\"x\""), Err(Error::Missing("nonce")));
    assert_eq!(parse("Digest realm=\"x\", realm=\"y\", nonce=\"n\""), Err(Error::Malformed));
    assert_eq!(parse("Digest realm=\"x"), Err(Error::Malformed));
    assert_eq!(parse("Digest realm=\"x\", nonce=\"n\", algorithm=MD4"), Err(Error::Unsupported));
    assert_eq!(parse("Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\""), Err(Error::Unsupported));
    let quoted = parse("digest realm=\"a \\\"b\\\" c\" , nonce = \"n,1\",qop=\"auth-int, auth\", stale=TRUE");
    let quoted = quoted.expect("well formed");
    assert_eq!((quoted.realm.as_str(), quoted.nonce.as_str()), ("a \"b\" c", "n,1"));
    assert!(quoted.protects && quoted.stale);
    assert_eq!(Challenge::parse(&quoted.to_header()), Ok(quoted));
    let count = |nc: &str| {
        Authorization::parse(&format!(
            "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"x\", qop=auth, cnonce=\"c\", nc={nc}"
        ))
    };
    assert_eq!(count("1"), Err(Error::Malformed));
    assert_eq!(count("0000000g"), Err(Error::Malformed));
    assert!(count("0000000a").is_ok_and(|answer| answer.protection.is_some_and(|protection| protection.count == 10)));
    let long = format!("Digest realm=\"{}\", nonce=\"n\"", "x".repeat(HEADER_LIMIT));
    assert_eq!(parse(&long), Err(Error::Malformed));
    let many: Vec<String> = (0..=PARAMETERS_LIMIT).map(|index| format!("p{index}=1")).collect();
    assert_eq!(parse(&format!("Digest {}", many.join(","))), Err(Error::Malformed));
}

#[test]
fn secrets_do_not_show() {
    let ha1 = Ha1::of(Algorithm::Md5, "a", "b", "c");
    assert!(!format!("{ha1:?} {:?}", example(Algorithm::Md5)).contains(ha1.hex()));
    assert_eq!(Ha1::from_hex(Algorithm::Md5, "939e"), None);
    assert_eq!(Ha1::from_hex(Algorithm::Md5, &"Z".repeat(32)), None);
}

proptest! {
    #[test]
    fn any_text_parses_or_fails(text in "\\PC{0,200}") {
        let _ = Challenge::parse(&text);
        let _ = Authorization::parse(&format!("Digest {text}"));
    }
}

#[test]
fn control_characters_are_refused() {
    for bad in ["a\nb", "a\r\nVia: x", "a\0b", "a\u{7f}b"] {
        let header = format!("Digest realm=\"{bad}\", nonce=\"n\"");
        assert_eq!(Challenge::parse(&header), Err(Error::Malformed), "{bad:?}");
    }
    assert!(Challenge::parse("Digest realm=\"a\tb\",\tnonce=\"n\"").is_ok());
}
