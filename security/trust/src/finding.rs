//! What a probe found: a state, a sentence of evidence and the figures behind it. Evidence is published: it never holds a name, a number, an
//! address of a person, or anything of an organization.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a look at the running system came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The control did what the sentence says.
    Holds,
    /// It did not.
    Broken,
    /// It could not be looked at; the evidence says why.
    NotMeasured,
}

impl State {
    /// As stored and as in `/trust.json`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::NotMeasured => "not_measured",
        }
    }

    /// Back from [`State::word`]; a word of a later version reads as not measured.
    pub fn from_word(word: &str) -> Self {
        match word {
            "holds" => Self::Holds,
            "broken" => Self::Broken,
            _ => Self::NotMeasured,
        }
    }
}

/// A figure of the evidence: what was counted, and how much there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// What was counted.
    pub name: String,
    /// The figure with its unit.
    pub value: String,
}

/// Evidence longer than this is cut.
const LONGEST_EVIDENCE_CHARACTERS: usize = 600;
/// Figures beyond these are dropped.
const MOST_FIGURES: usize = 12;

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The state.
    pub state: State,
    /// One or two sentences.
    pub evidence: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Finding {
    fn new(state: State, evidence: impl Into<String>) -> Self {
        let evidence = as_sentence(&evidence.into());
        let evidence = if evidence.chars().count() > LONGEST_EVIDENCE_CHARACTERS {
            evidence.chars().take(LONGEST_EVIDENCE_CHARACTERS - 1).chain(['…']).collect()
        } else {
            evidence
        };
        Self { state, evidence, figures: Vec::new() }
    }

    /// It holds; the evidence says what was done to see it.
    pub fn holds(evidence: impl Into<String>) -> Self {
        Self::new(State::Holds, evidence)
    }

    /// It is broken; the evidence says what was seen instead.
    pub fn broken(evidence: impl Into<String>) -> Self {
        Self::new(State::Broken, evidence)
    }

    /// It could not be measured, and why.
    pub fn not_measured(why: impl Into<String>) -> Self {
        Self::new(State::NotMeasured, why)
    }

    /// Holds when `faults` is empty; else broken, naming the first few.
    pub fn from_faults(faults: &[String], holds: impl Into<String>) -> Self {
        const NAMED: usize = 3;
        if faults.is_empty() {
            return Self::holds(holds);
        }
        let named = faults.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let rest = faults.len().saturating_sub(NAMED);
        Self::broken(if rest == 0 { named } else { format!("{named}; and {rest} more") })
    }

    /// Adds a figure.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        if self.figures.len() < MOST_FIGURES {
            self.figures.push(Figure { name: name.to_owned(), value: value.to_string() });
        }
        self
    }
}

/// The words with a capital at their start and a stop at their end.
fn as_sentence(words: &str) -> String {
    let words = words.trim();
    let mut letters = words.chars();
    let start: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let stop = if words.ends_with(['.', '!', '?', '…']) || words.is_empty() { "" } else { "." };
    format!("{start}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::{Finding, LONGEST_EVIDENCE_CHARACTERS, MOST_FIGURES, State};

    #[test]
    fn words_go_both_ways_and_unknown_ones_are_never_good_news() {
        for state in [State::Holds, State::Broken, State::NotMeasured] {
            assert_eq!(State::from_word(state.word()), state);
        }
        assert_eq!(State::from_word("excellent"), State::NotMeasured);
    }

    #[test]
    fn evidence_has_its_limits() {
        let at = Finding::holds("x".repeat(LONGEST_EVIDENCE_CHARACTERS - 1));
        assert_eq!(at.evidence.chars().count(), LONGEST_EVIDENCE_CHARACTERS);
        assert!(!at.evidence.ends_with('…'));
        let above = Finding::holds("ä".repeat(LONGEST_EVIDENCE_CHARACTERS));
        assert_eq!(above.evidence.chars().count(), LONGEST_EVIDENCE_CHARACTERS);
        assert!(above.evidence.ends_with('…'));
        let many = (0..=MOST_FIGURES).fold(Finding::holds("x"), |finding, count| finding.with("figure", count));
        assert_eq!(many.figures.len(), MOST_FIGURES);
    }

    #[test]
    fn one_fault_breaks() {
        assert_eq!(Finding::from_faults(&[], "all well").state, State::Holds);
        let faults: Vec<String> = (1..=5).map(|count| format!("fault {count}")).collect();
        let finding = Finding::from_faults(&faults, "all well");
        assert_eq!(
            (finding.state, finding.evidence.as_str()),
            (State::Broken, "Fault 1; fault 2; fault 3; and 2 more.")
        );
    }
}
