//! The PostgreSQL that tests run against: the server of `RINGFENCE_TEST_POSTGRES_URL`, or one started from the machine's own binaries
//! and shared by all test processes of this user. A started server listens on a unix socket only, keeps nothing (no fsync), and is
//! stopped by its watchdog once no test has asked for it for some minutes.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_postgres::{Client, NoTls};

/// Names the address (of a superuser) of a server to use instead of starting one; `off` skips PostgreSQL.
const ADDRESS_VARIABLE: &str = "RINGFENCE_TEST_POSTGRES_URL";
/// `off` skips PostgreSQL with a printed line.
const SWITCH_VARIABLE: &str = "RINGFENCE_TEST_POSTGRES";
/// The role of the product in tests: no superuser, bound by row-level security, owner of its database.
const ROLE: &str = "ringfence_test";
/// The watchdog stops the server when no test asked for it for so long.
const IDLE_MINUTES: u32 = 5;
/// Test processes at once times connections each.
const SERVER_CONNECTIONS: u32 = 500;
/// The folders of the binaries of Debian's packages.
const DEBIAN_BINARIES: &str = "/usr/lib/postgresql";

/// Where tests reach PostgreSQL, as a superuser; `None` when this machine has none and tests go on without.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if is_off() {
                skipped("RINGFENCE_TEST_POSTGRES is off");
                return None;
            }
            if let Ok(address) = std::env::var(ADDRESS_VARIABLE) {
                return Some(address);
            }
            let Some(binaries) = binaries() else {
                assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing and in CI its tests must run");
                skipped("PostgreSQL's binaries are not installed");
                return None;
            };
            Some(shared_server(&binaries).expect("a PostgreSQL server for the tests starts"))
        })
        .as_deref()
}

/// Were tests on PostgreSQL switched off?
pub(crate) fn is_off() -> bool {
    std::env::var(SWITCH_VARIABLE).is_ok_and(|value| value == "off")
}

#[expect(clippy::print_stdout, reason = "the test command collects these lines by their first words")]
pub(crate) fn skipped(why: &str) {
    println!("not measured: store tests on PostgreSQL: {why}");
}

/// The folder of `initdb` and `postgres`, the newest version first.
pub(crate) fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN_BINARIES).into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    folders.sort_unstable_by(|one, other| other.cmp(one));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.into_iter().map(|(_, folder)| folder).chain(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// The number of the user who runs the tests: the owner of a folder just made.
fn own_number() -> std::io::Result<u32> {
    let folder = super::TestFolder::new();
    std::fs::metadata(&folder.0).map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata))
}

/// The user to run the server as: PostgreSQL refuses root.
pub(crate) fn server_user() -> Option<(u32, u32)> {
    if own_number().ok()? != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let user = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    user("postgres").or_else(|| user("nobody"))
}

pub(crate) fn as_server_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/").process_group(0);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Starts the shared server, or finds it running. A lock keeps test processes (and the watchdog) from doing so at once.
fn shared_server(binaries: &Path) -> std::io::Result<String> {
    let user = server_user();
    let owner = own_number()?;
    let folder = std::env::temp_dir().join(format!("ringfence-postgres-{owner}"));
    std::fs::create_dir_all(&folder)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    lock.lock()?;
    let data = folder.join("data");
    let address = format!("host={} user=postgres dbname=postgres", folder.display());
    touch(&folder)?;
    if !answers(&folder) {
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        start(binaries, &folder, &data, user)?;
    }
    watch(&folder)?;
    Ok(address)
}

/// Tells the watchdog that tests are still running.
fn touch(folder: &Path) -> std::io::Result<()> {
    File::create(folder.join("used"))?.write_all(b"tests")
}

fn answers(folder: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(folder.join(".s.PGSQL.5432")).is_ok()
}

