//! Walks sweeps: holds their jobs, takes step after step, tells what was found, and begins the scrubs that are due.

use std::time::Duration;

use audit::{Actor, ActorKind};
use identity::{Caller, Permission, Platform};
use serde_json::json;
use storage::jobs::{Jobs, LeasedJob};
use storage::{OrganizationId, Transaction};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vault::{Damage, ROTATION_JOB, SCRUB_JOB, Step, Sweep, SweepKind, Walker};
use web::live::{Live, LiveEvent};

use super::{Recordings, entry};
use crate::metrics::Metrics;

/// How often other processes' changes of keys are taken over, and jobs are looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked for owners whose scrub is due.
const DUE_EVERY: Duration = Duration::from_mins(2);
/// Everything is looked through this often.
pub const SCRUB_EVERY_SECONDS: i64 = 7 * 86_400;
/// How long a step may take before another process may go on, in seconds. One step of a scrub opens a whole recording.
const LEASES: [(&str, u32); 2] = [(ROTATION_JOB, 60), (SCRUB_JOB, 900)];

/// What walking needs. Cheap to clone.
#[derive(Clone)]
pub struct Sweeper {
    /// What everything stands on.
    pub platform: Platform,
    /// Who hears of findings.
    pub live: Live,
    /// The operator's figures.
    pub metrics: Metrics,
}

/// Why walking paused.
#[derive(Debug, PartialEq, Eq)]
pub enum Walked {
    /// It is over.
    Finished(Sweep),
    /// It goes on later, or another process does it.
    Later,
}

