//! S23: one press locks an organization: its sessions and keys are dead at the next request. An organization that exists for
//! this is locked, and opened again by the machine's link.

use std::future::Future;

use identity::session::Device;
use identity::token::Secret;
use identity::{Authenticator, Platform, Presented, Role, incident};

use crate::canary::{self, Canary};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How credentials are judged: by identity, or in a test by something that knows no lock.
pub trait Judge: Send + Sync {
    /// Is whoever presents this let in?
    fn admits(
        &self,
        platform: &Platform,
        presented: Presented<'_>,
    ) -> impl Future<Output = Result<bool, String>> + Send;
}

/// Identity itself.
pub struct Authenticated;

impl Judge for Authenticated {
    async fn admits(&self, platform: &Platform, presented: Presented<'_>) -> Result<bool, String> {
        let caller = Authenticator::new(platform.clone()).authenticate(presented).await;
        caller.map(|caller| caller.is_some()).map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct Lock<J>(pub J);

impl<J: Judge> Probe for Lock<J> {
    fn name(&self) -> &'static str {
        "compromise-lock"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.press(&context.platform).await.unwrap_or_else(|finding| finding) })
    }
}

impl<J: Judge> Lock<J> {
    async fn press(&self, platform: &Platform) -> Result<Finding, Finding> {
        let canary = canary::to_be_locked(platform).await?;
        // An earlier look may have been cut off half way.
        if !incident::is_open(platform, canary.organization).await.map_err(not_measured)? {
            open_again(platform, canary).await?;
        }
        let session = canary.session(platform).await?;
        let (_, key) = canary.key(platform, Role::Owner).await?;
        let by_session = Presented { session: Some(session.reveal()), ..Presented::default() };
        let by_key = Presented { bearer: Some(key.reveal()), ..Presented::default() };
        let admits = async |presented| self.0.admits(platform, presented).await.map_err(Finding::not_measured);
        if !admits(by_session).await? || !admits(by_key).await? {
            return Ok(Finding::broken("Fresh credentials are not let in, so nothing can be said of their end."));
        }
        let locked = incident::lock(platform, &canary.caller(), "a look of the trust page").await;
        let locked = locked.map_err(not_measured)?;
        let mut faults = Vec::new();
        if admits(by_session).await? {
            faults.push("a session is still let in after the lock".to_owned());
        }
        if admits(by_key).await? {
            faults.push("a key is still let in after the lock".to_owned());
        }
        if incident::is_open(platform, canary.organization).await.map_err(not_measured)? {
            faults.push("channels would still answer for it".to_owned());
        }
        let kept = incident::list(platform, &canary.caller()).await.map_err(not_measured)?;
        if !kept.iter().any(|incident| incident.id == locked.id) {
            faults.push("no incident was written down".to_owned());
        }
        open_again(platform, canary).await?;
        if admits(by_session).await? || admits(by_key).await? {
            faults.push("a credential from before came back with the organization".to_owned());
        }
        let holds = "A session and a key were dead right after the lock, the incident was written down, and both stayed \
                     dead when the organization was opened again.";
        Ok(Finding::from_faults(&faults, holds.to_owned())
            .with("Sessions ended", locked.sessions)
            .with("Keys revoked", locked.keys))
    }
}

async fn open_again(platform: &Platform, canary: Canary) -> Result<(), Finding> {
    let link = incident::issue_unlock_link(platform, canary.organization).await.map_err(not_measured)?;
    let password = Secret::generate(platform.entropy.as_ref());
    let opened = incident::unlock(platform, link.reveal(), password.reveal(), &Device::default()).await;
    opened.map(drop).map_err(not_measured)
}

#[expect(clippy::needless_pass_by_value, reason = "taken by map_err")]
fn not_measured(error: identity::Error) -> Finding {
    Finding::not_measured(error.to_string())
}

#[cfg(test)]
mod tests {
    use identity::{Platform, Presented};

    use super::{Authenticated, Judge, Lock};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Lets everything in that has the right shape.
    struct KnowsNoLock;

    impl Judge for KnowsNoLock {
        async fn admits(&self, _platform: &Platform, _presented: Presented<'_>) -> Result<bool, String> {
            Ok(true)
        }
    }

    /// Forgets keys only.
    struct ForgetsKeys;

    impl Judge for ForgetsKeys {
        async fn admits(&self, platform: &Platform, presented: Presented<'_>) -> Result<bool, String> {
            Ok(presented.bearer.is_some() || Authenticated.admits(platform, presented).await?)
        }
    }

    #[tokio::test]
    async fn identity_holds_again_and_again() {
        let (context, _kept) = context().await;
        for _ in 0..2 {
            let finding = Lock(Authenticated).look(&context).await;
            assert_eq!(finding.state, State::Holds, "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_judge_that_knows_no_lock_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = Lock(KnowsNoLock).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        let finding = Lock(ForgetsKeys).look(&context).await;
        assert!(finding.state == State::Broken && finding.evidence.contains("key is still let in"), "{finding:?}");
    }
}
