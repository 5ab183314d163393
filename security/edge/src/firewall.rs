//! The firewall: rules that look at a request before its handler does.
//!
//! It is the second line. The first is what handlers take: typed bodies, unknown fields refused, limits per route. The rules are
//! our own small pack, or the OWASP Core Rule Set 4 where the operator gives its folder ([`Firewall::with_rule_set`]); both are
//! run by `seclang` in time linear to what is looked at, and at most [`Limits`] of it.
//!
//! Fields that a route declares as free text are scored and never refused: people may write anything to an agent, also about
//! SQL. What is not declared is not free text, so a route that forgets is stricter, not weaker.

mod driver;
pub mod refusals;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HOST, HeaderName, REFERER};
use http::{HeaderMap, Method, Uri, Version};
use seclang::{Limits, Mode, Request, RuleSet, Source, Transaction, Verdict};
use storage::Timestamp;
use tokio::sync::Semaphore;

use crate::Network;
use refusals::{Loudness, Refusals};

/// Our own rules.
const CORE_RULES: &str = include_str!("firewall/pack.conf");
/// What this product's API needs of the Core Rule Set where the operator's set-up does not say otherwise.
const API_RULES: &str = include_str!("firewall/api.conf");
/// Bodies above so many bytes are looked at beside the tasks that serve connections.
const INLINE_BYTES: usize = 4 * 1024;

/// What the firewall does with an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallMode {
    /// Nothing is looked at.
    Off,
    /// It is counted and logged, and passes.
    Detect,
    /// It is refused with 403.
    #[default]
    Block,
}

/// Why a rule set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// The folder does not hold what the Core Rule Set holds.
    #[error("`crs_dir` {folder}: {reason}")]
    Folder {
        /// The folder.
        folder: String,
        /// What is missing or cannot be read.
        reason: String,
    },
    /// The rules have a fault.
    #[error("`crs_dir`: {0}")]
    Rules(#[from] seclang::Error),
}

/// The firewall of a node. Cheap to clone.
#[derive(Clone)]
pub struct Firewall {
    rules: Arc<RuleSet>,
    mode: FirewallMode,
    seats: Arc<Semaphore>,
    figures: Arc<Figures>,
    told: Arc<Mutex<Refusals>>,
}

/// How often it decided what.
#[derive(Debug, Default)]
struct Figures {
    passed: AtomicU64,
    refused: AtomicU64,
    detected: AtomicU64,
    free_text: AtomicU64,
    probed: AtomicU64,
}

/// The figures at one moment, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirewallFigures {
    /// Nothing stood in the way.
    pub passed: u64,
    /// Refused.
    pub refused: u64,
    /// Would have been refused, in the mode that only detects.
    pub detected: u64,
    /// Passed, while rules saw something in free text.
    pub free_text: u64,
    /// Refused as they should be: attacks that the trust page's own probes sent.
    pub probed: u64,
}

/// A request as the firewall looks at it.
#[derive(Debug, Clone)]
pub struct Screened {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The protocol.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The body, empty where it has none or is not to be looked at.
    pub body: Bytes,
    /// Fields that hold free text, as [`seclang::Request::free_text`] names them.
    pub free_text: &'static [&'static str],
    /// Sent by a probe of this very process: judged like any other, and counted apart.
    pub probe: bool,
}

/// What the firewall thinks of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// The handler must not see it.
    pub refused: bool,
    /// Rules took it for an attack, whether or not it is refused.
    pub attack: bool,
    /// More arrived than is looked at, in fields that are not free text.
    pub too_large: bool,
    /// Rules that saw something, without what they saw.
    pub rules: Vec<u64>,
    /// Rules that saw something in free text.
    pub free_text_rules: Vec<u64>,
    /// Points of what rules saw in free text.
    pub free_text_points: u32,
}

