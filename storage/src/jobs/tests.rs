//! Jobs on both engines; the model walks random histories and compares every answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::testing::TestDatabase;
use crate::{Clock, Entropy, Error, Identifiers, ManualClock, Schema, SeededEntropy};

const KIND: &str = "tests.work";

struct World {
    test: TestDatabase,
    jobs: Jobs,
    clock: Arc<ManualClock>,
    identifiers: Identifiers,
    organization: OrganizationId,
}

async fn worlds() -> Vec<World> {
    let world = |test: TestDatabase| {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000_000)));
        let identifiers = Identifiers::new(clock.clone(), Arc::new(SeededEntropy::new(4)));
        let organization = OrganizationId(identifiers.next());
        World { jobs: Jobs::new(&test.database, identifiers.clone()), test, clock, identifiers, organization }
    };
    crate::testing::databases(Schema::new()).await.into_iter().map(world).collect()
}

impl World {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn job(&self) -> Job {
        Job::new(self.identifiers.next(), KIND, self.organization, vec![7], self.now())
    }

    async fn add(&self, job: Job) -> Uuid {
        let id = job.id;
        let mut transaction = self.test.database.organization(self.organization).begin().await.expect("begun");
        enqueue(&mut transaction, job).await.expect("enqueued");
        transaction.commit().await.expect("committed");
        id
    }

    async fn claim(&self, limit: u32) -> Vec<LeasedJob> {
        self.jobs.claim(KIND, self.now(), 60, limit).await.expect("claimed")
    }

    async fn only(&self) -> LeasedJob {
        let mut claimed = self.claim(10).await;
        assert_eq!(claimed.len(), 1, "{}", self.test.name);
        claimed.remove(0)
    }
}

#[tokio::test]
async fn a_job_lives_and_dies_with_the_transaction_that_enqueued_it() {
    for world in worlds().await {
        let mut transaction = world.test.database.organization(world.organization).begin().await.expect("begun");
        enqueue(&mut transaction, world.job()).await.expect("enqueued");
        drop(transaction);
        assert!(world.claim(10).await.is_empty());
        let id = world.add(world.job()).await;
        let job = world.only().await;
        assert_eq!(
            (job.id, job.organization, job.payload.as_slice(), job.attempt),
            (id, world.organization, &[7][..], 1)
        );
        assert!(world.claim(10).await.is_empty(), "it is leased");
        assert!(world.jobs.complete(&job).await.expect("completed"));
        assert!(!world.jobs.complete(&job).await.expect("gone"));
        assert!(world.jobs.counts().await.expect("counted").is_empty());
    }
}

#[tokio::test]
async fn a_job_is_for_the_transaction_s_organization_and_within_limits() {
    for world in worlds().await {
        let door = world.test.database.organization(OrganizationId(world.identifiers.next()));
        let mut transaction = door.begin().await.expect("begun");
        assert!(matches!(enqueue(&mut transaction, world.job()).await, Err(Error::Scope { .. })));
        drop(transaction);
        let mut transaction = world.test.database.installation().begin().await.expect("begun");
        let large = Job { payload: vec![0; MAXIMUM_PAYLOAD_BYTES + 1], ..world.job() };
        assert!(matches!(enqueue(&mut transaction, large).await, Err(Error::Scope { .. })));
        let largest = Job { payload: vec![0; MAXIMUM_PAYLOAD_BYTES], ..world.job() };
        enqueue(&mut transaction, largest.clone()).await.expect("at the limit");
        assert!(matches!(enqueue(&mut transaction, largest).await, Err(Error::Conflict { .. })));
    }
}

#[tokio::test]
async fn jobs_wait_for_their_time_and_leases_run_out() {
    for world in worlds().await {
        world.add(Job { run_at: world.now().plus_seconds(10), ..world.job() }).await;
        assert!(world.claim(10).await.is_empty());
        world.clock.advance_seconds(10);
        let mut first = world.only().await;
        world.clock.advance_seconds(59);
        assert!(world.claim(10).await.is_empty());
        assert!(world.jobs.extend(&mut first, world.now(), 60).await.expect("extended"));
        world.clock.advance_seconds(59);
        assert!(world.claim(10).await.is_empty());
        world.clock.advance_seconds(1);
        let second = world.only().await;
        assert_eq!(second.attempt, 2);
        assert!(!world.jobs.complete(&first).await.expect("asked"), "the first worker has lost it");
        assert!(!world.jobs.extend(&mut first, world.now(), 60).await.expect("asked"));
        assert_eq!(world.jobs.retry(&first, world.now(), "late").await.expect("asked"), Failed::LeaseLost);
        let mut transaction = world.test.database.organization(world.organization).begin().await.expect("begun");
        assert!(matches!(complete(&mut transaction, &first).await, Err(Error::LeaseLost)));
        drop(transaction);
        let mut transaction = world.test.database.organization(world.organization).begin().await.expect("begun");
        complete(&mut transaction, &second).await.expect("completed with its effect");
        transaction.commit().await.expect("committed");
        assert!(world.jobs.counts().await.expect("counted").is_empty());
    }
}

