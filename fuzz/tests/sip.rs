//! Everything of our own that reads what strangers say in SIP: session descriptions, digest challenges and answers, and
//! the scripts of the small phone. No input makes it panic, and what is read is written back as the same.

use std::time::Duration;

use bolero::check;
use fuzz::edited;
use sip::digest::{Authorization, Challenge, Ha1};
use sip::offer_answer::{self, Local, OwnKeys, Wanted};
use sip::security_description::Crypto;
use sip::session_description::{MEDIA_LIMIT, SessionDescription};
use telephony::signalling::log_filter;
use telephony::softphone::{self, ScriptError, Step};

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);

const OFFER: &str = "v=0\r\no=- 20518 0 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\na=sendonly\r\n\
    m=audio 54400 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
    a=ptime:20\r\na=inactive\r\nm=video 0 RTP/SAVP 96\r\nc=IN IP6 2001:db8::1\r\n";
const CRYPTO: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20 WSH=64";
const PROTECTED_OFFER: &str = "v=0\r\no=- 1 0 IN IP4 203.0.113.1\r\nc=IN IP4 203.0.113.1\r\nm=audio 54400 RTP/SAVP 0 8 101\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\na=rtpmap:101 telephone-event/8000\r\n\
    m=audio 54402 RTP/AVP 0\r\n";
const CHALLENGE: &str = "Digest realm=\"a \\\"b\\\"\", nonce=\"dcd98b\", qop=\"auth,auth-int\", opaque=\"x\", stale=TRUE, algorithm=SHA-256";
const ANSWER: &str = "Digest username=\"Mufasa\", realm=\"a\", nonce=\"dcd98b\", uri=\"sip:x\", qop=auth, nc=00000001, \
    cnonce=\"0a4f\", response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc\"";
const SCRIPT: &str = "# a caller\nlisten\nlisten 700\nwait 40\n  press 1 2#\nsay hello.wav\n\nhang-up\n";

#[test]
fn session_descriptions() {
    assert!(SessionDescription::parse(OFFER.as_bytes()).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(OFFER.as_bytes(), edits), edits.to_vec()] {
            let Ok(description) = SessionDescription::parse(&bytes) else { continue };
            assert!(description.media.len() <= MEDIA_LIMIT);
            let text = description.to_text();
            let again = SessionDescription::parse(text.as_bytes()).expect("what we write can be read");
            assert_eq!(again.media.len(), description.media.len(), "{text}");
        }
    });
}

#[test]
fn keys_in_session_descriptions() {
    assert!(Crypto::parse(CRYPTO).is_some());
    let mut count = 0u8;
    let keys = OwnKeys::draw(|bytes| {
        count += 1;
        bytes.fill(count);
    });
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let bytes = edited(CRYPTO.as_bytes(), edits);
        if let Some(crypto) = std::str::from_utf8(&bytes).ok().and_then(Crypto::parse) {
            assert_eq!(crypto.key.bytes().len(), crypto.suite.master_bytes());
            assert_eq!(Crypto::parse(&crypto.to_text()), Some(crypto));
        }
        let Ok(offer) = SessionDescription::parse(&edited(PROTECTED_OFFER.as_bytes(), edits)) else { return };
        for wanted in [Wanted::Plain, Wanted::Either, Wanted::Protected] {
            let media = ([127, 0, 0, 1], 4_000).into();
            let local = Local { media, session_id: 1, version: 1, wanted, keys: keys.clone() };
            if let Ok((answer, agreed)) = offer_answer::answer(&offer, &local) {
                assert_eq!(answer.media.len(), offer.media.len());
                assert!(agreed.secured.is_some() || wanted != Wanted::Protected, "plain where it is forbidden");
                assert!(agreed.secured.is_none() || wanted != Wanted::Plain, "keys that anybody could read");
            }
        }
    });
}

#[test]
fn digests() {
    let challenge = Challenge::parse(CHALLENGE).expect("a challenge");
    assert!(Authorization::parse(ANSWER).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(CHALLENGE.as_bytes(), edits), edited(ANSWER.as_bytes(), edits), edits.to_vec()] {
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(challenge) = Challenge::parse(&text) {
                let ha1 = Ha1::of(challenge.algorithm, "office", &challenge.realm, "secret");
                let answer = challenge.answer(&ha1, "office", "INVITE", "sip:x", "own", 1);
                assert!(answer.is_right(&ha1, "INVITE") && !answer.is_right(&ha1, "BYE"));
                assert_eq!(Challenge::parse(&challenge.to_header()), Ok(challenge), "{text}");
            }
            if let Ok(answer) = Authorization::parse(&text) {
                assert!(!answer.is_right(&Ha1::of(answer.algorithm, "office", &challenge.realm, "secret"), "INVITE"));
                assert_eq!(Authorization::parse(&answer.to_header()).as_ref(), Ok(&answer), "{text}");
            }
        }
    });
}

#[test]
fn scripts_of_the_small_phone() {
    let mut load = |name: &str| if name == "hello.wav" { Ok(vec![1]) } else { Err("no such sound".to_owned()) };
    assert_eq!(softphone::parse(SCRIPT, &mut load).map(|steps| steps.len()), Ok(6));
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(SCRIPT.as_bytes(), edits), edits.to_vec()] {
            let text = String::from_utf8_lossy(&bytes);
            let mut load = |name: &str| if name == "hello.wav" { Ok(vec![1]) } else { Err("no such sound".to_owned()) };
            match softphone::parse(&text, &mut load) {
                Ok(steps) => assert!(steps.iter().all(|step| *step != Step::Press(String::new()))),
                Err(ScriptError::Line { line, .. }) => assert!((1..=text.lines().count()).contains(&line)),
                Err(ScriptError::TooLong) => {}
            }
        }
    });
}

#[test]
fn wishes_about_the_log() {
    check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        let filter = log_filter(&String::from_utf8_lossy(bytes));
        assert_eq!(filter.matches("rsipstack").count(), 1, "{filter}");
        assert!(filter.ends_with("rsipstack=warn"), "{filter}");
    });
}
