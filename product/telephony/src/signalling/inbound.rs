//! What comes in: new calls to whoever takes them, messages within calls to their dialogs, everything else an answer.

use std::sync::Arc;

use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Auth, Method, Param, Scheme, StatusCodeKind, Uri};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use sip::Status;
use tokio::sync::mpsc;

use super::guard::RETRY_AFTER_SECONDS;
use super::{CallFacts, Error, Inner, Leg, METHODS, Transport, convert};

/// A call that rings here. Dropping it refuses it with 480.
pub struct IncomingCall {
    leg: Leg,
    offer: Option<Vec<u8>>,
}

impl IncomingCall {
    /// Who calls whom.
    pub fn facts(&self) -> &CallFacts {
        self.leg.facts()
    }

    /// The caller's session description; none when the caller wants ours first.
    pub fn offer(&self) -> Option<&[u8]> {
        self.offer.as_deref()
    }

    /// Tells the caller that it rings.
    pub fn ring(&self) -> Result<(), Error> {
        self.leg.ring()
    }

    /// The call's events before it is answered: [`super::SignalEvent::Cancelled`] is the one to expect.
    pub async fn next_event(&mut self) -> Option<super::SignalEvent> {
        self.leg.next_event().await
    }

    /// Takes the call with our session description.
    pub fn answer(mut self, description: Vec<u8>) -> Result<Leg, Error> {
        self.leg.accept(description)?;
        Ok(self.leg)
    }

    /// Refuses the call.
    pub fn refuse(mut self, status: Status) {
        self.leg.refuse(status);
    }

    /// The call as a leg that is not answered yet, with the caller's description.
    pub fn into_leg(self) -> (Leg, Option<Vec<u8>>) {
        (self.leg, self.offer)
    }
}

/// Takes what the stack received until it stops.
pub(super) async fn route(inner: Arc<Inner>, mut transactions: TransactionReceiver, calls: mpsc::Sender<IncomingCall>) {
    loop {
        let transaction = tokio::select! {
            () = inner.stop.cancelled() => return,
            transaction = transactions.recv() => transaction,
        };
        let Some(transaction) = transaction else { return };
        route_one(&inner, transaction, &calls);
    }
}

fn route_one(inner: &Arc<Inner>, transaction: Transaction, calls: &mpsc::Sender<IncomingCall>) {
    let within_call = transaction.original.to_header().is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_some()));
    if within_call {
        match inner.dialogs.match_dialog(&transaction) {
            Some(dialog) => within(inner, dialog, transaction),
            None => answer(inner, transaction, Status::CALL_DOES_NOT_EXIST, Vec::new()),
        }
        return;
    }
    match transaction.original.method {
        Method::Invite => match admit(&transaction, calls) {
            Ok(()) => begin(inner, transaction, calls),
            Err((status, headers)) => answer(inner, transaction, status, headers),
        },
        Method::Options => answer(inner, transaction, Status::OK, capabilities()),
        Method::Bye | Method::Info | Method::Update | Method::PRack => {
            answer(inner, transaction, Status::CALL_DOES_NOT_EXIST, Vec::new());
        }
        Method::Register | Method::Subscribe | Method::Notify | Method::Message | Method::Refer | Method::Publish => {
            answer(inner, transaction, Status::METHOD_NOT_ALLOWED, vec![allow()]);
        }
        _ => answer(inner, transaction, Status::NOT_IMPLEMENTED, vec![allow()]),
    }
}

