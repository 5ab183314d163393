//! TLS for SIP: which versions, which certificates (RFC 3261 section 26.3.1, RFC 5922). TLS 1.3; 1.2 only where it is
//! allowed by name, for phones that know no better.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::ResolvesServerCert;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::Error;

/// The port of SIP over TLS.
pub const TLS_PORT: u16 = 5_061;

static BOTH_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static NEWEST_VERSION: &[&SupportedProtocolVersion] = &[&TLS13];

/// Where SIP over TLS is listened for, and as whom.
#[derive(Clone)]
pub struct TlsListen {
    /// The address; port 0 picks a free one.
    pub address: SocketAddr,
    /// Our certificates: asked at every handshake, so that new ones are used at once.
    pub certificates: Arc<dyn ResolvesServerCert>,
}

impl fmt::Debug for TlsListen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsListen").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Whom we believe, and which versions are spoken.
#[derive(Debug, Clone)]
pub struct TlsRules {
    /// The authorities that may vouch for those whom we call. Empty: nobody is called over TLS.
    pub authorities: Arc<RootCertStore>,
    /// Whether TLS 1.2 is spoken, too.
    pub tls_1_2: bool,
}

impl Default for TlsRules {
    fn default() -> Self {
        TlsRules { authorities: Arc::new(RootCertStore::empty()), tls_1_2: false }
    }
}

impl TlsRules {
    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        if self.tls_1_2 { BOTH_VERSIONS } else { NEWEST_VERSION }
    }

    /// What listeners do.
    pub(super) fn server(&self, certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(self.versions()).map_err(|_| Error::Stack("set TLS up"))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
        // A resumed session would outlive a certificate that was taken back.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// What calls of ours do.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(self.versions()).map_err(|_| Error::Stack("set TLS up"))?;
        Ok(Arc::new(builder.with_root_certificates(self.authorities.clone()).with_no_client_auth()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_version_is_spoken_only_where_it_is_allowed() {
        let named = |tls_1_2| {
            let rules = TlsRules { tls_1_2, ..TlsRules::default() };
            rules.versions().iter().map(|version| format!("{:?}", version.version)).collect::<Vec<_>>()
        };
        assert_eq!(named(false), ["TLSv1_3"]);
        assert_eq!(named(true), ["TLSv1_3", "TLSv1_2"]);
    }
}
