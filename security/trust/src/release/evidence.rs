//! The evidence of a release: what it was built from, which tests it passed, and the hashes of its files, in a signed note. Pure; the
//! command line reads the files.
//!
//! ```text
//! ringfence/releases
//! version 0.1.0
//! commit 2f6c…
//! toolchain rustc 1.95.0
//! advisories 5b1d… (the commit of the database in which known weaknesses of its crates were looked up)
//! tests 1602 passed, 0 failed, 0 skipped
//! sha256 9d3f… ringfence
//! sha256 77ab… ringfence.cdx.json
//!
//! — ringfence/releases <signature>
//! ```

use audit::checkpoint::{BadNote, VerifierKey};

/// Most files that one release has.
pub const MAXIMUM_FILES: usize = 100;

/// What a release says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEvidence {
    /// What was said before the files: version, commit, toolchain, advisories, tests; a word and the rest of its line.
    pub facts: Vec<(String, String)>,
    /// SHA-256 in hexadecimal digits, and the name of a file beside the note.
    pub files: Vec<(String, String)>,
}

/// Why evidence is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEvidence {
    /// It is no note, was changed, or somebody else signed it.
    #[error("{0}")]
    Note(#[from] BadNote),
    /// It is signed, and no evidence of a release.
    #[error("line {0} does not belong into the evidence of a release")]
    Unreadable(usize),
}

impl ReleaseEvidence {
    /// The evidence in a note that this key signed.
    ///
    /// # Errors
    /// See [`BadEvidence`].
    pub fn open(key: &VerifierKey, note: &str) -> Result<Self, BadEvidence> {
        let text = key.text_of(note)?;
        let mut evidence = Self { facts: Vec::new(), files: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let wrong = BadEvidence::Unreadable(index + 1);
            if index == 0 {
                if line != key.name() {
                    return Err(wrong);
                }
                continue;
            }
            let Some((word, rest)) = line.split_once(' ') else { return Err(wrong) };
            match (word, rest.split_once(' ')) {
                ("sha256", Some((hash, name))) if is_hash(hash) && is_plain(name) => {
                    evidence.files.push((hash.to_owned(), name.to_owned()));
                }
                ("sha256", _) => return Err(wrong),
                _ => evidence.facts.push((word.to_owned(), rest.to_owned())),
            }
            if evidence.files.len() > MAXIMUM_FILES {
                return Err(wrong);
            }
        }
        if evidence.files.is_empty() { Err(BadEvidence::Unreadable(0)) } else { Ok(evidence) }
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A name within the folder of the note, so that a note cannot point elsewhere.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\'])
}
