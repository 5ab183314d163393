//! A real PostgreSQL with a certificate of the test's own: who is trusted, and who is not.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_postgres::NoTls;

use crate::database::{Database, DatabaseConfig, OldestTls, PostgresLink};
use crate::error::Result;
use crate::schema::Schema;
use crate::testing::driver::{as_server_user, binaries, is_off, server_user, skipped};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer(name: &str) -> Issuer {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("signed")
}

/// A server of this test alone; ends, and its folder goes, when dropped.
struct Server {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    running: Option<Child>,
}

impl Server {
    /// Makes one with a certificate for `localhost`; none where PostgreSQL is not installed.
    async fn new(issuer: &Issuer) -> Option<Self> {
        if is_off() {
            skipped("RINGFENCE_TEST_POSTGRES is off");
            return None;
        }
        let Some(binaries) = binaries() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing and in CI its tests must run");
            skipped("PostgreSQL's binaries are not installed");
            return None;
        };
        let folder = tempfile::tempdir().expect("tests can write to the temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut server = Self { folder, binaries, user: server_user(), port, running: None };
        server.own(server.folder.path());
        let mut initdb = server.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        let made = initdb.arg(server.data()).status().expect("it runs");
        assert!(made.success(), "initdb failed");
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, issuer).expect("signed");
        server.file("server.crt", &certificate.pem());
        server.file("server.key", &key.serialize_pem());
        server.start(&["ssl=on"]).await;
        let (client, connection) = tokio_postgres::connect(&server.admin(), NoTls).await.expect("it answers");
        tokio::spawn(connection);
        client.batch_execute("create role app login nosuperuser nobypassrls").await.expect("a role");
        client.batch_execute("create database app owner app").await.expect("a database");
        Some(server)
    }

    /// Where its superuser connects.
    fn admin(&self) -> String {
        format!("host={} port={} user=postgres dbname=postgres", self.folder.path().display(), self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        as_server_user(&self.binaries.join(program), self.user)
    }

    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            std::os::unix::fs::chown(path, Some(user), Some(group)).expect("tests run as root here");
        }
    }

    fn file(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.data().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        self.own(&path);
    }

    async fn start(&mut self, settings: &[&str]) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path()).arg("-p").arg(self.port.to_string());
        command.args(["-c", "listen_addresses=localhost", "-c", "fsync=off", "-c", "shared_buffers=16MB"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        self.running = Some(command.spawn().expect("it starts"));
        let admin = self.admin();
        for _ in 0..600 {
            // The socket is there before the server answers.
            if tokio_postgres::connect(&admin, NoTls).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not start");
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // SIGQUIT ends it at once; nothing here is to be kept.
            let _ended = Command::new("kill").args(["-QUIT", &running.id().to_string()]).status();
            let _status = running.wait();
        }
    }

    async fn open(&self, host: &str, link: PostgresLink) -> Result<Database> {
        let url = format!("postgres://app@{host}:{}/app", self.port);
        Database::open(&DatabaseConfig::Postgres { url, link }, Schema::new()).await
    }

    async fn refused(&self, host: &str, link: PostgresLink) -> String {
        self.open(host, link).await.expect_err("refused").to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// TLS with this authority.
fn verified(issuer: &Issuer, oldest: OldestTls) -> PostgresLink {
    PostgresLink::Verified { authorities: issuer.pem().into_bytes(), oldest }
}

#[tokio::test]
async fn only_the_right_authority_for_the_right_name_over_tls_is_spoken_to() {
    let (right, wrong) = (issuer("right"), issuer("wrong"));
    let Some(mut server) = Server::new(&right).await else { return };
    let verified = |issuer: &Issuer| verified(issuer, OldestTls::default());

    let database = server.open("localhost", verified(&right)).await.expect("trusted");
    assert_eq!(database.observed_tls().await.expect("asked").as_deref(), Some("TLSv1.3"), "as the server sees it");
    database.close().await;

    let told = server.refused("localhost", verified(&wrong)).await;
    assert!(told.contains("certificate"), "another authority: {told}");
    let told = server.refused("127.0.0.1", verified(&right)).await;
    assert!(told.contains("certificate"), "another name: {told}");

    let plain = server.open("localhost", PostgresLink::ThisMachine).await.expect("on this machine");
    assert_eq!(plain.observed_tls().await.expect("asked"), None);
    plain.close().await;

    server.stop();
    server.start(&["ssl=off"]).await;
    let told = server.refused("localhost", verified(&right)).await;
    assert!(told.to_lowercase().contains("tls"), "a server that speaks no TLS: {told}");
}

#[tokio::test]
async fn tls_1_2_is_spoken_to_it_only_by_setting() {
    let authority = issuer("authority");
    let Some(mut server) = Server::new(&authority).await else { return };
    let spoken = async |server: &Server, oldest: OldestTls| {
        let database = server.open("localhost", verified(&authority, oldest)).await.expect("let in");
        let spoken = database.observed_tls().await.expect("asked");
        database.close().await;
        spoken
    };
    assert_eq!(spoken(&server, OldestTls::Tls12).await.as_deref(), Some("TLSv1.3"), "the newest that both know");

    server.stop();
    server.start(&["ssl=on", "ssl_max_protocol_version=TLSv1.2"]).await;
    let told = server.refused("localhost", verified(&authority, OldestTls::Tls13)).await;
    for words in ["TLS 1.3", "database_tls_minimum = \"1.2\"", "ssl_max_protocol_version"] {
        assert!(told.contains(words), "it says what to do ({words}): {told}");
    }
    assert_eq!(spoken(&server, OldestTls::Tls12).await.as_deref(), Some("TLSv1.2"), "by setting");
}
