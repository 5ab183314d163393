//! The attendant: answers the phone with an agent.
//!
//! It joins three things that know nothing of each other: a call (signalling and sound), a conversation (the pure
//! engine behind its door) and the voice. One call is one [`driver::Session`]; the tables of calls say what became of it.

pub mod driver;
pub mod outbound;
mod session;
mod transfer;
mod voicemail;

use std::sync::Arc;
use std::time::Duration;

use audit::{Actor, ActorKind};
use conversations::Conversations;
use identity::{Caller, Platform};
use serde_json::json;
use storage::OrganizationId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use web::live::{Live, LiveEvent};

use crate::voice::Voice;

/// Longest call, in seconds; then the agent says goodbye. A forgotten line must not run for days.
pub const CALL_SECONDS_MAX: u64 = 3_600;
/// How long a call rings before it is answered: one short ring, so that callers hear that they got through.
pub const RING: Duration = Duration::from_millis(200);

/// What every call needs.
#[derive(Clone)]
pub struct Attendant {
    pub(crate) platform: Platform,
    pub(crate) conversations: Conversations,
    pub(crate) voice: Voice,
    pub(crate) live: Live,
    pub(crate) calls: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Attendant {
    /// An attendant that answers with `conversations` and speaks with `voice`. When `shutdown` is cancelled no new call
    /// is taken; those that go on may end by themselves.
    pub fn new(platform: Platform, conversations: Conversations, voice: Voice, live: Live, shutdown: CancellationToken) -> Arc<Self> {
        Arc::new(Self { platform, conversations, voice, live, calls: TaskTracker::new(), shutdown })
    }

    /// Waits until the last call has ended.
    pub async fn drained(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// How many calls go on.
    pub fn calls_in_progress(&self) -> usize {
        self.calls.len()
    }

    /// Tells the dashboard that a call has changed.
    pub(crate) fn announce(&self, organization: OrganizationId, kind: &'static str, call_id: Uuid) {
        let event = LiveEvent::new(kind, identity::Permission::CallRead, call_id, json!({ "call_id": call_id }));
        self.live.publish(organization, event);
    }

    /// The caller on whose behalf a call writes its records.
    pub(crate) fn channel(organization: OrganizationId) -> Caller {
        Caller::for_channel(organization, Actor { kind: ActorKind::PhoneCaller, id: None, address: None })
    }
}
