//! S10, S12: a session that has shown one factor where two are asked for reaches no route but those that set the second one up.

use axum::http::Method;
use identity::token::Secret;
use web::{Access, Early, FormToken, RouteRule, StepUp};

use super::client;
use super::default_deny::filled;
use crate::canary;
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;

/// The probe.
pub struct SecondFactor;

impl Probe for SecondFactor {
    fn name(&self) -> &'static str {
        "second-factor"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { walk(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn walk(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let closed: Vec<&RouteRule> = context.routes.iter().filter(|rule| is_for_members(rule)).collect();
    if closed.is_empty() {
        return Err(Finding::not_measured("This process has no routes to walk."));
    }
    let [canary, _] = canary::pair(&context.platform).await?;
    let session = canary.session_by_one_factor(&context.platform).await?;
    let mut faults = Vec::new();
    let (mut asked, mut open) = (0, 0);
    for rule in closed {
        if rule.early != Early::No {
            open += 1;
            continue;
        }
        asked += 1;
        let path = filled(rule.path, context);
        faults.extend(fault(&client, context, &session, &rule.method, &path, "second-factor-required").await?);
    }
    let holds = format!(
        "An Owner's session that had shown a password alone asked {asked} addresses; every one wanted the second factor first."
    );
    Ok(Finding::from_faults(&faults, holds)
        .with("Addresses asked", asked)
        .with("Left open to set it up, show it or leave", open))
}

/// Asks once with this session, marked as our own page would; a fault unless it is refused as this kind of problem.
pub(super) async fn fault(
    client: &Client,
    context: &ProbeContext,
    session: &Secret,
    method: &Method,
    path: &str,
    kind: &str,
) -> Result<Option<String>, Finding> {
    let cookie = format!("{}={}", context.cookie.name(), session.reveal());
    let token = FormToken::of_session(session.reveal());
    let headers = [
        ("accept", "application/json"),
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        (web::form_token::HEADER, token.as_str()),
    ];
    let answer = client.send(method.clone(), path, &headers, None).await.map_err(Finding::not_measured)?;
    match answer.status {
        FORBIDDEN if answer.text().contains(&format!("urn:ringfence:problem:{kind}")) => Ok(None),
        TOO_MANY => Err(Finding::not_measured("The walk was slowed down by the limit on requests.")),
        status => Ok(Some(format!("{method} {path} answered {status} instead of {kind}"))),
    }
}

pub(super) fn is_for_members(rule: &RouteRule) -> bool {
    matches!(rule.access, Access::Permission(_) | Access::Member)
}

/// Does the route ask again who is there?
pub(super) fn asks_again(rule: &RouteRule) -> bool {
    rule.step_up != StepUp::No && is_for_members(rule)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;

    use super::SecondFactor;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = guarded().await;
        let finding = SecondFactor.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_server_that_forgets_the_second_factor_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        for status in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND] {
            let forgetful = Router::new().fallback(move || async move { (status, "{}") });
            context.base_url = Some(served(forgetful).await);
            let finding = SecondFactor.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{status}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn without_a_server_it_is_not_measured() {
        let (context, _kept) = context().await;
        assert_eq!(SecondFactor.look(&context).await.state, State::NotMeasured);
    }
}
