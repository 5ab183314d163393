//! What happens, as it happens: a hub in this process, and server-sent events (HTML standard, section 9.2) to browsers.
//!
//! Each organization has its own ring of recent events, so a browser that lost its connection goes on where it stopped
//! (`Last-Event-ID`); one that was away too long is told to start afresh (`event: reset`). An event names the permission
//! that it takes to see it, and a stream ends when its session does.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use http::HeaderMap;
use identity::{Authenticator, Caller, MembershipState, Permission, Platform, Role, allows};
use serde::Serialize;
use storage::{Entropy, OrganizationId};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::allowlist;
use crate::guard::Gate;
use crate::problem::Problem;
use crate::routes::{Access, Audited, Routes};

/// Events that are kept for those who come back.
pub const RING_EVENTS: usize = 256;
/// Open streams of one organization.
pub const MAXIMUM_SUBSCRIBERS: usize = 200;
/// Events that one slow reader may be behind before it must start afresh.
const CHANNEL_EVENTS: usize = 256;
/// A comment is sent this often, and the session is looked at again.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Something happened.
#[derive(Debug, Clone, Serialize)]
pub struct LiveEvent {
    /// What: `conversation`, `call`, `booking` …
    pub kind: &'static str,
    /// To which object.
    pub subject: Uuid,
    /// What more there is to say; keep it small, pages fetch the rest.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
    /// Who may hear of it.
    #[serde(skip)]
    pub permission: Permission,
}

impl LiveEvent {
    /// An event for those who hold the permission.
    pub fn new(kind: &'static str, permission: Permission, subject: Uuid, data: serde_json::Value) -> Self {
        Self { kind, subject, data, permission }
    }
}

/// An event with its place in the stream of its organization.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// `epoch-number`; the epoch is this process's, so ids from before a restart are known as foreign.
    pub id: String,
    /// The event.
    pub event: LiveEvent,
    number: u64,
}

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    epoch: String,
    organizations: Mutex<HashMap<OrganizationId, Hub>>,
}

struct Hub {
    next: u64,
    ring: VecDeque<Arc<Numbered>>,
    sender: broadcast::Sender<Arc<Numbered>>,
}

/// A reader of one organization's events.
pub struct Subscription {
    /// Events missed since the last one seen.
    missed: VecDeque<Arc<Numbered>>,
    /// The events between are gone: start afresh.
    reset: bool,
    receiver: broadcast::Receiver<Arc<Numbered>>,
}

/// What a subscription gives.
#[derive(Debug, Clone)]
pub enum Heard {
    /// The next event.
    Event(Arc<Numbered>),
    /// Some were missed; look at everything again.
    Reset,
    /// The hub is closed.
    Closed,
}

impl Live {
    /// An empty hub.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut epoch = [0; 6];
        entropy.fill(&mut epoch);
        Self(Arc::new(Inner { epoch: hex::encode(epoch), organizations: Mutex::default() }))
    }

    /// Tells everybody of this organization who may hear it. Never waits.
    pub fn publish(&self, organization: OrganizationId, event: LiveEvent) {
        let mut organizations = self.0.organizations.lock().unwrap_or_else(PoisonError::into_inner);
        let hub = organizations.entry(organization).or_insert_with(Hub::new);
        let number = hub.next;
        hub.next += 1;
        let numbered = Arc::new(Numbered { id: format!("{}-{number}", self.0.epoch), event, number });
        if hub.ring.len() == RING_EVENTS {
            hub.ring.pop_front();
        }
        hub.ring.push_back(Arc::clone(&numbered));
        let _nobody_listens = hub.sender.send(numbered);
    }

    /// Listens from now on, or from after the event with this id. `None` when too many listen already.
    pub fn subscribe(&self, organization: OrganizationId, last_id: Option<&str>) -> Option<Subscription> {
        let mut organizations = self.0.organizations.lock().unwrap_or_else(PoisonError::into_inner);
        let hub = organizations.entry(organization).or_insert_with(Hub::new);
        if hub.sender.receiver_count() >= MAXIMUM_SUBSCRIBERS {
            return None;
        }
        let receiver = hub.sender.subscribe();
        let Some(last_id) = last_id else {
            return Some(Subscription { missed: VecDeque::new(), reset: false, receiver });
        };
        let last = last_id.split_once('-').filter(|(epoch, _)| *epoch == self.0.epoch);
        let last: Option<u64> = last.and_then(|(_, number)| number.parse().ok()).filter(|number| *number < hub.next);
        let oldest = hub.ring.front().map_or(hub.next, |event| event.number);
        match last {
            Some(last) if last + 1 >= oldest => {
                let missed = hub.ring.iter().filter(|event| event.number > last).cloned().collect();
                Some(Subscription { missed, reset: false, receiver })
            }
            _ => Some(Subscription { missed: VecDeque::new(), reset: true, receiver }),
        }
    }

    /// Ends every stream, so that the server can stop.
    pub fn close(&self) {
        self.0.organizations.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Hub {
    fn new() -> Self {
        Self { next: 0, ring: VecDeque::with_capacity(RING_EVENTS), sender: broadcast::channel(CHANNEL_EVENTS).0 }
    }
}

impl Subscription {
    /// The next thing to tell, when there is one.
    pub async fn next(&mut self) -> Heard {
        if std::mem::take(&mut self.reset) {
            return Heard::Reset;
        }
        if let Some(event) = self.missed.pop_front() {
            return Heard::Event(event);
        }
        match self.receiver.recv().await {
            Ok(event) => Heard::Event(event),
            Err(broadcast::error::RecvError::Lagged(_)) => Heard::Reset,
            Err(broadcast::error::RecvError::Closed) => Heard::Closed,
        }
    }
}

/// What the stream needs.
#[derive(Clone)]
pub struct LiveState {
    /// The hub.
    pub live: Live,
    /// Who is asked whether the session still stands.
    pub authenticator: Authenticator,
    /// Where the organization's networks are looked up.
    pub platform: Platform,
}

impl LiveState {
    /// The streams of this hub behind this gate.
    pub fn of(live: Live, gate: &Gate) -> Self {
        Self { live, authenticator: gate.authenticator().clone(), platform: gate.platform.clone() }
    }
}

/// `GET /live`.
pub fn routes() -> Routes<LiveState> {
    Routes::new().get(
        "/live",
        Access::Member,
        Audited::No("each event is checked against the reader's permissions"),
        stream,
    )
}

async fn stream(
    State(state): State<LiveState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let subscription = state.live.subscribe(caller.organization(), last_id);
    let subscription =
        subscription.ok_or_else(|| Problem::unavailable("Too many pages of this organization are listening.", 30))?;
    let reader = Reader { subscription, caller, authenticator: state.authenticator, platform: state.platform };
    Ok(Sse::new(futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    })))
}

