//! Every error as a problem document (RFC 9457): the same five members from every route, never a secret, never a stack.

use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// The kind of the problem that an organization is sealed.
const SEALED: &str = "organization-sealed";

/// After so long a visitor may try again where nobody answers.
const NOBODY_ANSWERS_SECONDS: u64 = 300;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One field of the request that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, with dots into nested objects; empty when it is the whole body.
    pub field: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error of one field.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// An error as the client reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, for programs: `urn:ringfence:problem:not-found`.
    #[serde(rename = "type")]
    #[schema(example = "urn:ringfence:problem:not-found")]
    kind: String,
    /// The kind in words.
    title: String,
    /// The status code, repeated.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What it means this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The fields that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str) -> Self {
        Self {
            kind: format!("urn:ringfence:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }

    fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read").with_detail(detail)
    }

    /// 401: nobody is signed in, or the key is not good.
    pub fn unauthorized() -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Sign in or give a valid API key");
        problem.with_detail("Send `Authorization: Bearer rf_live_…`, or sign in with a browser.")
    }

    /// 403: known, but not allowed. `what` names the missing permission.
    pub fn forbidden(what: impl Display) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed");
        problem.with_detail(format!("This needs the permission {what}."))
    }

    /// 403: an operator with support access asked for more than the organization granted.
    pub fn support_scope() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "support-scope", "Not granted to support");
        problem.with_detail("Support looks at what the organization has granted, and changes nothing.")
    }

    /// 403: an operator's own session, where only organizations' people and programs may come.
    pub fn operator_apart() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "operator", "Operators have nothing here");
        problem
            .with_detail("What runs the installation opens no organization. Ask the organization for support access.")
    }

    /// 403: a test key where only people and live keys come in.
    pub fn test_key() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "test-key", "Not for test keys");
        problem.with_detail("A key that begins with rf_test_ reaches simulated carriers only. Use a live key here.")
    }

    /// 403: the key of a directory where it has nothing to do.
    pub fn directory_key() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "directory-key", "Not for the key of a directory");
        problem.with_detail("This key provisions people below /scim/v2 and does nothing else.")
    }

    /// 403: the firewall took it for an attack. `reference` finds the entry in the log.
    pub fn firewall(reference: impl Display) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "firewall", "This looks like an attack");
        problem.with_detail(format!(
            "The firewall refused this request, and nothing of it was done. If you meant no harm, tell whoever runs this server \
             the reference {reference}."
        ))
    }

    /// 403: another site sent this, or nobody can tell.
    pub fn cross_site() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "cross-site", "Sent from another site");
        problem.with_detail("Changes are taken from pages of this server only. Programs use an API key.")
    }

    /// 403: signed in by one factor, and two are asked for.
    pub fn second_factor_required(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "second-factor-required", "A second factor is needed").with_detail(detail)
    }

    /// 403: signed in, but too long ago for something sensitive.
    pub fn step_up_required() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "step-up-required", "Please confirm that it is you");
        let minutes = identity::STEP_UP_SECONDS / 60;
        problem.with_detail(format!(
            "This needs a sign-in or a confirmation within the last {minutes} minutes: open /sign-in/confirm in the browser."
        ))
    }

    /// 403: something that only people do, asked for by a program's key.
    pub fn people_only() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "people-only", "Only people do this");
        problem.with_detail("No API key may do this, whatever its role. Sign in with a browser.")
    }

    /// 403: a change by session without the token of the session's own pages.
    pub fn form_token() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "form-token", "This page is older than your session");
        problem.with_detail(
            "The form does not belong to the session that sent it. Load the page again, then repeat the change. Scripts send \
             the page's token in the header `ringfence-form-token`; programs use an API key.",
        )
    }

    /// 403: the organization lets in listed networks only, and this address is in none of them.
    pub fn address_refused(address: Option<std::net::IpAddr>) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "address-not-allowed", "Not from this address");
        let address = address.map_or_else(|| "this address".to_owned(), |address| address.to_canonical().to_string());
        problem.with_detail(format!(
            "The organization may be reached from listed networks only, and {address} is in none of them. Ask its owner to add it \
             (Settings, Networks), or come from a listed network."
        ))
    }

    /// 403: an expiring link that is over, altered, or bound to somebody else; which of these is not said.
    pub fn link_refused() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed");
        problem.with_detail("This link has expired or was not made for you.")
    }

    /// 404: there is no such thing, or not in this organization; which of both is not said.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here")
    }

    /// 405: the address exists, the method does not. The guard adds `Allow`.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This address does not take that method")
    }

    /// 408: the request did not arrive in time.
    pub fn request_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time")
    }

    /// 409: it contradicts what is there.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "This contradicts what is there").with_detail(detail)
    }

    /// 413: more bytes than this route takes.
    pub fn too_large(maximum_bytes: usize) -> Self {
        let problem = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large");
        problem.with_detail(format!("This route takes at most {maximum_bytes} bytes."))
    }

    /// 415: another media type than this route reads.
    pub fn unsupported_media_type(expected: &str) -> Self {
        let problem =
            Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "This media type is not read here");
        problem.with_detail(format!("Send `Content-Type: {expected}`."))
    }

    /// 422: readable, but not acceptable.
    pub fn unprocessable(detail: impl Into<String>, errors: Vec<FieldError>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be accepted");
        Self { errors, ..problem.with_detail(detail) }
    }

    /// 422 about one field.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::unprocessable("A field cannot be accepted.", vec![FieldError::new(field, detail)])
    }

    /// 429: too often. The guard adds the headers.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests");
        let detail = format!("Try again in {retry_after_seconds} seconds.");
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem.with_detail(detail) }
    }

    /// 429: not too fast, but too much: a quota is used up, and trying again soon does not help.
    pub fn quota_used_up(quota: &str, seconds_left: Option<u64>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "quota-used-up", "A quota is used up");
        let problem =
            problem.with_detail(format!("This widget's quota {quota} is used up. Please call the business instead."));
        Self { retry_after_seconds: seconds_left, ..problem }
    }

    /// 403: so much goes on that the sender must solve a puzzle first.
    pub fn challenge_required() -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "challenge-required", "A solved challenge is needed");
        problem.with_detail(
            "Many conversations are beginning at this moment. Ask for a challenge (POST /widget/challenge), solve it, and send \
             it with the request.",
        )
    }

    /// 500: our fault. The cause goes to the log (parts keep secrets and personal data out of their errors), not to the
    /// client.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed on the server")
    }

    /// 423: the organization is sealed, and nothing of it can be read.
    pub fn organization_sealed() -> Self {
        let problem = Self::new(StatusCode::LOCKED, SEALED, "This organization is sealed");
        problem.with_detail(
            "Nothing of it can be read until an owner unseals it: Settings, Encryption, or on the machine itself `ringfence vault unseal`. Nothing is lost.",
        )
    }

    /// Does it say that the organization is sealed?
    pub fn is_organization_sealed(&self) -> bool {
        self.status == StatusCode::LOCKED
    }

    /// 500: something sealed does not open. It is not given out as it is; the cause goes to the log.
    pub fn damaged(cause: impl Display) -> Self {
        tracing::error!(%cause, "something sealed does not open");
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", "This was damaged or altered");
        problem
            .with_detail("It does not open any more, so it is not given out. Whoever runs the machine can restore it.")
    }

    /// 503: not now.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment");
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem.with_detail(detail) }
    }

    /// 503: to a visitor, when the organization cannot answer at the moment; why is not said.
    pub fn nobody_answers() -> Self {
        Self::unavailable("This cannot be answered at the moment. Please try again later.", NOBODY_ANSWERS_SECONDS)
    }

    /// The problem that stands for a bare status, as axum's own refusals have them.
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::unauthorized(),
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::REQUEST_TIMEOUT => Self::request_timeout(),
            StatusCode::BAD_REQUEST => Self::new(status, "bad-request", "The request cannot be read"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "too-large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(status, "unsupported-media-type", "This media type is not read here")
            }
            StatusCode::UNPROCESSABLE_ENTITY => Self::new(status, "unprocessable", "The request cannot be accepted"),
            StatusCode::INTERNAL_SERVER_ERROR => Self::new(status, "internal", "Something failed on the server"),
            other => Self::new(other, "other", other.canonical_reason().unwrap_or("The request was refused")),
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Which kind of problem, for programs: `urn:ringfence:problem:not-found`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The kind in words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it means this time, and which fields it is about, as one text for a page.
    pub fn words(&self) -> String {
        let fields = self.errors.iter().map(|error| format!("{}: {}", error.field, error.detail));
        self.detail.iter().cloned().chain(fields).collect::<Vec<_>>().join(" ")
    }

    /// The fields it is about.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ringfence\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<storage::Error> for Problem {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Conflict { constraint } => {
                Self::conflict(format!("Another one has the same {constraint}."))
            }
            storage::Error::Reference => Self::conflict("It refers to something that is not there, or is still used."),
            storage::Error::Busy => Self::unavailable("The database is busy.", 1),
            other => Self::internal(other),
        }
    }
}

