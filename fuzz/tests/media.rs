//! Everything that reads what strangers send as sound: no input makes it panic, and what is read is written back as the
//! same. Each target runs for a bounded time as a plain test and longer under a fuzzing engine.

use std::time::Duration;

use bolero::check;
use fuzz::edited;
use media::rtcp::{Compound, REPORTS_LIMIT};
use media::rtp::Packet;
use media::srtp::{Opener, Sealer, Suite};
use media::telephone_event::{PAYLOAD_BYTES, Payload};
use media::{rtp, wav};

/// How long a target runs as a plain test.
const TIME: Duration = Duration::from_secs(2);

#[test]
fn rtp_packets() {
    let mut seed = vec![0xB2, 0xE5, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4];
    seed.extend([9; 8]);
    seed.extend([0xBE, 0xDE, 0, 1, 5, 5, 5, 5, 42, 43, 0, 2]);
    assert!(Packet::parse(&seed).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(&seed, edits), edits.to_vec()] {
            let _ = rtp::is_rtcp(&bytes);
            let Ok(packet) = Packet::parse(&bytes) else { continue };
            assert!(packet.payload_type < 128 && packet.payload.len() <= bytes.len() - rtp::HEADER_BYTES);
            let mut written = Vec::new();
            packet.write(&mut written);
            assert_eq!(Packet::parse(&written), Ok(packet));
        }
    });
}

#[test]
fn protected_packets() {
    for suite in [Suite::AesCm128HmacSha1Tag80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        let master: Vec<u8> = (0..suite.master_bytes() as u8).collect();
        let (mut sealer, opener) = (Sealer::new(suite, &master), Opener::new(suite, &master));
        let mut seed = vec![0x80, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4, 5, 5, 5, 5];
        sealer.as_mut().expect("a key").seal(&mut seed).expect("sealed");
        let mut opener = opener.expect("a key");
        opener.open(&mut seed.clone()).expect("ours");
        check!().with_test_time(TIME).for_each(|edits: &[u8]| {
            for mut bytes in [edited(&seed, edits), edits.to_vec()] {
                // The true packet was heard before, and nobody else has the key: nothing ever opens.
                assert!(opener.open(&mut bytes.clone()).is_err());
                assert!(opener.open_report(&mut bytes).is_err());
            }
        });
    }
}

#[test]
fn rtcp_compounds() {
    let compound = Compound { source: 7, goodbyes: vec![7], ..Compound::default() };
    let seed = compound.to_bytes("a@b.example");
    assert!(Compound::parse(&seed).is_ok());
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in [edited(&seed, edits), edits.to_vec()] {
            let Ok(compound) = Compound::parse(&bytes) else { continue };
            assert!(compound.reports.len() <= REPORTS_LIMIT && compound.goodbyes.len() <= REPORTS_LIMIT);
            assert!(Compound::parse(&compound.to_bytes("a@b.example")).is_ok());
        }
    });
}

#[test]
fn telephone_events() {
    check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        let Some(payload) = Payload::parse(bytes) else { return assert!(bytes.len() < PAYLOAD_BYTES) };
        assert!(payload.volume <= 63);
        assert_eq!(Payload::parse(&payload.to_bytes()), Some(payload));
    });
}

#[test]
fn wav_files() {
    let seeds = [
        wav::write_pcm16(&[&[1, -1, 300, -300]]),
        wav::write_pcm16(&[&[1, 2, 3], &[4, 5, 6]]),
        b"RIFF\x30\0\0\0WAVEfmt \x10\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x04\0\0\0\xff\x7f\x00\x80".to_vec(),
    ];
    for seed in &seeds {
        assert!(wav::read(seed).is_ok());
    }
    check!().with_test_time(TIME).for_each(|edits: &[u8]| {
        for bytes in seeds.iter().map(|seed| edited(seed, edits)).chain([edits.to_vec()]) {
            let Ok(sound) = wav::read(&bytes) else { continue };
            let samples: usize = sound.channels.iter().map(Vec::len).sum();
            assert!(!sound.channels.is_empty() && samples <= bytes.len(), "more sound than bytes");
            assert!(sound.channels.iter().all(|channel| channel.len() == sound.channels[0].len()));
            drop(sound.to_telephone());
        }
    });
}
