//! Who may speak to us how often: decided on raw bytes, before a message is read.
//!
//! Promises: memory is bounded by [`SOURCES_LIMIT`] and [`ADMITTED_LIMIT`]; repeats of an INVITE whose call was let in are not
//! shed while it lives (that would end a call that is being answered), and nothing else passes in their name; IPv6 sources count by their /64. Too many calls are answered 503
//! with Retry-After, and beyond that not at all; programs that name themselves as scanners, and whoever guesses numbers or
//! names, are not answered. The trunk's networks have an allowance of their own, which no flood from elsewhere uses up;
//! over UDP a sender can write the trunk's address as its own, so a firewall in front should let only the trunk send it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;

use super::wire;

/// Sources that are counted one by one at most; more share one allowance.
pub const SOURCES_LIMIT: usize = 10_000;
/// Calls let in that are remembered, so that their repeats pass: more than all rates together let in while they could come.
pub const ADMITTED_LIMIT: usize = 16_384;
/// How long an INVITE may be repeated: 64 times T1 (RFC 3261, section 17.1.1.2).
const REPEATED_MILLISECONDS: u64 = 32_000;
/// Repeats of an INVITE that pass: six that its sender may make in that time, and a few that the network makes.
pub const REPEATS_LIMIT: u8 = 10;
/// A source that was quiet this long is forgotten when room is needed.
const FORGET_MILLISECONDS: u64 = 60_000;
/// Seconds after which a shed caller may try again.
pub const RETRY_AFTER_SECONDS: u32 = 5;
/// What programs call themselves that look for open telephone systems, in small letters.
const SCANNERS: [&[u8]; 10] = [
    b"friendly-scanner",
    b"friendly-request",
    b"sipvicious",
    b"sip-scan",
    b"sipcli",
    b"sundayddr",
    b"vaxsipuseragent",
    b"iwar",
    b"smap",
    b"pplsip",
];

/// How much is taken.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at the same time, ringing and answered.
    pub calls: usize,
    /// Of those, places that only the trunk and calls of ours may take, where there is a trunk.
    pub reserved_calls: usize,
    /// Calls from strangers that ring at the same time.
    pub ringing: usize,
    /// Calls from one source that ring at the same time.
    pub source_ringing: usize,
    /// Messages of one source each second, on average; twice as many in a burst.
    pub datagrams_per_second: u32,
    /// New calls of one source each second, on average; four times as many in a burst.
    pub source_calls_per_second: u32,
    /// New calls of all sources but the trunk each second, on average; twice as many in a burst.
    pub all_calls_per_second: u32,
    /// New calls of the trunk each second, on average; twice as many in a burst.
    pub trusted_calls_per_second: u32,
    /// Refusals (503) that one source is sent each second, on average; four times as many in a burst. More calls are not
    /// answered at all: whoever writes another's address as its own shall not make us flood that one.
    pub source_answers_per_second: u32,
    /// Requests of one source each second that ask or register but call nobody; four times as many in a burst.
    pub source_probes_per_second: u32,
    /// Calls to numbers that nobody has, of one source each minute; twice as many in a burst. Then nothing of it is taken.
    pub source_wrong_per_minute: u32,
    /// Stream connections at the same time.
    pub connections: usize,
    /// Stream connections of one source at the same time.
    pub source_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls: 500,
            reserved_calls: 50,
            ringing: 300,
            source_ringing: 100,
            datagrams_per_second: 1_000,
            source_calls_per_second: 25,
            all_calls_per_second: 200,
            trusted_calls_per_second: 200,
            source_answers_per_second: 100,
            source_probes_per_second: 10,
            source_wrong_per_minute: 20,
            connections: 512,
            source_connections: 32,
        }
    }
}

/// What to do with a message.
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
    /// Messages thrown away because a source sends too many.
    pub dropped: u64,
    /// New calls answered 503.
    pub shed: u64,
    /// New calls not even answered.
    pub ignored: u64,
    /// Messages of programs that name themselves as scanners.
    pub scanners: u64,
    /// TLS connections that never came to a first message.
    pub handshakes_failed: u64,
}

/// How often something may happen: so many in a minute, so many at once.
#[derive(Debug, Clone, Copy)]
struct Rate {
    per_minute: u64,
    burst: u64,
}

