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

use compliance::dialing::Target;
use conversations::Conversations;
use identity::Platform;
use serde_json::json;
use storage::OrganizationId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use web::live::{Live, LiveEvent};

use crate::line::Dial;
use crate::signalling::{self, Credentials};
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
    pub(crate) trunk: Option<Trunk>,
    pub(crate) calls: TaskTracker,
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
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self { platform, conversations, voice, live, trunk, calls: TaskTracker::new(), shutdown })
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
}

/// The way out to the telephone network: a carrier or a PBX that takes SIP.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Host and port, with `;transport=tls` or `;transport=tcp` where that is wanted.
    pub address: String,
    /// What to say when it asks who we are.
    pub credentials: Option<Credentials>,
    /// It does not encrypt sound, not even over TLS.
    pub plain_sound: bool,
}

impl Trunk {
    /// The call that a permit allows, from one of our own numbers; none when it needs a trunk and there is none.
    fn dial(trunk: Option<&Self>, target: &Target, own_number: &str, ring_seconds: u32) -> Option<Dial> {
        let (address, credentials, plain_sound) = match (target, trunk) {
            (Target::LoopbackSip(address), _) => (address.clone(), None, false),
            (Target::Number(number), Some(trunk)) => {
                (format!("sip:{number}@{}", trunk.address), trunk.credentials.clone(), trunk.plain_sound)
            }
            (Target::Number(_), None) => return None,
        };
        let target = signalling::Target { address, from_user: own_number.to_owned(), from_name: None, credentials };
        Some(Dial { target, plain_sound, ring_seconds: Some(ring_seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_a_trunk_and_addresses_on_this_machine_do_not() {
        let (number, here) =
            (Target::Number("+441174960123".into()), Target::LoopbackSip("sip:a@127.0.0.1:5080".into()));
        assert!(Trunk::dial(None, &number, "practice", 10).is_none());
        assert_eq!(Trunk::dial(None, &here, "practice", 10).expect("dialled").target.address, "sip:a@127.0.0.1:5080");
        let trunk = Trunk { address: "127.0.0.1:5070".into(), credentials: None, plain_sound: false };
        let dial = Trunk::dial(Some(&trunk), &number, "practice", 10).expect("dialled");
        assert_eq!((dial.target.address.as_str(), dial.ring_seconds), ("sip:+441174960123@127.0.0.1:5070", Some(10)));
    }
}
