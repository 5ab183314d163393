//! One entry: who did what to which object, and its record, the exact text that the tree holds.
//!
//! The record is one line of JSON in canonical form (RFC 8785): no spaces, the keys in the order of the alphabet. Its
//! UTF-8 bytes are the data of the leaf, so anybody can recompute the leaf's hash from the text alone:
//!
//! ```text
//! {"action":"agent.publish","actor":{"id":"…","kind":"user"},"at":1767225600000000,"commitment":"…",
//!  "facts":[["version","3"]],"index":7,"object":{"id":"…","kind":"agent"},"organization":"…","outcome":"done","version":1}
//! ```
//!
//! `at` is in microseconds UTC; `index` is the leaf's place in the tree; what is absent is `null`. Personal data is not
//! in the record: `commitment` is HMAC-SHA-256 over the personal values (the same kind of JSON, an array of pairs) under
//! a random salt of 32 bytes, as hexadecimal digits. Values and salt are stored sealed beside the record; when they are
//! erased, nothing can be learnt from the commitment and the tree stays valid.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use storage::{Entropy, OrganizationId, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    log::{Hash, leaf_hash},
};

/// The format of records that this version writes.
const RECORD_VERSION: u8 = 1;
/// An entry has at most this many facts, and as many personal values.
pub const MAXIMUM_FACTS: usize = 32;
/// The value of a fact, or a personal value, has at most this many bytes.
pub const MAXIMUM_VALUE_LENGTH: usize = 1_024;
/// Length of the salt of a commitment, in bytes.
const SALT_LENGTH: usize = 32;

/// What kind of actor did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The program itself.
    System,
    /// A signed-in person.
    User,
    /// A program with an API key.
    ApiKey,
    /// Somebody who chats on a website.
    Visitor,
    /// Somebody who calls by phone.
    PhoneCaller,
    /// Whoever runs the installation, at its command line.
    Operator,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Its id, where it has one.
    pub id: Option<Uuid>,
    /// Where it came from. Personal data: never in the record.
    pub address: Option<IpAddr>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

/// What is to be entered. Its organization is that of the transaction it is appended in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who did it.
    pub actor: Actor,
    /// What was done, as in "agent.publish".
    pub action: &'static str,
    /// What kind of thing it was done to.
    pub object_kind: &'static str,
    /// Which one.
    pub object_id: Option<Uuid>,
    /// How it ended.
    pub outcome: Outcome,
    /// More about it, in clear and for ever: ids, names of settings, numbers. Never personal data.
    pub facts: Vec<(&'static str, String)>,
    /// Personal data about it: stored sealed, erasable, in the tree only as a salted commitment.
    pub personal: Vec<(&'static str, String)>,
}

/// The actor as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedActor {
    /// Its id, where it has one.
    pub id: Option<Uuid>,
    /// What kind of actor.
    pub kind: ActorKind,
}

/// The object as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedObject {
    /// Which one.
    pub id: Option<Uuid>,
    /// What kind of thing it is.
    pub kind: String,
}

/// A record, read. The fields stand in the order of the alphabet: this is the canonical order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor: RecordedActor,
    /// When, in microseconds UTC.
    pub at: i64,
    /// HMAC-SHA-256 of the personal values under their salt, hexadecimal; none when there are none.
    pub commitment: Option<String>,
    /// More about it.
    pub facts: Vec<(String, String)>,
    /// The place in the tree.
    pub index: u64,
    /// What it was done to.
    pub object: RecordedObject,
    /// Whose entry it is; none for the installation's.
    pub organization: Option<OrganizationId>,
    /// How it ended.
    pub outcome: Outcome,
    /// The format of this record.
    pub version: u8,
}

