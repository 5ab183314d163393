//! The end of a run: one line per step, then by name whatever failed, was ignored or was not measured, and a last line that counts.

use std::process::ExitCode;
use std::time::Duration;

use crate::step::Finished;

/// Minutes and seconds, as on a kitchen clock.
pub fn minutes(took: Duration) -> String {
    format!("{}:{:02}", took.as_secs() / 60, took.as_secs() % 60)
}

/// What the counts of all steps come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, plus one for each step that failed without a failing test, plus in CI one for each thing skipped.
    pub failed: u64,
    /// Names of everything that was skipped.
    pub skipped: Vec<String>,
}

/// Adds up. A step that failed without naming a test counts as one failure, so that the last line never reads better than the exit code.
pub fn total(finished: &[Finished], in_ci: bool) -> Total {
    let mut total = Total::default();
    for step in finished {
        let tests = &step.outcome.tests;
        total.passed += tests.passed;
        total.failed += if step.outcome.good { 0 } else { tests.failed.max(1) };
        total.skipped.extend(tests.ignored.iter().chain(&tests.not_measured).cloned());
    }
    if in_ci {
        total.failed += total.skipped.len() as u64;
    }
    total
}

/// Prints the summary; the code is 0 only when nothing failed.
pub fn print(finished: &[Finished], in_ci: bool) -> ExitCode {
    let all = total(finished, in_ci);
    println!("\n== summary\n{:10} {:>7} {:>7} {:>7} {:>8}", "step", "time", "passed", "failed", "skipped");
    for step in finished {
        let tests = &step.outcome.tests;
        let skipped = tests.ignored.len() + tests.not_measured.len();
        let mark = if step.outcome.good { "" } else { "  FAILED" };
        println!(
            "{:10} {:>7} {:>7} {:>7} {:>8}{mark}",
            step.name,
            minutes(step.took),
            tests.passed,
            tests.failed,
            skipped
        );
    }
    println!("{:10} {:>7}", "in all", minutes(finished.iter().map(|step| step.took).sum()));
    for step in finished {
        for name in &step.outcome.tests.failures {
            println!("failed: {name} (step {})", step.name);
        }
    }
    for name in &all.skipped {
        println!("skipped: {name}{}", if in_ci { " (a failure, because CI is set)" } else { "" });
    }
    println!("{} passed, {} failed", all.passed, all.failed);
    if all.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{minutes, total};
    use crate::cargo_output::CargoOutput;
    use crate::step::{Finished, Outcome};

    fn step(good: bool, passed: u64, failed: u64, not_measured: &[&str]) -> Finished {
        let not_measured = not_measured.iter().map(|&name| name.to_owned()).collect();
        let tests = CargoOutput { passed, failed, not_measured, ..CargoOutput::default() };
        Finished { name: "step", took: Duration::from_secs(61), outcome: Outcome { good, tests } }
    }

    #[test]
    fn adds_up() {
        let all = total(&[step(true, 3, 0, &[]), step(true, 4, 0, &["browser: none"])], false);
        assert_eq!((all.passed, all.failed, all.skipped.len()), (7, 0, 1));
    }

    #[test]
    fn in_ci_a_skip_is_a_failure() {
        assert_eq!(total(&[step(true, 4, 0, &["browser: none"])], true).failed, 1);
    }

    #[test]
    fn a_broken_step_without_a_failing_test_still_counts() {
        assert_eq!(total(&[step(false, 0, 0, &[])], false).failed, 1);
        assert_eq!(total(&[step(false, 9, 2, &[])], false).failed, 2);
    }

    #[test]
    fn tells_time() {
        assert_eq!(minutes(Duration::from_secs(61)), "1:01");
    }
}
