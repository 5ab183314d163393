//! A promise: one published sentence, and the probe that looks whether it holds or the tests that prove it before a release. The sentences
//! stand in `promises/*.toml` at the root of the project and travel inside the binary.

use serde::Deserialize;

use crate::Error;

/// The rows of the project's list of promises that sentences may say they cover (S1 to S142).
const LAST_ROW: u16 = 142;
/// A sentence that needs more is two sentences.
const LONGEST_SENTENCE_CHARACTERS: usize = 180;
/// A probe runs at least once a day; else its state is old news.
const MOST_MINUTES_BETWEEN_RUNS: u32 = 24 * 60;
const LEAST_MINUTES_BETWEEN_RUNS: u32 = 1;
const DEFAULT_MINUTES_BETWEEN_RUNS: u32 = 30;

/// The files, by name; a test compares this list with the folder.
const FILES: &[(&str, &str)] = &[
    ("access", include_str!("../../../promises/access.toml")),
    ("sign_in", include_str!("../../../promises/sign_in.toml")),
    ("separation", include_str!("../../../promises/separation.toml")),
    ("secrecy", include_str!("../../../promises/secrecy.toml")),
    ("chat", include_str!("../../../promises/chat.toml")),
    ("phone", include_str!("../../../promises/phone.toml")),
    ("surface", include_str!("../../../promises/surface.toml")),
    ("record", include_str!("../../../promises/record.toml")),
];

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// Short and stable: part of addresses and of stored evidence.
    pub id: String,
    /// The sentence that people read.
    pub sentence: String,
    /// Rows of the project's list (`S3`) that it covers, wholly or in part.
    pub covers: Vec<String>,
    /// How it is looked at, in one sentence for the curious.
    pub how: String,
    /// What it does not say: the honest edge of the sentence.
    #[serde(default)]
    pub limit: Option<String>,
    /// The name of the probe that looks at the running system.
    #[serde(default)]
    pub probe: Option<String>,
    /// Tests that prove it before a release: `folder/file.rs::name_of_the_test`.
    #[serde(default)]
    pub proofs: Vec<String>,
    /// Minutes between two runs of the probe.
    #[serde(default = "default_minutes")]
    pub every_minutes: u32,
}

const fn default_minutes() -> u32 {
    DEFAULT_MINUTES_BETWEEN_RUNS
}

/// Promises under one heading, from one file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// The heading.
    pub title: String,
    /// What the chapter is about, in a sentence.
    pub lead: String,
    /// Its promises, in the order of the page.
    #[serde(rename = "promise")]
    pub promises: Vec<Promise>,
}

/// Every promise that this version publishes.
#[derive(Debug, Clone)]
pub struct Promises {
    /// The chapters, in the order of the page.
    pub chapters: Vec<Chapter>,
}

impl Promises {
    /// Those inside this binary.
    pub fn published() -> Result<Self, Error> {
        Self::read(FILES)
    }

    /// Reads files of (name, text). Refuses a sentence that nothing looks at, a doubled id, an unknown row.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, Error> {
        let mut chapters = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        for (file, text) in files {
            let refuse = |why: String| Error::Promises { file: (*file).to_owned(), why };
            let chapter: Chapter = toml::from_str(text).map_err(|error| refuse(error.message().to_owned()))?;
            for promise in &chapter.promises {
                promise.check().map_err(|why| refuse(format!("`{}` {why}", promise.id)))?;
                if ids.contains(&promise.id) {
                    return Err(refuse(format!("`{}` stands there twice", promise.id)));
                }
                ids.push(promise.id.clone());
            }
            chapters.push(chapter);
        }
        Ok(Self { chapters })
    }

    /// All promises, in the order of the page.
    pub fn all(&self) -> impl Iterator<Item = &Promise> {
        self.chapters.iter().flat_map(|chapter| &chapter.promises)
    }
}

impl Promise {
    fn check(&self) -> Result<(), String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || !self.id.bytes().all(plain) {
            return Err("has an id that is not made of small letters, digits and hyphens".to_owned());
        }
        if !self.sentence.ends_with('.') || self.sentence.chars().count() > LONGEST_SENTENCE_CHARACTERS {
            return Err(format!("is not one sentence of at most {LONGEST_SENTENCE_CHARACTERS} characters"));
        }
        if self.probe.is_none() && self.proofs.is_empty() {
            return Err("has neither a probe nor a proof, so it may not be published".to_owned());
        }
        if self.covers.is_empty() || !self.covers.iter().all(|row| is_row(row)) {
            return Err("does not say which rows (S1 to S142) it covers".to_owned());
        }
        if !(LEAST_MINUTES_BETWEEN_RUNS..=MOST_MINUTES_BETWEEN_RUNS).contains(&self.every_minutes) {
            return Err(format!("runs every {} minutes; 1 to {MOST_MINUTES_BETWEEN_RUNS} may be", self.every_minutes));
        }
        Ok(())
    }
}

fn is_row(row: &str) -> bool {
    row.strip_prefix('S').and_then(|digits| digits.parse::<u16>().ok()).is_some_and(|row| (1..=LAST_ROW).contains(&row))
}

#[cfg(test)]
mod tests;
