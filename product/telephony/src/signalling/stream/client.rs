//! Connections that we open: to a trunk, or from a softphone to the one it calls. One for each peer, kept as long as it lives.
//!
//! Promises: over TLS nothing is said before the peer's certificate was checked against its name (RFC 5922); a connection
//! that a stranger opened to us is never used for calls of ours.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::super::{Destination, Error, Inner, Obstacle, Transport, listener};
use super::driver;

/// How long connecting and the handshake may take together.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);

/// The connections that are open, by peer: with whose name they were checked, and what is cancelled when they are over.
#[derive(Debug, Default)]
pub struct Opened(Mutex<HashMap<(SocketAddr, Transport), Open>>);

#[derive(Debug)]
struct Open {
    checked: Option<ServerName<'static>>,
    closed: CancellationToken,
}

/// Sees to it that there is a connection to a destination; gives what is cancelled when it is over. Nothing to do for UDP.
pub async fn ensure(inner: &Arc<Inner>, to: &Destination) -> Result<Option<CancellationToken>, Error> {
    let (peer, transport) = (to.address(), to.transport());
    let checked = match transport {
        Transport::Udp => return Ok(None),
        Transport::Tcp => None,
        Transport::Tls => Some(to.server_name().cloned().ok_or(Error::Target("its host cannot be in a certificate"))?),
    };
    let mut opened = inner.opened.0.lock().await;
    opened.retain(|_, open| !open.closed.is_cancelled());
    if let Some(open) = opened.get(&(peer, transport)).filter(|open| open.checked == checked) {
        return Ok(Some(open.closed.clone()));
    }
    let closed = inner.stop.child_token();
    let opening = open(inner, peer, transport, checked.clone(), closed.clone());
    timeout(CONNECT_WITHIN, opening).await.map_err(|_| Error::Unreachable(Obstacle::NoAnswer))??;
    opened.insert((peer, transport), Open { checked, closed: closed.clone() });
    Ok(Some(closed))
}

async fn open(
    inner: &Arc<Inner>,
    peer: SocketAddr,
    transport: Transport,
    name: Option<ServerName<'static>>,
    closed: CancellationToken,
) -> Result<(), Error> {
    let unreachable = |error: std::io::Error| Error::Unreachable(Obstacle::of(&error));
    let stream = TcpStream::connect(peer).await.map_err(unreachable)?;
    listener::tune(&stream);
    let ends = driver::ends(transport, peer, closed).await.map_err(|_| Error::Stack("take a connection"))?;
    let (connection, guard, started) = (ends.connection.clone(), inner.guard.clone(), inner.started);
    match name {
        None => drop(inner.tasks.spawn(driver::carry_ours(stream, ends, guard, started))),
        Some(name) => {
            let connector = TlsConnector::from(inner.tls_client.clone());
            let stream = connector.connect(name, stream).await.map_err(unreachable)?;
            drop(inner.tasks.spawn(driver::carry_ours(stream, ends, guard, started)));
        }
    }
    inner.endpoint.transport_layer.add_connection(connection);
    Ok(())
}
