//! Which names this server answers to.
//!
//! A page of another site can point its own name at 127.0.0.1 and then counts as our origin (DNS rebinding). Addresses
//! cannot be pointed anywhere, so they are always right; names must be known.

use std::net::{IpAddr, Ipv6Addr};

/// The names of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostNames {
    /// Addresses, `localhost`, names under it, and these (without port, in lower case).
    Only(Vec<String>),
    /// Whatever the proxy in front lets through.
    Any,
}

impl HostNames {
    /// Is this authority (`name`, `name:port`, `[::1]:port`) one of ours?
    pub fn accept(&self, authority: &str) -> bool {
        let Self::Only(names) = self else { return true };
        let host = without_port(authority).to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_address = host.parse::<IpAddr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok();
        is_address || host == "localhost" || host.ends_with(".localhost") || names.contains(&host)
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.is_empty() => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_are_ours() {
        let names = HostNames::Only(vec!["desk.example".to_owned()]);
        for ours in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "localhost:1",
            "practice.localhost",
            "Desk.Example:443",
        ] {
            assert!(names.accept(ours), "{ours}");
        }
        for other in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "desk.example.evil.example",
            "",
            "xlocalhost",
            ":80",
        ] {
            assert!(!names.accept(other), "{other}");
        }
        assert!(HostNames::Any.accept("whatever.example"));
    }
}
