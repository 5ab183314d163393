//! Checkpoints: the size and root of the tree, signed, as a C2SP tlog-checkpoint in a C2SP signed note (Ed25519).
//!
//! ```text
//! ringfence/audit/<id of the installation>
//! 1234
//! <root, base64>
//!
//! — ringfence/audit/<id of the installation> <base64 of key id (4 bytes) and signature (64 bytes)>
//! ```
//!
//! Whoever keeps a checkpoint somewhere else can later prove that the log was changed below it. Pure; `driver` appends
//! to the files outside the database.

pub(crate) mod driver;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::log::{HASH_LENGTH, Hash};

/// The signature type of Ed25519 in signed notes.
const ED25519_TYPE: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const PUBLIC_KEY_LENGTH: usize = 32;
/// A note is never longer than this, in bytes: room for sixteen signatures, post-quantum ones among them.
pub const MAXIMUM_NOTE_LENGTH: usize = 100_000;
const SIGNATURE_START: &str = "\u{2014} ";

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root of the tree of these entries.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads the text of a note; extension lines are ignored.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let canonical_size = size == "0" || !size.starts_with('0') && size.bytes().all(|byte| byte.is_ascii_digit());
        if origin.is_empty() || !canonical_size || lines.any(str::is_empty) {
            return None;
        }
        let root: [u8; HASH_LENGTH] = STANDARD.decode(root).ok()?.try_into().ok()?;
        Some(Self { origin: origin.to_owned(), size: size.parse().ok()?, root })
    }
}

/// The public key that checkpoints of a log are checked with; its text form is that of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public_key: [u8; PUBLIC_KEY_LENGTH],
}

impl VerifierKey {
    /// The key of the log of this name.
    pub fn new(name: &str, public_key: [u8; PUBLIC_KEY_LENGTH]) -> Self {
        Self { name: name.to_owned(), public_key }
    }

    /// The log's name: the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id in hexadecimal digits, as its text form holds it.
    pub fn id_text(&self) -> String {
        hex::encode(self.id())
    }

    fn id(&self) -> [u8; KEY_ID_LENGTH] {
        let input = [self.name.as_bytes(), b"\n", &[ED25519_TYPE], &self.public_key].concat();
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&digest(&SHA256, &input).as_ref()[..KEY_ID_LENGTH]);
        id
    }

    /// The checkpoint inside a note, when this key signed it and it is about this log.
    pub fn open(&self, note: &str) -> Result<Checkpoint, BadNote> {
        let text = self.text_of(note)?;
        Checkpoint::parse(&text).filter(|checkpoint| checkpoint.origin == self.name).ok_or(BadNote::Malformed)
    }

    /// The text of a note about anything, when this key signed it. Signatures of other keys are ignored.
    ///
    /// # Errors
    /// See [`BadNote`].
    pub fn text_of(&self, note: &str) -> Result<String, BadNote> {
        if note.len() > MAXIMUM_NOTE_LENGTH || note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(BadNote::Malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(BadNote::Malformed)?;
        let text = format!("{text}\n");
        let mut signed = false;
        for line in signatures.strip_suffix('\n').ok_or(BadNote::Malformed)?.split('\n') {
            let line = line.strip_prefix(SIGNATURE_START).ok_or(BadNote::Malformed)?;
            let (name, signature) = line.split_once(' ').ok_or(BadNote::Malformed)?;
            let signature = STANDARD.decode(signature).map_err(|_| BadNote::Malformed)?;
            let (id, signature) = signature.split_first_chunk::<KEY_ID_LENGTH>().ok_or(BadNote::Malformed)?;
            if name == self.name && *id == self.id() {
                let key = UnparsedPublicKey::new(&ED25519, self.public_key);
                key.verify(text.as_bytes(), signature).map_err(|_| BadNote::BadSignature)?;
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(BadNote::NotSignedByThisKey) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], &self.public_key[..]].concat());
        write!(formatter, "{}+{}+{key}", self.name, self.id_text())
    }
}

impl FromStr for VerifierKey {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadNote::NotAKey);
        };
        let key = STANDARD.decode(key).map_err(|_| BadNote::NotAKey)?;
        let Some((&ED25519_TYPE, public_key)) = key.split_first() else { return Err(BadNote::NotAKey) };
        let public_key = public_key.try_into().map_err(|_| BadNote::NotAKey)?;
        let key = Self { name: name.to_owned(), public_key };
        let bad_name = name.is_empty() || name.contains(char::is_whitespace);
        if bad_name || key.id_text() != id { Err(BadNote::NotAKey) } else { Ok(key) }
    }
}

/// Why a note is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Not a note, not a checkpoint, or not of this log.
    #[error("this is no signed note under this name")]
    Malformed,
    /// The text is no public key, or its id does not fit.
    #[error("this is no public key for signed notes: name+id+key")]
    NotAKey,
    /// The signature of this very key is wrong: the text was changed.
    #[error("the signature does not fit the text")]
    BadSignature,
    /// Nobody that is trusted signed it.
    #[error("it is not signed by this key")]
    NotSignedByThisKey,
}

/// Signs checkpoints of one log, or other notes under the name that its key has.
pub struct Signer {
    key_pair: Ed25519KeyPair,
    verifier_key: VerifierKey,
}

impl Signer {
    /// The signer with this seed of 32 bytes; none when it is not one.
    pub fn new(name: &str, seed: &[u8]) -> Option<Self> {
        let key_pair = Ed25519KeyPair::from_seed_unchecked(seed).ok().filter(|_| seed.len() == HASH_LENGTH)?;
        let public_key = key_pair.public_key().as_ref().try_into().ok()?;
        Some(Self { key_pair, verifier_key: VerifierKey::new(name, public_key) })
    }

    /// What its notes are checked with.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier_key
    }

    /// The signed note of this log's tree.
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let name = self.verifier_key.name();
        self.sign_text(&Checkpoint { origin: name.to_owned(), size, root }.text())
    }

    /// The signed note with this text, which ends with a line break and holds no empty line.
    pub fn sign_text(&self, text: &str) -> String {
        let name = self.verifier_key.name();
        let signature = self.key_pair.sign(text.as_bytes());
        let signature = STANDARD.encode([&self.verifier_key.id()[..], signature.as_ref()].concat());
        format!("{text}\n{SIGNATURE_START}{name} {signature}\n")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.verifier_key)
    }
}
