//! Between the stack's words and ours.

use std::net::SocketAddr;

use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Headers, Request, Response, StatusCode, Uri};
use sip::Status;

use super::{CallFacts, Party, Transport};

/// Characters of a name, a number or a product that are kept.
const TEXT_LIMIT: usize = 128;

/// A status of ours from the stack's.
pub(super) fn status(code: &StatusCode) -> Status {
    Status::new(code.code()).unwrap_or(Status::SERVER_INTERNAL_ERROR)
}

/// A status of the stack's from ours.
pub(super) fn code(status: Status) -> StatusCode {
    StatusCode::from(status.code())
}

/// What a call's first message says; none when it lacks what every call must have.
pub(super) fn facts(request: &Request, source: SocketAddr, transport: Transport) -> Option<CallFacts> {
    let from = request.from_header().ok()?.typed().ok()?;
    let to = request.to_header().ok()?.typed().ok()?;
    Some(CallFacts {
        call_id: request.call_id_header().ok()?.value().to_string(),
        from: party(from.display_name.as_deref(), &from.uri),
        to: party(to.display_name.as_deref(), &request.uri),
        source,
        transport,
        user_agent: request.user_agent_header().map(|agent| clip(agent.value())),
    })
}

/// A party from a name and an address.
pub(super) fn party(display_name: Option<&str>, uri: &Uri) -> Party {
    let display_name = display_name.map(|name| clip(name.trim().trim_matches('"'))).filter(|name| !name.is_empty());
    let user = uri.auth.as_ref().map(|auth| clip(&auth.user)).unwrap_or_default();
    Party { display_name, user, host: clip(&uri.host_with_port.host.to_string()) }
}

/// Shortens, and leaves out what does not belong on a page or in a record.
fn clip(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(TEXT_LIMIT).collect()
}

/// The description in a body, when there is one.
pub(super) fn body(bytes: &[u8]) -> Option<Vec<u8>> {
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

/// The description in a response.
pub(super) fn answer_in(response: &Response) -> Option<Vec<u8>> {
    body(&response.body)
}

/// Says that a body is a session description.
pub(super) fn description_headers() -> Vec<Header> {
    vec![Header::ContentType("application/sdp".into())]
}

/// Whether a request's body is a session description, or there is none.
pub(super) fn has_only_description(request: &Request) -> bool {
    let kind = header(&request.headers, &["content-type", "c"]);
    let plain = |kind: &str| kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/sdp");
    request.body.is_empty() || kind.is_some_and(|kind| plain(&kind))
}

/// The extensions that a request demands.
pub(super) fn demanded(request: &Request) -> Vec<String> {
    let demanded = header(&request.headers, &["require"]).unwrap_or_default();
    demanded.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

/// The first header of one of these names.
fn header(headers: &Headers, names: &[&str]) -> Option<String> {
    headers.iter().find_map(|header| {
        let line = header.to_string();
        let (name, value) = line.split_once(':')?;
        names.iter().any(|wanted| name.trim().eq_ignore_ascii_case(wanted)).then(|| value.trim().to_owned())
    })
}

/// The digits of an INFO body (`application/dtmf-relay` or `application/dtmf`).
pub(super) fn info_digits(request: &Request) -> Option<char> {
    let kind = header(&request.headers, &["content-type", "c"])?.to_ascii_lowercase();
    let text = std::str::from_utf8(&request.body).ok()?;
    let symbol = match kind.as_str() {
        "application/dtmf-relay" => text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Signal")?.trim().strip_prefix('=')?.trim().chars().next()),
        "application/dtmf" => text.trim().chars().next(),
        _ => None,
    }?;
    media::telephone_event::event(symbol).and_then(media::telephone_event::symbol)
}
