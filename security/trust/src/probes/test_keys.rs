//! S5: a test key is refused wherever it is not declared harmless. One of a canary's asks every route of this server.

use identity::{Environment, Role};
use uuid::Uuid;
use web::RouteRule;

use super::client;
use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;
/// The problem that says why.
const KIND: &str = "urn:ringfence:problem:test-key";

/// The probe.
pub struct TestKeys;

impl Probe for TestKeys {
    fn name(&self) -> &'static str {
        "test-keys"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { ask(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn ask(context: &ProbeContext) -> Result<Finding, Finding> {
    let (client, platform) = (client(context)?, &context.platform);
    let [canary, _] = canary::pair(platform).await?;
    let (mut faults, mut asked, mut unanswered) = (Vec::new(), 0_usize, 0_usize);
    let rules: Vec<&RouteRule> = context
        .routes
        .iter()
        .filter(|rule| rule.access.is_open_to(Role::Owner))
        .filter(|rule| rule.test_keys.is_none())
        .collect();
    // One key may ask only so often a minute; a handful of keys share the work.
    for some in rules.chunks(ROUTES_PER_KEY) {
        let (key, text) = canary.key_of(platform, Role::Owner, Environment::Test).await?;
        let authorization = format!("Bearer {}", text.reveal());
        let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
        for rule in some {
            let path = concrete(rule.path);
            let answer =
                client.send(rule.method.clone(), &path, &headers, None).await.map_err(Finding::not_measured)?;
            if answer.status == TOO_MANY {
                unanswered += 1;
            } else if answer.status != FORBIDDEN || !answer.text().contains(KIND) {
                faults.push(format!("{} {} answered a test key with {}", rule.method, rule.path, answer.status));
            }
            asked += 1;
        }
        canary.revoke(platform, &key).await?;
    }
    if asked == 0 || (faults.is_empty() && unanswered > 0) {
        return Err(Finding::not_measured(format!("{unanswered} of {asked} routes answered that it was too often.")));
    }
    let open = context.routes.iter().filter(|rule| rule.test_keys.is_some()).count();
    let holds = format!(
        "A test key with the rights of an owner was refused by all {asked} routes that are for people and live keys."
    );
    Ok(Finding::from_faults(&faults, holds).with("Routes asked", asked).with("Routes open to test keys", open))
}

/// Routes that one key asks.
pub(super) const ROUTES_PER_KEY: usize = 60;

/// The path with an id that nothing has in the place of each variable.
pub(super) fn concrete(path: &str) -> String {
    let id = Uuid::nil().to_string();
    let piece = |piece: &str| if piece.starts_with('{') { id.clone() } else { piece.to_owned() };
    path.split('/').map(piece).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;

    use super::{TestKeys, concrete};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{guarded, served};

    #[tokio::test]
    async fn our_own_house_holds() {
        let (context, _kept) = guarded().await;
        let finding = TestKeys.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert!(finding.figures[0].value.parse::<usize>().is_ok_and(|asked| asked > 20), "{finding:?}");
    }

    #[tokio::test]
    async fn a_house_that_takes_test_keys_for_live_ones_turns_it_red() {
        let (mut context, _kept) = guarded().await;
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::FORBIDDEN] {
            context.base_url = Some(served(Router::new().fallback(move || async move { status })).await);
            let finding = TestKeys.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{status}: {finding:?}");
        }
        context.base_url = Some(served(Router::new().fallback(|| async { StatusCode::TOO_MANY_REQUESTS })).await);
        assert_eq!(TestKeys.look(&context).await.state, State::NotMeasured);
    }

    #[test]
    fn variables_are_filled() {
        assert_eq!(concrete("/v1/keys/{id}/rotate"), "/v1/keys/00000000-0000-0000-0000-000000000000/rotate");
    }
}
