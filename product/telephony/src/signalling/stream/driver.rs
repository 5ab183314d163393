//! One connection, TCP or TLS: what comes is judged, cut into messages and given to the stack; what the stack sends goes
//! out.
//!
//! Promises: the stack never sees bytes that the guard has not passed; a peer that sends nothing, half a message, or does
//! not read is let go ([`FIRST_MESSAGE_WITHIN`], [`IDLE_WITHIN`], [`REST_WITHIN`], [`WRITE_WITHIN`]); the address that
//! counts is the peer's own.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, SipMessage, StatusCodeKind};
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use sip::Status;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::super::guard::{self, Guard, Verdict};
use super::super::{Transport, wire};
use super::{Frame, Framer, PING, PONG};

/// How long a connection may say nothing at first.
pub const FIRST_MESSAGE_WITHIN: Duration = Duration::from_secs(15);
/// How long a message may take from its first byte to its last.
pub const REST_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection without a call may be idle.
pub const IDLE_WITHIN: Duration = Duration::from_mins(2);
/// How long one that carries an answered call may be: as long as the longest call.
pub const IDLE_WITH_CALL_WITHIN: Duration = Duration::from_hours(4);
/// How often a connection that we opened is kept from being forgotten on its way (RFC 5626, section 4.4.1).
pub const PING_EVERY: Duration = Duration::from_mins(1);
/// How long a peer may take to read what it is sent.
pub const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Answered calls that are remembered of one connection at most.
const CALLS_LIMIT: usize = 1_024;
/// Messages that wait to be sent on one connection.
const OUTGOING_LIMIT: usize = 256;
/// Messages on one connection that no parser understands, before it is let go.
const GARBAGE_LIMIT: usize = 8;
/// Bytes read at one go.
const READ_BYTES: usize = 8 * 1_024;

/// A connection as the stack knows it, and our end of it.
pub struct Ends {
    /// For the stack.
    pub connection: SipConnection,
    incoming: mpsc::UnboundedSender<TransportEvent>,
    outgoing: mpsc::Receiver<TransportEvent>,
    remote: SipAddr,
    peer: SocketAddr,
    closed: CancellationToken,
}

/// The stack's name for a transport.
pub fn in_stack(transport: Transport) -> rsipstack::sip::Transport {
    match transport {
        Transport::Udp => rsipstack::sip::Transport::Udp,
        Transport::Tcp => rsipstack::sip::Transport::Tcp,
        Transport::Tls => rsipstack::sip::Transport::Tls,
    }
}

/// Makes the two ends; `closed` is cancelled when the connection is over.
pub async fn ends(transport: Transport, peer: SocketAddr, closed: CancellationToken) -> rsipstack::Result<Ends> {
    let remote = SipAddr { r#type: Some(in_stack(transport)), addr: peer.into() };
    let (incoming, to_stack) = mpsc::unbounded_channel();
    let (from_stack, outgoing) = mpsc::channel(OUTGOING_LIMIT);
    let channel =
        ChannelConnection::create_connection_bounded(to_stack, from_stack, remote.clone(), Some(closed.clone()));
    let connection = SipConnection::Channel(channel.await?);
    Ok(Ends { connection, incoming, outgoing, remote, peer, closed })
}

/// Carries messages between a stream and the stack until one of them ends.
pub async fn carry<S>(stream: S, ends: Ends, guard: Arc<Guard>, started: Instant)
where
    S: AsyncRead + AsyncWrite + Send,
{
    carry_until_over(stream, ends, guard, started, false).await;
}

/// The same for a connection that we opened: it may rest as long as a call may, for the peer may know no other way to us, and
/// it is kept alive by pings.
pub async fn carry_ours<S>(stream: S, ends: Ends, guard: Arc<Guard>, started: Instant)
where
    S: AsyncRead + AsyncWrite + Send,
{
    carry_until_over(stream, ends, guard, started, true).await;
}

async fn carry_until_over<S>(stream: S, ends: Ends, guard: Arc<Guard>, started: Instant, ours: bool)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (reader, writer) = tokio::io::split(stream);
    let closed = ends.closed.clone();
    let mut carrier = Carrier {
        reader,
        writer,
        ends,
        guard,
        started,
        framer: Framer::default(),
        garbage: 0,
        spoken: false,
        calls: HashSet::new(),
        ours,
    };
    tokio::select! {
        () = closed.cancelled() => {}
        ended = carrier.run() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
        }
    }
    let _ = timeout(WRITE_WITHIN, carrier.writer.shutdown()).await;
    closed.cancel();
}

