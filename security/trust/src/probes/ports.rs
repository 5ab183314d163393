//! S38: the sockets that this process listens on are those it declared, no more and no fewer.

pub(crate) mod driver;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How a port is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A listening TCP socket.
    Tcp,
    /// An unconnected UDP socket.
    Udp,
}

/// Ports that this server says it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredPort {
    /// What for: "dashboard and API", "SIP", "media".
    pub purpose: String,
    /// How.
    pub transport: Transport,
    /// The first port.
    pub first: u16,
    /// The last port; the same for a single one.
    pub last: u16,
    /// True when it must be bound to loopback only.
    pub only_loopback: bool,
    /// True when it must be open at all times; media ports open and close with calls.
    pub always_open: bool,
}

/// A socket that is open to strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenSocket {
    /// How it is spoken to.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// The probe.
pub struct Ports;

impl Probe for Ports {
    fn name(&self) -> &'static str {
        "ports"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let Some(declared) = &context.ports else {
                return Finding::not_measured("This process declared no ports, so there is nothing to compare.");
            };
            match driver::lasting_sockets().await {
                Ok(open) => compare(declared, &open),
                Err(why) => Finding::not_measured(why),
            }
        })
    }
}

fn compare(declared: &[DeclaredPort], open: &BTreeSet<OpenSocket>) -> Finding {
    let covers = |port: &DeclaredPort, socket: &OpenSocket| {
        port.transport == socket.transport && (port.first..=port.last).contains(&socket.address.port())
    };
    let mut faults = Vec::new();
    for socket in open {
        match declared.iter().find(|port| covers(port, socket)) {
            None => {
                faults.push(format!("{:?} port {} is open and not declared", socket.transport, socket.address.port()));
            }
            Some(port) if port.only_loopback && !socket.address.ip().is_loopback() => {
                faults.push(format!(
                    "{:?} port {} ({}) should be open to this machine only",
                    socket.transport,
                    socket.address.port(),
                    port.purpose
                ));
            }
            Some(_) => {}
        }
    }
    for port in declared.iter().filter(|port| port.always_open && !open.iter().any(|socket| covers(port, socket))) {
        faults.push(format!("{:?} port {} ({}) is declared and not open", port.transport, port.first, port.purpose));
    }
    let holds = format!("{} sockets are open, and each was declared.", open.len());
    Finding::from_faults(&faults, holds).with("Sockets open", open.len()).with("Ports declared", declared.len())
}

/// The sockets of a table of the kernel (`/proc/net/tcp`, `udp6`, …) that wait for strangers, with their inode.
/// Format: `sl local_address rem_address st … uid timeout inode`, addresses in hexadecimal of host-order words.
fn waiting(table: &str, transport: Transport) -> Vec<(u64, OpenSocket)> {
    // TCP_LISTEN is 0A; an unconnected UDP socket is 07 (TCP_CLOSE).
    let wanted = match transport {
        Transport::Tcp => "0A",
        Transport::Udp => "07",
    };
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [local, state, inode] = [fields.get(1)?, fields.get(3)?, fields.get(9)?];
        let address = (*state == wanted).then(|| address_of(local))??;
        Some((inode.parse().ok()?, OpenSocket { transport, address }))
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// `0100007F:1F90` is 127.0.0.1:8080 on a little-endian machine; an IPv6 address is four such words.
fn address_of(words: &str) -> Option<SocketAddr> {
    let (address, port) = words.split_once(':')?;
    let bytes: Vec<u8> = (0..address.len() / 8)
        .map(|word| u32::from_str_radix(address.get(word * 8..word * 8 + 8)?, 16).ok().map(u32::to_ne_bytes))
        .collect::<Option<Vec<_>>>()?
        .concat();
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests;
