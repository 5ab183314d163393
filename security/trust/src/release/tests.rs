//! What lists and evidence say, and when they are believed.

use std::path::Path;

use audit::checkpoint::{BadNote, Signer};
use edge::outgoing::{Outgoing, Reach};
use semver::Version;
use storage::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use web::instant::to_rfc3339;

use super::evidence::{BadEvidence, ReleaseEvidence};
use super::list::MAXIMUM_LINES;
use super::{Components, MAXIMUM_LIFE_SECONDS, Refused, Source, Watch, accept, store};
use crate::probes::testing::context;

const NAME: &str = "ringfence/releases";
const DAY: i64 = 86_400;
const NOW: Timestamp = identity::testing::START;

/// Whoever signs releases.
pub(crate) struct Publisher(Signer);

impl Publisher {
    pub(crate) fn new() -> Self {
        Self(Signer::new(NAME, &[9; 32]).expect("a seed"))
    }

    /// Puts a list for thirty days where the watch reads it.
    pub(crate) fn publish(&self, watch: &Watch, serial: i64, now: Timestamp, lines: &str) {
        let Source::File(path) = &watch.source else { panic!("these tests read files") };
        std::fs::write(path, self.0.sign_text(&text(serial, now, 30 * DAY, lines))).expect("written");
    }
}

/// A watch of this publisher's file.
pub(crate) fn watch(publisher: &Publisher, folder: &Path) -> Watch {
    Watch {
        key: publisher.0.verifier_key().clone(),
        source: Source::File(folder.join("releases.note")),
        outgoing: Outgoing::new(Reach::LoopbackToo, "Test"),
    }
}

fn text(serial: i64, issued: Timestamp, life: i64, lines: &str) -> String {
    let expires = to_rfc3339(issued.plus_seconds(life));
    format!("{NAME}\nserial {serial}\nissued {}\nexpires {expires}\n{lines}", to_rfc3339(issued))
}

fn judged(text: &str) -> Result<super::ReleaseList, Refused> {
    let signer = Publisher::new().0;
    accept(signer.verifier_key(), &signer.sign_text(text), Some(5), NOW)
}

#[test]
fn a_list_tells_of_newer_versions_and_of_what_is_weak() {
    let lines = "release 0.1.0\nrelease 0.2.0\nrelease 0.3.0-rc.1\nweakness W-1 rustls >=0.23.0,<0.23.50\nweakness W-2 ringfence =0.1.0\n";
    let list = judged(&text(5, NOW, DAY, lines)).expect("believed");
    let version = |text| Version::parse(text).expect("a version");
    assert_eq!(list.newer_than(&version("0.1.0")), Some(&version("0.2.0")), "what is not finished does not count");
    assert_eq!(list.newer_than(&version("0.2.0")), None);
    let weak = |ours, components: &str| -> Vec<String> {
        let found = list.affecting(&version(ours), &Components::parse(components));
        found.into_iter().map(|one| format!("{} {} {}", one.id, one.component, one.version)).collect()
    };
    assert_eq!(weak("0.1.0", "rustls 0.23.49\nserde 0.23.1\n"), ["W-1 rustls 0.23.49", "W-2 ringfence 0.1.0"]);
    assert_eq!(weak("0.2.0", "rustls 0.23.50\nrustls 0.22.0\n"), [""; 0], "mended, and before the weakness came in");
}

#[test]
fn each_limit_of_time_and_serial_holds_at_its_edge() {
    assert!(judged(&text(5, NOW, DAY, "")).is_ok(), "the same list again");
    assert_eq!(judged(&text(4, NOW, DAY, "")), Err(Refused::Older { serial: 4, seen: 5 }));
    assert!(judged(&text(5, NOW, MAXIMUM_LIFE_SECONDS, "")).is_ok());
    assert_eq!(judged(&text(5, NOW, MAXIMUM_LIFE_SECONDS + 1, "")), Err(Refused::LivesTooLong));
    let over = NOW.plus_seconds(-DAY);
    assert!(judged(&text(5, over, DAY + 1, "")).is_ok());
    assert_eq!(judged(&text(5, over, DAY, "")), Err(Refused::Expired(NOW)));
    assert!(judged(&text(5, NOW.plus_seconds(DAY), DAY, "")).is_ok(), "clocks differ");
    let ahead = NOW.plus_seconds(DAY + 1);
    assert_eq!(judged(&text(5, ahead, DAY, "")), Err(Refused::NotYet(ahead)));
}

#[test]
fn what_is_not_understood_makes_the_whole_list_unreadable() {
    let good = text(5, NOW, DAY, "release 0.1.0\n");
    let line = |number, text: &str| assert_eq!(judged(text), Err(Refused::Unreadable(number)), "{text}");
    line(1, &good.replace(NAME, "ringfence/audit/1"));
    line(2, &good.replace("serial 5", "serial five"));
    line(2, &good.replace("serial 5", "serial -5"));
    line(3, &good.replace("issued ", "issued on "));
    line(4, &good.replace("expires ", "ends "));
    for last in
        ["release one", "withdrawn 0.1.0", "weakness W-1 rustls", "weakness W-1 rustls newest", "weakness  rustls *"]
    {
        line(6, &format!("{good}{last}\n"));
    }
    let most = MAXIMUM_LINES - 4;
    assert!(judged(&text(5, NOW, DAY, &"release 0.1.0\n".repeat(most))).is_ok());
    line(MAXIMUM_LINES, &text(5, NOW, DAY, &"release 0.1.0\n".repeat(most + 1)));
}

