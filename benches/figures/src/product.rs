//! The product as a process of its own, and what the system says of it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::{Child, Command};

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(120);

/// More than the defaults let one address and one key ask; what is counted is the cost of an answer, not of a refusal.
const UNHURRIED: &str = "[limits]\nnetwork_per_minute = 100000\nread_per_minute = 100000\n";

/// Clock ticks a second in `/proc/PID/stat`: fixed by the kernel's interface to programs (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running demo.
pub struct Product {
    child: Child,
    folder: PathBuf,
    _scratch: Option<tempfile::TempDir>,
    facts: Value,
    /// From the start of the process until it answered that it is ready.
    pub ready_after: Duration,
    /// Asks it.
    pub http: reqwest::Client,
}

/// The binary that is measured.
pub fn binary() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ringfence");
    std::env::var_os("RINGFENCE_BIN").map_or(built, PathBuf::from)
}

impl Product {
    /// A fresh demo in a folder that goes away, on the cores of this list (all when none is given).
    pub async fn start(cores: Option<&str>) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let folder = scratch.path().join("data");
        let mut product = Self::start_in(&folder, cores).await?;
        product._scratch = Some(scratch);
        Ok(product)
    }

    /// A demo on a folder that may hold data already.
    pub async fn start_in(folder: &Path, cores: Option<&str>) -> Result<Self> {
        let program = binary();
        let mut command = match cores {
            None => Command::new(&program),
            Some(cores) => {
                let mut pinned = Command::new("taskset");
                pinned.args(["-c", cores]).arg(&program);
                pinned
            }
        };
        command.args(["demo", "--no-caller", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--data-dir"]);
        let settings = folder.with_extension("toml");
        std::fs::write(&settings, UNHURRIED)?;
        command.arg(folder).arg("--settings").arg(settings).env("RUST_LOG", "error").stdout(Stdio::null()).kill_on_drop(true);
        let http = reqwest::Client::builder().no_proxy().build()?;
        let stale = std::fs::read(folder.join("demo.json")).unwrap_or_default();
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        loop {
            let text = std::fs::read(folder.join("demo.json")).unwrap_or_default();
            if let Ok(facts) = serde_json::from_slice::<Value>(&text)
                && text != stale
            {
                let ready = http.get(format!("{}/readyz", text_of(&facts, "base_url")?)).send().await;
                if ready.is_ok_and(|answer| answer.status() == 200) {
                    let (folder, ready_after) = (folder.to_owned(), began.elapsed());
                    return Ok(Self { child, folder, _scratch: None, facts, ready_after, http });
                }
            }
            if began.elapsed() > START_LIMIT {
                bail!("the demo was not ready after {START_LIMIT:?}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What `demo.json` says.
    pub fn fact(&self, name: &str) -> Result<&str> {
        text_of(&self.facts, name)
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Processor seconds that it has used.
    pub fn processor_seconds(&self) -> Result<f64> {
        let process = self.child.id().context("the demo has ended")?;
        let line = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The second field is the name in brackets and may hold anything; user and system time are the 14th and 15th.
        let rest = line.rsplit_once(')').context("an unreadable line")?.1;
        let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// A line of `/proc/PID/smaps_rollup` in MiB: `Rss`, `Pss`, `Private_Dirty`.
    pub fn memory_mebibytes(&self, name: &str) -> Result<f64> {
        let process = self.child.id().context("the demo has ended")?;
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).context("no such line")?;
        let kibibytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kibibytes / 1024.0)
    }

    /// Asks it to end and waits until it has.
    pub async fn end(mut self) -> Result<()> {
        let process = self.child.id().context("the demo has ended")?.to_string();
        for _ in 0..2 {
            Command::new("kill").args(["-TERM", &process]).status().await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.child.wait().await?;
        Ok(())
    }
}

fn text_of<'a>(facts: &'a Value, name: &str) -> Result<&'a str> {
    facts[name].as_str().with_context(|| format!("demo.json does not say {name}"))
}
