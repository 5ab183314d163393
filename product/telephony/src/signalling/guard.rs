//! Who may speak to us how often: decided on raw bytes, before a message is read.
//!
//! Promises: memory is bounded by [`SOURCES_LIMIT`] and [`ADMITTED_LIMIT`]; repeats of a call that was let in are never
//! shed (that would end a call that is being answered); IPv6 sources count by their /64.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Sources that are counted one by one at most; more share one allowance.
pub const SOURCES_LIMIT: usize = 10_000;
/// Calls let in that are remembered, so that their repeats pass.
pub const ADMITTED_LIMIT: usize = 4_096;
/// A source that was quiet this long is forgotten when room is needed.
const FORGET_MILLISECONDS: u64 = 60_000;
/// Seconds after which a shed caller may try again.
pub const RETRY_AFTER_SECONDS: u32 = 5;
/// Lines of a message that are looked at.
const LINES_LIMIT: usize = 100;

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
        match new_call(bytes) {
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

/// The Call-ID of an INVITE that begins a call (its To has no tag); none for any other message.
fn new_call(bytes: &[u8]) -> Option<&[u8]> {
    if !bytes.starts_with(b"INVITE ") {
        return None;
    }
    let mut call_id: &[u8] = b"";
    for line in header_lines(bytes) {
        match header_value(line, b"to", b"t") {
            Some(value) if has_tag(value) => return None,
            _ => {}
        }
        if let Some(value) = header_value(line, b"call-id", b"i") {
            call_id = value;
        }
    }
    Some(call_id)
}

fn has_tag(value: &[u8]) -> bool {
    let after_address = value.iter().rposition(|&byte| byte == b'>').map_or(value, |end| &value[end..]);
    after_address.to_ascii_lowercase().windows(5).any(|window| window == b";tag=")
}

fn header_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|&byte| byte == b'\n').skip(1).take(LINES_LIMIT);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).take_while(|line| !line.is_empty())
}

fn header_value<'a>(line: &'a [u8], name: &[u8], short: &[u8]) -> Option<&'a [u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let found = line[..colon].trim_ascii();
    let matches = found.eq_ignore_ascii_case(name) || found.eq_ignore_ascii_case(short);
    matches.then(|| line[colon + 1..].trim_ascii())
}

/// The answer to a shed INVITE, made from its own bytes without keeping anything.
pub fn busy_answer(invite: &[u8]) -> Vec<u8> {
    let mut answer = b"SIP/2.0 503 Service Unavailable\r\n".to_vec();
    let copied: [(&[u8], &[u8]); 5] =
        [(b"via", b"v"), (b"from", b"f"), (b"to", b"t"), (b"call-id", b"i"), (b"cseq", b"cseq")];
    for line in header_lines(invite) {
        if copied.iter().any(|(name, short)| header_value(line, name, short).is_some()) {
            answer.extend_from_slice(line);
            if header_value(line, b"to", b"t").is_some() {
                answer.extend_from_slice(b";tag=shed");
            }
            answer.extend_from_slice(b"\r\n");
        }
    }
    answer.extend_from_slice(format!("Retry-After: {RETRY_AFTER_SECONDS}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    answer
}

#[cfg(test)]
mod tests;