impl Firewall {
    /// With our own rules.
    pub fn core(mode: FirewallMode) -> Self {
        static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
            let rules = RuleSet::compile(&[Source { name: "pack.conf", text: CORE_RULES }], &[]);
            Arc::new(rules.expect("our own rules compile: a test holds that"))
        });
        Self::of(Arc::clone(&RULES), mode)
    }

    /// With the Core Rule Set in this folder: `crs-setup.conf` (or `crs-setup.conf.example`) and `rules/`.
    ///
    /// # Errors
    /// When the folder cannot be read or a rule has a fault; says file, line and rule.
    pub fn with_rule_set(folder: &std::path::Path, mode: FirewallMode) -> Result<Self, FirewallError> {
        let files = driver::read(folder)?;
        let mut rules: Vec<Source<'_>> = files.rules.iter().map(driver::File::source).collect();
        // Behind the operator's set-up, before the rules that read it.
        rules.insert(1, Source { name: "api.conf", text: API_RULES });
        let data: Vec<Source<'_>> = files.data.iter().map(driver::File::source).collect();
        Ok(Self::of(Arc::new(RuleSet::compile(&rules, &data)?), mode))
    }

    fn of(rules: Arc<RuleSet>, mode: FirewallMode) -> Self {
        let seats = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { rules, mode, seats: Arc::new(Semaphore::new(seats)), figures: Arc::default(), told: Arc::default() }
    }

    /// What it does with an attack.
    pub fn mode(&self) -> FirewallMode {
        self.mode
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.rules.rules().len()
    }

    /// How often it decided what.
    pub fn figures(&self) -> FirewallFigures {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let Figures { passed, refused, detected, free_text, probed } = &*self.figures;
        FirewallFigures {
            passed: read(passed),
            refused: read(refused),
            detected: read(detected),
            free_text: read(free_text),
            probed: read(probed),
        }
    }

    /// How loudly another refusal of a request from this address is told.
    pub fn loudness(&self, now: Timestamp, address: Option<IpAddr>) -> Loudness {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).note(now, address.map(Network::of))
    }

    /// Looks at a request: at once where it is small, else on a thread for such work, of which no more run than there are
    /// processors.
    pub async fn judge(&self, screened: Screened) -> Judgement {
        if self.mode == FirewallMode::Off {
            return Judgement::default();
        }
        if screened.body.len() <= INLINE_BYTES {
            return self.look(&screened);
        }
        let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else { return Judgement::default() };
        let firewall = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let judgement = firewall.look(&screened);
            drop(seat);
            judgement
        });
        // Rules never panic; if one did, nothing was looked at, and that is no reason to pass.
        looking.await.unwrap_or_else(|_| Judgement { refused: true, ..Judgement::default() })
    }

    fn look(&self, screened: &Screened) -> Judgement {
        let mut transaction = Transaction::new(&self.rules, Mode::Block, Limits::default());
        let verdict = run(&mut transaction, screened);
        let mut judgement = Judgement { too_large: transaction.uninspected(), ..Judgement::default() };
        for found in transaction.matches() {
            if found.free_text {
                judgement.free_text_rules.push(found.rule);
                judgement.free_text_points += found.severity.map_or(0, seclang::Severity::points);
            } else {
                judgement.rules.push(found.rule);
            }
        }
        judgement.attack = verdict != Verdict::Pass;
        judgement.refused = self.mode == FirewallMode::Block && (judgement.attack || judgement.too_large);
        self.count(&judgement, screened.probe);
        judgement
    }

    fn count(&self, judgement: &Judgement, probe: bool) {
        let figure = if probe && (judgement.refused || judgement.attack) {
            &self.figures.probed
        } else if judgement.refused {
            &self.figures.refused
        } else if judgement.attack || judgement.too_large {
            &self.figures.detected
        } else if !judgement.free_text_rules.is_empty() {
            &self.figures.free_text
        } else {
            &self.figures.passed
        };
        figure.fetch_add(1, Ordering::Relaxed);
    }
}

/// Both phases of a request.
fn run(transaction: &mut Transaction<'_>, screened: &Screened) -> Verdict {
    let target = screened.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let protocol = protocol(screened.version);
    let mut headers: Vec<(&[u8], &[u8])> = Vec::with_capacity(screened.headers.len() + 1);
    for (name, value) in &screened.headers {
        headers.push((name.as_str().as_bytes(), header_shown(&screened.headers, name, value.as_bytes())));
    }
    // HTTP/2 names the host in its request line.
    if !screened.headers.contains_key(HOST)
        && let Some(authority) = screened.uri.authority()
    {
        headers.push((b"host", authority.as_str().as_bytes()));
    }
    let request = Request {
        method: screened.method.as_str().as_bytes(),
        target: target.as_bytes(),
        protocol: protocol.as_bytes(),
        headers: &headers,
        remote_address: screened.address,
        unique_id: "0",
        free_text: screened.free_text,
    };
    match transaction.request_headers(&request) {
        Verdict::Pass => transaction.request_body(&screened.body),
        refused @ Verdict::Refuse { .. } => refused,
    }
}

/// The page that a form stands on tells its query in `Referer`, and that can be a search for anything: of our own pages only the
/// path is looked at.
fn header_shown<'a>(headers: &HeaderMap, name: &HeaderName, value: &'a [u8]) -> &'a [u8] {
    let host = headers.get(HOST).map_or(&b""[..], http::HeaderValue::as_bytes);
    let authority = value.splitn(4, |byte| *byte == b'/').nth(2).unwrap_or_default();
    let end = value.iter().position(|byte| *byte == b'?');
    match end {
        Some(end) if *name == REFERER && !host.is_empty() && authority == host => &value[..end],
        _ => value,
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests;