impl Rate {
    fn per_second(count: u32, burst: u32) -> Self {
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
struct Allowance {
    left: u64,
    filled_at: u64,
}

impl Allowance {
    fn full(rate: Rate, now: u64) -> Self {
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
    fn take(&mut self, rate: Rate, now: u64) -> bool {
        let there = self.has(rate, now);
        if there {
            self.left -= EVENT;
        }
        there
    }
}

/// The rates of one source.
#[derive(Debug, Clone, Copy)]
struct Rates {
    datagrams: Rate,
    calls: Rate,
    answers: Rate,
    probes: Rate,
    wrong: Rate,
}

impl Rates {
    fn of_strangers(limits: &Limits) -> Self {
        Rates {
            datagrams: Rate::per_second(limits.datagrams_per_second, 2),
            calls: Rate::per_second(limits.source_calls_per_second, 4),
            answers: Rate::per_second(limits.source_answers_per_second, 4),
            probes: Rate::per_second(limits.source_probes_per_second, 4),
            wrong: Rate::per_minute(limits.source_wrong_per_minute, 2),
        }
    }

    /// The trunk carries the calls of many people.
    fn of_the_trunk(limits: &Limits) -> Self {
        let calls = Rate::per_second(limits.trusted_calls_per_second, 2);
        let datagrams = Rate::per_second(limits.datagrams_per_second.max(limits.trusted_calls_per_second * 20), 2);
        Rates { datagrams, calls, answers: calls, probes: calls, wrong: datagrams }
    }
}

#[derive(Debug, Clone, Copy)]
struct Source {
    datagrams: Allowance,
    calls: Allowance,
    answers: Allowance,
    probes: Allowance,
    wrong: Allowance,
    seen_at: u64,
}

impl Source {
    fn new(rates: &Rates, now: u64) -> Self {
        Source {
            datagrams: Allowance::full(rates.datagrams, now),
            calls: Allowance::full(rates.calls, now),
            answers: Allowance::full(rates.answers, now),
            probes: Allowance::full(rates.probes, now),
            wrong: Allowance::full(rates.wrong, now),
            seen_at: now,
        }
    }
}

#[derive(Debug)]
struct Book {
    sources: HashMap<IpAddr, Source>,
    others: Source,
    all_calls: Allowance,
    /// By source and Call-ID.
    admitted: HashMap<u64, Admitted>,
    /// The same by their age; some may be forgotten already.
    order: VecDeque<(u64, u64)>,
    figures: Figures,
}

/// An INVITE that was let in.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    /// Which attempt it is: another one under the same Call-ID counts as a new call.
    transaction: u64,
    at: u64,
    repeats: u8,
}

/// The guard of one phone.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    trusted: Vec<IpNet>,
    strangers: Rates,
    trunk: Rates,
    all_calls: Rate,
    hasher: RandomState,
    handshakes_failed: AtomicU64,
    book: Mutex<Book>,
}

impl Guard {
    /// A guard that has seen nobody.
    pub fn new(limits: Limits, trusted: Vec<IpNet>) -> Self {
        let (strangers, trunk) = (Rates::of_strangers(&limits), Rates::of_the_trunk(&limits));
        let all_calls = Rate::per_second(limits.all_calls_per_second, 2);
        let book = Book {
            sources: HashMap::new(),
            others: Source::new(&strangers, 0),
            all_calls: Allowance::full(all_calls, 0),
            admitted: HashMap::new(),
            order: VecDeque::new(),
            figures: Figures::default(),
        };
        let (hasher, handshakes_failed, book) = (RandomState::new(), AtomicU64::new(0), Mutex::new(book));
        Guard { limits, trusted, strangers, trunk, all_calls, hasher, handshakes_failed, book }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls that strangers may have at the same time.
    pub fn calls_of_strangers(&self) -> usize {
        let reserved = if self.trusted.is_empty() { 0 } else { self.limits.reserved_calls };
        self.limits.calls.saturating_sub(reserved)
    }

    /// Whether this is the trunk.
    pub fn trusts(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.trusted.iter().any(|network| network.contains(&source))
    }

    /// What was not taken so far.
    pub fn figures(&self) -> Figures {
        let figures = self.book.lock().unwrap_or_else(PoisonError::into_inner).figures;
        Figures { handshakes_failed: self.handshakes_failed.load(Ordering::Relaxed), ..figures }
    }

    /// Judges a message, of a datagram or a stream. `now` in milliseconds from any origin.
    pub fn judge(&self, source: IpAddr, bytes: &[u8], now: u64) -> Verdict {
        let trusted = self.trusts(source);
        let rates = if trusted { &self.trunk } else { &self.strangers };
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, figures) = book.source(source, rates, now);
        if !seen.datagrams.take(rates.datagrams, now) {
            figures.dropped += 1;
            return Verdict::Drop;
        }
        let call_id = wire::new_call(bytes);
        let asks = call_id.is_none() && wire::is_probe(bytes);
        if !trusted && (call_id.is_some() || asks) && is_scanner(bytes) {
            figures.scanners += 1;
            return Verdict::Drop;
        }
        if asks && !seen.probes.take(rates.probes, now) {
            figures.dropped += 1;
            return Verdict::Drop;
        }
        let Some(call_id) = call_id else { return Verdict::Pass };
        let transaction = self.hasher.hash_one(wire::transaction(bytes));
        self.judge_call(&mut book, (source, self.name(source, call_id)), transaction, now)
    }

