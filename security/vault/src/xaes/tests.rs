//! The vectors of the specification, and what must not open.

use super::*;

fn xaes(byte: u8) -> Xaes256Gcm {
    Xaes256Gcm::new(&Secret::from_slice(&[byte; KEY_LENGTH]).expect("32 bytes"))
}

fn sealed(key: &Xaes256Gcm, nonce: &[u8; NONCE_LENGTH], associated_data: &[u8], message: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    key.seal(nonce, associated_data, message, &mut output);
    output
}

const NONCE: &[u8; NONCE_LENGTH] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

#[test]
fn first_published_vector() {
    let sealed = sealed(&xaes(1), NONCE, b"", b"XAES-256-GCM");
    assert_eq!(hex::encode(sealed), "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
}

#[test]
fn second_published_vector() {
    let sealed = sealed(&xaes(3), NONCE, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM");
    assert_eq!(hex::encode(sealed), "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

#[test]
fn opens_what_it_sealed_and_nothing_that_was_changed() {
    let key = xaes(9);
    let message = b"a caller's name";
    let good = sealed(&key, NONCE, b"place", message);
    assert_eq!(key.open(NONCE, b"place", &good).expect("authentic").as_slice(), message);
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1;
        assert!(key.open(NONCE, b"place", &bad).is_err(), "byte {index} was changed");
    }
    for index in 0..NONCE_LENGTH {
        let mut nonce = *NONCE;
        nonce[index] ^= 0x80;
        assert!(key.open(&nonce, b"place", &good).is_err(), "nonce byte {index} was changed");
    }
    assert!(key.open(NONCE, b"other place", &good).is_err());
    assert!(xaes(8).open(NONCE, b"place", &good).is_err());
    for length in 0..good.len() {
        assert!(key.open(NONCE, b"place", &good[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn debug_prints_nothing_of_the_key() {
    assert_eq!(format!("{:?}", xaes(0x41)), "Xaes256Gcm(..)");
}
