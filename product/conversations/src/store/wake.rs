//! Timers of conversations: jobs that come back with "nobody joined" or "nothing happened".

use storage::jobs::{Job, LeasedJob};
use uuid::Uuid;

use super::commit::Commit;
use super::run::Conversations;
use super::tables::{CONVERSATION, OPEN_HANDOFF};
use crate::engine::{Event, IDLE_SECONDS, Phase, Wake};
use crate::error::Error;

/// The kind of these jobs.
pub const WAKE_JOB: &str = "conversation.wake";

/// What a job holds: the conversation's id and what to wake it with.
pub(super) fn payload(conversation: Uuid, wake: Wake) -> Vec<u8> {
    let mut payload = conversation.as_bytes().to_vec();
    payload.push(match wake {
        Wake::WaitOver => b'w',
        Wake::Idle => b'i',
    });
    payload
}

fn read(payload: &[u8]) -> Option<(Uuid, Wake)> {
    let (id, wake) = payload.split_at_checked(16)?;
    let wake = match wake {
        b"w" => Wake::WaitOver,
        b"i" => Wake::Idle,
        _ => return None,
    };
    Some((Uuid::from_slice(id).ok()?, wake))
}

impl Conversations {
    /// Runs one job of kind [`WAKE_JOB`]. Running it twice does nothing twice; one about a conversation that is gone, or was erased,
    /// is done.
    ///
    /// # Errors
    /// When the database fails; the job is to be tried again.
    pub async fn run_job(&self, job: &LeasedJob) -> Result<(), Error> {
        let Some((id, wake)) = read(&job.payload) else { return Ok(()) };
        let lock = self.lock(id);
        let _held = lock.lock().await;
        let mut run = match self.load(job.organization, id, None).await {
            Err(Error::NotFound | Error::Erased) => return Ok(()),
            loaded => loaded?,
        };
        let event = match (wake, run.loaded.state.phase) {
            (Wake::WaitOver, Phase::Waiting) => {
                let wait = i64::from(run.loaded.version.profile.handoff.wait_seconds);
                let open = run.database.query(&OPEN_HANDOFF, &[id.into()]).await?;
                let asked = open.first().map(|row| row.timestamp("asked_at")).transpose()?;
                // A timer of an earlier wait must not cut a later one short.
                if asked.is_some_and(|asked| asked.plus_seconds(wait) > run.now) {
                    return Ok(());
                }
                Event::WaitOver
            }
            (Wake::Idle, phase) if phase != Phase::Ended => {
                let row = run.database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
                let due = row.timestamp("updated_at")?.plus_seconds(i64::from(IDLE_SECONDS));
                if due > run.now {
                    return self.sleep_on(&run, due).await;
                }
                Event::Idle
            }
            _ => return Ok(()),
        };
        let act = run.settle(event, None).await?;
        let work = run.work(act.as_ref()).await?;
        run.commit(Commit { work, act, client_id: None, tell: true }).await?;
        Ok(())
    }

    /// Something happened since: the idle timer is set anew.
    async fn sleep_on(&self, run: &super::run::Run<'_>, due: storage::Timestamp) -> Result<(), Error> {
        let mut transaction = run.database.begin().await?;
        let id = self.platform().identifiers.next();
        let payload = payload(run.loaded.id, Wake::Idle);
        let job = Job::new(id, WAKE_JOB, run.database.id(), payload, due);
        storage::jobs::enqueue(&mut transaction, job).await?;
        Ok(transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_back_and_garbage_is_nothing() {
        let id = Uuid::from_u128(7);
        for wake in [Wake::WaitOver, Wake::Idle] {
            assert_eq!(read(&payload(id, wake)), Some((id, wake)));
        }
        for garbage in [&b""[..], &[0; 16], &[0; 17], &[b'w'; 18]] {
            assert_eq!(read(garbage), None);
        }
    }
}