impl Record {
    /// The record of an entry at its place in the tree.
    pub(crate) fn of(
        entry: &Entry,
        organization: Option<OrganizationId>,
        at: Timestamp,
        index: u64,
        personal: Option<&Personal>,
    ) -> Result<Self> {
        check_limits(&entry.facts)?;
        Ok(Self {
            action: entry.action.to_owned(),
            actor: RecordedActor { id: entry.actor.id, kind: entry.actor.kind },
            at: at.0,
            commitment: personal.map(Personal::commitment),
            facts: entry.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            index,
            object: RecordedObject { id: entry.object_id, kind: entry.object_kind.to_owned() },
            organization,
            outcome: entry.outcome,
            version: RECORD_VERSION,
        })
    }

    /// The exact text that the tree holds.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a record is strings, integers and lists, which JSON can always hold")
    }

    /// Reads a record's text. Only the one canonical text of a record is taken.
    pub fn parse(text: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(text).ok()?;
        (record.text() == text).then_some(record)
    }
}

/// The hash of the leaf that holds this record.
pub fn record_hash(text: &str) -> Hash {
    leaf_hash(text.as_bytes())
}

/// The personal values of an entry and the salt of their commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal {
    salt: [u8; SALT_LENGTH],
    /// An array of pairs, as JSON.
    values: Zeroizing<String>,
}

impl Personal {
    /// The personal values of an entry, the actor's address among them; none when there are none.
    pub(crate) fn of(entry: &Entry, entropy: &dyn Entropy) -> Result<Option<Self>> {
        let address = entry.actor.address.map(|address| ("address", address.to_string()));
        let values: Vec<_> = address.into_iter().chain(entry.personal.iter().cloned()).collect();
        if values.is_empty() {
            return Ok(None);
        }
        check_limits(&values)?;
        let mut salt = [0; SALT_LENGTH];
        entropy.fill(&mut salt);
        let values = serde_json::to_string(&values).expect("pairs of strings are always JSON");
        Ok(Some(Self { salt, values: Zeroizing::new(values) }))
    }

    /// What the record says of these values.
    pub fn commitment(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.salt);
        hex::encode(hmac::sign(&key, self.values.as_bytes()))
    }

    /// The salt, then the values: what is stored sealed.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.salt, self.values.as_bytes()].concat())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (salt, values) = bytes.split_first_chunk::<SALT_LENGTH>()?;
        let values = Zeroizing::new(std::str::from_utf8(values).ok()?.to_owned());
        let personal = Self { salt: *salt, values };
        personal.pairs().map(|_| personal.clone())
    }

    /// The salt, for whoever checks the commitment.
    pub fn salt(&self) -> &[u8; SALT_LENGTH] {
        &self.salt
    }

    /// The values as the JSON that the commitment is over.
    pub fn values(&self) -> &str {
        &self.values
    }

    /// The values as pairs.
    pub fn pairs(&self) -> Option<Vec<(String, String)>> {
        serde_json::from_str(&self.values).ok()
    }
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Personal(..)")
    }
}

/// A value in as many pieces of one name as it takes for none to be longer than [`MAXIMUM_VALUE_LENGTH`] bytes, cut between words
/// where there are any. Only the space at a cut is lost.
pub fn in_pieces(name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while rest.len() > MAXIMUM_VALUE_LENGTH {
        let most = rest.floor_char_boundary(MAXIMUM_VALUE_LENGTH);
        let (piece, after) = match rest[..most].rfind(' ').filter(|space| *space > 0) {
            Some(space) => (&rest[..space], &rest[space + 1..]),
            None => rest.split_at(most),
        };
        pieces.push((name, piece.to_owned()));
        rest = after;
    }
    pieces.push((name, rest.to_owned()));
    pieces
}

fn check_limits(values: &[(&'static str, String)]) -> Result<()> {
    if values.len() > MAXIMUM_FACTS {
        return Err(Error::TooManyFacts);
    }
    match values.iter().find(|(_, value)| value.len() > MAXIMUM_VALUE_LENGTH) {
        Some((name, _)) => Err(Error::FactTooLong { name }),
        None => Ok(()),
    }
}
