//! A certificate with its chain and its key: read from PEM, refused when the two do not belong together.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use storage::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A file with a chain or a key is not longer than this, in bytes.
pub const MAXIMUM_PEM_BYTES: u64 = 256 * 1024;

/// Why a certificate and its key cannot be used. Says nothing of the key itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing between `BEGIN CERTIFICATE` and `END CERTIFICATE`.
    #[error("it holds no certificate in PEM form (`CERTIFICATE`)")]
    NoCertificate,
    /// No key, or a key in a form that is not read (encrypted keys are not).
    #[error(
        "it holds no private key in PEM form (`PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`, not encrypted)"
    )]
    NoKey,
    /// The first certificate cannot be read.
    #[error("its first certificate cannot be read")]
    Unreadable,
    /// A kind of key that TLS does not use.
    #[error("the private key is of a kind that TLS does not use (RSA, ECDSA P-256/P-384 and Ed25519 are)")]
    KindOfKey,
    /// The key is another certificate's.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The names and addresses that it is for (subject alternative names), in lower case.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Signed by its own name, so no browser trusts it by itself.
    pub self_issued: bool,
}

impl Facts {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(chain: &[u8]) -> Result<Self, Unusable> {
        let first = CertificateDer::from_pem_slice(chain).map_err(|_| Unusable::NoCertificate)?;
        Self::from_der(&first)
    }

    /// Reads one certificate (RFC 5280).
    pub fn from_der(certificate: &[u8]) -> Result<Self, Unusable> {
        let (_, read) = X509Certificate::from_der(certificate).map_err(|_| Unusable::Unreadable)?;
        let names = read.subject_alternative_name().map_err(|_| Unusable::Unreadable)?;
        let names = names.map(|names| names.value.general_names.iter().filter_map(name_of).collect());
        let at = |seconds: i64| Timestamp::from_seconds(seconds);
        Ok(Self {
            names: names.unwrap_or_default(),
            not_before: at(read.validity().not_before.timestamp()),
            not_after: at(read.validity().not_after.timestamp()),
            self_issued: read.subject() == read.issuer(),
        })
    }

    /// Is it for this name or address? A `*` stands for exactly one label at the start (RFC 9525 section 6.3).
    pub fn is_for(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let rest = name.split_once('.').map(|(_, rest)| rest);
        let is_address = name.parse::<IpAddr>().is_ok();
        self.names.iter().any(|own| {
            let under = own.strip_prefix("*.").filter(|_| !is_address);
            *own == name || (under.is_some() && under == rest)
        })
    }

    /// Is it valid at this moment?
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    }
}

/// A certificate that can be presented.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    facts: Facts,
}

impl Certificate {
    /// Reads the chain (the server's own certificate first) and the key, which may stand in the same text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| Unusable::NoCertificate)?;
        let first = chain.first().ok_or(Unusable::NoCertificate)?;
        let facts = Facts::from_der(first)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Unusable::NoKey)?;
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let key = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Unusable::Mismatch,
            rustls::Error::InvalidCertificate(_) => Unusable::Unreadable,
            _ => Unusable::KindOfKey,
        })?;
        Ok(Self { key: Arc::new(key), facts })
    }

    /// What it says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The server's own certificate in DER form.
    pub fn der(&self) -> &[u8] {
        self.key.cert.first().map(AsRef::as_ref).unwrap_or_default()
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificate({:?})", self.facts.names)
    }
}