struct Carrier<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    ends: Ends,
    guard: Arc<Guard>,
    started: Instant,
    framer: Framer,
    garbage: usize,
    /// Something was said.
    spoken: bool,
    /// The Call-IDs of calls that we answered on it and that nobody has hung up.
    calls: HashSet<String>,
    /// We opened it.
    ours: bool,
}

impl<S: AsyncRead + AsyncWrite + Send> Carrier<S> {
    async fn run(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let opened_at = Instant::now();
        let (mut active_at, mut message_since) = (opened_at, None);
        let mut pings = tokio::time::interval_at(opened_at + PING_EVERY, PING_EVERY);
        loop {
            let deadline = match message_since {
                _ if !self.spoken => opened_at + FIRST_MESSAGE_WITHIN,
                Some(since) => since + REST_WITHIN,
                None => active_at + self.idle_within(),
            };
            tokio::select! {
                read = timeout_at(deadline, self.reader.read(&mut buffer)) => {
                    let length = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                    active_at = Instant::now();
                    if length == 0 {
                        return Ok(());
                    }
                    self.framer.push(&buffer[..length]);
                    if self.take_frames().await? || !self.framer.is_within_message() {
                        message_since = None;
                    }
                    if self.framer.is_within_message() {
                        message_since.get_or_insert(active_at);
                    }
                }
                event = self.ends.outgoing.recv() => match event {
                    Some(TransportEvent::Incoming(message, ..)) => {
                        self.spoken = true;
                        self.note_call(&message, true);
                        active_at = Instant::now();
                        self.write(&message.to_bytes()).await?;
                    }
                    Some(_) => {}
                    None => return Ok(()),
                },
                _ = pings.tick(), if self.ours => self.write(PING).await?,
            }
        }
    }

    /// Whether there was a whole one.
    async fn take_frames(&mut self) -> io::Result<bool> {
        let mut any = false;
        while let Some(frame) = self.framer.next_frame().map_err(io::Error::other)? {
            any = true;
            self.spoken = true;
            match frame {
                Frame::Ping => self.write(PONG).await?,
                Frame::Message(message) => self.take(&message).await?,
            }
        }
        Ok(any)
    }

