//! What is built into this binary: every crate with its version, as the bill of materials has it. Pure.

use std::fmt::Write as _;

use semver::Version;

/// The crates of this binary: a line for each, `name version`. The test command compares the file with what Cargo links.
const TEXT: &str = include_str!("components.txt");

/// Crates by name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components(Vec<(String, Version)>);

impl Components {
    /// Those of this binary. A line that is none is left out; the test command makes the file.
    pub fn of_this_binary() -> Self {
        Self::parse(TEXT)
    }

    /// From lines `name version`.
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, version) = line.split_once(' ')?;
            Some((name.to_owned(), Version::parse(version).ok()?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// All of them.
    pub fn all(&self) -> &[(String, Version)] {
        &self.0
    }

    /// As a file of lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, version) in &self.0 {
            let _ = writeln!(text, "{name} {version}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Components, TEXT};

    #[test]
    fn every_line_of_the_file_is_understood() {
        let components = Components::of_this_binary();
        assert_eq!(components.text(), TEXT);
        assert!(components.all().iter().any(|(name, _)| name == "rustls"), "the list is of this binary");
    }
}
