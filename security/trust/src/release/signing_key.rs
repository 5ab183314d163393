//! The key of whoever publishes releases, as text: `PRIVATE+KEY+<name>+<id>+<type and seed, base64>`, the form that tools for signed notes
//! use. Pure; the command line keeps it in a file that nobody else may read.

use std::fmt;

use audit::checkpoint::{Signer, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use storage::Entropy;
use zeroize::Zeroizing;

const PREFIX: &str = "PRIVATE+KEY+";
const ED25519_TYPE: u8 = 1;
const SEED_LENGTH: usize = 32;

/// The line of evidence of a build whose crates nobody looked up in a database of known weaknesses. No such release is signed.
const NOT_LOOKED_UP: &str = "advisories not looked up";

/// A key that signs releases.
pub struct SigningKey {
    signer: Signer,
    seed: Zeroizing<[u8; SEED_LENGTH]>,
}

impl SigningKey {
    /// A new key of this name; none when the name holds white space, a `+` or nothing.
    pub fn make(name: &str, entropy: &dyn Entropy) -> Option<Self> {
        let mut seed = Zeroizing::new([0; SEED_LENGTH]);
        entropy.fill(seed.as_mut());
        Self::of(name, seed)
    }

    fn of(name: &str, seed: Zeroizing<[u8; SEED_LENGTH]>) -> Option<Self> {
        if name.is_empty() || name.contains(|letter: char| letter == '+' || letter.is_whitespace()) {
            return None;
        }
        Some(Self { signer: Signer::new(name, seed.as_ref())?, seed })
    }

    /// Reads the text of a key; none when it is not one, or its id does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().strip_prefix(PREFIX)?.splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let key = Zeroizing::new(STANDARD.decode(key).ok()?);
        let (&ED25519_TYPE, seed) = key.split_first()? else { return None };
        let made = Self::of(name, Zeroizing::new(seed.try_into().ok()?))?;
        (made.verifier_key().id_text() == id).then_some(made)
    }

    /// The text that [`SigningKey::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let key = Zeroizing::new([&[ED25519_TYPE], self.seed.as_slice()].concat());
        let (name, id) = (self.verifier_key().name(), self.verifier_key().id_text());
        Zeroizing::new(format!("{PREFIX}{name}+{id}+{}\n", STANDARD.encode(&*key)))
    }

    /// What its notes are checked with; not secret.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// The signed note with this text; none when the text is no text of a note under this name: it must begin with the name, end with a
    /// line break, and hold no empty line. None, too, for evidence that says of itself that known weaknesses were not looked up.
    pub fn sign(&self, text: &str) -> Option<String> {
        let is_text = text.lines().next() == Some(self.verifier_key().name())
            && text.ends_with('\n')
            && !text.lines().any(|line| line.is_empty() || line == NOT_LOOKED_UP)
            && !text.chars().any(|letter| letter.is_control() && letter != '\n');
        is_text.then(|| self.signer.sign_text(text))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.verifier_key())
    }
}

#[cfg(test)]
mod tests {
    use storage::SystemEntropy;

    use super::SigningKey;

    #[test]
    fn a_key_is_read_as_it_was_written_and_prints_nothing_secret() {
        let key = SigningKey::make("ringfence/releases", &SystemEntropy).expect("a key");
        let text = key.to_text();
        let again = SigningKey::parse(&text).expect("read");
        assert_eq!(again.verifier_key(), key.verifier_key());
        let secret = text.trim().rsplit('+').next().expect("the seed");
        assert!(!format!("{key:?}").contains(secret));
        for wrong in [
            text.replace("ringfence/", "somebody/"),
            text.replace("PRIVATE", "PUBLIC"),
            text.replace(secret, "AQID"),
            String::new(),
        ] {
            assert!(SigningKey::parse(&wrong).is_none(), "another name does not fit the id");
        }
        for name in ["", "two words", "a+b", "a\nb"] {
            assert!(SigningKey::make(name, &SystemEntropy).is_none(), "{name}");
        }
    }

    #[test]
    fn only_a_text_under_its_name_is_signed() {
        let key = SigningKey::make("example", &SystemEntropy).expect("a key");
        let note = key.sign("example\nserial 1\n").expect("signed");
        assert_eq!(key.verifier_key().text_of(&note).expect("opens"), "example\nserial 1\n");
        assert!(key.sign("example\nadvisories 2f6c\n").is_some());
        for text in [
            "",
            "other\nserial 1\n",
            "example\nserial 1",
            "example\n\nserial 1\n",
            "example\nserial\t1\n",
            "example\r\n",
            "example\nversion 0.1.0\nadvisories not looked up\ntests 3 passed\n",
        ] {
            assert!(key.sign(text).is_none(), "{text:?}");
        }
    }
}
