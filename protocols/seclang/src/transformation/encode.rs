//! Bytes written in another way: base 64, URL, hashes, `%u` for characters beyond ASCII.

use base64::Engine as _;
use md5::Digest as _;

pub(super) fn base64(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(::base64::engine::general_purpose::STANDARD.encode(input).as_bytes());
}

pub(super) fn md5(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(&::md5::Md5::digest(input));
}

pub(super) fn sha1(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(&::sha1::Sha1::digest(input));
}

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(super) fn url(input: &[u8], output: &mut Vec<u8>) {
    for &byte in input {
        match byte {
            b' ' => output.push(b'+'),
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_') => output.push(byte),
            byte => output.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}

/// A character's length and number, without asking whether it is the shortest way to write it.
fn character(input: &[u8]) -> Option<(usize, u32)> {
    let first = *input.first()?;
    let (length, head) = match first {
        0xc0..=0xdf => (2, first & 0x1f),
        0xe0..=0xef => (3, first & 0x0f),
        0xf0..=0xf7 => (4, first & 0x07),
        _ => return None,
    };
    let mut value = u32::from(head);
    for byte in input.get(1..length)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        value = value << 6 | u32::from(byte & 0x3f);
    }
    Some((length, value))
}

/// `ä` becomes `%u00e4`; bytes that are no UTF-8 stay.
pub(super) fn utf8_to_unicode(input: &[u8], output: &mut Vec<u8>) {
    let mut place = 0;
    while place < input.len() {
        if let Some((length, value)) = character(&input[place..]) {
            output.extend_from_slice(format!("%u{value:04x}").as_bytes());
            place += length;
        } else {
            output.push(input[place]);
            place += 1;
        }
    }
}
