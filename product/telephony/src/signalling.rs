//! SIP signalling behind our own door: calls come in, go out, change and end, over UDP, TCP and TLS.
//!
//! This module and the files below it are the only ones that may name the SIP stack, so that another can take its place;
//! nothing of its types passes the door. Promises: bursts are shed before a message is read and answered 503 with
//! Retry-After; no source, no connection and no call is taken beyond [`Limits`]; every dialog is given back when its call
//! ends, however it ends; the stack's own logs (which hold whole messages, with credentials) are kept off by
//! [`log_filter`].

mod challenge;
mod convert;
mod credentials;
mod guard;
mod inbound;
mod leg;
mod listener;
mod log_filter;
mod obstacle;
mod outbound;
mod registration;
pub mod stream;
mod tls;
pub mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use rsipstack::EndpointBuilder;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::Method;
use rsipstack::transaction::CallIdFormat;
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transport::TransportLayer;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use credentials::{CredentialSource, Credentials, NoPassword, Reading};
pub use guard::{Figures as GuardFigures, Guard, Limits, Verdict};
pub use inbound::IncomingCall;
pub use leg::{Leg, Reply, SignalEvent};
pub use log_filter::log_filter;
pub use obstacle::Obstacle;
pub use outbound::{Destination, Target};
pub use registration::{Account, EXPIRES_SECONDS, EXPIRES_SECONDS_MOST, Registration, RegistrationState};
pub use tls::{TLS_PORT, TlsListen, TlsRules};

/// Calls that wait to be taken from [`Signalling::next_call`] at most; more are answered 503.
const WAITING_CALLS: usize = 256;
/// How long a stop waits for farewells to be sent.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// The methods that are understood.
const METHODS: [Method; 7] =
    [Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options, Method::Info, Method::Update];

/// The methods that are understood, as they stand in requests.
pub fn methods() -> impl Iterator<Item = String> {
    METHODS.iter().map(ToString::to_string)
}

/// What can go wrong; never holds credentials or message bodies.
#[derive(Debug, Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A target that is no SIP address that can be called.
    #[error("the address cannot be called: {0}")]
    Target(&'static str),
    /// A connection to the target could not be opened, or its certificate is not believed.
    #[error("no connection to the target: {0}")]
    Unreachable(Obstacle),
    /// The name of a target cannot be resolved.
    #[error("the host of the target cannot be found")]
    Unresolved,
    /// The call is over already.
    #[error("the call is over")]
    Over,
    /// As many calls as allowed are going on.
    #[error("no more calls are allowed at the moment")]
    Full,
    /// The stack refused; its text is left out because it may hold parts of messages.
    #[error("the signalling stack refused to {0}")]
    Stack(&'static str),
}

/// Where to listen and how much to take.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// UDP address; port 0 picks a free one.
    pub udp: SocketAddr,
    /// Whether to listen on TCP too, on the same address and port.
    pub tcp: bool,
    /// Where to listen for TLS, and as whom; none: only calls of ours go over TLS.
    pub tls: Option<TlsListen>,
    /// Whom to believe over TLS, and which versions to speak.
    pub tls_rules: TlsRules,
    /// The networks of the trunk: a flood from elsewhere does not keep it out.
    pub trusted: Vec<IpNet>,
    /// The address that others reach us at, when it is not the one listened on (NAT).
    pub advertised: Option<IpAddr>,
    /// Answer who asks for our password by MD5 (RFC 2617): weak, for trunks that know nothing better.
    pub md5_digest: bool,
    /// What we call ourselves.
    pub user_agent: String,
    /// How much is taken.
    pub limits: Limits,
}

impl SipConfig {
    /// Loopback with a free port, UDP and TCP: for demonstrations and tests.
    pub fn loopback() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// UDP and TCP on one address, with the usual limits.
    pub fn at(address: SocketAddr) -> Self {
        let user_agent = format!("Ringfence/{}", env!("CARGO_PKG_VERSION"));
        SipConfig {
            udp: address,
            tcp: true,
            tls: None,
            tls_rules: TlsRules::default(),
            trusted: Vec::new(),
            advertised: None,
            md5_digest: false,
            user_agent,
            limits: Limits::default(),
        }
    }
}

/// How a message travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        })
    }
}

