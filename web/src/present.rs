//! Problems as their reader wants them: documents for programs, pages for people.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use edge::Nonce;
use edge::headers::Private;
use http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;
use crate::scim;
use crate::shell::{Html, ProblemPage, Shell, SignInPage};

/// Middleware: every refusal leaves as a problem, as a page where a browser asked for one.
pub(crate) async fn problems(request: Request, next: Next) -> Response {
    let wants_page = wants_page(request.uri().path(), request.headers());
    let is_provisioning = scim::is_below(request.uri().path());
    let nonce = request.extensions().get::<Nonce>().cloned();
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    if status != StatusCode::METHOD_NOT_ALLOWED {
        // axum names the methods of a path even when a stranger is only told that he is one.
        response.headers_mut().remove(header::ALLOW);
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_finished(&response) => return response,
        None => Problem::from_status(status),
    };
    let headers = std::mem::take(response.headers_mut());
    let private = response.extensions_mut().remove::<Private>();
    let mut response = match nonce {
        _ if is_provisioning => scim::of_problem(&problem),
        Some(nonce) if wants_page => page(&problem, nonce),
        _ => problem.into_response(),
    };
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::SET_COOKIE] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    for name in ["ratelimit", "ratelimit-policy"] {
        if let Some(value) = headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(private) = private {
        response.extensions_mut().insert(private);
    }
    response
}

/// A handler's own page or document about the error; only bare statuses and axum's plain sentences are rewritten.
fn is_finished(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| !media_type.as_bytes().starts_with(b"text/plain"))
}

/// Browsers that navigate say that they take HTML; under `/v1` and `/scim` nobody gets any.
pub(crate) fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let is_api = path == "/v1" || path.starts_with("/v1/") || scim::is_below(path);
    let takes_html = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|kind| kind.trim().starts_with("text/html")));
    takes_html && !is_api
}

fn page(problem: &Problem, nonce: Nonce) -> Response {
    let status = problem.status();
    if status == StatusCode::UNAUTHORIZED {
        let shell = Shell::alone("Sign in", nonce);
        let page = Html(SignInPage { shell, email: String::new(), error: String::new() });
        return (status, page).into_response();
    }
    let shell = Shell::alone(problem.title(), nonce);
    let next = if problem.is_organization_sealed() {
        ("/settings/encryption", "To the page where it is unsealed")
    } else {
        ("/", "To the overview")
    };
    let page = ProblemPage {
        shell,
        status: status.as_u16(),
        detail: problem.words(),
        next_address: next.0.to_owned(),
        next_word: next.1.to_owned(),
    };
    (status, Html(page)).into_response()
}
