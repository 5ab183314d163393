//! Reads from the kernel which sockets this process holds open (`/proc/self`). Looks twice, because a lookup of a name opens a socket for a
//! moment, and counts only what lasts.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::{OpenSocket, Transport, waiting};

/// Between the two looks.
const PAUSE: Duration = Duration::from_millis(300);
const TABLES: &[(&str, Transport)] = &[
    ("/proc/self/net/tcp", Transport::Tcp),
    ("/proc/self/net/tcp6", Transport::Tcp),
    ("/proc/self/net/udp", Transport::Udp),
    ("/proc/self/net/udp6", Transport::Udp),
];

/// The sockets of this process that wait for strangers, now and a moment later. Fails where the kernel does not tell (not Linux).
pub async fn lasting_sockets() -> Result<BTreeSet<OpenSocket>, String> {
    let first = sockets()?;
    tokio::time::sleep(PAUSE).await;
    Ok(sockets()?.intersection(&first).copied().collect())
}

fn sockets() -> Result<BTreeSet<OpenSocket>, String> {
    let ours = inodes().map_err(|error| format!("The kernel does not tell which sockets are ours: {error}."))?;
    let mut open = BTreeSet::new();
    for (path, transport) in TABLES {
        // A machine without IPv6 has no table for it.
        let Ok(table) = std::fs::read_to_string(path) else { continue };
        open.extend(
            waiting(&table, *transport).into_iter().filter(|(inode, _)| ours.contains(inode)).map(|(_, socket)| socket),
        );
    }
    Ok(open)
}

/// The inodes of the sockets among this process's open files.
fn inodes() -> std::io::Result<HashSet<u64>> {
    let inode_of = |entry: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(entry.ok()?.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Ok(std::fs::read_dir("/proc/self/fd")?.filter_map(inode_of).collect())
}
