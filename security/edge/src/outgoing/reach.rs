//! Which addresses this server asks on somebody's behalf: public ones only, so that an owner's link or provider cannot make
//! it fetch from its own network (server-side request forgery). Pure checks; the clients ask them before every connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use url::{Host, Url};

/// The longest address that is followed, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;

/// How far a request on somebody's behalf may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses on the usual ports: the only setting for production.
    PublicOnly,
    /// Also this machine's loopback addresses on any port, for the demo and for tests.
    LoopbackToo,
    /// Also the private networks behind this server and this machine, on any port, where the operator has said so. Never
    /// link-local addresses, where clouds keep their metadata.
    PrivateToo,
}

/// Why an address is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not an absolute address that can be read.
    #[error("This is not a web address.")]
    NotAnAddress,
    /// Neither http nor https.
    #[error("Only http and https addresses are read.")]
    Scheme,
    /// A user name or password stands in it.
    #[error("An address with a user name or password in it is not read.")]
    Credentials,
    /// A port other than 80 and 443.
    #[error("Only the usual ports of the web, 80 and 443, are read.")]
    Port,
    /// The host is or resolves to an address that is not public.
    #[error("The address does not lead to the public internet.")]
    NotPublic,
    /// Longer than [`URL_BYTES_MAX`].
    #[error("The address is longer than {URL_BYTES_MAX} bytes.")]
    TooLong,
}

impl Reach {
    /// Whether a connection to this address is allowed.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address)
            || match self {
                Self::PublicOnly => false,
                Self::LoopbackToo => address.is_loopback(),
                Self::PrivateToo => address.is_loopback() || is_private(address),
            }
    }

    /// Reads and checks an address before anything is resolved; the fragment is dropped.
    pub fn check(self, text: &str) -> Result<Url, AddressError> {
        if text.len() > URL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        let mut url = Url::parse(text.trim()).map_err(|_| AddressError::NotAnAddress)?;
        url.set_fragment(None);
        self.check_url(&url)?;
        Ok(url)
    }

    /// Checks an address that was already read: scheme, credentials, port and, when the host is a number, its network.
    pub fn check_url(self, url: &Url) -> Result<(), AddressError> {
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let numeric = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if !name.trim_matches('.').is_empty() => None,
            _ => return Err(AddressError::NotAnAddress),
        };
        if numeric.is_some_and(|address| !self.allows(address)) {
            return Err(AddressError::NotPublic);
        }
        if self == Self::PublicOnly && !matches!(url.port_or_known_default(), Some(80 | 443)) {
            return Err(AddressError::Port);
        }
        Ok(())
    }
}

/// Whether an address is globally reachable by the IANA registries of special-purpose addresses (RFC 6890 and its
/// successors); when in doubt it is not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The networks that anybody may use behind their own door (RFC 1918, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        // This network, private, loopback, multicast, reserved and broadcast.
        0 | 10 | 127 | 224..=255 => true,
        // Carrier-grade translation (100.64.0.0/10).
        100 => (64..128).contains(&b),
        // Link-local, where clouds keep their metadata.
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, AS112, AMT, 6to4 relays, private.
        192 => matches!((b, c), (0, 0 | 2) | (31, 196) | (52, 193) | (88, 99) | (175, 48)) || b == 168,
        // Benchmarks (198.18.0.0/15) and documentation.
        198 => matches!(b, 18 | 19) || (b, c) == (51, 100),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only global unicast, 2000::/3: everything else is local, special or holds an IPv4 address.
    let global_unicast = first & 0xe000 == 0x2000;
    let special = match first {
        // Protocol assignments with Teredo and ORCHID (2001::/23), and documentation (2001:db8::/32).
        0x2001 => second < 0x0200 || second == 0x0db8,
        // 6to4 holds an IPv4 address.
        0x2002 => true,
        // AS112 (2620:4f:8000::/48).
        0x2620 => second == 0x004f,
        // Documentation (3fff::/20).
        0x3fff => second < 0x1000,
        _ => false,
    };
    global_unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_networks_are_refused_at_both_edges() {
        for address in "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 \
            127.255.255.255 169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 \
            192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 \
            203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 \
            ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 \
            2001::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1::1 3fff::1 3fff:fff::1 5f00::1 fc00::1 \
            fdff::1 fe80::1 febf::1 fec0::1 ff02::1"
            .split_whitespace()
        {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
        for address in "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
            169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 \
            192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 2600::1 2a00::1 \
            ::ffff:1.1.1.1"
            .split_whitespace()
        {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn addresses_in_every_disguise_are_refused() {
        let reach = Reach::PublicOnly;
        for (text, error) in [
            ("http://127.0.0.1/", AddressError::NotPublic),
            ("http://2130706433/", AddressError::NotPublic),
            ("http://0x7f.1/", AddressError::NotPublic),
            ("http://0177.0.0.1/", AddressError::NotPublic),
            ("http://127.1/", AddressError::NotPublic),
            ("http://[::1]/", AddressError::NotPublic),
            ("http://[::ffff:7f00:1]/", AddressError::NotPublic),
            ("http://[fe80::1]/", AddressError::NotPublic),
            ("http://\u{2460}\u{2461}\u{2466}.0.0.1/", AddressError::NotPublic),
            ("http://169.254.169.254/latest/meta-data/", AddressError::NotPublic),
            ("file:///etc/passwd", AddressError::Scheme),
            ("gopher://x.example/", AddressError::Scheme),
            ("ftp://x.example/", AddressError::Scheme),
            ("javascript:alert(1)", AddressError::Scheme),
            ("http://user@x.example/", AddressError::Credentials),
            ("http://:secret@x.example/", AddressError::Credentials),
            ("http://x.example:22/", AddressError::Port),
            ("http://x.example:8080/", AddressError::Port),
            ("/relative", AddressError::NotAnAddress),
            ("", AddressError::NotAnAddress),
        ] {
            assert_eq!(reach.check(text), Err(error), "{text}");
        }
        assert!(reach.check("https://practice.example/prices?x=1#top").is_ok_and(|url| url.fragment().is_none()));
        let long = format!("https://x.example/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(reach.check(&long), Err(AddressError::TooLong));
    }

    #[test]
    fn loopback_is_reached_only_when_it_is_asked_for() {
        assert!(Reach::LoopbackToo.check("http://127.0.0.1:8080/").is_ok());
        assert!(Reach::LoopbackToo.check("http://[::1]:8080/").is_ok());
        assert!(Reach::LoopbackToo.check("http://10.0.0.1/").is_err());
        assert!(Reach::LoopbackToo.check("http://169.254.169.254/").is_err());
        assert!(!Reach::PublicOnly.allows("127.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn private_networks_are_reached_only_when_the_operator_says_so() {
        let reach = Reach::PrivateToo;
        for address in ["https://10.1.2.3/", "https://172.16.0.1:8443/", "https://192.168.1.1/", "https://[fd00::1]/"] {
            assert!(reach.check(address).is_ok(), "{address}");
            assert!(Reach::LoopbackToo.check(address).is_err(), "{address}");
        }
        assert!(reach.check("http://127.0.0.1:9000/").is_ok());
        for address in ["http://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0/", "http://100.64.0.1/"] {
            assert_eq!(reach.check(address), Err(AddressError::NotPublic), "{address}");
        }
    }
}
