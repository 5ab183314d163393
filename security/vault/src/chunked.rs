//! Sealed objects as bytes: C2SP chunked encryption, the AES-256-GCM instance ("Cobblestone-256").
//!
//! Source: <https://c2sp.org/chunked-encryption>. A message is cut into chunks of 16 KiB; the last one is always
//! shorter (it may be empty), which is how a reader knows that nothing is missing. The first 56 bytes are a random salt
//! and a commitment to the key. Chunk `k` stands at a fixed place, so any range can be read alone.
//! This file is pure: geometry, derivation, and the sealing of one chunk.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::{KEY_LENGTH, Length, Secret};

/// Plaintext in every chunk but the last, in bytes.
pub const CHUNK_LENGTH: usize = 16_384;
/// Authentication tag after each chunk, in bytes.
pub const TAG_LENGTH: usize = 16;
/// A full chunk as stored, in bytes.
pub const SEALED_CHUNK_LENGTH: usize = CHUNK_LENGTH + TAG_LENGTH;
/// Length of the salt, in bytes.
pub const SALT_LENGTH: usize = 24;
/// Length of the commitment to the key, in bytes.
const COMMITMENT_LENGTH: usize = 32;
/// Salt and commitment, in bytes.
pub const HEADER_LENGTH: usize = SALT_LENGTH + COMMITMENT_LENGTH;
/// Chunks are numbered below this (2^38 in the specification; 2^32, the lowest limit that it advises, here).
pub const MAXIMUM_CHUNKS: u64 = 1 << 32;
/// Longest message, in bytes: the last chunk is never full.
pub const MAXIMUM_LENGTH: u64 = MAXIMUM_CHUNKS * CHUNK_LENGTH as u64 - 1;

const NONCE_LENGTH: usize = 12;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// The chunk, or the commitment in a header, does not belong to this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAuthentic;

/// The cipher of one object: made from its key, its salt and its context.
pub struct ObjectCipher {
    key: LessSafeKey,
    base_nonce: [u8; NONCE_LENGTH],
    header: [u8; HEADER_LENGTH],
}

impl ObjectCipher {
    /// For a new object. The salt must be random: it is never used twice with one key.
    pub fn create(input_key: &Secret, salt: &[u8; SALT_LENGTH], context: &[u8]) -> Self {
        let mut output = Zeroizing::new([0; KEY_LENGTH + NONCE_LENGTH + COMMITMENT_LENGTH]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, input_key.expose())
            .expand(&[INFO, salt, context], Length(output.len()))
            .and_then(|material| material.fill(output.as_mut()))
            .expect("76 bytes are less than the 16,320 that HKDF-SHA-512 can give");
        let (key, rest) = output.split_at(KEY_LENGTH);
        let (nonce, commitment) = rest.split_at(NONCE_LENGTH);
        let mut base_nonce = [0; NONCE_LENGTH];
        base_nonce.copy_from_slice(nonce);
        let mut header = [0; HEADER_LENGTH];
        header[..SALT_LENGTH].copy_from_slice(salt);
        header[SALT_LENGTH..].copy_from_slice(commitment);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("an AES-256-GCM key has 32 bytes");
        Self { key: LessSafeKey::new(key), base_nonce, header }
    }

    /// For an object that begins with `header`; refused unless its commitment is to this very key and context.
    pub fn open(input_key: &Secret, header: &[u8; HEADER_LENGTH], context: &[u8]) -> Result<Self, NotAuthentic> {
        let mut salt = [0; SALT_LENGTH];
        salt.copy_from_slice(&header[..SALT_LENGTH]);
        let cipher = Self::create(input_key, &salt, context);
        if bool::from(cipher.header.ct_eq(header)) { Ok(cipher) } else { Err(NotAuthentic) }
    }

    /// The first 56 bytes of the object.
    pub fn header(&self) -> &[u8; HEADER_LENGTH] {
        &self.header
    }

    /// Seals chunk number `index` in place and appends its tag. Each number is sealed once for one salt.
    pub fn seal_chunk(&self, index: u64, chunk: &mut Vec<u8>) {
        debug_assert!(index < MAXIMUM_CHUNKS && chunk.len() <= CHUNK_LENGTH);
        self.key
            .seal_in_place_append_tag(self.nonce(index), Aad::empty(), chunk)
            .expect("a chunk is far shorter than the 64 GiB that AES-GCM can seal");
    }

    /// Opens chunk number `index` (ciphertext and tag) and leaves its plaintext in `chunk`.
    pub fn open_chunk(&self, index: u64, chunk: &mut Vec<u8>) -> Result<(), NotAuthentic> {
        let opened = self.key.open_in_place(self.nonce(index), Aad::empty(), chunk).map_err(|_| NotAuthentic)?;
        let length = opened.len();
        chunk.truncate(length);
        Ok(())
    }

    /// The base nonce with the chunk's number, big-endian, added by exclusive or to its end.
    fn nonce(&self, index: u64) -> Nonce {
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce[NONCE_LENGTH - 8..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= counter;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

impl fmt::Debug for ObjectCipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ObjectCipher(..)")
    }
}

/// What stored bytes of a certain length hold, as far as the length alone can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Chunks of full length.
    pub full_chunks: u64,
    /// Stored bytes after the last full chunk: less than a full chunk.
    pub tail_length: usize,
}

impl Extent {
    /// None when not even the header is complete, or when there are more chunks than an object may have.
    pub fn of(stored_length: u64) -> Option<Self> {
        let body = stored_length.checked_sub(HEADER_LENGTH as u64)?;
        let full_chunks = body / SEALED_CHUNK_LENGTH as u64;
        let tail_length = (body % SEALED_CHUNK_LENGTH as u64) as usize;
        (full_chunks < MAXIMUM_CHUNKS).then_some(Self { full_chunks, tail_length })
    }

    /// Whether the tail is long enough to be the short last chunk of a finished object; only its tag can prove it.
    pub fn may_be_finished(self) -> bool {
        self.tail_length >= TAG_LENGTH
    }

    /// Bytes of plaintext in the full chunks.
    pub fn full_length(self) -> u64 {
        self.full_chunks * CHUNK_LENGTH as u64
    }
}

/// Where chunk number `index` begins in the stored object, in bytes.
pub fn chunk_offset(index: u64) -> u64 {
    HEADER_LENGTH as u64 + index * SEALED_CHUNK_LENGTH as u64
}

/// Stored length of a finished object with `length` bytes of plaintext.
pub fn stored_length(length: u64) -> u64 {
    chunk_offset(length / CHUNK_LENGTH as u64) + length % CHUNK_LENGTH as u64 + TAG_LENGTH as u64
}
