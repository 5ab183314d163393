//! Looking: good and bad probes, a probe that falls over, one that never ends; the evidence is stored and the page shows it.

use std::sync::Arc;
use std::time::Duration;

use storage::Timestamp;

use super::{Trust, has_turned};
use crate::finding::{Finding, State};
use crate::probe::{Look, Probe, ProbeContext, run_within};
use crate::probes::testing::context;
use crate::promise::{Chapter, Promises};
use crate::standing::Standing;
use crate::standing::tests::{promise, run};

/// A probe that does what its name says.
struct Made(&'static str);

impl Probe for Made {
    fn name(&self) -> &'static str {
        self.0
    }

    fn look<'a>(&'a self, _: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            match self.0 {
                "holds" => Finding::holds("All is well.").with("Looked at", 3),
                "breaks" => Finding::broken("It let a stranger in."),
                "sleeps" => std::future::pending().await,
                _ => panic!("a probe of this test falls over on purpose"),
            }
        })
    }
}

fn trust(context: ProbeContext, names: &[&'static str]) -> Trust {
    let promises = names.iter().map(|name| promise(name)).collect();
    let chapter = Chapter { title: "One".to_owned(), lead: "Lead.".to_owned(), promises };
    let probes = names.iter().map(|name| Arc::new(Made(name)) as Arc<dyn Probe>).collect();
    Trust::with(Promises { chapters: vec![chapter] }, probes, context)
}

#[tokio::test]
async fn what_probes_find_is_stored_and_shown() {
    let (context, _kept) = context().await;
    let trust = trust(context, &["holds", "breaks", "falls-over"]);
    assert_eq!(trust.face().await.expect("read").count(Standing::NotMeasured), 3);
    let report = trust.verify().await.expect("looked");
    assert!(!report.is_good());
    assert_eq!((report.count(State::Holds), report.count(State::Broken)), (1, 2), "who falls over proves nothing good");
    let face = trust.face().await.expect("read");
    assert_eq!((face.count(Standing::Holds), face.count(Standing::Broken)), (1, 2));
    let first = face.entries().next().expect("there is one");
    assert_eq!((first.evidence().as_str(), first.figures()[0].value.as_str()), ("All is well.", "3"));
    let printed = report.to_string();
    assert!(printed.contains("BROKEN") && printed.contains("It let a stranger in."), "{printed}");
    assert!(printed.ends_with("1 hold, 2 broken, 0 not measured, 0 proven by tests before the release"), "{printed}");
}

#[tokio::test]
async fn only_what_is_due_runs_on_schedule() {
    let (context, _kept) = context().await;
    let trust = trust(context, &["holds"]);
    assert_eq!(trust.run_due().await.expect("looked").looked.len(), 1);
    assert_eq!(trust.run_due().await.expect("looked").looked.len(), 0);
}

#[tokio::test]
async fn a_probe_that_never_ends_is_stopped() {
    let (context, _kept) = context().await;
    let run =
        run_within(&promise("sleeps"), Arc::new(Made("sleeps")), Arc::new(context), Duration::from_millis(20)).await;
    assert_eq!(run.state, State::NotMeasured);
    assert!(run.took_microseconds >= 20_000, "{run:?}");
}

#[test]
fn only_a_change_of_state_is_a_turn() {
    let at = |state| run("a", state, Timestamp::from_seconds(0));
    let (held, broke, unseen) = (at(State::Holds), at(State::Broken), at(State::NotMeasured));
    for (before, now, turned) in [
        (None, &broke, true),
        (None, &held, false),
        (Some(&held), &broke, true),
        (Some(&broke), &broke, false),
        (Some(&broke), &held, true),
        (Some(&held), &unseen, false),
        (Some(&unseen), &broke, true),
    ] {
        assert_eq!(has_turned(before, now), turned, "{before:?} {now:?}");
    }
}
