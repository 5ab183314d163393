//! The plain HTTP listener beside a TLS one: sends browsers to the TLS address and answers challenges of ACME, nothing else.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, Uri, header};

use crate::acme::Challenges;

/// What the redirecting listener knows.
#[derive(Clone)]
struct Redirect {
    /// `https://host[:port]`, from the settings; never from the request, which may be anybody's.
    base_url: String,
    challenges: Challenges,
}

/// The routes of the redirecting listener. `base_url` is where the TLS listener answers (`https://desk.example`).
pub fn router(base_url: &str, challenges: Challenges) -> Router {
    let redirect = Redirect { base_url: base_url.trim_end_matches('/').to_owned(), challenges };
    Router::new().route("/.well-known/acme-challenge/{token}", get(challenge)).fallback(elsewhere).with_state(redirect)
}

/// RFC 8555 section 8.3.
async fn challenge(State(redirect): State<Redirect>, Path(token): Path<String>) -> Response {
    match redirect.challenges.answer(&token) {
        Some(answer) => ([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// 308 keeps method and body (RFC 9110 section 15.4.9). A credential that came in clear is not sent on but called out: it has
/// been readable to everybody on the way.
async fn elsewhere(State(redirect): State<Redirect>, uri: Uri, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        let told = "This request carried a credential without TLS, where anybody on the way could read it. Replace the \
                    credential, and use the https address.\n";
        return (StatusCode::FORBIDDEN, told).into_response();
    }
    // Only the path in origin form: `//other.example` would be another host, so it is never a base of its own.
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = format!("{}{path}", redirect.base_url);
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt as _;

    async fn ask(path: &str, credential: bool) -> Response {
        let challenges = Challenges::default();
        challenges.put("token-1", "token-1.thumbprint");
        let mut request = Request::get(path).header("host", "evil.example");
        if credential {
            request = request.header("authorization", "Bearer rf_live_canary");
        }
        let request = request.body(Body::empty()).expect("a request");
        router("https://desk.example/", challenges).oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn everything_is_sent_to_the_configured_address_and_no_other() {
        for (path, target) in [
            ("/", "https://desk.example/"),
            ("/inbox?state=open&x=%2F", "https://desk.example/inbox?state=open&x=%2F"),
            ("//evil.example/", "https://desk.example//evil.example/"),
            ("http://evil.example/a", "https://desk.example/a"),
            ("/.well-known/acme-challenge/", "https://desk.example/.well-known/acme-challenge/"),
        ] {
            let answer = ask(path, false).await;
            assert_eq!(
                (answer.status(), &answer.headers()["location"]),
                (StatusCode::PERMANENT_REDIRECT, &target.parse().expect("a value")),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_credential_in_clear_is_refused_and_not_sent_on() {
        let answer = ask("/v1/agents", true).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(!answer.headers().contains_key("location"));
        let body = axum::body::to_bytes(answer.into_body(), 4096).await.expect("a body");
        assert!(!String::from_utf8_lossy(&body).contains("canary"));
    }

    #[tokio::test]
    async fn challenges_are_answered_and_unknown_ones_are_not() {
        let answer = ask("/.well-known/acme-challenge/token-1", false).await;
        let body = axum::body::to_bytes(answer.into_body(), 4096).await.expect("a body");
        assert_eq!(&body[..], b"token-1.thumbprint");
        assert_eq!(ask("/.well-known/acme-challenge/token-2", false).await.status(), StatusCode::NOT_FOUND);
    }
}
