//! The token of forms: every change that a browser's session authenticates carries a second secret, which only pages of that
//! session hold.
//!
//! It is HMAC-SHA256 under the session's own secret, so there is nothing to store, it changes with the session, and whoever
//! can make a browser send its cookie still does not know it (the synchronizer token of OWASP's cheat sheet; ASVS 3.5.1).
//! It comes as the first field of a form or in a header, beside the check of where the request was sent from
//! ([`edge::csrf`]). Pages that let people in have no session yet: there the sender's check and `SameSite` stand alone.

use std::fmt::{Display, Formatter};

use askama::filters::HtmlSafe;
use aws_lc_rs::hmac;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, header};

use crate::problem::Problem;

/// The field of a form; the first one, so that it is found without reading a whole upload.
pub const FIELD: &str = "form_token";
/// The header for scripts.
pub const HEADER: &str = "ringfence-form-token";
/// What else is derived from a session's secret must name another purpose.
const PURPOSE: &[u8] = b"ringfence form token v1";
/// The field of a multipart form stands within so many bytes.
const MULTIPART_HEAD_BYTES: usize = 1024;
/// Hexadecimal digits of a token.
const LENGTH: usize = 64;

/// The token of one session. Debugging shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct FormToken(String);

impl FormToken {
    /// The token that belongs to this session's secret (the cookie's value).
    pub fn of_session(secret: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Self(hex::encode(hmac::sign(&key, PURPOSE)))
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, presented: &[u8]) -> bool {
        identity::token::same(self.0.as_bytes(), presented)
    }

    /// Looks for the token in the header or at the start of the body. Gives the request back without the field, so that
    /// handlers never see it; only a multipart form keeps it.
    pub async fn take(&self, request: Request) -> Result<Request, Problem> {
        if let Some(presented) = only(request.headers(), HEADER) {
            return if self.is(presented.as_bytes()) { Ok(request) } else { Err(Problem::form_token()) };
        }
        let media_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if media_type.starts_with(b"application/x-www-form-urlencoded") {
            self.take_field(request).await
        } else if media_type.starts_with(b"multipart/form-data") {
            self.find_part(request).await
        } else {
            Err(Problem::form_token())
        }
    }

    /// `form_token=…` in front of the other fields.
    async fn take_field(&self, request: Request) -> Result<Request, Problem> {
        let (mut parts, body) = request.into_parts();
        let (start, rest) = beginning(body, FIELD.len() + 1 + LENGTH + 1).await?;
        let field = start.strip_prefix(FIELD.as_bytes()).and_then(|start| start.strip_prefix(b"="));
        let (token, others) = field.and_then(|field| field.split_at_checked(LENGTH)).ok_or_else(Problem::form_token)?;
        let followed_well = others.is_empty() || others.starts_with(b"&");
        if !self.is(token) || !followed_well {
            return Err(Problem::form_token());
        }
        let taken = FIELD.len() + 1 + LENGTH + usize::from(!others.is_empty());
        if let Some(length) = only(&parts.headers, header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok()) {
            let left: usize = usize::saturating_sub(length, taken);
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(left));
        }
        let others = Bytes::copy_from_slice(&start[taken.min(start.len())..]);
        Ok(Request::from_parts(parts, joined(others, rest)))
    }

    /// The token as the first part of a multipart form.
    async fn find_part(&self, request: Request) -> Result<Request, Problem> {
        let (parts, body) = request.into_parts();
        let (start, rest) = beginning(body, MULTIPART_HEAD_BYTES).await?;
        let name = format!("name=\"{FIELD}\"\r\n\r\n");
        let head = &start[..start.len().min(MULTIPART_HEAD_BYTES)];
        let found = head.windows(name.len()).position(|window| window == name.as_bytes());
        let token = found.and_then(|position| head.get(position + name.len()..position + name.len() + LENGTH));
        if !token.is_some_and(|token| self.is(token)) {
            return Err(Problem::form_token());
        }
        Ok(Request::from_parts(parts, joined(start, rest)))
    }
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// At least so many bytes of the body, or all of it; and what follows.
async fn beginning(body: Body, wanted: usize) -> Result<(Bytes, Body), Problem> {
    let mut stream = body.into_data_stream();
    let mut start = Vec::new();
    while start.len() < wanted {
        match stream.next().await {
            Some(Ok(piece)) => start.extend_from_slice(&piece),
            Some(Err(_)) => return Err(Problem::request_timeout()),
            None => break,
        }
    }
    Ok((start.into(), Body::from_stream(stream)))
}

fn joined(start: Bytes, rest: Body) -> Body {
    let first = stream::iter([Ok::<_, axum::Error>(start)]);
    Body::from_stream(first.chain(rest.into_data_stream()))
}

impl std::fmt::Debug for FormToken {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FormToken(hidden)")
    }
}

/// The hidden field of a form; nothing for a page without a session.
#[derive(Debug)]
pub struct FormField<'a>(pub(crate) Option<&'a FormToken>);

impl Display for FormField<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(token) => write!(formatter, r#"<input type="hidden" name="{FIELD}" value="{}">"#, token.as_str()),
            None => Ok(()),
        }
    }
}

/// Made of a fixed text and hexadecimal digits.
impl HtmlSafe for FormField<'_> {}

impl<S: Sync> FromRequestParts<S> for FormToken {
    type Rejection = Problem;

    /// The token of the session behind this request, as the guard put it there.
    async fn from_request_parts(parts: &mut http::request::Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}

#[cfg(test)]
mod tests;
