//! Attempts at one account, counted in the database: the same for all nodes, and for a node that starts again.
//!
//! The same bucket (GCRA) as in memory, as one instant: when it will be full again. An attempt moves that instant on by one
//! interval, unless it then lay further ahead than the whole bucket; both happen in one statement, so two nodes never grant the
//! same place.

use std::time::Duration;

use storage::{Column, Erasure, Owner, Retention, Statement, Table, Timestamp};

use super::{Allowance, Rate};

/// The table of attempts. Rows of buckets that are full again are swept.
pub static ATTEMPT: Table = Table {
    name: "attempt",
    owner: Owner::Installation,
    columns: &[Column::bytes("account"), Column::time("full_at")],
    references: &[],
    unique: &[&["account"]],
    indexes: &[&["full_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("accounts stand there as keyed hashes or random identifiers, and for minutes only"),
};

// `$1` id, `$2` account, `$3` now and one interval, `$4` now, `$5` an interval, `$6` the furthest that the bucket may be from full
// for one more to fit.
/// Takes one.
pub static TAKE: Statement = Statement::installation(
    "edge.attempt_take",
    "insert into attempt (id, account, full_at) values ($1, $2, $3)
     on conflict (account) do update
     set full_at = case when attempt.full_at > $4 then attempt.full_at + $5 else excluded.full_at end
     where attempt.full_at <= $6
     returning full_at",
);
/// When a bucket will be full.
pub static FULL_AT: Statement =
    Statement::installation("edge.attempt_full_at", "select full_at from attempt where account = $1");
/// Forgets full buckets.
pub static SWEEP: Statement = Statement::installation("edge.attempt_sweep", "delete from attempt where full_at < $1");

/// The statements of attempts.
pub const STATEMENTS: &[&Statement] = &[&TAKE, &FULL_AT, &SWEEP];

/// A bucket by its numbers, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: Rate,
}

impl Bucket {
    pub(super) const fn new(rate: Rate) -> Self {
        Self { rate }
    }

    /// The time in which one place becomes free again.
    pub(super) fn interval(self) -> i64 {
        let window = Duration::from_secs(u64::from(self.rate.window_seconds.max(1)));
        i64::try_from((window / self.rate.requests.max(1)).as_micros()).unwrap_or(i64::MAX)
    }

    /// How far ahead the bucket may be full for one more to fit.
    pub(super) fn latest(self, now: Timestamp) -> Timestamp {
        let others = i64::from(self.rate.requests.max(1)) - 1;
        Timestamp(now.0.saturating_add(self.interval().saturating_mul(others)))
    }

    /// What to say after one was taken.
    pub(super) fn granted(self, full_at: Timestamp, now: Timestamp) -> Allowance {
        let left = self.latest(now).0.saturating_sub(full_at.0) / self.interval() + 1;
        let remaining = u32::try_from(left.max(0)).unwrap_or(u32::MAX);
        Allowance { rate: self.rate, remaining, retry_after_seconds: None }
    }

    /// What to say when there was no place.
    pub(super) fn refused(self, full_at: Timestamp, now: Timestamp) -> Allowance {
        let wait = full_at.0.saturating_sub(self.latest(now).0).max(1);
        let seconds = u64::try_from(wait).unwrap_or(1).div_ceil(1_000_000);
        Allowance { rate: self.rate, remaining: 0, retry_after_seconds: Some(seconds) }
    }
}
