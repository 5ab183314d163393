//! The two ways to protect one packet: counter mode with a keyed hash behind it (RFC 3711, sections 4.1 and 4.2), and
//! AES-GCM (RFC 7714, sections 8 and 9).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::keys::{BLOCK_BYTES, add_keystream, counter_mode};
use super::replay::Index;
use super::{ENCRYPTED, Error, REPORT_HEADER_BYTES, REPORT_INDEX_BYTES, Suite};

/// Bytes of the shortened tag of HMAC-SHA1.
const SHORT_TAG_BYTES: usize = 10;
/// Bytes of the tag of AES-GCM.
const TAG_BYTES: usize = 16;

/// The session keys of one direction and one kind of packet.
pub enum Cipher {
    /// AES counter mode and HMAC-SHA1.
    Counter {
        /// Encrypts; on the heap, because it is far larger than all else here.
        key: Box<EncryptingKey>,
        /// Authenticates; the same.
        authentication: Box<hmac::Key>,
        /// What the counter begins with.
        salt: [u8; 14],
    },
    /// AES-GCM.
    Galois {
        /// Does both.
        key: LessSafeKey,
        /// What the nonce begins with.
        salt: [u8; NONCE_LEN],
    },
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cipher(hidden)")
    }
}

impl Cipher {
    /// A cipher from session keys; the lengths are those of the suite.
    pub fn new(suite: Suite, key: &[u8], authentication: &[u8], salt: &[u8]) -> Result<Self, Error> {
        let algorithm = match suite {
            Suite::AesCm128HmacSha1Tag80 => {
                let salt = salt.try_into().map_err(|_| Error::Cipher)?;
                let authentication = Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication));
                return Ok(Cipher::Counter { key: Box::new(counter_mode(key)?), authentication, salt });
            }
            Suite::AeadAes128Gcm => &AES_128_GCM,
            Suite::AeadAes256Gcm => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| Error::Cipher)?;
        Ok(Cipher::Galois { key: LessSafeKey::new(key), salt: salt.try_into().map_err(|_| Error::Cipher)? })
    }

    /// Seals a packet whose first `header` bytes stay readable.
    pub fn seal_sound(&self, packet: &mut Vec<u8>, header: usize, at: Index) -> Result<(), Error> {
        match self {
            Cipher::Counter { key, authentication, salt } => {
                add_keystream(key, counter(salt, at), &mut packet[header..])?;
                let tag = hash(authentication, packet, &rollover(at));
                packet.extend_from_slice(&tag.as_ref()[..SHORT_TAG_BYTES]);
                Ok(())
            }
            Cipher::Galois { key, salt } => {
                let (head, body) = packet.split_at_mut(header);
                let tag = seal(key, nonce(salt, at), head, body)?;
                packet.extend_from_slice(tag.as_ref());
                Ok(())
            }
        }
    }

    /// Opens a packet, and takes its tag away.
    pub fn open_sound(&self, packet: &mut Vec<u8>, header: usize, at: Index) -> Result<(), Error> {
        match self {
            Cipher::Counter { key, authentication, salt } => {
                let end = packet.len().checked_sub(SHORT_TAG_BYTES).filter(|end| *end >= header);
                let end = end.ok_or(Error::Malformed)?;
                verify(authentication, &packet[..end], &rollover(at), &packet[end..])?;
                packet.truncate(end);
                add_keystream(key, counter(salt, at), &mut packet[header..])
            }
            Cipher::Galois { key, salt } => {
                let end = packet.len().checked_sub(TAG_BYTES).filter(|end| *end >= header);
                let end = end.ok_or(Error::Malformed)?;
                let (head, body) = packet.split_at_mut(header);
                open(key, nonce(salt, at), head, body)?;
                packet.truncate(end);
                Ok(())
            }
        }
    }

    /// Seals a report under an index of 31 bits.
    pub fn seal_report(&self, packet: &mut Vec<u8>, source: u32, index: u32) -> Result<(), Error> {
        let trailer = (index | ENCRYPTED).to_be_bytes();
        let at = Index { source, index: u64::from(index) };
        match self {
            Cipher::Counter { key, authentication, salt } => {
                add_keystream(key, counter(salt, at), &mut packet[REPORT_HEADER_BYTES..])?;
                packet.extend_from_slice(&trailer);
                let tag = hash(authentication, packet, &[]);
                packet.extend_from_slice(&tag.as_ref()[..SHORT_TAG_BYTES]);
            }
            Cipher::Galois { key, salt } => {
                let (head, body) = packet.split_at_mut(REPORT_HEADER_BYTES);
                let tag = seal(key, nonce(salt, at), &[&*head, &trailer].concat(), body)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
        }
        Ok(())
    }

    /// The index that a report carries, with the bit that says that it is encrypted. Not authentic yet.
    pub fn report_index(&self, packet: &[u8]) -> Result<u32, Error> {
        let behind = match self {
            Cipher::Counter { .. } => SHORT_TAG_BYTES,
            Cipher::Galois { .. } => 0,
        };
        let end = packet.len().checked_sub(behind).ok_or(Error::Malformed)?;
        let index = packet[..end].last_chunk::<REPORT_INDEX_BYTES>().ok_or(Error::Malformed)?;
        Ok(u32::from_be_bytes(*index))
    }

    /// Opens a report whose index was read before.
    pub fn open_report(&self, packet: &mut Vec<u8>, source: u32, index: u32) -> Result<(), Error> {
        let at = Index { source, index: u64::from(index & !ENCRYPTED) };
        let long_enough = |end: &usize| *end >= REPORT_HEADER_BYTES;
        match self {
            Cipher::Counter { key, authentication, salt } => {
                let signed = packet.len().checked_sub(SHORT_TAG_BYTES).ok_or(Error::Malformed)?;
                let end = signed.checked_sub(REPORT_INDEX_BYTES).filter(long_enough).ok_or(Error::Malformed)?;
                verify(authentication, &packet[..signed], &[], &packet[signed..])?;
                packet.truncate(end);
                add_keystream(key, counter(salt, at), &mut packet[REPORT_HEADER_BYTES..])
            }
            Cipher::Galois { key, salt } => {
                let end = packet.len().checked_sub(REPORT_INDEX_BYTES + TAG_BYTES).filter(long_enough);
                let end = end.ok_or(Error::Malformed)?;
                packet.truncate(end + TAG_BYTES);
                let (head, body) = packet.split_at_mut(REPORT_HEADER_BYTES);
                open(key, nonce(salt, at), &[&*head, &index.to_be_bytes()].concat(), body)?;
                packet.truncate(end);
                Ok(())
            }
        }
    }
}

