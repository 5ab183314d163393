//! Who may speak to us how often: decided on raw bytes, before a message is read.
//!
//! Promises: memory is bounded by [`SOURCES_LIMIT`] and [`ADMITTED_LIMIT`]; repeats of a call that was let in are never
//! shed (that would end a call that is being answered); IPv6 sources count by their /64.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use super::wire;

/// Sources that are counted one by one at most; more share one allowance.
pub const SOURCES_LIMIT: usize = 10_000;
/// Calls let in that are remembered, so that their repeats pass.
pub const ADMITTED_LIMIT: usize = 4_096;
/// A source that was quiet this long is forgotten when room is needed.
const FORGET_MILLISECONDS: u64 = 60_000;
/// Seconds after which a shed caller may try again.
pub const RETRY_AFTER_SECONDS: u32 = 5;

/// How much is taken.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at the same time, ringing and answered.
    pub calls: usize,
    /// Datagrams of one source each second, on average; twice as many in a burst.
    pub datagrams_per_second: u32,
    /// New calls of one source each second, on average; four times as many in a burst.
    pub source_calls_per_second: u32,
    /// New calls of all sources each second, on average; twice as many in a burst.
    pub all_calls_per_second: u32,
    /// Stream connections at the same time.
    pub connections: usize,
    /// Stream connections of one source at the same time.
    pub source_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls: 500,
            datagrams_per_second: 1_000,
            source_calls_per_second: 25,
            all_calls_per_second: 200,
            connections: 512,
            source_connections: 32,
        }
    }
}

/// What to do with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Read it.
    Pass,
    /// Throw it away.
    Drop,
    /// It begins a call for which there is no room: answer 503.
    Shed,
}

/// What was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Datagrams thrown away.
    pub dropped: u64,
    /// New calls answered 503.
    pub shed: u64,
}

/// A bucket that fills with time.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    thousandths: u64,
    filled_at: u64,
}

impl Allowance {
    fn full(burst: u32, now: u64) -> Self {
        Allowance { thousandths: u64::from(burst) * 1_000, filled_at: now }
    }

    /// Takes one, if there is one. `now` in milliseconds.
    fn take(&mut self, per_second: u32, burst: u32, now: u64) -> bool {
        let grown = now.saturating_sub(self.filled_at).saturating_mul(u64::from(per_second));
        self.thousandths = self.thousandths.saturating_add(grown).min(u64::from(burst) * 1_000);
        self.filled_at = self.filled_at.max(now);
        let there = self.thousandths >= 1_000;
        if there {
            self.thousandths -= 1_000;
        }
        there
    }
}

#[derive(Debug, Clone, Copy)]
struct Source {
    datagrams: Allowance,
    calls: Allowance,
    seen_at: u64,
}

#[derive(Debug)]
struct Book {
    sources: HashMap<IpAddr, Source>,
    others: Source,
    all_calls: Allowance,
    admitted: HashSet<u64>,
    order: VecDeque<u64>,
    figures: Figures,
}

/// The guard of one listener.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    hasher: RandomState,
    book: Mutex<Book>,
}

impl Guard {
    /// A guard that has seen nobody.
    pub fn new(limits: Limits) -> Self {
        let book = Book {
            sources: HashMap::new(),
            others: Source::new(&limits, 0),
            all_calls: Allowance::full(limits.all_calls_per_second * 2, 0),
            admitted: HashSet::new(),
            order: VecDeque::new(),
            figures: Figures::default(),
        };
        Guard { limits, hasher: RandomState::new(), book: Mutex::new(book) }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was not taken so far.
    pub fn figures(&self) -> Figures {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).figures
    }

    /// Judges a datagram. `now` in milliseconds from any origin.
    pub fn judge(&self, source: IpAddr, bytes: &[u8], now: u64) -> Verdict {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if !book.source(source, &self.limits, now).take_datagram(&self.limits, now) {
            book.figures.dropped += 1;
            return Verdict::Drop;
        }
        match wire::new_call(bytes) {
            None => Verdict::Pass,
            Some(call_id) => self.judge_call(&mut book, source, call_id, now),
        }
    }

    /// Judges a new call that came over a stream.
    pub fn judge_stream_call(&self, source: IpAddr, call_id: &str, now: u64) -> Verdict {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        self.judge_call(&mut book, source, call_id.as_bytes(), now)
    }

    fn judge_call(&self, book: &mut Book, source: IpAddr, call_id: &[u8], now: u64) -> Verdict {
        let name = self.hasher.hash_one((source, call_id));
        if book.admitted.contains(&name) {
            return Verdict::Pass;
        }
        let limits = &self.limits;
        let allowed = book.source(source, limits, now).take_call(limits, now)
            && book.all_calls.take(limits.all_calls_per_second, limits.all_calls_per_second * 2, now);
        if !allowed {
            book.figures.shed += 1;
            return Verdict::Shed;
        }
        if book.order.len() == ADMITTED_LIMIT
            && let Some(oldest) = book.order.pop_front()
        {
            book.admitted.remove(&oldest);
        }
        book.admitted.insert(name);
        book.order.push_back(name);
        Verdict::Pass
    }
}

impl Source {
    fn new(limits: &Limits, now: u64) -> Self {
        Source {
            datagrams: Allowance::full(limits.datagrams_per_second * 2, now),
            calls: Allowance::full(limits.source_calls_per_second * 4, now),
            seen_at: now,
        }
    }

    fn take_datagram(&mut self, limits: &Limits, now: u64) -> bool {
        self.datagrams.take(limits.datagrams_per_second, limits.datagrams_per_second * 2, now)
    }

    fn take_call(&mut self, limits: &Limits, now: u64) -> bool {
        self.calls.take(limits.source_calls_per_second, limits.source_calls_per_second * 4, now)
    }
}

impl Book {
    fn source(&mut self, address: IpAddr, limits: &Limits, now: u64) -> &mut Source {
        let address = network(address);
        if self.sources.len() >= SOURCES_LIMIT && !self.sources.contains_key(&address) {
            self.sources.retain(|_, source| now.saturating_sub(source.seen_at) < FORGET_MILLISECONDS);
            if self.sources.len() >= SOURCES_LIMIT {
                return &mut self.others;
            }
        }
        let source = self.sources.entry(address).or_insert_with(|| Source::new(limits, now));
        source.seen_at = now;
        source
    }
}

/// The address that is counted: IPv6 by its /64, because one host has them all.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other @ IpAddr::V4(_) => other,
    }
}

#[cfg(test)]
mod tests;
