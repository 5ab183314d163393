//! S34: a secret goes in and never comes out. A canary's secret is set, and then looked for in the answer of every address of the API that is
//! read, with a key that may read everything.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::Role;
use web::RouteRule;

use super::client;
use super::data_folder::{needles, stands_in};
use super::default_deny::filled;
use crate::canary::{self, Canary};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// The name of the secret while the probe looks.
const NAME: &str = "trust-probe";
/// Random bytes in its value.
const VALUE_BYTES: usize = 24;
const TOO_MANY: u16 = 429;
const OK: u16 = 200;

/// The probe.
pub struct WriteOnlySecrets;

impl Probe for WriteOnlySecrets {
    fn name(&self) -> &'static str {
        "write-only-secrets"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let found = ask_everywhere(context).await;
            let cleaned = clean(context).await;
            match (found, cleaned) {
                (Ok(finding), Ok(())) | (Err(finding), _) | (_, Err(finding)) => finding,
            }
        })
    }
}

async fn ask_everywhere(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let platform = &context.platform;
    let [canary, _] = canary::pair(platform).await?;
    let mut random = [0; VALUE_BYTES];
    platform.entropy.fill(&mut random);
    let value = format!("Canary-{}", URL_SAFE_NO_PAD.encode(random));
    set(context, &canary, &value).await?;
    let (key, text) = canary.key(platform, Role::Owner).await?;
    let bearer = format!("Bearer {}", text.reveal());
    let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
    let needles = needles(&value);
    let (mut faults, mut named) = (Vec::new(), false);
    let paths: Vec<String> =
        context.routes.iter().filter(|rule| is_read(rule)).map(|rule| path(rule, context)).collect();
    for path in &paths {
        let answer = client.send(Method::GET, path, &headers, None).await.map_err(Finding::not_measured)?;
        if answer.status == TOO_MANY {
            return Err(Finding::not_measured("The walk was slowed down by the limit on requests."));
        }
        named |= answer.status == OK && path.starts_with("/v1/secrets") && answer.text().contains(NAME);
        if stands_in(&answer.body, &needles) {
            faults.push(format!("GET {path} gave a secret out"));
        }
    }
    canary.revoke(platform, &key).await?;
    if faults.is_empty() && !named {
        return Err(Finding::not_measured(
            "The secret was set, but its name is listed nowhere: nothing was looked at.",
        ));
    }
    let holds = format!(
        "A made-up secret was set and {} addresses were asked with an owner's key; its name was listed, its value nowhere.",
        paths.len()
    );
    Ok(Finding::from_faults(&faults, holds).with("Addresses asked", paths.len()))
}

/// Addresses of the API that are read.
fn is_read(rule: &RouteRule) -> bool {
    rule.method == Method::GET && rule.path.starts_with("/v1/")
}

/// The path with the secret's name or a fresh identifier in the place of each variable.
fn path(rule: &RouteRule, context: &ProbeContext) -> String {
    filled(&rule.path.replace("{name}", NAME), context)
}

async fn set(context: &ProbeContext, canary: &Canary, value: &str) -> Result<(), Finding> {
    let (platform, caller) = (&context.platform, canary.caller());
    let stored = async {
        let keyring = caller.keyring(platform).await?;
        let mut change = caller.change(platform, "secret.set").await?;
        keyring.set_secret(&mut change, platform.identifiers.next(), NAME, value, platform.now()).await?;
        change.commit("secret", None, vec![("name", NAME.to_owned())]).await
    };
    stored.await.map_err(|error: identity::Error| Finding::not_measured(format!("No secret could be set: {error}")))
}

async fn clean(context: &ProbeContext) -> Result<(), Finding> {
    let platform = &context.platform;
    let [canary, _] = canary::pair(platform).await?;
    let caller = canary.caller();
    let removed = async {
        let keyring = caller.keyring(platform).await?;
        let mut change = caller.change(platform, "secret.delete").await?;
        if keyring.delete_secret(&mut change, NAME).await? {
            change.commit("secret", None, vec![("name", NAME.to_owned())]).await?;
        }
        Ok(())
    };
    let failed = |error: identity::Error| Finding::not_measured(format!("The secret could not be removed: {error}"));
    removed.await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::routing::get;
    use identity::Platform;
    use web::routes::{Access, Audited, Routes};

    use super::{NAME, WriteOnlySecrets};
    use crate::finding::State as Standing;
    use crate::probe::{Probe, ProbeContext};
    use crate::probes::testing::{context, served};

    /// Answers about secrets by `list`, and says so in the table of routes.
    async fn answering(mut context: ProbeContext, list: axum::routing::MethodRouter<Platform>) -> ProbeContext {
        let declared = Routes::<()>::new().get("/v1/secrets", Access::Member, Audited::No("a test"), || async { "" });
        context.routes = declared.table();
        let app = Router::new().route("/v1/secrets", list).with_state(context.platform.clone());
        context.base_url = Some(served(app).await);
        context
    }

    async fn revealing(State(platform): State<Platform>) -> String {
        let [canary, _] = crate::canary::pair(&platform).await.expect("canaries");
        let caller = canary.caller();
        let keyring = caller.keyring(&platform).await.expect("keys");
        let value = keyring.use_secret(&caller.database(&platform), NAME).await.expect("read").expect("there");
        format!("[{{\"name\": \"{NAME}\", \"value\": \"{}\"}}]", *value)
    }

    #[tokio::test]
    async fn names_without_values_hold_and_nothing_is_left_behind() {
        let (context, _kept) = context().await;
        let context = answering(context, get(|| async { format!("[{{\"name\": \"{NAME}\"}}]") })).await;
        let finding = WriteOnlySecrets.look(&context).await;
        assert_eq!(finding.state, Standing::Holds, "{finding:?}");
        let [canary, _] = crate::canary::pair(&context.platform).await.expect("canaries");
        let left = vault::secrets::list(&canary.caller().database(&context.platform), "", 9).await.expect("listed");
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn a_route_that_gives_the_value_out_turns_it_red() {
        let (context, _kept) = context().await;
        let context = answering(context, get(revealing)).await;
        let finding = WriteOnlySecrets.look(&context).await;
        assert_eq!(finding.state, Standing::Broken, "{finding:?}");
        assert!(finding.evidence.contains("GET /v1/secrets") && !finding.evidence.contains("Canary-"), "{finding:?}");
    }

    #[tokio::test]
    async fn where_no_secret_is_listed_nothing_is_measured() {
        let (context, _kept) = context().await;
        let context = answering(context, get(|| async { "[]" })).await;
        assert_eq!(WriteOnlySecrets.look(&context).await.state, Standing::NotMeasured);
    }
}
