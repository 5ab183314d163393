//! Thirty-two bytes that must not leave memory: wiped when dropped, never printed, compared in constant time.

use std::fmt;

use aws_lc_rs::hkdf;
use storage::Entropy;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of every key in the vault, in bytes (256 bits).
pub const KEY_LENGTH: usize = 32;

/// A key of 32 bytes. `Debug` prints only that it is one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; KEY_LENGTH]);

impl Secret {
    /// A fresh key from the given source of randomness.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut secret = Self([0; KEY_LENGTH]);
        entropy.fill(&mut secret.0);
        secret
    }

    /// Takes exactly 32 bytes; anything else is none.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self([0; KEY_LENGTH]);
        if bytes.len() != KEY_LENGTH {
            return None;
        }
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    /// The bytes themselves, for the cipher that is about to use them.
    pub fn expose(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    /// Another key for another purpose: HKDF-Expand with SHA-512 (RFC 5869 section 2.3). The extract step is left out
    /// because this key is uniformly random already. Each part of the purpose is preceded by its length, so that no
    /// two lists of parts give the same key.
    pub fn derive(&self, purpose: &[&[u8]]) -> Self {
        let mut info = b"ringfence/v1".to_vec();
        for part in purpose {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part);
        }
        let mut derived = Self([0; KEY_LENGTH]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, &self.0)
            .expand(&[&info], Length(KEY_LENGTH))
            .and_then(|output| output.fill(&mut derived.0))
            .expect("32 bytes are less than the 16,320 that HKDF-SHA-512 can give");
        derived
    }
}

/// How many bytes HKDF is asked for.
pub(crate) struct Length(pub(crate) usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::from_slice(&[byte; KEY_LENGTH]).expect("32 bytes")
    }

    #[test]
    fn only_exactly_thirty_two_bytes_make_a_key() {
        assert!(Secret::from_slice(&[1; 31]).is_none());
        assert!(Secret::from_slice(&[1; 32]).is_some());
        assert!(Secret::from_slice(&[1; 33]).is_none());
    }

    #[test]
    fn debug_prints_nothing_of_the_key() {
        assert_eq!(format!("{:?}", secret(0x41)), "Secret(..)");
    }

    #[test]
    fn purposes_are_kept_apart_even_when_their_concatenation_is_equal() {
        let key = secret(7);
        assert_eq!(key.derive(&[b"fields"]), key.derive(&[b"fields"]));
        assert_ne!(key.derive(&[b"ab", b"cd"]), key.derive(&[b"abc", b"d"]));
        assert_ne!(key.derive(&[b"ab"]), key.derive(&[b"ab", b""]));
        assert_ne!(key.derive(&[b"ab"]), secret(8).derive(&[b"ab"]));
        assert_ne!(key.derive(&[]), key);
    }
}
