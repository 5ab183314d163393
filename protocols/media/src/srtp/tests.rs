//! SRTP against the vectors of RFC 3711 and RFC 7714, and against what was altered, replayed or never sealed.

use proptest::prelude::*;

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}

/// Sealer and opener over session keys, as the vectors of RFC 7714 name them.
fn over_session_keys(suite: Suite, key: &str, salt: &str) -> (Sealer, Opener) {
    let cipher = || Cipher::new(suite, &bytes(key), &[0; 20], &bytes(salt)).expect("session keys");
    let sealer = Sealer { sound: cipher(), reports: cipher(), sent: HashMap::new(), reports_sent: 0 };
    (sealer, Opener { sound: cipher(), reports: cipher(), heard: HashMap::new(), reported: HashMap::new() })
}

fn pair(suite: Suite) -> (Sealer, Opener) {
    let master: Vec<u8> = (0..suite.master_bytes() as u8).collect();
    (Sealer::new(suite, &master).expect("a key"), Opener::new(suite, &master).expect("a key"))
}

const ALL: [Suite; 3] = [Suite::AesCm128HmacSha1Tag80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];
const SALT: &str = "517569642070726f2071756f";
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// RFC 7714, sections 16.1 and 16.2.
#[test]
fn sound_in_galois_mode_is_that_of_the_standard() {
    let plain =
        bytes("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    for (suite, key, expected) in [
        (
            Suite::AeadAes128Gcm,
            &KEY[..32],
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            Suite::AeadAes256Gcm,
            KEY,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let (mut sealer, mut opener) = over_session_keys(suite, key, SALT);
        let mut packet = plain.clone();
        sealer.seal(&mut packet).expect("sealed");
        assert_eq!(hex::encode(&packet), expected, "{suite:?}");
        opener.open(&mut packet).expect("opened");
        assert_eq!(packet, plain);
    }
}

/// RFC 7714, sections 17.1 to 17.3.
#[test]
fn reports_in_galois_mode_are_those_of_the_standard() {
    let plain = bytes(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    for (suite, key, expected) in [
        (
            Suite::AeadAes128Gcm,
            &KEY[..32],
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
        ),
        (
            Suite::AeadAes256Gcm,
            KEY,
            "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
        ),
    ] {
        let (mut sealer, mut opener) = over_session_keys(suite, key, SALT);
        sealer.reports_sent = 0x5d3;
        let mut packet = plain.clone();
        sealer.seal_report(&mut packet).expect("sealed");
        assert_eq!(hex::encode(&packet), expected, "{suite:?}");
        opener.open_report(&mut packet).expect("opened");
        assert_eq!(packet, plain);
    }
    let only_signed = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef841dd9683dd78ec92ae58790125f62b3000005d4";
    let (_, mut opener) = over_session_keys(Suite::AeadAes128Gcm, &KEY[..32], SALT);
    assert_eq!(
        opener.open_report(&mut bytes(only_signed)),
        Err(Error::Malformed),
        "readable reports are not agreed on"
    );
}

/// The packets that libsrtp's own test holds for the key of RFC 3711, appendix B.3.
#[test]
fn counter_mode_is_what_other_software_speaks() {
    let master = bytes("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6");
    let (mut sealer, mut opener) =
        (Sealer::new(ALL[0], &master).expect("a key"), Opener::new(ALL[0], &master).expect("a key"));
    let plain = bytes("800f1234decafbadcafebabeabababababababababababababababab");
    let mut packet = plain.clone();
    sealer.seal(&mut packet).expect("sealed");
    assert_eq!(hex::encode(&packet), "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    opener.open(&mut packet).expect("opened");
    assert_eq!(packet, plain);
    let plain = bytes("81c8000bcafebabeabababababababababababababababab");
    let mut packet = plain.clone();
    sealer.seal_report(&mut packet).expect("sealed");
    assert_eq!(hex::encode(&packet), "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    opener.open_report(&mut packet).expect("opened");
    assert_eq!(packet, plain);
}

fn sound(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 9]);
    packet.extend_from_slice(&[0xD5; 160]);
    packet
}

#[test]
fn what_was_altered_is_refused_at_every_byte() {
    for suite in ALL {
        let (mut sealer, mut opener) = pair(suite);
        let mut packet = sound(7);
        sealer.seal(&mut packet).expect("sealed");
        assert!(!packet.windows(8).any(|window| window == [0xD5; 8]), "the sound cannot be read");
        for place in 0..packet.len() {
            let mut altered = packet.clone();
            altered[place] ^= 0x04;
            assert!(opener.open(&mut altered).is_err(), "{suite:?}, byte {place}");
        }
        for length in 0..packet.len() {
            assert!(opener.open(&mut packet[..length].to_vec()).is_err(), "{suite:?}, {length} bytes");
        }
        opener.open(&mut packet).expect("the true one still opens");
    }
}

#[test]
fn what_was_heard_is_not_heard_again() {
    for suite in ALL {
        let (mut sealer, mut opener) = pair(suite);
        let sealed: Vec<Vec<u8>> = (0..100)
            .map(|sequence| {
                let mut packet = sound(65_500u16.wrapping_add(sequence));
                sealer.seal(&mut packet).expect("sealed");
                packet
            })
            .collect();
        // In another order, around the wrap of the sequence number.
        for index in [1, 0, 2, 40, 36, 35, 37, 99] {
            opener.open(&mut sealed[index].clone()).unwrap_or_else(|error| panic!("{suite:?}, {index}: {error}"));
            assert_eq!(opener.open(&mut sealed[index].clone()), Err(Error::Replayed));
        }
        assert_eq!(opener.open(&mut sealed[35].clone()), Err(Error::Replayed), "at the edge of the window");
        opener.open(&mut sealed[38].clone()).expect("late, but not too late");
        assert_eq!(opener.open(&mut sealed[34].clone()), Err(Error::Replayed), "too late to tell");
    }
}

#[test]
fn nothing_is_sealed_twice_under_one_index() {
    let (mut sealer, _) = pair(ALL[2]);
    sealer.seal(&mut sound(3)).expect("the first");
    assert_eq!(sealer.seal(&mut sound(3)), Err(Error::Exhausted));
    assert_eq!(sealer.seal(&mut sound(2)), Err(Error::Exhausted));
    sealer.seal(&mut sound(4)).expect("the next");
    sealer.reports_sent = REPORT_INDEX_LIMIT - 1;
    let report = [0x80, 200, 0, 1, 0, 0, 0, 9];
    sealer.seal_report(&mut report.to_vec()).expect("the last");
    assert_eq!(sealer.seal_report(&mut report.to_vec()), Err(Error::Exhausted));
}

#[test]
fn reports_are_not_heard_again_and_strangers_never() {
    for suite in ALL {
        let (mut sealer, mut opener) = pair(suite);
        let mut packet = bytes("81c8000bcafebabeabababababababababababababababab");
        sealer.seal_report(&mut packet).expect("sealed");
        for place in 0..packet.len() {
            let mut altered = packet.clone();
            altered[place] ^= 0x01;
            assert!(opener.open_report(&mut altered).is_err(), "{suite:?}, byte {place}");
        }
        opener.open_report(&mut packet.clone()).expect("the true one");
        assert_eq!(opener.open_report(&mut packet), Err(Error::Replayed));
    }
}

#[test]
fn the_number_of_sources_has_its_limit_and_keys_their_length() {
    let (mut sealer, mut opener) = pair(ALL[0]);
    for source in 0..SOURCES_LIMIT as u8 {
        let mut packet = sound(1);
        packet[11] = source;
        sealer.seal(&mut packet).expect("sealed");
        opener.open(&mut packet).expect("opened");
    }
    let mut packet = sound(1);
    packet[11] = 99;
    assert_eq!(sealer.seal(&mut packet), Err(Error::TooManySources));
    assert_eq!(Sealer::new(ALL[2], &[0; 30]).err(), Some(Error::KeyLength { found: 30, wanted: 44 }));
    assert!(!format!("{sealer:?}").contains("0, 1, 2"), "keys are not shown");
}

proptest! {
    #[test]
    fn any_bytes_open_or_fail(packet in proptest::collection::vec(any::<u8>(), 0..200)) {
        for suite in ALL {
            let (mut sealer, mut opener) = pair(suite);
            prop_assert!(opener.open(&mut packet.clone()).is_err());
            prop_assert!(opener.open_report(&mut packet.clone()).is_err());
            let _ = sealer.seal(&mut packet.clone());
            let _ = sealer.seal_report(&mut packet.clone());
        }
    }

    #[test]
    fn what_is_sealed_opens(extension: bool, contributors in 0u8..4, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut packet = sound(5)[..12].to_vec();
        packet[0] |= contributors | if extension { 0x10 } else { 0 };
        packet.extend(std::iter::repeat_n(7, usize::from(contributors) * 4));
        if extension {
            packet.extend_from_slice(&[0xBE, 0xDE, 0, 1, 1, 2, 3, 4]);
        }
        packet.extend_from_slice(&body);
        for suite in ALL {
            let (mut sealer, mut opener) = pair(suite);
            let mut sealed = packet.clone();
            sealer.seal(&mut sealed).expect("sealed");
            prop_assert_eq!(sealed.len(), packet.len() + suite.tag_bytes());
            opener.open(&mut sealed).expect("opened");
            prop_assert_eq!(&sealed, &packet);
        }
    }
}
