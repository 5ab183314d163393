//! How often: a token bucket (GCRA) per class of route and per subject.
//!
//! Three subjects are asked for every request: the network it comes from (before anybody is known), then the
//! credential and its organization. Keys are capped and swept, and an IPv6 client counts as its /64 and, with a larger
//! bucket, as its /48, because a flood of invented addresses otherwise passes every bucket and fills the memory.
//!
//! Rates are those of the whole installation. Buckets belong to one node, so a node that shares its database with others gives
//! its part of every rate only ([`Limits::share`]): N nodes give an Nth each, by the leases that nodes hold. Until a node has
//! heard of a newcomer (some seconds), the two give more together. What must be exact is counted in the database instead: attempts
//! at an account ([`Attempts`]), quotas of widgets, puzzles that were used.

pub mod attempts;
mod settings;
mod store;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use storage::{Clock, Timestamp};
use uuid::Uuid;

pub use settings::{LimitSettings, ONE_IN, ORGANIZATION_FACTOR, PER_MINUTE, Rate, SIGN_IN, SITE_FACTOR};

use crate::Network;
pub use store::Attempts;

/// Keys that one limiter remembers, at most.
pub const MAXIMUM_KEYS: usize = 100_000;
/// When a limiter is full, newcomers share this many buckets by their hash.
const OVERFLOW_BUCKETS: u64 = 4096;
const SECONDS_BETWEEN_SWEEPS: i64 = 1;

/// What kind of work a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Every request of a network, whatever it asks for.
    Any,
    /// Reading.
    Read,
    /// Changing.
    Write,
    /// Uploads, exports, searches over everything.
    Heavy,
    /// Passwords and one-time tokens: guessing must not pay.
    SignIn,
    /// A visitor's chat.
    Visitor,
}

/// Whom a bucket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An IPv4 address or an IPv6 /64.
    Network(Network),
    /// The /48 of an IPv6 address, as its upper 48 bits.
    Site(u64),
    /// An API key or a session.
    Credential(Uuid),
    /// All of an organization together.
    Organization(Uuid),
    /// A widget on a customer's page.
    Widget(Uuid),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Own(Subject),
    Overflow(u64),
}

/// What a check said, for the headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The rate that was asked.
    pub rate: Rate,
    /// Requests that may still come at once.
    pub remaining: u32,
    /// Refused: seconds until one passes again, at least 1.
    pub retry_after_seconds: Option<u64>,
}

impl Allowance {
    /// May it pass?
    pub fn is_granted(&self) -> bool {
        self.retry_after_seconds.is_none()
    }

    /// Of two checks the one that says more: the refusal, else the smaller rest.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let rank = |allowance: &Self| (allowance.is_granted(), allowance.remaining);
        if rank(&other) < rank(&self) { other } else { self }
    }

    /// Writes `RateLimit-Policy`, `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) and, when refused,
    /// `Retry-After`.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Rate { requests, window_seconds } = self.rate;
        let reset = self.retry_after_seconds.unwrap_or_else(|| {
            let used = u64::from(requests.saturating_sub(self.remaining));
            (used * u64::from(window_seconds)).div_ceil(u64::from(requests.max(1)))
        });
        let mut put = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        };
        put(HeaderName::from_static("ratelimit-policy"), format!("\"default\";q={requests};w={window_seconds}"));
        put(HeaderName::from_static("ratelimit"), format!("\"default\";r={};t={reset}", self.remaining));
        if let Some(seconds) = self.retry_after_seconds {
            put(RETRY_AFTER, seconds.to_string());
        }
    }
}

/// Our clock as governor wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let Timestamp(microseconds) = self.0.now();
        Nanos::from(u64::try_from(microseconds).unwrap_or(0).saturating_mul(1000))
    }
}

pub(crate) struct Bucket {
    rate: Rate,
    limiter: RateLimiter<Key, DashMapStateStore<Key>, Ticks, StateInformationMiddleware>,
    swept_at_seconds: AtomicI64,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        let requests = NonZeroU32::new(rate.requests).unwrap_or(NonZeroU32::MIN);
        let interval = Duration::from_secs(u64::from(rate.window_seconds.max(1))) / requests.get();
        let quota = Quota::with_period(interval).unwrap_or(Quota::per_second(requests)).allow_burst(requests);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), Ticks(Arc::clone(clock)));
        Self { rate, limiter, swept_at_seconds: AtomicI64::new(i64::MIN) }
    }

    /// Takes as much as `weight` from the bucket of this subject: it is held to one part in so many.
    pub(crate) fn check_weighted(&self, subject: Subject, weight: u32, now: Timestamp) -> Allowance {
        let weight = NonZeroU32::new(weight.min(self.rate.requests)).unwrap_or(NonZeroU32::MIN);
        let rate = Rate { requests: self.rate.requests / weight, ..self.rate };
        match self.limiter.check_key_n(&self.key(subject, now), weight) {
            Ok(Ok(state)) => {
                Allowance { rate, remaining: state.remaining_burst_capacity() / weight, retry_after_seconds: None }
            }
            // The weight was cut to the size of the bucket above; should it ever not fit, nothing passes.
            Err(_) => {
                let retry_after_seconds = Some(u64::from(rate.window_seconds.max(1)));
                Allowance { rate, remaining: 0, retry_after_seconds }
            }
            Ok(Err(refusal)) => {
                let wait = refusal.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Allowance { rate, remaining: 0, retry_after_seconds: Some(seconds.max(1)) }
            }
        }
    }

    fn key(&self, subject: Subject, now: Timestamp) -> Key {
        if self.limiter.len() < MAXIMUM_KEYS {
            return Key::Own(subject);
        }
        let last = self.swept_at_seconds.load(Ordering::Relaxed);
        if now.seconds() >= last.saturating_add(SECONDS_BETWEEN_SWEEPS) {
            self.swept_at_seconds.store(now.seconds(), Ordering::Relaxed);
            self.limiter.retain_recent();
            if self.limiter.len() < MAXIMUM_KEYS {
                return Key::Own(subject);
            }
        }
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        Key::Overflow(hasher.finish() % OVERFLOW_BUCKETS)
    }
}