#[test]
fn only_the_named_key_is_believed() {
    let (ours, theirs) = (Publisher::new().0, Signer::new(NAME, &[8; 32]).expect("a seed"));
    let good = text(5, NOW, DAY, "release 0.1.0\n");
    let judged = |note: &str| accept(ours.verifier_key(), note, None, NOW);
    assert!(judged(&ours.sign_text(&good)).is_ok());
    assert_eq!(judged(&theirs.sign_text(&good)), Err(Refused::Note(BadNote::NotSignedByThisKey)));
    let changed = ours.sign_text(&good).replace("0.1.0", "0.9.0");
    assert_eq!(judged(&changed), Err(Refused::Note(BadNote::BadSignature)));
    assert_eq!(judged(&good), Err(Refused::Note(BadNote::Malformed)));
}

#[tokio::test]
async fn an_older_list_does_not_come_after_a_newer_one() {
    let (context, kept) = context().await;
    let (platform, publisher) = (&context.platform, Publisher::new());
    let watch = watch(&publisher, kept.database.folder());
    let missing = watch.look(platform).await.expect_err("there is no file");
    assert!(missing.contains("releases.note"), "{missing}");
    for (serial, believed) in [(2, true), (1, false), (2, true), (3, true)] {
        publisher.publish(&watch, serial, platform.now(), "release 0.1.0\n");
        assert_eq!(watch.look(platform).await.is_ok(), believed, "{serial}");
    }
    let newest = async || store::newest(&platform.database, &watch.key.to_string()).await.expect("read").expect("one");
    assert_eq!(newest().await.serial, 3);
    // A slower node that still holds an older one does not put it over the newer.
    let slow = store::Believed { serial: 2, ..newest().await };
    let key = watch.key.to_string();
    store::keep(&platform.database, &platform.identifiers, &key, &slow).await.expect("no error");
    assert_eq!(newest().await.serial, 3);
}

#[tokio::test]
async fn a_list_is_read_from_an_address_and_only_so_much_of_it() {
    let (context, _kept) = context().await;
    let publisher = Publisher::new();
    let note = publisher.0.sign_text(&text(1, context.platform.now(), DAY, "release 0.1.0\n"));
    for (head, body, says) in [
        ("200 OK", note.clone(), None),
        ("404 Not Found", note.clone(), Some("answered 404")),
        ("302 Found\r\nLocation: https://elsewhere.example/", String::new(), Some("answered 302")),
        ("200 OK", format!("{note}{}", "x".repeat(100_000)), Some("too large")),
        ("200 OK", "<html></html>".to_owned(), Some("no signed note")),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/releases.note", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("asked");
            let mut request = [0; 4096];
            let _read = socket.read(&mut request).await;
            let length = body.len();
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _written = socket.write_all(answer.as_bytes()).await;
        });
        let watch = Watch {
            key: publisher.0.verifier_key().clone(),
            source: Source::Address(address),
            outgoing: Outgoing::new(Reach::LoopbackToo, "Test").with_seconds(2),
        };
        let looked = watch.look(&context.platform).await;
        assert_eq!(looked.is_ok(), says.is_none(), "{head}: {looked:?}");
        if let (Err(reason), Some(says)) = (looked, says) {
            assert!(reason.contains(says), "{head}: {reason}");
        }
    }
}

#[test]
fn evidence_names_files_beside_it_and_nothing_else() {
    let (ours, hash) = (Publisher::new().0, "0a".repeat(32));
    let open = |lines: &str| ReleaseEvidence::open(ours.verifier_key(), &ours.sign_text(&format!("{NAME}\n{lines}")));
    let evidence = open(&format!("version 0.1.0\ntests 12 passed\nsha256 {hash} ringfence\n")).expect("opens");
    assert_eq!(evidence.facts[1], ("tests".to_owned(), "12 passed".to_owned()));
    assert_eq!(evidence.files, [(hash.clone(), "ringfence".to_owned())]);
    for (line, lines) in [
        (0, "version 0.1.0\n".to_owned()),
        (2, "sha256 0a ringfence\n".to_owned()),
        (2, format!("sha256 {hash}\n")),
        (2, format!("sha256 {} ringfence\n", hash.to_uppercase())),
        (2, format!("sha256 {hash} ../ringfence\n")),
        (2, format!("sha256 {hash} .profile\n")),
        (2, "alone\n".to_owned()),
    ] {
        assert_eq!(open(&lines), Err(BadEvidence::Unreadable(line)), "{lines}");
    }
    let foreign = Signer::new(NAME, &[8; 32]).expect("a seed").sign_text(&format!("{NAME}\nsha256 {hash} ringfence\n"));
    let refused = ReleaseEvidence::open(ours.verifier_key(), &foreign);
    assert_eq!(refused, Err(BadEvidence::Note(BadNote::NotSignedByThisKey)));
}
