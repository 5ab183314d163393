//! The signed list of releases: its text, and whether it is believed. Pure.
//!
//! A C2SP signed note (Ed25519) with this text, in which each line says one thing:
//!
//! ```text
//! ringfence/releases
//! serial 42
//! issued 2026-11-22T09:00:00Z
//! expires 2026-12-22T09:00:00Z
//! release 0.1.0
//! release 0.2.0
//! weakness RUSTSEC-2026-0001 rustls <0.23.50
//! weakness RINGFENCE-2026-1 ringfence >=0.1.0,<0.2.0
//!
//! — ringfence/releases <signature>
//! ```
//!
//! A line that this version does not know makes the whole list unreadable: a warning that is skipped would be worse than none.

use audit::checkpoint::{BadNote, VerifierKey};
use semver::{Version, VersionReq};
use storage::Timestamp;
use web::instant::{from_rfc3339, to_rfc3339};

use super::{Components, PRODUCT};

/// A list is believed for so long at most, whatever it says: whoever can hold back newer ones gains this much time and no more.
pub const MAXIMUM_LIFE_SECONDS: i64 = 90 * 86_400;
/// How far the clock of whoever signed may be ahead of ours, in seconds.
const MAXIMUM_AHEAD_SECONDS: i64 = 24 * 3_600;
/// Most lines of a list.
pub const MAXIMUM_LINES: usize = 5_000;

/// What is known about releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseList {
    /// Counts the lists of one key.
    pub serial: i64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From then on it is no longer believed.
    pub expires_at: Timestamp,
    releases: Vec<Version>,
    weaknesses: Vec<Weakness>,
}

/// A known weakness of some versions of something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Weakness {
    id: String,
    component: String,
    affected: VersionReq,
}

/// A weakness that this binary has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// As the list names it (`RUSTSEC-2026-0001`).
    pub id: String,
    /// In what: a crate, or the product itself.
    pub component: String,
    /// In which version of it.
    pub version: Version,
}

/// Why a list is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no note, was changed, or somebody else signed it.
    #[error("{0}")]
    Note(#[from] BadNote),
    /// It is signed, and this line is not understood.
    #[error("line {0} is not understood: a newer version of this program may be needed to read it")]
    Unreadable(usize),
    /// It says that it is from the future.
    #[error("it was issued at {}, which has not come yet", to_rfc3339(*.0))]
    NotYet(Timestamp),
    /// It is over: newer ones do not come through.
    #[error("it expired at {}, and no newer one has come", to_rfc3339(*.0))]
    Expired(Timestamp),
    /// It claims a longer life than is given to any.
    #[error("it would be believed for more than 90 days")]
    LivesTooLong,
    /// A newer one was here before.
    #[error("its serial is {serial}, and {seen} was here before")]
    Older {
        /// What it says.
        serial: i64,
        /// The newest before it.
        seen: i64,
    },
}

/// The list in a note, when it is to be believed. `seen` is the serial of the newest list that was believed before.
///
/// # Errors
/// See [`Refused`].
pub fn accept(key: &VerifierKey, note: &str, seen: Option<i64>, now: Timestamp) -> Result<ReleaseList, Refused> {
    let list = ReleaseList::parse(&key.text_of(note)?, key.name())?;
    let life = list.expires_at.0.saturating_sub(list.issued_at.0);
    if life > MAXIMUM_LIFE_SECONDS * 1_000_000 {
        return Err(Refused::LivesTooLong);
    }
    if list.issued_at > now.plus_seconds(MAXIMUM_AHEAD_SECONDS) {
        return Err(Refused::NotYet(list.issued_at));
    }
    if list.expires_at <= now {
        return Err(Refused::Expired(list.expires_at));
    }
    match seen.filter(|seen| list.serial < *seen) {
        Some(seen) => Err(Refused::Older { serial: list.serial, seen }),
        None => Ok(list),
    }
}

impl ReleaseList {
    /// Reads the text of a list of this name.
    fn parse(text: &str, name: &str) -> Result<Self, Refused> {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > MAXIMUM_LINES {
            return Err(Refused::Unreadable(MAXIMUM_LINES));
        }
        let line = |index: usize, word: &str| {
            let rest =
                lines.get(index).and_then(|line| line.strip_prefix(word)).and_then(|rest| rest.strip_prefix(' '));
            rest.ok_or(Refused::Unreadable(index + 1))
        };
        let instant = |index, word| from_rfc3339(line(index, word)?).ok_or(Refused::Unreadable(index + 1));
        if lines.first() != Some(&name) {
            return Err(Refused::Unreadable(1));
        }
        let serial = line(1, "serial")?.parse().ok().filter(|serial| *serial >= 0).ok_or(Refused::Unreadable(2))?;
        let (issued_at, expires_at) = (instant(2, "issued")?, instant(3, "expires")?);
        let mut list = Self { serial, issued_at, expires_at, releases: Vec::new(), weaknesses: Vec::new() };
        for (index, line) in lines.iter().enumerate().skip(4) {
            list.take(line).ok_or(Refused::Unreadable(index + 1))?;
        }
        Ok(list)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["release", version] => self.releases.push(Version::parse(version).ok()?),
            ["weakness", id, component, affected] if !id.is_empty() && !component.is_empty() => {
                self.weaknesses.push(Weakness {
                    id: (*id).to_owned(),
                    component: (*component).to_owned(),
                    affected: VersionReq::parse(affected).ok()?,
                });
            }
            _ => return None,
        }
        Some(())
    }

    /// The newest release, when it is newer than `version`. Versions that are not finished (`0.2.0-rc.1`) do not count.
    pub fn newer_than(&self, version: &Version) -> Option<&Version> {
        self.releases.iter().filter(|release| release.pre.is_empty()).max().filter(|newest| *newest > version)
    }

    /// The weaknesses that this version of the product, or something built into it, has.
    pub fn affecting(&self, version: &Version, components: &Components) -> Vec<Affected> {
        let product = (PRODUCT.to_owned(), version.clone());
        let all: Vec<&(String, Version)> = components.all().iter().chain([&product]).collect();
        let mut found = Vec::new();
        for weakness in &self.weaknesses {
            let weak = all.iter().filter(|one| one.0 == weakness.component && weakness.affected.matches(&one.1));
            found.extend(weak.map(|one| Affected {
                id: weakness.id.clone(),
                component: one.0.clone(),
                version: one.1.clone(),
            }));
        }
        found
    }

    /// How many weaknesses the list names.
    pub fn weaknesses(&self) -> usize {
        self.weaknesses.len()
    }
}
