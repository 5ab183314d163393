//! Everything that reads what strangers present about themselves: keys, passes, origins, addresses of proxies, and notes and
//! sealed objects that may have been altered. No input makes it panic, and nothing forged is taken for real.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use audit::checkpoint::VerifierKey;
use bolero::check;
use chat::embed_token::TokenText;
use chat::origin::Origin;
use chat::visitor::PassText;
use edge::TrustedProxies;
use fuzz::edited;
use http::{HeaderMap, HeaderValue};
use identity::Environment;
use identity::token::KeyText;
use storage::{OrganizationId, SeededEntropy};
use uuid::Uuid;
use vault::Secret;
use vault::chunked::{CHUNK_LENGTH, Extent, HEADER_LENGTH, ObjectCipher, SALT_LENGTH};

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);

#[test]
fn keys_and_passes() {
    let entropy = SeededEntropy::new(7);
    let (id, organization) = (Uuid::from_u128(1), OrganizationId(Uuid::from_u128(2)));
    let key = KeyText::generate(Environment::Live, id, &entropy);
    let pass = PassText::generate(organization, id, &entropy);
    let token = TokenText::generate(organization, &entropy);
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let altered = |seed: &str| String::from_utf8_lossy(&edited(seed.as_bytes(), edits)).into_owned();
        let text = altered(key.reveal());
        if let Some(read) = KeyText::parse(&text) {
            // The checksum tells a typing error; whoever computes it anew still has another secret.
            assert_eq!(read.reveal(), text);
            assert_eq!(read.hash() == key.hash(), text == key.reveal());
        }
        let text = altered(pass.reveal());
        if let Some(read) = PassText::parse(&text) {
            assert_eq!(read.hash() == pass.hash(), text == pass.reveal());
        }
        let text = altered(token.as_str());
        if let Some(read) = TokenText::parse(&text) {
            assert_eq!(read.hash() == token.hash(), text == token.as_str());
        }
    });
}

#[test]
fn origins() {
    let seed = "https://www.practice.example:8443";
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let text = String::from_utf8_lossy(&edited(seed.as_bytes(), edits)).into_owned();
        let Ok(origin) = Origin::parse(&text) else { return };
        let again = Origin::parse(origin.as_str()).expect("what was read is written as an origin");
        assert_eq!(again.as_str(), origin.as_str());
        let after_scheme = origin.as_str().split_once("://").expect("an origin has a scheme").1;
        assert!(!after_scheme.contains(['/', '?', '#', '@', ' ', '*']), "{text:?}");
    });
}

#[test]
fn addresses_behind_proxies() {
    let peer = IpAddr::from([127, 0, 0, 1]);
    let proxies = TrustedProxies::new(vec![peer.into()]);
    let seed = b"2001:db8::1, 198.51.100.7, 127.0.0.1";
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let Ok(value) = HeaderValue::from_bytes(&edited(seed, edits)) else { return };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-forwarded-for"), value)]);
        let stranger = IpAddr::from([203, 0, 113, 9]);
        assert_eq!(proxies.client_address(stranger, &headers), stranger, "a stranger is not believed");
        let client = proxies.client_address(peer, &headers);
        assert_eq!(client.to_canonical(), client);
        let is_named =
            text.split(',').any(|entry| entry.trim().parse().map(|it: IpAddr| it.to_canonical()) == Ok(client));
        assert!(client == peer || is_named, "{client} stands nowhere in {text:?}");
    });
}

#[test]
fn cross_site_checks() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let Ok(origin) = HeaderValue::from_bytes(&edited(b"https://desk.example.com", edits)) else { return };
        let same = origin.as_bytes().eq_ignore_ascii_case(b"https://desk.example.com")
            || origin.as_bytes().eq_ignore_ascii_case(b"http://desk.example.com");
        let headers = HeaderMap::from_iter([(http::header::ORIGIN, origin)]);
        // The scheme is spelled in small letters by every browser; anything else may be refused.
        let passed = edge::csrf::check(&headers, Some("desk.example.com")).is_ok();
        assert!(same || !passed);
    });
}

#[test]
fn altered_chunks_never_open() {
    let context = b"recording/1";
    let key = || Secret::from_slice(&[7; 32]).expect("32 bytes are a key");
    let cipher = ObjectCipher::create(&key(), &[9; SALT_LENGTH], context);
    let plain = b"what was said at the beginning of the call".to_vec();
    let mut sealed = plain.clone();
    cipher.seal_chunk(0, &mut sealed);
    let object = [&cipher.header()[..], &sealed].concat();
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let bytes = edited(&object, edits);
        let _ = Extent::of(bytes.len() as u64);
        let Some((header, chunk)) = bytes.split_first_chunk::<HEADER_LENGTH>() else { return };
        let mut chunk = chunk.to_vec();
        chunk.truncate(CHUNK_LENGTH);
        let opened = ObjectCipher::open(&key(), header, context).and_then(|cipher| cipher.open_chunk(0, &mut chunk));
        assert_eq!(opened.is_ok(), bytes == object);
        if opened.is_ok() {
            assert_eq!(chunk, plain);
        }
    });
}

#[test]
fn notes_that_nobody_signed() {
    let key = VerifierKey::new("ringfence.example/log", [3; 32]);
    let line = key.to_string();
    let note = "ringfence.example/log\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} ringfence.example/log AAAAAAAAAAAAAAAA\n";
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let text = String::from_utf8_lossy(&edited(note.as_bytes(), edits)).into_owned();
        assert!(key.open(&text).is_err(), "{text:?}");
        let text = String::from_utf8_lossy(&edited(line.as_bytes(), edits)).into_owned();
        if let Ok(read) = VerifierKey::from_str(&text) {
            assert_eq!(VerifierKey::from_str(&read.to_string()).as_ref(), Ok(&read));
        }
    });
}
