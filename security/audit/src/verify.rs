//! Checking the whole log without trusting the program that wrote it, nor the database that holds it.
//!
//! Every leaf is computed again from the text of its entry, the tree from the leaves, and the tree is held against every
//! signed checkpoint, those in the database and those in the folder outside it. Whoever edits, reorders, removes or adds
//! an entry is found by the leaves; whoever makes leaves and tree fit again is found by the checkpoints, which cannot be
//! signed without the key. What happens after the last checkpoint to the very end of the log is the one thing that only a
//! fresh checkpoint can settle. Pure; `store` reads the rows.

mod store;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, ops::Range};

use storage::OrganizationId;
use uuid::Uuid;

use crate::{
    checkpoint::{Checkpoint, VerifierKey},
    entry::{Record, record_hash},
    log::{Edge, HASH_LENGTH, Hash, Node},
};
pub use store::verify;

/// A report lists at most this many findings.
pub const MAXIMUM_FINDINGS: usize = 100;

/// What is known of the log from outside the database.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The key that checkpoints must be signed with. Without it, the database's own word is taken, and the report says so.
    pub verifier_key: Option<VerifierKey>,
    /// Signed notes, oldest first.
    pub notes: Vec<String>,
    /// The hashes of the leaves as they were once, in order: they let the report name the very row that was changed.
    pub leaf_hashes: Vec<u8>,
}

impl Evidence {
    /// What the folder outside the database holds.
    pub async fn read(folder: impl Into<std::path::PathBuf>) -> crate::Result<Self> {
        crate::checkpoint::driver::read(folder.into()).await
    }

    /// The newest checkpoint that this key signed.
    pub(crate) fn newest(&self, key: &VerifierKey) -> Option<Checkpoint> {
        self.notes.iter().rev().find_map(|note| key.open(note).ok())
    }

    fn leaf(&self, position: u64) -> Option<Hash> {
        let (hashes, _) = self.leaf_hashes.as_chunks::<HASH_LENGTH>();
        usize::try_from(position).ok().and_then(|position| hashes.get(position)).copied()
    }

    fn leaf_count(&self) -> u64 {
        (self.leaf_hashes.len() / HASH_LENGTH) as u64
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no entry in this place.
    Missing,
    /// There is more than one entry in this place, or one that the tree does not know.
    Superfluous,
    /// The text of the entry is not the one that was entered, or does not fit its row.
    Edited,
    /// The entry that was entered in another place stands here.
    Moved {
        /// Its own place.
        from: u64,
    },
    /// The stored nodes of the tree do not fit the entries.
    Tree,
    /// The stored edge of the tree does not fit the entries.
    Head,
    /// Entries and tree fit each other, but are not what was signed.
    Rewritten {
        /// The change is among these entries.
        among: Range<u64>,
    },
    /// Entries that were signed for are gone from the end.
    Truncated {
        /// How many there were.
        signed: u64,
    },
    /// A checkpoint is not signed with the log's key, or was changed.
    Checkpoint,
    /// The database names another key than the one outside.
    OtherKey,
    /// The copy of the leaves' hashes outside is not what was signed.
    CopyChanged,
}

/// Something wrong, and the row where it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The index of the entry; none when it is not about one.
    pub row: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(formatter, "row {row}: ")?;
        }
        match &self.fault {
            Fault::Missing => write!(formatter, "the entry is missing"),
            Fault::Superfluous => write!(formatter, "an entry was added that the tree does not know"),
            Fault::Edited => write!(formatter, "the entry was edited"),
            Fault::Moved { from } => write!(formatter, "the entry of row {from} was put here"),
            Fault::Tree => write!(formatter, "the stored tree does not fit the entries"),
            Fault::Head => write!(formatter, "the stored head of the tree does not fit the entries"),
            Fault::Rewritten { among } if among.end == among.start + 1 => {
                write!(formatter, "the log was rewritten here: the entry is not the one that was signed for")
            }
            Fault::Rewritten { among } => write!(
                formatter,
                "the log was rewritten: among rows {} to {} are entries that are not what was signed for",
                among.start,
                among.end - 1
            ),
            Fault::Truncated { signed } => {
                write!(formatter, "the log was cut here: a checkpoint was signed for {signed} entries")
            }
            Fault::Checkpoint => write!(formatter, "a checkpoint was changed or is signed with another key"),
            Fault::OtherKey => write!(formatter, "the database names another key than the one outside it"),
            Fault::CopyChanged => write!(formatter, "the copy of the leaf hashes outside the database was changed"),
        }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were checked.
    pub entries: u64,
    /// Signed checkpoints that were checked.
    pub checkpoints: u64,
    /// How many entries the newest good checkpoint covers; what comes after it nobody has signed for yet.
    pub signed_entries: u64,
    /// Whether the key came from outside the database. If not, somebody who can change the database can replace it.
    pub pinned: bool,
    /// What is wrong, at most [`MAXIMUM_FINDINGS`].
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    /// The smallest index with something wrong.
    pub fn first_bad_row(&self) -> Option<u64> {
        self.findings.iter().filter_map(|finding| finding.row).min()
    }

    fn find(&mut self, row: impl Into<Option<u64>>, fault: Fault) {
        let finding = Finding { row: row.into(), fault };
        if self.findings.len() < MAXIMUM_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// An entry's row as the database holds it.
#[derive(Clone, Debug)]
struct StoredRow {
    organization: Option<OrganizationId>,
    actor_id: Option<Uuid>,
    object_id: Option<Uuid>,
    action: String,
    text: String,
}

impl StoredRow {
    /// What is wrong with the row in this place, given the hash of the leaf that the tree has there.
    fn fault(&self, position: u64, leaf: Option<&Hash>) -> Option<Fault> {
        let Some(record) = Record::parse(&self.text) else { return Some(Fault::Edited) };
        if record.index != position {
            return Some(Fault::Moved { from: record.index });
        }
        let columns = (self.organization, self.actor_id, self.object_id, &self.action);
        let fits = columns == (record.organization, record.actor.id, record.object.id, &record.action);
        (!fits || leaf != Some(&record_hash(&self.text))).then_some(Fault::Edited)
    }
}

/// Goes through the log, entry by entry.
struct Checker<'evidence> {
    evidence: &'evidence Evidence,
    /// By size, ascending.
    checkpoints: Vec<Checkpoint>,
    next_checkpoint: usize,
    /// The tree of the entries in the database.
    tree: Edge,
    /// The tree of the copied hashes outside, as long as there are any.
    copy: Edge,
    /// The first entry that differs from the copy outside and that no checkpoint has decided upon.
    difference: Option<u64>,
    rewritten: bool,
    report: Report,
}

