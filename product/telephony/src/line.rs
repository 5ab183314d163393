//! The line: calls with sound, in and out. Puts signalling, media and the call machine together, so that the upper half
//! of the phone knows neither SIP nor sockets.
//!
//! Promises: a call that comes in is answered, refused or given up, never forgotten: whoever drops a call ends it; each
//! call ends once, with who and why; a caller who changes its mind while a prompt is made is told apart from one who
//! stays.

mod driver;
pub mod sandbox;
mod security;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use sip::Status;
use storage::Entropy;
use thiserror::Error as ThisError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::call::{CallEnd, EndReason, EndedBy, Times};
use crate::media_session::{AudioPort, MediaConfig, MediaStatistics};
use crate::port_pool::PortPool;
use crate::signalling::{self, Account, CallFacts, Registration, Signalling, SipConfig, Target};

use driver::Command;
pub use security::{Insecure, Security, Strictness};

/// Ports for sound, unless the settings say otherwise.
pub const MEDIA_PORTS: RangeInclusive<u16> = 16_384..=32_767;

/// Why there is no line.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Signalling could not begin.
    #[error(transparent)]
    Signalling(#[from] signalling::Error),
    /// The call is over.
    #[error("the call is over")]
    Over,
}

/// How a line behaves.
#[derive(Debug, Clone)]
pub struct LineConfig {
    /// Where to listen, and how much to take.
    pub sip: SipConfig,
    /// How sound behaves.
    pub media: MediaConfig,
    /// The ports for sound; none lets the operating system choose.
    pub ports: Option<RangeInclusive<u16>>,
    /// Longest times.
    pub times: Times,
    /// How much encryption calls must have.
    pub security: Security,
}

impl LineConfig {
    /// Listens on one address with the usual limits.
    pub fn at(address: SocketAddr) -> Self {
        LineConfig {
            sip: SipConfig::at(address),
            media: MediaConfig::default(),
            ports: Some(MEDIA_PORTS),
            times: Times { ring_seconds: 60, call_seconds: 4 * 3_600 },
            security: Security::default(),
        }
    }

    /// Loopback, free ports: for demonstrations and tests.
    pub fn loopback() -> Self {
        LineConfig { ports: None, ..Self::at(SocketAddr::from(([127, 0, 0, 1], 0))) }
    }
}

/// Whom to call.
#[derive(Debug, Clone, Default)]
pub struct Dial {
    /// Address, our own name, credentials.
    pub target: Target,
    /// The other side is known not to encrypt sound, even over TLS.
    pub plain_sound: bool,
    /// How long it may ring; the line's own time when none is given.
    pub ring_seconds: Option<u32>,
}

/// How much is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineCounts {
    /// Calls that ring or are answered.
    pub calls: usize,
    /// Dialogs that the signalling holds.
    pub dialogs: usize,
    /// Transactions that the signalling works on.
    pub transactions: usize,
    /// Media ports that are taken.
    pub ports_in_use: usize,
    /// New calls that were answered 503, and datagrams thrown away, because there were too many.
    pub guard: signalling::GuardFigures,
}

/// A line; clones share it.
#[derive(Clone)]
pub struct Line {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    signalling: Signalling,
    config: LineConfig,
    ports: PortPool,
    entropy: Arc<dyn Entropy>,
    stop: CancellationToken,
}

impl Line {
    /// Listens and begins to serve.
    pub async fn open(config: LineConfig, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let signalling = Signalling::bind(config.sip.clone()).await?;
        let ports = config.ports.clone().map_or_else(PortPool::any, PortPool::new);
        let stop = CancellationToken::new();
        Ok(Line { inner: Arc::new(Inner { signalling, config, ports, entropy, stop }) })
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.inner.signalling.address()
    }

    /// The address of TLS, when it is listened for.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.inner.signalling.tls_address()
    }

    /// The next call that comes in; none once the line is shut down. Cancel safe.
    pub async fn next_call(&self) -> Option<RingingCall> {
        let call = tokio::select! {
            call = self.inner.signalling.next_call() => call?,
            () = self.inner.stop.cancelled() => return None,
        };
        Some(driver::ring(&self.inner, call))
    }

    /// Calls somebody and waits until it is answered. Dropping the future gives the call up.
    pub async fn call(&self, dial: Dial) -> Result<LiveCall, CallEnd> {
        driver::dial(&self.inner, dial).await
    }

    /// Calls a number of the sandbox carrier: nothing leaves this process.
    pub async fn call_sandbox(&self, number: &str, from: &str, ring_seconds: u32) -> Result<LiveCall, CallEnd> {
        sandbox::driver::call(&self.inner, number, from, ring_seconds).await
    }

    /// Registers with a trunk and keeps it up until the result is dropped.
    ///
    /// # Errors
    /// When the registrar's address can never be called.
    pub fn register(&self, account: &Account) -> Result<Registration, Error> {
        Ok(self.inner.signalling.register(account)?)
    }

    /// Takes these for the addresses of the trunk's name from now on, instead of those that were given last.
    pub fn trunk_is_at(&self, addresses: Vec<std::net::IpAddr>) {
        self.inner.signalling.trunk_is_at(addresses);
    }

    /// Whether this address is the trunk's.
    pub fn trusts(&self, source: std::net::IpAddr) -> bool {
        self.inner.signalling.trusts(source)
    }

    /// How much is going on.
    pub fn counts(&self) -> LineCounts {
        let counts = self.inner.signalling.counts();
        LineCounts {
            calls: counts.calls,
            dialogs: counts.dialogs,
            transactions: counts.transactions,
            ports_in_use: self.inner.ports.in_use(),
            guard: counts.guard,
        }
    }

    /// Ends every call and stops serving.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        self.inner.signalling.stop().await;
    }
}

