//! The OWASP Core Rule Set's own cases against this engine, in CRS's documented set-up (DetectionOnly, paranoia 4), and
//! decisions in the set-ups that operators run: CRS as it comes (blocking, paranoia 1, threshold 5), and our own rules.
//!
//! The rule set lies beside the project and never in it; without it the tests say what was not measured.

#![allow(clippy::print_stdout, reason = "what was measured, and what was not, stands in the log of the tests")]

mod cases;
mod decisions;
mod exchange;
mod rules;
mod sentences;
mod shapes;

use std::collections::BTreeMap;

use cases::{Case, cases};
use exchange::run;

/// Of the stages that expect rules by number, this many in a hundred pass at least.
const PASSED_FLOOR: f64 = 99.5;
/// The corpus is that large at least; fewer stages mean that the reader of the cases lost some.
const STAGES_FLOOR: usize = 5_000;

/// Passed and all, of one family of rules.
#[derive(Default)]
struct Tally {
    passed: usize,
    all: usize,
}

#[test]
fn the_rule_sets_own_cases_pass() {
    let Some(rules) = rules::in_test_set_up() else {
        println!("not measured: the_rule_sets_own_cases_pass: the rule set is not there");
        return;
    };
    let mut tallies = BTreeMap::<String, Tally>::new();
    let mut failures = Vec::new();
    for case in cases().expect("the cases can be read") {
        let tally = tallies.entry(case.family.clone()).or_default();
        tally.all += 1;
        match judged(&case, &run(&rules, &case)) {
            Ok(()) => tally.passed += 1,
            Err(reason) => failures.push(format!("{}-{}: {reason}", case.rule, case.test)),
        }
    }
    let mut total = Tally::default();
    for (family, tally) in &tallies {
        println!("{family:<45} {:>5} of {:>5}", tally.passed, tally.all);
        total.passed += tally.passed;
        total.all += tally.all;
    }
    for failure in &failures {
        println!("failed: {failure}");
    }
    let share = 100.0 * total.passed as f64 / total.all as f64;
    println!("all: {} of {} stages, {share:.2} %", total.passed, total.all);
    assert!(total.all >= STAGES_FLOOR, "{} stages", total.all);
    assert!(share >= PASSED_FLOOR, "{share:.2} %");
}

/// What the case expects of the log, against the log.
fn judged(case: &Case, log: &[(u64, String)]) -> Result<(), String> {
    let reported = |rule: &u64| log.iter().any(|(number, _)| number == rule);
    if let Some(missing) = case.expected.iter().find(|rule| !reported(rule)) {
        return Err(format!("{missing} did not report"));
    }
    if let Some(wrong) = case.not_expected.iter().find(|rule| reported(rule)) {
        return Err(format!("{wrong} reported"));
    }
    let lines = |pattern: &String| {
        let pattern = regex::Regex::new(pattern).expect("a pattern of the corpus");
        log.iter().any(|(_, line)| pattern.is_match(line))
    };
    if let Some(pattern) = case.matching.iter().find(|pattern| !lines(pattern)) {
        return Err(format!("no line matches {pattern}"));
    }
    match case.not_matching.iter().find(|pattern| lines(pattern)) {
        Some(pattern) => Err(format!("a line matches {pattern}")),
        None => Ok(()),
    }
}
