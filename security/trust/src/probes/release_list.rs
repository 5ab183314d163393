//! S44: news about versions is believed only from the release key, within its time, and never older than before. The probe signs lists with
//! a key that it makes up, forges others, and shows all of them to the judge of real lists.

use audit::checkpoint::{Signer, VerifierKey};
use storage::Timestamp;
use web::instant::to_rfc3339;

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};
use crate::release::{self, MAXIMUM_LIFE_SECONDS};

const NAME: &str = "ringfence/releases";
const DAY: i64 = 86_400;
/// The newest serial that was there before.
const SEEN: i64 = 7;

/// How a list is judged: as real ones are, or in a test by something that is not careful. Answers whether it is believed.
pub type Judge = fn(&VerifierKey, &str, Option<i64>, Timestamp) -> bool;

/// The judge of real lists.
pub fn accepted(key: &VerifierKey, note: &str, seen: Option<i64>, now: Timestamp) -> bool {
    release::accept(key, note, seen, now).is_ok()
}

/// The probe.
pub struct ReleaseNews(pub Judge);

impl Probe for ReleaseNews {
    fn name(&self) -> &'static str {
        "release-list"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { self.judge(context).unwrap_or_else(|finding| finding) })
    }
}

impl ReleaseNews {
    fn judge(&self, context: &ProbeContext) -> Result<Finding, Finding> {
        let (ours, theirs) = (signer(context)?, signer(context)?);
        let now = context.platform.now();
        let list = |serial, issued: i64, expires: i64| {
            let (issued, expires) = (to_rfc3339(now.plus_seconds(issued)), to_rfc3339(now.plus_seconds(expires)));
            format!("{NAME}\nserial {serial}\nissued {issued}\nexpires {expires}\nrelease 0.1.0\n")
        };
        let good = list(SEEN, -DAY, DAY);
        let shown = [
            ("the newest list of the right key", ours.sign_text(&good), true),
            ("a list of another key", theirs.sign_text(&good), false),
            ("a list that was changed after it was signed", ours.sign_text(&good).replace("0.1.0", "0.1.1"), false),
            ("a list without a signature", good, false),
            ("an older list", ours.sign_text(&list(SEEN - 1, -DAY, DAY)), false),
            ("a list that is over", ours.sign_text(&list(SEEN, -DAY, 0)), false),
            ("a list from the future", ours.sign_text(&list(SEEN, 2 * DAY, 3 * DAY)), false),
            ("a list for ever", ours.sign_text(&list(SEEN, -DAY, MAXIMUM_LIFE_SECONDS)), false),
        ];
        let mut faults = Vec::new();
        for (what, note, expected) in &shown {
            if (self.0)(ours.verifier_key(), note, Some(SEEN), now) != *expected {
                faults.push(format!("{what} was {}", if *expected { "refused" } else { "believed" }));
            }
        }
        let holds = "A list signed by the right key was believed; forged, changed, older, overdue and premature ones were refused.";
        let refused = shown.iter().filter(|(_, _, expected)| !expected).count();
        Ok(Finding::from_faults(&faults, holds).with("Lists that must be refused", refused))
    }
}

fn signer(context: &ProbeContext) -> Result<Signer, Finding> {
    let mut seed = [0; 32];
    context.platform.entropy.fill(&mut seed);
    Signer::new(NAME, &seed).ok_or_else(|| Finding::not_measured("No key could be made."))
}

#[cfg(test)]
mod tests {
    use super::{ReleaseNews, accepted};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    #[tokio::test]
    async fn the_judge_of_real_lists_holds() {
        let (context, _kept) = context().await;
        let finding = ReleaseNews(accepted).look(&context).await;
        assert_eq!(finding.state, State::Holds, "{finding:?}");
    }

    #[tokio::test]
    async fn a_judge_that_forgets_keys_serials_or_time_turns_it_red() {
        let (context, _kept) = context().await;
        let believes_all = ReleaseNews(|_, _, _, _| true).look(&context).await;
        let no_serial = ReleaseNews(|key, note, _, now| accepted(key, note, None, now)).look(&context).await;
        let no_time = ReleaseNews(|key, note, _, _| key.text_of(note).is_ok()).look(&context).await;
        let none = ReleaseNews(|_, _, _, _| false).look(&context).await;
        for (finding, says) in [
            (believes_all, "A list of another key was believed"),
            (no_serial, "An older list was believed"),
            (no_time, "a list that is over was believed"),
            (none, "The newest list of the right key was refused"),
        ] {
            assert_eq!(finding.state, State::Broken, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }
}
