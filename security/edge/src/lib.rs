//! The accept loop, limits, headers and cross-site checks in front of every request.
//!
//! Every byte from outside passes here first: [`Listener`] accepts it within deadlines and caps, [`ClientAddress`]
//! says where it came from, [`Limits`] says how often, [`headers`] says what a browser may do with the answer, and
//! [`csrf`] says whether a page of ours sent it. Nothing here knows an organization or a person; `web` joins the two.

pub mod acme;
pub mod address;
pub mod challenge;
pub mod csrf;
pub mod firewall;
pub mod headers;
pub mod host;
pub mod limits;
pub mod listener;
pub mod outgoing;
pub mod redirect;
pub mod tls;

pub use address::{ClientAddress, Network, TrustedProxies};
pub use challenge::{Challenge, ChallengeMode, Pressure};
pub use firewall::{Firewall, FirewallMode};
pub use headers::{Exposure, Nonce};
pub use host::HostNames;
pub use limits::{Allowance, Attempts, Limits, RateClass, Subject};
pub use listener::{Listener, ListenerSettings, Protection};
pub use tls::{Certificates, MinimumVersion, Tls};

/// What can go wrong before a request exists.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Plain HTTP is for this machine only.
    #[error(
        "{0} is not a loopback address and this server speaks plain HTTP there: give it a certificate (`[tls]`), bind to \
         127.0.0.1, or set `proxy_terminates_tls` if a proxy in front of that address speaks TLS"
    )]
    PlainHttpBeyondLoopback(std::net::SocketAddr),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
}
