//! What `cargo test -- --show-output` says, counted: results per binary, failing and ignored tests by name, and the lines
//! `not measured: <test>: <why>` with which a test admits that it could not look.

/// The counts and names found so far.
#[derive(Debug, Default)]
pub struct CargoOutput {
    /// Tests that passed, summed over all binaries.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that the harness was told to ignore, by name.
    pub ignored: Vec<String>,
    /// Names of the tests that failed.
    pub failures: Vec<String>,
    /// `test: why` of everything that said it was not measured, without doubles.
    pub not_measured: Vec<String>,
    /// True between `successes:` and whatever ends it.
    pub showing_successes: bool,
}

/// The words with which a test says that it did not look.
pub const NOT_MEASURED: &str = "not measured: ";

impl CargoOutput {
    /// Takes in one line and returns what of it a person should see: passing tests and the output of passing tests stay in the log.
    pub fn read_line(&mut self, line: &str) -> Option<String> {
        if let Some(start) = line.find(NOT_MEASURED)
            && line[..start].trim().is_empty()
        {
            let what = line[start + NOT_MEASURED.len()..].trim().to_owned();
            if !self.not_measured.contains(&what) {
                self.not_measured.push(what);
            }
            return None;
        }
        match line {
            "successes:" => self.showing_successes = true,
            "failures:" => self.showing_successes = false,
            _ => {}
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.showing_successes = false;
            self.passed += count_before(result, " passed");
            self.failed += count_before(result, " failed");
            let empty = result.starts_with("ok. 0 passed; 0 failed; 0 ignored");
            return (!empty).then(|| line.to_owned());
        }
        if self.showing_successes {
            return None;
        }
        if let Some(rest) = line.strip_prefix("test ") {
            return self.read_test(rest).then(|| line.to_owned());
        }
        let noise = line.trim().is_empty() || (line.starts_with("running ") && line.contains(" test"));
        (!noise).then(|| line.to_owned())
    }

    /// `name ... ok`: says whether the line is worth showing.
    fn read_test(&mut self, rest: &str) -> bool {
        let Some((name, verdict)) = rest.split_once(" ... ") else { return true };
        if verdict.starts_with("FAILED") {
            self.failures.push(name.to_owned());
        } else if let Some(reason) = verdict.strip_prefix("ignored") {
            self.ignored.push(format!("{name}{reason}"));
        }
        !verdict.starts_with("ok")
    }
}

/// The number that stands before `word` in `3 passed; 1 failed; …`; zero when there is none.
fn count_before(result: &str, word: &str) -> u64 {
    let Some(end) = result.find(word) else { return 0 };
    result[..end].rsplit([' ', ';']).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::CargoOutput;

    const SAMPLE: &str = "\
running 4 tests
test sealed::round_trip ... ok
test sealed::flipped_byte ... FAILED
test slow ... ignored, needs a day
test harvest - measures (line 3) ... ok

successes:

---- sealed::round_trip stdout ----
not measured: sealed::round_trip: no cryptography package
chatter

successes:
    sealed::round_trip

failures:

---- sealed::flipped_byte stdout ----
assertion failed

failures:
    sealed::flipped_byte

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";

    #[test]
    fn counts_and_names() {
        let mut seen = CargoOutput::default();
        let shown: Vec<String> = SAMPLE.lines().filter_map(|line| seen.read_line(line)).collect();
        assert_eq!((seen.passed, seen.failed), (14, 1));
        assert_eq!(seen.failures, ["sealed::flipped_byte"]);
        assert_eq!(seen.ignored, ["slow, needs a day"]);
        assert_eq!(seen.not_measured, ["sealed::round_trip: no cryptography package"]);
        assert!(shown.iter().any(|line| line == "assertion failed"), "failures are shown: {shown:?}");
        assert!(
            !shown.iter().any(|line| line.contains("chatter") || line.ends_with("ok")),
            "successes are not: {shown:?}"
        );
    }

    #[test]
    fn says_a_thing_once() {
        let mut seen = CargoOutput::default();
        for _ in 0..2 {
            seen.read_line("not measured: x: y");
        }
        assert_eq!(seen.not_measured.len(), 1);
        seen.read_line("the word is not measured: here it is prose");
        assert_eq!(seen.not_measured.len(), 1);
    }

    #[test]
    fn a_test_binary_that_is_not_a_harness_counts_nothing() {
        let mut seen = CargoOutput::default();
        assert!(seen.read_line("test result: strange").is_some());
        assert_eq!((seen.passed, seen.failed), (0, 0));
    }
}