    /// The name under which a call of a source is remembered.
    fn name(&self, source: IpAddr, call_id: &[u8]) -> u64 {
        self.hasher.hash_one((source.to_canonical(), call_id))
    }

    fn judge_call(&self, book: &mut Book, (from, name): (IpAddr, u64), transaction: u64, now: u64) -> Verdict {
        if book.is_repeat(name, transaction, now) {
            return Verdict::Pass;
        }
        let trusted = self.trusts(from);
        let rates = if trusted { &self.trunk } else { &self.strangers };
        let (seen, figures) = book.source(from, rates, now);
        if !seen.wrong.has(rates.wrong, now) {
            figures.ignored += 1;
            return Verdict::Drop;
        }
        let allowed = seen.calls.take(rates.calls, now) && (trusted || book.all_calls.take(self.all_calls, now));
        if !allowed {
            return book.shed(from, rates, now);
        }
        book.admit(name, transaction, now);
        Verdict::Pass
    }

    /// A call is over: whatever comes under its name from now on begins another one.
    pub fn forget_call(&self, source: IpAddr, call_id: &str) {
        let name = self.name(source, call_id.as_bytes());
        self.book.lock().unwrap_or_else(PoisonError::into_inner).admitted.remove(&name);
    }

    /// A call of this source went to a number that nobody has, or was forbidden.
    pub fn note_refused(&self, source: IpAddr, now: u64) {
        let rates = if self.trusts(source) { &self.trunk } else { &self.strangers };
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.source(source, rates, now).0.wrong.take(rates.wrong, now);
    }

    /// A TLS connection came to nothing.
    pub fn note_handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Book {
    fn source(&mut self, address: IpAddr, rates: &Rates, now: u64) -> (&mut Source, &mut Figures) {
        let address = network(address);
        if self.sources.len() >= SOURCES_LIMIT && !self.sources.contains_key(&address) {
            self.sources.retain(|_, source| now.saturating_sub(source.seen_at) < FORGET_MILLISECONDS);
            if self.sources.len() >= SOURCES_LIMIT {
                return (&mut self.others, &mut self.figures);
            }
        }
        let source = self.sources.entry(address).or_insert_with(|| Source::new(rates, now));
        source.seen_at = now;
        (source, &mut self.figures)
    }

    fn shed(&mut self, from: IpAddr, rates: &Rates, now: u64) -> Verdict {
        let (seen, figures) = self.source(from, rates, now);
        if seen.answers.take(rates.answers, now) {
            figures.shed += 1;
            Verdict::Shed
        } else {
            figures.ignored += 1;
            Verdict::Drop
        }
    }

    /// Whether this INVITE was let in before and may come once more.
    fn is_repeat(&mut self, name: u64, transaction: u64, now: u64) -> bool {
        let Some(known) = self.admitted.get_mut(&name) else { return false };
        let lives = now.saturating_sub(known.at) < REPEATED_MILLISECONDS && known.repeats < REPEATS_LIMIT;
        let same = lives && known.transaction == transaction;
        known.repeats += u8::from(same);
        same
    }

    fn admit(&mut self, name: u64, transaction: u64, now: u64) {
        while let Some(&(oldest, at)) = self.order.front()
            && (self.order.len() >= ADMITTED_LIMIT || now.saturating_sub(at) >= REPEATED_MILLISECONDS)
        {
            self.order.pop_front();
            // It may have been let in again since.
            if self.admitted.get(&oldest).is_some_and(|known| known.at == at) {
                self.admitted.remove(&oldest);
            }
        }
        self.admitted.insert(name, Admitted { transaction, at: now, repeats: 0 });
        self.order.push_back((name, now));
    }
}

fn is_scanner(bytes: &[u8]) -> bool {
    let named = wire::user_agent(bytes).unwrap_or(b"").to_ascii_lowercase();
    SCANNERS.iter().any(|scanner| named.windows(scanner.len()).any(|part| part == *scanner))
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
