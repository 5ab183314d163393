//! The page as data: every promise with its standing, its evidence and its last days, ready for HTML and for JSON.

use std::collections::HashMap;

use serde::Serialize;
use storage::Timestamp;
use utoipa::ToSchema;

use crate::finding::{Figure, State};
use crate::promise::{Promise, Promises};
use crate::standing::{Run, Standing};
use crate::verify::newest_of;

/// The strip beside a promise shows this many runs, the newest at its right end.
pub const SHOWN_RUNS: usize = 28;

/// The whole page at one moment.
#[derive(Debug, Clone)]
pub struct Face {
    /// The moment.
    pub at: Timestamp,
    /// The version of the program.
    pub version: &'static str,
    /// When a probe last ran; `None` before the first.
    pub looked_at: Option<Timestamp>,
    /// The chapters with their promises.
    pub chapters: Vec<FaceChapter>,
}

/// A chapter of the page.
#[derive(Debug, Clone)]
pub struct FaceChapter {
    /// Its heading.
    pub title: String,
    /// What it is about.
    pub lead: String,
    /// Its promises.
    pub entries: Vec<Entry>,
}

/// One promise on the page.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The promise.
    pub promise: Promise,
    /// How it stands.
    pub standing: Standing,
    /// Why it is not measured, when it is not.
    pub why: Option<String>,
    /// Its newest run.
    pub run: Option<Run>,
    /// States of its last runs, oldest first.
    pub history: Vec<State>,
}

impl Face {
    /// The page at `now`, from runs that are sorted newest first.
    pub fn of(promises: &Promises, runs: Vec<Run>, now: Timestamp) -> Self {
        let looked_at = runs.iter().map(|run| run.started_at).max();
        let mut histories: HashMap<String, Vec<State>> = HashMap::new();
        for run in &runs {
            let history = histories.entry(run.promise.clone()).or_default();
            if history.len() < SHOWN_RUNS {
                history.push(run.state);
            }
        }
        let mut newest = newest_of(runs);
        let mut entry_of = |promise: &Promise| {
            let run = newest.remove(&promise.id);
            let standing = Standing::of(promise, run.as_ref(), now);
            let mut history = histories.remove(&promise.id).unwrap_or_default();
            history.reverse();
            Entry { promise: promise.clone(), standing, why: standing.why_not_measured(run.as_ref()), run, history }
        };
        let chapters = promises
            .chapters
            .iter()
            .map(|chapter| FaceChapter {
                title: chapter.title.clone(),
                lead: chapter.lead.clone(),
                entries: chapter.promises.iter().map(&mut entry_of).collect(),
            })
            .collect();
        Self { at: now, version: env!("CARGO_PKG_VERSION"), looked_at, chapters }
    }

    /// All promises, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.chapters.iter().flat_map(|chapter| &chapter.entries)
    }

    /// How many promises stand like this.
    pub fn count(&self, standing: Standing) -> usize {
        self.entries().filter(|entry| entry.standing == standing).count()
    }

    /// Those that are broken, in order.
    pub fn broken(&self) -> Vec<&Entry> {
        self.entries().filter(|entry| entry.standing == Standing::Broken).collect()
    }

    /// The page for programs.
    pub fn document(&self) -> TrustDocument {
        TrustDocument {
            at: words_of(self.at),
            version: self.version.to_owned(),
            looked_at: self.looked_at.map(words_of),
            counts: TrustCounts {
                holds: self.count(Standing::Holds),
                broken: self.count(Standing::Broken),
                not_measured: self.count(Standing::NotMeasured),
                tested: self.count(Standing::Tested),
            },
            promises: self
                .chapters
                .iter()
                .flat_map(|chapter| chapter.entries.iter().map(|entry| entry.document(&chapter.title)))
                .collect(),
        }
    }
}

