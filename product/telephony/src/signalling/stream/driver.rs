//! One connection, TCP or TLS: what comes is judged, cut into messages and given to the stack; what the stack sends goes
//! out.
//!
//! Promises: the stack never sees bytes that the guard has not passed; a peer that sends nothing, half a message, or does
//! not read is let go ([`FIRST_MESSAGE_WITHIN`], [`IDLE_WITHIN`], [`REST_WITHIN`], [`WRITE_WITHIN`]); the address that
//! counts is the peer's own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::SipMessage;
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
/// How long one that carried a call may be: as long as the longest call.
pub const IDLE_WITH_CALL_WITHIN: Duration = Duration::from_hours(4);
/// How often a connection that we opened is kept from being forgotten on its way (RFC 5626, section 4.4.1).
pub const PING_EVERY: Duration = Duration::from_mins(1);
/// How long a peer may take to read what it is sent.
pub const WRITE_WITHIN: Duration = Duration::from_secs(10);
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
    let mut carrier =
        Carrier { reader, writer, ends, guard, started, framer: Framer::default(), garbage: 0, waits: 0, ours };
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
    /// 0: nothing was said yet; 1: something; 2: a call was begun.
    waits: usize,
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
            let deadline = match (message_since, self.waits) {
                (_, 0) => opened_at + FIRST_MESSAGE_WITHIN,
                (Some(since), _) => since + REST_WITHIN,
                (None, 1) if !self.ours => active_at + IDLE_WITHIN,
                (None, _) => active_at + IDLE_WITH_CALL_WITHIN,
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
                        if matches!(&message, SipMessage::Request(request) if request.method == rsipstack::sip::Method::Invite) {
                            self.waits = 2;
                        }
                        self.waits = self.waits.max(1);
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
            self.waits = self.waits.max(1);
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
        if wire::new_call(message).is_some() {
            self.waits = 2;
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
        let event = TransportEvent::Incoming(read, self.ends.connection.clone(), self.ends.remote.clone());
        self.ends.incoming.send(event).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
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
