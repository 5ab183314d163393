//! The list of exceptions, `docs/house-exceptions.toml`: rule, path, reason. It says itself how long it may be per rule (`[most]`), so a longer
//! list shows in review as a raised number; an entry that excuses nothing any more is a fault.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::tree::Tree;
use super::{Fault, RULES, Rule};

const PATH: &str = "docs/house-exceptions.toml";
/// A reason shorter than this says nothing.
const SHORTEST_REASON_CHARACTERS: usize = 15;

/// The rule about the list itself; its faults come from [`Exceptions`].
pub const RULE: Rule =
    Rule { name: "exceptions", promise: "the list of exceptions is exact and only shrinks", check: |_| Vec::new() };

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    most: BTreeMap<String, usize>,
    #[serde(default, rename = "exception")]
    exceptions: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    path: String,
    reason: String,
    #[serde(skip)]
    used: bool,
}

/// The exceptions, which remember whether they were used.
#[derive(Debug, Default)]
pub struct Exceptions {
    most: BTreeMap<String, usize>,
    entries: Vec<Entry>,
}

impl Exceptions {
    /// Reads the list; a tree without one has no exceptions.
    pub fn of(tree: &Tree) -> Result<Self, Fault> {
        let Some(file) = tree.file(PATH) else { return Ok(Self::default()) };
        let written: Written = toml::from_str(&file.text).map_err(|error| Fault::at(PATH, 0, error.to_string()))?;
        Ok(Self { most: written.most, entries: written.exceptions })
    }

    /// The faults that no entry excuses. An entry excuses every fault of its rule in its file.
    pub fn without_excused(&mut self, rule: &str, faults: Vec<Fault>) -> Vec<Fault> {
        faults
            .into_iter()
            .filter(|fault| {
                let mut excused = false;
                for entry in &mut self.entries {
                    if entry.rule == rule && entry.path == fault.path {
                        entry.used = true;
                        excused = true;
                    }
                }
                !excused
            })
            .collect()
    }

    /// What is wrong with the list itself, after every rule was asked.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for entry in &self.entries {
            if !entry.used {
                faults.push(Fault::at(
                    PATH,
                    0,
                    format!("`{}` needs no exception from `{}` any more: remove it", entry.path, entry.rule),
                ));
            }
            if entry.reason.chars().count() < SHORTEST_REASON_CHARACTERS {
                faults.push(Fault::at(PATH, 0, format!("`{}` gives no real reason", entry.path)));
            }
            if !RULES.iter().any(|rule| rule.name == entry.rule) {
                faults.push(Fault::at(PATH, 0, format!("there is no rule `{}`", entry.rule)));
            }
        }
        for rule in RULES {
            let count = self.entries.iter().filter(|entry| entry.rule == rule.name).count();
            let most = self.most.get(rule.name).copied().unwrap_or(0);
            if count != most {
                faults.push(Fault::at(PATH, 0, format!("`{}` has {count} exceptions, [most] says {most}", rule.name)));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::Exceptions;
    use crate::house::Fault;
    use crate::house::tree::Tree;

    #[test]
    fn a_longer_list_than_committed_is_a_fault() {
        let list = "[[exception]]\nrule = \"io\"\npath = \"a.rs\"\nreason = \"long enough to be one\"\n";
        let tree = Tree::planted(&[("docs/house-exceptions.toml", list)]);
        let mut exceptions = Exceptions::of(&tree).expect("it can be read");
        assert!(exceptions.without_excused("io", vec![Fault::at("a.rs", 1, "x")]).is_empty());
        assert_eq!(exceptions.faults().len(), 1, "{:?}", exceptions.faults());
    }

    #[test]
    fn unknown_rules_and_empty_reasons_are_faults() {
        let list = "[most]\n[[exception]]\nrule = \"no-such\"\npath = \"a.rs\"\nreason = \"because\"\n";
        let tree = Tree::planted(&[("docs/house-exceptions.toml", list)]);
        let exceptions = Exceptions::of(&tree).expect("it can be read");
        assert_eq!(exceptions.faults().len(), 3, "idle, no reason, no such rule: {:?}", exceptions.faults());
    }

    #[test]
    fn garbage_is_a_fault_and_not_a_panic() {
        assert!(Exceptions::of(&Tree::planted(&[("docs/house-exceptions.toml", "= =")])).is_err());
    }
}
