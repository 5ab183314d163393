//! Jobs in the database.

use uuid::Uuid;

use super::{
    BURY_EXHAUSTED, COMPLETE, COUNTS, DEAD, DISCARD, DUE, DeadJob, EXTEND, FAIL, FORGET, Failed, JOB, JOB_HOLD, Job,
    JobCount, LEASE, LeasedJob, MAXIMUM_CLAIM, MAXIMUM_PAYLOAD_BYTES, MAXIMUM_TEXT_LENGTH, REVIVE, number,
    pause_seconds,
};
use crate::database::{Database, InstallationDb};
use crate::error::{Error, Result};
use crate::identifier::{Identifiers, OrganizationId};
use crate::row::Row;
use crate::time::Timestamp;
use crate::transaction::Transaction;
use crate::value::Value;

/// When dead jobs are due.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Adds a job in the caller's transaction. An organization's transaction enqueues for that organization only.
pub async fn enqueue(transaction: &mut Transaction, job: Job) -> Result<()> {
    let refuse = |problem| Err(Error::Scope { statement: "jobs.enqueue", problem });
    if transaction.organization().is_some_and(|organization| organization != job.organization) {
        return refuse("the job is for another organization than the transaction");
    }
    if job.payload.len() > MAXIMUM_PAYLOAD_BYTES {
        return refuse("the payload is larger than 64 KiB");
    }
    if job.kind.is_empty() || job.kind.len() > MAXIMUM_TEXT_LENGTH {
        return refuse("the kind is empty or longer than 200 bytes");
    }
    let fields = [
        ("id", job.id.into()),
        ("organization_id", job.organization.into()),
        ("kind", job.kind.into()),
        ("payload", job.payload.into()),
        ("due_at", job.run_at.into()),
        ("attempts", 0_i64.into()),
        ("maximum_attempts", job.maximum_attempts.max(1).into()),
    ];
    transaction.insert(&JOB, &fields).await
}

/// Ends a job in the transaction of its effect: both are committed or neither. [`Error::LeaseLost`] when another worker has taken
/// it over; the transaction must then be dropped.
pub async fn complete(transaction: &mut Transaction, job: &LeasedJob) -> Result<()> {
    match transaction.execute(&COMPLETE, &[job.id.into(), job.lease.into()]).await? {
        0 => Err(Error::LeaseLost),
        _ => Ok(()),
    }
}

/// Has an organization's jobs wait from the commit on; false when they wait already. A job that a worker has in its hands
/// goes on.
pub async fn hold(transaction: &mut Transaction, organization: OrganizationId, now: Timestamp) -> Result<bool> {
    if transaction.get(&JOB_HOLD, organization.0).await?.is_some() {
        return Ok(false);
    }
    transaction.insert(&JOB_HOLD, &[("id", organization.into()), ("held_at", now.into())]).await?;
    Ok(true)
}

/// Lets an organization's jobs go on; false when they did not wait.
pub async fn release(transaction: &mut Transaction, organization: OrganizationId) -> Result<bool> {
    transaction.delete(&JOB_HOLD, organization.0).await
}

/// Deletes all jobs of an organization that is being deleted.
pub async fn forget(transaction: &mut Transaction, organization: OrganizationId) -> Result<u64> {
    transaction.execute(&FORGET, &[organization.into()]).await
}

/// The workers' side of the table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    door: InstallationDb,
    identifiers: Identifiers,
}

impl Jobs {
    /// The jobs of this database; identifiers name the leases.
    pub fn new(database: &Database, identifiers: Identifiers) -> Self {
        Self { door: database.installation(), identifiers }
    }

    /// Leases up to `limit` (at most [`MAXIMUM_CLAIM`]) jobs of a kind, those due for longest. A job that used up its attempts without
    /// reporting back (its worker crashed each time) becomes dead instead.
    pub async fn claim(&self, kind: &str, now: Timestamp, lease_seconds: u32, limit: u32) -> Result<Vec<LeasedJob>> {
        let limit = limit.min(MAXIMUM_CLAIM);
        let due = self.door.query(&DUE, &[kind.into(), now.into(), limit.into()]).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let until = now.plus_seconds(lease_seconds.into());
        let mut leased = Vec::with_capacity(due.len());
        let mut transaction = self.door.begin().await?;
        // In the order of their identifiers, so that two workers' transactions never wait for each other in a circle.
        let mut candidates = due.iter().map(|row| row.uuid("id")).collect::<Result<Vec<_>>>()?;
        candidates.sort_unstable();
        for id in candidates {
            let lease = self.identifiers.next();
            let taken = [id.into(), lease.into(), until.into(), now.into()];
            if let Some(row) = transaction.query(&LEASE, &taken).await?.first() {
                leased.push(read(row, lease, until)?);
            } else {
                let why = "its lease ended without an outcome each time";
                transaction.execute(&BURY_EXHAUSTED, &[id.into(), NEVER.into(), now.into(), why.into()]).await?;
            }
        }
        transaction.commit().await?;
        Ok(leased)
    }

