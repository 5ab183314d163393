//! Sound set-ups are found sound; broken ones are named by what is broken, and nothing else is blamed.

use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use identity::founding::{self, Founding};
use storage::{ManualClock, SystemClock};
use tempfile::TempDir;

use super::*;
use crate::config::{PortRange, Trunk};
use crate::wiring::House;

mod tls;

/// A node that has served before and is stopped now. Its ports are any that are free.
async fn set_up() -> (TempDir, Settings) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        data_dir: scratch.path().join("data"),
        http: any_port,
        admin: any_port,
        sip: any_port,
        stamp: Some(vault::Stamp::Production),
        ..Settings::default()
    };
    let house = open(&settings).await;
    let owner = Founding {
        organization_name: "Harbour",
        name: "Robin",
        email: "robin@harbour.example",
        password: "a tide table for each day of the year",
    };
    founding::found(&house.platform, &owner).await.expect("the first organization");
    house.platform.audit.checkpoint(house.platform.now()).await.expect("a checkpoint");
    house.platform.database.close().await;
    (scratch, settings)
}

async fn open(settings: &Settings) -> House {
    House::open(settings.clone()).await.expect("opens")
}

/// The faults alone. How full the disk of the tests is proves nothing about this program.
async fn faults(settings: &Settings) -> Vec<Finding> {
    let findings = examine(settings, &SystemClock).await;
    findings.into_iter().filter(|finding| !finding.good && finding.name != "disk").collect()
}

