//! The sockets of signalling: a guarded UDP socket, and TCP and TLS connections that are counted before they are read.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::platform::net::UdpSocket as StackSocket;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use rsipstack::transport::{SipAddr, SipConnection};
use sip::Status;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::guard::{self, Guard, Verdict};
use super::stream::driver;
use super::{Error, Inner, SipConfig, Transport, wire};

/// The kernel's receive buffer that is asked for: at 208 KB, its usual size, a burst of calls is lost.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1_024 * 1_024;
/// How often a free port is tried that UDP and TCP can share.
const PORT_ATTEMPTS: usize = 32;
/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may be silent before the kernel asks whether the peer is still there.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// What was bound.
pub(super) struct Sockets {
    pub udp: SipConnection,
    pub tcp: Option<TcpListener>,
    pub address: SocketAddr,
    /// TLS, and the silent partner that lends its address to our messages.
    pub tls: Option<(TcpListener, SipConnection, SocketAddr)>,
}

/// Binds UDP, TCP on the same port, and TLS.
pub(super) async fn bind(
    config: &SipConfig,
    guard: &Arc<Guard>,
    started: Instant,
    stop: &CancellationToken,
) -> Result<Sockets, Error> {
    let (udp, tcp) = bind_pair(config)?;
    let address = udp.local_addr().map_err(|source| Error::Listen { address: config.udp, source })?;
    let guarded = Arc::new(GuardedSocket { socket: udp, guard: guard.clone(), started });
    let udp = in_stack(config, guarded, Transport::Udp, address, stop).await;
    let tls = match &config.tls {
        None => None,
        Some(listen) => {
            let failed = |source| Error::Listen { address: listen.address, source };
            let listener = bind_tcp(listen.address).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let silent = in_stack(config, Arc::new(Silent(address)), Transport::Tls, address, stop).await;
            Some((listener, silent, address))
        }
    };
    Ok(Sockets { udp, tcp, address, tls })
}

async fn in_stack(
    config: &SipConfig,
    conn: Arc<dyn StackSocket>,
    transport: Transport,
    address: SocketAddr,
    stop: &CancellationToken,
) -> SipConnection {
    let seen = SocketAddr::new(config.advertised.unwrap_or(address.ip()), address.port());
    let addr = SipConnection::resolve_bind_address(seen).into();
    let addr = SipAddr { r#type: Some(driver::in_stack(transport)), addr };
    SipConnection::Udp(UdpConnection::attach(UdpInner { conn, addr }, None, Some(stop.child_token())).await)
}

fn bind_pair(config: &SipConfig) -> Result<(UdpSocket, Option<TcpListener>), Error> {
    let failed = |source| Error::Listen { address: config.udp, source };
    let attempts = if config.udp.port() == 0 { PORT_ATTEMPTS } else { 1 };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..attempts {
        let udp = bind_udp(config.udp).map_err(failed)?;
        if !config.tcp {
            return Ok((udp, None));
        }
        match bind_tcp(udp.local_addr().map_err(failed)?) {
            Ok(tcp) => return Ok((udp, Some(tcp))),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The kernel may give less than asked for; that is no reason not to serve.
    if socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).is_err() {
        tracing::warn!("the receive buffer of the SIP socket could not be made larger");
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

/// The address from which this machine would speak to a peer.
pub(super) fn local_address_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any = if peer.is_ipv4() { SocketAddr::from(([0, 0, 0, 0], 0)) } else { SocketAddr::from(([0u16; 8], 0)) };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    // Connecting a datagram socket sends nothing: it only asks the routing table.
    socket.connect(peer).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The first address of a host name.
pub(super) async fn resolve(host: &str, port: u16) -> Result<SocketAddr, Error> {
    let mut found = tokio::net::lookup_host((host, port)).await.map_err(|_| Error::Unresolved)?;
    found.next().ok_or(Error::Unresolved)
}

/// A UDP socket whose every datagram passes the guard first.
struct GuardedSocket {
    socket: UdpSocket,
    guard: Arc<Guard>,
    started: Instant,
}

impl GuardedSocket {
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let (length, source) = self.socket.recv_from(buffer).await?;
            let now = self.started.elapsed().as_millis() as u64;
            let message = &mut buffer[..length];
            wire::unfold(message);
            match self.guard.judge(source.ip(), message, now) {
                Verdict::Pass => {}
                Verdict::Drop => continue,
                Verdict::Shed => {
                    let retry = format!("Retry-After: {}\r\n", guard::RETRY_AFTER_SECONDS);
                    self.answer(message, Status::SERVICE_UNAVAILABLE, &retry, source);
                    continue;
                }
            }
            match wire::look(message) {
                wire::Look::Read(length) => return Ok((length, source)),
                wire::Look::Refuse(status) => self.answer(message, status, "", source),
                wire::Look::Ignore => {}
            }
        }
    }

    /// A lost answer is no loss: the other side repeats its message.
    fn answer(&self, message: &[u8], status: Status, more: &str, source: SocketAddr) {
        let _ = self.socket.try_send_to(&wire::answer(message, status, more), source);
    }
}

type StackFuture<'a, T> = Pin<Box<dyn Future<Output = rsipstack::Result<T>> + Send + 'a>>;

impl StackSocket for GuardedSocket {
    fn recv_from<'a, 'b, 'c>(&'a self, buffer: &'b mut [u8]) -> StackFuture<'c, (usize, SocketAddr)>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move { Ok(self.receive(buffer).await?) })
    }

    fn send_to<'a, 'b, 'c>(&'a self, bytes: &'b [u8], to: SocketAddr) -> StackFuture<'c, usize>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move { Ok(self.socket.send_to(bytes, to).await?) })
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}

