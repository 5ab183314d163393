//! A node behind TLS under attack by the tools that attackers have: weaknesses of TLS, slow clients, floods and streams taken
//! back. Attackers come from 127.0.0.1, everybody else from 127.0.0.2, which is another address to the node, too. Bounded in
//! time and in connections; on loopback alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::Instant;

use crate::secured::Secured;

const ATTACKER: [u8; 4] = [127, 0, 0, 1];
const VISITOR: [u8; 4] = [127, 0, 0, 2];
/// An attack lasts no longer than this.
const ATTACK_LIMIT: Duration = Duration::from_secs(35);
/// One attack at a time: the machine of the tests is attacker and node at once.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// A visitor is answered within this time, whatever goes on. The machine of the tests attacks and defends at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a tool is there; prints that its test is left out when not. In CI it must be.
#[allow(clippy::print_stdout, reason = "a test that is left out says so")]
fn is_there(tool: &str, test: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    assert!(there || std::env::var_os("CI").is_none(), "{tool} is not installed; in CI it must be");
    if !there {
        println!("not measured: {test}: {tool} is not installed");
    }
    there
}

/// Visits by somebody else while an attack goes on.
struct Visits {
    over: Arc<AtomicBool>,
    visiting: tokio::task::JoinHandle<(usize, Duration)>,
}

