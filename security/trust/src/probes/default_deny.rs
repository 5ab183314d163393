//! S1, S2: a stranger is answered 401 by every route that is not listed as public, and by every address that does not exist.

use std::collections::BTreeSet;

use axum::http::Method;
use web::{Access, RouteRule};

use super::client;
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// What a stranger shows: nothing, a key that was never made, a session that was never opened.
const SHOWN: &[(&str, &str)] = &[
    ("accept", "application/json"),
    ("authorization", "Bearer not-a-key"),
    ("cookie", "ringfence_session=none; __Host-ringfence_session=none"),
];
const UNKNOWN_ADDRESSES: &[&str] = &["/v1/no-such-thing", "/no/such/page", "/.git/config"];
const UNAUTHORIZED: u16 = 401;
const TOO_MANY: u16 = 429;

/// The probe.
pub struct DefaultDeny;

impl Probe for DefaultDeny {
    fn name(&self) -> &'static str {
        "default-deny"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { walk(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn walk(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    if context.routes.is_empty() {
        return Err(Finding::not_measured("This process has no routes to walk."));
    }
    let guarded = context.routes.iter().filter(|rule| needs_credential(rule));
    let unknown = UNKNOWN_ADDRESSES.iter().map(|path| (Method::GET, (*path).to_owned()));
    let asked: Vec<(Method, String)> =
        guarded.map(|rule| (rule.method.clone(), filled(rule.path, context))).chain(unknown).collect();
    let mut faults = Vec::new();
    for (method, path) in &asked {
        faults.extend(ask(&client, method, path).await?);
    }
    let public: BTreeSet<&str> =
        context.routes.iter().filter(|rule| !needs_credential(rule)).map(|rule| rule.path).collect();
    let holds = format!("Asked {} addresses as a stranger, each in three ways; every one answered 401.", asked.len());
    let public_list = public.iter().copied().collect::<Vec<_>>().join(" ");
    Ok(Finding::from_faults(&faults, holds)
        .with("Addresses asked", asked.len())
        .with("Public addresses", format!("{}: {public_list}", public.len())))
}

/// Asks in each of the ways; a fault for each answer that is not a refusal.
async fn ask(client: &Client, method: &Method, path: &str) -> Result<Vec<String>, Finding> {
    let mut faults = Vec::new();
    for shown in [&SHOWN[..1], &SHOWN[..2], &[SHOWN[0], SHOWN[2]]] {
        let answer = client.send(method.clone(), path, shown, None).await.map_err(Finding::not_measured)?;
        match answer.status {
            UNAUTHORIZED => {}
            TOO_MANY => return Err(Finding::not_measured("The walk was slowed down by the limit on requests.")),
            status => faults.push(format!("{method} {path} answered {status} to a stranger")),
        }
    }
    faults.truncate(1);
    Ok(faults)
}

fn needs_credential(rule: &RouteRule) -> bool {
    !matches!(rule.access, Access::Public(_) | Access::Visitor(_))
}

/// The path with a fresh identifier in the place of each variable.
pub fn filled(path: &str, context: &ProbeContext) -> String {
    let segment = |segment: &str| {
        if segment.starts_with('{') { context.platform.identifiers.next().to_string() } else { segment.to_owned() }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::DefaultDeny;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = guarded().await;
        let finding = DefaultDeny.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert!(finding.figures[1].value.contains("/csp-report"), "public ones are listed: {finding:?}");
    }

    #[tokio::test]
    async fn a_route_that_forgot_its_guard_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        let open = Router::new()
            .route("/v1/keys", get(|| async { "[]" }))
            .fallback(|| async { axum::http::StatusCode::UNAUTHORIZED });
        context.base_url = Some(served(open).await);
        let finding = DefaultDeny.look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("GET /v1/keys answered 200"), "{finding:?}");
    }

    #[tokio::test]
    async fn an_unknown_address_that_says_so_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        let telling = Router::new().fallback(|uri: axum::http::Uri| async move {
            if uri.path().contains("no-such") {
                axum::http::StatusCode::NOT_FOUND
            } else {
                axum::http::StatusCode::UNAUTHORIZED
            }
        });
        context.base_url = Some(served(telling).await);
        assert_eq!(DefaultDeny.look(&context).await.state, State::Broken);
    }

    #[tokio::test]
    async fn without_routes_or_server_it_is_not_measured() {
        let (mut context, _kept) = context().await;
        assert_eq!(DefaultDeny.look(&context).await.state, State::NotMeasured);
        context.base_url = Some("http://127.0.0.1:1".to_owned());
        assert_eq!(DefaultDeny.look(&context).await.state, State::NotMeasured);
    }
}
