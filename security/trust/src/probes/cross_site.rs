//! S40: another website cannot act in the name of somebody who is signed in here. A canary's browser session is sent along with every request
//! that changes something: marked as coming from elsewhere, and as coming from here without the token that only our pages hold.

use axum::http::Method;
use identity::{Role, session};
use web::{FormToken, RouteRule, form_token};

use super::client;
use super::default_deny::filled;
use crate::canary;
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How a browser, or nothing like one, says where a request comes from.
const FROM_ELSEWHERE: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://sibling.example")],
    &[("origin", "null")],
    &[],
];
const FORBIDDEN: u16 = 403;
const KIND: &str = "urn:ringfence:problem:cross-site";
/// What a page of ours sends, as far as its browser tells.
const FROM_HERE: (&str, &str) = ("sec-fetch-site", "same-origin");
const TOKEN_KIND: &str = "urn:ringfence:problem:form-token";
const TOO_MANY: u16 = 429;

/// The probe.
pub struct CrossSite;

impl Probe for CrossSite {
    fn name(&self) -> &'static str {
        "cross-site"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { try_all(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn try_all(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let rules: Vec<&RouteRule> = context.routes.iter().filter(|rule| changes_by_cookie(rule)).collect();
    if rules.is_empty() {
        return Err(Finding::not_measured(
            "This process has no route that a browser's session could change something by.",
        ));
    }
    let [canary, _] = canary::pair(&context.platform).await?;
    let session = canary.session(&context.platform).await?;
    let cookie = format!("{}={}", context.cookie.name(), session.reveal());
    let signed_in =
        client.send(Method::GET, "/v1/sessions", &[("cookie", &cookie)], None).await.map_err(Finding::not_measured)?;
    if signed_in.status != 200 {
        return Err(Finding::not_measured(format!(
            "The session of the canary was answered {}, so refusals say nothing.",
            signed_in.status
        )));
    }
    let mut faults = Vec::new();
    for rule in &rules {
        faults.extend(ask(&client, rule, &filled(rule.path, context), &cookie).await?);
    }
    sweep(context).await;
    let holds = format!(
        "Sent {} kinds of change with a good session, each as from another site in {} ways and as from here without the token \
         of the session's pages; all were refused.",
        rules.len(),
        FROM_ELSEWHERE.len()
    );
    Ok(Finding::from_faults(&faults, holds).with("Routes that change something", rules.len()))
}

/// Can an owner's session change something by this route? What no role may, no session may.
fn changes_by_cookie(rule: &RouteRule) -> bool {
    rule.access.is_open_to(Role::Owner) && edge::csrf::is_unsafe(&rule.method) && rule.from_other_sites.is_none()
}

async fn ask(client: &Client, rule: &RouteRule, path: &str, cookie: &str) -> Result<Option<String>, Finding> {
    for from in FROM_ELSEWHERE {
        let mut headers = vec![("cookie", cookie), ("accept", "application/json")];
        headers.extend_from_slice(from);
        let answer = client.send(rule.method.clone(), path, &headers, None).await.map_err(Finding::not_measured)?;
        if answer.status != FORBIDDEN || !answer.text().contains(KIND) {
            return Ok(Some(format!("{} {} answered {} to another site", rule.method, rule.path, answer.status)));
        }
    }
    without_token(client, rule, path, cookie).await
}

/// The same from a page of ours, with no token and with somebody else's.
async fn without_token(client: &Client, rule: &RouteRule, path: &str, cookie: &str) -> Result<Option<String>, Finding> {
    let foreign = FormToken::of_session("another session");
    for token in [None, Some((form_token::HEADER, foreign.as_str()))] {
        let mut headers = vec![("cookie", cookie), ("accept", "application/json"), FROM_HERE];
        headers.extend(token);
        let answer = client.send(rule.method.clone(), path, &headers, None).await.map_err(Finding::not_measured)?;
        let refused = answer.status == FORBIDDEN && answer.text().contains(TOKEN_KIND);
        if !refused && answer.status != TOO_MANY {
            return Ok(Some(format!(
                "{} {} answered {} without the form token",
                rule.method, rule.path, answer.status
            )));
        }
    }
    Ok(None)
}

/// The session of the canary ends by itself within the hour; sweeping keeps the list of old ones short.
async fn sweep(context: &ProbeContext) {
    if let Err(error) = session::sweep(&context.platform).await {
        tracing::warn!(%error, "old sessions could not be swept");
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{HeaderMap, Method, StatusCode};

    use super::CrossSite;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = guarded().await;
        let finding = CrossSite.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_server_that_takes_changes_from_anywhere_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        for status in [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_FOUND, StatusCode::FORBIDDEN] {
            let open = Router::new().fallback(move |method: Method| async move {
                if method == Method::GET { StatusCode::OK } else { status }
            });
            context.base_url = Some(served(open).await);
            let finding = CrossSite.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{status}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_asks_for_no_token_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        let only_by_sender = Router::new().fallback(|method: Method, headers: HeaderMap| async move {
            let from_here = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
            match (method == Method::GET, from_here) {
                (true, _) | (_, true) => (StatusCode::OK, ""),
                _ => (StatusCode::FORBIDDEN, super::KIND),
            }
        });
        context.base_url = Some(served(only_by_sender).await);
        let finding = CrossSite.look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(format!("{finding:?}").contains("without the form token"), "{finding:?}");
    }

    #[tokio::test]
    async fn a_session_that_is_not_good_proves_nothing() {
        let (mut context, _kept) = guarded().await;
        let closed = Router::new().fallback(|| async { StatusCode::UNAUTHORIZED });
        context.base_url = Some(served(closed).await);
        assert_eq!(CrossSite.look(&context).await.state, State::NotMeasured);
    }

    #[tokio::test]
    async fn without_routes_it_is_not_measured() {
        let (mut context, _kept) = context().await;
        context.base_url = Some(served(Router::new()).await);
        assert_eq!(CrossSite.look(&context).await.state, State::NotMeasured);
    }
}
