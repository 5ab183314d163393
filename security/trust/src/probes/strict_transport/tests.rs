//! A missing, short or misplaced header, and a redirect that is none, turn the promise red.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use edge::acme::Challenges;
use web::SessionCookie;

use super::{StrictTransport, WANTED};
use crate::finding::{Finding, State};
use crate::probe::Probe;
use crate::probes::testing::{context, served};

async fn saying(header: Option<&'static str>) -> String {
    served(Router::new().fallback(move || async move {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("strict-transport-security", header.parse().expect("a value"));
        }
        headers.into_response()
    }))
    .await
}

async fn look(header: Option<&'static str>, cookie: SessionCookie, redirect: Option<Router>) -> Finding {
    let (mut context, _kept) = context().await;
    context.base_url = Some(saying(header).await);
    context.cookie = cookie;
    context.public_name = Some("desk.example".to_owned());
    if let Some(redirect) = redirect {
        context.redirect_url = Some(served(redirect).await);
    }
    StrictTransport.look(&context).await
}

#[tokio::test]
async fn the_header_is_held_to_its_words_and_its_place() {
    for (header, cookie, state) in [
        (Some(WANTED), SessionCookie::OverTls, State::Holds),
        (None, SessionCookie::OnLoopback, State::Holds),
        (None, SessionCookie::OverTls, State::Broken),
        (Some("max-age=300"), SessionCookie::OverTls, State::Broken),
        (Some("max-age=63072000"), SessionCookie::OverTls, State::Broken),
        (Some(WANTED), SessionCookie::OnLoopback, State::Broken),
    ] {
        let finding = look(header, cookie, None).await;
        assert_eq!(finding.state, state, "{header:?}: {finding:?}");
    }
}

#[tokio::test]
async fn a_redirect_that_is_none_is_seen() {
    let ours = edge::redirect::router("https://desk.example", Challenges::default());
    let finding = look(Some(WANTED), SessionCookie::OverTls, Some(ours)).await;
    assert!(finding.state == State::Holds && finding.evidence.contains("redirect"), "{finding:?}");
    let to = |target: &'static str| {
        Router::new().fallback(move || async move { (StatusCode::PERMANENT_REDIRECT, [("location", target)]) })
    };
    for broken in [
        Router::new().fallback(|| async { "the page itself, in clear" }),
        to("http://desk.example/"),
        to("https://evil.example/"),
        // Sends on whatever it is asked, credentials included.
        edge::redirect::router("https://evil.example", Challenges::default()),
    ] {
        let finding = look(Some(WANTED), SessionCookie::OverTls, Some(broken)).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
    }
}