impl Entry {
    /// The sentence of evidence under the promise: what was seen, why nothing was, or what the tests do.
    pub fn evidence(&self) -> String {
        match (&self.why, &self.run, self.standing) {
            (Some(why), _, _) => why.clone(),
            (None, _, Standing::Tested) => self.promise.how.clone(),
            (None, Some(run), _) => run.evidence.clone(),
            (None, None, _) => String::new(),
        }
    }

    /// True when named tests prove it and no probe does.
    pub fn is_tested(&self) -> bool {
        self.standing == Standing::Tested
    }

    /// The figures of the newest run.
    pub fn figures(&self) -> &[Figure] {
        self.run.as_ref().map_or(&[], |run| &run.figures)
    }

    /// What the strip of runs says, for those who do not see it.
    pub fn history_words(&self) -> String {
        let count = |state| self.history.iter().filter(|seen| **seen == state).count();
        format!(
            "Last {} runs: {} held, {} broke, {} could not measure",
            self.history.len(),
            count(State::Holds),
            count(State::Broken),
            count(State::NotMeasured)
        )
    }

    fn document(&self, chapter: &str) -> PromiseDocument {
        PromiseDocument {
            id: self.promise.id.clone(),
            chapter: chapter.to_owned(),
            sentence: self.promise.sentence.clone(),
            limit: self.promise.limit.clone(),
            covers: self.promise.covers.clone(),
            state: self.standing.name(),
            evidence: self.evidence(),
            figures: self.figures().to_vec(),
            how: self.promise.how.clone(),
            probe: self.promise.probe.clone(),
            proofs: self.promise.proofs.clone(),
            every_minutes: self.promise.probe.as_ref().map(|_| self.promise.every_minutes),
            last_run: self.run.as_ref().map(|run| RunDocument {
                at: words_of(run.started_at),
                found: run.state.word(),
                took_milliseconds: run.took_microseconds / 1_000,
                version: run.version.clone(),
            }),
        }
    }
}

/// RFC 3339 in UTC with microseconds; an instant that no calendar holds becomes an empty text.
fn words_of(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|instant| instant.to_string()).unwrap_or_default()
}

/// The executable security page for programs.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrustDocument {
    /// When this answer was made.
    pub at: String,
    /// The version of the program.
    pub version: String,
    /// When a probe last ran.
    pub looked_at: Option<String>,
    /// How many promises stand how.
    pub counts: TrustCounts,
    /// Every promise.
    pub promises: Vec<PromiseDocument>,
}

/// How many promises stand how.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrustCounts {
    /// Looked at recently, and they hold.
    pub holds: usize,
    /// Looked at, and they do not.
    pub broken: usize,
    /// Not looked at, and the promise says why.
    pub not_measured: usize,
    /// Proven by named tests before the release.
    pub tested: usize,
}

/// One promise.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromiseDocument {
    /// Its stable name.
    pub id: String,
    /// The chapter that it stands in.
    pub chapter: String,
    /// The sentence.
    pub sentence: String,
    /// What it does not say.
    pub limit: Option<String>,
    /// Rows of the project's list of promises.
    pub covers: Vec<String>,
    /// `holds`, `broken`, `not_measured` or `tested`.
    pub state: &'static str,
    /// What was seen, or why nothing was.
    pub evidence: String,
    /// The figures behind it.
    pub figures: Vec<Figure>,
    /// How it is looked at.
    pub how: String,
    /// The name of its probe.
    pub probe: Option<String>,
    /// Tests that prove it before a release.
    pub proofs: Vec<String>,
    /// Minutes between two runs of the probe.
    pub every_minutes: Option<u32>,
    /// The newest run.
    pub last_run: Option<RunDocument>,
}

/// One run of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDocument {
    /// When it began.
    pub at: String,
    /// What it found: `holds`, `broken` or `not_measured`.
    pub found: &'static str,
    /// How long it took.
    pub took_milliseconds: i64,
    /// The version of the program that ran.
    pub version: String,
}

#[cfg(test)]
mod tests;
