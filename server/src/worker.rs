//! Takes the jobs that wake conversations: a wait for a person is over, a chat has gone quiet.

use std::time::Duration;

use conversations::{Conversations, WAKE_JOB};
use storage::jobs::Jobs;
use tokio_util::sync::CancellationToken;

/// How long a job may take before another worker may take it, in seconds.
const LEASE_SECONDS: u32 = 60;
/// Jobs that are taken at once.
const BATCH: u32 = 20;
/// How often it is looked for jobs.
const PAUSE: Duration = Duration::from_secs(1);

/// Works until `stop` is cancelled.
pub async fn wake_conversations(conversations: Conversations, stop: CancellationToken) {
    let platform = conversations.platform().clone();
    let jobs = Jobs::new(&platform.database, platform.identifiers.clone());
    while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
        let taken = match jobs.claim(WAKE_JOB, platform.now(), LEASE_SECONDS, BATCH).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(%error, "jobs could not be taken");
                continue;
            }
        };
        for job in taken {
            let done = match conversations.run_job(&job).await {
                Ok(()) => jobs.complete(&job).await.map(drop),
                Err(error) => {
                    tracing::warn!(%error, job = %job.id, "a conversation could not be woken; it is tried again");
                    jobs.retry(&job, platform.now(), "the conversation could not be stepped").await.map(drop)
                }
            };
            if let Err(error) = done {
                tracing::error!(%error, "a job could not be put down");
            }
        }
    }
}
