//! Floods: of calls while the pages, a chat and another caller go on, and of requests while a call is held. Attackers, visitors and
//! callers come from addresses of their own on this machine; bounded in time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use storage::SystemEntropy;
use telephony::softphone::{Options, Outcome, Softphone, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::process::Command;
use tokio::time::Instant;

use super::{host, is_there};
use crate::product::Product;
use crate::visitor::Visitor;

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_secs(8);
/// Whoever is no attacker is answered within this time. The machine of the tests attacks and defends at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// Addresses that the flood of calls comes from.
const ATTACKERS: u8 = 30;
/// Connections of each attacker at once.
const CONNECTIONS: usize = 1;

/// The trunk calls from addresses of its own: strangers who call while other strangers flood are told to come back.
const TRUNK: &str = "trunk = { address = \"127.0.0.1:5999\", addresses = [\"127.6.0.0/24\"] }\n";

fn invite(transport: &str, number: usize, here: SocketAddr) -> String {
    format!(
        "INVITE sip:practice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch=z9hG4bKflood{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:flood@{here}>;tag={number}\r\nTo: <sip:practice@127.0.0.1>\r\n\
         Call-ID: flood-{here}-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:flood@{here}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A flood that goes on until it is told to stop; counts what it sent.
struct Flood {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    attackers: Vec<tokio::task::JoinHandle<()>>,
}

impl Flood {
    fn of_calls(to: SocketAddr) -> Self {
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut attackers = Vec::new();
        for last in 1..=ATTACKERS {
            let from = IpAddr::from([127, 5, 0, last]);
            attackers.push(tokio::spawn(datagrams(from, to, over.clone(), sent.clone())));
            for _ in 0..CONNECTIONS {
                attackers.push(tokio::spawn(streams(from, to, over.clone(), sent.clone())));
            }
        }
        Self { over, sent, attackers }
    }

    async fn end(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        for attacker in self.attackers {
            attacker.await.expect("it attacked");
        }
        self.sent.load(Ordering::SeqCst)
    }
}

async fn datagrams(from: IpAddr, to: SocketAddr, over: Arc<AtomicBool>, sent: Arc<AtomicUsize>) {
    let socket = UdpSocket::bind((from, 0)).await.expect("a loopback address");
    let here = socket.local_addr().expect("bound");
    while !over.load(Ordering::SeqCst) {
        let number = sent.fetch_add(1, Ordering::SeqCst);
        drop(socket.try_send_to(invite("UDP", number, here).as_bytes(), to));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Calls over one connection after the other, as long as each lives; half of a message at its end keeps it waiting.
async fn streams(from: IpAddr, to: SocketAddr, over: Arc<AtomicBool>, sent: Arc<AtomicUsize>) {
    while !over.load(Ordering::SeqCst) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(from, 0)).expect("a loopback address");
        let Ok(mut stream) = socket.connect(to).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let here = stream.local_addr().expect("bound");
        let mut answer = vec![0; 4_096];
        while !over.load(Ordering::SeqCst) {
            let number = sent.fetch_add(1, Ordering::SeqCst);
            if stream.write_all(invite("TCP", number, here).as_bytes()).await.is_err() {
                break;
            }
            // What is answered is read, so that nobody can say that we did not.
            drop(tokio::time::timeout(Duration::from_millis(40), stream.read(&mut answer)).await);
        }
    }
}

/// The slowest of what was asked.
#[derive(Debug, Default)]
struct Visits {
    count: usize,
    slowest: Duration,
    /// What was asked then.
    what: &'static str,
}

impl Visits {
    fn note(&mut self, what: &'static str, began: Instant) {
        self.count += 1;
        if began.elapsed() > self.slowest {
            (self.slowest, self.what) = (began.elapsed(), what);
        }
    }
}

/// Asks for health, a page of the dashboard and a turn of a chat, again and again.
async fn visit(product: &Product, cookie: &str, visitor: &Visitor, until: Instant) -> Visits {
    let mut visits = Visits::default();
    while Instant::now() < until {
        for path in ["/livez", "/readyz", "/calls"] {
            let began = Instant::now();
            let request = product.http.get(format!("{}{path}", product.facts.base_url));
            let request = request.header("cookie", format!("ringfence_session={cookie}"));
            let answer = request.send().await.expect("an answer while others attack");
            assert_eq!(answer.status(), 200, "{path}");
            visits.note(path, began);
        }
        let began = Instant::now();
        let turn = visitor.say("When are you open?").await;
        assert!(!turn.text.is_empty());
        visits.note("a turn of a chat", began);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    visits
}

/// A caller from an address of their own, who hears the agent and sends sound for so long.
async fn caller(address: String, from: [u8; 4], seconds: u32) -> Outcome {
    let phone = Softphone::open(from.into(), Arc::new(SystemEntropy)).await.expect("a phone");
    let tone = Step::Say(crate::caller::tone(700.0, seconds));
    let steps = vec![tone, Step::Wait(seconds * 1_000), Step::HangUp];
    let options =
        Options { from_user: "patient".to_owned(), steps, longest_seconds: seconds + 10, ..Options::default() };
    phone.place(&address, &options).await
}

/// Nothing of the call was lost, neither way, and its sound never stopped for long.
fn held_without_gaps(outcome: &Outcome, seconds: u64) {
    let sound = outcome.statistics;
    assert!(outcome.answered && outcome.call_milliseconds >= seconds * 1_000, "{:?}", outcome.end);
    assert_eq!((sound.packets_lost, sound.packets_lost_at_peer, sound.packets_unsent), (0, 0, 0), "{sound:?}");
    let wanted = outcome.call_milliseconds / 20;
    assert!(
        sound.packets_received * 100 >= wanted * 95,
        "{} packets of about {wanted}: {sound:?}",
        sound.packets_received
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls_leaves_pages_chats_and_the_trunk_s_callers_alone() {
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let settings = scratch.path().join("settings.toml");
    std::fs::write(&settings, TRUNK).expect("written");
    let settings = settings.display().to_string();
    let product = Product::start_in(&scratch.path().join("data"), &["--no-caller", "--settings", &settings]).await;
    let cookie = product.sign_in().await;
    let visitor = Visitor::open(&product, 77).await;
    let to: SocketAddr = host(&product).parse().expect("an address");
    let flood = Flood::of_calls(to);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let until = Instant::now() + FLOOD;
    let held = tokio::spawn(caller(product.facts.sip_uri.clone(), [127, 6, 0, 1], 6));
    let visits = visit(&product, &cookie, &visitor, until).await;
    let outcome = held.await.expect("no panic");
    let sent = flood.end().await;
    assert!(sent > 5_000, "{sent} calls were begun");
    assert!(visits.count >= 16 && visits.slowest < PATIENCE, "{visits:?}");
    held_without_gaps(&outcome, 6);
    // Over at once: the attackers' calls that were let in ring out or are given up, and the next caller gets through.
    let outcome = caller(product.facts.sip_uri.clone(), [127, 6, 0, 2], 1).await;
    assert!(outcome.answered, "{:?}", outcome.end);
    assert_eq!(connections_of(&product, to.port()), 0, "connections outlived their senders");
}

/// Connections to a port of this machine that stand open, by what the kernel says.
fn connections_of(product: &Product, port: u16) -> usize {
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", product.process())).expect("a table");
    let mark = format!(":{port:04X}");
    let open = table.lines().skip(1).filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() > 3 && fields[1].ends_with(&mark) && fields[3] == "01"
    });
    open.count()
}

/// Runs a tool to its end, or for as long as a flood lasts.
async fn attack(tool: &str, arguments: &[&str], url: &str) {
    let mut command = Command::new(tool);
    command.args(arguments).arg(url).kill_on_drop(true);
    drop(tokio::time::timeout(FLOOD + Duration::from_secs(5), command.output()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_held_without_gaps_while_requests_flood_in() {
    if !is_there("slowhttptest") || !is_there("h2load") {
        return;
    }
    let product = Product::start_unhurried().await;
    let url = format!("{}/sign-in", product.facts.base_url);
    let held = tokio::spawn(caller(product.facts.sip_uri.clone(), [127, 6, 0, 3], 9));
    tokio::time::sleep(Duration::from_millis(500)).await;
    tokio::join!(
        attack("slowhttptest", &["-H", "-i", "2", "-c", "300", "-r", "150", "-l", "7", "-p", "5", "-u"], &url),
        attack("h2load", &["--h1", "--duration", "7", "--clients", "30", "--threads", "1"], &url),
    );
    held_without_gaps(&held.await.expect("no panic"), 9);
    let health: Value = product.get("/v1/agents").await;
    assert!(health["data"].is_array(), "and the API answers");
}
