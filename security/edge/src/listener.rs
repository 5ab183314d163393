//! The accept loop: every connection within deadlines and caps, every request with the address it came from.
//!
//! Written by hand over hyper because the ready-made loop has no deadline for the head of a request: three hundred
//! slow connections then hold three hundred places for ever. Beyond loopback it speaks TLS, unless the operator says that
//! a proxy on the way terminates it; what else speaks plain HTTP there holds nothing but redirects to TLS.

mod activity;
mod connection;
mod seats;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Tls;
use crate::{Error, HostNames, Network, TrustedProxies};
pub use connection::{MAXIMUM_HEADER_BYTES, MAXIMUM_HEADERS, MAXIMUM_HTTP2_STREAMS};
use seats::{Rate, Seats};

/// How long to wait when the operating system has no more handles.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// What protects the connections of a listener on their way.
#[derive(Debug, Clone)]
pub enum Protection {
    /// Nothing: plain HTTP, so loopback only.
    Loopback,
    /// TLS, spoken here.
    Tls(Tls),
    /// TLS, spoken by a proxy in front of this address; plain HTTP from there to here.
    Proxy,
    /// Nothing, and there is nothing to protect: redirects to TLS and answers to challenges of ACME.
    NothingToProtect,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct ListenerSettings {
    /// Where to listen; port 0 picks a free one.
    pub address: SocketAddr,
    /// Who speaks TLS with the world.
    pub protection: Protection,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The names that requests may be for; others get 421.
    pub host_names: HostNames,
    /// Connections in all.
    pub maximum_connections: usize,
    /// Connections of one IPv4 address or IPv6 /64; trusted proxies are not counted.
    pub maximum_connections_per_network: usize,
    /// New connections of one such network per second, over time; so connections that are ended for misuse and come back
    /// count against their address.
    pub new_connections_per_second: u32,
    /// New connections of one such network that may come at once.
    pub new_connections_at_once: u32,
    /// From the first byte, or the end of the last request, to the end of the next head.
    pub header_deadline: Duration,
    /// For a whole request body.
    pub body_deadline: Duration,
    /// For a client that reads nothing while we have something to say.
    pub write_deadline: Duration,
    /// For a connection on which nothing is asked and nothing answered.
    pub idle_deadline: Duration,
    /// A connection is asked to end after this time, so that none is for ever.
    pub maximum_age: Duration,
    /// From the wish to stop until connections are cut.
    pub drain_deadline: Duration,
}

impl ListenerSettings {
    /// The defaults for an address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            protection: Protection::Loopback,
            trusted_proxies: TrustedProxies::default(),
            host_names: if is_loopback(address) { HostNames::Only(Vec::new()) } else { HostNames::Any },
            maximum_connections: 4096,
            maximum_connections_per_network: 256,
            new_connections_per_second: 64,
            new_connections_at_once: 512,
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_mins(1),
            write_deadline: Duration::from_secs(30),
            idle_deadline: Duration::from_mins(2),
            maximum_age: Duration::from_hours(1),
            drain_deadline: Duration::from_secs(10),
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// A bound socket, not yet serving.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    settings: Arc<ListenerSettings>,
}

impl Listener {
    /// Binds, refusing plain HTTP beyond loopback.
    pub async fn bind(settings: ListenerSettings) -> Result<Self, Error> {
        let address = settings.address;
        if !is_loopback(address) && matches!(settings.protection, Protection::Loopback) {
            return Err(Error::PlainHttpBeyondLoopback(address));
        }
        let failed = |source| Error::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, settings: Arc::new(settings) })
    }

    /// The address with the real port.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`; then takes nothing new, lets running requests end within the drain deadline, and cuts
    /// the rest.
    pub async fn serve(self, router: axum::Router, shutdown: CancellationToken) {
        let seats = Seats::new(
            self.settings.maximum_connections,
            self.settings.maximum_connections_per_network,
            Rate::new(self.settings.new_connections_per_second, self.settings.new_connections_at_once),
        );
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
                    continue;
                }
            };
            let counted = (!self.settings.trusted_proxies.trusts(peer.ip())).then(|| Network::of(peer.ip()));
            let Some(seat) = seats.take(counted, Instant::now()) else {
                tracing::debug!("a connection beyond the cap was refused");
                continue; // dropping the stream closes it
            };
            let serving =
                connection::serve(stream, peer.ip(), router.clone(), Arc::clone(&self.settings), shutdown.clone());
            let cut = cut.clone();
            connections.spawn(async move {
                let _seat = seat;
                tokio::select! { () = serving => {}, () = cut.cancelled() => {} }
            });
        }
        drop(self.socket);
        connections.close();
        if tokio::time::timeout(self.settings.drain_deadline, connections.wait()).await.is_err() {
            tracing::info!(open = connections.len(), "connections that did not end in time are cut");
            cut.cancel();
            connections.wait().await;
        }
    }
}

#[cfg(test)]
mod tests;