    async fn take(&mut self, message: &[u8]) -> io::Result<()> {
        let now = self.started.elapsed().as_millis() as u64;
        match self.guard.judge(self.ends.peer.ip(), message, now) {
            Verdict::Pass => {}
            // Whoever is not even answered over UDP loses its connection.
            Verdict::Drop => return Err(io::Error::other("the peer sends what is not taken")),
            Verdict::Shed => {
                let retry = format!("Retry-After: {}\r\n", guard::RETRY_AFTER_SECONDS);
                return self.write(&wire::answer(message, Status::SERVICE_UNAVAILABLE, &retry)).await;
            }
        }
        match wire::look(message) {
            wire::Look::Refuse(status) => return self.write(&wire::answer(message, status, "")).await,
            wire::Look::Ignore => return self.note_garbage(),
            wire::Look::Read(_) => {}
        }
        let transport = self.ends.remote.r#type.unwrap_or_default();
        let read = SipMessage::try_from(message).ok();
        let read = read.and_then(|read| SipConnection::update_msg_received(read, self.ends.peer, transport).ok());
        let Some(read) = read else {
            return self.note_garbage();
        };
        self.note_call(&read, false);
        let event = TransportEvent::Incoming(read, self.ends.connection.clone(), self.ends.remote.clone());
        self.ends.incoming.send(event).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    /// How long nothing need be said: a call lasts without a message, anything else does not.
    fn idle_within(&self) -> Duration {
        if self.ours || !self.calls.is_empty() { IDLE_WITH_CALL_WITHIN } else { IDLE_WITHIN }
    }

    /// A call stands once we have answered it, and until either side hangs up. Asking for one earns nothing.
    fn note_call(&mut self, message: &SipMessage, from_us: bool) {
        let Ok(call_id) = message.call_id_header() else { return };
        match message {
            SipMessage::Request(request) if request.method == Method::Bye => {
                self.calls.remove(call_id.value());
            }
            SipMessage::Response(response) if from_us => {
                let invited = response.cseq_header().and_then(rsipstack::sip::CSeq::method);
                let answered = response.status_code.kind() == StatusCodeKind::Successful;
                if answered && invited.is_ok_and(|method| method == Method::Invite) && self.calls.len() < CALLS_LIMIT {
                    self.calls.insert(call_id.value().to_owned());
                }
            }
            _ => {}
        }
    }

    fn note_garbage(&mut self) -> io::Result<()> {
        self.garbage += 1;
        if self.garbage > GARBAGE_LIMIT { Err(io::Error::other("the peer does not speak SIP")) } else { Ok(()) }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = timeout(WRITE_WITHIN, async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        });
        written.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalling::Limits;

    const ASKED: &str =
        "Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:100@x>\r\nCall-ID: c1\r\n";

    fn request(method: &str, head: &str) -> Vec<u8> {
        format!("{method} sip:100@127.0.0.1 SIP/2.0\r\n{head}CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    }

    fn answer(status: &str, method: &str) -> SipMessage {
        let text = format!("SIP/2.0 {status}\r\n{ASKED}CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n");
        SipMessage::try_from(text.as_bytes()).expect("an answer")
    }

    #[tokio::test]
    async fn only_a_call_that_was_answered_earns_long_rest() {
        let (stream, _other_end) = tokio::io::duplex(64 * 1_024);
        let (reader, writer) = tokio::io::split(stream);
        let peer = SocketAddr::from(([192, 0, 2, 1], 5060));
        let ends = ends(Transport::Tcp, peer, CancellationToken::new()).await.expect("a connection");
        let guard = Arc::new(Guard::new(Limits::default(), Vec::new()));
        let mut carrier = Carrier {
            reader,
            writer,
            ends,
            guard,
            started: Instant::now(),
            framer: Framer::default(),
            garbage: 0,
            spoken: true,
            calls: HashSet::new(),
            ours: false,
        };
        carrier.take(&request("INVITE", &ASKED.replace("To: <sip:100@x>\r\n", ""))).await.expect("refused with 400");
        assert_eq!(carrier.idle_within(), IDLE_WITHIN, "malformed");
        carrier.take(&request("INVITE", ASKED)).await.expect("taken");
        assert_eq!(carrier.idle_within(), IDLE_WITHIN, "it rings");
        for (status, method) in [("180 Ringing", "INVITE"), ("404 Not Found", "INVITE"), ("200 OK", "OPTIONS")] {
            carrier.note_call(&answer(status, method), true);
            assert_eq!(carrier.idle_within(), IDLE_WITHIN, "{status} to {method}");
        }
        carrier.note_call(&answer("200 OK", "INVITE"), false);
        assert_eq!(carrier.idle_within(), IDLE_WITHIN, "what the peer claims to have answered");
        carrier.note_call(&answer("200 OK", "INVITE"), true);
        assert_eq!(carrier.idle_within(), IDLE_WITH_CALL_WITHIN, "answered");
        carrier.take(&request("BYE", &ASKED.replace("Call-ID: c1", "Call-ID: c2"))).await.expect("taken");
        assert_eq!(carrier.idle_within(), IDLE_WITH_CALL_WITHIN, "another call is hung up");
        carrier.take(&request("BYE", ASKED)).await.expect("taken");
        assert_eq!(carrier.idle_within(), IDLE_WITHIN, "hung up");
    }
}
