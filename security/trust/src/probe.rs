//! A probe looks at the running system and says whether a promise holds. This file holds the door that every probe goes through (name, limit
//! on time, a panic counts as broken) and what the server hands to them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use identity::Platform;
use tokio::time::{Instant, timeout};
use web::{ProbeMark, RouteRule, SessionCookie};

use crate::finding::Finding;
use crate::link::Link;
use crate::probes::ports::DeclaredPort;
use crate::promise::Promise;
use crate::release::Watch;
use crate::standing::Run;

/// A probe that takes longer is stopped, and its promise is not measured.
pub const MOST_SECONDS_PER_PROBE: u64 = 60;

/// What the server hands to the probes. What it cannot hand over stays empty, and the probes that want it say that they did not measure.
#[derive(Clone)]
pub struct ProbeContext {
    /// What everything stands on.
    pub platform: Platform,
    /// Where this server answers over HTTP, as this machine reaches it: `http://127.0.0.1:8080`.
    pub base_url: Option<String>,
    /// What probes say with their requests, so that the log does not take them for attackers.
    pub mark: Option<ProbeMark>,
    /// How browsers carry their session.
    pub cookie: SessionCookie,
    /// Every route of this server (`Routes::table`).
    pub routes: Vec<RouteRule>,
    /// Every port that this process opens.
    pub ports: Option<Vec<DeclaredPort>>,
    /// The name under which browsers know this server (the host of `public_url`); none on this machine alone.
    pub public_name: Option<String>,
    /// Every way on which data leaves or reaches this process, with what protects it.
    pub links: Vec<Link>,
    /// The oldest version of TLS that pages and API are served over ("1.2", "1.3"); none when this process speaks plain HTTP.
    pub oldest_tls: Option<&'static str>,
    /// Where plain HTTP is sent to the TLS address from, as this machine reaches it: `http://127.0.0.1:80`.
    pub redirect_url: Option<String>,
    /// The phone's door, when this process has one.
    pub phone: Option<PhoneDoor>,
    /// The folder that holds everything the server writes.
    pub data_folder: Option<PathBuf>,
    /// Where the audit log writes its checkpoints, outside the database.
    pub audit_folder: Option<PathBuf>,
    /// Whose list of releases is read, if any.
    pub releases: Option<Watch>,
}

/// Where the phone listens, and what it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneDoor {
    /// SIP over UDP and TCP, as this machine reaches it.
    pub sip: SocketAddr,
    /// Whether only encrypted calls are taken.
    pub strict: bool,
}

impl ProbeContext {
    /// A context of the platform alone: whatever wants more does not measure.
    pub fn of(platform: Platform) -> Self {
        Self {
            platform,
            base_url: None,
            mark: None,
            cookie: SessionCookie::OnLoopback,
            routes: Vec::new(),
            ports: None,
            public_name: None,
            links: Vec::new(),
            oldest_tls: None,
            redirect_url: None,
            phone: None,
            data_folder: None,
            audit_folder: None,
            releases: None,
        }
    }
}

/// The future of one look.
pub type Look<'a> = Pin<Box<dyn Future<Output = Finding> + Send + 'a>>;

/// One probe. It must be able to see its control broken: each has a test that breaks it.
pub trait Probe: Send + Sync {
    /// The name that a promise uses for it.
    fn name(&self) -> &'static str;

    /// Looks at the running system once. It leaves nothing behind, and its finding holds nothing of an organization or a person.
    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a>;
}

/// Runs the probe of a promise once, within its limit of time. A panic in it counts as broken: a probe that falls over proves nothing good.
pub async fn run(promise: &Promise, probe: Arc<dyn Probe>, context: Arc<ProbeContext>) -> Run {
    run_within(promise, probe, context, Duration::from_secs(MOST_SECONDS_PER_PROBE)).await
}

/// The same within another limit of time.
pub(crate) async fn run_within(
    promise: &Promise,
    probe: Arc<dyn Probe>,
    context: Arc<ProbeContext>,
    limit: Duration,
) -> Run {
    let started_at = context.platform.now();
    let begun = Instant::now();
    let looking = tokio::spawn(async move {
        let look = probe.look(&context);
        timeout(limit, look).await
    });
    let finding = match looking.await {
        Ok(Ok(finding)) => finding,
        Ok(Err(_)) => Finding::not_measured(format!("The probe was stopped after {} s.", limit.as_secs())),
        Err(_) => Finding::broken("The probe itself fell over; see the log."),
    };
    Run {
        promise: promise.id.clone(),
        state: finding.state,
        evidence: finding.evidence,
        figures: finding.figures,
        started_at,
        took_microseconds: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