/// Tells the stack the address of our TLS listener, so that it names it in messages. Connections are taken and opened by
/// us: nothing ever comes or goes this way.
struct Silent(SocketAddr);

impl StackSocket for Silent {
    fn recv_from<'a, 'b, 'c>(&'a self, _: &'b mut [u8]) -> StackFuture<'c, (usize, SocketAddr)>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(std::future::pending())
    }

    fn send_to<'a, 'b, 'c>(&'a self, _: &'b [u8], _: SocketAddr) -> StackFuture<'c, usize>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Err(io::Error::from(io::ErrorKind::NotConnected).into()) })
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.0)
    }
}

/// How many of something there are, in all and of each source.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<HashMap<IpAddr, usize>>);

impl Counted {
    /// Takes a place unless all, or all of this source, are taken.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr, all: usize, each: usize) -> Option<Counting> {
        let source = guard::network(source);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.get(&source).copied().unwrap_or(0);
        if total >= all || own >= each {
            return None;
        }
        open.insert(source, own + 1);
        drop(open);
        Some(Counting { all: self.clone(), source })
    }

    fn leave(&self, source: IpAddr) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&source) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(open.remove(&source)),
        }
    }
}

/// One of those counted, until dropped.
#[derive(Debug)]
pub(super) struct Counting {
    all: Arc<Counted>,
    source: IpAddr,
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.all.leave(self.source);
    }
}

/// Takes connections until stopped; with an acceptor, over TLS.
pub(super) async fn accept(
    inner: Arc<Inner>,
    listener: TcpListener,
    connections: Arc<Counted>,
    tls: Option<TlsAcceptor>,
) {
    loop {
        let accepted = tokio::select! {
            () = inner.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => take_stream(&inner, &connections, stream, peer, tls.clone()),
            // Out of file descriptors, mostly: a pause keeps this from spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// No delay for small messages, and the kernel watches for peers that are gone.
pub(super) fn tune(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    if stream.set_nodelay(true).is_err() || SockRef::from(stream).set_tcp_keepalive(&keepalive).is_err() {
        tracing::debug!("a connection could not be tuned");
    }
}

fn take_stream(
    inner: &Arc<Inner>,
    connections: &Arc<Counted>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let limits = inner.guard.limits();
    // The trunk gets through whoever else holds connections open.
    let (all, each) = if inner.guard.trusts(peer.ip()) {
        (usize::MAX, limits.connections)
    } else {
        (limits.connections, limits.source_connections)
    };
    let Some(counting) = connections.enter(peer.ip(), all, each) else {
        tracing::debug!("a connection was refused: too many are open");
        return;
    };
    tune(&stream);
    let inner = inner.clone();
    inner.tasks.clone().spawn(async move {
        let _counting = counting;
        let ended = match tls {
            None => serve(&inner, stream, peer, Transport::Tcp).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
                    serve(&inner, stream, peer, Transport::Tls).await
                } else {
                    inner.guard.note_handshake_failed();
                    Ok(())
                }
            }
        };
        if ended.is_err() {
            tracing::debug!("a connection could not be given to the stack");
        }
    });
}

async fn serve<S>(inner: &Inner, stream: S, peer: SocketAddr, transport: Transport) -> rsipstack::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send,
{
    let ends = driver::ends(transport, peer, inner.stop.child_token()).await?;
    // Served, but not kept for calls of ours: those go over connections that we opened and checked.
    inner.endpoint.transport_layer.inner.serve_connection(ends.connection.clone());
    driver::carry(stream, ends, inner.guard.clone(), inner.started).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_for_each_source_and_in_all() {
        let connections = Arc::new(Counted::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let enter = |source| connections.enter(source, 3, 2);
        let first = enter(one).expect("room");
        let second = enter(one).expect("room");
        assert!(enter(one).is_none());
        let third = enter(other).expect("room");
        assert!(enter(other).is_none());
        drop(first);
        let fourth = enter(other).expect("room again");
        assert!(connections.enter(one, usize::MAX, 3).is_some(), "more, for whom more is allowed");
        drop(second);
        assert_eq!(connections.0.lock().expect("no panic").len(), 1);
        drop((third, fourth));
        assert!(connections.0.lock().expect("no panic").is_empty());
    }
}