/// One side of a call, as its messages name it. Not verified by anything: a caller can claim what it likes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The name to show.
    pub display_name: Option<String>,
    /// The part before `@`: a number or a name; empty when absent.
    pub user: String,
    /// The part after `@`.
    pub host: String,
}

storage::debug_shows!(struct Party { host });

impl Party {
    /// Whether the caller hides its number (RFC 3323).
    pub fn anonymous(&self) -> bool {
        self.user.is_empty()
            || self.user.eq_ignore_ascii_case("anonymous")
            || self.host.eq_ignore_ascii_case("anonymous.invalid")
    }
}

/// What is known of a call from its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFacts {
    /// The other side's name for the call.
    pub call_id: String,
    /// Who calls.
    pub from: Party,
    /// Who is called: the address that was dialled (the request's URI), with the name of the To header.
    pub to: Party,
    /// Where the message came from, or where it was sent.
    pub source: SocketAddr,
    /// How.
    pub transport: Transport,
    /// What the other side calls itself.
    pub user_agent: Option<String>,
}

/// How much is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls that are ringing or answered.
    pub calls: usize,
    /// Dialogs that the stack holds.
    pub dialogs: usize,
    /// Transactions that the stack works on.
    pub transactions: usize,
    /// What was shed and dropped.
    pub guard: GuardFigures,
}

/// The signalling of one process; clones share it.
#[derive(Clone)]
pub struct Signalling {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: EndpointInnerRef,
    dialogs: Arc<DialogLayer>,
    incoming: Mutex<mpsc::Receiver<IncomingCall>>,
    calls: Arc<AtomicUsize>,
    guard: Arc<guard::Guard>,
    /// Connections that we opened.
    opened: stream::client::Opened,
    tls_client: Arc<rustls::ClientConfig>,
    /// Calls that ring, by their source.
    ringing: Arc<listener::Counted>,
    /// Calls of strangers, ringing and answered, by their source.
    held: Arc<listener::Counted>,
    /// Where the guard's milliseconds begin.
    started: Instant,
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    config: SipConfig,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Signalling {
    /// Listens and begins to serve.
    pub async fn bind(config: SipConfig) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let guard = Arc::new(guard::Guard::new(config.limits.clone(), config.trusted.clone()));
        let started = Instant::now();
        let sockets = listener::bind(&config, &guard, started, &stop).await?;
        let tls_server =
            config.tls.as_ref().map(|tls| config.tls_rules.server(tls.certificates.clone())).transpose()?;
        let transport = TransportLayer::new(stop.child_token());
        let plain = sockets.udp.get_addr().addr.clone();
        transport.add_transport(sockets.udp);
        let (mut tls, mut tls_seen, mut tls_address) = (None, None, None);
        if let Some((listener, silent, address)) = sockets.tls {
            tls_seen = Some(silent.get_addr().addr.clone());
            transport.add_transport(silent);
            (tls, tls_address) = (Some(listener), Some(address));
        }
        let endpoint = EndpointBuilder::new()
            .with_transport_layer(transport)
            .with_cancel_token(stop.child_token())
            .with_user_agent(&config.user_agent)
            .with_allows(METHODS.to_vec())
            .with_inspector(Box::new(challenge::Translator { tls: tls_seen, plain, md5: config.md5_digest }))
            .with_option(EndpointOption { callid_format: CallIdFormat::Uuid, ..EndpointOption::default() })
            .build();
        let transactions = endpoint.incoming_transactions().map_err(|_| Error::Stack("start"))?;
        let endpoint = endpoint.inner;
        let (sender, receiver) = mpsc::channel(WAITING_CALLS);
        let inner = Arc::new(Inner {
            dialogs: Arc::new(DialogLayer::new(endpoint.clone())),
            incoming: Mutex::new(receiver),
            calls: Arc::new(AtomicUsize::new(0)),
            guard,
            opened: stream::client::Opened::default(),
            tls_client: config.tls_rules.client()?,
            ringing: Arc::default(),
            held: Arc::default(),
            started,
            address: sockets.address,
            tls_address,
            config,
            stop,
            tasks: TaskTracker::new(),
            endpoint,
        });
        let endpoint = inner.endpoint.clone();
        inner.tasks.spawn(async move {
            if endpoint.serve().await.is_err() {
                tracing::error!("signalling stopped serving");
            }
        });
        inner.tasks.spawn(inbound::route(inner.clone(), transactions, sender));
        let connections = Arc::new(listener::Counted::default());
        if let Some(tcp) = sockets.tcp {
            inner.tasks.spawn(listener::accept(inner.clone(), tcp, connections.clone(), None));
        }
        if let (Some(tls), Some(server)) = (tls, tls_server) {
            inner.tasks.spawn(listener::accept(inner.clone(), tls, connections, Some(TlsAcceptor::from(server))));
        }
        Ok(Signalling { inner })
    }

