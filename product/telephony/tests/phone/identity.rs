//! Certificates for tests: made on the spot, believed by whoever is told to.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use telephony::signalling::{TlsListen, TlsRules};

/// A certificate that vouches for itself, and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    /// For these names and addresses.
    pub fn of(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("signed");
        Identity { certificate: certificate.der().clone(), key }
    }

    /// For these names, its time over since long ago.
    pub fn expired(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let certificate = parameters.self_signed(&key).expect("signed");
        Identity { certificate: certificate.der().clone(), key }
    }

    /// What a server of this one speaks.
    pub fn server(&self) -> Arc<rustls::ServerConfig> {
        let builder = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        Arc::new(builder.with_no_client_auth().with_cert_resolver(self.listen().certificates))
    }

    /// For this machine.
    pub fn of_loopback() -> Self {
        Self::of(&["127.0.0.1", "localhost"])
    }

    /// A free port of this machine, as whom.
    pub fn listen(&self) -> TlsListen {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let certified = CertifiedKey::from_der(vec![self.certificate.clone()], key, &default_provider());
        let certificates = Arc::new(SingleCertAndKey::from(certified.expect("they belong together")));
        TlsListen { address: "127.0.0.1:0".parse().expect("an address"), certificates }
    }

    /// Believes this one.
    pub fn believed(&self) -> TlsRules {
        let mut authorities = RootCertStore::empty();
        authorities.add(self.certificate.clone()).expect("a certificate");
        TlsRules { authorities: Arc::new(authorities), ..TlsRules::default() }
    }

    /// As a file that other programs read.
    pub fn certificate_pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.certificate);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or("")).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}