impl Sweeper {
    /// Takes over, every second, what other processes did with keys.
    pub async fn keep_up(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
            if let Err(error) = self.platform.vault.refresh(self.platform.now()).await {
                tracing::error!(%error, "changes of keys could not be taken over");
            }
        }
    }

    /// Walks sweeps of one kind of job until `stop` is cancelled.
    pub async fn walk(self, kind: &'static str, stop: CancellationToken) {
        let jobs = self.jobs();
        while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
            match jobs.claim(kind, self.platform.now(), lease(kind), 1).await {
                Ok(taken) => {
                    for job in taken {
                        self.work(job, &stop, |_| {}).await;
                    }
                }
                Err(error) => tracing::error!(%error, "jobs could not be taken"),
            }
        }
    }

    /// Begins the scrubs that are due, until `stop` is cancelled.
    pub async fn begin_scrubs(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(DUE_EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.begin_due_scrubs().await {
                tracing::error!(%error, "scrubs could not be begun");
            }
        }
    }

    async fn begin_due_scrubs(&self) -> anyhow::Result<()> {
        let (platform, now) = (&self.platform, self.platform.now());
        for organization in platform.vault.due_for_scrub(now.plus_seconds(-SCRUB_EVERY_SECONDS)).await? {
            let mut transaction = self.begin(organization).await?;
            match platform.vault.begin_scrub(&mut transaction, &platform.identifiers, now).await {
                Ok(_) => transaction.commit().await?,
                // Another process was quicker.
                Err(vault::Error::RotationRuns) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.metrics.set_damaged(platform.vault.damage_count().await?);
        Ok(())
    }

    /// Takes the job of one sweep, when nobody has it, and walks as far as it goes now.
    pub async fn walk_once(&self, kind: SweepKind, tell: impl Fn(&Sweep)) -> anyhow::Result<Walked> {
        let jobs = self.jobs();
        let taken = jobs.claim(kind.job(), self.platform.now(), lease(kind.job()), 1).await?;
        let mut walked = Walked::Later;
        for job in taken {
            walked = self.work(job, &CancellationToken::new(), &tell).await;
        }
        Ok(walked)
    }

    /// A transaction of whom a sweep is about.
    async fn begin(&self, organization: Option<OrganizationId>) -> storage::Result<Transaction> {
        let Some(organization) = organization else {
            return self.platform.database.installation().begin().await;
        };
        let actor = Actor { kind: ActorKind::System, id: None, address: None };
        Caller::for_channel(organization, actor).database(&self.platform).begin().await
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(&self.platform.database, self.platform.identifiers.clone())
    }

    /// Walks the sweep of a job until it is over, has to wait, or the program ends.
    async fn work(&self, mut job: LeasedJob, stop: &CancellationToken, tell: impl Fn(&Sweep)) -> Walked {
        let jobs = self.jobs();
        let outcome = self.steps(&mut job, stop, tell).await;
        let put_down = match &outcome {
            Ok(Walked::Finished(_)) => jobs.complete(&job).await.map(drop),
            Ok(Walked::Later) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, job = %job.id, "a sweep could not go on; it is tried again");
                jobs.retry(&job, self.platform.now(), "a step of the sweep failed").await.map(drop)
            }
        };
        if let Err(error) = put_down {
            tracing::error!(%error, "a job could not be put down");
        }
        outcome.unwrap_or(Walked::Later)
    }

    async fn steps(
        &self,
        job: &mut LeasedJob,
        stop: &CancellationToken,
        tell: impl Fn(&Sweep),
    ) -> anyhow::Result<Walked> {
        let (platform, jobs, lease) = (&self.platform, self.jobs(), lease(&job.kind));
        let id = Uuid::from_slice(&job.payload)?;
        let catalogue = Recordings(platform.clone());
        let walker = Walker { objects: &catalogue, identifiers: &platform.identifiers };
        loop {
            match platform.vault.step(id, &walker, platform.now()).await? {
                Step::More(found) => self.announce(&found),
                Step::Wait(until) => {
                    let seconds = until.microseconds_since(platform.now()).max(0) / 1_000_000 + 1;
                    jobs.extend(job, platform.now(), u32::try_from(seconds).unwrap_or(lease)).await?;
                    return Ok(Walked::Later);
                }
                Step::Finished(sweep) => {
                    self.note_end(&sweep).await?;
                    return Ok(Walked::Finished(sweep));
                }
            }
            if let Some(sweep) = platform.vault.sweep(id).await? {
                tell(&sweep);
            }
            if stop.is_cancelled() {
                // Another process, or the next run, goes on at once.
                jobs.extend(job, platform.now(), 0).await?;
                return Ok(Walked::Later);
            }
            let half = platform.now().plus_seconds(i64::from(lease) / 2);
            if job.lease_until < half && !jobs.extend(job, platform.now(), lease).await? {
                return Ok(Walked::Later);
            }
        }
    }

    /// Tells those who look on, and the log, what was found.
    fn announce(&self, found: &[Damage]) {
        for damage in found {
            tracing::error!(place = damage.place, object = %damage.object, reason = damage.reason, "something sealed is damaged");
            let Some(organization) = damage.organization else { continue };
            let data = json!({ "place": damage.place, "reason": damage.reason });
            let event = LiveEvent::new("damage", Permission::SettingsRead, damage.object, data);
            self.live.publish(organization, event);
        }
    }

    /// The end of a sweep stands in the log of whom it was about.
    async fn note_end(&self, sweep: &Sweep) -> anyhow::Result<()> {
        let platform = &self.platform;
        let mut transaction = self.begin(sweep.organization).await?;
        let facts = vec![
            ("kind", sweep.kind.as_str().to_owned()),
            ("looked_at", sweep.done.to_string()),
            ("sealed_anew", sweep.changed.to_string()),
            ("damaged", sweep.damaged.to_string()),
        ];
        let entry = entry(ActorKind::System, "vault.sweep_end", Some(sweep.id), facts);
        platform.audit.append(&mut transaction, platform.now(), &entry).await?;
        transaction.commit().await?;
        self.metrics.set_damaged(platform.vault.damage_count().await?);
        if let Some(organization) = sweep.organization {
            let data = json!({ "kind": sweep.kind.as_str() });
            self.live.publish(organization, LiveEvent::new("sweep", Permission::SettingsRead, sweep.id, data));
        }
        Ok(())
    }
}

fn lease(kind: &str) -> u32 {
    LEASES.into_iter().find(|(known, _)| *known == kind).map_or(60, |(_, seconds)| seconds)
}
