//! S10, S12: a session that has shown one factor where two are asked for, as of Owners and Admins, reaches no route but those
//! that set the second one up.

use axum::http::Method;
use identity::Role;
use identity::token::Secret;
use web::{Access, Early, FormToken, RouteRule, StepUp};

use super::client;
use super::default_deny::filled;
use crate::canary::{self, Canary};
use crate::client::{Answer, Client};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const KIND: &str = "second-factor-required";
/// Whom the product asks for two factors, whatever the organization says.
const HELD: [Role; 2] = [Role::Owner, Role::Admin];
/// Whom it does not: they show that the refusal is one of the role.
const NOT_HELD: [Role; 2] = [Role::Manager, Role::Viewer];
/// Where every member is let in.
const FOR_EVERY_MEMBER: &str = "/v1/organization";
const OK: u16 = 200;
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
    let (open, closed): (Vec<&RouteRule>, _) = closed.into_iter().partition(|rule| rule.early != Early::No);
    let mut faults = Vec::new();
    for role in HELD {
        let session = canary.session_by_one_factor(&context.platform, role).await?;
        for rule in &closed {
            let path = filled(rule.path, context);
            let fault = fault(&client, context, &session, &rule.method, &path, KIND).await?;
            faults.extend(fault.map(|fault| format!("{} with a password alone: {fault}", role.as_str())));
        }
    }
    faults.extend(counter_examples(&client, context, &canary).await?);
    let holds = format!(
        "A session of an Owner and one of an Admin that had shown a password alone asked {} addresses each; every one wanted the second factor first. A Manager and a Viewer were let in by theirs.",
        closed.len()
    );
    Ok(Finding::from_faults(&faults, holds)
        .with("Addresses asked", closed.len() * HELD.len())
        .with("Left open to set it up, show it or leave", open.len()))
}

/// Those of whom one factor is enough must be let in where every member is: else the walk shows nothing about roles.
async fn counter_examples(client: &Client, context: &ProbeContext, canary: &Canary) -> Result<Vec<String>, Finding> {
    let mut faults = Vec::new();
    for role in NOT_HELD {
        let session = canary.session_by_one_factor(&context.platform, role).await?;
        let status = ask(client, context, &session, &Method::GET, FOR_EVERY_MEMBER).await?.status;
        if status != OK {
            faults.push(format!("{} with a password alone: GET {FOR_EVERY_MEMBER} answered {status}", role.as_str()));
        }
    }
    Ok(faults)
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
    let answer = ask(client, context, session, method, path).await?;
    match answer.status {
        FORBIDDEN if answer.text().contains(&format!("urn:ringfence:problem:{kind}")) => Ok(None),
        status => Ok(Some(format!("{method} {path} answered {status} instead of {kind}"))),
    }
}

/// Asks once with this session, as a script of our own page would.
async fn ask(
    client: &Client,
    context: &ProbeContext,
    session: &Secret,
    method: &Method,
    path: &str,
) -> Result<Answer, Finding> {
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
        TOO_MANY => Err(Finding::not_measured("The walk was slowed down by the limit on requests.")),
        _ => Ok(answer),
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
    use axum::http::{HeaderMap, StatusCode};
    use identity::{Authenticator, Presented, Role};

    use super::SecondFactor;
    use crate::finding::State;
    use crate::probe::{Probe, ProbeContext};
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

    /// A server that holds these roles at the second factor and lets everybody else in everywhere.
    async fn holding(roles: &'static [Role], context: &ProbeContext) -> String {
        let judge = Authenticator::new(context.platform.clone());
        let name = context.cookie.name();
        let app = Router::new().fallback(move |headers: HeaderMap| {
            let judge = judge.clone();
            async move {
                let cookie = headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
                let session = cookie.strip_prefix(&format!("{name}=")).map(str::to_owned);
                let presented = Presented { session: session.as_deref(), ..Presented::default() };
                let caller = judge.authenticate(presented).await.expect("asked").expect("a session");
                if caller.role().is_some_and(|role| roles.contains(&role)) {
                    (StatusCode::FORBIDDEN, "{\"type\":\"urn:ringfence:problem:second-factor-required\"}")
                } else {
                    (StatusCode::OK, "{}")
                }
            }
        });
        served(app).await
    }

    #[tokio::test]
    async fn a_server_that_holds_others_than_owners_and_admins_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        for (roles, state, named) in [
            (&[Role::Owner, Role::Admin][..], State::Holds, ""),
            (&[Role::Owner], State::Broken, "admin with a password alone"),
            (&[Role::Admin], State::Broken, "owner with a password alone"),
            (&Role::ALL, State::Broken, "viewer with a password alone"),
        ] {
            context.base_url = Some(holding(roles, &context).await);
            let finding = SecondFactor.look(&context).await;
            assert_eq!(finding.state, state, "{roles:?}: {finding:?}");
            assert!(format!("{finding:?}").contains(named), "{roles:?}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn without_a_server_it_is_not_measured() {
        let (context, _kept) = context().await;
        assert_eq!(SecondFactor.look(&context).await.state, State::NotMeasured);
    }
}