/// Where the keystream of a packet begins (RFC 3711, section 4.1.1): the last two bytes count blocks.
fn counter(salt: &[u8; 14], at: Index) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..14].copy_from_slice(salt);
    add(&mut block[4..8], &at.source.to_be_bytes());
    add(&mut block[8..14], &at.index.to_be_bytes()[2..]);
    block
}

/// The nonce of a packet (RFC 7714, sections 8.1 and 9.1: for reports the index has 31 bits and zeros before it).
fn nonce(salt: &[u8; NONCE_LEN], at: Index) -> Nonce {
    let mut block = *salt;
    add(&mut block[2..6], &at.source.to_be_bytes());
    add(&mut block[6..12], &at.index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(block)
}

fn add(block: &mut [u8], bytes: &[u8]) {
    for (place, byte) in block.iter_mut().zip(bytes) {
        *place ^= byte;
    }
}

/// What of the index is not in the packet, but authenticated with it.
fn rollover(at: Index) -> [u8; 4] {
    ((at.index >> 16) as u32).to_be_bytes()
}

fn hash(key: &hmac::Key, packet: &[u8], more: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(packet);
    context.update(more);
    context.sign()
}

fn verify(key: &hmac::Key, packet: &[u8], more: &[u8], tag: &[u8]) -> Result<(), Error> {
    let expected = hash(key, packet, more);
    verify_slices_are_equal(&expected.as_ref()[..SHORT_TAG_BYTES], tag).map_err(|_| Error::NotAuthentic)
}

fn seal(key: &LessSafeKey, nonce: Nonce, with: &[u8], body: &mut [u8]) -> Result<Tag, Error> {
    key.seal_in_place_separate_tag(nonce, Aad::from(with), body).map_err(|_| Error::Cipher)
}

fn open(key: &LessSafeKey, nonce: Nonce, with: &[u8], body: &mut [u8]) -> Result<(), Error> {
    key.open_in_place(nonce, Aad::from(with), body).map(drop).map_err(|_| Error::NotAuthentic)
}
