//! Certificates and clients for tests: an authority that nobody else trusts, and TLS as this test wants it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use storage::Timestamp;
use time::OffsetDateTime;
use tokio_rustls::TlsConnector;

use super::Certificate;

/// An authority of a test's own.
pub struct TestIssuer(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key as an operator has them: two PEM texts.
#[derive(Debug, Clone)]
pub struct TestPair {
    /// The chain, the server's own certificate first.
    pub chain: String,
    /// The private key.
    pub key: String,
}

impl TestPair {
    /// As it is presented.
    ///
    /// # Panics
    /// When it cannot be used: the test made it so.
    pub fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.chain.as_bytes(), self.key.as_bytes()).expect("a pair of the test's own")
    }
}

impl TestIssuer {
    /// A new authority; no two trust each other.
    ///
    /// # Panics
    /// Never: its parameters are its own.
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("the provider makes keys");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("parameters of our own"))
    }

    /// Its root certificate.
    pub fn root(&self) -> String {
        self.0.pem()
    }

    /// What signs.
    pub(crate) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    /// A certificate for these names or addresses, valid between the two moments.
    ///
    /// # Panics
    /// When a name is none.
    pub fn issue(&self, names: &[&str], not_before: Timestamp, not_after: Timestamp) -> TestPair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names of the test's own");
        let date = |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.seconds()).expect("a date of the test's own");
        (parameters.not_before, parameters.not_after) = (date(not_before), date(not_after));
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("the provider makes keys");
        let signed = parameters.signed_by(&key, &self.0).expect("signed");
        TestPair { chain: format!("{}{}", signed.pem(), self.root()), key: key.serialize_pem() }
    }

    /// A certificate that outlasts every test.
    pub fn issue_lasting(&self, names: &[&str]) -> TestPair {
        self.issue(names, Timestamp::from_seconds(0), Timestamp::from_seconds(4_000_000_000))
    }

    /// A client that trusts this authority alone, speaks these versions and offers these protocols.
    ///
    /// # Panics
    /// When the provider has no suites for these versions.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion], protocols: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root().as_bytes()).expect("our own");
        roots.add(root).expect("our own");
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions that the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}
