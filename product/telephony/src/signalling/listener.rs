//! The sockets of signalling: a guarded UDP socket, and TCP connections that are counted before they are read.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::platform::net::UdpSocket as StackSocket;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use rsipstack::transport::{SipAddr, SipConnection};
use sip::Status;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::guard::{self, Guard, Verdict};
use super::{Error, Inner, SipConfig, wire};

/// The kernel's receive buffer that is asked for: at 208 KB, its usual size, a burst of calls is lost.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1_024 * 1_024;
/// How often a free port is tried that UDP and TCP can share.
const PORT_ATTEMPTS: usize = 32;

/// What was bound.
pub(super) struct Sockets {
    pub udp: SipConnection,
    pub tcp: Option<TcpListener>,
    pub address: SocketAddr,
}

/// Binds UDP, and TCP on the same port.
pub(super) async fn bind(config: &SipConfig, guard: &Arc<Guard>, stop: &CancellationToken) -> Result<Sockets, Error> {
    let (udp, tcp) = bind_pair(config)?;
    let address = udp.local_addr().map_err(|source| Error::Listen { address: config.udp, source })?;
    let stack_address = SocketAddr::new(config.advertised.unwrap_or(address.ip()), address.port());
    let inner = UdpInner {
        conn: Arc::new(GuardedSocket { socket: udp, guard: guard.clone(), started: Instant::now() }),
        addr: SipAddr {
            r#type: Some(rsipstack::sip::Transport::Udp),
            addr: SipConnection::resolve_bind_address(stack_address).into(),
        },
    };
    let udp = SipConnection::Udp(UdpConnection::attach(inner, None, Some(stop.child_token())).await);
    Ok(Sockets { udp, tcp, address })
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

/// How many connections there are, in all and of each source.
#[derive(Debug, Default)]
struct Connections(Mutex<HashMap<IpAddr, usize>>);

impl Connections {
    fn enter(&self, source: IpAddr, all: usize, each: usize) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.get(&source).copied().unwrap_or(0);
        if total >= all || own >= each {
            return false;
        }
        open.insert(source, own + 1);
        true
    }

    fn leave(&self, source: IpAddr) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&source) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(open.remove(&source)),
        }
    }
}

/// Takes connections until stopped.
pub(super) async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    let connections = Arc::new(Connections::default());
    loop {
        let accepted = tokio::select! {
            () = inner.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => take_stream(&inner, &connections, stream, peer),
            // Out of file descriptors, mostly: a pause keeps this from spinning.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

fn take_stream(inner: &Arc<Inner>, connections: &Arc<Connections>, stream: TcpStream, peer: SocketAddr) {
    let limits = inner.guard.limits();
    let source = guard::network(peer.ip());
    if !connections.enter(source, limits.connections, limits.source_connections) {
        tracing::debug!("a connection was refused: too many are open");
        return;
    }
    let local = SipAddr { r#type: Some(rsipstack::sip::Transport::Tcp), addr: inner.address.into() };
    let closed = inner.stop.child_token();
    match TcpConnection::from_stream(stream, local, Some(closed.clone())) {
        Ok(connection) => {
            inner.endpoint.transport_layer.add_connection(SipConnection::Tcp(connection));
            let connections = connections.clone();
            inner.tasks.spawn(async move {
                closed.cancelled().await;
                connections.leave(source);
            });
        }
        Err(_) => connections.leave(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_for_each_source_and_in_all() {
        let connections = Connections::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert!(connections.enter(one, 3, 2) && connections.enter(one, 3, 2));
        assert!(!connections.enter(one, 3, 2));
        assert!(connections.enter(other, 3, 2) && !connections.enter(other, 3, 2));
        connections.leave(one);
        assert!(connections.enter(other, 3, 2));
        connections.leave(one);
        assert_eq!(connections.0.lock().expect("no panic").len(), 1);
    }
}
