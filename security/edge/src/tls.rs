//! TLS of the HTTP listener: TLS 1.3 unless the operator lets 1.2 in, certificates that can be changed while connections
//! run, and nothing older, weaker or resumable beyond what rustls and aws-lc-rs offer by default (AEAD suites with ephemeral
//! keys, no renegotiation, no compression, no early data).

mod certificate;
pub mod driver;
pub mod testing;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

pub use certificate::{Certificate, Facts, MAXIMUM_PEM_BYTES, Unusable};

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinimumVersion {
    /// TLS 1.2 with AEAD suites and ephemeral keys (RFC 9325), for clients that know nothing newer.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[default]
    Tls13,
}

impl MinimumVersion {
    /// As it is said to people: `1.2` or `1.3`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// How one listener speaks TLS.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    minimum: MinimumVersion,
    certificates: Certificates,
    /// From the first byte to the end of the handshake.
    pub handshake_deadline: Duration,
}

impl Tls {
    /// TLS for HTTP/2 and HTTP/1.1 with whatever certificate stands in `certificates` at the time of each handshake.
    pub fn new(minimum: MinimumVersion, certificates: Certificates) -> Self {
        let versions: &[_] = match minimum {
            MinimumVersion::Tls12 => &[&TLS13, &TLS12],
            MinimumVersion::Tls13 => &[&TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates.clone()));
        // RFC 7301; a client that offers neither is told so by an alert.
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Self { config: Arc::new(config), minimum, certificates, handshake_deadline: Duration::from_secs(10) }
    }

    /// The oldest version that is spoken.
    pub fn minimum(&self) -> MinimumVersion {
        self.minimum
    }

    /// The certificates that are presented.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tls({}, {:?})", self.minimum.number(), self.certificates)
    }
}

/// The name of HTTP/2 in the handshake.
pub(crate) const HTTP_2: &[u8] = b"h2";
/// The name of HTTP/1.1 in the handshake.
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// The certificate that is presented now. Clones share it; connections that run keep what they shook hands with.
#[derive(Clone, Default)]
pub struct Certificates(Arc<RwLock<Option<Arc<Certificate>>>>);

impl Certificates {
    /// Without a certificate yet (before the first one comes by ACME): handshakes end with an alert.
    pub fn none_yet() -> Self {
        Self::default()
    }

    /// With a certificate.
    pub fn with(certificate: Certificate) -> Self {
        Self(Arc::new(RwLock::new(Some(Arc::new(certificate)))))
    }

    /// Presents another one from now on.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certificate));
    }

    /// What is presented now.
    pub fn current(&self) -> Option<Arc<Certificate>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current().map(|certificate| certificate.key())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.current() {
            Some(certificate) => write!(formatter, "{:?}", certificate.facts().names),
            None => formatter.write_str("no certificate yet"),
        }
    }
}

#[cfg(test)]
mod tests;
