//! Work to be done later: a row enqueued in the caller's transaction, so it exists exactly if the change that wants it does. A worker
//! leases jobs by compare-and-set (the same text on both engines); a lease that runs out passes to the next worker, so a job may
//! run more than once and must be idempotent. [`complete`] inside the transaction of the job's effect makes that effect happen
//! once. Failures are retried ever later, then the job is dead and stays visible until somebody revives or discards it.
//!
//! Payloads are stored in clear: they hold identifiers, never names, numbers or words.

use uuid::Uuid;

use crate::identifier::OrganizationId;
use crate::row::Row;
use crate::statement::Statement;
use crate::table::{Column, Erasure, Owner, Retention, Table};
use crate::time::Timestamp;

mod store;
#[cfg(test)]
mod tests;

pub use store::{Jobs, complete, enqueue, forget, hold, release};

/// The largest payload.
pub const MAXIMUM_PAYLOAD_BYTES: usize = 64 * 1024;
/// The longest kind and the longest reason kept of a failure, in bytes.
pub const MAXIMUM_TEXT_LENGTH: usize = 200;
/// The most jobs that one claim gives.
pub const MAXIMUM_CLAIM: u32 = 100;
/// How often a job runs at most, unless it says otherwise.
pub const ATTEMPTS: u32 = 10;
/// The pause after the first failure; it doubles with each further one.
pub const FIRST_PAUSE_SECONDS: i64 = 10;
/// The longest pause.
pub const LONGEST_PAUSE_SECONDS: i64 = 6 * 3600;