impl From<vault::Error> for Problem {
    fn from(error: vault::Error) -> Self {
        match error {
            vault::Error::Sealed => Self::organization_sealed(),
            vault::Error::NoKey { .. } => Self::not_found(),
            vault::Error::NotAuthentic { .. } | vault::Error::Unfinished | vault::Error::EmptyObject => {
                Self::damaged(error)
            }
            vault::Error::RotationRuns => Self::conflict("These keys are being rotated already: see GET /v1/vault."),
            vault::Error::SecretsFull => Self::conflict(error.to_string()),
            vault::Error::Secret(why) => Self::unprocessable(why, Vec::new()),
            other => Self::internal(other),
        }
    }
}

impl From<audit::Error> for Problem {
    fn from(error: audit::Error) -> Self {
        Self::internal(error)
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        match error {
            identity::Error::Storage(error) => error.into(),
            identity::Error::Vault(error) => error.into(),
            identity::Error::Audit(error) => error.into(),
            identity::Error::Invalid { field, reason } => Self::field(field, reason),
            identity::Error::TokenRefused | identity::Error::SingleSignOnRequired => {
                Self::unprocessable(error.to_string(), Vec::new())
            }
            identity::Error::Stopped => Self::unauthorized(),
            identity::Error::SupportOnlyLooks => Self::support_scope(),
            identity::Error::NotFound => Self::not_found(),
            identity::Error::Conflict(words) => Self::conflict(words),
            identity::Error::BeyondOwnRole => Self::forbidden("to grant this role"),
            identity::Error::EmailTaken => Self::field("email", error.to_string()),
            identity::Error::Breached(ref cause) => {
                tracing::error!(%cause, "new passwords cannot be checked");
                Self::unavailable(error.to_string(), 60)
            }
            identity::Error::Busy => Self::unavailable(error.to_string(), 5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_its_members_and_its_media_type() {
        let problem = Problem::unprocessable("No.", vec![FieldError::new("a.b", "too long")]);
        let text = serde_json::to_string(&problem).expect("serializable");
        assert_eq!(
            text,
            r#"{"type":"urn:ringfence:problem:unprocessable","title":"The request cannot be accepted","status":422,"detail":"No.","errors":[{"field":"a.b","detail":"too long"}]}"#
        );
        let response = problem.into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    }

    #[test]
    fn headers_that_belong_to_a_status_are_there() {
        assert!(Problem::unauthorized().into_response().headers().contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(Problem::too_many_requests(7).into_response().headers()[header::RETRY_AFTER], "7");
    }

    #[test]
    fn the_cause_of_a_failure_stays_inside() {
        let problem = Problem::internal("column secret_column is odd");
        assert!(!serde_json::to_string(&problem).expect("serializable").contains("secret_column"));
    }
}
