//! How a promise stands at this moment: what its last run found, unless that is old news; or that tests proved it before the release.

use storage::Timestamp;

use crate::finding::{Figure, State};
use crate::promise::Promise;

/// A probe that has not run for this many of its intervals is late, and its last finding is not repeated as if it were news.
const LATE_AFTER_INTERVALS: i64 = 3;
/// A probe that could not measure tries again after so long.
const RETRY_SECONDS: i64 = 5 * 60;

/// One stored run of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The promise it looked at.
    pub promise: String,
    /// What it found.
    pub state: State,
    /// Its evidence.
    pub evidence: String,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in microseconds.
    pub took_microseconds: i64,
    /// The version of the program that ran.
    pub version: String,
}

/// How a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Looked at recently, and it holds.
    Holds,
    /// Looked at, and it does not hold.
    Broken,
    /// Not looked at, or too long ago, or the look was not possible.
    NotMeasured,
    /// Nothing on a running system could show it; named tests prove it before each release.
    Tested,
}

impl Standing {
    /// Every standing, worst first.
    pub const ALL: [Self; 4] = [Self::Broken, Self::NotMeasured, Self::Holds, Self::Tested];

    /// The word on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "Holds",
            Self::Broken => "Broken",
            Self::NotMeasured => "Not measured",
            Self::Tested => "Proven by tests",
        }
    }

    /// The word in `/trust.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::NotMeasured => "not_measured",
            Self::Tested => "tested",
        }
    }

    /// How the promise stands at `now`, given its newest run. A broken control stays broken until a run sees it hold: bad news does not grow old.
    pub fn of(promise: &Promise, newest: Option<&Run>, now: Timestamp) -> Self {
        if promise.probe.is_none() {
            return Self::Tested;
        }
        let Some(run) = newest else { return Self::NotMeasured };
        match run.state {
            State::Broken => Self::Broken,
            State::NotMeasured => Self::NotMeasured,
            State::Holds if is_late(promise, run, now) => Self::NotMeasured,
            State::Holds => Self::Holds,
        }
    }

    /// Why a promise is not measured, for people; `None` for other standings.
    pub fn why_not_measured(self, newest: Option<&Run>) -> Option<String> {
        match (self, newest) {
            (Self::NotMeasured, None) => Some("Its probe has not run on this server yet.".to_owned()),
            (Self::NotMeasured, Some(run)) if run.state == State::Holds => {
                Some("Its probe is overdue. It held when it last ran, but that is too long ago to count.".to_owned())
            }
            (Self::NotMeasured, Some(run)) => Some(run.evidence.clone()),
            _ => None,
        }
    }
}

/// True when the run is older than the promise's schedule allows, or lies in the future (a clock was set back).
fn is_late(promise: &Promise, run: &Run, now: Timestamp) -> bool {
    let age_seconds = now.seconds() - run.started_at.seconds();
    let interval_seconds = i64::from(promise.every_minutes) * 60;
    age_seconds > LATE_AFTER_INTERVALS * interval_seconds || age_seconds < -interval_seconds
}

/// True when the probe of this promise should run now. One that could not measure tries again soon: what it waited for may be there.
pub fn is_due(promise: &Promise, newest: Option<&Run>, now: Timestamp) -> bool {
    let interval_seconds = |run: &Run| {
        let seconds = i64::from(promise.every_minutes) * 60;
        if run.state == State::NotMeasured { seconds.min(RETRY_SECONDS) } else { seconds }
    };
    promise.probe.is_some()
        && newest.is_none_or(|run| (now.seconds() - run.started_at.seconds()).abs() >= interval_seconds(run))
}

#[cfg(test)]
pub(crate) mod tests {
    use storage::Timestamp;

    use super::{LATE_AFTER_INTERVALS, RETRY_SECONDS, Run, Standing, is_due};
    use crate::finding::State;
    use crate::promise::Promise;

    pub(crate) fn promise(id: &str) -> Promise {
        Promise {
            id: id.to_owned(),
            sentence: "It is so.".to_owned(),
            covers: vec!["S1".to_owned()],
            how: "Looks.".to_owned(),
            limit: None,
            probe: Some(id.to_owned()),
            proofs: Vec::new(),
            every_minutes: 10,
        }
    }

    pub(crate) fn run(promise: &str, state: State, started_at: Timestamp) -> Run {
        Run {
            promise: promise.to_owned(),
            state,
            evidence: "seen".to_owned(),
            figures: Vec::new(),
            started_at,
            took_microseconds: 1_500,
            version: "0.1.0".to_owned(),
        }
    }

    const START: i64 = 1_795_000_000;

    fn standing_after(seconds: i64, state: State) -> Standing {
        let run = run("a", state, Timestamp::from_seconds(START));
        Standing::of(&promise("a"), Some(&run), Timestamp::from_seconds(START + seconds))
    }

    #[test]
    fn good_news_grows_old_and_bad_news_does_not() {
        let late = LATE_AFTER_INTERVALS * 600;
        assert_eq!(standing_after(0, State::Holds), Standing::Holds);
        assert_eq!(standing_after(late, State::Holds), Standing::Holds);
        assert_eq!(standing_after(late + 1, State::Holds), Standing::NotMeasured);
        assert_eq!(standing_after(late + 1, State::Broken), Standing::Broken);
        assert_eq!(standing_after(0, State::NotMeasured), Standing::NotMeasured);
    }

    #[test]
    fn a_run_from_the_future_is_no_evidence() {
        assert_eq!(standing_after(-600, State::Holds), Standing::Holds);
        assert_eq!(standing_after(-601, State::Holds), Standing::NotMeasured);
    }

    #[test]
    fn without_a_run_it_is_not_measured_and_without_a_probe_it_is_tested() {
        let now = Timestamp::from_seconds(START);
        assert_eq!(Standing::of(&promise("a"), None, now), Standing::NotMeasured);
        let tested = Promise { probe: None, ..promise("a") };
        assert_eq!(Standing::of(&tested, None, now), Standing::Tested);
        assert!(!is_due(&tested, None, now));
    }

    #[test]
    fn not_measured_always_says_why() {
        let held = run("a", State::Holds, Timestamp::from_seconds(START));
        let unseen = run("a", State::NotMeasured, Timestamp::from_seconds(START));
        for newest in [None, Some(&held), Some(&unseen)] {
            assert!(Standing::NotMeasured.why_not_measured(newest).is_some_and(|why| !why.is_empty()));
        }
        assert_eq!(Standing::Holds.why_not_measured(Some(&held)), None);
    }

    #[test]
    fn a_probe_is_due_after_its_interval() {
        let now = Timestamp::from_seconds(START);
        assert!(is_due(&promise("a"), None, now));
        let last = run("a", State::Holds, now);
        assert!(!is_due(&promise("a"), Some(&last), now.plus_seconds(599)));
        assert!(is_due(&promise("a"), Some(&last), now.plus_seconds(600)));
        let unseen = run("a", State::NotMeasured, now);
        assert!(!is_due(&promise("a"), Some(&unseen), now.plus_seconds(RETRY_SECONDS - 1)));
        assert!(is_due(&promise("a"), Some(&unseen), now.plus_seconds(RETRY_SECONDS)));
    }
}
