//! The steps of `cargo xtask test`, in order, with a limit for each. All limits together stay near the 45 minutes that a run from an empty
//! target folder may take on two cores.

use std::process::ExitCode;

use anyhow::Result;

use crate::house;
use crate::machine::{Machine, ends_well, run_tests, stopwatch};
use crate::postgres::Postgres;
use crate::step::{Finished, Need, Outcome, Step};
use crate::{advisories, attackers, debian, evidence, sbom, summary, tools};

const FORMAT_LIMIT_SECONDS: u32 = 120;
const LINT_LIMIT_SECONDS: u32 = 1200;
const LICENCE_LIMIT_SECONDS: u32 = 120;
const TEST_LIMIT_SECONDS: u32 = 1500;
const BUILD_LIMIT_SECONDS: u32 = 1500;
/// Each fuzz target runs this long.
const FUZZ_MILLISECONDS_PER_TARGET: u32 = 5_000;

/// Every step, in the order in which they run.
pub const STEPS: &[Step] = &[
    Step { name: "format", heading: "formatting (cargo fmt --check)", needs: &[], run: format },
    Step { name: "house", heading: "rules of the house", needs: &[], run: house },
    Step { name: "lint", heading: "lints (cargo clippy, warnings are errors)", needs: &[], run: lint },
    Step {
        name: "licences",
        heading: "third-party code: licences, bans, sources, weaknesses, bill of materials",
        needs: &[],
        run: licences,
    },
    Step {
        name: "parts",
        heading: "tests of the parts, stores on both databases",
        needs: &[Need::Packages, Need::Python, Need::Postgres],
        run: parts,
    },
    Step { name: "oracle", heading: "who may do what, decided a second time by Cedar", needs: &[], run: oracle },
    Step {
        name: "firewall",
        heading: "the firewall's processor time and decisions, beside libmodsecurity",
        needs: &[Need::Packages],
        run: firewall,
    },
    Step { name: "fuzz", heading: "fuzz targets, bounded", needs: &[], run: fuzz },
    Step { name: "binary", heading: "the binary (cargo build --release)", needs: &[], run: binary },
    Step {
        name: "product",
        heading: "the whole product: browser, phone, crash, canaries, attacks",
        needs: &[Need::Packages, Need::Python, Need::Axe, Need::OpenIdProvider, Need::Attackers, Need::Postgres],
        run: product,
    },
];

fn format(machine: &Machine) -> Result<Outcome> {
    // Without `--locked`: cargo fmt does not know it.
    let mut command = machine.command(FORMAT_LIMIT_SECONDS, "cargo");
    ends_well(command.args(["fmt", "--all", "--check"])).map(Outcome::plain)
}

fn house(machine: &Machine) -> Result<Outcome> {
    let tree = house::tree::Tree::read(&machine.root)?;
    let verdicts = house::judge(&tree);
    for verdict in &verdicts {
        println!(
            "{} {:22} {}",
            if verdict.faults.is_empty() { "ok    " } else { "FAILED" },
            verdict.rule.name,
            verdict.rule.promise
        );
        for fault in &verdict.faults {
            println!("         {fault}");
        }
    }
    Ok(Outcome::plain(verdicts.iter().all(|verdict| verdict.faults.is_empty())))
}

fn lint(machine: &Machine) -> Result<Outcome> {
    ends_well(&mut machine.cargo(LINT_LIMIT_SECONDS, "clippy --quiet --workspace --all-targets -- -D warnings"))
        .map(Outcome::plain)
}