struct Reader {
    subscription: Subscription,
    caller: Caller,
    authenticator: Authenticator,
    platform: Platform,
}

impl Reader {
    /// The next event for this reader's eyes, or a heartbeat; nothing more once the session has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let Ok(heard) = tokio::time::timeout(HEARTBEAT, self.subscription.next()).await else {
                return self.role().await.map(|_| Event::default().comment("still here"));
            };
            match heard {
                Heard::Closed => return None,
                Heard::Reset => return Some(Event::default().event("reset").data("{}")),
                Heard::Event(numbered) => {
                    let role = self.role().await?;
                    if allows(role, MembershipState::Active, numbered.event.permission) {
                        let data = serde_json::to_string(&numbered.event).unwrap_or_default();
                        return Some(Event::default().event("change").id(&numbered.id).data(data));
                    }
                }
            }
        }
    }

    /// Looked up afresh each time: the role or the networks may have changed, or the session ended, since the stream began.
    async fn role(&self) -> Option<Role> {
        let lists = allowlist::read(&self.platform, self.caller.organization()).await.ok()?;
        if !lists.permit(&self.caller) {
            return None;
        }
        self.authenticator.standing(&self.caller).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::SeededEntropy;

    const HERE: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const THERE: OrganizationId = OrganizationId(Uuid::from_u128(2));

    fn event(subject: u128) -> LiveEvent {
        LiveEvent::new("call", Permission::CallRead, Uuid::from_u128(subject), serde_json::Value::Null)
    }

    async fn subject(subscription: &mut Subscription) -> u128 {
        match subscription.next().await {
            Heard::Event(numbered) => numbered.event.subject.as_u128(),
            other => panic!("an event was expected, not {other:?}"),
        }
    }

    #[tokio::test]
    async fn each_organization_hears_its_own() {
        let live = Live::new(&SeededEntropy::new(1));
        let mut here = live.subscribe(HERE, None).expect("a seat");
        live.publish(THERE, event(1));
        live.publish(HERE, event(2));
        assert_eq!(subject(&mut here).await, 2);
    }

    #[tokio::test]
    async fn who_comes_back_goes_on_where_it_stopped() {
        let live = Live::new(&SeededEntropy::new(1));
        let mut first = live.subscribe(HERE, None).expect("a seat");
        for number in 0..3 {
            live.publish(HERE, event(number));
        }
        let Heard::Event(seen) = first.next().await else { panic!("an event") };
        let mut again = live.subscribe(HERE, Some(&seen.id)).expect("a seat");
        assert_eq!((subject(&mut again).await, subject(&mut again).await), (1, 2));
        live.publish(HERE, event(9));
        assert_eq!(subject(&mut again).await, 9);
    }

    #[tokio::test]
    async fn who_was_away_too_long_starts_afresh() {
        let live = Live::new(&SeededEntropy::new(1));
        let epoch = live.0.epoch.clone();
        for number in 0..=(RING_EVENTS as u128) {
            live.publish(HERE, event(number));
        }
        let edge = live.subscribe(HERE, Some(&format!("{epoch}-0"))).expect("a seat");
        assert!(!edge.reset && edge.missed.len() == RING_EVENTS, "the ring still holds all after the first");
        live.publish(HERE, event(0));
        for id in [&format!("{epoch}-0"), "000000000000-0", &format!("{epoch}-999999"), "nonsense", ""] {
            let mut late = live.subscribe(HERE, Some(id)).expect("a seat");
            assert!(matches!(late.next().await, Heard::Reset), "{id}");
        }
    }

    #[tokio::test]
    async fn seats_are_bounded_and_closing_ends_all() {
        let live = Live::new(&SeededEntropy::new(1));
        let mut all: Vec<_> = (0..MAXIMUM_SUBSCRIBERS).filter_map(|_| live.subscribe(HERE, None)).collect();
        assert_eq!(all.len(), MAXIMUM_SUBSCRIBERS);
        assert!(live.subscribe(HERE, None).is_none());
        assert!(live.subscribe(THERE, None).is_some(), "another organization is not in their way");
        all.pop();
        assert!(live.subscribe(HERE, None).is_some());
        live.close();
        assert!(matches!(all[0].next().await, Heard::Closed));
    }
}
