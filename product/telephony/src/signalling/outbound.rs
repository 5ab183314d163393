//! Calls that we make: where a target is, and the message that begins the call.

use std::net::SocketAddr;
use std::sync::Arc;

use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Auth, Host, Scheme, Uri};
use rsipstack::transport::SipAddr;
use rustls::pki_types::ServerName;

use super::stream::{client, driver};
use super::tls::TLS_PORT;
use super::{CallFacts, Credentials, Error, Inner, Leg, Party, Transport, convert, inbound, listener};

const SIP_PORT: u16 = 5_060;
/// Bytes of an address that can be called at most.
const ADDRESS_LIMIT: usize = 512;

/// Whom to call, and as whom.
#[derive(Clone, Default)]
pub struct Target {
    /// `sip:user@host[:port][;transport=tcp|tls]` or `sips:user@host[:port]`.
    pub address: String,
    /// The user part that the other side sees as the caller.
    pub from_user: String,
    /// The name that the other side sees.
    pub from_name: Option<String>,
    /// What to say when asked who we are.
    pub credentials: Option<Credentials>,
}

storage::debug_shows!(
    struct Target {}
);

/// A target whose address is known.
#[derive(Debug, Clone)]
pub struct Destination {
    callee: Uri,
    peer: SocketAddr,
    transport: Transport,
    /// The name that the peer's certificate must have.
    server_name: Option<ServerName<'static>>,
}

impl Destination {
    /// Where the call will be sent.
    pub fn address(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn callee(&self) -> &Uri {
        &self.callee
    }

    /// How it will be sent.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    pub(super) fn is_secure(&self) -> bool {
        self.callee.scheme == Some(Scheme::Sips)
    }
}

/// Whether a target can be called at all, wherever its name leads.
pub(super) fn check(target: &Target) -> Result<(), Error> {
    transport(&parse(&target.address)?).map(drop)
}

/// Finds out where a target is.
pub(super) async fn resolve(target: &Target) -> Result<Destination, Error> {
    let callee = parse(&target.address)?;
    let transport = transport(&callee)?;
    let usual_port = if transport == Transport::Tls { TLS_PORT } else { SIP_PORT };
    let port = callee.host_with_port.port.map_or(usual_port, |port| port.value());
    let server_name = match &callee.host_with_port.host {
        Host::IpAddr(address) => Some(ServerName::from(*address)),
        Host::Domain(domain) => ServerName::try_from(domain.to_string()).ok(),
    };
    let peer = match &callee.host_with_port.host {
        Host::IpAddr(address) => SocketAddr::new(*address, port),
        Host::Domain(domain) => listener::resolve(&domain.to_string(), port).await?,
    };
    Ok(Destination { callee, peer, transport, server_name })
}

/// How an address wants to be reached. In a `sips` address, TCP means TLS over it (RFC 5630, section 3.1.4).
fn transport(callee: &Uri) -> Result<Transport, Error> {
    use rsipstack::sip::Transport as Named;
    match (callee.scheme == Some(Scheme::Sips), callee.transport()) {
        (_, Some(Named::Tls)) | (true, None | Some(Named::Tcp)) => Ok(Transport::Tls),
        (false, None | Some(Named::Udp)) => Ok(Transport::Udp),
        (false, Some(Named::Tcp)) => Ok(Transport::Tcp),
        (true, Some(Named::Udp)) => Err(Error::Target("a sips: address cannot be reached over UDP")),
        _ => Err(Error::Target("only UDP, TCP and TLS are spoken")),
    }
}