fn licences(machine: &Machine) -> Result<Outcome> {
    let program = tools::cargo_deny(machine)?;
    let mut command = machine.command(LICENCE_LIMIT_SECONDS, &program);
    let good = ends_well(command.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    let (no_weakness, billed) = (advisories::check(machine, &program)?, sbom::write(machine)?);
    Ok(Outcome::plain(good && no_weakness && billed))
}

fn parts(machine: &Machine) -> Result<Outcome> {
    cargo_test(
        machine,
        "parts",
        "test --no-fail-fast --workspace --exclude server --exclude fuzz -- --show-output",
        &[],
    )
}

/// A package of its own with a lock file of its own, so that a hundred packages stay out of the product's; the target folder is shared, and
/// with it whatever `parts` has built of what both need.
fn oracle(machine: &Machine) -> Result<Outcome> {
    let target = machine.target.to_string_lossy();
    let words = "test --manifest-path oracles/authorization/Cargo.toml -- --show-output";
    let outcome = cargo_test(machine, "oracle", words, &[("CARGO_TARGET_DIR", target.as_ref())])?;
    let log = std::fs::read_to_string(machine.log_path("oracle")).unwrap_or_default();
    log.lines()
        .filter(|line| line.contains("cells compared") || line.contains("cells of docs/"))
        .for_each(|line| println!("{line}"));
    Ok(outcome)
}

/// A ratio of processor times within one run, so it holds on any machine; a few hundred requests tell it well enough.
fn firewall(machine: &Machine) -> Result<Outcome> {
    let target = machine.target.to_string_lossy();
    let words = "run --quiet --release --manifest-path benches/firewall/Cargo.toml 200";
    cargo_test(machine, "firewall", words, &[("CARGO_TARGET_DIR", target.as_ref())])
}

fn fuzz(machine: &Machine) -> Result<Outcome> {
    let time = FUZZ_MILLISECONDS_PER_TARGET.to_string();
    // Time is the bound, so the count must not be.
    let settings = [("BOLERO_RANDOM_TEST_TIME_MS", time.as_str()), ("BOLERO_RANDOM_ITERATIONS", "1000000000")];
    cargo_test(machine, "fuzz", "test --no-fail-fast --package fuzz -- --show-output", &settings)
}

fn binary(machine: &Machine) -> Result<Outcome> {
    ends_well(&mut machine.cargo(BUILD_LIMIT_SECONDS, "build --quiet --release --package server")).map(Outcome::plain)
}

fn product(machine: &Machine) -> Result<Outcome> {
    let binary = machine.target.join("release/ringfence");
    if !binary.is_file() {
        println!("{} is missing; run the step `binary` first", binary.display());
        return Ok(Outcome::plain(false));
    }
    let settings = [("RINGFENCE_BIN", binary.to_string_lossy())];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    // Only what judges is built without optimisation; what is judged is the binary that ships.
    cargo_test(machine, "product", "test --no-fail-fast --package server -- --show-output", &settings)
}

fn cargo_test(machine: &Machine, step: &str, words: &str, settings: &[(&str, &str)]) -> Result<Outcome> {
    let mut command = machine.cargo(TEST_LIMIT_SECONDS, words);
    command.envs(settings.iter().copied());
    let (tests, ended_well) = run_tests(&mut command, &machine.log_path(step))?;
    Ok(Outcome { good: ended_well && tests.failed == 0, tests })
}

/// Runs the named steps (all when none is named) after preparing what they need, and prints the summary; the last line counts.
pub fn run(mut machine: Machine, only: &[String]) -> ExitCode {
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect();
    let mut finished = Vec::new();
    let mut database = None;
    let elapsed = stopwatch();
    heading("the machine");
    let prepared = prepare(&mut machine, &chosen, &mut database);
    finished.push(Finished { name: "machine", took: elapsed(), outcome: or_failed(prepared) });
    for step in chosen {
        heading(step.heading);
        let elapsed = stopwatch();
        let outcome = or_failed((step.run)(&machine));
        let took = elapsed();
        println!("{} in {}", if outcome.good { "good" } else { "FAILED" }, summary::minutes(took));
        finished.push(Finished { name: step.name, took, outcome });
    }
    drop(database);
    let total = summary::total(&finished, machine.in_ci);
    if only.is_empty() && total.failed == 0 {
        match evidence::write(&machine, &finished, &total) {
            Ok(text) => println!("\nthe evidence of this build, to be signed: {}", text.display()),
            Err(error) => println!("\nno evidence of this build: {error:#}"),
        }
    }
    summary::print(&finished, machine.in_ci)
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn or_failed(outcome: Result<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|error| {
        println!("{error:#}");
        Outcome::plain(false)
    })
}

/// Prepares the union of what the steps need. What cannot be had is named as not measured; in CI the summary makes that a failure.
fn prepare(machine: &mut Machine, steps: &[&Step], database: &mut Option<Postgres>) -> Result<Outcome> {
    let needs = |need| steps.iter().any(|step| step.needs.contains(&need));
    let mut lacking = Vec::new();
    if needs(Need::Packages) {
        lacking.extend(
            debian::install_missing(machine)?
                .into_iter()
                .map(|name| format!("package {name}: not installed, and this is not root")),
        );
    }
    if needs(Need::Python) {
        found(machine, "RINGFENCE_PYTHON", tools::python(machine).map(|path| path.display().to_string()), &mut lacking);
    }
    if needs(Need::Axe) {
        found(machine, "RINGFENCE_AXE", tools::axe(machine).map(|path| path.display().to_string()), &mut lacking);
    }
    if needs(Need::OpenIdProvider) {
        let folder = tools::openid_provider(machine).map(|path| path.display().to_string());
        found(machine, "RINGFENCE_OPENID_PROVIDER", folder, &mut lacking);
    }
    if needs(Need::Attackers) {
        for attacker in &attackers::ATTACKERS {
            let path = attacker.path(machine).map(|path| path.display().to_string());
            found(machine, attacker.variable, path, &mut lacking);
        }
    }
    if needs(Need::Postgres) {
        let url = Postgres::start().map(|running| database.insert(running).url());
        found(machine, "RINGFENCE_TEST_POSTGRES_URL", url, &mut lacking);
    }
    Ok(Outcome::not_measured(lacking))
}

fn found(machine: &mut Machine, variable: &str, value: Result<String>, lacking: &mut Vec<String>) {
    match value {
        Ok(value) => {
            println!("{variable}={value}");
            machine.tell(variable, &value);
        }
        Err(error) => {
            println!("{variable} cannot be set: {error:#}");
            lacking.push(format!("{variable}: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::STEPS;

    #[test]
    fn names_are_unique_and_short() {
        for step in STEPS {
            assert_eq!(STEPS.iter().filter(|other| other.name == step.name).count(), 1, "{}", step.name);
            assert!(step.name.len() <= 10, "{}", step.name);
        }
    }
}
