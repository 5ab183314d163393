//! S24: an organization that lists networks is reached from these alone. A canary lists a network that nobody has, and a good key of it asks
//! from this machine; then it lists this machine, too.

use axum::http::Method;
use identity::token::KeyText;
use identity::{Platform, Role};
use web::allowlist::{self, Allowlist, Allowlists};

use super::client;
use crate::canary::{self, Canary};
use crate::client::{Answer, Client};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// For documentation only (RFC 5737): no request comes from there.
const NOBODY: &str = "192.0.2.0/24";
/// This machine, from which the probe asks.
const HERE: [&str; 2] = ["127.0.0.0/8", "::1"];
const PATH: &str = "/v1/organization";
const KIND: &str = "urn:ringfence:problem:address-not-allowed";
const FORBIDDEN: u16 = 403;
const GOOD: u16 = 200;

/// The probe.
pub struct Networks;

impl Probe for Networks {
    fn name(&self) -> &'static str {
        "allowlist"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { ask_from_here(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn ask_from_here(context: &ProbeContext) -> Result<Finding, Finding> {
    let (client, platform) = (client(context)?, &context.platform);
    let canary = canary::behind_networks(platform).await?;
    let key = canary.key(platform, Role::Viewer).await?;
    let found = in_turn(&client, platform, &canary, &key.1).await;
    // Whatever was seen: the next look begins with open lists.
    list(&canary, platform, &[]).await?;
    canary.revoke(platform, &key.0).await?;
    found
}

async fn in_turn(client: &Client, platform: &Platform, canary: &Canary, key: &KeyText) -> Result<Finding, Finding> {
    list(canary, platform, &[]).await?;
    let open = ask(client, key).await?;
    if open.status != GOOD {
        return Err(Finding::not_measured(format!(
            "A good key was answered {}, so refusals say nothing.",
            open.status
        )));
    }
    let mut faults = Vec::new();
    list(canary, platform, &[NOBODY]).await?;
    let elsewhere = ask(client, key).await?;
    if elsewhere.status != FORBIDDEN || !elsewhere.text().contains(KIND) {
        faults.push(format!("a good key from an address that is not listed was answered {}", elsewhere.status));
    }
    list(canary, platform, &[NOBODY, HERE[0], HERE[1]]).await?;
    let listed = ask(client, key).await?;
    if listed.status != GOOD {
        faults.push(format!("a good key from a listed address was answered {}", listed.status));
    }
    Ok(Finding::from_faults(
        &faults,
        "A good key was refused while only another network was listed, and let in once this one was.".to_owned(),
    ))
}

async fn list(canary: &Canary, platform: &Platform, networks: &[&str]) -> Result<(), Finding> {
    let api =
        Allowlist::parse(networks.iter().copied()).map_err(|(_, error)| Finding::not_measured(error.to_string()))?;
    let lists = Allowlists { dashboard: Allowlist::default(), api };
    let set = allowlist::replace(platform, &canary.caller(), &lists).await;
    set.map_err(|error| Finding::not_measured(format!("The canary's networks cannot be set: {error}")))
}

async fn ask(client: &Client, key: &KeyText) -> Result<Answer, Finding> {
    let authorization = format!("Bearer {}", key.reveal());
    client.send(Method::GET, PATH, &[("authorization", &authorization)], None).await.map_err(Finding::not_measured)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;

    use super::{KIND, Networks};
    use crate::finding::{Finding, State};
    use crate::probe::Probe;
    use crate::probes::testing::{context, guarded, served};

    /// A server that gives these answers, one after the other.
    async fn finding(answers: [(StatusCode, &'static str); 3]) -> Finding {
        let (mut context, _kept) = context().await;
        let count = Arc::new(AtomicUsize::new(0));
        let app = Router::new().fallback(move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            async move { answers[number.min(2)] }
        });
        context.base_url = Some(served(app).await);
        Networks.look(&context).await
    }

    #[tokio::test]
    async fn our_own_guard_holds_again_and_again() {
        let (context, _kept) = guarded().await;
        for _ in 0..2 {
            let finding = Networks.look(&context).await;
            assert_eq!(finding.state, State::Holds, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_ignores_the_list_turns_it_red() {
        let (good, other, refused) = ((StatusCode::OK, ""), (StatusCode::FORBIDDEN, ""), (StatusCode::FORBIDDEN, KIND));
        for answers in [[good, good, good], [good, other, good], [good, refused, refused]] {
            let finding = finding(answers).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
        }
        assert_eq!(finding([good, refused, good]).await.state, State::Holds);
        assert_eq!(finding([other, refused, good]).await.state, State::NotMeasured);
    }
}
