//! How often each source may do something: buckets that fill with time, one by one for as many sources as there is room.
//!
//! Promises: memory is bounded by [`SOURCES_LIMIT`] and [`OVERFLOW_BUCKETS`]; those without a place of their own share buckets
//! by a hash that nobody can foresee, so one flood does not use up what all of them have; room is looked for at most once a
//! second ([`SWEEP_MILLISECONDS`]), however many come.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use super::Limits;

/// Sources that are counted one by one at most; more share buckets.
pub const SOURCES_LIMIT: usize = 10_000;
/// The buckets that those share who came when there was no room.
pub const OVERFLOW_BUCKETS: usize = 4_096;
/// A source that was quiet this long is forgotten when room is needed.
const FORGET_MILLISECONDS: u64 = 60_000;
/// How often room is looked for at most.
const SWEEP_MILLISECONDS: u64 = 1_000;

/// How often something may happen: so many in a minute, so many at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_minute: u64,
    burst: u64,
}

impl Rate {
    pub(super) fn per_second(count: u32, burst: u32) -> Self {
        Rate { per_minute: u64::from(count) * 60, burst: u64::from(count) * u64::from(burst) }
    }

    fn per_minute(count: u32, burst: u32) -> Self {
        Rate { per_minute: u64::from(count), burst: u64::from(count) * u64::from(burst) }
    }
}

/// What one event costs: a minute's milliseconds, so that one millisecond earns the rate itself.
const EVENT: u64 = 60_000;

/// A bucket that fills with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: u64,
    filled_at: u64,
}

impl Allowance {
    pub(super) fn full(rate: Rate, now: u64) -> Self {
        Allowance { left: rate.burst * EVENT, filled_at: now }
    }

    /// Whether there is one left.
    fn has(&mut self, rate: Rate, now: u64) -> bool {
        let grown = now.saturating_sub(self.filled_at).saturating_mul(rate.per_minute);
        self.left = self.left.saturating_add(grown).min(rate.burst * EVENT);
        self.filled_at = self.filled_at.max(now);
        self.left >= EVENT
    }

    /// Takes one, if there is one. `now` in milliseconds.
    pub(super) fn take(&mut self, rate: Rate, now: u64) -> bool {
        let there = self.has(rate, now);
        if there {
            self.left -= EVENT;
        }
        there
    }
}

/// What is counted of a source.
#[derive(Debug, Clone, Copy)]
pub(super) enum Matter {
    /// Messages of any kind.
    Datagram,
    /// New calls.
    Call,
    /// Refusals that it is sent.
    Answer,
    /// Requests that ask or register but call nobody.
    Probe,
    /// Calls to numbers that nobody has.
    Wrong,
}

/// How many matters there are.
const MATTERS: usize = 5;

/// The rates of one source, in the order of [`Matter`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates([Rate; MATTERS]);

impl Rates {
    pub(super) fn of_strangers(limits: &Limits) -> Self {
        Rates([
            Rate::per_second(limits.datagrams_per_second, 2),
            Rate::per_second(limits.source_calls_per_second, 4),
            Rate::per_second(limits.source_answers_per_second, 4),
            Rate::per_second(limits.source_probes_per_second, 4),
            Rate::per_minute(limits.source_wrong_per_minute, 2),
        ])
    }

    /// The trunk carries the calls of many people.
    pub(super) fn of_the_trunk(limits: &Limits) -> Self {
        let calls = Rate::per_second(limits.trusted_calls_per_second, 2);
        let datagrams = Rate::per_second(limits.datagrams_per_second.max(limits.trusted_calls_per_second * 20), 2);
        Rates([datagrams, calls, calls, calls, datagrams])
    }

    /// The same for a place that holds many such sources.
    pub(super) fn times(self, factor: u32) -> Self {
        let factor = u64::from(factor);
        Rates(self.0.map(|rate| Rate { per_minute: rate.per_minute * factor, burst: rate.burst * factor }))
    }
}

#[derive(Debug, Clone, Copy)]
struct Source {
    allowances: [Allowance; MATTERS],
    seen_at: u64,
}

impl Source {
    fn new(rates: &Rates, now: u64) -> Self {
        Source { allowances: rates.0.map(|rate| Allowance::full(rate, now)), seen_at: now }
    }
}

/// Sources of one kind, each with the same rates.
#[derive(Debug)]
pub(super) struct Sources<Key> {
    rates: Rates,
    own: HashMap<Key, Source>,
    /// Empty until they are needed.
    shared: Vec<Source>,
    swept_at: Option<u64>,
    hasher: RandomState,
}

impl<Key: Eq + Hash> Sources<Key> {
    pub(super) fn new(rates: Rates) -> Self {
        Sources { rates, own: HashMap::new(), shared: Vec::new(), swept_at: None, hasher: RandomState::new() }
    }

    /// Whether this source has one left.
    pub(super) fn has(&mut self, key: Key, matter: Matter, now: u64) -> bool {
        let rate = self.rates.0[matter as usize];
        self.source(key, now).allowances[matter as usize].has(rate, now)
    }

    /// Takes one from this source, if it has one. `now` in milliseconds.
    pub(super) fn take(&mut self, key: Key, matter: Matter, now: u64) -> bool {
        let rate = self.rates.0[matter as usize];
        self.source(key, now).allowances[matter as usize].take(rate, now)
    }

    fn source(&mut self, key: Key, now: u64) -> &mut Source {
        if self.own.len() >= SOURCES_LIMIT && !self.own.contains_key(&key) && !self.makes_room(now) {
            let fresh = || Source::new(&self.rates, now);
            self.shared.resize_with(OVERFLOW_BUCKETS, fresh);
            let bucket = self.hasher.hash_one(&key) % OVERFLOW_BUCKETS as u64;
            return &mut self.shared[bucket as usize];
        }
        let source = self.own.entry(key).or_insert_with(|| Source::new(&self.rates, now));
        source.seen_at = now;
        source
    }

    /// Forgets who was quiet for long, unless that was tried a moment ago; whether there is room now.
    fn makes_room(&mut self, now: u64) -> bool {
        if self.swept_at.is_some_and(|swept_at| now.saturating_sub(swept_at) < SWEEP_MILLISECONDS) {
            return false;
        }
        self.swept_at = Some(now);
        self.own.retain(|_, source| now.saturating_sub(source.seen_at) < FORGET_MILLISECONDS);
        self.own.len() < SOURCES_LIMIT
    }

    #[cfg(test)]
    pub(super) fn counted(&self) -> (usize, usize) {
        (self.own.len(), self.shared.len())
    }
}
