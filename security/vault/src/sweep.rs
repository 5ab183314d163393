//! Walks over everything that is sealed: a rotation seals anew what an older key sealed, a scrub opens everything to see
//! that it still opens. Pure: what is walked in which order. `store` walks.
//!
//! A walk goes in small steps and writes down after each how far it came; whoever goes on, also after a crash, begins there.
//! Every step may be repeated. A rotation passes over everything twice: the second time once no process can still be
//! writing with the older key. Only when nothing was left behind does the older key end.

use storage::{OrganizationId, Schema, SealedWith, Table, Timestamp};
use uuid::Uuid;

/// Jobs that seal anew: the payload is the id of the sweep.
pub const ROTATION_JOB: &str = "vault.rotate";
/// Jobs that look whether everything opens.
pub const SCRUB_JOB: &str = "vault.scrub";
/// How long after its beginning a rotation passes over everything once more, in seconds. Until then every process has
/// learned of the new key, and what was sealed with the older one before has been written.
pub const GRACE_SECONDS: i64 = 60;
/// How long a finished sweep is shown, in days.
pub const KEPT_DAYS: i64 = 90;

/// What a sweep is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepKind {
    /// A new key of the organization (or of the installation): everything that it sealed is sealed anew, and the keys of
    /// persons and recordings are wrapped anew. Sound is not sealed anew: its key is wrapped anew instead, which takes the
    /// organization's older key away from it just as well, without rewriting gigabytes.
    Rotation,
    /// A new key for each person: everything that they sealed is sealed anew.
    PersonRotation,
    /// Everything is opened, nothing is changed.
    Scrub,
}

impl SweepKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Rotation, Self::PersonRotation, Self::Scrub];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::PersonRotation => "person_rotation",
            Self::Scrub => "scrub",
        }
    }

    /// The kind of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind of job that walks it.
    pub const fn job(self) -> &'static str {
        match self {
            Self::Rotation | Self::PersonRotation => ROTATION_JOB,
            Self::Scrub => SCRUB_JOB,
        }
    }

    pub(crate) const fn passes(self) -> std::ops::RangeInclusive<i64> {
        match self {
            Self::Rotation => 1..=2,
            Self::PersonRotation => 0..=3,
            Self::Scrub => 1..=1,
        }
    }

    /// Is this pass one that must wait until nobody writes with the older key any more?
    pub(crate) const fn waits_before(self, pass: i64) -> bool {
        matches!(self, Self::Rotation | Self::PersonRotation) && pass == 2
    }
}

/// How far a sweep has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Its id.
    pub id: Uuid,
    /// Whose values; none for the installation's.
    pub organization: Option<OrganizationId>,
    /// What for.
    pub kind: SweepKind,
    /// Rows and objects looked at, in all passes.
    pub done: i64,
    /// How many there were at its beginning, in all passes.
    pub expected: i64,
    /// Values sealed anew.
    pub changed: i64,
    /// Values and objects that did not open, in the last pass.
    pub damaged: i64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last came further.
    pub updated_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    pub(crate) pass: i64,
    pub(crate) place: String,
    pub(crate) next: Uuid,
}

impl Sweep {
    /// How much is done, in hundredths; 100 only when it is over.
    pub fn percent(&self) -> i64 {
        if self.finished_at.is_some() {
            return 100;
        }
        (self.done.saturating_mul(100) / self.expected.max(1)).clamp(0, 99)
    }

    /// Whether the older keys were ended: they stay when something did not open, for what a backup may bring back.
    pub fn ended_old_keys(&self) -> bool {
        self.kind != SweepKind::Scrub && self.finished_at.is_some() && self.damaged == 0
    }

    /// From when on the second pass may begin.
    pub(crate) fn settled_at(&self) -> Timestamp {
        self.started_at.plus_seconds(GRACE_SECONDS)
    }
}

/// A part of a walk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The sealed columns of a table.
    Table(&'static Table),
    /// The keys of the organizations, which the installation's key wraps.
    OrganizationKeys,
    /// The objects sealed with the keys of recordings.
    Objects,
    /// A new key for each person.
    NewPersonKeys,
    /// The end of each person's key before.
    OldPersonKeys,
}

/// The name of [`Place::Objects`] in findings.
pub(crate) const OBJECT: &str = "object";

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table(table) => table.name,
            Self::OrganizationKeys => "organization_key",
            Self::Objects => OBJECT,
            Self::NewPersonKeys => "new_person_keys",
            Self::OldPersonKeys => "old_person_keys",
        }
    }
}

/// The parts of one pass, in their order.
pub(crate) fn places(kind: SweepKind, pass: i64, of_installation: bool, schema: &Schema) -> Vec<Place> {
    let with = |wanted: &dyn Fn(SealedWith) -> bool| -> Vec<Place> {
        let holds = |table: &&&'static Table| {
            let owned = table.is_organizations() != of_installation;
            owned && table.columns.iter().any(|column| column.sealed.is_some_and(wanted))
        };
        schema.tables.iter().filter(holds).map(|table| Place::Table(table)).collect()
    };
    match (kind, pass, of_installation) {
        (SweepKind::Rotation, _, true) => {
            let tables = with(&|key| key == SealedWith::Installation);
            [vec![Place::OrganizationKeys], tables].concat()
        }
        (SweepKind::Rotation, _, false) => with(&|key| key == SealedWith::Organization),
        (SweepKind::PersonRotation, 0, _) => vec![Place::NewPersonKeys],
        (SweepKind::PersonRotation, 3, _) => vec![Place::OldPersonKeys],
        (SweepKind::PersonRotation, _, _) => with(&|key| key == SealedWith::Person),
        (SweepKind::Scrub, _, true) => [with(&|_| true), vec![Place::OrganizationKeys]].concat(),
        (SweepKind::Scrub, _, false) => [with(&|_| true), vec![Place::Objects]].concat(),
    }
}

/// Something sealed that does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Whose; none for the installation's own.
    pub organization: Option<OrganizationId>,
    /// `object`, or table and column: `contact.name`.
    pub place: String,
    /// The row, or the recording that the object is of.
    pub object: Uuid,
    /// What was seen, in words without anything of the contents.
    pub reason: String,
    /// When it was seen first.
    pub found_at: Timestamp,
    /// When it was seen last.
    pub seen_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways_and_passes_are_counted() {
        for kind in SweepKind::ALL {
            assert_eq!(SweepKind::parse(kind.as_str()), Some(kind));
            assert!(!kind.waits_before(*kind.passes().start()));
        }
        assert_eq!(SweepKind::parse("sweep"), None);
    }

    #[test]
    fn percents_are_whole_only_at_the_end() {
        let now = Timestamp::from_seconds(1);
        let mut sweep = Sweep {
            id: Uuid::nil(),
            organization: None,
            kind: SweepKind::Rotation,
            done: 0,
            expected: 0,
            changed: 0,
            damaged: 0,
            started_at: now,
            updated_at: now,
            finished_at: None,
            pass: 1,
            place: String::new(),
            next: Uuid::nil(),
        };
        assert_eq!(sweep.percent(), 0);
        (sweep.done, sweep.expected) = (20, 10);
        assert_eq!(sweep.percent(), 99);
        sweep.finished_at = Some(now);
        assert!(sweep.percent() == 100 && sweep.ended_old_keys());
        sweep.damaged = 1;
        assert!(!sweep.ended_old_keys(), "what may come back from a backup still needs the older key");
    }
}