#[tokio::test]
async fn failures_wait_ever_longer_and_then_the_job_is_dead() {
    for world in worlds().await {
        let id = world.add(Job { maximum_attempts: 3, ..world.job() }).await;
        for attempt in 1..=2 {
            let job = world.only().await;
            let expected = world.now().plus_seconds(pause_seconds(attempt, id));
            assert_eq!(
                world.jobs.retry(&job, world.now(), "refused").await.expect("retried"),
                Failed::RetryAt(expected)
            );
            world.clock.set(Timestamp(expected.0 - 1));
            assert!(world.claim(10).await.is_empty());
            world.clock.set(expected);
        }
        let job = world.only().await;
        let why = "ä".repeat(MAXIMUM_TEXT_LENGTH);
        assert_eq!(world.jobs.retry(&job, world.now(), &why).await.expect("retried"), Failed::Dead);
        world.clock.advance_seconds(86_400 * 365);
        assert!(world.claim(10).await.is_empty());
        let dead = world.jobs.dead(10).await.expect("listed");
        assert_eq!(
            (dead.len(), dead[0].id, dead[0].attempts, dead[0].last_failure.len()),
            (1, id, 3, MAXIMUM_TEXT_LENGTH)
        );
        assert!(world.jobs.revive(id, world.now()).await.expect("revived"));
        assert!(!world.jobs.revive(id, world.now()).await.expect("not dead"));
        assert!(!world.jobs.discard(id).await.expect("not dead"));
        assert_eq!(world.only().await.attempt, 1);
    }
}

