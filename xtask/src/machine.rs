//! The machine that the checks run on: where the tree and its target folder are, what the child processes are told through their
//! environment, and how a child is run so that it ends when its time is up or when this process goes away.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo_output::CargoOutput;

/// A build job of this workspace (release, with its C dependencies) stays below this; more jobs than memory allows end in a killed linker.
const GIBIBYTES_PER_JOB: u64 = 2;
/// More jobs than this bring nothing here.
const MOST_JOBS: u64 = 8;
/// Seconds between the polite and the final signal to a child whose time is up.
const KILL_AFTER_SECONDS: u32 = 20;

/// Where we are and what children are told.
pub struct Machine {
    /// The root of the source tree.
    pub root: PathBuf,
    /// The target folder of Cargo.
    pub target: PathBuf,
    /// Tools that survive an emptied target folder (`RINGFENCE_TOOLS`, else a folder in the user's cache).
    pub tools: PathBuf,
    /// True when the environment variable `CI` is set: then nothing may be skipped.
    pub in_ci: bool,
    environment: Vec<(String, String)>,
}

impl Machine {
    /// Looks at the machine; fails when the tree cannot be found.
    pub fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?.to_path_buf();
        if !root.join("Cargo.toml").is_file() {
            bail!("{} holds no Cargo.toml; was the tree moved after xtask was built?", root.display());
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let tools = match (std::env::var_os("RINGFENCE_TOOLS"), std::env::var_os("HOME")) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(home)) => Path::new(&home).join(".cache/ringfence-tools"),
            (None, None) => bail!("neither RINGFENCE_TOOLS nor HOME says where tools may be kept"),
        };
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let mut machine = Self { root, target, tools, in_ci, environment: Vec::new() };
        machine.tell("CARGO_BUILD_JOBS", &jobs().to_string());
        if in_ci {
            machine.tell("CARGO_INCREMENTAL", "0");
        }
        Ok(machine)
    }

    /// Sets a variable in the environment of every later child.
    pub fn tell(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// A child that is told what we know, runs in the root, and is asked to end when this process ends or after `limit_seconds`.
    pub fn command(&self, limit_seconds: u32, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "timeout", "-k"]);
        command.arg(KILL_AFTER_SECONDS.to_string()).arg(limit_seconds.to_string()).arg(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command
    }

    /// Cargo with these words, split at spaces; `--locked` in CI, so that the lock file is what was committed.
    pub fn cargo(&self, limit_seconds: u32, words: &str) -> Command {
        let mut command = self.command(limit_seconds, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let mut words = words.split_whitespace();
        command.args(words.next());
        if self.in_ci {
            command.arg("--locked");
        }
        command.args(words);
        command
    }

    /// The log of a step, kept whole under the target folder.
    pub fn log_path(&self, step: &str) -> PathBuf {
        self.target.join("xtask").join(format!("{step}.log"))
    }
}

/// Build jobs: as many as cores, bounded by memory and by [`MOST_JOBS`], at least one.
fn jobs() -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let memory = std::fs::read_to_string("/proc/meminfo").map_or(u64::MAX, |text| memory_gibibytes(&text));
    cores.min(memory / GIBIBYTES_PER_JOB).clamp(1, MOST_JOBS)
}

/// Total memory out of the text of `/proc/meminfo`, rounded down; without that line, unknown memory does not limit.
fn memory_gibibytes(meminfo: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(u64::MAX, |kibibytes| kibibytes / (1024 * 1024))
}

/// Runs a child to its end, its output going straight to the terminal; says whether it ended well.
pub fn ends_well(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("{} could not be started", program_of(command)))?;
    Ok(status.success())
}

/// Runs a child quietly and returns its standard output; an error holds the end of what it said.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{} could not be started", program_of(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(8).collect();
        bail!(
            "{} ended with {}: {}",
            program_of(command),
            output.status,
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `cargo test`, keeps its whole output in `log`, shows the part a person wants, and returns the counts with the child's own verdict.
pub fn run_tests(command: &mut Command, log: &Path) -> Result<(CargoOutput, bool)> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut log_file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut child = command.stdout(Stdio::piped()).spawn().context("cargo could not be started")?;
    let stdout = child.stdout.take().context("the child has no output")?;
    let mut seen = CargoOutput::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(log_file, "{line}")?;
        if let Some(shown) = seen.read_line(&line) {
            println!("{shown}");
        }
    }
    Ok((seen, child.wait()?.success()))
}

/// The program that a person thinks of: behind `setpriv … timeout -k A B`.
fn program_of(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let program = if command.get_program() == "setpriv" { words.get(7) } else { words.first() };
    program.map_or_else(String::new, |word| word.to_string_lossy().into_owned())
}

/// Tries an action up to three times, because networks fail; returns the last error.
pub fn with_retries<T>(what: &str, mut action: impl FnMut() -> Result<T>) -> Result<T> {
    const PAUSES_SECONDS: [u64; 2] = [3, 15];
    for pause_seconds in PAUSES_SECONDS {
        match action() {
            Ok(value) => return Ok(value),
            Err(error) => println!("{what} failed ({error:#}); trying again in {pause_seconds} s"),
        }
        std::thread::sleep(Duration::from_secs(pause_seconds));
    }
    action().with_context(|| format!("{what} failed three times"))
}

/// The wall clock of this tool; nothing of the product depends on it.
#[allow(clippy::disallowed_methods, reason = "a test runner measures real time; no product code runs here")]
pub fn stopwatch() -> impl Fn() -> Duration {
    let start = Instant::now();
    move || start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::memory_gibibytes;

    #[test]
    fn reads_memory_from_the_kernels_own_table() {
        assert_eq!(memory_gibibytes("MemTotal:       24563284 kB\nMemFree: 1 kB\n"), 23);
        assert_eq!(memory_gibibytes("nothing"), u64::MAX);
    }
}
