//! Running one of the programs that attack: found by its variable, bounded in time, its reports read as JSON.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// Set to anything, it asks for the whole run, which takes minutes for each role; for people, not for every change.
const LONG: &str = "RINGFENCE_ATTACK_LONG";

/// One program and the folder that it may write into.
pub struct Program {
    path: PathBuf,
    pub folder: tempfile::TempDir,
}

/// Whether somebody asked for the long run.
pub fn is_long() -> bool {
    std::env::var_os(LONG).is_some_and(|value| !value.is_empty())
}

/// The short value in the ordinary test command, the long one when asked for.
pub fn short_or_long<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

impl Program {
    /// The program that this variable names; none, and a word about it, when it is not there. In CI it must be.
    #[allow(clippy::print_stdout, reason = "a test that is left out says so")]
    pub fn find(variable: &str, test: &str) -> Option<Self> {
        let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
        assert!(path.is_some() || std::env::var_os("CI").is_none(), "{variable} names no program; in CI it must");
        let Some(path) = path else {
            println!("not measured: {test}: {variable} names no program");
            return None;
        };
        let folder = tempfile::tempdir().expect("tests can write to the temporary folder");
        Some(Self { path, folder })
    }

    /// A path in the program's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it to its end and gives what it printed. Its exit code is not looked at: the report counts.
    pub async fn run(&self, arguments: &[String], limit: Duration) -> String {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(self.folder.path()).env("HOME", self.folder.path()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(limit, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("{} still ran after {limit:?}", self.path.display()));
        let output = output.expect("the program starts");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

/// The report that a program wrote; `printed` is shown when there is none.
pub fn report(path: &Path, printed: &str) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("no report: {error}\n{printed}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("not JSON: {error}\n{printed}"))
}