fn start(binaries: &Path, folder: &Path, data: &Path, user: Option<(u32, u32)>) -> std::io::Result<()> {
    std::fs::create_dir_all(data)?;
    std::fs::set_permissions(data, Permissions::from_mode(0o700))?;
    if let Some((uid, gid)) = user {
        std::os::unix::fs::chown(data, Some(uid), Some(gid))?;
        std::os::unix::fs::chown(folder, Some(uid), Some(gid))?;
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    let made = as_server_user(&binaries.join("initdb"), user)
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
        .arg(data)
        .status()?;
    if !made.success() {
        return Err(std::io::Error::other("initdb failed"));
    }
    let mut server = as_server_user(&binaries.join("postgres"), user);
    server.arg("-D").arg(data).arg("-k").arg(folder).args(["-c", "listen_addresses="]);
    for setting in
        ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0"]
    {
        server.args(["-c", setting]);
    }
    server.args(["-c", "jit=off", "-c", "shared_buffers=64MB", "-c", "logging_collector=off"]);
    server.args(["-c", &format!("max_connections={SERVER_CONNECTIONS}")]);
    server.stderr(File::create(folder.join("log"))?);
    let mut running = server.spawn()?;
    for _ in 0..600 {
        if answers(folder) {
            return Ok(());
        }
        if running.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err(std::io::Error::other("the server did not start; see its log in the temporary folder"))
}

/// Starts the watchdog unless one is running. It holds the lock while it looks, so it never stops a server being handed out.
fn watch(folder: &Path) -> std::io::Result<()> {
    let number = folder.join("watchdog");
    let running = std::fs::read_to_string(&number).is_ok_and(|pid| Path::new("/proc").join(pid.trim()).exists());
    if running {
        return Ok(());
    }
    let script = format!(
        "cd \"$1\" || exit; while sleep 15; do
           flock lock sh -c 'if [ -z \"$(find used -mmin -{IDLE_MINUTES})\" ]; then
             server=$(head -n 1 data/postmaster.pid); kill -INT $server; rm -f used
             while kill -0 $server; do sleep 1; done; rm -rf data; fi'
           [ -e used ] || exit; done"
    );
    let mut command = as_server_user(Path::new("/bin/sh"), None);
    let watchdog = command.arg("-c").arg(script).arg("ringfence-test-postgres").arg(folder).spawn()?;
    std::fs::write(number, watchdog.id().to_string())
}

async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.expect("the tests' PostgreSQL answers");
    tokio::spawn(connection);
    client
}

/// A database of its own, dropped with this value.
#[derive(Debug)]
pub(super) struct FreshDatabase {
    name: String,
    server: &'static str,
    /// Reached as the product's role.
    pub url: String,
    /// Reached as a superuser, which the product must refuse.
    pub superuser_url: String,
}

impl FreshDatabase {
    /// Makes one, or `None` when tests run without PostgreSQL.
    pub async fn new() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static PREPARED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
        let server = tokio::task::spawn_blocking(server).await.expect("the server starts or tests end")?;
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let client = connect(server).await;
        PREPARED.get_or_init(|| prepare(&client)).await;
        keep_alive(server);
        let name = format!("ringfence_test_{}_{number}", std::process::id());
        // A process of the same number may have left one behind.
        let drop = format!("drop database if exists {name} with (force)");
        client.batch_execute(&drop).await.expect("an old database goes");
        let create = format!("create database {name} owner {ROLE} template template0");
        client.batch_execute(&create).await.expect("a fresh database is made");
        let (url, superuser_url) = (address(server, ROLE, &name), address(server, "postgres", &name));
        Some(Self { name, server, url, superuser_url })
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        // On a thread of its own, since tests drop this inside their runtime; one left behind is dropped by a later process.
        let (server, drop) = (self.server, format!("drop database if exists {} with (force)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = runtime.map(|runtime| runtime.block_on(async { connect(server).await.batch_execute(&drop).await }));
        });
        let _ = dropping.join();
    }
}

/// Once per process: the product's role, and an end to databases whose process is gone.
async fn prepare(client: &Client) {
    let role = format!(
        "do $$ begin perform pg_advisory_xact_lock(1); if not exists (select from pg_roles where rolname = '{ROLE}') then
           create role {ROLE} login nosuperuser nobypassrls nocreatedb nocreaterole; end if; end $$"
    );
    client.batch_execute(&role).await.expect("the tests' role is made");
    let old = "select datname::text from pg_database where datname like 'ringfence\\_test\\_%'";
    for row in client.query(old, &[]).await.expect("databases are listed") {
        let name: String = row.get(0);
        let process = name.split('_').nth(2).unwrap_or_default();
        let is_gone = Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists();
        if is_gone {
            // Another process may be dropping it as well.
            let _ = client.batch_execute(&format!("drop database if exists {name} with (force)")).await;
        }
    }
}

fn keep_alive(server: &str) {
    if let Some(folder) = server.strip_prefix("host=").and_then(|rest| rest.split(' ').next())
        && Path::new(folder).join("used").exists()
    {
        touch(Path::new(folder)).expect("the tests' folder can be written");
    }
}

/// The address of a database of the server for a role.
fn address(server: &str, role: &str, database: &str) -> String {
    let config: tokio_postgres::Config = server.parse().expect("the address of the tests' PostgreSQL can be read");
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
        Some(tokio_postgres::config::Host::Unix(folder)) => folder.display().to_string(),
        None => "127.0.0.1".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("host={host} port={port} user={role} dbname={database}")
}