impl<'evidence> Checker<'evidence> {
    fn new(evidence: &'evidence Evidence, mut checkpoints: Vec<Checkpoint>, report: Report) -> Self {
        checkpoints.sort_by_key(|checkpoint| checkpoint.size);
        checkpoints.dedup();
        let mut checker = Self {
            evidence,
            checkpoints,
            next_checkpoint: 0,
            tree: Edge::default(),
            copy: Edge::default(),
            difference: None,
            rewritten: false,
            report,
        };
        checker.hold_against_checkpoints();
        checker
    }

    /// Takes the rows that stand in the next place, and the stored hashes that its leaf completed.
    fn take(&mut self, rows: &[StoredRow], stored: &HashMap<Node, Hash>) {
        let position = self.tree.size();
        let leaf = Node { level: 0, index: position };
        let outside = self.evidence.leaf(position);
        let hash = match rows {
            [] => {
                self.report.find(position, Fault::Missing);
                // Whatever is known of the missing leaf, so that what follows it can still be checked.
                stored.get(&leaf).copied().or(outside).unwrap_or_default()
            }
            [row, more @ ..] => {
                if !more.is_empty() {
                    self.report.find(position, Fault::Superfluous);
                }
                if let Some(fault) = row.fault(position, stored.get(&leaf)) {
                    self.report.find(position, fault);
                }
                record_hash(&row.text)
            }
        };
        let mut completed = self.tree.append(hash);
        completed.push((leaf, hash));
        if rows.len() == 1 && !completed.iter().all(|(node, hash)| stored.get(node) == Some(hash)) {
            self.report.find(position, Fault::Tree);
        }
        if let Some(outside) = outside.filter(|_| self.copy.size() == position) {
            self.copy.append(outside);
            if outside != hash {
                self.difference = self.difference.or(Some(position));
            }
        }
        self.hold_against_checkpoints();
    }

    fn hold_against_checkpoints(&mut self) {
        while let Some(checkpoint) = self.checkpoints.get(self.next_checkpoint) {
            let size = checkpoint.size;
            if size > self.tree.size() || self.rewritten {
                return;
            }
            self.next_checkpoint += 1;
            let copy_is_signed = self.copy.size() == size && self.copy.root() == checkpoint.root;
            if self.tree.root() == checkpoint.root {
                if self.copy.size() == size && !copy_is_signed {
                    self.report.find(None, Fault::CopyChanged);
                }
                self.difference = None;
                self.report.signed_entries = size;
                continue;
            }
            self.rewritten = true;
            let among = self.report.signed_entries..size;
            let exact = self.difference.take().filter(|_| copy_is_signed);
            let found = self.report.findings.iter().filter_map(|finding| finding.row).find(|row| among.contains(row));
            match exact.or(found) {
                Some(row) => self.report.find(row, Fault::Rewritten { among: row..row + 1 }),
                None => self.report.find(among.start, Fault::Rewritten { among }),
            }
        }
    }

    /// After the last entry.
    fn finish(mut self, head: Option<&Edge>, extra: Option<u64>) -> Report {
        let size = self.tree.size();
        self.report.entries = size;
        if let Some(extra) = extra {
            self.report.find(extra, Fault::Superfluous);
        }
        if head != Some(&self.tree) {
            self.report.find(None, Fault::Head);
        }
        let signed = self.checkpoints.last().map_or(0, |checkpoint| checkpoint.size).max(self.evidence.leaf_count());
        if signed > size {
            self.report.find(size, Fault::Truncated { signed });
        }
        if let Some(row) = self.difference.filter(|_| !self.rewritten) {
            self.report.find(row, Fault::Rewritten { among: row..row + 1 });
        }
        self.report
    }
}
