//! Sweeps in the database: begun in somebody's transaction, walked step by step by whoever holds their job.

#[cfg(test)]
mod tests;
mod walk;

use storage::{Database, Identifiers, OrganizationId, Row, Statement, Timestamp, Transaction, jobs};
use uuid::Uuid;

use super::damage;
use super::tables::{KEY_OWNER, OWNERS_FROM, VAULT_SWEEP};
use super::{Standing, Vault, installation::INSTALLATION_OWNER};
use crate::{
    error::{Error, Result},
    sealed_object::ObjectCatalogue,
    sweep::{Damage, KEPT_DAYS, Place, Sweep, SweepKind, places},
};

/// A rotation may be interrupted as often as it will: only steps that fail for another reason are given up.
const ATTEMPTS: u32 = 1_000_000;
/// Other nodes learn of a new key of the installation within a second; nothing is sealed anew with it before.
const INSTALLATION_SETTLES_SECONDS: i64 = 3;
/// Owners that are looked through for a scrub that is due, at a time.
const OWNERS_AT_A_TIME: i64 = 500;
const SECONDS_PER_DAY: i64 = 86_400;

pub(super) static SWEEP_RUNNING: Statement = Statement::installation(
    "vault.sweep_running",
    "select * from vault_sweep where organization_id = $1 and kind = $2 and finished_at is null",
);

pub(super) static SWEEP_LAST: Statement = Statement::installation(
    "vault.sweep_last",
    "select * from vault_sweep where organization_id = $1 and kind = $2 order by started_at desc, id desc limit 1",
);

pub(super) static SCRUBBED_LAST: Statement = Statement::installation(
    "vault.scrubbed_last",
    "select max(started_at) as started_at from vault_sweep
     where organization_id = $1 and kind = 'scrub' and finished_at is not null",
);

pub(super) static SWEEPS_RECENT: Statement = Statement::installation(
    "vault.sweeps_recent",
    "select * from vault_sweep where organization_id = $1 order by started_at desc, id desc limit $2",
);

pub(super) static SWEEPS_FORGET: Statement = Statement::installation(
    "vault.sweeps_forget",
    "delete from vault_sweep where finished_at is not null and finished_at < $1",
);

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More(Vec<Damage>),
    /// Nothing is to be done before this instant.
    Wait(Timestamp),
    /// It is over. The damages are those found in this step and not known before.
    Finished(Sweep),
}

/// How many owners of keys, the installation among them, stand how to their scrubs. Those that are sealed are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubCalendar {
    /// Looked through to the end in time.
    pub looked_through: usize,
    /// Too young for a scrub to be late, or in the midst of the one that is due.
    pub waiting: usize,
    /// Not looked through in time: no scrub was begun, or the last one has stood still.
    pub overdue: usize,
}

/// What the steps of a sweep need from outside.
pub struct Walker<'a> {
    /// The objects that there should be.
    pub objects: &'a dyn ObjectCatalogue,
    /// Identifiers of findings.
    pub identifiers: &'a Identifiers,
}

impl Vault {
    /// Rotates the keys of the transaction's organization, or of the installation in a transaction of its own: from the
    /// commit on a new key seals what is new, and a job seals anew what the older ones sealed. Gives the sweep.
    pub async fn begin_rotation(
        &self,
        transaction: &mut Transaction,
        identifiers: &Identifiers,
        now: Timestamp,
    ) -> Result<Uuid> {
        self.add_main_key(transaction, now).await?;
        let id = self.begin_sweep(transaction, SweepKind::Rotation, identifiers, now).await?;
        let (vault, organization) = (self.clone(), transaction.organization());
        transaction.on_commit(move || match organization {
            Some(organization) => {
                if let Some(owner) = vault.shared.owner(organization) {
                    owner.mark_stale();
                }
            }
            None => vault.shared.installation.owner.mark_stale(),
        });
        Ok(id)
    }

    /// Gives every person of the transaction's organization a new key, by a job that also seals anew what the older ones
    /// sealed. Gives the sweep.
    pub async fn begin_person_rotation(
        &self,
        transaction: &mut Transaction,
        identifiers: &Identifiers,
        now: Timestamp,
    ) -> Result<Uuid> {
        self.begin_sweep(transaction, SweepKind::PersonRotation, identifiers, now).await
    }