impl Visits {
    fn begin(node: &Secured) -> Self {
        let (over, http) = (Arc::new(AtomicBool::new(false)), node.client(VISITOR));
        let urls = [node.url("/livez"), node.url("/readyz"), node.url("/sign-in")];
        let until = Arc::clone(&over);
        let visiting = tokio::spawn(async move {
            let (mut visits, mut slowest) = (0, Duration::ZERO);
            while !until.load(Ordering::SeqCst) {
                let url = &urls[visits % urls.len()];
                let asked = Instant::now();
                let answer = http.get(url).send().await.expect("a visitor is answered while others attack");
                assert_eq!(answer.status(), 200, "{url}");
                slowest = slowest.max(asked.elapsed());
                visits += 1;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            (visits, slowest)
        });
        Self { over, visiting }
    }

    async fn end(self, least: usize) {
        self.over.store(true, Ordering::SeqCst);
        let (visits, slowest) = self.visiting.await.expect("every visit was answered");
        assert!(visits >= least && slowest < PATIENCE, "{visits} visits, the slowest {slowest:?}");
    }
}

/// Runs a tool to its end, or to the limit; gives what it printed.
async fn run(tool: &mut Command, limit: Duration) -> String {
    let running = tool.kill_on_drop(true).output();
    let output = tokio::time::timeout(limit, running).await.expect("the tool ends in time").expect("the tool runs");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A tool's output without its colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        parts.map(|part| part.split_once(|letter: char| letter.is_ascii_alphabetic()).map_or("", |(_, rest)| rest));
    rest.fold(first, |text, part| text + part)
}

/// The number after a word of a tool's output, at its last occurrence.
fn last_number(text: &str, word: &str) -> Option<u64> {
    let rest = text.rsplit_once(word)?.1.trim_start();
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// Findings of medium severity or above that say something of this test's certificate and not of the product, with the reason.
const OF_THE_TEST_S_OWN: &[(&str, &str)] = &[
    ("cert_validityPeriod", "the certificate of a test is good for as long as the test may be kept"),
    ("cert_revocation", "an authority that lives for one test publishes no list of what it took back"),
];

#[tokio::test(flavor = "multi_thread")]
async fn testssl_finds_nothing_of_medium_severity_or_above() {
    if !is_there("testssl", "weaknesses of TLS") {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    let node = Secured::start().await;
    let report = node.folder().join("testssl.json");
    let mut tool = Command::new("testssl");
    // Versions, kinds of suites, forward secrecy, what the server presents, its headers, and the known attacks.
    tool.args(["--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "--add-ca", &node.root_file()]);
    tool.args(["-p", "-s", "-f", "-S", "-h", "-U", "--connect-timeout", "5", "--openssl-timeout", "5", "--jsonfile"]);
    tool.arg(&report).arg(node.url("/"));
    let printed = run(&mut tool, Duration::from_mins(4)).await;
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("no report ({error}): {printed}"));
    let findings: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let says = |id: &str| findings.iter().find(|finding| finding["id"] == id).map(|one| one["finding"].to_string());
    for version in ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"] {
        assert!(says(version).is_some_and(|said| said.contains("not offered")), "{version}: {:?}", says(version));
    }
    assert!(says("TLS1_3").is_some_and(|said| said.contains("offered")), "{printed}");
    let is_grave =
        |finding: &Value| ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].iter().any(|grave| finding["severity"] == **grave);
    let (excepted, grave): (Vec<&Value>, Vec<&Value>) = findings
        .iter()
        .filter(|finding| is_grave(finding))
        .partition(|finding| OF_THE_TEST_S_OWN.iter().any(|(id, _)| finding["id"] == *id));
    assert!(grave.is_empty() && findings.len() > 50, "{} findings: {grave:#?}", findings.len());
    for (id, reason) in OF_THE_TEST_S_OWN {
        assert!(excepted.iter().any(|finding| finding["id"] == *id), "{id} is found no more ({reason}): take it out");
    }
}

/// Connections from the attacker's address that the node holds: the kernel's list, seen from the node's end. What the node has let go
/// of, and only the kernel still empties towards a client that does not read, is not held.
fn held(node: &Secured) -> usize {
    const ESTABLISHED_OR_CLOSE_WAIT: [&str; 2] = ["01", "08"];
    let here = format!("0100007F:{:04X}", node.address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux lists its sockets");
    let is_held = |line: &&str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        matches!(columns.as_slice(), [_, local, remote, state, ..]
            if *local == here && remote.starts_with("0100007F:") && ESTABLISHED_OR_CLOSE_WAIT.contains(state))
    };
    table.lines().filter(is_held).count()
}

/// Deadlines short enough for a test to see them pass.
const SHORT_DEADLINES: &str =
    "[limits]\nrequest_head_seconds = 3\nrequest_body_seconds = 4\nunread_answer_seconds = 4\n";
/// The tool gives up by itself after this time; the node must have ended every connection long before.
const TOOL_SECONDS: &str = "30";
const ENDED_WITHIN: Duration = Duration::from_secs(18);

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_ended_while_others_are_served() {
    if !is_there("slowhttptest", "slow clients") {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    let node = Secured::start_with(SHORT_DEADLINES).await;
    // A head and a body that drip, and an answer too long for the kernel's buffers that is hardly read.
    let attacks: [(&[&str], &str); 3] = [
        (&["-H", "-i", "2"], "/sign-in"),
        (&["-B", "-i", "2", "-s", "8192"], "/sign-in"),
        (&["-X", "-w", "10", "-y", "20", "-n", "2", "-z", "8", "-k", "3"], "/openapi.json"),
    ];
    for (mode, path) in attacks {
        let visits = Visits::begin(&node);
        // 300 of each kind, more than one address may have open.
        let mut tool = Command::new("slowhttptest");
        tool.args(mode).args(["-c", "300", "-r", "150", "-l", TOOL_SECONDS, "-p", "5", "-u", &node.url(path)]);
        let quiet = tool.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).kill_on_drop(true);
        let (mut attacker, began) = (quiet.spawn().expect("the tool runs"), Instant::now());
        let (mut most, mut over) = (0, 0);
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let open = held(&node);
            most = most.max(open);
            // The kernel takes connections before the node does; those above the cap are refused as soon as it sees them.
            over = if open > 256 { over + 1 } else { 0 };
            if most >= 150 && open == 0 && began.elapsed() > Duration::from_secs(4) {
                break;
            }
            let told = format!("{mode:?}: {open} of {most} are still held after {:?}", began.elapsed());
            assert!(began.elapsed() < ENDED_WITHIN, "{told}");
            assert!(over < 15, "no more than an address may have open: {told}");
        }
        attacker.kill().await.expect("ended");
        visits.end(10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_leaves_room_for_others() {
    if !is_there("h2load", "a flood over HTTP/2") {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    let node = Secured::start().await;
    let visits = Visits::begin(&node);
    let mut tool = Command::new("h2load");
    tool.args(["--duration", "10", "--clients", "50", "--max-concurrent-streams", "60", "--threads", "1"]);
    let printed = run(tool.arg(node.url("/livez")), ATTACK_LIMIT).await;
    visits.end(10).await;
    // Every request got an answer: served, or told to come back later (429).
    let served = last_number(&printed, "status codes:").unwrap_or_default();
    assert!(served > 0 && printed.contains(" 0 5xx") && printed.contains("0 errored, 0 timeout"), "{printed}");
    // The flood is over: the attacker's address is served again like everybody's.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answer = node.client(ATTACKER).get(node.url("/livez")).send().await.expect("an answer");
    assert!(answer.status().is_success() || answer.status() == 429);
}

#[test]
fn colours_are_taken_out_of_what_a_tool_prints() {
    let printed = plain("\u{1b}[1;32mconnected:   \u{1b}[1;32m        256\n\u{1b}[H\u{1b}[2Jx");
    assert_eq!(printed, "connected:           256\nx");
    assert_eq!(last_number(&printed, "connected:"), Some(256));
}

/// One HTTP/2 frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Opens streams and takes them back at once, until the node ends the connection; none when it did not even let us in.
async fn reset_rapidly(node: &Secured) -> Option<(u32, bool)> {
    // `GET https://localhost/livez`, by HPACK's static table and two literals.
    let mut head = vec![0x82, 0x87, 0x04, 6];
    head.extend_from_slice(b"/livez");
    head.extend_from_slice(&[0x41, 9]);
    head.extend_from_slice(b"localhost");
    let (mut reading, mut stream) = tokio::io::split(node.connect(ATTACKER, &[b"h2"]).await.ok()?);
    // Read all the while: what the node says last is lost when its end of the connection is reset.
    let reader = tokio::spawn(async move {
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(5), reading.read(&mut piece)).await {
            answer.extend_from_slice(&piece[..read]);
        }
        answer
    });
    let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(4, 0, 0, &[])[..]].concat();
    stream.write_all(&opening).await.ok()?;
    let mut streams = 0;
    while streams < 10_000 {
        let id = streams * 2 + 1;
        let pair = [frame(1, 5, id, &head), frame(3, 0, id, &8_u32.to_be_bytes())].concat();
        if stream.write_all(&pair).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        streams += 1;
    }
    let answer = reader.await.ok()?;
    // GOAWAY (7) with ENHANCE_YOUR_CALM (11).
    let calm = answer.windows(17).any(|bytes| bytes[3..9] == [7, 0, 0, 0, 0, 0] && bytes[13..17] == [0, 0, 0, 11]);
    Some((streams, calm))
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_taken_back_by_the_thousand_hurt_nobody_else() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let node = Arc::new(Secured::start().await);
    let visits = Visits::begin(&node);
    let until = Instant::now() + Duration::from_secs(10);
    let attackers: Vec<_> = (0..8)
        .map(|_| {
            let node = Arc::clone(&node);
            tokio::spawn(async move {
                let (mut connections, mut streams, mut calm, mut refused) = (0, 0, 0, 0);
                while Instant::now() < until {
                    match reset_rapidly(&node).await {
                        Some((opened, told)) => {
                            (connections, streams, calm) = (connections + 1, streams + opened, calm + u32::from(told));
                        }
                        None => refused += 1,
                    }
                }
                (connections, streams, calm, refused)
            })
        })
        .collect();
    let (mut connections, mut streams, mut calm, mut refused) = (0_u32, 0, 0, 0);
    for attacker in attackers {
        let (more, opened, told, turned_away) = attacker.await.expect("it attacked");
        (connections, streams, calm, refused) =
            (connections + more, streams + opened, calm + told, refused + turned_away);
    }
    visits.end(10).await;
    let told = format!("{connections} connections, {streams} streams, {calm} told to be calm, {refused} turned away");
    // The announcement may be overtaken by the end of the connection, but no connection gets far.
    assert!(connections > 0 && streams < connections * 5_000 && calm > 0, "{told}");
}
