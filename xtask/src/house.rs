//! The rules of the house. A rule reads the tree and names faults; an exception with its reason stands in `docs/house-exceptions.toml`, and
//! that list may only shrink. Each rule is tested with a planted fault, so a rule that has gone blind is noticed.

pub mod code;
pub mod exceptions;
pub mod tree;

mod asvs;
mod commands;
mod cryptography;
mod dependencies;
mod direction;
mod doors;
mod hygiene;
mod io;
mod length;
mod map;
mod names;
mod panics;
mod personal;
mod proof;
mod reasons;
mod script;
mod secrets;
mod templates;

use std::fmt;

use exceptions::Exceptions;
use tree::Tree;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, relative to the root.
    pub path: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl Fault {
    /// A fault at a line.
    pub fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// One rule.
pub struct Rule {
    /// The name that exceptions use.
    pub name: &'static str,
    /// What it promises, in one sentence.
    pub promise: &'static str,
    /// Finds the faults of a tree.
    pub check: fn(&Tree) -> Vec<Fault>,
}

/// Every rule.
pub const RULES: &[&Rule] = &[
    &length::FUNCTIONS,
    &length::FILES,
    &hygiene::PROMISES,
    &hygiene::UNFINISHED,
    &hygiene::MACHINE,
    &panics::RULE,
    &io::RULE,
    &doors::ORGANIZATION,
    &doors::CALLER,
    &doors::ROUTER,
    &names::RULE,
    &direction::RULE,
    &map::RULE,
    &reasons::RULE,
    &dependencies::RULE,
    &commands::README,
    &commands::RULE,
    &script::RULE,
    &templates::RULE,
    &secrets::RULE,
    &personal::RULE,
    &proof::RULE,
    &asvs::RULE,
    &cryptography::RULE,
];

/// A rule with the faults that no exception excuses.
pub struct Verdict {
    /// The rule.
    pub rule: &'static Rule,
    /// Its faults.
    pub faults: Vec<Fault>,
}

/// Holds every rule against the tree. The list of exceptions is itself judged: it must be readable, as short as it says, and without idle entries.
pub fn judge(tree: &Tree) -> Vec<Verdict> {
    let (mut exceptions, mut list_faults) = match Exceptions::of(tree) {
        Ok(exceptions) => (exceptions, Vec::new()),
        Err(fault) => (Exceptions::default(), vec![fault]),
    };
    let mut verdicts: Vec<Verdict> = RULES
        .iter()
        .map(|rule| Verdict { rule, faults: exceptions.without_excused(rule.name, (rule.check)(tree)) })
        .collect();
    list_faults.extend(exceptions.faults());
    verdicts.push(Verdict { rule: &exceptions::RULE, faults: list_faults });
    verdicts
}

#[cfg(test)]
mod tests {
    use super::tree::Tree;
    use super::{RULES, judge};
    use std::path::Path;

    #[test]
    fn this_tree_keeps_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        let tree = Tree::read(root).expect("the tree can be read");
        let faults: Vec<String> = judge(&tree)
            .iter()
            .flat_map(|verdict| verdict.faults.iter().map(|fault| format!("[{}] {fault}", verdict.rule.name)))
            .collect();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }

    #[test]
    fn names_are_unique() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        }
    }

    #[test]
    fn an_excused_fault_is_no_fault_and_an_idle_excuse_is_one() {
        let list = "[most]\nunfinished = 1\n\n[[exception]]\nrule = \"unfinished\"\npath = \"a.md\"\nreason = \"a quotation of the word\"\n";
        let word = ["TO", "DO"].concat();
        let excused = Tree::planted(&[("a.md", &word), ("docs/house-exceptions.toml", list)]);
        let count = |tree: &Tree, name: &str| {
            judge(tree)
                .iter()
                .filter(|verdict| verdict.rule.name == name)
                .map(|verdict| verdict.faults.len())
                .sum::<usize>()
        };
        assert_eq!((count(&excused, "unfinished"), count(&excused, "exceptions")), (0, 0));
        let idle = Tree::planted(&[("a.md", "clean"), ("docs/house-exceptions.toml", list)]);
        assert_eq!(count(&idle, "exceptions"), 1);
    }
}
