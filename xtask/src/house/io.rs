//! Nouns are pure: files, sockets, processes and databases are touched only in files named for it.

use super::code::{Seen, look, product_files};
use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "io", promise: "only store, api, pages, driver, client, worker and listener touch the world", check };

/// Files (or folders) of these names may touch the world.
const DOORS: &[&str] = &["store", "api", "pages", "driver", "client", "worker", "listener"];
/// These folders are the world's own side: the storage engine, the tool that runs the checks, and the binary that wires all parts to a machine
/// (settings, sockets, terminal). What the product *does* stands in none of them.
const WORLDLY: &[&str] = &["storage/", "server/", "xtask/"];

/// A path prefix, and where it may be named besides the doors.
struct Reach {
    prefix: &'static str,
    only: Only,
}

enum Only {
    /// In any file with the name of a door.
    Doors,
    /// In files or folders of this name.
    Named(&'static str),
    /// Below this folder alone.
    Below(&'static str),
}

const REACHES: &[Reach] = &[
    Reach { prefix: "std::fs", only: Only::Doors },
    Reach { prefix: "tokio::fs", only: Only::Doors },
    Reach { prefix: "std::process::Command", only: Only::Doors },
    Reach { prefix: "tokio::process", only: Only::Doors },
    Reach { prefix: "std::net::TcpStream", only: Only::Doors },
    Reach { prefix: "std::net::TcpListener", only: Only::Doors },
    Reach { prefix: "std::net::UdpSocket", only: Only::Doors },
    Reach { prefix: "tokio::net", only: Only::Doors },
    Reach { prefix: "reqwest", only: Only::Named("client") },
    Reach { prefix: "rusqlite", only: Only::Below("storage/") },
    Reach { prefix: "tokio_postgres", only: Only::Below("storage/") },
    Reach { prefix: "deadpool_postgres", only: Only::Below("storage/") },
    Reach { prefix: "rsipstack", only: Only::Below("product/telephony/src/signalling") },
];

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for file in product_files(tree) {
        look(file, &mut |seen, line| {
            let Seen::Path(path) = seen else { return };
            let Some(reach) = REACHES.iter().find(|reach| starts_with_path(&path, reach.prefix)) else { return };
            let fault = Fault::at(&file.path, line, format!("`{path}` touches the world; {}", where_else(&reach.only)));
            if !may(&file.path, &reach.only) && !faults.contains(&fault) {
                faults.push(fault);
            }
        });
    }
    faults
}

fn starts_with_path(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may(file: &str, only: &Only) -> bool {
    match only {
        Only::Doors => {
            WORLDLY.iter().any(|folder| file.starts_with(folder)) || DOORS.iter().any(|door| is_named(file, door))
        }
        Only::Named(name) => is_named(file, name),
        Only::Below(folder) => file.starts_with(folder),
    }
}

/// True when the file, or a folder above it, has this name.
fn is_named(file: &str, name: &str) -> bool {
    file.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == name)
}

fn where_else(only: &Only) -> String {
    match only {
        Only::Doors => format!("files named {} may", DOORS.join(", ")),
        Only::Named(name) => format!("files named {name} may"),
        Only::Below(folder) => format!("only what lies below {folder} may"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::house::tree::Tree;

    fn faults(path: &str, code: &str) -> usize {
        check(&Tree::planted(&[(path, code)])).len()
    }

    #[test]
    fn a_noun_may_not_touch_the_world() {
        for code in [
            "use std::fs;",
            "use tokio::net::{TcpListener};",
            "fn f() { std::fs::read(x); }",
            "fn f() { info!(\"{}\", std::fs::read(x)); }",
            "use reqwest::Client;",
        ] {
            assert_eq!(faults("product/agents/src/agent.rs", code), 1, "{code}");
        }
    }

    #[test]
    fn doors_may() {
        assert_eq!(faults("product/telephony/src/driver/udp.rs", "use tokio::net::UdpSocket;"), 0);
        assert_eq!(faults("product/agents/src/knowledge/client.rs", "use reqwest::Client;"), 0);
        assert_eq!(faults("storage/src/objects.rs", "use std::fs;"), 0);
    }

    #[test]
    fn databases_and_the_sip_stack_have_one_home() {
        assert_eq!(faults("product/agents/src/store.rs", "use rusqlite::Connection;"), 1);
        assert_eq!(faults("product/telephony/src/driver.rs", "use rsipstack::EndpointBuilder;"), 1);
        assert_eq!(faults("product/telephony/src/signalling/stack.rs", "use rsipstack::EndpointBuilder;"), 0);
    }

    #[test]
    fn addresses_are_not_sockets() {
        assert_eq!(faults("security/edge/src/client_ip.rs", "use std::net::{IpAddr, SocketAddr};"), 0);
    }
}
