//! One request through all five phases, with the answer that the corpus's test server would give.

use base64::Engine as _;
use seclang::{Limits, Mode, Request, Response, RuleSet, Transaction, Verdict};

use crate::cases::{Case, Sent};

/// More than the product inspects: the corpus tests the rules' own limits.
const LIMITS: Limits =
    Limits { arguments: 1_000, inspected_bytes: 512 * 1024, response_bytes: 512 * 1024, depth: 64, parts: 255 };

/// An answer.
struct Answer {
    status: u16,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// What the rules wrote into the log.
pub fn run(rules: &RuleSet, case: &Case) -> Vec<(u64, String)> {
    let mut transaction = Transaction::new(rules, Mode::Block, LIMITS);
    let sent = as_received(&case.sent);
    request(&mut transaction, &sent);
    let answer = answer(&sent);
    let headers = borrowed(&answer.headers);
    transaction.response_headers(&Response { status: answer.status, protocol: b"HTTP/1.1", headers: &headers });
    transaction.response_body(&answer.body);
    transaction.finish();
    let line = |found: &seclang::Match| {
        let (target, id) = (&found.target, found.rule);
        (id, format!("at {target}. [id \"{id}\"] [msg \"{}\"] [data \"{}\"]", found.message, found.data))
    };
    transaction.matches().iter().map(line).collect()
}

/// The request's two phases.
pub fn request(transaction: &mut Transaction<'_>, sent: &Sent) -> Verdict {
    request_with_free_text(transaction, sent, &[])
}

/// The same, where these fields are declared as free text.
pub fn request_with_free_text(transaction: &mut Transaction<'_>, sent: &Sent, free_text: &[&str]) -> Verdict {
    let headers = borrowed(&sent.headers);
    let request = Request {
        method: &sent.method,
        target: &sent.target,
        protocol: &sent.protocol,
        headers: &headers,
        remote_address: Some(std::net::Ipv4Addr::new(192, 0, 2, 7).into()),
        unique_id: "aQK3mBcD1eF5",
        free_text,
    };
    transaction.request_headers(&request);
    transaction.request_body(&sent.body)
}

fn borrowed(headers: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
}

/// What the web server in front hands on (RFC 9112): white space around values is gone, chunks are joined, a length beside
/// chunks is dropped, without either there is no body, and a line without a protocol is HTTP/0.9.
fn as_received(sent: &Sent) -> Sent {
    let trim = |text: &[u8]| text.trim_ascii().to_vec();
    let mut headers: Vec<_> = sent.headers.iter().map(|(name, value)| (name.clone(), trim(value))).collect();
    let chunked = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"transfer-encoding"));
    let mut body = sent.body.clone();
    if chunked {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"content-length"));
        body = joined(&body);
    }
    if !chunked && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"content-length")) {
        body.clear();
    }
    let (method, target, mut protocol) = (sent.method.clone(), sent.target.clone(), sent.protocol.clone());
    if protocol.is_empty() {
        protocol = b"HTTP/0.9".to_vec();
    }
    Sent { method, target, protocol, headers, body }
}

fn joined(chunks: &[u8]) -> Vec<u8> {
    let (mut rest, mut body) = (chunks, Vec::new());
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let chunk = &rest[end + 2..];
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    body
}

/// The test server answers `/reflect` with what it was sent, everything else with an empty page.
fn answer(sent: &Sent) -> Answer {
    let empty = Answer { status: 200, headers: Vec::new(), body: Vec::new() };
    if !sent.target.starts_with(b"/reflect") {
        return empty;
    }
    let Ok(wanted) = serde_json::from_slice::<serde_json::Value>(&sent.body) else { return empty };
    let encoded = wanted["encodedBody"].as_str();
    let body = match encoded.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok()) {
        Some(body) => body,
        None => wanted["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    let headers = wanted["headers"].as_object().into_iter().flatten();
    Answer {
        status: wanted["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
        headers: headers
            .map(|(name, value)| (name.clone().into_bytes(), value.as_str().unwrap_or_default().as_bytes().to_vec()))
            .collect(),
        body,
    }
}