/// Sends the INVITE; the leg rings until its events say otherwise.
pub(super) async fn call(inner: &Arc<Inner>, to: &Destination, target: &Target, offer: Vec<u8>) -> Result<Leg, Error> {
    let place = inner.take_place(None).ok_or(Error::Full)?;
    client::ensure(inner, to).await?;
    let (sender, states) = inner.dialogs.new_dialog_state_channel();
    let option = invitation(inner, to, target, offer);
    let (dialog, attempt) = inner.dialogs.do_invite_async(option, sender).map_err(|_| Error::Stack("call"))?;
    let facts = CallFacts {
        call_id: dialog.id().call_id,
        from: Party { display_name: target.from_name.clone(), user: target.from_user.clone(), host: String::new() },
        to: convert::party(None, &to.callee),
        source: to.peer,
        transport: to.transport,
        user_agent: None,
    };
    Ok(Leg::outbound(inner, facts, dialog, states, attempt, place))
}

fn invitation(inner: &Inner, to: &Destination, target: &Target, offer: Vec<u8>) -> InviteOption {
    let contact = inbound::contact(inner, &target.from_user, to.peer, to.transport, to.is_secure());
    let mut caller = contact.clone();
    caller.params.clear();
    let transport = driver::in_stack(to.transport);
    InviteOption {
        caller_display_name: target.from_name.as_ref().map(|name| name.replace(['"', '\\', '\r', '\n'], "")),
        caller,
        callee: to.callee.clone(),
        destination: Some(SipAddr { r#type: Some(transport), addr: to.peer.into() }),
        offer: Some(offer),
        contact,
        credential: target.credentials.as_ref().map(|credentials| Credential {
            username: credentials.user.clone(),
            password: credentials.password.clone(),
            realm: None,
            auth_username: None,
        }),
        ..InviteOption::default()
    }
}

/// Reads an address that can be called; a bare `user@host` gets its scheme.
fn parse(address: &str) -> Result<Uri, Error> {
    let address = address.trim();
    if address.len() > ADDRESS_LIMIT || address.chars().any(|character| character.is_control() || character == ' ') {
        return Err(Error::Target("it is too long or holds characters that no address has"));
    }
    let address = if address.contains("sip:") || address.contains("sips:") {
        address.to_owned()
    } else {
        format!("sip:{address}")
    };
    let uri = Uri::try_from(address.as_str()).map_err(|_| Error::Target("it is no SIP address"))?;
    if !matches!(uri.scheme, Some(Scheme::Sip | Scheme::Sips)) {
        return Err(Error::Target("only sip: and sips: addresses are called"));
    }
    let auth = uri.auth.map(|Auth { user, .. }| Auth { user, password: None });
    Ok(Uri { auth, ..uri })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_address_says_decides_over_transport_port_and_name() {
        let resolved = |address: &str| {
            let target = Target { address: address.to_owned(), ..Target::default() };
            async move { resolve(&target).await.map(|to| (to.transport, to.peer.port(), to.server_name.is_some())) }
        };
        for (address, transport, port) in [
            ("sip:a@127.0.0.1", Transport::Udp, 5_060),
            ("sip:a@127.0.0.1;transport=tcp", Transport::Tcp, 5_060),
            ("sip:a@127.0.0.1;transport=tls", Transport::Tls, 5_061),
            ("sips:a@127.0.0.1", Transport::Tls, 5_061),
            ("sips:a@127.0.0.1:7000;transport=tcp", Transport::Tls, 7_000),
        ] {
            assert_eq!(resolved(address).await.expect("an address"), (transport, port, true), "{address}");
        }
        assert!(resolved("sips:a@127.0.0.1;transport=udp").await.is_err());
        assert!(resolved("sip:a@127.0.0.1;transport=ws").await.is_err());
    }

    #[test]
    fn addresses_are_read_strictly() {
        assert!(parse("sip:100@127.0.0.1:5060;transport=tcp").is_ok());
        assert!(parse("100@example.com").is_ok());
        for wrong in ["sip:a b@x", "sip:x\r\nVia: y", &"9".repeat(600)] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let secret = parse("sip:user:secret@127.0.0.1").expect("an address");
        assert!(!secret.to_string().contains("secret"));
    }
}
