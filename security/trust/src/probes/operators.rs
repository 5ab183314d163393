//! S25, S26: what runs the installation opens no organization. An operator's token is shown to every guarded route of this server, in every
//! place that a credential can stand in; nothing may let it in.

use axum::http::Method;
use identity::token::{OPERATOR_PREFIX, Secret};
use web::{Access, RouteRule};

use super::client;
use super::default_deny::filled;
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;

/// The probe.
pub struct Operators;

impl Probe for Operators {
    fn name(&self) -> &'static str {
        "operators-apart"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { walk(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn walk(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let guarded = |rule: &&RouteRule| matches!(rule.access, Access::Permission(_) | Access::Member);
    let rules: Vec<&RouteRule> = context.routes.iter().filter(guarded).collect();
    if rules.is_empty() {
        return Err(Finding::not_measured("This process has no routes to walk."));
    }
    let token = format!("{OPERATOR_PREFIX}{}", Secret::generate(context.platform.entropy.as_ref()).reveal());
    let mut faults = Vec::new();
    for rule in &rules {
        faults.extend(ask(&client, &rule.method, &filled(rule.path, context), &token).await?);
    }
    let holds =
        format!("An operator's token was refused by all {} guarded routes, as a key and as a cookie.", rules.len());
    Ok(Finding::from_faults(&faults, holds).with("Routes", rules.len()))
}

/// As a key it is known by its shape and refused with 403; in a cookie, too, or it is nobody.
async fn ask(client: &Client, method: &Method, path: &str, token: &str) -> Result<Vec<String>, Finding> {
    let (bearer, cookie) = (
        format!("Bearer {token}"),
        format!("ringfence_session={token}; __Host-ringfence_session={token}; ringfence_operator={token}"),
    );
    let shown = [("authorization", bearer.as_str(), &[FORBIDDEN][..]), ("cookie", &cookie, &[FORBIDDEN, UNAUTHORIZED])];
    let mut faults = Vec::new();
    for (place, text, expected) in shown {
        let headers = [("accept", "application/json"), (place, text)];
        let answer = client.send(method.clone(), path, &headers, None).await.map_err(Finding::not_measured)?;
        match answer.status {
            TOO_MANY => return Err(Finding::not_measured("The walk was slowed down by the limit on requests.")),
            status if expected.contains(&status) => {}
            status => faults.push(format!("{method} {path} answered {status} to an operator's token ({place})")),
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::Operators;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{guarded, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = guarded().await;
        let finding = Operators.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_server_that_takes_an_operator_for_a_member_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        context.base_url = Some(served(Router::new().fallback(|| async { "everything" })).await);
        let finding = Operators.look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("operator's token"), "{finding:?}");
    }
}