/// The table of jobs.
pub static JOB: Table = Table {
    name: "job",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::text("kind"),
        Column::bytes("payload"),
        // When it may be taken: the wished time, the end of a lease, or never (dead).
        Column::time("due_at"),
        Column::uuid("lease").nullable(),
        Column::integer("attempts"),
        Column::integer("maximum_attempts"),
        Column::time("dead_at").nullable(),
        Column::text("last_failure").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["kind", "due_at"], &["organization_id"], &["dead_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("payloads hold identifiers only"),
};

/// Organizations whose jobs wait, however long they have been due. The id of a row is the organization's.
pub static JOB_HOLD: Table = Table {
    name: "job_hold",
    owner: Owner::Installation,
    columns: &[Column::time("held_at")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("says since when an organization's work stands still"),
};

/// Jobs of organizations that are held are passed over; they keep their attempts and their place.
pub(crate) const DUE: Statement = Statement::installation(
    "jobs.due",
    "select id from job where kind = $1 and due_at <= $2
     and not exists (select 1 from job_hold where job_hold.id = job.organization_id)
     order by due_at, id limit $3",
);
/// The compare-and-set: only one of many workers finds the job still due.
pub(crate) const LEASE: Statement = Statement::installation(
    "jobs.lease",
    "update job set lease = $2, due_at = $3, attempts = attempts + 1 where id = $1 and due_at <= $4 and attempts < maximum_attempts
     returning id, organization_id, kind, payload, attempts, maximum_attempts",
);
pub(crate) const BURY_EXHAUSTED: Statement = Statement::installation(
    "jobs.bury_exhausted",
    "update job set lease = null, due_at = $2, dead_at = $3, last_failure = $4
     where id = $1 and due_at <= $3 and attempts >= maximum_attempts",
);
pub(crate) const EXTEND: Statement =
    Statement::installation("jobs.extend", "update job set due_at = $3 where id = $1 and lease = $2");
pub(crate) const COMPLETE: Statement =
    Statement::installation("jobs.complete", "delete from job where id = $1 and lease = $2");
pub(crate) const FAIL: Statement = Statement::installation(
    "jobs.fail",
    "update job set lease = null, due_at = $3, dead_at = $4, last_failure = $5 where id = $1 and lease = $2",
);
pub(crate) const DEAD: Statement = Statement::installation(
    "jobs.dead",
    "select id, organization_id, kind, attempts, dead_at, last_failure from job where dead_at is not null
     order by dead_at desc, id desc limit $1",
);
pub(crate) const REVIVE: Statement = Statement::installation(
    "jobs.revive",
    "update job set due_at = $2, dead_at = null, attempts = 0 where id = $1 and dead_at is not null",
);
pub(crate) const DISCARD: Statement =
    Statement::installation("jobs.discard", "delete from job where id = $1 and dead_at is not null");
pub(crate) const FORGET: Statement =
    Statement::installation("jobs.forget", "delete from job where organization_id = $1");
pub(crate) const COUNTS: Statement = Statement::installation(
    "jobs.counts",
    "select kind, count(*) as all_jobs, count(dead_at) as dead, count(lease) as leased from job group by kind order by kind",
);

/// A job to be enqueued.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its identifier; enqueuing one twice is [`crate::Error::Conflict`], which makes it an idempotency key.
    pub id: Uuid,
    /// `part.what_to_do`; a worker claims jobs of one kind.
    pub kind: &'static str,
    /// For whom. A job enters the data of this organization only.
    pub organization: OrganizationId,
    /// Identifiers of what to work on, at most [`MAXIMUM_PAYLOAD_BYTES`].
    pub payload: Vec<u8>,
    /// Not before.
    pub run_at: Timestamp,
    /// How often it runs at most, at least once.
    pub maximum_attempts: u32,
}

impl Job {
    /// A job with the usual number of attempts.
    pub fn new(
        id: Uuid,
        kind: &'static str,
        organization: OrganizationId,
        payload: Vec<u8>,
        run_at: Timestamp,
    ) -> Self {
        Self { id, kind, organization, payload, run_at, maximum_attempts: ATTEMPTS }
    }
}

/// A job in the hands of one worker until its lease ends.
#[derive(Clone, Debug)]
pub struct LeasedJob {
    /// The job.
    pub id: Uuid,
    /// For whom.
    pub organization: OrganizationId,
    /// Its kind.
    pub kind: String,
    /// What to work on.
    pub payload: Vec<u8>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The last attempt it gets.
    pub maximum_attempts: u32,
    /// When another worker may take it, unless [`Jobs::extend`]ed.
    pub lease_until: Timestamp,
    lease: Uuid,
}

/// A job that failed for good.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// The job.
    pub id: Uuid,
    /// For whom.
    pub organization: OrganizationId,
    /// Its kind.
    pub kind: String,
    /// How often it ran.
    pub attempts: u32,
    /// When it was given up.
    pub dead_at: Timestamp,
    /// Why.
    pub last_failure: String,
}

/// How many jobs of a kind there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// The kind.
    pub kind: String,
    /// Neither leased nor dead.
    pub waiting: i64,
    /// In the hands of workers, or left by one that crashed.
    pub leased: i64,
    /// Given up.
    pub dead: i64,
}

/// What becomes of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It runs again at this time.
    RetryAt(Timestamp),
    /// It was its last attempt.
    Dead,
    /// The lease had passed to another worker, so nothing was recorded.
    LeaseLost,
}

/// The pause after this many attempts (from 1): doubling, at most [`LONGEST_PAUSE_SECONDS`], and up to a quarter longer by the job's
/// own identifier, so that jobs which failed together do not come back together.
pub fn pause_seconds(attempt: u32, job: Uuid) -> i64 {
    let doubled = FIRST_PAUSE_SECONDS.saturating_mul(1_i64 << attempt.saturating_sub(1).min(20));
    let pause = doubled.min(LONGEST_PAUSE_SECONDS);
    let spread = i64::from(u16::from_be_bytes([job.as_bytes()[14], job.as_bytes()[15]]));
    pause + pause * spread / (4 * 65_536)
}

fn number(row: &Row, column: &str) -> crate::Result<u32> {
    Ok(u32::try_from(row.integer(column)?).unwrap_or(u32::MAX))
}
