//! Refusals below `/scim/v2`, in the words of RFC 7644 section 3.12: provisioning clients read no other.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::problem::Problem;

/// The media type of everything below `/scim/v2`.
pub const MEDIA_TYPE: &str = "application/scim+json";
/// The schema of an error.
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Does a request for this path come from a provisioning client?
pub(crate) fn is_below(path: &str) -> bool {
    path == "/scim" || path.starts_with("/scim/")
}

/// An error as a provisioning client reads it; `kind` is the `scimType`, where the specification has one.
pub fn error(status: StatusCode, kind: Option<&str>, detail: &str) -> Response {
    let mut body = json!({"schemas": [ERROR_SCHEMA], "status": status.as_str(), "detail": detail});
    if let Some(kind) = kind {
        body["scimType"] = kind.into();
    }
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body.to_string()).into_response()
}

/// A problem in the same form.
pub fn of_problem(problem: &Problem) -> Response {
    let words = problem.words();
    let words = if words.is_empty() { problem.title() } else { &words };
    // Which problem it is, for whoever looks it up; the form has no member for that.
    let mut response = error(problem.status(), None, &format!("{words} ({})", problem.kind()));
    if problem.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ringfence\""));
    }
    response
}
