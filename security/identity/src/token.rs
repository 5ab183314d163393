//! Random secrets: how they are made, written and stored.
//!
//! A secret leaves the server once, as text. What stays is its SHA-256: every secret here has 256 random bits, so a
//! slow hash would add nothing (OWASP ASVS 6.5.2). Texts are base 32 in lower case without the letters i, l, o, u
//! (Crockford's alphabet), so that they survive being read aloud and never hold a word.

use std::fmt;

use aws_lc_rs::digest;
use storage::Entropy;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

pub mod pattern;

/// Random bytes in every secret.
pub const SECRET_BYTES: usize = 32;
/// How the token of an operator's session begins: never a credential of an organization, and known as such by its shape.
pub const OPERATOR_PREFIX: &str = "rf_operator_";
/// Characters of a secret as text.
pub const SECRET_TEXT_LENGTH: usize = 52;
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the row's id within a key.
const IDENTIFIER_LENGTH: usize = 26;
/// Characters of the checksum at the end of a key.
const CHECKSUM_LENGTH: usize = 7;

/// A secret as text, to be shown once. Printing it for debugging shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A fresh secret of 256 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; SECRET_BYTES];
        entropy.fill(&mut bytes);
        Self(encode(&bytes))
    }

    /// The text itself, for the one who may have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

/// SHA-256 of a presented secret, to look it up.
pub fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

/// Are the two hashes equal? The time does not depend on where they differ.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Which world a key acts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Real phones and real visitors.
    Live,
    /// Reaches simulated carriers only.
    Test,
}

impl Environment {
    /// The word in the key and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The environment of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "live" => Some(Self::Live),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// An API key as text: `rf_live_` + id (26) + `_` + secret (52) + checksum (7).
///
/// The fixed start lets scanners of leaked secrets find it; the checksum (CRC-32) lets them and us drop look-alikes
/// without asking the database.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    /// Live or test.
    pub environment: Environment,
    /// The row of the key.
    pub id: Uuid,
    text: String,
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyText({}, hidden)", self.environment.as_str())
    }
}

impl KeyText {
    /// A fresh key for the row `id`.
    pub fn generate(environment: Environment, id: Uuid, entropy: &dyn Entropy) -> Self {
        let body =
            format!("rf_{}_{}_{}", environment.as_str(), encode(id.as_bytes()), Secret::generate(entropy).reveal());
        let text = format!("{body}{}", checksum(&body));
        Self { environment, id, text }
    }

    /// Reads a presented key; `None` for anything that this server cannot have made.
    pub fn parse(text: &str) -> Option<Self> {
        let (environment, rest) = if let Some(rest) = text.strip_prefix("rf_live_") {
            (Environment::Live, rest)
        } else {
            (Environment::Test, text.strip_prefix("rf_test_")?)
        };
        let (id, secret) = rest.split_once('_')?;
        if id.len() != IDENTIFIER_LENGTH || secret.len() != SECRET_TEXT_LENGTH + CHECKSUM_LENGTH || !secret.is_ascii() {
            return None;
        }
        let body = &text[..text.len() - CHECKSUM_LENGTH];
        if checksum(body) != text[body.len()..] {
            return None;
        }
        let id = Uuid::from_bytes(decode(id)?.try_into().ok()?);
        Some(Self { environment, id, text: text.to_owned() })
    }

    /// The text itself, for the one who may have it.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.text)
    }
}

/// Base 32, most significant bits first, the last character padded with zero bits.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for &byte in bytes {
        pending = (pending << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(pending >> bits & 31) as usize]));
        }
        pending &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(pending << (5 - bits) & 31) as usize]));
    }
    text
}

/// The bytes of a base 32 text; `None` for a foreign letter or stray bits at the end.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|&known| known == letter)?;
        pending = (pending << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((pending >> bits) as u8);
            pending &= (1 << bits) - 1;
        }
    }
    (pending == 0).then_some(bytes)
}

/// CRC-32 (ISO-HDLC, the one of zip and Ethernet) in base 32.
fn checksum(text: &str) -> String {
    let mut register = u32::MAX;
    for byte in text.bytes() {
        register ^= u32::from(byte);
        for _ in 0..8 {
            register = if register & 1 == 1 { (register >> 1) ^ 0xEDB8_8320 } else { register >> 1 };
        }
    }
    encode(&(!register).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::SeededEntropy;

    #[test]
    fn crc_32_has_the_published_check_value() {
        // The check value of CRC-32/ISO-HDLC over "123456789" is CBF43926.
        assert_eq!(checksum("123456789"), encode(&0xCBF4_3926_u32.to_be_bytes()));
        assert_eq!(checksum("").len(), CHECKSUM_LENGTH);
    }

    #[test]
    fn a_key_comes_back_and_every_single_changed_letter_is_noticed() {
        let entropy = SeededEntropy::new(7);
        let key = KeyText::generate(Environment::Live, Uuid::from_u128(0xABCD << 100 | 5), &entropy);
        assert_eq!(key.reveal().len(), 94);
        assert_eq!(KeyText::parse(key.reveal()), Some(key.clone()));
        for position in 0..key.reveal().len() {
            let mut letters = key.reveal().as_bytes().to_vec();
            letters[position] = if letters[position] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(letters).expect("ascii");
            assert_eq!(KeyText::parse(&changed), None, "letter {position}");
        }
    }

    #[test]
    fn nonsense_is_no_key() {
        for text in
            ["", "rf_", "rf_live_", "rf_live__", "rf_test_ü_é", "Bearer", &"rf_live_".repeat(12), "rf_live_\u{1F600}_x"]
        {
            assert_eq!(KeyText::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_secrets_differ_and_none_is_printed() {
        let entropy = SeededEntropy::new(1);
        let (first, second) = (Secret::generate(&entropy), Secret::generate(&entropy));
        assert_ne!(first, second);
        assert_eq!(first.reveal().len(), SECRET_TEXT_LENGTH);
        assert!(!format!("{first:?}").contains(first.reveal()));
        let key = KeyText::generate(Environment::Test, Uuid::nil(), &entropy);
        assert!(!format!("{key:?}").contains(&key.reveal()[40..]));
    }

    #[test]
    fn base_32_comes_back() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|index| index.wrapping_mul(37) ^ 0xA5).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!(decode("0!"), None);
    }
}