/// All buckets of this node. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    /// The nodes that share the rates.
    nodes: AtomicU32,
    one_in: BTreeMap<Uuid, u32>,
    any: Class,
    read: Class,
    write: Class,
    heavy: Class,
    sign_in: Class,
    visitor: Class,
}

/// The same class for one subject, for a whole IPv6 site and for a whole organization.
struct Class {
    one: Bucket,
    site: Bucket,
    organization: Bucket,
}

impl Class {
    fn bucket(&self, subject: Subject) -> &Bucket {
        match subject {
            Subject::Organization(_) => &self.organization,
            Subject::Site(_) => &self.site,
            Subject::Network(_) | Subject::Credential(_) | Subject::Widget(_) => &self.one,
        }
    }
}

impl Inner {
    fn class(&self, class: RateClass) -> &Class {
        match class {
            RateClass::Any => &self.any,
            RateClass::Read => &self.read,
            RateClass::Write => &self.write,
            RateClass::Heavy => &self.heavy,
            RateClass::SignIn => &self.sign_in,
            RateClass::Visitor => &self.visitor,
        }
    }

    fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        let classes = [&self.any, &self.read, &self.write, &self.heavy, &self.sign_in, &self.visitor];
        classes.into_iter().flat_map(|class| [&class.one, &class.site, &class.organization])
    }
}

impl Limits {
    /// Empty buckets with these rates.
    pub fn new(settings: &LimitSettings, clock: Arc<dyn Clock>) -> Self {
        let class = |rate: Rate| Class {
            one: Bucket::new(rate, &clock),
            site: Bucket::new(rate.times(SITE_FACTOR), &clock),
            organization: Bucket::new(rate.times(settings.organization_factor), &clock),
        };
        Self(Arc::new(Inner {
            any: class(settings.network),
            read: class(settings.read),
            write: class(settings.write),
            heavy: class(settings.heavy),
            sign_in: class(settings.sign_in),
            visitor: class(settings.visitor),
            one_in: settings.one_in.clone(),
            nodes: AtomicU32::new(1),
            clock,
        }))
    }

    /// How often in this class, for one subject, on all nodes together.
    pub fn rate(&self, class: RateClass) -> Rate {
        self.0.class(class).one.rate
    }

    /// From now on this node is one of so many that share every rate, itself included.
    pub fn share(&self, nodes: u32) {
        self.0.nodes.store(nodes.max(1), Ordering::Relaxed);
    }

    /// Takes one from the bucket of this subject.
    pub fn check(&self, class: RateClass, subject: Subject) -> Allowance {
        let weight = match subject {
            Subject::Organization(id) => self.0.one_in.get(&id).copied().unwrap_or(1),
            _ => 1,
        };
        let weight = weight.saturating_mul(self.0.nodes.load(Ordering::Relaxed));
        self.0.class(class).bucket(subject).check_weighted(subject, weight, self.0.clock.now())
    }

    /// Takes one for whoever comes from this address: from its network, and in IPv6 from its site, too.
    pub fn check_address(&self, class: RateClass, address: IpAddr) -> Allowance {
        let network = Network::of(address);
        let own = self.check(class, Subject::Network(network));
        match network.site() {
            Some(site) if own.is_granted() => own.stricter(self.check(class, Subject::Site(site))),
            _ => own,
        }
    }

    /// Forgets everybody who has not asked for a while. Called on a timer; the cap holds without it.
    pub fn sweep(&self) {
        self.0.buckets().for_each(|bucket| bucket.limiter.retain_recent());
    }

    /// Keys remembered now, in all buckets.
    pub fn remembered_keys(&self) -> usize {
        self.0.buckets().map(|bucket| bucket.limiter.len()).sum()
    }
}

#[cfg(test)]
mod tests;