    /// Has a job open everything sealed of the transaction's organization (or of the installation). Gives the sweep.
    pub async fn begin_scrub(
        &self,
        transaction: &mut Transaction,
        identifiers: &Identifiers,
        now: Timestamp,
    ) -> Result<Uuid> {
        self.begin_sweep(transaction, SweepKind::Scrub, identifiers, now).await
    }

    async fn begin_sweep(
        &self,
        transaction: &mut Transaction,
        kind: SweepKind,
        identifiers: &Identifiers,
        now: Timestamp,
    ) -> Result<Uuid> {
        let organization = transaction.organization();
        let owner = damage::owner(organization);
        if !transaction.query(&SWEEP_RUNNING, &[owner.into(), kind.as_str().into()]).await?.is_empty() {
            return Err(Error::RotationRuns);
        }
        let id = identifiers.next();
        let values = [
            ("id", id.into()),
            ("organization_id", owner.into()),
            ("kind", kind.as_str().into()),
            ("pass", (*kind.passes().start()).into()),
            ("place", "".into()),
            ("next_id", Uuid::nil().into()),
            ("done", 0.into()),
            ("expected", 0.into()),
            ("changed", 0.into()),
            ("damaged", 0.into()),
            ("started_at", now.into()),
            ("updated_at", now.into()),
        ];
        transaction.insert(&VAULT_SWEEP, &values).await?;
        let settles = if organization.is_none() { INSTALLATION_SETTLES_SECONDS } else { 0 };
        let (job, payload) = (identifiers.next(), id.as_bytes().to_vec());
        let job = jobs::Job::new(job, kind.job(), OrganizationId(owner), payload, now.plus_seconds(settles));
        jobs::enqueue(transaction, jobs::Job { maximum_attempts: ATTEMPTS, ..job }).await?;
        transaction.execute(&SWEEPS_FORGET, &[now.plus_seconds(-KEPT_DAYS * SECONDS_PER_DAY).into()]).await?;
        Ok(id)
    }