    /// Keeps a job for longer; false when another worker has it.
    pub async fn extend(&self, job: &mut LeasedJob, now: Timestamp, lease_seconds: u32) -> Result<bool> {
        let until = now.plus_seconds(lease_seconds.into());
        let extended = self.change(&EXTEND, &[job.id.into(), job.lease.into(), until.into()]).await? > 0;
        if extended {
            job.lease_until = until;
        }
        Ok(extended)
    }

    /// Ends a job whose effect needs no transaction with it; false when another worker has it.
    pub async fn complete(&self, job: &LeasedJob) -> Result<bool> {
        Ok(self.change(&COMPLETE, &[job.id.into(), job.lease.into()]).await? > 0)
    }

    /// Records a failure: the job runs again after a growing pause, or is dead after its last attempt. `why` is shown to the
    /// operator: a cause without personal data, cut to [`MAXIMUM_TEXT_LENGTH`] bytes.
    pub async fn retry(&self, job: &LeasedJob, now: Timestamp, why: &str) -> Result<Failed> {
        if job.attempt >= job.maximum_attempts {
            return self.bury(job, now, why).await;
        }
        let again = now.plus_seconds(pause_seconds(job.attempt, job.id));
        self.fail(job, again, None, why, Failed::RetryAt(again)).await
    }

    /// Gives a job up at once: trying again would not help.
    pub async fn bury(&self, job: &LeasedJob, now: Timestamp, why: &str) -> Result<Failed> {
        self.fail(job, NEVER, Some(now), why, Failed::Dead).await
    }

    async fn fail(
        &self,
        job: &LeasedJob,
        due_at: Timestamp,
        dead_at: Option<Timestamp>,
        why: &str,
        outcome: Failed,
    ) -> Result<Failed> {
        let why: String = why[..why.floor_char_boundary(MAXIMUM_TEXT_LENGTH)].replace('\0', " ");
        let arguments = [job.id.into(), job.lease.into(), due_at.into(), dead_at.into(), why.into()];
        Ok(if self.change(&FAIL, &arguments).await? > 0 { outcome } else { Failed::LeaseLost })
    }

    /// The jobs given up, the latest first, at most [`MAXIMUM_CLAIM`].
    pub async fn dead(&self, limit: u32) -> Result<Vec<DeadJob>> {
        let dead = |row: &Row| {
            Ok(DeadJob {
                id: row.uuid("id")?,
                organization: row.organization("organization_id")?,
                kind: row.text("kind")?,
                attempts: number(row, "attempts")?,
                dead_at: row.timestamp("dead_at")?,
                last_failure: row.optional_text("last_failure")?.unwrap_or_default(),
            })
        };
        self.door.query(&DEAD, &[limit.min(MAXIMUM_CLAIM).into()]).await?.iter().map(dead).collect()
    }

    /// Gives a dead job all its attempts again; false when there is none.
    pub async fn revive(&self, id: Uuid, now: Timestamp) -> Result<bool> {
        Ok(self.change(&REVIVE, &[id.into(), now.into()]).await? > 0)
    }

    /// Deletes a dead job; false when there is none.
    pub async fn discard(&self, id: Uuid) -> Result<bool> {
        Ok(self.change(&DISCARD, &[id.into()]).await? > 0)
    }

    /// How many jobs there are, by kind.
    pub async fn counts(&self) -> Result<Vec<JobCount>> {
        let count = |row: &Row| {
            let (all, dead, leased) = (row.integer("all_jobs")?, row.integer("dead")?, row.integer("leased")?);
            Ok(JobCount { kind: row.text("kind")?, waiting: all - dead - leased, leased, dead })
        };
        self.door.query(&COUNTS, &[]).await?.iter().map(count).collect()
    }

    async fn change(&self, statement: &'static crate::Statement, arguments: &[Value]) -> Result<u64> {
        let mut transaction = self.door.begin().await?;
        let changed = transaction.execute(statement, arguments).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}

fn read(row: &Row, lease: Uuid, lease_until: Timestamp) -> Result<LeasedJob> {
    Ok(LeasedJob {
        id: row.uuid("id")?,
        organization: row.organization("organization_id")?,
        kind: row.text("kind")?,
        payload: row.bytes("payload")?,
        attempt: number(row, "attempts")?,
        maximum_attempts: number(row, "maximum_attempts")?,
        lease_until,
        lease,
    })
}
