//! Our own JavaScript never turns text into markup or code: the sinks are named in no file, except in the one that makes the one Trusted Types
//! policy of the dashboard.

use super::tree::Tree;
use super::{Fault, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { name: "script", promise: "scripts use no markup or code sink outside the one Trusted Types policy", check };

/// Words that make markup or code out of text.
const SINKS: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "createContextualFragment",
    "srcdoc",
    "DOMParser",
    "setHTMLUnsafe",
    "parseHTMLUnsafe",
    "javascript:",
];
const POLICY: &str = "createPolicy(";

fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut policy: Option<&str> = None;
    for file in tree.with_extension("js") {
        let makes_policy = file.text.contains(POLICY);
        if makes_policy && let Some(other) = policy.replace(&file.path) {
            faults.push(Fault::at(
                &file.path,
                0,
                format!("makes a second Trusted Types policy; {other} makes the one"),
            ));
        }
        for (number, line) in file.lines() {
            let code = line.split("//").next().unwrap_or(line);
            for sink in SINKS.iter().filter(|sink| code.contains(*sink) && !makes_policy) {
                faults.push(Fault::at(&file.path, number, format!("`{sink}` turns text into markup or code")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{SINKS, check};
    use crate::house::tree::Tree;

    #[test]
    fn every_sink_is_found_and_its_mention_in_a_comment_is_not() {
        for sink in SINKS {
            assert_eq!(check(&Tree::planted(&[("web/assets/a.js", &format!("x = {sink}"))])).len(), 1, "{sink}");
            assert!(check(&Tree::planted(&[("web/assets/a.js", &format!("// never {sink}"))])).is_empty());
        }
    }

    #[test]
    fn one_policy_may_and_a_second_may_not() {
        let policy = "trustedTypes.createPolicy('ringfence', { createHTML }); holder.innerHTML = trusted;";
        assert!(check(&Tree::planted(&[("web/assets/fragments.js", policy)])).is_empty());
        assert_eq!(check(&Tree::planted(&[("web/assets/a.js", policy), ("web/assets/b.js", policy)])).len(), 1);
    }
}
