//! Session keys from a master key (RFC 3711, section 4.3), with a key derivation rate of zero: once for a call.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::{Error, Suite};

/// Bytes of an AES block.
pub const BLOCK_BYTES: usize = 16;
/// Bytes of the salt as the derivation counts it; the shorter salt of AES-GCM is filled up (RFC 7714, section 11).
const SALT_BYTES: usize = 14;
/// Bytes of the key of HMAC-SHA1.
const AUTHENTICATION_KEY_BYTES: usize = 20;
/// Where the label stands in the block: seven bytes above the end of the salt.
const LABEL_AT: usize = 7;

/// The labels of section 4.3.2: encryption, authentication, salt.
const SOUND: [u8; 3] = [0, 1, 2];
const REPORTS: [u8; 3] = [3, 4, 5];

/// The ciphers of sound and of reports.
pub fn ciphers(suite: Suite, master: &[u8]) -> Result<(Cipher, Cipher), Error> {
    let wanted = suite.master_bytes();
    if master.len() != wanted {
        return Err(Error::KeyLength { found: master.len(), wanted });
    }
    let (key, salt) = master.split_at(suite.key_bytes());
    let derivation = Derivation { key: counter_mode(key)?, salt };
    Ok((derivation.cipher(suite, SOUND)?, derivation.cipher(suite, REPORTS)?))
}

/// AES in counter mode with this key.
pub fn counter_mode(key: &[u8]) -> Result<EncryptingKey, Error> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| Error::Cipher)?;
    EncryptingKey::ctr(key).map_err(|_| Error::Cipher)
}

/// Adds the keystream that begins at `counter` to `bytes`.
pub fn add_keystream(key: &EncryptingKey, counter: [u8; BLOCK_BYTES], bytes: &mut [u8]) -> Result<(), Error> {
    let context = EncryptionContext::Iv128(counter.into());
    key.less_safe_encrypt(bytes, context).map(drop).map_err(|_| Error::Cipher)
}

struct Derivation<'a> {
    key: EncryptingKey,
    salt: &'a [u8],
}

impl Derivation<'_> {
    fn derive(&self, label: u8, length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut counter = [0; BLOCK_BYTES];
        counter[..self.salt.len().min(SALT_BYTES)].copy_from_slice(self.salt);
        counter[LABEL_AT] ^= label;
        let mut bytes = Zeroizing::new(vec![0; length]);
        add_keystream(&self.key, counter, &mut bytes)?;
        Ok(bytes)
    }

    fn cipher(&self, suite: Suite, [encryption, authentication, salt]: [u8; 3]) -> Result<Cipher, Error> {
        let key = self.derive(encryption, suite.key_bytes())?;
        let authentication = self.derive(authentication, AUTHENTICATION_KEY_BYTES)?;
        let salt = self.derive(salt, suite.salt_bytes())?;
        Cipher::new(suite, &key, &authentication, &salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711, appendix B.3.
    #[test]
    fn the_derived_keys_are_those_of_the_standard() {
        let key = hex::decode("E1F97A0D3E018BE0D64FA32C06DE4139").expect("hex");
        let salt = hex::decode("0EC675AD498AFEEBB6960B3AABE6").expect("hex");
        let derivation = Derivation { key: counter_mode(&key).expect("a key"), salt: &salt };
        for (label, expected) in [
            (0, "C61E7A93744F39EE10734AFE3FF7A087"),
            (2, "30CBBC08863D8C85D49DB34A9AE1"),
            (1, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"),
            // The labels of reports, as other software derives them.
            (3, "4C1AA45A81F73D61C800BBB00FBB1EAA"),
            (4, "8D54534FEB49AE8E7993A6BD0B844FC323A93DFD"),
            (5, "9581C7AD87B3E530BF3E4454A8B3"),
        ] {
            let derived = derivation.derive(label, expected.len() / 2).expect("derived");
            assert_eq!(hex::encode_upper(&*derived), expected, "label {label}");
        }
    }

    /// RFC 3711, appendix B.2.
    #[test]
    fn the_keystream_is_that_of_the_standard() {
        let key = counter_mode(&hex::decode("2B7E151628AED2A6ABF7158809CF4F3C").expect("hex")).expect("a key");
        let counter = hex::decode("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").expect("hex");
        let mut bytes = vec![0; 48];
        add_keystream(&key, counter.try_into().expect("a block"), &mut bytes).expect("a keystream");
        let expected =
            "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(hex::encode_upper(bytes), expected);
    }
}
