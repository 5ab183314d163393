//! `cargo xtask test`: the one command that prepares a Debian machine, runs every check of this repository in order, and says plainly what
//! passed, what failed and what was not measured. `.ci/run` calls exactly this.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output of this tool is what a person reads in a terminal"
)]

mod advisories;
mod attackers;
mod cargo_output;
mod debian;
mod evidence;
mod house;
mod machine;
mod postgres;
mod sbom;
mod step;
mod steps;
mod summary;
mod tools;

use std::process::ExitCode;

use machine::Machine;

/// What the tool was asked to do.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// Run the named steps; all of them when the list is empty.
    Test(Vec<String>),
    /// Print the names of the steps.
    List,
    /// Print what can be asked.
    Help,
}

const HELP: &str = "\
cargo xtask test                run everything, in order
cargo xtask test --only NAME    run one step (may be given several times)
cargo xtask test --list         print the steps

With the environment variable CI set, whatever is skipped or not measured counts as a failure.";

/// Reads the words of the command line. Errors name the word that was not understood.
fn understand(words: &[String]) -> Result<Request, String> {
    let mut rest = words.iter().map(String::as_str);
    match rest.next() {
        Some("test") => {}
        None | Some("help" | "--help" | "-h") => return Ok(Request::Help),
        Some(other) => return Err(format!("`{other}` is not known; try `cargo xtask help`")),
    }
    let mut only = Vec::new();
    while let Some(word) = rest.next() {
        match word {
            "--list" => return Ok(Request::List),
            "--only" => match rest.next() {
                Some(name) if steps::STEPS.iter().any(|step| step.name == name) => only.push(name.to_owned()),
                Some(name) => return Err(format!("there is no step `{name}`; `cargo xtask test --list` prints them")),
                None => return Err("--only wants the name of a step".to_owned()),
            },
            other => return Err(format!("`{other}` is not known; try `cargo xtask help`")),
        }
    }
    Ok(Request::Test(only))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match understand(&words) {
        Ok(Request::Test(only)) => match Machine::here() {
            Ok(machine) => steps::run(machine, &only),
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::from(2)
            }
        },
        Ok(Request::List) => {
            for step in steps::STEPS {
                println!("{:10} {}", step.name, step.heading);
            }
            ExitCode::SUCCESS
        }
        Ok(Request::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, understand};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn understands_its_few_words() {
        assert_eq!(understand(&words("test")), Ok(Request::Test(Vec::new())));
        assert_eq!(understand(&words("test --only house --only format")), Ok(Request::Test(words("house format"))));
        assert_eq!(understand(&words("test --list")), Ok(Request::List));
        assert_eq!(understand(&[]), Ok(Request::Help));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in ["build", "test --fast", "test --only", "test --only nothing"] {
            assert!(understand(&words(line)).is_err(), "{line}");
        }
    }
}
