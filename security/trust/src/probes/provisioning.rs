//! S20: the key of a directory provisions people and does nothing else, and no other key provisions. One of a canary's asks
//! every route of this server, and the strongest other key asks for what is the directory's.

use identity::{Permission, Role, api_key};
use web::{Access, RouteRule};

use super::client;
use super::test_keys::{ROUTES_PER_KEY, concrete};
use crate::canary::{self, Canary};
use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const OK: u16 = 200;
const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;
/// What a directory asks first.
const FIRST_ASKED: &str = "/scim/v2/ServiceProviderConfig";

/// The probe.
pub struct Provisioning;

impl Probe for Provisioning {
    fn name(&self) -> &'static str {
        "provisioning"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { ask(context).await.unwrap_or_else(|finding| finding) })
    }
}

fn is_directorys(rule: &RouteRule) -> bool {
    rule.access == Access::Permission(Permission::MemberProvision)
}

fn is_guarded(rule: &RouteRule) -> bool {
    matches!(rule.access, Access::Permission(_) | Access::Member)
}

/// What was asked so far.
#[derive(Default)]
struct Tally {
    faults: Vec<String>,
    asked: usize,
    unanswered: usize,
}

impl Tally {
    /// Asks these routes with a key; each must refuse it.
    async fn ask(&mut self, client: &Client, rules: &[&RouteRule], (whose, key): (&str, &str)) -> Result<(), Finding> {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
        for rule in rules {
            let path = concrete(rule.path);
            let answer =
                client.send(rule.method.clone(), &path, &headers, None).await.map_err(Finding::not_measured)?;
            match answer.status {
                TOO_MANY => self.unanswered += 1,
                FORBIDDEN => {}
                status => self.faults.push(format!("{} {} answered {whose} with {status}", rule.method, rule.path)),
            }
            self.asked += 1;
        }
        Ok(())
    }
}

async fn ask(context: &ProbeContext) -> Result<Finding, Finding> {
    let (client, platform) = (client(context)?, &context.platform);
    let [canary, _] = canary::pair(platform).await?;
    let guarded: Vec<&RouteRule> = context.routes.iter().filter(|rule| is_guarded(rule)).collect();
    let (directorys, others): (Vec<&RouteRule>, Vec<&RouteRule>) =
        guarded.into_iter().partition(|rule| is_directorys(rule));
    if directorys.is_empty() || others.is_empty() {
        return Err(Finding::not_measured("This server has no routes for a directory."));
    }
    let mut tally = Tally::default();
    for some in others.chunks(ROUTES_PER_KEY) {
        let (id, key) = directory_key(context, &canary).await?;
        let headers = [("authorization", format!("Bearer {key}"))];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let first = client
            .send(axum::http::Method::GET, FIRST_ASKED, &headers, None)
            .await
            .map_err(Finding::not_measured)?
            .status;
        if first == TOO_MANY {
            tally.unanswered += 1;
        } else if first != OK {
            tally.faults.push(format!("the key of a directory was answered {first} where it belongs"));
        }
        tally.ask(&client, some, ("the key of a directory", &key)).await?;
        canary.revoke(platform, &id).await?;
    }
    let (id, key) = canary.key(platform, Role::Owner).await?;
    tally.ask(&client, &directorys, ("an owner's key", key.reveal())).await?;
    canary.revoke(platform, &id).await?;
    if tally.faults.is_empty() && tally.unanswered > 0 {
        let words = format!("{} of {} requests were answered that it was too often.", tally.unanswered, tally.asked);
        return Err(Finding::not_measured(words));
    }
    let holds = format!(
        "The key of a directory was refused by all {} routes that are not for it, and an owner's key by all {} that are.",
        others.len(),
        directorys.len()
    );
    Ok(Finding::from_faults(&tally.faults, holds).with("Requests", tally.asked))
}

async fn directory_key(context: &ProbeContext, canary: &Canary) -> Result<(api_key::ApiKey, String), Finding> {
    let made = api_key::create_for_provisioning(&context.platform, &canary.caller(), "probe", None).await;
    let (key, text) = made.map_err(|error| Finding::not_measured(format!("No key can be made: {error}")))?;
    Ok((key, text.reveal().to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::{FIRST_ASKED, Provisioning};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{served, with_directory};

    #[tokio::test]
    async fn our_own_house_holds() {
        let (context, _kept) = with_directory().await;
        let finding = Provisioning.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert!(finding.figures[0].value.parse::<usize>().is_ok_and(|asked| asked > 20), "{finding:?}");
    }

    #[tokio::test]
    async fn a_house_that_lets_such_a_key_elsewhere_or_others_in_its_place_turns_it_red() {
        let (mut context, _kept) = with_directory().await;
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::FORBIDDEN] {
            context.base_url = Some(served(Router::new().fallback(move || async move { status })).await);
            let finding = Provisioning.look(&context).await;
            assert_eq!(finding.state, State::Broken, "{status}: {finding:?}");
        }
        let wary = Router::new().route(FIRST_ASKED, get(|| async { "" })).fallback(|| async { StatusCode::FORBIDDEN });
        context.base_url = Some(served(wary).await);
        let finding = Provisioning.look(&context).await;
        assert!(finding.evidence.contains("an owner's key"), "it lets everybody provision: {finding:?}");
        context.base_url = Some(served(Router::new().fallback(|| async { StatusCode::TOO_MANY_REQUESTS })).await);
        assert_eq!(Provisioning.look(&context).await.state, State::NotMeasured);
    }
}
