//! S14, S15: a session ends by itself, after it was idle and at its longest age. A canary's session is shown to the same judge that every
//! request meets, on a clock that runs ahead.

use std::future::Future;
use std::sync::Arc;

use identity::session::{ABSOLUTE_SECONDS, IDLE_SECONDS};
use identity::{Authenticator, Platform, Presented};
use storage::{ManualClock, Timestamp};

use crate::canary;
use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How sessions are judged: by identity, or in a test by something that forgets time.
pub trait Judge: Send + Sync {
    /// Is this session let in on this platform, whose clock says what time it is?
    fn admits(&self, platform: Platform, session: &str) -> impl Future<Output = Result<bool, String>> + Send;
}

/// Identity itself.
pub struct Authenticated;

impl Judge for Authenticated {
    async fn admits(&self, platform: Platform, session: &str) -> Result<bool, String> {
        let presented = Presented { session: Some(session), ..Presented::default() };
        let caller = Authenticator::new(platform).authenticate(presented).await;
        caller.map(|caller| caller.is_some()).map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct SessionEnd<J>(pub J);

impl<J: Judge> Probe for SessionEnd<J> {
    fn name(&self) -> &'static str {
        "session-end"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.try_sessions(context).await.unwrap_or_else(|finding| finding) })
    }
}

impl<J: Judge> SessionEnd<J> {
    async fn try_sessions(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let platform = &context.platform;
        let [canary, _] = canary::pair(platform).await?;
        let (idle, busy) = (canary.session(platform).await?, canary.session(platform).await?);
        // Read after both were opened: what follows is at least so much later than either.
        let start = platform.now();
        let mut faults = Vec::new();
        if !self.at(platform, start, idle.reveal()).await? {
            return Ok(Finding::broken("A fresh session is not let in, so nothing can be said of its end."));
        }
        if self.at(platform, start.plus_seconds(IDLE_SECONDS), idle.reveal()).await? {
            faults.push(format!("a session is still let in after {} without a request", minutes(IDLE_SECONDS)));
        }
        // A browser that asks again before each idle limit, until the longest age.
        let steps = ABSOLUTE_SECONDS / (IDLE_SECONDS - 60);
        let mut let_in = 0;
        for step in 1..=steps {
            let_in +=
                i64::from(self.at(platform, start.plus_seconds(step * (IDLE_SECONDS - 60)), busy.reveal()).await?);
        }
        if self.at(platform, start.plus_seconds(ABSOLUTE_SECONDS), busy.reveal()).await? {
            faults.push(format!("a session in use is still let in after {}", minutes(ABSOLUTE_SECONDS)));
        }
        let holds = format!(
            "A session ended after {} without a request, and one in steady use after {}.",
            minutes(IDLE_SECONDS),
            minutes(ABSOLUTE_SECONDS)
        );
        Ok(Finding::from_faults(&faults, holds)
            .with("Idle limit", minutes(IDLE_SECONDS))
            .with("Longest age", minutes(ABSOLUTE_SECONDS))
            .with("Requests let in meanwhile", let_in))
    }

    async fn at(&self, platform: &Platform, now: Timestamp, session: &str) -> Result<bool, Finding> {
        let later = Platform { clock: Arc::new(ManualClock::at(now)), ..platform.clone() };
        self.0.admits(later, session).await.map_err(Finding::not_measured)
    }
}

fn minutes(seconds: i64) -> String {
    if seconds % 3600 == 0 { format!("{} h", seconds / 3600) } else { format!("{} min", seconds / 60) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use identity::Platform;
    use storage::{Clock, ManualClock, Timestamp};

    use super::{Authenticated, Judge, SessionEnd};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::{NOW, context};

    /// Lets a session in until the given time, whatever its age.
    struct LetsInUntil(Timestamp);

    impl Judge for LetsInUntil {
        async fn admits(&self, platform: Platform, _: &str) -> Result<bool, String> {
            Ok(platform.clock.now() < self.0)
        }
    }

    #[tokio::test]
    async fn identity_holds() {
        let (context, _kept) = context().await;
        let finding = SessionEnd(Authenticated).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        assert_eq!(finding.figures[2].value, "12", "a session in use is let in until its end: {finding:?}");
    }

    /// A clock that moves a millisecond whenever it is read, as real ones do.
    struct Moving(ManualClock);

    impl Clock for Moving {
        fn now(&self) -> Timestamp {
            self.0.advance_milliseconds(1);
            self.0.now()
        }
    }

    #[tokio::test]
    async fn identity_holds_on_a_clock_that_moves() {
        let (mut context, _kept) = context().await;
        context.platform.clock = Arc::new(Moving(ManualClock::at(NOW)));
        let finding = SessionEnd(Authenticated).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_judge_that_forgets_time_turns_it_red() {
        let (context, _kept) = context().await;
        for (until, says) in [(Timestamp(i64::MAX), "without a request"), (NOW, "fresh session")] {
            let finding = SessionEnd(LetsInUntil(until)).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }
}
