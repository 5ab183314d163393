//! Translates digest challenges between the world and the stack.
//!
//! The stack reads one challenge, knows `SHA256` where RFC 8760 writes `SHA-256`, and stumbles over a list of protections.
//! So what comes in is read by our own `sip::digest`, the strongest usable challenge is kept, and what goes out gets the
//! registered name back.

use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{HasHeaders, Headers, HostWithPort, Request, SipMessage, Transport};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;
use sip::digest::{Algorithm, Challenge};

const REGISTERED: &str = "algorithm=SHA-256";
const IN_THE_STACK: &str = "algorithm=SHA256";

/// Looks at every message on its way.
pub(super) struct Translator {
    /// Where our own TLS listener is seen.
    pub tls: Option<HostWithPort>,
    /// Where we are seen otherwise.
    pub plain: HostWithPort,
    /// Whether a challenge by MD5 is answered.
    pub md5: bool,
}

impl MessageInspector for Translator {
    fn before_send(&self, mut message: SipMessage, to: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Request(request) = &mut message {
            if let Some(to) = to {
                self.name_ourselves(request, to);
            }
            for header in request.headers_mut().iter_mut() {
                match header {
                    Header::Authorization(answer) => *answer = registered(answer.value()).into(),
                    Header::ProxyAuthorization(answer) => *answer = registered(answer.value()).into(),
                    _ => {}
                }
            }
        }
        message
    }

    fn after_received(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Response(response) = &mut message {
            keep_strongest(response.headers_mut(), self.md5);
        }
        message
    }
}

impl Translator {
    /// The stack knows a connection of ours by the peer's address and writes that into the Via of a registration; there
    /// belongs ours.
    fn name_ourselves(&self, request: &mut Request, to: &SipAddr) {
        let ours = match to.r#type {
            Some(Transport::Tls) => self.tls.as_ref().unwrap_or(&self.plain),
            Some(Transport::Tcp) => &self.plain,
            _ => return,
        };
        let Ok(via) = request.via_header_mut() else { return };
        let changed = via.update_first_value(|via| {
            let mut typed = via.typed()?;
            if typed.uri.host_with_port == to.addr {
                typed.uri.host_with_port = ours.clone();
            }
            Ok(typed.into())
        });
        if changed.is_err() {
            tracing::debug!("a message has no Via that can be read");
        }
    }
}

fn registered(answer: &str) -> String {
    answer.replace(IN_THE_STACK, REGISTERED).replace("algorithm=\"SHA256\"", REGISTERED)
}

/// Of several challenges keeps the strongest that is answered; what is not answered is taken out, so that the stack cannot.
fn keep_strongest(headers: &mut Headers, md5: bool) {
    let of_server = strongest(
        headers.iter().filter_map(|header| match header {
            Header::WwwAuthenticate(challenge) => Some(challenge.value()),
            _ => None,
        }),
        md5,
    );
    let of_proxy = strongest(
        headers.iter().filter_map(|header| match header {
            Header::ProxyAuthenticate(challenge) => Some(challenge.value()),
            _ => None,
        }),
        md5,
    );
    headers.retain(|header| !matches!(header, Header::WwwAuthenticate(_) | Header::ProxyAuthenticate(_)));
    if let Some(challenge) = of_server {
        headers.push(Header::WwwAuthenticate(challenge.into()));
    }
    if let Some(challenge) = of_proxy {
        headers.push(Header::ProxyAuthenticate(challenge.into()));
    }
}

fn strongest<'a>(challenges: impl Iterator<Item = &'a str>, md5: bool) -> Option<String> {
    let usable = challenges.filter_map(|challenge| Challenge::parse(challenge).ok());
    let usable = usable.filter(|challenge| match challenge.algorithm {
        Algorithm::Sha256 => true,
        Algorithm::Md5 => md5,
        Algorithm::Sha512Half => false,
    });
    let strongest = usable.max_by_key(|challenge| challenge.algorithm)?;
    Some(strongest.to_header().replace(REGISTERED, IN_THE_STACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_usable_challenge_is_kept() {
        let challenges = [
            "Digest realm=\"a\", nonce=\"1\", algorithm=MD5, qop=\"auth,auth-int\"",
            "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"a\", nonce=\"3\", algorithm=SHA-256, qop=\"auth,auth-int\"",
            "Digest realm=\"a\", nonce=\"4\", algorithm=MD4",
            "Basic realm=\"a\"",
        ];
        let kept = strongest(challenges.into_iter(), true);
        assert_eq!(kept.as_deref(), Some("Digest realm=\"a\", nonce=\"3\", algorithm=SHA256, qop=\"auth\""));
        assert_eq!(strongest(kept.as_deref().into_iter(), true), None, "what is translated already stays as it is");
        let only_md5 = strongest(challenges.into_iter().take(2), true).expect("one");
        assert!(only_md5.contains("algorithm=MD5, qop=\"auth\""));
        assert_eq!(strongest(challenges.into_iter().take(2), false), None, "MD5 only where it is allowed");
    }

    #[test]
    fn answers_get_the_registered_name() {
        let answer = "Digest username=\"a\", algorithm=SHA256, qop=\"auth\"";
        assert_eq!(registered(answer), "Digest username=\"a\", algorithm=SHA-256, qop=\"auth\"");
    }
}
