//! Rules, compiled: numbered, sorted by phase, with jumps resolved and patterns behind one prefilter.

mod compile;

use std::collections::BTreeMap;

use crate::action::{Change, Control, Disruption, Severity};
use crate::error::Error;
use crate::operator::Operator;
use crate::parse::Place;
use crate::prefilter::Prefilter;
use crate::settings::Mode;
use crate::template::Template;
use crate::transformation::Transformation;
use crate::variable::Target;

/// A file of rules or phrases: its name as rules and errors call it, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name, without folders.
    pub name: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

/// One `SecRule` or `SecAction` of a chain; most rules have only one.
#[derive(Debug)]
pub(crate) struct Link {
    /// Which list of targets; none for `SecAction`.
    pub targets: Option<usize>,
    pub operator: Operator,
    pub negated: bool,
    pub transformations: Vec<Transformation>,
    pub multi_match: bool,
    pub capture: bool,
    pub effects: Vec<Effect>,
    /// Its number among the patterns of the prefilter.
    pub pattern: Option<u32>,
    /// Links with the same targets and transformations share what they look at.
    pub group: Option<usize>,
}

/// What happens each time a link matches.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A value of `TX` changes; names without macros have a fixed place.
    Set {
        name: TxName,
        change: Change,
    },
    Control(Control),
}

/// The name of a value of `TX`.
#[derive(Debug)]
pub(crate) enum TxName {
    Fixed(usize),
    Filled(Template),
}

/// A compiled rule, with its chain.
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: u64,
    pub(crate) phase: u8,
    pub(crate) tags: Vec<String>,
    pub(crate) place: Place,
    pub(crate) links: Vec<Link>,
    pub(crate) disruption: Disruption,
    pub(crate) status: u16,
    pub(crate) log: bool,
    pub(crate) message: Option<Template>,
    pub(crate) data: Option<Template>,
    pub(crate) severity: Option<Severity>,
    /// Where the phase goes on after a match.
    pub(crate) jump: Option<usize>,
}

impl Rule {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// When it runs, 1 to 5.
    pub fn phase(&self) -> u8 {
        self.phase
    }

    /// The groups it belongs to.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// File and line.
    pub fn place(&self) -> (&str, usize) {
        (&self.place.file, self.place.line)
    }
}

/// A list of targets, taken apart into what to look at and what not.
#[derive(Debug)]
pub(crate) struct Targets {
    pub all: Vec<Target>,
    /// No member changes while rules run.
    pub fixed: bool,
}

/// Links that look at the same targets through the same transformations.
#[derive(Debug)]
pub(crate) struct Group {
    pub targets: usize,
    pub transformations: Vec<Transformation>,
    pub multi_match: bool,
}

/// Compiled rules. Made once, shared by all requests.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// Rules of each phase, in the order of the files.
    pub(crate) phases: [Vec<usize>; 5],
    pub(crate) targets: Vec<Targets>,
    pub(crate) groups: Vec<Group>,
    pub(crate) prefilter: Prefilter,
    /// Names of `TX` values that rules name, to their places.
    pub(crate) tx_names: BTreeMap<Vec<u8>, usize>,
    pub(crate) mode: Mode,
    pub(crate) body_access: bool,
}

impl RuleSet {
    /// Reads and compiles rules. `data` holds the phrase files that rules name. Rules apply in the order in which files and
    /// their directives come.
    ///
    /// # Errors
    /// The first fault, with file, line and rule.
    pub fn compile(rules: &[Source<'_>], data: &[Source<'_>]) -> Result<Self, Error> {
        compile::compile(rules, data)
    }

    /// Every rule, in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the rules themselves say about the engine.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

#[cfg(test)]
mod tests;
