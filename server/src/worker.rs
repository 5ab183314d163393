//! Takes the jobs that wake conversations (a wait for a person is over, a chat has gone quiet), and tells browsers of alerts.

use std::time::Duration;

use conversations::{Conversations, WAKE_JOB};
use identity::Permission;
use identity::alert::Raised;
use storage::jobs::Jobs;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use web::live::{Live, LiveEvent};

/// How long a job may take before another worker may take it, in seconds.
const LEASE_SECONDS: u32 = 60;
/// Jobs that are taken at once.
const BATCH: u32 = 20;
/// How often it is looked for jobs.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the browsers of an organization that an alert was raised. What it is about they ask for themselves.
pub async fn tell_alerts(mut raised: Receiver<Raised>, live: Live) {
    loop {
        match raised.recv().await {
            Ok(alert) => {
                let data = serde_json::json!({ "kind": alert.kind.as_str() });
                live.publish(alert.organization, LiveEvent::new("alert", Permission::MemberRead, alert.alert, data));
            }
            // Pages show alerts whenever they are asked for; only the sign that there is a new one was lost.
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "alerts were raised faster than they were told"),
            Err(RecvError::Closed) => return,
        }
    }
}

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
