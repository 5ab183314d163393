//! S22: every business on this installation has gone through who and what is let in within the last quarter; and if one had not, it would be
//! noticed, which a clock that runs ahead shows.

use std::future::Future;
use std::sync::Arc;

use identity::Platform;
use identity::access_review::{self, DUE_DAYS};
use storage::ManualClock;

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

const SECONDS_PER_DAY: i64 = 86_400;

/// Who counts: identity, or in a test somebody who never finds one overdue.
pub trait Count: Send + Sync {
    /// How many businesses there are on this platform, and how many are overdue by its clock.
    fn overdue(&self, platform: Platform) -> impl Future<Output = Result<(i64, i64), String>> + Send;
}

/// Identity itself.
pub struct Counted;

impl Count for Counted {
    async fn overdue(&self, platform: Platform) -> Result<(i64, i64), String> {
        access_review::overdue(&platform).await.map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct AccessReview<C>(pub C);

impl<C: Count> Probe for AccessReview<C> {
    fn name(&self) -> &'static str {
        "access-review"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.count(&context.platform).await.unwrap_or_else(|finding| finding) })
    }
}

impl<C: Count> AccessReview<C> {
    async fn count(&self, platform: &Platform) -> Result<Finding, Finding> {
        let (businesses, overdue) = self.0.overdue(platform.clone()).await.map_err(Finding::not_measured)?;
        if businesses == 0 {
            return Err(Finding::not_measured("There is no organization yet."));
        }
        let then = platform.now().plus_seconds(DUE_DAYS * SECONDS_PER_DAY);
        let later = Platform { clock: Arc::new(ManualClock::at(then)), ..platform.clone() };
        let (_, noticed) = self.0.overdue(later).await.map_err(Finding::not_measured)?;
        let mut faults = Vec::new();
        if overdue > 0 {
            faults.push(format!("{overdue} of {businesses} organizations are overdue with their review of access"));
        }
        if noticed < businesses {
            faults.push(format!("{DUE_DAYS} days without a review would go unnoticed"));
        }
        let holds = format!(
            "No organization is overdue with its review of access; {DUE_DAYS} days from now all would be, unless they review."
        );
        Ok(Finding::from_faults(&faults, holds).with("Organizations", businesses).with("Overdue", overdue))
    }
}

#[cfg(test)]
mod tests {
    use identity::Platform;

    use super::{AccessReview, Count, Counted, DUE_DAYS, SECONDS_PER_DAY};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    /// Never finds one overdue.
    struct Blind;

    impl Count for Blind {
        async fn overdue(&self, _: Platform) -> Result<(i64, i64), String> {
            Ok((1, 0))
        }
    }

    #[tokio::test]
    async fn a_fresh_business_holds_and_an_overdue_one_turns_it_red() {
        let (context, kept) = context().await;
        let finding = AccessReview(Counted).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
        kept.clock.advance_seconds(DUE_DAYS * SECONDS_PER_DAY);
        let finding = AccessReview(Counted).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("1 of 1 organizations are overdue"), "{finding:?}");
    }

    #[tokio::test]
    async fn a_count_that_sees_nothing_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = AccessReview(Blind).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(finding.evidence.contains("go unnoticed"), "{finding:?}");
    }
}
