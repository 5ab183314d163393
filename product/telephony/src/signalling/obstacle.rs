//! Why a peer cannot be reached, in words that say what to do: for calls of ours and for the registration with a trunk.

use std::fmt;
use std::io;

use rustls::CertificateError;

/// What stands between us and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Its name is not in the DNS.
    NoAddress,
    /// Nothing listens there.
    Refused,
    /// No answer within the time that connecting may take.
    NoAnswer,
    /// It was connected, and the connection broke.
    Lost,
    /// It does not speak the TLS that we speak (1.3, and 1.2 where that is allowed).
    Handshake,
    /// Its certificate names others than the one that was called (RFC 5922, section 7).
    WrongName,
    /// Its certificate's time is over, or not there yet.
    Expired,
    /// Nobody whom we believe vouches for its certificate: self-signed, or by an authority that was not named.
    Unvouched,
    /// Its certificate cannot be used for another reason.
    BadCertificate,
    /// Anything else that the network says.
    Network,
}

impl Obstacle {
    /// Reads what connecting or the handshake said.
    pub fn of(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (tls, error.kind()) {
            (Some(rustls::Error::InvalidCertificate(problem)), _) => Self::of_certificate(problem),
            (Some(_), _) => Obstacle::Handshake,
            (None, io::ErrorKind::ConnectionRefused) => Obstacle::Refused,
            (None, io::ErrorKind::TimedOut) => Obstacle::NoAnswer,
            (None, io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => {
                Obstacle::Lost
            }
            (None, _) => Obstacle::Network,
        }
    }

    fn of_certificate(problem: &CertificateError) -> Self {
        match problem {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Obstacle::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Obstacle::WrongName,
            // An authority of the same name but with another key is not the one that we believe.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Obstacle::Unvouched,
            _ => Obstacle::BadCertificate,
        }
    }

    /// The word for programs and figures.
    pub fn name(self) -> &'static str {
        match self {
            Obstacle::NoAddress => "no_address",
            Obstacle::Refused => "connection_refused",
            Obstacle::NoAnswer => "no_answer",
            Obstacle::Lost => "connection_lost",
            Obstacle::Handshake => "tls_handshake",
            Obstacle::WrongName => "certificate_wrong_name",
            Obstacle::Expired => "certificate_expired",
            Obstacle::Unvouched => "certificate_not_vouched_for",
            Obstacle::BadCertificate => "certificate_unusable",
            Obstacle::Network => "network",
        }
    }

    /// What an operator can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Obstacle::NoAddress => "Check the host in `trunk.address` and this machine's DNS.",
            Obstacle::Refused => "Check the port in `trunk.address`; over TLS it is usually 5061.",
            Obstacle::NoAnswer => "Check the address and whether a firewall lets this machine out to it.",
            Obstacle::Lost | Obstacle::Network => "Nothing to do when it passes: it is tried again.",
            Obstacle::Handshake => "The carrier must speak TLS 1.3, or set `minimum = \"1.2\"` in `[tls]`.",
            Obstacle::WrongName => "Write into `trunk.address` the name that stands in the carrier's certificate.",
            Obstacle::Expired => "The carrier must renew its certificate; check this machine's clock, too.",
            Obstacle::Unvouched => "Name the authority that signed the carrier's certificate as `trunk.ca_file`.",
            Obstacle::BadCertificate => {
                "The carrier's certificate is of a kind that must not be used: tell the carrier."
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Obstacle::NoAddress => "its name is not known",
            Obstacle::Refused => "nothing listens there",
            Obstacle::NoAnswer => "no answer in time",
            Obstacle::Lost => "the connection broke",
            Obstacle::Handshake => "it does not speak our TLS",
            Obstacle::WrongName => "its certificate is not valid for the name that was called",
            Obstacle::Expired => "its certificate has expired, or is not valid yet",
            Obstacle::Unvouched => "nobody whom we believe vouches for its certificate",
            Obstacle::BadCertificate => "its certificate cannot be used",
            Obstacle::Network => "the network does not carry us there",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_says_is_told_apart() {
        let of = |problem| Obstacle::of(&io::Error::other(rustls::Error::InvalidCertificate(problem)));
        assert_eq!(of(CertificateError::Expired), Obstacle::Expired);
        assert_eq!(of(CertificateError::NotValidYet), Obstacle::Expired);
        assert_eq!(of(CertificateError::NotValidForName), Obstacle::WrongName);
        assert_eq!(of(CertificateError::UnknownIssuer), Obstacle::Unvouched);
        assert_eq!(of(CertificateError::BadEncoding), Obstacle::BadCertificate);
        assert_eq!(Obstacle::of(&io::Error::other(rustls::Error::HandshakeNotComplete)), Obstacle::Handshake);
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, Obstacle::Refused),
            (io::ErrorKind::TimedOut, Obstacle::NoAnswer),
            (io::ErrorKind::ConnectionReset, Obstacle::Lost),
            (io::ErrorKind::HostUnreachable, Obstacle::Network),
        ] {
            assert_eq!(Obstacle::of(&kind.into()), expected);
        }
    }
}