#[tokio::test]
async fn a_job_whose_worker_always_crashes_is_dead_in_the_end() {
    for world in worlds().await {
        let id = world.add(Job { maximum_attempts: 2, ..world.job() }).await;
        for _ in 0..2 {
            world.only().await;
            world.clock.advance_seconds(61);
        }
        assert!(world.claim(10).await.is_empty());
        assert_eq!(world.jobs.dead(10).await.expect("listed")[0].id, id);
        assert!(world.jobs.discard(id).await.expect("discarded"));
        assert!(world.jobs.dead(10).await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn many_workers_share_without_doubling() {
    for world in worlds().await {
        for _ in 0..60 {
            world.add(world.job()).await;
        }
        let now = world.now();
        let worker = |jobs: Jobs| async move {
            let mut taken = Vec::new();
            for _ in 0..40 {
                taken.extend(jobs.claim(KIND, now, 60, 7).await.expect("claimed").into_iter().map(|job| job.id));
            }
            taken
        };
        let workers: Vec<_> = (0..6).map(|_| tokio::spawn(worker(world.jobs.clone()))).collect();
        let mut taken = Vec::new();
        for worker in workers {
            taken.extend(worker.await.expect("ends"));
        }
        let all = taken.len();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!((all, taken.len()), (60, 60), "{}", world.test.name);
    }
}

#[tokio::test]
async fn an_organization_s_jobs_go_with_it() {
    for world in worlds().await {
        world.add(world.job()).await;
        world.add(world.job()).await;
        let mut transaction = world.test.database.installation().begin().await.expect("begun");
        assert_eq!(forget(&mut transaction, world.organization).await.expect("forgotten"), 2);
        transaction.commit().await.expect("committed");
        assert!(world.claim(10).await.is_empty());
    }
}

#[test]
fn pauses_double_up_to_the_longest() {
    let zero = Uuid::nil();
    assert_eq!([1, 2, 3].map(|attempt| pause_seconds(attempt, zero)), [10, 20, 40]);
    assert_eq!(pause_seconds(u32::MAX, zero), LONGEST_PAUSE_SECONDS);
    assert!(pause_seconds(u32::MAX, Uuid::max()) <= LONGEST_PAUSE_SECONDS * 5 / 4);
    assert_eq!(pause_seconds(0, zero), 10);
}

/// What the model knows of one job.
#[derive(Clone, Debug)]
struct Known {
    due_at: Timestamp,
    attempts: u32,
    dead: bool,
    lease: Option<LeasedJob>,
}

#[tokio::test]
async fn random_histories_agree_with_a_model() {
    for world in worlds().await {
        let entropy = SeededEntropy::new(99);
        let roll = |below: u8| {
            let mut byte = [0];
            entropy.fill(&mut byte);
            byte[0] % below
        };
        let mut model: BTreeMap<Uuid, Known> = BTreeMap::new();
        for step in 0..250 {
            match roll(6) {
                0 => {
                    let job = Job { maximum_attempts: 2, ..world.job() };
                    let known = Known { due_at: job.run_at, attempts: 0, dead: false, lease: None };
                    model.insert(world.add(job).await, known);
                }
                1 => world.clock.advance_seconds(i64::from(roll(40))),
                2 | 3 => claim_both(&world, &mut model, step).await,
                4 => complete_both(&world, &mut model, roll(3) == 0).await,
                _ => fail_both(&world, &mut model).await,
            }
        }
        let dead = world.jobs.dead(MAXIMUM_CLAIM).await.expect("listed").len();
        assert_eq!(dead, model.values().filter(|known| known.dead).count());
    }
}

async fn claim_both(world: &World, model: &mut BTreeMap<Uuid, Known>, step: u32) {
    let claimed = world.claim(MAXIMUM_CLAIM).await;
    let now = world.now();
    let due: Vec<Uuid> =
        model.iter().filter(|(_, known)| !known.dead && known.due_at <= now).map(|(id, _)| *id).collect();
    let mut expected = Vec::new();
    for id in due {
        let known = model.get_mut(&id).expect("is there");
        if known.attempts >= 2 {
            known.dead = true;
        } else {
            expected.push(id);
        }
    }
    let ids: Vec<Uuid> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(ids, expected, "{} step {step}", world.test.name);
    for job in claimed {
        let known = model.get_mut(&job.id).expect("is there");
        known.attempts += 1;
        known.due_at = job.lease_until;
        assert_eq!(job.attempt, known.attempts);
        known.lease = Some(job);
    }
}

/// Completes some leased job, perhaps one whose lease has run out but which nobody has taken since.
async fn complete_both(world: &World, model: &mut BTreeMap<Uuid, Known>, skip_first: bool) {
    let leased = |(_, known): &(&Uuid, &Known)| known.lease.is_some();
    let Some((id, known)) = model.iter().filter(leased).nth(usize::from(skip_first)) else { return };
    let (id, known) = (*id, known.clone());
    let completed = world.jobs.complete(&known.lease.expect("is leased")).await.expect("asked");
    assert_eq!(completed, !known.dead);
    model.remove(&id).expect("is there");
    if !completed {
        assert!(world.jobs.discard(id).await.expect("discarded"));
    }
}

async fn fail_both(world: &World, model: &mut BTreeMap<Uuid, Known>) {
    let now = world.now();
    let Some((id, known)) = model.iter_mut().find(|(_, known)| known.lease.is_some()) else { return };
    let job = known.lease.take().expect("is leased");
    let outcome = world.jobs.retry(&job, now, "failed").await.expect("asked");
    if known.dead {
        assert_eq!(outcome, Failed::LeaseLost);
    } else if known.attempts >= 2 {
        assert_eq!(outcome, Failed::Dead);
        known.dead = true;
    } else {
        known.due_at = now.plus_seconds(pause_seconds(known.attempts, *id));
        assert_eq!(outcome, Failed::RetryAt(known.due_at));
    }
}

#[tokio::test]
async fn a_held_organization_s_jobs_wait_and_lose_nothing() {
    for world in worlds().await {
        let job = world.add(world.job()).await;
        let other = OrganizationId(world.identifiers.next());
        let theirs = Job { organization: other, ..world.job() };
        let mut transaction = world.test.database.organization(other).begin().await.expect("begun");
        enqueue(&mut transaction, theirs.clone()).await.expect("enqueued");
        transaction.commit().await.expect("committed");
        let mut transaction = world.test.database.organization(world.organization).begin().await.expect("begun");
        assert!(hold(&mut transaction, world.organization, world.now()).await.expect("held"));
        assert!(!hold(&mut transaction, world.organization, world.now()).await.expect("held already"));
        transaction.commit().await.expect("committed");
        assert_eq!(world.only().await.id, theirs.id, "{}: others go on", world.test.name);
        world.clock.advance_seconds(30 * 86_400);
        assert_eq!(world.claim(10).await.iter().filter(|taken| taken.id == job).count(), 0);
        let mut transaction = world.test.database.organization(world.organization).begin().await.expect("begun");
        assert!(release(&mut transaction, world.organization).await.expect("released"));
        assert!(!release(&mut transaction, world.organization).await.expect("released already"));
        transaction.commit().await.expect("committed");
        let taken = world.claim(10).await.into_iter().find(|taken| taken.id == job).expect("due again");
        assert_eq!(taken.attempt, 1, "waiting costs no attempt");
    }
}
