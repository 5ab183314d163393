//! Certificates that are over, end soon, are for another name, lie open or do not fit their key are named.

use edge::tls::testing::{TestIssuer, TestPair};
use storage::Timestamp;

use super::*;
use crate::config::{Tls, TlsVersion};

const DAY: i64 = 86_400;

struct Secured {
    scratch: TempDir,
    settings: Settings,
    issuer: TestIssuer,
}

impl Secured {
    async fn new() -> Self {
        let (scratch, mut settings) = set_up().await;
        let file = |name: &str| Some(scratch.path().join(name));
        settings.public_url = "https://desk.example".to_owned();
        settings.tls = Some(Tls {
            minimum: TlsVersion::Tls13,
            certificate_file: file("chain.pem"),
            key_file: file("key.pem"),
            redirect_from: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            acme: None,
        });
        let secured = Self { scratch, settings, issuer: TestIssuer::new("test") };
        secured.put(&secured.pair("desk.example", -1, 90));
        secured
    }

    fn pair(&self, name: &str, from_days: i64, until_days: i64) -> TestPair {
        let now = SystemClock.now();
        let at = |days: i64| Timestamp::from_seconds(now.seconds() + days * DAY + 60);
        self.issuer.issue(&[name], at(from_days), at(until_days))
    }

    fn put(&self, pair: &TestPair) {
        std::fs::write(self.scratch.path().join("chain.pem"), &pair.chain).expect("written");
        let key = self.scratch.path().join("key.pem");
        std::fs::write(&key, &pair.key).expect("written");
        chmod(&key, 0o600);
    }

    async fn expect(&self, words: &str) {
        expect(&self.settings, "tls", words).await;
    }
}

#[tokio::test]
async fn a_sound_certificate_is_no_fault_and_a_plain_node_is_not_asked_for_one() {
    let secured = Secured::new().await;
    assert_eq!(faults(&secured.settings).await, []);
    let findings = examine(&secured.settings, &SystemClock).await;
    let says =
        |name: &str| findings.iter().find(|one| one.name == name).map(|one| one.says.clone()).unwrap_or_default();
    assert!(says("tls").contains("desk.example, 90 days left"), "{findings:#?}");
    assert!(says("ports").contains("redirect") && says("ports").contains("sound"), "{findings:#?}");
    let (_scratch, plain) = set_up().await;
    assert!(examine(&plain, &SystemClock).await.iter().all(|finding| finding.name != "tls"));
}

#[tokio::test]
async fn certificates_that_do_not_do_are_named() {
    let secured = Secured::new().await;
    for (name, from, until, words) in [
        ("desk.example", -9, -1, "ended at"),
        ("desk.example", 1, 9, "only from"),
        ("desk.example", -9, 13, "ends in 13 days"),
        ("other.example", -9, 90, "not for desk.example"),
    ] {
        secured.put(&secured.pair(name, from, until));
        secured.expect(words).await;
    }
    secured.put(&secured.pair("desk.example", -9, 14));
    assert_eq!(faults(&secured.settings).await, [], "at the edge");
}

#[tokio::test]
async fn keys_that_lie_open_or_belong_elsewhere_are_named() {
    let secured = Secured::new().await;
    let key = secured.scratch.path().join("key.pem");
    chmod(&key, 0o644);
    secured.expect("chmod 600").await;
    chmod(&key, 0o600);
    std::fs::write(&key, secured.pair("desk.example", -1, 90).key).expect("written");
    secured.expect("does not belong to the certificate").await;
    std::fs::remove_file(&key).expect("removed");
    secured.expect("key.pem cannot be read").await;
}

#[tokio::test]
async fn a_node_that_presents_another_certificate_is_named() {
    let mut secured = Secured::new().await;
    let tls = crate::tls::NodeTls::open(&secured.settings, std::sync::Arc::new(SystemClock)).expect("usable");
    secured.settings.http = SocketAddr::from(([127, 0, 0, 1], 0));
    let doors = crate::doors::Doors::open(&secured.settings, tls.as_ref()).await.expect("free ports");
    // The node of this installation is this very process: it has a file of the folder open.
    let _ours = std::fs::File::open(database(&secured.settings)).expect("there");
    let (tasks, stop) = (tokio_util::task::TaskTracker::new(), tokio_util::sync::CancellationToken::new());
    let (http, _, _) = doors.serve(axum::Router::new(), axum::Router::new(), &tasks, &stop);
    secured.settings.http = http;
    assert_eq!(faults(&secured.settings).await, []);
    secured.put(&secured.pair("desk.example", -1, 90));
    secured.expect("still presents another").await;
    stop.cancel();
}
