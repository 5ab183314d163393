//! Where a request comes from: the socket's address, or what a proxy that the operator named says.
//!
//! `X-Forwarded-For` from anybody else is ignored: it is what the sender likes it to be.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;

/// Entries of `X-Forwarded-For` that are looked at, from the right.
const MAXIMUM_FORWARDED_ENTRIES: usize = 10;

/// The address of the client of this request; `None` only where no socket stands behind it (tests without a listener).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl ClientAddress {
    /// The address that the listener put beside the request.
    pub fn of(extensions: &http::Extensions) -> Self {
        extensions.get::<Self>().copied().unwrap_or(Self(None))
    }
}

/// What counts as one client: an IPv4 address, or the /64 that an IPv6 site usually gets (a single site can invent
/// 2^64 addresses, so single ones mean nothing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// One IPv4 address.
    V4(u32),
    /// The upper 64 bits.
    V6(u64),
}

impl Network {
    /// The network of an address; IPv4 inside IPv6 (`::ffff:a.b.c.d`) is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.into()),
            IpAddr::V6(address) => Self::V6(upper_half(address)),
        }
    }

    /// The upper 48 bits of an IPv6 network: what a site usually gets, with 65,536 networks to invent. None for IPv4.
    pub const fn site(self) -> Option<u64> {
        match self {
            Self::V4(_) => None,
            Self::V6(upper) => Some(upper >> 16),
        }
    }
}

fn upper_half(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64
}

/// The proxies whose `X-Forwarded-For` is believed. Empty by default: then only the socket counts.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Believe these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// The client: the rightmost address that is not a proxy of ours. Anything unreadable in the header ends the
    /// search at the last address that was believed.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        // As bytes: one that is no text says nothing about what stands right of it.
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for entry in entries.take(MAXIMUM_FORWARDED_ENTRIES) {
            let entry = std::str::from_utf8(entry.trim_ascii()).unwrap_or_default();
            let Ok(address) = entry.parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Is this address one of them?
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().expect("a header value"));
        }
        headers
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nobody_is_believed_by_default() {
        let proxies = TrustedProxies::default();
        assert_eq!(proxies.client_address(address("192.0.2.7"), &headers(&["198.51.100.1"])), address("192.0.2.7"));
    }

    #[test]
    fn a_named_proxy_is_believed_and_only_its_own_entry() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let spoofed = headers(&["203.0.113.9, 198.51.100.1", "10.0.0.3"]);
        assert_eq!(proxies.client_address(address("10.0.0.2"), &spoofed), address("198.51.100.1"));
        assert_eq!(proxies.client_address(address("192.0.2.7"), &spoofed), address("192.0.2.7"));
        assert_eq!(proxies.client_address(address("10.0.0.2"), &headers(&["nonsense"])), address("10.0.0.2"));
        assert_eq!(
            proxies.client_address(address("10.0.0.2"), &headers(&["1.2.3.4, , 10.0.0.9"])),
            address("10.0.0.9")
        );
        assert_eq!(proxies.client_address(address("::ffff:10.0.0.2"), &headers(&["1.2.3.4"])), address("1.2.3.4"));
    }

    #[test]
    fn what_is_no_text_hides_nothing_that_a_proxy_wrote() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let sent = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = http::HeaderValue::from_bytes(value).expect("a header value");
                headers.append("x-forwarded-for", value);
            }
            proxies.client_address(address("10.0.0.2"), &headers)
        };
        assert_eq!(sent(&[b"\xff, 198.51.100.1"]), address("198.51.100.1"));
        assert_eq!(sent(&[b"203.0.113.9, \xff198.51.100.1, 10.0.0.3"]), address("10.0.0.3"));
        assert_eq!(sent(&[b"203.0.113.9", b"\xff", b"10.0.0.3"]), address("10.0.0.3"));
    }

    #[test]
    fn a_client_is_a_v4_address_or_a_64() {
        assert_eq!(Network::of(address("2001:db8:1:2::1")), Network::of(address("2001:db8:1:2:ffff::9")));
        assert_ne!(Network::of(address("2001:db8:1:2::1")), Network::of(address("2001:db8:1:3::1")));
        let site = |text: &str| Network::of(address(text)).site();
        assert_eq!(site("2001:db8:1:2::1"), site("2001:db8:1:ffff::9"));
        assert_ne!(site("2001:db8:1::1"), site("2001:db8:2::1"));
        assert_eq!(site("192.0.2.1"), None);
        assert_ne!(Network::of(address("192.0.2.1")), Network::of(address("192.0.2.2")));
        assert_eq!(Network::of(address("::ffff:192.0.2.1")), Network::of(address("192.0.2.1")));
    }
}
