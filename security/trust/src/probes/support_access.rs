//! S27: support looks only by an organization's grant, only as far as it reaches, and only as long. A canary grants access to itself, and the
//! token is shown to the same judge that every request meets: within the grant, beyond it, after it, and once it is revoked.

use std::future::Future;
use std::sync::Arc;

use identity::support::{self, Grant, NewGrant, Operator, SESSION_SECONDS, Scope};
use identity::{Authenticator, Caller, Permission, Platform, Presented};
use storage::{ManualClock, Timestamp};
use uuid::Uuid;

use crate::canary::{self, Canary};
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// What the canary grants; everything else must stay closed.
const GRANTED: Permission = Permission::RecordingListen;

/// What a support token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The permissions that it is let in with.
    pub permissions: Vec<Permission>,
    /// May it change anything?
    pub changes: bool,
}

/// How support tokens are judged: by identity, or in a test by something that forgets grants.
pub trait Judge: Send + Sync {
    /// What this token opens on this platform, whose clock says what time it is; nothing when it is not let in.
    fn opens(&self, platform: Platform, token: &str) -> impl Future<Output = Result<Option<Opened>, String>> + Send;
}

/// Identity itself.
pub struct Granted;

impl Judge for Granted {
    async fn opens(&self, platform: Platform, token: &str) -> Result<Option<Opened>, String> {
        let caller = by_token(&platform, token).await?;
        let Some(caller) = caller else { return Ok(None) };
        let permissions = Permission::ALL.into_iter().filter(|permission| caller.permits(*permission)).collect();
        let changes = caller.change(&platform, "probe.change").await.is_ok();
        Ok(Some(Opened { permissions, changes }))
    }
}

async fn by_token(platform: &Platform, token: &str) -> Result<Option<Caller>, String> {
    let presented = Presented { bearer: Some(token), ..Presented::default() };
    Authenticator::new(platform.clone()).authenticate(presented).await.map_err(|error| error.to_string())
}

/// The probe.
pub struct SupportAccess<J>(pub J);

impl<J: Judge> Probe for SupportAccess<J> {
    fn name(&self) -> &'static str {
        "support-access"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.try_grant(&context.platform).await.unwrap_or_else(|finding| finding) })
    }
}

impl<J: Judge> SupportAccess<J> {
    async fn try_grant(&self, platform: &Platform) -> Result<Finding, Finding> {
        let [canary, _] = canary::pair(platform).await?;
        let owner = owner(platform, &canary).await?;
        let mut faults = Vec::new();
        if open(platform, platform.identifiers.next()).await?.is_some() {
            faults.push("a support session was opened without a grant".to_owned());
        }
        let grant = grant(platform, &owner).await?;
        let start = platform.now();
        let token = open(platform, grant.id).await?;
        let token =
            token.ok_or_else(|| Finding::broken("A good grant opens nothing, so nothing can be said of its end."))?;
        match self.at(platform, start, &token).await? {
            None => faults.push("support is not let in within its grant, so refusals say nothing".to_owned()),
            Some(opened) => {
                let beyond = opened.permissions.iter().filter(|permission| **permission != GRANTED);
                faults.extend(
                    beyond.map(|permission| format!("a grant of {} opens {}", GRANTED.dotted(), permission.dotted())),
                );
                if opened.changes {
                    faults.push("support can change something".to_owned());
                }
            }
        }
        if self.at(platform, start.plus_seconds(SESSION_SECONDS), &token).await?.is_some() {
            faults.push("a support session is let in after its end".to_owned());
        }
        support::revoke(platform, &owner, grant.id).await.map_err(failed)?;
        if self.at(platform, start, &token).await?.is_some() {
            faults.push("support is let in after the grant was revoked".to_owned());
        }
        let holds = "Support was let in within a grant and with what it named only; not without one, not after its end, not once it was revoked.";
        Ok(Finding::from_faults(&faults, holds)
            .with("Longest grant", format!("{} h", support::MAXIMUM_HOURS))
            .with("Longest session", format!("{} min", SESSION_SECONDS / 60)))
    }

    async fn at(&self, platform: &Platform, now: Timestamp, token: &str) -> Result<Option<Opened>, Finding> {
        let then = Platform { clock: Arc::new(ManualClock::at(now)), ..platform.clone() };
        self.0.opens(then, token).await.map_err(Finding::not_measured)
    }
}

fn failed(error: impl std::fmt::Display) -> Finding {
    Finding::not_measured(format!("The canary's grant is not at hand: {error}"))
}

async fn owner(platform: &Platform, canary: &Canary) -> Result<Caller, Finding> {
    let session = canary.session(platform).await?;
    let presented = Presented { session: Some(session.reveal()), ..Presented::default() };
    let caller = Authenticator::new(platform.clone()).authenticate(presented).await.map_err(failed)?;
    caller.ok_or_else(|| failed("its owner is not let in"))
}

async fn grant(platform: &Platform, owner: &Caller) -> Result<Grant, Finding> {
    let scope = Scope::new(&[GRANTED], &[]).map_err(failed)?;
    support::grant(platform, owner, &NewGrant { scope, hours: 1, reason: "probe" }).await.map_err(failed)
}

async fn open(platform: &Platform, grant: Uuid) -> Result<Option<String>, Finding> {
    let operator = Operator { id: Uuid::nil(), name: "Probe", address: None, until: Timestamp(i64::MAX) };
    let opened = support::open(platform, operator, grant).await.map_err(failed)?;
    Ok(opened.map(|(token, _)| token))
}

#[cfg(test)]
mod tests {
    use identity::{Permission, Platform};

    use super::{GRANTED, Granted, Judge, Opened, SupportAccess};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Lets support in for ever, with this.
    struct ForEver(Opened);

    impl Judge for ForEver {
        async fn opens(&self, _: Platform, _: &str) -> Result<Option<Opened>, String> {
            Ok(Some(self.0.clone()))
        }
    }

    /// Lets nobody in.
    struct Never;

    impl Judge for Never {
        async fn opens(&self, _: Platform, _: &str) -> Result<Option<Opened>, String> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn identity_holds() {
        let (context, _kept) = context().await;
        for _ in 0..3 {
            let finding = SupportAccess(Granted).look(&context).await;
            assert_eq!(finding.state, State::Holds, "again and again: {finding:?}");
        }
    }

    #[tokio::test]
    async fn a_judge_that_forgets_grants_turns_it_red() {
        let (context, _kept) = context().await;
        let more = vec![GRANTED, Permission::TranscriptRead];
        for (opened, says) in [
            (Opened { permissions: vec![GRANTED], changes: false }, "after the grant was revoked"),
            (Opened { permissions: more, changes: false }, "opens transcript.read"),
            (Opened { permissions: vec![GRANTED], changes: true }, "can change"),
        ] {
            let finding = SupportAccess(ForEver(opened)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains(says), "{says}: {finding:?}");
        }
        assert_eq!(SupportAccess(Never).look(&context).await.state, State::Broken);
    }
}
