//! `Idempotency-Key`: a program that lost an answer asks again with the same key, and the work is not done twice.
//!
//! Taken on every authenticated POST. The first request with a key runs to its end even when its client goes away; its
//! answer is kept sealed for 24 hours and given again, with `Idempotent-Replayed: true`. A key belongs to one credential
//! and one address; used for another body it is refused. Only successes are kept: what failed may be tried again.

mod store;

use aws_lc_rs::digest;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use identity::{Caller, Credential, Platform};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::routes::RouteRule;
use store::Begun;
pub use store::IDEMPOTENCY_KEY;
pub(crate) use store::{EXPIRE, FIND};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// Longest key.
pub const MAXIMUM_KEY_LENGTH: usize = 255;
/// How long an answer is kept.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// Largest answer that is kept; a larger one is not given twice.
pub const MAXIMUM_ANSWER_BYTES: usize = 256 * 1024;

/// What of an answer is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    content_type: Option<String>,
    location: Option<String>,
    body: String,
}

/// The key that a request brings, if it brings one that can be taken.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=MAXIMUM_KEY_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request("Send one Idempotency-Key of 1 to 255 visible ASCII characters.")),
    }
}

/// Runs the request once for its key. `run` gets the request with its whole body read.
pub(crate) async fn once<F>(
    platform: Platform,
    caller: Caller,
    rule: &RouteRule,
    key: &str,
    request: Request,
    run: impl FnOnce(Request) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Response> + Send,
{
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, rule.body_bytes).await {
        Ok(body) => body,
        Err(error) => {
            let too_long = error.into_inner().is::<LengthLimitError>();
            let problem = if too_long { Problem::too_large(rule.body_bytes) } else { Problem::request_timeout() };
            return problem.into_response();
        }
    };
    let place = place(&caller, &parts, key);
    let fingerprint = fingerprint(&parts, &body);
    let id = match store::begin(&platform, &caller, place, fingerprint).await {
        Ok(Begun::First(id)) => id,
        Ok(Begun::Running) => {
            return Problem::conflict("A request with this key is still running, or ended without an answer.")
                .into_response();
        }
        Ok(Begun::OtherRequest) => {
            return Problem::unprocessable("This key was used for another request.", Vec::new()).into_response();
        }
        Ok(Begun::Done { status, answer }) => return replay(status, answer),
        Err(problem) => return problem.into_response(),
    };
    let keeps_answer = !rule.answers_secret;
    // Its own task: once begun, the work ends and its answer is kept, whether or not the client still waits.
    let work = tokio::spawn(async move {
        let response = run(Request::from_parts(parts, Body::from(body))).await;
        finish(&platform, &caller, id, response, keeps_answer).await
    });
    work.await.unwrap_or_else(|error| Problem::internal(error).into_response())
}

/// Keeps a success, forgets anything else.
async fn finish(platform: &Platform, caller: &Caller, id: uuid::Uuid, response: Response, keep: bool) -> Response {
    if !response.status().is_success() {
        if let Err(problem) = store::forget(platform, caller, id).await {
            return problem.into_response();
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal("an answer could not be read").into_response();
    };
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answer = std::str::from_utf8(&bytes).ok().filter(|body| keep && body.len() <= MAXIMUM_ANSWER_BYTES);
    let answer = answer.map(|body| Answer {
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: body.to_owned(),
    });
    if let Err(problem) = store::end(platform, caller, id, parts.status, answer.as_ref()).await {
        // The work is done; that a repetition will be refused instead of replayed is the smaller harm.
        tracing::error!(status = %problem.status(), "an answer could not be kept for repetition");
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn replay(status: StatusCode, answer: Option<Answer>) -> Response {
    let Some(answer) = answer else {
        return Problem::conflict("This was done already; its answer is not kept.").into_response();
    };
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, text) in [(header::CONTENT_TYPE, answer.content_type), (header::LOCATION, answer.location)] {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    response
}

/// Where a key counts: one credential, one method, one address.
fn place(caller: &Caller, parts: &Parts, key: &str) -> [u8; 32] {
    let credential = match caller.credential() {
        Credential::Session(id) | Credential::ApiKey(id) | Credential::Support { session: id, .. } => id.to_string(),
        Credential::Channel => String::new(),
    };
    sha256(&[credential.as_bytes(), parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), key.as_bytes()])
}

/// What the key was used for.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let media_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    sha256(&[media_type, body])
}

/// The hash of pieces, each with its length, so that none can pose as a part of its neighbour.
fn sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(&(piece.len() as u64).to_be_bytes());
        context.update(piece);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_at_their_edges() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, value.parse().expect("a header value"));
            }
            key(&headers).map_err(|problem| problem.status().as_u16())
        };
        let longest = "k".repeat(MAXIMUM_KEY_LENGTH);
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[&longest]), Ok(Some(longest.clone())));
        assert_eq!(read(&[&format!("{longest}k")]), Err(400));
        assert_eq!(read(&[""]), Err(400));
        assert_eq!(read(&["a b"]), Err(400));
        assert_eq!(read(&["a", "a"]), Err(400));
    }

    #[test]
    fn pieces_do_not_run_together() {
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
    }
}
