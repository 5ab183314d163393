//! S17, S18: each route obeys the table of roles. A canary's key of every role reads every route of this server; who is let in and who is
//! refused must be what the table says.

use std::collections::BTreeMap;

use axum::http::Method;
use identity::{MembershipState, Role, allows};
use web::{Access, RouteRule};

use super::client;
use super::default_deny::filled;
use crate::canary;
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;

/// The probe.
pub struct Roles;

impl Probe for Roles {
    fn name(&self) -> &'static str {
        "roles"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { walk(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn walk(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let rules: Vec<&RouteRule> = context.routes.iter().filter(|rule| is_read(rule)).collect();
    if rules.is_empty() {
        return Err(Finding::not_measured("This process has no routes to walk."));
    }
    let [canary, _] = canary::pair(&context.platform).await?;
    let (mut faults, mut let_in) = (Vec::new(), BTreeMap::new());
    for role in Role::ALL {
        let (key, text) = canary.key(&context.platform, role).await?;
        let walked = ask_all(context, &client, &rules, role, text.reveal()).await;
        canary.revoke(&context.platform, &key).await?;
        let (faulty, admitted) = walked?;
        faults.extend(faulty);
        let_in.insert(role.as_str(), admitted);
    }
    let holds = format!(
        "Keys of all {} roles read {} routes each; every one was let in or refused as the table says.",
        Role::ALL.len(),
        rules.len()
    );
    let counted: Vec<String> = let_in.iter().map(|(role, admitted)| format!("{role} {admitted}")).collect();
    Ok(Finding::from_faults(&faults, holds).with("Routes", rules.len()).with("Let in", counted.join(", ")))
}

/// Reading only: a probe changes nothing. Streams have no end, so they are left out.
fn is_read(rule: &RouteRule) -> bool {
    rule.method == Method::GET && rule.path != "/live" && matches!(rule.access, Access::Permission(_))
}

async fn ask_all(
    context: &ProbeContext,
    client: &Client,
    rules: &[&RouteRule],
    role: Role,
    key: &str,
) -> Result<(Vec<String>, usize), Finding> {
    let authorization = format!("Bearer {key}");
    let shown = [("accept", "application/json"), ("authorization", authorization.as_str())];
    let (mut faults, mut admitted) = (Vec::new(), 0);
    for rule in rules {
        let Access::Permission(permission) = rule.access else { continue };
        let path = filled(rule.path, context);
        let answer = client.send(Method::GET, &path, &shown, None).await.map_err(Finding::not_measured)?;
        let may = allows(role, MembershipState::Active, permission);
        match (answer.status, may) {
            (TOO_MANY, _) => return Err(Finding::not_measured("The walk was slowed down by the limit on requests.")),
            (FORBIDDEN, false) => {}
            (UNAUTHORIZED | FORBIDDEN, _) | (_, false) => {
                faults.push(format!("{} answered {} to a key of the role {}", rule.path, answer.status, role.as_str()));
            }
            (_, true) => admitted += 1,
        }
    }
    Ok((faults, admitted))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;

    use super::Roles;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{guarded, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = guarded().await;
        let finding = Roles.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert!(finding.figures[1].value.contains("viewer 0"), "a viewer reads figures only: {finding:?}");
    }

    #[tokio::test]
    async fn a_server_that_lets_in_or_refuses_whoever_asks_turns_it_red() {
        for (status, says) in [(StatusCode::OK, "manager"), (StatusCode::FORBIDDEN, "owner")] {
            let (mut context, _kept) = guarded().await;
            context.base_url = Some(served(Router::new().fallback(move || async move { status })).await);
            let finding = Roles.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }
}
