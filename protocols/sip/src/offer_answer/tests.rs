//! Offers as phones and trunks make them, and any others.

use std::fmt::Write as _;

use super::*;
use proptest::prelude::*;

fn local() -> Local {
    taking(Wanted::Plain)
}

fn taking(wanted: Wanted) -> Local {
    let mut count = 0;
    let keys = OwnKeys::draw(|bytes| {
        count += 1;
        bytes.fill(count);
    });
    Local { media: "127.0.0.1:4000".parse().expect("address"), session_id: 7, version: 1, wanted, keys }
}

fn description(media: &str) -> SessionDescription {
    let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}");
    SessionDescription::parse(text.as_bytes()).expect("well formed")
}

#[test]
fn the_callers_order_of_codecs_decides() {
    let offer = description("m=audio 9000 RTP/AVP 9 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
    let (answer, agreed) = answer(&offer, &local()).expect("common codec");
    assert_eq!((agreed.codec, agreed.payload_type, agreed.telephone_event), (Codec::Pcma, 8, Some(101)));
    assert!(agreed.we_send && agreed.we_receive);
    assert_eq!(agreed.remote, "192.0.2.1:9000".parse().expect("address"));
    assert_eq!(answer.media[0].formats, ["8", "101"]);
    assert_eq!(answer.media[0].port, 4_000);
    assert!(answer.to_text().contains("a=fmtp:101 0-15\r\n"));
}

#[test]
fn what_is_not_spoken_is_refused_line_by_line() {
    let offer = description(
        "m=audio 9000 RTP/SAVP 0\r\nm=video 9002 RTP/AVP 31\r\nm=audio 9004 RTP/AVP 0\r\nm=audio 9006 RTP/AVP 0\r\n\
         m=image 9008 udptl t38\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    );
    let (answer, agreed) = answer(&offer, &local()).expect("the third line");
    assert_eq!(agreed.remote.port(), 9_004);
    let ports: Vec<u16> = answer.media.iter().map(|media| media.port).collect();
    assert_eq!(ports, [0, 0, 4_000, 0, 0, 0]);
    let text = answer.to_text();
    assert!(text.contains("m=audio 0 RTP/SAVP 0\r\n") && text.contains("m=image 0 udptl t38\r\n"), "{text}");
    assert_eq!(SessionDescription::parse(text.as_bytes()).expect("our own").media.len(), 6);
}

#[test]
fn hold_and_resume_are_mirrored() {
    let line = |attribute: &str| description(&format!("m=audio 9000 RTP/AVP 0\r\na={attribute}\r\n"));
    for (attribute, sends, receives, answered) in [
        ("sendrecv", true, true, Direction::SendReceive),
        ("sendonly", false, true, Direction::ReceiveOnly),
        ("recvonly", true, false, Direction::SendOnly),
        ("inactive", false, false, Direction::Inactive),
    ] {
        let (answer, agreed) = answer(&line(attribute), &local()).expect("codec");
        assert_eq!((agreed.we_send, agreed.we_receive), (sends, receives), "{attribute}");
        assert_eq!(answer.media[0].direction, answered, "{attribute}");
    }
    let old = description("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    let (answer, agreed) = answer(&old, &local()).expect("held");
    assert!(!agreed.we_send && !agreed.we_receive);
    assert_eq!(answer.media[0].direction, Direction::Inactive);
}

#[test]
fn an_offer_without_common_ground_says_why() {
    let refuse = |media: &str| answer(&description(media), &local()).expect_err("refused");
    assert_eq!(refuse(""), Refusal::NoAudio);
    assert_eq!(refuse("m=audio 0 RTP/AVP 0\r\n"), Refusal::NoAudio);
    assert_eq!(refuse("m=audio 9 RTP/SAVP 0\r\n"), Refusal::KeysInClear);
    assert_eq!(refuse("m=audio 9 UDP/TLS/RTP/SAVP 0\r\n"), Refusal::NoAudio);
    assert_eq!(refuse("m=audio 9 RTP/AVP 18 9\r\n"), Refusal::NoCodec);
    assert_eq!(refuse("m=audio 9 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n"), Refusal::NoCodec);
    assert_eq!(refuse("m=audio 9 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n"), Refusal::NoAddress);
    assert_eq!(refuse("m=audio 9 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n"), Refusal::NoAddress);
    assert_eq!(refuse("m=audio 9 RTP/AVP 0\r\nc=IN IP4 224.0.0.1\r\n"), Refusal::NoAddress);
    assert_eq!(refuse("m=audio 9 RTP/AVP 0\r\nc=IN IP4 255.255.255.255\r\n"), Refusal::NoAddress);
}

#[test]
fn a_codec_may_have_a_dynamic_number_and_an_event_another_clock() {
    let offer = description(
        "m=audio 9 RTP/AVP 96 97 98\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 pcma/8000\r\n",
    );
    let (answer, agreed) = answer(&offer, &local()).expect("PCMA by name");
    assert_eq!((agreed.codec, agreed.payload_type, agreed.telephone_event), (Codec::Pcma, 98, None));
    assert_eq!(answer.media[0].formats, ["98"]);
}

#[test]
fn our_offer_and_an_answer_meet() {
    let here = local();
    let there = Local { media: "127.0.0.1:5000".parse().expect("address"), session_id: 8, ..local() };
    let offered = offer(&here, Direction::SendReceive);
    let (answered, theirs) = answer(&offered, &there).expect("our own offer");
    let ours = accept(&answered, &here).expect("their answer");
    assert_eq!((ours.codec, ours.telephone_event), (theirs.codec, theirs.telephone_event));
    assert_eq!((ours.remote, theirs.remote), (there.media, here.media));
    assert_eq!(accept(&description(""), &here), Err(Refusal::NotTheOffer));
    assert_eq!(accept(&description("m=audio 0 RTP/AVP 0\r\n"), &here), Err(Refusal::NoAudio));
}

proptest! {
    #[test]
    fn an_answer_always_mirrors_the_offers_lines(
        kinds in proptest::collection::vec((0usize..4, 0usize..4, any::<u16>(), 0u8..128, 0usize..4), 0..10)
    ) {
        let kind = ["audio", "video", "image", "message"];
        let protocol = ["RTP/AVP", "RTP/SAVP", "udptl", "TCP/MSRP"];
        let direction = ["sendrecv", "sendonly", "recvonly", "inactive"];
        let mut lines = String::new();
        for &(k, p, port, format, d) in &kinds {
            let _ = write!(lines, "m={} {port} {} {format} 0\r\na={}\r\n", kind[k], protocol[p], direction[d]);
        }
        let offer = description(&lines);
        if let Ok((answer, agreed)) = answer(&offer, &local()) {
            prop_assert_eq!(answer.media.len(), offer.media.len());
            prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
            for (asked, given) in offer.media.iter().zip(&answer.media) {
                prop_assert_eq!((&asked.kind, &asked.protocol), (&given.kind, &given.protocol));
                prop_assert!(given.formats.iter().all(|format| asked.formats.contains(format)));
                if given.port != 0 {
                    prop_assert!(!agreed.we_send || asked.direction.receives());
                }
            }
        }
    }
}

const THEIRS: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn protected_offer() -> String {
    format!(
        "m=audio 9000 RTP/SAVP 0\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{THEIRS}|2^31\r\na=crypto:8 AES_CM_128_HMAC_SHA1_32 inline:{THEIRS}\r\n"
    )
}

#[test]
fn encrypted_sound_is_answered_encrypted_under_the_offered_number() {
    let (answer, agreed) = answer(&description(&protected_offer()), &taking(Wanted::Either)).expect("a common suite");
    let secured = agreed.secured.expect("protected");
    assert_eq!((secured.suite, secured.ours.bytes()), (Suite::AesCm128HmacSha1Tag80, &[3; 30][..]));
    assert_eq!(secured.theirs.bytes().len(), 30);
    assert_ne!(secured.theirs, secured.ours);
    let text = answer.to_text();
    assert!(text.contains("m=audio 4000 RTP/SAVP 0\r\n"), "{text}");
    assert!(text.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:AwMD"), "{text}");
    assert_eq!(text.matches("a=crypto").count(), 1, "{text}");
    assert!(!format!("{secured:?}{answer:?}").contains("[3, 3"), "keys are not shown");
}

#[test]
fn the_encrypted_line_is_taken_before_the_plain_one_and_the_strongest_suite_of_it() {
    let strong = format!("a=crypto:9 AEAD_AES_256_GCM inline:{}\r\n", "A".repeat(58) + "A=");
    let offer = description(&format!("m=audio 8000 RTP/AVP 0\r\n{}{strong}", protected_offer()));
    let (both, agreed) = answer(&offer, &taking(Wanted::Either)).expect("common ground");
    assert_eq!(both.media.iter().map(|media| media.port).collect::<Vec<_>>(), [0, 4_000]);
    assert_eq!(agreed.secured.map(|secured| secured.suite), Some(Suite::AeadAes256Gcm));
    let (_, agreed) = answer(&offer, &taking(Wanted::Plain)).expect("the plain line");
    assert!(agreed.secured.is_none() && agreed.remote.port() == 8_000);
}

#[test]
fn what_is_wanted_decides_what_is_refused_and_why() {
    let plain = description("m=audio 9000 RTP/AVP 0\r\n");
    let protected = description(&protected_offer());
    let without_key = description("m=audio 9000 RTP/SAVP 0\r\n");
    let weak =
        description(&format!("m=audio 9000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{THEIRS}\r\n"));
    let refusal = |offer: &SessionDescription, wanted| answer(offer, &taking(wanted)).err();
    assert_eq!(refusal(&plain, Wanted::Protected), Some(Refusal::NotProtected));
    assert_eq!(refusal(&plain, Wanted::Either), None);
    assert_eq!(refusal(&protected, Wanted::Plain), Some(Refusal::KeysInClear));
    assert_eq!(refusal(&without_key, Wanted::Either), Some(Refusal::NoSuite));
    assert_eq!(refusal(&weak, Wanted::Protected), Some(Refusal::NoSuite));
}

#[test]
fn our_encrypted_offer_wants_one_of_its_own_lines_back() {
    let (ours, theirs) = (taking(Wanted::Protected), taking(Wanted::Either));
    let made = offer(&ours, Direction::SendReceive);
    assert_eq!(made.media[0].crypto.len(), Suite::ALL.len());
    let read = SessionDescription::parse(made.to_text().as_bytes()).expect("our own");
    let (answered, heard) = answer(&read, &theirs).expect("a common suite");
    let agreed = accept(&answered, &ours).expect("one of ours");
    let (here, there) = (agreed.secured.expect("protected"), heard.secured.expect("protected"));
    assert_eq!((&here.suite, &here.ours, &here.theirs), (&there.suite, &there.theirs, &there.ours));
    assert_eq!(here.suite, Suite::AeadAes256Gcm);
    let changed = |change: fn(&mut Media)| {
        let mut answered = answered.clone();
        change(&mut answered.media[0]);
        accept(&answered, &ours).err()
    };
    assert_eq!(changed(|media| media.protocol = "RTP/AVP".into()), Some(Refusal::NotProtected), "no way down");
    assert_eq!(changed(|media| media.crypto[0].tag = 2), Some(Refusal::NoSuite));
    assert_eq!(changed(|media| media.crypto.push(media.crypto[0].clone())), Some(Refusal::NoSuite));
    assert_eq!(changed(|media| media.crypto.clear()), Some(Refusal::NoSuite));
}
