//! XAES-256-GCM: AES-256-GCM with random nonces of 192 bits, so that nobody has to count messages.
//!
//! Source: C2SP XAES-256-GCM, <https://c2sp.org/XAES-256-GCM>. A key for each message is derived by CMAC-AES256
//! (NIST SP 800-108r1, counter mode) from the first half of the nonce; AES-256-GCM (NIST SP 800-38D) runs under it with
//! the second half. Both vectors
//! of the specification are tests here.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cmac,
};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{KEY_LENGTH, Secret};

/// Length of the nonce, in bytes.
pub const NONCE_LENGTH: usize = 24;
/// Length of the authentication tag after the ciphertext, in bytes.
pub const TAG_LENGTH: usize = 16;
/// How much of the nonce goes into the derivation; the rest is the nonce of AES-256-GCM.
const DERIVATION_LENGTH: usize = 12;

/// The message is not authentic under this key, nonce and associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAuthentic;

/// A key that seals and opens messages.
#[derive(Clone)]
pub struct Xaes256Gcm {
    derivation: cmac::Key,
}

impl Xaes256Gcm {
    /// Prepares the key.
    pub fn new(key: &Secret) -> Self {
        let derivation = cmac::Key::new(cmac::AES_256, key.expose()).expect("an AES-256 key has 32 bytes");
        Self { derivation }
    }

    /// Appends ciphertext and tag (`message.len() + 16` bytes) to `output`. The nonce must be random: every nonce is
    /// used once.
    pub fn seal(&self, nonce: &[u8; NONCE_LENGTH], associated_data: &[u8], message: &[u8], output: &mut Vec<u8>) {
        let start = output.len();
        output.extend_from_slice(message);
        let (key, nonce) = self.message_key(nonce);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(associated_data), &mut output[start..])
            .expect("a message is far shorter than the 64 GiB that AES-GCM can seal");
        output.extend_from_slice(tag.as_ref());
    }

    /// The message inside `sealed` (ciphertext and tag), or that it is not authentic. Nothing unauthenticated leaves.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let mut message = Zeroizing::new(sealed.to_vec());
        let (key, nonce) = self.message_key(nonce);
        let length =
            key.open_in_place(nonce, Aad::from(associated_data), &mut message).map_err(|_| NotAuthentic)?.len();
        message.truncate(length);
        Ok(message)
    }

    /// The AES-256-GCM key and nonce of one message. The two inputs of CMAC are single blocks: counter (16 bits), the
    /// label "X", a zero byte, and the first twelve bytes of the nonce.
    fn message_key(&self, nonce: &[u8; NONCE_LENGTH]) -> (LessSafeKey, Nonce) {
        let (context, rest) = nonce.split_at(DERIVATION_LENGTH);
        let mut key = [0; KEY_LENGTH];
        for (counter, half) in (1_u8..).zip(key.chunks_exact_mut(KEY_LENGTH / 2)) {
            let mut block = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            block[4..].copy_from_slice(context);
            cmac::sign_to_buffer(&self.derivation, &block, half).expect("CMAC-AES256 gives the 16 bytes of half a key");
        }
        let message_key = UnboundKey::new(&AES_256_GCM, &key).expect("an AES-256-GCM key has 32 bytes");
        key.zeroize();
        let nonce = Nonce::try_assume_unique_for_key(rest).expect("24 minus 12 bytes are the 12 of a GCM nonce");
        (LessSafeKey::new(message_key), nonce)
    }
}

impl fmt::Debug for Xaes256Gcm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Xaes256Gcm(..)")
    }
}
