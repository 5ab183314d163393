//! S4: a rotated key works until its cut-off and not a moment longer. A canary's key is rotated and shown to the same judge that every request
//! meets, on a clock that runs ahead.

use std::future::Future;
use std::sync::Arc;

use identity::{Authenticator, Platform, Presented, Role, api_key};
use storage::{ManualClock, Timestamp};

use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How long the old key works on in the probe, in seconds.
const OVERLAP_SECONDS: i64 = 120;

/// How keys are judged: by identity, or in a test by something that forgets cut-offs.
pub trait Judge: Send + Sync {
    /// Is this key let in on this platform, whose clock says what time it is?
    fn admits(&self, platform: Platform, key: &str) -> impl Future<Output = Result<bool, String>> + Send;
}

/// Identity itself.
pub struct Authenticated;

impl Judge for Authenticated {
    async fn admits(&self, platform: Platform, key: &str) -> Result<bool, String> {
        let presented = Presented { bearer: Some(key), ..Presented::default() };
        let caller = Authenticator::new(platform).authenticate(presented).await;
        caller.map(|caller| caller.is_some()).map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct KeyRotation<J>(pub J);

impl<J: Judge> Probe for KeyRotation<J> {
    fn name(&self) -> &'static str {
        "key-rotation"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.rotate(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl<J: Judge> KeyRotation<J> {
    async fn rotate(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let platform = &context.platform;
        let [canary, _] = canary::pair(platform).await?;
        let (key, old) = canary.key(platform, Role::Viewer).await?;
        let failed = |error: identity::Error| Finding::not_measured(format!("The key cannot be rotated: {error}"));
        let rotated = api_key::rotate(platform, &canary.caller(), key.id, OVERLAP_SECONDS).await.map_err(failed)?;
        let (next, new) = rotated;
        let listed = api_key::get(platform, &canary.caller(), key.id).await.map_err(failed)?;
        let cut_off = listed.and_then(|key| key.revoked_at);
        let cut_off = cut_off.ok_or_else(|| Finding::broken("A rotated key has no cut-off."))?;
        let mut faults = Vec::new();
        for (at, name, text, expected) in [
            (cut_off.plus_seconds(-1), "the old key, a second before its cut-off", &old, true),
            (cut_off, "the old key, at its cut-off", &old, false),
            (cut_off.plus_seconds(86_400), "the old key, a day later", &old, false),
            (cut_off.plus_seconds(-1), "the new key, before the cut-off", &new, true),
            (cut_off, "the new key, after the cut-off", &new, true),
        ] {
            if self.at(platform, at, text.reveal()).await? != expected {
                faults.push(format!("{name} was {}", if expected { "refused" } else { "let in" }));
            }
        }
        canary.revoke(platform, &next).await?;
        canary.revoke(platform, &key).await?;
        let holds = "A key was rotated: the old one was let in until its cut-off and refused from then on, the new one was let in throughout.";
        Ok(Finding::from_faults(&faults, holds).with("Overlap", format!("{OVERLAP_SECONDS} s")))
    }

    async fn at(&self, platform: &Platform, now: Timestamp, key: &str) -> Result<bool, Finding> {
        let later = Platform { clock: Arc::new(ManualClock::at(now)), ..platform.clone() };
        self.0.admits(later, key).await.map_err(Finding::not_measured)
    }
}

#[cfg(test)]
mod tests {
    use identity::Platform;

    use super::{Authenticated, Judge, KeyRotation};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Lets every key in, or none.
    struct Always(bool);

    impl Judge for Always {
        async fn admits(&self, _: Platform, _: &str) -> Result<bool, String> {
            Ok(self.0)
        }
    }

    #[tokio::test]
    async fn identity_holds() {
        let (context, _kept) = context().await;
        let finding = KeyRotation(Authenticated).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_judge_without_cut_offs_or_without_overlap_turns_it_red() {
        let (context, _kept) = context().await;
        for (judge, says) in [(Always(true), "at its cut-off"), (Always(false), "a second before")] {
            let finding = KeyRotation(judge).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }
}
