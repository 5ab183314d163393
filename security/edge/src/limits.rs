//! How often: a token bucket (GCRA) per class of route and per subject.
//!
//! Three subjects are asked for every request: the network it comes from (before anybody is known), then the
//! credential and its organization. Keys are capped and swept, and an IPv6 client counts as its /64, because a flood
//! of invented addresses otherwise passes every bucket and fills the memory.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use storage::{Clock, Timestamp};
use uuid::Uuid;

use crate::Network;

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
    /// An API key or a session.
    Credential(Uuid),
    /// All of an organization together.
    Organization(Uuid),
    /// The account that somebody tries to sign in to, as a keyed hash of its e-mail address.
    Account([u8; 32]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Own(Subject),
    Overflow(u64),
}

/// How many in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests; all of them may come at once.
    pub requests: u32,
    /// The time in which so many become available again.
    pub window_seconds: u32,
}

impl Rate {
    /// So many a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, window_seconds: 60 }
    }
}

/// The rates of an installation.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// All requests of one network.
    pub network: Rate,
    /// Reading, per credential.
    pub read: Rate,
    /// Changing, per credential.
    pub write: Rate,
    /// Heavy work, per credential.
    pub heavy: Rate,
    /// Attempts to sign in, per network and per account.
    pub sign_in: Rate,
    /// A visitor's requests, per network.
    pub visitor: Rate,
    /// An organization may do so many times what one credential may.
    pub organization_factor: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            network: Rate::per_minute(3000),
            read: Rate::per_minute(600),
            write: Rate::per_minute(240),
            heavy: Rate::per_minute(30),
            sign_in: Rate { requests: 10, window_seconds: 600 },
            visitor: Rate::per_minute(120),
            organization_factor: 5,
        }
    }
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

struct Bucket {
    rate: Rate,
    limiter: RateLimiter<Key, DashMapStateStore<Key>, Ticks, StateInformationMiddleware>,
    swept_at_seconds: AtomicI64,
}

impl Bucket {
    fn new(rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        let requests = NonZeroU32::new(rate.requests).unwrap_or(NonZeroU32::MIN);
        let interval = Duration::from_secs(u64::from(rate.window_seconds.max(1))) / requests.get();
        let quota = Quota::with_period(interval).unwrap_or(Quota::per_second(requests)).allow_burst(requests);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), Ticks(Arc::clone(clock)));
        Self { rate, limiter, swept_at_seconds: AtomicI64::new(i64::MIN) }
    }

    fn check(&self, subject: Subject, now: Timestamp) -> Allowance {
        match self.limiter.check_key(&self.key(subject, now)) {
            Ok(state) => {
                Allowance { rate: self.rate, remaining: state.remaining_burst_capacity(), retry_after_seconds: None }
            }
            Err(refusal) => {
                let wait = refusal.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Allowance { rate: self.rate, remaining: 0, retry_after_seconds: Some(seconds.max(1)) }
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
    any: Bucket,
    read: Pair,
    write: Pair,
    heavy: Pair,
    sign_in: Pair,
    visitor: Pair,
}

/// The same class for one subject and for a whole organization.
struct Pair {
    one: Bucket,
    organization: Bucket,
}

impl Limits {
    /// Empty buckets with these rates.
    pub fn new(settings: &LimitSettings, clock: Arc<dyn Clock>) -> Self {
        let pair = |rate: Rate| Pair {
            one: Bucket::new(rate, &clock),
            organization: Bucket::new(
                Rate { requests: rate.requests.saturating_mul(settings.organization_factor), ..rate },
                &clock,
            ),
        };
        Self(Arc::new(Inner {
            any: Bucket::new(settings.network, &clock),
            read: pair(settings.read),
            write: pair(settings.write),
            heavy: pair(settings.heavy),
            sign_in: pair(settings.sign_in),
            visitor: pair(settings.visitor),
            clock,
        }))
    }

    /// Takes one from the bucket of this subject.
    pub fn check(&self, class: RateClass, subject: Subject) -> Allowance {
        let pair = match class {
            RateClass::Any => return self.0.any.check(subject, self.0.clock.now()),
            RateClass::Read => &self.0.read,
            RateClass::Write => &self.0.write,
            RateClass::Heavy => &self.0.heavy,
            RateClass::SignIn => &self.0.sign_in,
            RateClass::Visitor => &self.0.visitor,
        };
        let bucket = if matches!(subject, Subject::Organization(_)) { &pair.organization } else { &pair.one };
        bucket.check(subject, self.0.clock.now())
    }

    /// Forgets everybody who has not asked for a while. Called on a timer; the cap holds without it.
    pub fn sweep(&self) {
        let inner = &self.0;
        inner.any.limiter.retain_recent();
        for pair in [&inner.read, &inner.write, &inner.heavy, &inner.sign_in, &inner.visitor] {
            pair.one.limiter.retain_recent();
            pair.organization.limiter.retain_recent();
        }
    }

    /// Keys remembered now, in all buckets.
    pub fn remembered_keys(&self) -> usize {
        let inner = &self.0;
        let pairs = [&inner.read, &inner.write, &inner.heavy, &inner.sign_in, &inner.visitor];
        inner.any.limiter.len()
            + pairs.iter().map(|pair| pair.one.limiter.len() + pair.organization.limiter.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