    /// How far a sweep has come; none when it is forgotten.
    pub async fn sweep(&self, id: Uuid) -> Result<Option<Sweep>> {
        let row = self.shared.database.installation().get(&VAULT_SWEEP, id).await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest sweep of this kind; none for the installation's means that its own values are asked about.
    pub async fn last_sweep(&self, organization: Option<OrganizationId>, kind: SweepKind) -> Result<Option<Sweep>> {
        let arguments = [damage::owner(organization).into(), kind.as_str().into()];
        let rows = self.shared.database.installation().query(&SWEEP_LAST, &arguments).await?;
        rows.first().map(read).transpose()
    }

    /// The last sweeps of an organization (or of the installation), the newest first.
    pub async fn sweeps(&self, organization: Option<OrganizationId>, limit: i64) -> Result<Vec<Sweep>> {
        let arguments = [damage::owner(organization).into(), limit.into()];
        let rows = self.shared.database.installation().query(&SWEEPS_RECENT, &arguments).await?;
        rows.iter().map(read).collect()
    }

    /// What is damaged of an organization (or of the installation), the newest finding first.
    pub async fn damages(&self, organization: Option<OrganizationId>, limit: i64) -> Result<Vec<Damage>> {
        damage::of(&self.shared.database.installation(), organization, limit).await
    }

    /// How much is damaged in the whole installation.
    pub async fn damage_count(&self) -> Result<i64> {
        damage_count(&self.shared.database).await
    }

    /// The owners of keys (the installation is none) whose last scrub began before this instant and is over, and that are
    /// not sealed.
    pub async fn due_for_scrub(&self, before: Timestamp) -> Result<Vec<Option<OrganizationId>>> {
        let mut due = Vec::new();
        for (owner, _) in self.readable_owners().await? {
            let organization = damage::organization(owner);
            let last = self.last_sweep(organization, SweepKind::Scrub).await?;
            if last.is_none_or(|last| last.finished_at.is_some() && last.started_at < before) {
                due.push(organization);
            }
        }
        Ok(due)
    }

    /// How the owners of keys that are not sealed stand to their scrubs, when each should have had one that began at or after
    /// this instant.
    pub async fn scrub_calendar(&self, since: Timestamp) -> Result<ScrubCalendar> {
        let door = self.shared.database.installation();
        let mut calendar = ScrubCalendar::default();
        for (owner, readable_since) in self.readable_owners().await? {
            let rows = door.query(&SCRUBBED_LAST, &[owner.into()]).await?;
            let scrubbed = rows.first().map(|row| row.optional_timestamp("started_at")).transpose()?.flatten();
            let begun =
                self.last_sweep(damage::organization(owner), SweepKind::Scrub).await?.map(|sweep| sweep.started_at);
            *match (scrubbed, begun.max(readable_since)) {
                (Some(scrubbed), _) if scrubbed >= since => &mut calendar.looked_through,
                (_, Some(expected_from)) if expected_from < since => &mut calendar.overdue,
                _ => &mut calendar.waiting,
            } += 1;
        }
        Ok(calendar)
    }

    /// The owners of keys that are not sealed, with the instant since when they can be read, where it is known.
    async fn readable_owners(&self) -> Result<Vec<(Uuid, Option<Timestamp>)>> {
        let door = self.shared.database.installation();
        let (mut readable, mut after) = (Vec::new(), INSTALLATION_OWNER);
        let mut owners = vec![INSTALLATION_OWNER];
        loop {
            for owner in &owners {
                let row = door.get(&KEY_OWNER, *owner).await?;
                let since = row.as_ref().map(|row| row.optional_timestamp("readable_since")).transpose()?.flatten();
                if Standing::of(row)?.sealed_at.is_none() {
                    readable.push((*owner, since));
                }
            }
            let rows = door.query(&OWNERS_FROM, &[after.into(), OWNERS_AT_A_TIME.into()]).await?;
            owners = rows.iter().map(|row| row.uuid("id")).collect::<storage::Result<_>>()?;
            let Some(last) = owners.last() else { return Ok(readable) };
            after = *last;
        }
    }

    /// One step of a sweep. May be repeated, and cut off anywhere.
    pub async fn step(&self, id: Uuid, walker: &Walker<'_>, now: Timestamp) -> Result<Step> {
        let Some(mut sweep) = self.sweep(id).await? else { return Err(Error::NoKey { kind: "sweep" }) };
        if sweep.finished_at.is_some() {
            return Ok(Step::Finished(sweep));
        }
        if sweep.organization.is_none() {
            let row = self.shared.database.installation().get(&KEY_OWNER, INSTALLATION_OWNER).await?;
            self.refresh_installation(Standing::of(row)?.generation).await?;
        }
        if sweep.expected == 0 {
            sweep.expected = self.expected(&sweep).await?.max(1);
        }
        let places = places(sweep.kind, sweep.pass, sweep.organization.is_none(), self.shared.database.schema());
        let Some(first) = places.first() else { return self.next_pass(sweep, now).await };
        if sweep.place.is_empty() {
            if sweep.kind.waits_before(sweep.pass) && now < sweep.settled_at() {
                return Ok(Step::Wait(sweep.settled_at()));
            }
            first.name().clone_into(&mut sweep.place);
        }
        let at = places.iter().position(|place| place.name() == sweep.place).unwrap_or(0);
        let walked = self.walk(&sweep, places[at], walker, now).await?;
        sweep.done += walked.done;
        sweep.changed += walked.changed;
        sweep.damaged += walked.damages.len() as i64;
        match (walked.next, places.get(at + 1)) {
            (Some(next), _) => sweep.next = next,
            (None, Some(place)) => {
                place.name().clone_into(&mut sweep.place);
                sweep.next = Uuid::nil();
            }
            (None, None) => {
                let found = self.keep_damages(&walked.damages, walker).await?;
                return match self.next_pass(sweep, now).await? {
                    Step::More(_) => Ok(Step::More(found)),
                    other => Ok(other),
                };
            }
        }
        let found = self.keep_damages(&walked.damages, walker).await?;
        let mut transaction = self.shared.database.installation().begin().await?;
        write(&mut transaction, &sweep, now).await?;
        transaction.commit().await?;
        Ok(Step::More(found))
    }

    /// Writes findings down; gives those that were not known.
    async fn keep_damages(&self, damages: &[Damage], walker: &Walker<'_>) -> Result<Vec<Damage>> {
        let mut found = Vec::new();
        if damages.is_empty() {
            return Ok(found);
        }
        let mut transaction = self.shared.database.installation().begin().await?;
        for one in damages {
            if damage::note(&mut transaction, walker.identifiers.next(), one).await? {
                found.push(one.clone());
            }
        }
        transaction.commit().await?;
        Ok(found)
    }

    /// The next pass over everything, or the end.
    async fn next_pass(&self, mut sweep: Sweep, now: Timestamp) -> Result<Step> {
        let mut transaction = self.begin(sweep.organization).await?;
        let left_behind = sweep.damaged > 0 && sweep.kind != SweepKind::Scrub && sweep.pass == 2;
        if sweep.pass < *sweep.kind.passes().end() && !left_behind {
            sweep.pass += 1;
            sweep.place.clear();
            sweep.next = Uuid::nil();
            // What the first pass could not open, the second counts again.
            sweep.damaged = 0;
            write(&mut transaction, &sweep, now).await?;
            transaction.commit().await?;
            return Ok(Step::More(Vec::new()));
        }
        match sweep.kind {
            SweepKind::Rotation if sweep.damaged == 0 => drop(self.end_old_keys(&mut transaction, now).await?),
            SweepKind::Scrub => {
                damage::forget_mended(&mut transaction, sweep.organization, sweep.started_at).await?;
            }
            SweepKind::Rotation | SweepKind::PersonRotation => {}
        }
        sweep.finished_at = Some(now);
        write(&mut transaction, &sweep, now).await?;
        let (vault, organization) = (self.clone(), sweep.organization);
        transaction.on_commit(move || {
            if organization.is_none() {
                vault.shared.installation.owner.mark_stale();
            }
        });
        transaction.commit().await?;
        Ok(Step::Finished(sweep))
    }

    /// How many rows and objects all passes will look at.
    async fn expected(&self, sweep: &Sweep) -> Result<i64> {
        let mut expected = 0_i64;
        for pass in sweep.kind.passes() {
            for place in places(sweep.kind, pass, sweep.organization.is_none(), self.shared.database.schema()) {
                expected = expected.saturating_add(self.size(sweep.organization, place).await?);
            }
        }
        Ok(expected)
    }

    async fn size(&self, organization: Option<OrganizationId>, place: Place) -> Result<i64> {
        let table = match place {
            Place::Table(table) => table,
            Place::OrganizationKeys => &KEY_OWNER,
            Place::Objects => &super::RECORDING_KEY,
            Place::NewPersonKeys | Place::OldPersonKeys => &super::PERSON_KEY,
        };
        Ok(match organization {
            Some(organization) if table.is_organizations() => self.door(organization).count(table).await?,
            _ => self.shared.database.installation().count(table).await?,
        })
    }
}

/// How much is damaged in the whole installation; no key is needed to ask.
pub async fn damage_count(database: &Database) -> Result<i64> {
    damage::count(&database.installation()).await
}

/// The last look at the installation's own values; no key is needed to ask.
pub async fn last_scrub_of_installation(database: &Database) -> Result<Option<Sweep>> {
    let arguments = [INSTALLATION_OWNER.into(), SweepKind::Scrub.as_str().into()];
    let rows = database.installation().query(&SWEEP_LAST, &arguments).await?;
    rows.first().map(read).transpose()
}

async fn write(transaction: &mut Transaction, sweep: &Sweep, now: Timestamp) -> Result<()> {
    let values = [
        ("pass", sweep.pass.into()),
        ("place", sweep.place.as_str().into()),
        ("next_id", sweep.next.into()),
        ("done", sweep.done.into()),
        ("expected", sweep.expected.into()),
        ("changed", sweep.changed.into()),
        ("damaged", sweep.damaged.into()),
        ("updated_at", now.into()),
        ("finished_at", sweep.finished_at.into()),
    ];
    transaction.update(&VAULT_SWEEP, sweep.id, &values).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Sweep> {
    let unknown = || Error::UnknownFormat { place: "vault_sweep".to_owned() };
    Ok(Sweep {
        id: row.uuid("id")?,
        organization: damage::organization(row.uuid("organization_id")?),
        kind: SweepKind::parse(&row.text("kind")?).ok_or_else(unknown)?,
        pass: row.integer("pass")?,
        place: row.text("place")?,
        next: row.uuid("next_id")?,
        done: row.integer("done")?,
        expected: row.integer("expected")?,
        changed: row.integer("changed")?,
        damaged: row.integer("damaged")?,
        started_at: row.timestamp("started_at")?,
        updated_at: row.timestamp("updated_at")?,
        finished_at: row.optional_timestamp("finished_at")?,
    })
}
