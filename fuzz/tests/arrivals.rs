//! What strangers send first and what is brought from outside: heads and streams of SIP, ranges of sound, answers to riddles, words of visitors,
//! logout tokens, records of the log, lists and evidence of releases. No input makes their readers panic, and limits hold.
//!
//! Not here: PDF is read by a library in a process of its own, which may end as it likes (`server/tests/whole/malformed`); the claims of expiring links
//! are read only after our own tag was checked; settings are the operator's and read by `toml`.

use std::time::Duration;

use agents::command::COMMANDS_PER_TURN_MAX;
use agents::profile::sample;
use agents::turn::{Awaited, ChannelKind, TurnView};
use agents::understand;
use audit::checkpoint::Signer;
use audit::entry::Record;
use bolero::check;
use edge::Challenge;
use fuzz::edited;
use sign_in::single_sign_on::claims::Parties;
use sign_in::single_sign_on::logout_token;
use storage::{SystemEntropy, Timestamp};
use telephony::playback::{self, Span};
use telephony::signalling::stream::{Frame, Framer, MESSAGE_LIMIT};
use telephony::signalling::wire::{self, Look};
use trust::release::{self, ReleaseEvidence};

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);
const INVITE: &str = "INVITE sip:practice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK7;rport\r\nFrom: \"A. Caller\" <sip:a@x>;tag=1\r\n\
    To: <sip:practice@127.0.0.1>\r\nCall-ID: c7\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:5080>\r\nMax-Forwards: 70\r\nSubject: folded\r\n line\r\n\
    User-Agent: phone/1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nhello";
const LIST: &str = "example\nserial 42\nissued 2026-11-22T09:00:00Z\nexpires 2026-12-22T09:00:00Z\nrelease 0.1.0\nweakness W-1 rustls >=0.1,<0.23.50\n";
const EVIDENCE: &str =
    "example\nversion 0.1.0\nsha256 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a ringfence\n";
/// `{"alg":"RS256","typ":"logout+jwt"}.{"iss":"https://i.example","aud":"a","iat":1,"exp":2,"jti":"1","events":{}}.AA`
const LOGOUT_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSIsImF1ZCI6ImEiLCJpYXQiOjEsImV4cCI6MiwianRpIjoiMSIsImV2ZW50cyI6e319.AA";

#[test]
fn heads_of_sip_messages() {
    assert!(matches!(wire::look(INVITE.as_bytes()), Look::Read(_)));
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for mut bytes in [edited(INVITE.as_bytes(), edits), edits.to_vec()] {
            let length = bytes.len();
            wire::unfold(&mut bytes);
            assert_eq!(bytes.len(), length, "unfolding moves nothing");
            if let Look::Read(read) = wire::look(&bytes) {
                assert!(read <= length);
            }
            let _ =
                (wire::new_call(&bytes), wire::user_agent(&bytes), wire::is_probe(&bytes), wire::body_length(&bytes));
            let answer = wire::answer(&bytes, sip::Status::BAD_REQUEST, "");
            assert!(answer.is_empty() || answer.starts_with(b"SIP/2.0 400"));
        }
    });
}

/// However a stream is cut into packets, the same messages come out, and none is too long.
#[test]
fn streams_of_sip_messages() {
    let messages = |pieces: &[&[u8]]| {
        let (mut framer, mut found) = (Framer::default(), Vec::new());
        for piece in pieces {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(frame)) => found.push(frame),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
        (found, None)
    };
    let two = format!("{INVITE}\r\n\r\n{INVITE}");
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let bytes = edited(two.as_bytes(), edits);
        let (whole, error) = messages(&[&bytes]);
        for frame in &whole {
            assert!(!matches!(frame, Frame::Message(message) if message.len() > MESSAGE_LIMIT));
        }
        let place = edits.first().map_or(0, |first| usize::from(*first) * bytes.len() / 256);
        let (head, tail) = bytes.split_at(place);
        let (parts, other) = messages(&[head, tail]);
        let real = |frames: &[Frame]| frames.iter().filter(|frame| **frame != Frame::Ping).cloned().collect::<Vec<_>>();
        assert_eq!((real(&whole), error), (real(&parts), other), "cut at {place}");
    });
}

#[test]
fn ranges_stay_within_the_file() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for seed in ["bytes=0-499", "bytes=-500", "bytes=9500-", "bytes=0-0,-1"] {
            let bytes = edited(seed.as_bytes(), edits);
            let text = String::from_utf8_lossy(&bytes);
            for length in [0, 1, 500, 10_000, u64::MAX] {
                if let Span::Part { first, last } = playback::span(Some(&text), length) {
                    assert!(first <= last && last < length, "{text} of {length}: {first}-{last}");
                }
            }
        }
    });
}

#[test]
fn riddles_that_were_not_set() {
    let real = Challenge::new(&SystemEntropy, Timestamp(1)).text();
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let bytes = edited(real.as_bytes(), edits);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(challenge) = Challenge::parse(&text) {
            assert_eq!(challenge.text(), text, "one text for one riddle");
            let _ = challenge.is_solved_by(7);
        }
    });
}

#[test]
fn words_of_visitors() {
    let (profile, now) = (sample(), jiff::civil::datetime(2026, 11, 22, 10, 0, 0, 0));
    let view = TurnView {
        channel: ChannelKind::Chat,
        local_now: now,
        flow: None,
        awaited: Awaited::Nothing,
        choices: Vec::new(),
    };
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for seed in [
            "I would like to come tomorrow at half past ten, my name is Henrietta Marlow",
            "+44 117 496 0123 or olive.hart@example.com, the 31st of December 2026, 9:30pm",
            "yes please / no / number 2 / the second one / a person",
        ] {
            for bytes in [edited(seed.as_bytes(), edits), edits.to_vec()] {
                let commands = understand::commands(&profile, &view, &String::from_utf8_lossy(&bytes));
                assert!((1..=COMMANDS_PER_TURN_MAX).contains(&commands.len()));
            }
        }
    });
}

#[test]
fn logout_tokens_that_nobody_signed() {
    let parties = Parties { issuer: "https://i.example", client_id: "a" };
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(LOGOUT_TOKEN.as_bytes(), edits), edits.to_vec()] {
            let token = String::from_utf8_lossy(&bytes);
            assert!(logout_token::judge(&token, parties, &[], Timestamp(1_500_000)).is_err(), "{token}");
        }
    });
}

#[test]
fn records_of_the_log() {
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let text = String::from_utf8_lossy(edits);
        if let Some(record) = Record::parse(&text) {
            assert_eq!(record.text(), text, "one text for one record");
        }
    });
}

/// What is signed is read even when the signer means harm or makes mistakes.
#[test]
fn lists_and_evidence_of_releases() {
    let signer = Signer::new("example", &[7; 32]).expect("a seed");
    let (key, now) = (signer.verifier_key(), Timestamp(1_795_600_000_000_000));
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        let list = String::from_utf8_lossy(&edited(LIST.as_bytes(), edits)).into_owned();
        if let Ok(read) = release::accept(key, &signer.sign_text(&list), Some(42), now) {
            assert!(read.serial >= 42 && read.expires_at > now);
        }
        let evidence = String::from_utf8_lossy(&edited(EVIDENCE.as_bytes(), edits)).into_owned();
        if let Ok(read) = ReleaseEvidence::open(key, &signer.sign_text(&evidence)) {
            assert!(
                read.files.iter().all(|(hash, name)| hash.len() == 64 && !name.contains('/') && !name.starts_with('.'))
            );
        }
    });
}
