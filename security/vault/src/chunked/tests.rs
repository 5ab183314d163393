//! Geometry at its edges, and chunks that must not open. The compatibility with another implementation is tested
//! where whole objects are made (`sealed_object`).

use super::*;

fn cipher(key: u8, salt: u8, context: &[u8]) -> ObjectCipher {
    ObjectCipher::create(&secret(key), &[salt; SALT_LENGTH], context)
}

fn secret(byte: u8) -> Secret {
    Secret::from_slice(&[byte; KEY_LENGTH]).expect("32 bytes")
}

#[test]
fn geometry_at_the_edges_of_chunks() {
    let chunk = CHUNK_LENGTH as u64;
    for (length, stored) in [
        (0, 72),
        (1, 73),
        (chunk - 1, 72 + chunk - 1),
        (chunk, 56 + 16_400 + 16),
        (chunk + 1, 56 + 16_400 + 17),
        (5 * chunk, 56 + 5 * 16_400 + 16),
    ] {
        assert_eq!(stored_length(length), stored, "length {length}");
        let extent = Extent::of(stored).expect("a header is there");
        assert!(extent.may_be_finished());
        assert_eq!(extent.full_length() + (extent.tail_length - TAG_LENGTH) as u64, length);
    }
}

#[test]
fn lengths_that_no_finished_object_has() {
    assert_eq!(Extent::of(0), None);
    assert_eq!(Extent::of(55), None);
    for stored in [56, 71, 56 + 16_400, 56 + 16_400 + 15] {
        assert!(!Extent::of(stored).expect("a header is there").may_be_finished(), "stored length {stored}");
    }
    let last = chunk_offset(MAXIMUM_CHUNKS - 1);
    assert!(Extent::of(last).is_some());
    assert_eq!(Extent::of(last + SEALED_CHUNK_LENGTH as u64), None);
    assert_eq!(Extent::of(u64::MAX), None);
    assert_eq!(Extent::of(stored_length(MAXIMUM_LENGTH)).expect("the longest").full_chunks, MAXIMUM_CHUNKS - 1);
}

#[test]
fn a_chunk_opens_only_in_its_place() {
    let cipher = cipher(1, 2, b"context");
    let mut sealed = b"sixteen kilobytes at most".to_vec();
    cipher.seal_chunk(7, &mut sealed);
    let mut opened = sealed.clone();
    cipher.open_chunk(7, &mut opened).expect("authentic");
    assert_eq!(opened, b"sixteen kilobytes at most");
    for index in [0, 6, 8, 7 + 256, 7 + (1 << 31)] {
        assert_eq!(cipher.open_chunk(index, &mut sealed.clone()), Err(NotAuthentic), "as chunk {index}");
    }
    for length in 0..sealed.len() {
        assert_eq!(cipher.open_chunk(7, &mut sealed[..length].to_vec()), Err(NotAuthentic), "cut to {length}");
    }
    for byte in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[byte] ^= 1;
        assert_eq!(cipher.open_chunk(7, &mut bad), Err(NotAuthentic), "byte {byte} changed");
    }
}

#[test]
fn the_commitment_holds_key_salt_and_context() {
    let header = *cipher(1, 2, b"context").header();
    assert!(ObjectCipher::open(&secret(1), &header, b"context").is_ok());
    assert!(ObjectCipher::open(&secret(2), &header, b"context").is_err());
    assert!(ObjectCipher::open(&secret(1), &header, b"other").is_err());
    for byte in 0..HEADER_LENGTH {
        let mut bad = header;
        bad[byte] ^= 1;
        assert!(ObjectCipher::open(&secret(1), &bad, b"context").is_err(), "byte {byte} changed");
    }
}

#[test]
fn debug_prints_nothing_of_the_key() {
    assert_eq!(format!("{:?}", cipher(0x41, 2, b"")), "ObjectCipher(..)");
}
