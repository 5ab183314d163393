//! Addresses and ports: to be had, or in use by this very installation.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::Settings;

/// Below this share of free ports for sound, somebody else sits in the range.
const FREE_SHARE_LEAST: usize = 10;
/// What `/proc/net/tcp` calls a listening socket.
const LISTENING: &str = "0A";

/// Looks at every address of the settings.
pub fn look(settings: &Settings) -> Vec<Finding> {
    let beyond = !settings.http.ip().to_canonical().is_loopback();
    let is_protected = settings.tls.is_some() || settings.proxy_terminates_tls;
    let http = if beyond && !is_protected {
        let what =
            "plain HTTP is served on this machine only; give the node a certificate (`[tls]`), or use 127.0.0.1:PORT";
        Finding::fault("http", format!("{}: {what}", settings.http))
    } else {
        port("http", settings.http, &[Transport::Tcp], settings)
    };
    let mut findings = vec![
        http,
        port("admin", settings.admin, &[Transport::Tcp], settings),
        port("sip", settings.sip, &[Transport::Udp, Transport::Tcp], settings),
        sound(settings),
    ];
    findings.extend(settings.sip_tls.map(|address| port("sip_tls", address, &[Transport::Tcp], settings)));
    let redirect = settings.tls.as_ref().and_then(|tls| tls.redirect_from);
    findings.extend(redirect.map(|address| port("redirect", address, &[Transport::Tcp], settings)));
    findings.push(manifest(settings, redirect));
    findings
}

/// Every port that the node opens, in one line, for whoever sets up the firewall in front. The trust page compares the list
/// that the running node makes with what the kernel says.
fn manifest(settings: &Settings, redirect: Option<SocketAddr>) -> Finding {
    let mut ports = vec![format!("http {}/tcp", settings.http), format!("admin {}/tcp", settings.admin)];
    ports.extend(redirect.map(|address| format!("redirect {address}/tcp")));
    ports.push(format!("sip {0}/udp and {0}/tcp", settings.sip));
    ports.extend(settings.sip_tls.map(|address| format!("sip_tls {address}/tcp")));
    let (ip, range) = (settings.sip.ip(), settings.rtp_ports);
    ports.push(format!("sound {ip}:{}-{}/udp", range.first, range.last));
    Finding::good("ports", format!("the node listens on {}; on nothing else", ports.join(", ")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    fn try_bind(self, address: SocketAddr) -> std::io::Result<()> {
        match self {
            Self::Tcp => TcpListener::bind(address).map(drop),
            Self::Udp => UdpSocket::bind(address).map(drop),
        }
    }

    fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
            Self::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        }
    }
}

fn port(setting: &'static str, address: SocketAddr, transports: &[Transport], settings: &Settings) -> Finding {
    if address.port() == 0 {
        return Finding::good(setting, format!("{}, any free port", address.ip()));
    }
    for transport in transports {
        let Err(error) = transport.try_bind(address) else { continue };
        return match error.kind() {
            ErrorKind::AddrInUse => taken(setting, address, *transport, settings),
            ErrorKind::AddrNotAvailable => {
                let what = "use one that it has, or 127.0.0.1";
                Finding::fault(setting, format!("this machine has no address {}: {what}", address.ip()))
            }
            ErrorKind::PermissionDenied => {
                let what = "ports below 1024 need a privilege; use a higher one";
                Finding::fault(setting, format!("{address} is not allowed to this user: {what}"))
            }
            _ => Finding::fault(setting, format!("{address} cannot be used ({error}): choose another address")),
        };
    }
    Finding::good(setting, format!("{address} is free"))
}

fn taken(setting: &'static str, address: SocketAddr, transport: Transport, settings: &Settings) -> Finding {
    match Holder::of(address, transport, settings) {
        Some(holder) if holder.ours => {
            Finding::good(setting, format!("{address} is served by this installation (process {})", holder.process))
        }
        holder => {
            let who = holder.map_or_else(
                || "another program".to_owned(),
                |holder| format!("{} (process {})", holder.name, holder.process),
            );
            let what = format!("end it, or choose another port for `{setting}`");
            Finding::fault(setting, format!("{address} is taken by {who}: {what}"))
        }
    }
}

/// Counts the ports of the range that can be had.
fn sound(settings: &Settings) -> Finding {
    let (address, range) = (settings.sip.ip(), settings.rtp_ports);
    let all = usize::from(range.last - range.first) + 1;
    let free = (range.first..=range.last).filter(|port| is_free(address, *port)).count();
    let says = format!("{free} of {all} UDP ports are free ({} to {})", range.first, range.last);
    if free * FREE_SHARE_LEAST < all {
        return Finding::fault(
            "sound",
            format!("{says}: calls will have no sound; choose another range for `rtp_ports`"),
        );
    }
    Finding::good("sound", says)
}

fn is_free(address: IpAddr, port: u16) -> bool {
    Transport::Udp.try_bind(SocketAddr::new(address, port)).is_ok()
}

/// The process that holds a port, where the system tells.
#[derive(Debug)]
struct Holder {
    process: u32,
    name: String,
    /// It has files of the data folder open, so it is this installation's node.
    ours: bool,
}

impl Holder {
    fn of(address: SocketAddr, transport: Transport, settings: &Settings) -> Option<Self> {
        let inodes: Vec<String> = transport
            .tables()
            .iter()
            .filter_map(|table| std::fs::read_to_string(table).ok())
            .flat_map(|table| inodes_of_port(&table, address.port(), transport))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        let folder = std::fs::canonicalize(&settings.data_dir).ok();
        for entry in std::fs::read_dir("/proc").ok()?.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let open = open_files(&entry.path());
            if !open.iter().any(|file| inodes.iter().any(|inode| file.as_os_str() == inode.as_str())) {
                continue;
            }
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim().to_owned();
            let ours = folder.as_ref().is_some_and(|folder| open.iter().any(|file| file.starts_with(folder)));
            return Some(Self { process, name, ours });
        }
        None
    }
}

fn open_files(process: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(process.join("fd")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect()
}

/// The inodes of the sockets on this port in a table of `/proc/net` (proc(5): local address and port in hexadecimal in the
/// second column, the state in the fourth, the inode in the tenth).
fn inodes_of_port(table: &str, port: u16, transport: Transport) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        row.len() > 9 && row[1].ends_with(&ending) && (transport == Transport::Udp || row[3] == LISTENING)
    })
    .map(|row| row[9].to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_system_s_tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n   \
                     1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n   \
                     2: short\n";
        assert_eq!(inodes_of_port(table, 8080, Transport::Tcp), ["4711"]);
        assert_eq!(inodes_of_port(table, 8080, Transport::Udp), ["4711", "4712"]);
        assert!(
            inodes_of_port(table, 8081, Transport::Tcp).is_empty() && inodes_of_port("", 1, Transport::Udp).is_empty()
        );
    }
}
