//! Known weaknesses of third-party crates. The database lives on a Git host, which a closed machine cannot reach, so two things are done: the
//! gate itself is shown to work on a database of our own with one planted advisory, and a copy of the real one is used when
//! `RINGFENCE_ADVISORIES` names it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::machine::{Machine, output_of};

const LIMIT_SECONDS: u32 = 120;
/// The variable that names a clone of the database of known weaknesses.
const COPY: &str = "RINGFENCE_ADVISORIES";
/// Stands in the evidence where no database was there; `ringfence release sign` refuses a text that says so.
const NOT_LOOKED_UP: &str = "not looked up";
/// A crate that is always in the tree.
const PLANTED_ON: &str = "serde";
/// The address that stands for the local database; Git is told to read the folder instead. The name cannot exist (RFC 2606).
const ADDRESS: &str = "https://advisories.invalid/db";
/// Weaknesses that are known and do not reach us, each with its reason.
const EXCUSED: &[(&str, &str)] =
    &[("RUSTSEC-2023-0071", "rsa: timing of private keys; ours only verifies signatures with public ones")];

/// Shows that the gate refuses a crate with a known weakness and lets a mended one pass, then looks at the real database where there is one.
pub fn check(machine: &Machine, deny: &Path) -> Result<bool> {
    let folder = machine.target.join("xtask/advisories");
    let mut good = true;
    for (patched, refused) in [(">= 99.0.0", true), (">= 0.0.1", false)] {
        plant(machine, &folder.join("planted"), patched)?;
        let passes = gate(machine, deny, &folder, &folder.join("planted"))?;
        if passes == refused {
            println!("the gate is blind: with {PLANTED_ON} mended in {patched} it says {passes}");
            good = false;
        }
    }
    if good {
        println!("a crate with a planted weakness is refused, and taken once it is mended");
    }
    if let Some(copy) = std::env::var_os(COPY).map(PathBuf::from) {
        let passes = gate(machine, deny, &folder, &copy)?;
        println!("known weaknesses by {}: {}", copy.display(), if passes { "none" } else { "FOUND" });
        Ok(good && passes)
    } else {
        println!(
            "no copy of the database of known weaknesses: set {COPY} to a clone of it, or run `cargo deny check advisories`"
        );
        Ok(good)
    }
}

/// What the evidence of a release says of the look-up: the commit of the database that was asked, or [`NOT_LOOKED_UP`]. Only said after a
/// run in which nothing failed, so where there is a commit, nothing was found by it.
pub fn looked_up(machine: &Machine) -> String {
    std::env::var_os(COPY).map_or_else(|| NOT_LOOKED_UP.to_owned(), |copy| commit_of(machine, Path::new(&copy)))
}

/// A database that cannot be named is as good as none.
fn commit_of(machine: &Machine, copy: &Path) -> String {
    let mut git = machine.command(LIMIT_SECONDS, "git");
    let said = output_of(git.arg("-C").arg(copy).args(["rev-parse", "HEAD"]));
    said.map_or_else(|_| NOT_LOOKED_UP.to_owned(), |said| said.trim().to_owned())
}

/// A database with one advisory, as a repository that Git can clone.
fn plant(machine: &Machine, folder: &Path, patched: &str) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    let crates = folder.join("crates").join(PLANTED_ON);
    std::fs::create_dir_all(&crates)?;
    let advisory = format!(
        "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"{PLANTED_ON}\"\ndate = \"2026-01-01\"\n\n[versions]\n\
         patched = [\"{patched}\"]\n```\n\n# A weakness planted by the test command\n\nNothing is wrong with this crate.\n"
    );
    std::fs::write(crates.join("RUSTSEC-2099-0001.md"), advisory)?;
    for words in ["init --quiet --initial-branch main", "add --all", "commit --quiet --message planted"] {
        let mut git = machine.command(LIMIT_SECONDS, "git");
        git.args(["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]);
        output_of(git.args(words.split(' ')).current_dir(folder))?;
    }
    Ok(())
}

/// Whether the tree passes by this database.
fn gate(machine: &Machine, deny: &Path, folder: &Path, database: &Path) -> Result<bool> {
    let cache = folder.join("cache");
    if cache.exists() {
        std::fs::remove_dir_all(&cache)?;
    }
    std::fs::create_dir_all(&cache)?;
    let settings = folder.join("deny.toml");
    std::fs::write(&settings, settings_text(&cache))?;
    let mut command = machine.command(LIMIT_SECONDS, deny);
    command.arg("--config").arg(&settings).args(["check", "--hide-inclusion-graph", "advisories"]);
    command
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", database.display()))
        .env("GIT_CONFIG_VALUE_0", ADDRESS);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().context("cargo-deny")?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A gate that could not look is no gate: the words of a verdict must be there.
    anyhow::ensure!(said.contains("advisories ok") || said.contains("advisories FAILED"), "no verdict: {said}");
    Ok(output.status.success())
}

fn settings_text(cache: &Path) -> String {
    let mut text = format!(
        "[graph]\ntargets = [\"x86_64-unknown-linux-gnu\"]\n[advisories]\ndb-path = {:?}\ndb-urls = [{ADDRESS:?}]\n\
         git-fetch-with-cli = true\nyanked = \"allow\"\nunmaintained = \"none\"\nignore = [\n",
        cache.display().to_string()
    );
    for (id, reason) in EXCUSED {
        let _ = writeln!(text, "    {{ id = {id:?}, reason = {reason:?} }},");
    }
    text.push_str("]\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{EXCUSED, NOT_LOOKED_UP, commit_of, plant, settings_text};
    use crate::machine::Machine;
    use std::path::Path;

    #[test]
    fn only_a_database_with_a_commit_was_looked_up() {
        let machine = Machine::here().expect("a machine");
        let folder = machine.target.join("xtask/advisories-of-a-test");
        plant(&machine, &folder, ">= 0.0.1").expect("planted");
        let commit = commit_of(&machine, &folder);
        assert!(commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{commit}");
        assert_eq!(commit_of(&machine, &folder.join("nowhere")), NOT_LOOKED_UP);
    }

    #[test]
    fn settings_are_toml_and_every_excuse_has_its_reason() {
        let text = settings_text(Path::new("/some/where"));
        let settings: toml::Table = toml::from_str(&text).expect("settings");
        assert_eq!(settings["advisories"]["ignore"].as_array().map(Vec::len), Some(EXCUSED.len()));
        assert!(EXCUSED.iter().all(|(id, reason)| id.starts_with("RUSTSEC-") && reason.len() > 20));
    }
}
