//! Who may speak to us how often: decided on raw bytes, before a message is read.
//!
//! Promises: memory is bounded by [`sources::SOURCES_LIMIT`] and [`ADMITTED_LIMIT`]; repeats of an INVITE whose call was let
//! in are not shed while it lives (that would end a call that is being answered), and nothing else passes in their name;
//! IPv6 sources count by their /64 and, with a larger allowance, by their /48. Too many calls are answered 503 with
//! Retry-After, and beyond that not at all; programs that name themselves as scanners, and whoever guesses numbers or names,
//! are not answered. The trunk's networks have allowances and places of their own, which no flood from elsewhere uses up;
//! over UDP a sender can write the trunk's address as its own, so a firewall in front should let only the trunk send it.

mod sources;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use ipnet::IpNet;

use super::wire;
use sources::{Allowance, Matter, Rate, Rates, Sources};

/// Calls let in that are remembered, so that their repeats pass: more than all rates together let in while they could come.
pub const ADMITTED_LIMIT: usize = 16_384;
/// How long an INVITE may be repeated: 64 times T1 (RFC 3261, section 17.1.1.2).
const REPEATED_MILLISECONDS: u64 = 32_000;
/// Repeats of an INVITE that pass: six that its sender may make in that time, and a few that the network makes.
pub const REPEATS_LIMIT: u8 = 10;
/// What a whole IPv6 site (/48) may do, as many times what one source may: it holds 65,536 of them.
pub const SITE_FACTOR: u32 = 4;
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
    /// Calls of one stranger's source at the same time, ringing and answered: a third of what all strangers may have.
    pub source_calls: usize,
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
            source_calls: 150,
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

#[derive(Debug)]
struct Book {
    /// The trunk's addresses, where no stranger takes a place.
    trunk: Sources<IpAddr>,
    strangers: Sources<IpAddr>,
    /// The sites of strangers who speak IPv6.
    sites: Sources<Ipv6Addr>,
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
    /// What the trunk's name led to, when it was last found.
    named: RwLock<Vec<IpAddr>>,
    all_calls: Rate,
    hasher: RandomState,
    handshakes_failed: AtomicU64,
    book: Mutex<Book>,
}

impl Guard {
    /// A guard that has seen nobody.
    pub fn new(limits: Limits, trusted: Vec<IpNet>) -> Self {
        let strangers = Rates::of_strangers(&limits);
        let all_calls = Rate::per_second(limits.all_calls_per_second, 2);
        let book = Book {
            trunk: Sources::new(Rates::of_the_trunk(&limits)),
            strangers: Sources::new(strangers),
            sites: Sources::new(strangers.times(SITE_FACTOR)),
            all_calls: Allowance::full(all_calls, 0),
            admitted: HashMap::new(),
            order: VecDeque::new(),
            figures: Figures::default(),
        };
        let (hasher, handshakes_failed, book) = (RandomState::new(), AtomicU64::new(0), Mutex::new(book));
        let named = RwLock::default();
        Guard { limits, trusted, named, all_calls, hasher, handshakes_failed, book }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls that strangers may have at the same time.
    pub fn calls_of_strangers(&self) -> usize {
        let nobody = self.trusted.is_empty() && self.named().is_empty();
        let reserved = if nobody { 0 } else { self.limits.reserved_calls };
        self.limits.calls.saturating_sub(reserved)
    }

    /// Whether this is the trunk.
    pub fn trusts(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.trusted.iter().any(|network| network.contains(&source)) || self.named().contains(&source)
    }

    /// Takes these for the addresses of the trunk's name from now on.
    pub fn trunk_is_at(&self, addresses: Vec<IpAddr>) {
        let addresses = addresses.into_iter().map(|address| address.to_canonical()).collect();
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    fn named(&self) -> RwLockReadGuard<'_, Vec<IpAddr>> {
        self.named.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was not taken so far.
    pub fn figures(&self) -> Figures {
        let figures = self.book.lock().unwrap_or_else(PoisonError::into_inner).figures;
        Figures { handshakes_failed: self.handshakes_failed.load(Ordering::Relaxed), ..figures }
    }

    /// Judges a message, of a datagram or a stream. `now` in milliseconds from any origin.
    pub fn judge(&self, source: IpAddr, bytes: &[u8], now: u64) -> Verdict {
        let from = self.sender(source);
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if !book.take(from, Matter::Datagram, now) {
            book.figures.dropped += 1;
            return Verdict::Drop;
        }
        let call_id = wire::new_call(bytes);
        let asks = call_id.is_none() && wire::is_probe(bytes);
        if !from.trusted && (call_id.is_some() || asks) && is_scanner(bytes) {
            book.figures.scanners += 1;
            return Verdict::Drop;
        }
        if asks && !book.take(from, Matter::Probe, now) {
            book.figures.dropped += 1;
            return Verdict::Drop;
        }
        let Some(call_id) = call_id else { return Verdict::Pass };
        let transaction = self.hasher.hash_one(wire::transaction(bytes));
        self.judge_call(&mut book, from, (self.name(source, call_id), transaction), now)
    }

    fn sender(&self, source: IpAddr) -> Sender {
        Sender { network: network(source), site: site(source), trusted: self.trusts(source) }
    }

    /// The name under which a call of a source is remembered.
    fn name(&self, source: IpAddr, call_id: &[u8]) -> u64 {
        self.hasher.hash_one((source.to_canonical(), call_id))
    }

    fn judge_call(&self, book: &mut Book, from: Sender, (name, transaction): (u64, u64), now: u64) -> Verdict {
        if book.is_repeat(name, transaction, now) {
            return Verdict::Pass;
        }
        if !book.has(from, Matter::Wrong, now) {
            book.figures.ignored += 1;
            return Verdict::Drop;
        }
        let allowed = book.take(from, Matter::Call, now) && (from.trusted || book.all_calls.take(self.all_calls, now));
        if !allowed {
            return book.shed(from, now);
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
        let from = self.sender(source);
        self.book.lock().unwrap_or_else(PoisonError::into_inner).take(from, Matter::Wrong, now);
    }

    /// A TLS connection came to nothing.
    pub fn note_handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whose allowances a message is counted against.
#[derive(Debug, Clone, Copy)]
struct Sender {
    network: IpAddr,
    site: Option<Ipv6Addr>,
    trusted: bool,
}

impl Book {
    /// Whether the sender, and the site it belongs to, have one left.
    fn has(&mut self, from: Sender, matter: Matter, now: u64) -> bool {
        if from.trusted {
            return self.trunk.has(from.network, matter, now);
        }
        self.strangers.has(from.network, matter, now) && from.site.is_none_or(|site| self.sites.has(site, matter, now))
    }

    /// Takes one of both, if they have one.
    fn take(&mut self, from: Sender, matter: Matter, now: u64) -> bool {
        if from.trusted {
            return self.trunk.take(from.network, matter, now);
        }
        self.strangers.take(from.network, matter, now)
            && from.site.is_none_or(|site| self.sites.take(site, matter, now))
    }

    fn shed(&mut self, from: Sender, now: u64) -> Verdict {
        if self.take(from, Matter::Answer, now) {
            self.figures.shed += 1;
            Verdict::Shed
        } else {
            self.figures.ignored += 1;
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

/// The site of an IPv6 address: its /48.
fn site(address: IpAddr) -> Option<Ipv6Addr> {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Some(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        IpAddr::V4(_) => None,
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
