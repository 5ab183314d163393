//! The evidence of a release, after a run of every step in which nothing failed: the binary that was tested, its bill of materials, the
//! counts of the tests, and a text with the hash of each. Whoever publishes signs the text (`ringfence release sign`), and whoever
//! installs checks it (`ringfence release verify`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::machine::{Machine, output_of};
use crate::step::Finished;
use crate::summary::{Total, minutes};
use crate::{advisories, sbom};

const LIMIT_SECONDS: u32 = 60;
/// Under the target folder.
const FOLDER: &str = "evidence";
const TEXT: &str = "evidence.txt";
const TESTS: &str = "tests.txt";
const BINARY: &str = "ringfence";
/// The first line: the name of the key that signs it.
const NAME: &str = "ringfence/releases";

/// The root manifest, as far as it is used.
#[derive(Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    version: String,
}

/// Puts the evidence together under the target folder and says where it is.
pub fn write(machine: &Machine, finished: &[Finished], total: &Total) -> Result<PathBuf> {
    let folder = machine.target.join(FOLDER);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let copy = |from: PathBuf, to: &str| {
        std::fs::copy(&from, folder.join(to)).with_context(|| format!("cannot copy {}", from.display())).map(drop)
    };
    copy(machine.target.join("release").join(BINARY), BINARY)?;
    copy(machine.target.join(sbom::FILE), sbom::FILE)?;
    std::fs::write(folder.join(TESTS), tests(finished, total))?;
    let manifest = std::fs::read_to_string(machine.root.join("Cargo.toml")).context("Cargo.toml")?;
    let manifest: Manifest = toml::from_str(&manifest).context("Cargo.toml")?;
    let toolchain = output_of(machine.command(LIMIT_SECONDS, "rustc").arg("--version"))?;
    let facts = [
        ("version", manifest.workspace.package.version),
        ("commit", commit(machine)),
        ("toolchain", toolchain.trim().to_owned()),
        ("advisories", advisories::looked_up(machine)),
        ("tests", format!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped.len())),
    ];
    let mut files = Vec::new();
    for name in [BINARY, sbom::FILE, TESTS] {
        files.push((sha256(machine, &folder.join(name))?, name));
    }
    std::fs::write(folder.join(TEXT), text(&facts, &files))?;
    Ok(folder.join(TEXT))
}

/// The text that is signed.
fn text(facts: &[(&str, String)], files: &[(String, &str)]) -> String {
    let mut text = format!("{NAME}\n");
    for (word, fact) in facts {
        let _ = writeln!(text, "{word} {fact}");
    }
    for (hash, name) in files {
        let _ = writeln!(text, "sha256 {hash} {name}");
    }
    text
}

/// One line for each step, and every name that was skipped.
fn tests(finished: &[Finished], total: &Total) -> String {
    let mut text = String::new();
    for step in finished {
        let (passed, failed) = (step.outcome.tests.passed, step.outcome.tests.failed);
        let _ = writeln!(text, "{} {} {passed} passed {failed} failed", step.name, minutes(step.took));
    }
    for name in &total.skipped {
        let _ = writeln!(text, "skipped {name}");
    }
    text
}

/// The commit that was tested; says so when files differ from it, or when nobody knows.
fn commit(machine: &Machine) -> String {
    let git = |words: &str| {
        let mut command = machine.command(LIMIT_SECONDS, "git");
        output_of(command.args(words.split(' ')).current_dir(&machine.root)).map(|said| said.trim().to_owned())
    };
    match (git("rev-parse HEAD"), git("status --porcelain")) {
        (Ok(commit), Ok(changes)) if changes.is_empty() => commit,
        (Ok(commit), _) => format!("{commit} with changes"),
        (Err(_), _) => "unknown".to_owned(),
    }
}

fn sha256(machine: &Machine, file: &Path) -> Result<String> {
    let said = output_of(machine.command(LIMIT_SECONDS, "sha256sum").arg(file))?;
    said.split_whitespace().next().map(str::to_owned).context("sha256sum printed nothing")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_text_is_one_that_the_product_reads() {
        let facts = [("version", "0.1.0".to_owned()), ("tests", "3 passed, 0 failed, 0 skipped".to_owned())];
        let hash = "0a".repeat(32);
        let text = text(&facts, &[(hash.clone(), "ringfence")]);
        let expected = format!(
            "ringfence/releases\nversion 0.1.0\ntests 3 passed, 0 failed, 0 skipped\nsha256 {hash} ringfence\n"
        );
        assert_eq!(text, expected);
    }
}