fn allow() -> Header {
    Header::Allow(METHODS.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ").into())
}

fn capabilities() -> Vec<Header> {
    vec![allow(), Header::Accept("application/sdp".into())]
}

/// Whether a new call may begin; otherwise the status that says why not.
fn admit(transaction: &Transaction, calls: &mpsc::Sender<IncomingCall>) -> Result<(), (Status, Vec<Header>)> {
    let request = &transaction.original;
    if !matches!(request.uri.scheme, Some(Scheme::Sip | Scheme::Sips)) {
        return Err((Status::new(416).unwrap_or(Status::BAD_REQUEST), Vec::new()));
    }
    // An address that says `sips` wants TLS on every part of the way (RFC 5630, section 3.1.3).
    if request.uri.scheme == Some(Scheme::Sips) && transport_of(transaction) != Transport::Tls {
        return Err((Status::FORBIDDEN, Vec::new()));
    }
    let demanded = convert::demanded(request);
    if !demanded.is_empty() {
        return Err((Status::BAD_EXTENSION, vec![Header::Unsupported(demanded.join(", ").into())]));
    }
    if !convert::has_only_description(request) {
        return Err((Status::UNSUPPORTED_MEDIA_TYPE, vec![Header::Accept("application/sdp".into())]));
    }
    let busy = || (Status::SERVICE_UNAVAILABLE, vec![Header::RetryAfter(RETRY_AFTER_SECONDS.to_string().into())]);
    if calls.capacity() == 0 { Err(busy()) } else { Ok(()) }
}

fn peer_of(transaction: &Transaction) -> Option<std::net::SocketAddr> {
    transaction.connection.as_ref()?.get_remote_addr()?.get_socketaddr().ok()
}

fn transport_of(transaction: &Transaction) -> Transport {
    let over = transaction.connection.as_ref().and_then(|connection| connection.get_addr().r#type);
    match over {
        Some(rsipstack::sip::Transport::Tls) => Transport::Tls,
        Some(rsipstack::sip::Transport::Tcp) => Transport::Tcp,
        _ => Transport::Udp,
    }
}

/// Answers a message that belongs to no call.
fn answer(inner: &Inner, mut transaction: Transaction, status: Status, headers: Vec<Header>) {
    inner.tasks.spawn(async move {
        let code = convert::code(status);
        if transaction.reply_with(code, headers, None).await.is_err() {
            tracing::debug!("an answer could not be sent");
            return;
        }
        // An INVITE's refusal is repeated until it is acknowledged.
        if transaction.original.method == Method::Invite {
            while transaction.receive().await.is_some() {}
        }
    });
}

/// A message within a call goes to its dialog.
fn within(inner: &Inner, mut dialog: Dialog, mut transaction: Transaction) {
    inner.tasks.spawn(async move {
        if dialog.handle(&mut transaction).await.is_err() {
            tracing::debug!("a message within a call could not be handled");
        }
        // The stack ignores what does not fit a dialog's state; the sender still deserves an answer.
        if transaction.last_response.is_none() && transaction.original.method != Method::Ack {
            let _ = transaction.reply(convert::code(Status::REQUEST_PENDING)).await;
        }
    });
}

/// A new call.
fn begin(inner: &Arc<Inner>, transaction: Transaction, calls: &mpsc::Sender<IncomingCall>) {
    let Some(peer) = peer_of(&transaction) else { return };
    let transport = transport_of(&transaction);
    let Some(facts) = convert::facts(&transaction.original, peer, transport) else {
        return answer(inner, transaction, Status::BAD_REQUEST, Vec::new());
    };
    let Some(place) = inner.take_place(Some(peer.ip())) else {
        let retry = vec![Header::RetryAfter(RETRY_AFTER_SECONDS.to_string().into())];
        return answer(inner, transaction, Status::SERVICE_UNAVAILABLE, retry);
    };
    let (sender, states) = inner.dialogs.new_dialog_state_channel();
    let secure = transaction.original.uri.scheme == Some(Scheme::Sips);
    let contact = contact(inner, &facts.to.user, peer, transport, secure);
    let Ok(dialog) = inner.dialogs.get_or_create_server_invite(&transaction, sender, None, Some(contact)) else {
        return answer(inner, transaction, Status::BAD_REQUEST, Vec::new());
    };
    let offer = convert::body(&transaction.original.body);
    inner.tasks.spawn(drive(dialog.clone(), transaction));
    let leg = Leg::inbound(inner, facts, dialog, states, place);
    // A full queue drops the call, and dropping refuses it.
    if calls.try_send(IncomingCall { leg, offer }).is_err() {
        tracing::warn!("a call was refused: too many wait to be taken");
    }
}

/// Drives the INVITE of a call until it is acknowledged, refused or given up.
async fn drive(mut dialog: InviteDialog, mut transaction: Transaction) {
    if dialog.handle(&mut transaction).await.is_err() {
        tracing::debug!("a call's first message could not be handled");
    }
    let open =
        transaction.last_response.as_ref().is_none_or(|last| last.status_code.kind() == StatusCodeKind::Provisional);
    if open {
        let _ = transaction.reply(convert::code(Status::REQUEST_TERMINATED)).await;
    }
    // What is left is the repeats and the acknowledgement of a refusal.
    while transaction.receive().await.is_some() {}
}

/// The address at which the other side reaches us within this call; it names the transport, or answers go astray. To a
/// `sips` address belongs a `sips` one (RFC 3261, sections 8.1.1.8 and 12.1.1).
pub(super) fn contact(
    inner: &Inner,
    user: &str,
    peer: std::net::SocketAddr,
    transport: Transport,
    secure: bool,
) -> Uri {
    let port = match transport {
        Transport::Tls => inner.tls_address.unwrap_or(inner.address).port(),
        Transport::Udp | Transport::Tcp => inner.address.port(),
    };
    let address = std::net::SocketAddr::new(inner.address_towards(peer), port);
    let params = match transport {
        Transport::Udp => Vec::new(),
        stream => vec![Param::Transport(super::stream::driver::in_stack(stream))],
    };
    let auth = (!user.is_empty()).then(|| Auth { user: user.to_owned(), password: None });
    let scheme = Some(if secure { Scheme::Sips } else { Scheme::Sip });
    Uri { scheme, auth, host_with_port: address.into(), params, ..Uri::default() }
}
