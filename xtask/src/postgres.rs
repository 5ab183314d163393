//! One throwaway PostgreSQL for a whole run, from the machine's own binaries: a fresh cluster in a temporary folder, on loopback only, not
//! durable, stopped and removed at the end, and stopped by the kernel when this process dies.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::debian::is_root;
use crate::machine::output_of;

/// Tests open a pool per temporary database.
const MOST_CONNECTIONS: u32 = 300;
/// Polls of a quarter of a second until the server answers.
const START_POLLS: u32 = 120;
/// Polls of a quarter of a second until it has stopped.
const STOP_POLLS: u32 = 80;
const POLL: Duration = Duration::from_millis(250);

/// The running server; dropping it stops it and removes its folder.
pub struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and starts it. Fails when the machine has no PostgreSQL or the server does not answer within 30 s.
    pub fn start() -> Result<Self> {
        let binaries =
            newest_binaries(Path::new("/usr/lib/postgresql")).context("no PostgreSQL under /usr/lib/postgresql")?;
        let folder = std::env::temp_dir().join(format!("ringfence-postgres-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if is_root() {
            output_of(Command::new("chown").arg("postgres:postgres").arg(&folder))?;
        }
        let cluster = folder.join("cluster");
        output_of(
            as_postgres(&binaries.join("initdb"), "TERM")
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
                .arg(&cluster),
        )?;
        let port = free_port()?;
        let server = as_postgres(&binaries.join("postgres"), "INT")
            .arg("-D")
            .arg(&cluster)
            .args(["-p", &port.to_string(), "-k", &folder.display().to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("max_connections={MOST_CONNECTIONS}")])
            .args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"])
            .args(["-c", "shared_buffers=64MB", "-c", "log_min_messages=fatal"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.with_extension("log"))?)
            .spawn()
            .context("postgres could not be started")?;
        let mut running = Self { server, folder, port };
        running.wait_until_ready(&binaries)?;
        Ok(running)
    }

    /// The address of the superuser; tests make their own roles and databases from it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, binaries: &Path) -> Result<()> {
        for _ in 0..START_POLLS {
            let answers = Command::new(binaries.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success());
            if answers {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                let said = std::fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
                bail!("postgres ended at once with {status}: {said}");
            }
            std::thread::sleep(POLL);
        }
        bail!("postgres does not answer on port {}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: clients are dropped, nothing is waited for.
        let asked = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let mut stopped = false;
        for _ in 0..STOP_POLLS {
            if asked.is_err() || self.server.try_wait().is_ok_and(|status| status.is_some()) {
                stopped = true;
                break;
            }
            std::thread::sleep(POLL);
        }
        if !stopped && let Err(error) = self.server.kill() {
            println!("postgres did not stop: {error}");
        }
        for result in [std::fs::remove_dir_all(&self.folder), std::fs::remove_file(self.folder.with_extension("log"))] {
            if let Err(error) = result {
                println!("a temporary folder of postgres stays behind: {error}");
            }
        }
    }
}

/// A command that runs as the user `postgres` when we are root (the server refuses root), and gets `signal` when this process dies.
fn as_postgres(program: &Path, signal: &str) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", signal]).arg(program).current_dir("/").env("LC_ALL", "C.UTF-8");
    command
}

/// `/usr/lib/postgresql/<version>/bin` with the highest version that holds a server.
fn newest_binaries(folder: &Path) -> Option<PathBuf> {
    let versions =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|version| folder.join(format!("{version}/bin/postgres")).is_file()).max()?;
    Some(folder.join(format!("{newest}/bin")))
}

/// A port that was free a moment ago on loopback.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::newest_binaries;
    use std::path::Path;

    #[test]
    fn without_a_server_there_are_no_binaries() {
        assert_eq!(newest_binaries(Path::new("/no/such/folder")), None);
    }
}
