//! S6: a leaked key that somebody hands in stops at once, and a made-up one stops nothing. A canary's keys are handed in the way a stranger
//! would, and shown to the same judge that every request meets.

use std::future::Future;

use identity::leak::{self, Report};
use identity::token::KeyText;
use identity::{Authenticator, Environment, Platform, Presented, Role, alert};
use uuid::Uuid;

use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How many alerts of the canary are looked at for the new one.
const ALERTS_READ: i64 = 10;

/// How reports are taken: by identity, or in a test by something that does not care, or believes too much.
pub trait Office: Send + Sync {
    /// Takes a text in which keys may stand.
    fn take(&self, platform: &Platform, text: String) -> impl Future<Output = Result<(), String>> + Send;
}

/// Identity itself.
pub struct Reported;

impl Office for Reported {
    async fn take(&self, platform: &Platform, text: String) -> Result<(), String> {
        let report = Report { texts: &[text], source: "a probe of the trust page", address: None };
        leak::report(platform, &report).await.map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct LeakedKey<O>(pub O);

impl<O: Office> Probe for LeakedKey<O> {
    fn name(&self) -> &'static str {
        "leaked-key"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.hand_in(&context.platform).await.unwrap_or_else(|finding| finding) })
    }
}

impl<O: Office> LeakedKey<O> {
    async fn hand_in(&self, platform: &Platform) -> Result<Finding, Finding> {
        let [canary, _] = canary::pair(platform).await?;
        let (lost, kept) = (canary.key(platform, Role::Viewer).await?, canary.key(platform, Role::Viewer).await?);
        // What somebody could make up who has seen the id of a key: a right checksum, but another secret.
        let forged = KeyText::generate(Environment::Live, kept.0.id, platform.entropy.as_ref());
        let text = format!("KEY=\"{}\"\n# and {}\n", lost.1.reveal(), forged.reveal());
        self.0.take(platform, text).await.map_err(Finding::not_measured)?;
        let mut faults = Vec::new();
        if let_in(platform, &lost.1).await? {
            faults.push("a key that was handed in is still let in".to_owned());
        }
        if !let_in(platform, &kept.1).await? {
            faults.push("a key was stopped by somebody who knew only its id".to_owned());
        }
        canary.revoke(platform, &kept.0).await?;
        let failed = |error: identity::Error| Finding::not_measured(format!("Alerts cannot be read: {error}"));
        let keys_alert = alert::of_subject(platform, &canary.caller(), lost.0.id, ALERTS_READ).await.map_err(failed)?;
        if keys_alert.is_none() && faults.is_empty() {
            faults.push("nobody was told that the key leaked".to_owned());
        }
        if let Some(raised) = keys_alert {
            settle(platform, &canary, raised).await?;
        }
        let holds = "A key that stood in a text was handed in and refused from then on, its organization was told, and a made-up key stopped nothing.";
        Ok(Finding::from_faults(&faults, holds))
    }
}

/// Leaves nothing open behind.
async fn settle(platform: &Platform, canary: &canary::Canary, id: Uuid) -> Result<(), Finding> {
    let settled = alert::settle_by_machine(platform, &canary.caller(), id).await;
    settled.map_err(|error| Finding::not_measured(format!("The alert cannot be settled: {error}")))
}

async fn let_in(platform: &Platform, key: &KeyText) -> Result<bool, Finding> {
    let presented = Presented { bearer: Some(key.reveal()), ..Presented::default() };
    let caller = Authenticator::new(platform.clone()).authenticate(presented).await;
    caller.map(|caller| caller.is_some()).map_err(|error| Finding::not_measured(error.to_string()))
}

#[cfg(test)]
mod tests {
    use identity::token::pattern;
    use identity::{Caller, Platform, api_key};

    use super::{LeakedKey, Office, Reported};
    use crate::canary;
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Puts every report aside.
    struct Careless;

    impl Office for Careless {
        async fn take(&self, _: &Platform, _: String) -> Result<(), String> {
            Ok(())
        }
    }

    /// Stops every key whose id is named.
    struct Gullible;

    impl Office for Gullible {
        async fn take(&self, platform: &Platform, text: String) -> Result<(), String> {
            let [canary, _] = canary::pair(platform).await.map_err(|finding| finding.evidence)?;
            let caller: Caller = canary.caller();
            for key in pattern::find(&text, 10) {
                api_key::revoke(platform, &caller, key.id, None).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn identity_holds_again_and_again() {
        let (context, _kept) = context().await;
        for _ in 0..2 {
            let finding = LeakedKey(Reported).look(&context).await;
            assert_eq!(finding.state, State::Holds, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn an_office_that_does_not_care_or_believes_too_much_turns_it_red() {
        let (context, _kept) = context().await;
        let careless = LeakedKey(Careless).look(&context).await;
        assert_eq!(careless.state, State::Broken, "{careless:?}");
        assert!(careless.evidence.contains("still let in"), "{careless:?}");
        let gullible = LeakedKey(Gullible).look(&context).await;
        assert_eq!(gullible.state, State::Broken, "{gullible:?}");
        assert!(gullible.evidence.contains("only its id"), "{gullible:?}");
    }
}
