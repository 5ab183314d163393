//! Looking now: all probes or those that are due, their evidence stored, and a report for the terminal.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use storage::Timestamp;
use tokio::sync::Mutex;

use crate::finding::State;
use crate::page::Face;
use crate::probe::{self, Probe, ProbeContext};
use crate::promise::{Promise, Promises};
use crate::standing::{Run, is_due};
use crate::{Error, store};

/// The executable security page. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    promises: Arc<Promises>,
    probes: Arc<[Arc<dyn Probe>]>,
    context: Arc<ProbeContext>,
    /// One look at a time: probes that run beside each other would measure each other.
    looking: Arc<Mutex<()>>,
}

impl Trust {
    /// The promises and probes of this version, looking at this system.
    pub fn new(context: ProbeContext) -> Result<Self, Error> {
        Ok(Self::with(Promises::published()?, crate::probes::all(), context))
    }

    /// Other promises and probes; for tests.
    pub fn with(promises: Promises, probes: Vec<Arc<dyn Probe>>, context: ProbeContext) -> Self {
        Self {
            promises: Arc::new(promises),
            probes: probes.into(),
            context: Arc::new(context),
            looking: Arc::default(),
        }
    }

    /// Runs every probe now and stores the evidence: `ringfence verify`.
    pub async fn verify(&self) -> Result<Report, Error> {
        let promises: Vec<Promise> = self.promises.all().cloned().collect();
        self.look_at(promises).await
    }

    /// Runs the probes whose time has come.
    pub async fn run_due(&self) -> Result<Report, Error> {
        let now = self.now();
        let newest = newest_of(store::recent(&self.context.platform.database, now).await?);
        let due =
            self.promises.all().filter(|promise| is_due(promise, newest.get(&promise.id), now)).cloned().collect();
        self.look_at(due).await
    }

    /// The page as it stands now.
    pub async fn face(&self) -> Result<Face, Error> {
        let now = self.now();
        Ok(Face::of(&self.promises, store::recent(&self.context.platform.database, now).await?, now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.platform.now()
    }

    async fn look_at(&self, promises: Vec<Promise>) -> Result<Report, Error> {
        let _one_at_a_time = self.looking.lock().await;
        let mut before = store::recent(&self.context.platform.database, self.now()).await?;
        before.retain(|run| run.state != State::NotMeasured);
        let before = newest_of(before);
        let mut report = Report::default();
        for promise in promises {
            let wanted = promise.probe.as_deref();
            let Some(probe) = self.probes.iter().find(|probe| Some(probe.name()) == wanted) else {
                report.proven_by_tests += usize::from(wanted.is_none());
                continue;
            };
            let run = probe::run(&promise, probe.clone(), self.context.clone()).await;
            if run.state == State::Broken {
                tracing::error!(promise = %promise.id, evidence = %run.evidence, "a promise is broken");
            }
            report.looked.push((promise, run));
        }
        let runs: Vec<Run> = report.looked.iter().map(|(_, run)| run.clone()).collect();
        let turned: Vec<&Run> = runs.iter().filter(|run| has_turned(before.get(&run.promise), run)).collect();
        store::keep(&self.context.platform, &runs, &turned).await?;
        Ok(report)
    }
}

/// Did the promise break now, or does it hold again? A run that could not measure turns nothing.
fn has_turned(before: Option<&Run>, now: &Run) -> bool {
    match now.state {
        State::Broken => before.is_none_or(|before| before.state != State::Broken),
        State::Holds => before.is_some_and(|before| before.state == State::Broken),
        State::NotMeasured => false,
    }
}

/// The newest run of each promise, out of runs that are sorted newest first.
pub(crate) fn newest_of(runs: Vec<Run>) -> HashMap<String, Run> {
    let mut newest = HashMap::new();
    for run in runs {
        newest.entry(run.promise.clone()).or_insert(run);
    }
    newest
}

/// What `verify` saw.
#[derive(Debug, Default)]
pub struct Report {
    /// Each promise that was looked at, with its run.
    pub looked: Vec<(Promise, Run)>,
    /// Promises without a probe, which named tests prove.
    pub proven_by_tests: usize,
}

impl Report {
    /// How many are in this state.
    pub fn count(&self, state: State) -> usize {
        self.looked.iter().filter(|(_, run)| run.state == state).count()
    }

    /// True when nothing is broken. What was not measured does not make it false, but the report names it.
    pub fn is_good(&self) -> bool {
        self.count(State::Broken) == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (promise, run) in &self.looked {
            let mark = match run.state {
                State::Holds => "holds       ",
                State::Broken => "BROKEN      ",
                State::NotMeasured => "not measured",
            };
            writeln!(
                out,
                "{mark}  {}\n              {} ({} ms)",
                promise.sentence,
                run.evidence,
                run.took_microseconds / 1_000
            )?;
        }
        write!(
            out,
            "{} hold, {} broken, {} not measured, {} proven by tests before the release",
            self.count(State::Holds),
            self.count(State::Broken),
            self.count(State::NotMeasured),
            self.proven_by_tests
        )
    }
}

#[cfg(test)]
mod tests;