/// Exactly one fault, of this name, that says this.
async fn expect(settings: &Settings, name: &str, words: &str) {
    let faults = faults(settings).await;
    assert!(faults.len() == 1 && faults[0].name == name && faults[0].says.contains(words), "{name}: {faults:#?}");
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

fn database(settings: &Settings) -> PathBuf {
    settings.data_dir.join("ringfence.db")
}

#[tokio::test]
async fn a_sound_set_up_has_no_fault_and_is_left_as_it_was() {
    let (_scratch, settings) = set_up().await;
    assert_eq!(faults(&settings).await, []);
    let findings = examine(&settings, &SystemClock).await;
    for name in
        ["settings", "data folder", "database", "root key", "audit log", "http", "admin", "sip", "sound", "clock"]
    {
        assert!(findings.iter().any(|finding| finding.name == name), "{name} was not looked at: {findings:#?}");
    }
    let house = open(&settings).await;
    assert!(!founding::is_needed(&house.platform).await.expect("read"), "the data is still there");
}

#[tokio::test]
async fn a_folder_before_its_first_start_is_sound_and_nothing_is_made_in_it() {
    let (_scratch, settings) = set_up().await;
    std::fs::remove_dir_all(&settings.data_dir).expect("removed");
    std::fs::create_dir(&settings.data_dir).expect("made");
    chmod(&settings.data_dir, 0o700);
    assert_eq!(faults(&settings).await, []);
    assert_eq!(std::fs::read_dir(&settings.data_dir).expect("there").count(), 0);
}

#[tokio::test]
async fn a_missing_folder_and_a_file_in_its_place_are_named() {
    let (_scratch, settings) = set_up().await;
    std::fs::remove_dir_all(&settings.data_dir).expect("removed");
    expect(&settings, "data folder", "--data-dir").await;
    assert!(!settings.data_dir.exists(), "looking makes nothing");
    std::fs::write(&settings.data_dir, "a file").expect("written");
    expect(&settings, "data folder", "is not a folder").await;
}

#[tokio::test]
async fn a_folder_that_others_can_enter_or_nobody_can_write_is_named() {
    let (_scratch, settings) = set_up().await;
    for (mode, words) in [(0o755, "other users"), (0o710, "other users"), (0o500, "cannot be written to")] {
        chmod(&settings.data_dir, mode);
        expect(&settings, "data folder", words).await;
    }
    chmod(&settings.data_dir, 0o700);
}

#[tokio::test]
async fn the_wrong_root_key_is_named_by_fingerprint() {
    let (_scratch, settings) = set_up().await;
    let key = settings.data_dir.join("root.key");
    std::fs::write(&key, "11".repeat(32)).expect("written");
    expect(&settings, "root key", "was made with the key of fingerprint").await;
    std::fs::write(&key, "no key").expect("written");
    expect(&settings, "root key", "it holds no key of 32 bytes").await;
}

#[tokio::test]
async fn a_root_key_that_others_can_read_or_that_is_gone_is_named() {
    let (_scratch, settings) = set_up().await;
    let key = settings.data_dir.join("root.key");
    chmod(&key, 0o644);
    expect(&settings, "root key", "chmod 600").await;
    std::fs::remove_file(&key).expect("removed");
    expect(&settings, "root key", "restore it from your backup").await;
    assert!(!key.exists(), "no other key is put in its place");
}

#[tokio::test]
async fn a_root_key_from_elsewhere_that_is_not_there_is_named() {
    let (_scratch, mut settings) = set_up().await;
    settings.root_key = crate::config::RootKey::Environment { name: "RINGFENCE_NO_SUCH_VARIABLE".into() };
    expect(&settings, "root key", "RINGFENCE_NO_SUCH_VARIABLE").await;
}

#[tokio::test]
async fn a_database_file_that_is_none_is_named() {
    let (_scratch, settings) = set_up().await;
    let mut bytes = std::fs::read(database(&settings)).expect("there");
    bytes[..4096].fill(0x5a);
    std::fs::write(database(&settings), bytes).expect("written");
    expect(&settings, "database", "restore it from a backup").await;
}

#[tokio::test]
async fn a_database_server_that_does_not_answer_is_named() {
    let (_scratch, mut settings) = set_up().await;
    settings.database_url = "postgres://ringfence@127.0.0.1:1/ringfence".into();
    expect(&settings, "database", "whether PostgreSQL runs").await;
}

#[tokio::test]
async fn an_edited_audit_log_is_named_by_its_row() {
    let (_scratch, settings) = set_up().await;
    let mut bytes = std::fs::read(database(&settings)).expect("there");
    let word = b"organization.found";
    let places: Vec<usize> =
        bytes.windows(word.len()).enumerate().filter(|(_, window)| window == word).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the founding is in the log");
    for at in places {
        bytes[at..at + word.len()].copy_from_slice(b"organization.fount");
    }
    std::fs::write(database(&settings), bytes).expect("written");
    expect(&settings, "audit log", "row 0").await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_who_has_it() {
    let (_scratch, mut settings) = set_up().await;
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    settings.http = other.local_addr().expect("bound");
    expect(&settings, "http", "is taken by").await;
    assert!(faults(&settings).await[0].says.contains(&format!("process {}", std::process::id())));
}

#[tokio::test]
async fn a_port_that_this_installation_serves_is_no_fault() {
    let (_scratch, mut settings) = set_up().await;
    let house = open(&settings).await;
    let (ours, sip) = (TcpListener::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
    settings.http = ours.as_ref().expect("bound").local_addr().expect("bound");
    settings.sip = sip.as_ref().expect("bound").local_addr().expect("bound");
    let findings = examine(&settings, &SystemClock).await;
    for name in ["http", "sip"] {
        let finding = findings.iter().find(|finding| finding.name == name).expect("looked at");
        assert!(finding.good && finding.says.contains("served by this installation"), "{finding:?}");
    }
    house.platform.database.close().await;
}

#[tokio::test]
async fn addresses_that_cannot_be_used_are_named() {
    let (_scratch, mut settings) = set_up().await;
    settings.http = SocketAddr::from(([0, 0, 0, 0], 0));
    expect(&settings, "http", "give the node a certificate").await;
    settings.http = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.admin = SocketAddr::from(([203, 0, 113, 7], 9_090));
    let faults = faults(&settings).await;
    let says = |name: &str, words: &str| faults.iter().any(|fault| fault.name == name && fault.says.contains(words));
    assert!(says("admin", "this machine has no address 203.0.113.7") && says("settings", "`admin`"), "{faults:#?}");
}

#[tokio::test]
async fn a_range_for_sound_that_others_use_is_named() {
    let (_scratch, mut settings) = set_up().await;
    let (first, _second) = loop {
        let first = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = first.local_addr().expect("bound").port();
        if let Some(Ok(second)) = port.checked_add(1).map(|next| UdpSocket::bind(("127.0.0.1", next))) {
            break (first, second);
        }
    };
    let port = first.local_addr().expect("bound").port();
    settings.rtp_ports = PortRange { first: port, last: port + 1 };
    expect(&settings, "sound", "0 of 2 UDP ports are free").await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let (_scratch, settings) = set_up().await;
    for (now, words) in [(1_577_836_800, "before this program was made"), (1_767_225_600, "last written")] {
        let findings = examine(&settings, &ManualClock::at(storage::Timestamp::from_seconds(now))).await;
        let clock = findings.iter().find(|finding| finding.name == "clock").expect("looked at");
        assert!(!clock.good && clock.says.contains(words), "{clock:?}");
    }
}

#[tokio::test]
async fn a_trunk_without_its_password_is_named() {
    let (scratch, mut settings) = set_up().await;
    let file = scratch.path().join("trunk.password");
    settings.phone.security = Some(crate::config::PhoneSecurity::Offered);
    let trunk = Trunk {
        address: "sip.example".into(),
        user: Some("us".into()),
        password_file: Some(file.clone()),
        ..Trunk::default()
    };
    settings.trunk = Some(trunk.clone());
    expect(&settings, "trunk", "trunk.password").await;
    std::fs::write(&file, "secret\n").expect("written");
    chmod(&file, 0o644);
    expect(&settings, "trunk", "chmod 600").await;
    chmod(&file, 0o600);
    assert_eq!(faults(&settings).await, []);
    settings.trunk = Some(Trunk { password_file: None, ..trunk });
    expect(&settings, "trunk", "go together").await;
}

#[tokio::test]
async fn a_trunk_is_told_as_it_is_set() {
    let (scratch, mut settings) = set_up().await;
    settings.trunk = Some(Trunk { address: "127.0.0.1:5070".into(), ..Trunk::default() });
    let findings = examine(&settings, &SystemClock).await;
    let finding = findings.iter().find(|finding| finding.name == "trunk").expect("looked at");
    assert!(finding.good && finding.says == "127.0.0.1:5070, no password is set", "{finding:?}");
    let file = scratch.path().join("authority.pem");
    let address = "sip.example:5061;transport=tls";
    settings.trunk = Some(Trunk { address: address.into(), ca_file: Some(file.clone()), ..Trunk::default() });
    expect(&settings, "trunk", "authority.pem").await;
    std::fs::write(&file, "no certificate\n").expect("written");
    expect(&settings, "trunk", "holds no certificate").await;
    std::fs::write(&file, edge::tls::testing::TestIssuer::new("test").root()).expect("written");
    assert_eq!(faults(&settings).await, []);
}

#[tokio::test]
async fn a_public_address_without_tls_is_named() {
    let (_scratch, mut settings) = set_up().await;
    for (url, good) in
        [("https://ringfence.example.com", true), ("http://localhost:8080", true), ("http://example.com", false)]
    {
        settings.public_url = url.into();
        assert_eq!(faults(&settings).await.is_empty(), good, "{url}");
    }
}

#[test]
fn a_finding_is_one_line_whatever_others_say() {
    let finding = Finding::fault("database", "line one\n  line two");
    assert_eq!(finding.to_string(), "FAULT  database     line one line two");
}
