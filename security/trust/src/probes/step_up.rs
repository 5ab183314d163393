//! S16, S10: a session whose last sign-in is a while ago does nothing sensitive before it confirms who is there.

use std::sync::Arc;

use identity::{Platform, STEP_UP_SECONDS};
use storage::ManualClock;

use super::client;
use super::default_deny::filled;
use super::second_factor::{asks_again, fault};
use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// The probe.
pub struct StepUpAsked;

impl Probe for StepUpAsked {
    fn name(&self) -> &'static str {
        "step-up"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { walk(context).await.unwrap_or_else(|finding| finding) })
    }
}

async fn walk(context: &ProbeContext) -> Result<Finding, Finding> {
    let client = client(context)?;
    let sensitive: Vec<_> = context.routes.iter().filter(|rule| asks_again(rule)).collect();
    if sensitive.is_empty() {
        return Err(Finding::not_measured("This process has no route that asks again."));
    }
    let [canary, _] = canary::pair(&context.platform).await?;
    // Signed in a little longer ago than a confirmation holds.
    let then = context.platform.now().plus_seconds(-STEP_UP_SECONDS);
    let earlier = Platform { clock: Arc::new(ManualClock::at(then)), ..context.platform.clone() };
    let session = canary.session(&earlier).await?;
    let mut faults = Vec::new();
    for rule in &sensitive {
        let path = filled(rule.path, context);
        faults.extend(fault(&client, context, &session, &rule.method, &path, "step-up-required").await?);
    }
    let holds = format!(
        "A session signed in {} minutes ago asked for {} sensitive acts; each wanted a confirmation first.",
        STEP_UP_SECONDS / 60,
        sensitive.len()
    );
    Ok(Finding::from_faults(&faults, holds).with("Sensitive acts", sensitive.len()))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use web::StepUp;

    use super::StepUpAsked;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{confirmed, context, served};

    #[tokio::test]
    async fn our_own_guard_holds() {
        let (context, _kept) = confirmed().await;
        let finding = StepUpAsked.look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_server_that_does_it_at_once_turns_it_red() {
        let (mut context, _kept) = confirmed().await;
        let hasty = Router::new().fallback(|| async { (StatusCode::CREATED, "{}") });
        context.base_url = Some(served(hasty).await);
        assert_eq!(StepUpAsked.look(&context).await.state, State::Broken);
    }

    #[tokio::test]
    async fn a_guard_that_holds_for_another_rule_turns_it_red() {
        let (mut context, _kept) = confirmed().await;
        // The list says that this route asks again; the guard behind it does not know.
        let rule = context.routes.iter_mut().find(|rule| rule.path == "/v1/organization").expect("it is there");
        rule.step_up = StepUp::People;
        let finding = StepUpAsked.look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
    }

    #[tokio::test]
    async fn without_a_server_it_is_not_measured() {
        let (context, _kept) = context().await;
        assert_eq!(StepUpAsked.look(&context).await.state, State::NotMeasured);
    }
}
