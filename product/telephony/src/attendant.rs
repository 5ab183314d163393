//! The attendant: answers the phone with an agent.
//!
//! It joins three things that know nothing of each other: a call (signalling and sound), a conversation (the pure
//! engine behind its door) and the voice. One call is one [`driver::Session`]; the tables of calls say what became of it.

mod carrier;
pub mod driver;
pub mod outbound;
mod session;
mod transfer;
mod voicemail;

use std::sync::Arc;
use std::time::Duration;

use conversations::Conversations;
use identity::Platform;
use serde_json::json;
use storage::OrganizationId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use web::live::{Live, LiveEvent};

pub use crate::trunk::Trunk;
use crate::voice::Voice;

/// Longest call, in seconds; then the agent says goodbye. A forgotten line must not run for days.
pub const CALL_SECONDS_MAX: u64 = 3_600;
/// How long a call rings before it is answered: one short ring, so that callers hear that they got through.
pub const RING: Duration = Duration::from_millis(200);

/// Calls from strangers that are being set up at once: their records and conversations are written one after the other, and a chat
/// or a page must not wait behind hundreds of them.
pub const SETUPS_AT_ONCE: usize = 12;
/// How long a stranger's call may wait for its turn; then it is answered 503.
pub const SETUP_WITHIN: Duration = Duration::from_secs(4);

/// Refused calls that are written down at once; more leave a line in the log only, so that a flood is not answered with work.
pub const REFUSALS_AT_ONCE: usize = 4;

/// A call is being set up until this is dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not looked at")] Option<OwnedSemaphorePermit>);

/// What every call needs.
#[derive(Clone)]
pub struct Attendant {
    pub(crate) platform: Platform,
    pub(crate) conversations: Conversations,
    pub(crate) voice: Voice,
    pub(crate) live: Live,
    pub(crate) trunk: Option<Trunk>,
    /// The node that this is, by which others know whose calls go on.
    pub(crate) node_id: Uuid,
    pub(crate) calls: TaskTracker,
    /// Turns for setting up calls from strangers.
    setups: Arc<Semaphore>,
    /// Room for writing refused calls down.
    refusals: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
}

impl Attendant {
    /// An attendant that answers with `conversations` and speaks with `voice`. When `shutdown` is cancelled no new call
    /// is taken; those that go on may end by themselves.
    pub fn new(
        platform: Platform,
        conversations: Conversations,
        voice: Voice,
        live: Live,
        trunk: Option<Trunk>,
        node_id: Uuid,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let (calls, setups) = (TaskTracker::new(), Arc::new(Semaphore::new(SETUPS_AT_ONCE)));
        let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE));
        Arc::new(Self { platform, conversations, voice, live, trunk, node_id, calls, setups, refusals, shutdown })
    }

    /// Waits until the last call has ended.
    pub async fn drained(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// A turn for setting up a call, in the order in which they came; none when there was none in time. The trunk does not wait.
    pub(crate) async fn turn(&self, trunk: bool) -> Option<Turn> {
        if trunk {
            return Some(Turn(None));
        }
        let place = tokio::time::timeout(SETUP_WITHIN, self.setups.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Turn(Some(place)))
    }

    /// Room to write down a refused call, if there is any now.
    pub(crate) fn place_for_refusal(&self) -> Option<SemaphorePermit<'_>> {
        self.refusals.try_acquire().ok()
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
}