    /// The address listened on, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The address of TLS, with its real port.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.inner.tls_address
    }

    /// The next call that comes in; none once stopped. Cancel safe.
    pub async fn next_call(&self) -> Option<IncomingCall> {
        let mut incoming = self.inner.incoming.lock().await;
        tokio::select! {
            call = incoming.recv() => call,
            () = self.inner.stop.cancelled() => None,
        }
    }

    /// Finds out where a target is.
    pub async fn resolve(&self, target: &Target) -> Result<Destination, Error> {
        outbound::resolve(target).await
    }

    /// Calls somebody. The result rings: follow its events.
    pub async fn call(&self, destination: &Destination, target: &Target, offer: Vec<u8>) -> Result<Leg, Error> {
        outbound::call(&self.inner, destination, target, offer).await
    }

    /// Registers with a trunk and keeps it up until the result is dropped.
    pub fn register(&self, account: &Account) -> Result<Registration, Error> {
        registration::register(&self.inner, account)
    }

    /// Takes these for the addresses of the trunk's name from now on, instead of those that were given last.
    pub fn trunk_is_at(&self, addresses: Vec<IpAddr>) {
        self.inner.guard.trunk_is_at(addresses);
    }

    /// Whether this address is the trunk's.
    pub fn trusts(&self, source: IpAddr) -> bool {
        self.inner.guard.trusts(source)
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        Counts {
            calls: self.inner.calls.load(Ordering::Relaxed),
            dialogs: self.inner.dialogs.len(),
            transactions: self.inner.endpoint.get_stats().running_transactions,
            guard: self.inner.guard.figures(),
        }
    }

    /// The address to put into messages and descriptions for this peer.
    pub fn address_towards(&self, peer: SocketAddr) -> IpAddr {
        self.inner.address_towards(peer)
    }

    /// Stops taking calls, sends what is still to be sent for a moment, then stops serving.
    pub async fn stop(&self) {
        self.inner.tasks.close();
        let patience = tokio::time::Instant::now() + STOP_WAIT;
        while !self.inner.dialogs.is_empty() && tokio::time::Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.inner.stop.cancel();
        let _ = tokio::time::timeout(STOP_WAIT, self.inner.tasks.wait()).await;
    }
}

impl Inner {
    fn address_towards(&self, peer: SocketAddr) -> IpAddr {
        match self.config.advertised {
            Some(address) => address,
            None if self.address.ip().is_unspecified() => {
                listener::local_address_towards(peer).unwrap_or(self.address.ip())
            }
            None => self.address.ip(),
        }
    }

    /// A place for one more call, ours or from a source; given back when dropped. Some are kept for the trunk and for calls
    /// of ours; strangers may only let so many ring at once, and
    /// one of them only have so many.
    fn take_place(&self, source: Option<IpAddr>) -> Option<Place> {
        let limits = &self.config.limits;
        let stranger = source.filter(|source| !self.guard.trusts(*source));
        let most = if stranger.is_some() { self.guard.calls_of_strangers() } else { limits.calls };
        let (ringing, held) = match stranger {
            Some(source) => (
                Some(self.ringing.enter(source, limits.ringing, limits.source_ringing)?),
                Some(self.held.enter(source, most, limits.source_calls)?),
            ),
            None => (None, None),
        };
        let taken =
            self.calls.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |calls| (calls < most).then_some(calls + 1));
        taken.ok().map(|_| Place { calls: self.calls.clone(), ringing, _held: held })
    }
}

/// One of the places that [`Limits::calls`] allows.
struct Place {
    calls: Arc<AtomicUsize>,
    ringing: Option<listener::Counting>,
    _held: Option<listener::Counting>,
}

impl Place {
    /// The call does not ring any more.
    fn answered(&mut self) {
        self.ringing = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