/// What happens on an answered call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// The other side put us on hold.
    Held,
    /// The call goes on.
    Resumed,
    /// The call is over; nothing comes after this.
    Ended(CallEnd),
}

/// The strings of a call: what both a ringing and an answered one hold.
#[derive(Debug)]
struct Strings {
    facts: CallFacts,
    /// The other side is the sandbox.
    simulated: bool,
    commands: mpsc::UnboundedSender<Command>,
    end: watch::Receiver<Option<CallEnd>>,
    events: mpsc::UnboundedReceiver<LineEvent>,
}

impl Strings {
    async fn ended(&mut self) -> CallEnd {
        match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_else(vanished),
            Err(_) => vanished(),
        }
    }
}

/// The end of a call whose task went away without a word: only a bug or a stopped runtime does that.
fn vanished() -> CallEnd {
    let mut end = CallEnd::refused(EndedBy::Network, Status::SERVER_INTERNAL_ERROR);
    end.reason = EndReason::SignallingLost;
    end
}

/// A call that rings here. Dropping it refuses it with 480.
#[derive(Debug)]
pub struct RingingCall {
    strings: Strings,
    insecure: Option<Insecure>,
}

impl RingingCall {
    /// Who calls whom.
    pub fn facts(&self) -> &CallFacts {
        &self.strings.facts
    }

    /// Why this call may not be taken, when it lacks the encryption that is demanded: refuse it with that status.
    /// Answering it is refused, too.
    pub fn insecure(&self) -> Option<Insecure> {
        self.insecure
    }

    /// Lets the caller hear ringing.
    pub fn ring(&self) -> Result<(), Error> {
        self.strings.commands.send(Command::Ring).map_err(|_| Error::Over)
    }

    /// Takes the call; tells how it ended when it cannot be taken any more.
    pub async fn answer(mut self) -> Result<LiveCall, CallEnd> {
        let (sender, receiver) = oneshot::channel();
        if self.strings.commands.send(Command::Answer(sender)).is_err() {
            return Err(self.strings.ended().await);
        }
        match receiver.await {
            Ok(audio) => Ok(LiveCall::new(self.strings, *audio)),
            Err(_) => Err(self.strings.ended().await),
        }
    }

    /// Refuses the call.
    pub async fn reject(mut self, status: Status) -> CallEnd {
        let _ = self.strings.commands.send(Command::Refuse(status));
        self.strings.ended().await
    }

    /// Waits until the caller gives up. Cancel safe.
    pub async fn ended(&mut self) -> CallEnd {
        self.strings.ended().await
    }
}

/// How an answered call travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travelled {
    /// Its messages.
    pub transport: signalling::Transport,
    /// Its sound.
    pub sound: MediaStatistics,
}

/// An answered call. Dropping it hangs up.
#[derive(Debug)]
pub struct LiveCall {
    /// Its sound.
    pub audio: AudioPort,
    facts: CallFacts,
    simulated: bool,
    commands: mpsc::UnboundedSender<Command>,
    end: watch::Receiver<Option<CallEnd>>,
    events: LineEvents,
}

/// What happens on an answered call, in order.
#[derive(Debug)]
pub struct LineEvents(mpsc::UnboundedReceiver<LineEvent>);

impl LineEvents {
    /// The next event; none after [`LineEvent::Ended`]. Cancel safe.
    pub async fn next(&mut self) -> Option<LineEvent> {
        self.0.recv().await
    }
}

impl LiveCall {
    fn new(strings: Strings, audio: AudioPort) -> Self {
        let Strings { facts, simulated, commands, end, events } = strings;
        LiveCall { audio, facts, simulated, commands, end, events: LineEvents(events) }
    }

    /// Who calls whom.
    pub fn facts(&self) -> &CallFacts {
        &self.facts
    }

    /// The next event; none after [`LineEvent::Ended`]. Cancel safe.
    pub async fn next_event(&mut self) -> Option<LineEvent> {
        self.events.next().await
    }

    /// Events and sound apart, to wait for both at once.
    pub fn parts(&mut self) -> (&mut LineEvents, &mut AudioPort) {
        (&mut self.events, &mut self.audio)
    }

    /// Hangs up; the events then end with [`LineEvent::Ended`].
    pub fn hang_up(&self) {
        let _ = self.commands.send(Command::HangUp);
    }

    /// How it ended, when it has.
    pub fn end(&self) -> Option<CallEnd> {
        self.end.borrow().clone()
    }

    /// How it travelled; none when it was simulated.
    pub fn travelled(&self) -> Option<Travelled> {
        (!self.simulated).then(|| Travelled { transport: self.facts.transport, sound: self.statistics() })
    }

    /// The figures of its sound.
    pub fn statistics(&self) -> MediaStatistics {
        self.audio.statistics()
    }
}
