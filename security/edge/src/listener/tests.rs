//! The listener over real sockets: deadlines, caps, sizes, ambiguous requests, and an orderly end.

use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use std::time::Duration;

mod http2;
mod over_tls;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server with short deadlines, and the way to end it.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

async fn served(change: impl FnOnce(&mut ListenerSettings)) -> Served {
    let mut settings = ListenerSettings::at("127.0.0.1:0".parse().expect("an address"));
    settings.host_names = HostNames::Only(vec!["a".to_owned(), "desk.example".to_owned()]);
    settings.header_deadline = Duration::from_millis(300);
    settings.body_deadline = Duration::from_millis(400);
    settings.write_deadline = Duration::from_millis(400);
    settings.drain_deadline = Duration::from_millis(500);
    change(&mut settings);
    let listener = Listener::bind(settings).await.expect("a free port");
    let address = listener.local_address();
    let router = Router::new()
        .route("/", get(|address: crate::ClientAddress| async move { format!("{:?}", address.0) }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(250)).await;
                "slept"
            }),
        )
        .route(
            "/late",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(900)).await;
                "late"
            }),
        )
        .route("/big", get(|| async { vec![b'x'; 64 * 1024 * 1024] }))
        .route("/forever", get(|| async { tokio::time::sleep(Duration::from_mins(1)).await }));
    let stop = CancellationToken::new();
    let done = tokio::spawn(listener.serve(router, stop.clone()));
    Served { address, stop, done }
}

/// Sends the pieces with a pause before each, and returns everything that came back until the server closed.
async fn exchange(address: SocketAddr, pieces: &[&[u8]], pause: Duration) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    for piece in pieces {
        tokio::time::sleep(pause).await;
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server did not close in time; so far: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

const CLOSE: &str = "Connection: close\r\n\r\n";

fn request(head: &str) -> Vec<u8> {
    format!("{head}\r\nHost: desk.example\r\n{CLOSE}").into_bytes()
}

#[tokio::test]
async fn an_ordinary_request_is_answered_with_the_address_of_its_socket() {
    let served = served(|_| {}).await;
    let answer =
        exchange(served.address, &[&request("GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1")], Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Some(127.0.0.1)"), "{answer}");
    served.stop.cancel();
    served.done.await.expect("ended");
}

#[tokio::test]
async fn plain_http_beyond_loopback_needs_the_named_setting() {
    let mut settings = ListenerSettings::at("0.0.0.0:0".parse().expect("an address"));
    let refused = Listener::bind(settings.clone()).await.err().expect("refused");
    assert!(refused.to_string().contains("proxy_terminates_tls"), "{refused}");
    for protection in [Protection::Proxy, Protection::NothingToProtect] {
        settings.protection = protection;
        assert!(Listener::bind(settings.clone()).await.is_ok());
    }
}

#[tokio::test]
async fn silence_slow_heads_and_half_prefaces_end_by_the_deadline() {
    let served = served(|_| {}).await;
    let drip: Vec<&[u8]> = b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1234567890".chunks(2).collect();
    for pieces in [&[][..], &[&b"P"[..]], &[&b"PRI * HTTP/2.0\r\n"[..]], &[&b"GET / HT"[..]], &drip] {
        let started = tokio::time::Instant::now();
        exchange(served.address, pieces, Duration::from_millis(50)).await;
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    }
    let idle = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(served.address, &[idle], Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "answered, then closed while idle: {answer}");
}

#[tokio::test]
async fn a_slow_body_ends_by_its_deadline_however_it_drips() {
    let served = served(|_| {}).await;
    let head: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    let mut pieces = vec![head];
    pieces.extend(std::iter::repeat_n(&b"x"[..], 30));
    let answer = exchange(served.address, &pieces, Duration::from_millis(50)).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let chunked: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut pieces = vec![chunked];
    pieces.extend(std::iter::repeat_n(&b"1\r\nx\r\n"[..], 30));
    let answer = exchange(served.address, &pieces, Duration::from_millis(50)).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let served = served(|settings| settings.maximum_connections = 1).await;
    let mut greedy = TcpStream::connect(served.address).await.expect("connected");
    greedy.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let answer = exchange(served.address, &[&request("GET / HTTP/1.1")], Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "the only seat is free again: {answer}");
}

#[tokio::test]
async fn heads_are_bounded_at_their_edge() {
    let served = served(|_| {}).await;
    let with_field = |length: usize| request(&format!("GET / HTTP/1.1\r\nX-Long: {}", "a".repeat(length)));
    let around = with_field(0).len();
    let fits = exchange(served.address, &[&with_field(MAXIMUM_HEADER_BYTES - around)], Duration::ZERO).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let over = exchange(served.address, &[&with_field(MAXIMUM_HEADER_BYTES - around + 1)], Duration::ZERO).await;
    assert!(over.starts_with("HTTP/1.1 431"), "{over}");
    let with_fields = |count: usize| {
        // Host and Connection are two of them.
        request(&format!("GET / HTTP/1.1{}", "\r\nX-A: 1".repeat(count - 2)))
    };
    let fits = exchange(served.address, &[&with_fields(MAXIMUM_HEADERS)], Duration::ZERO).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let over = exchange(served.address, &[&with_fields(MAXIMUM_HEADERS + 1)], Duration::ZERO).await;
    assert!(over.starts_with("HTTP/1.1 431"), "{over}");
}

#[tokio::test]
async fn what_two_servers_could_read_in_two_ways_is_refused() {
    let served = served(|_| {}).await;
    let body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases: &[(&str, String)] = &[
        (
            "both lengths",
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        ),
        (
            "both lengths, other order",
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{body}"),
        ),
        (
            "two lengths",
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{body}"),
        ),
        ("a signed length", format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n{body}")),
        (
            "chunked twice",
            format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
            ),
        ),
        (
            "not chunked at last",
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n{body}"),
        ),
        ("chunked in 1.0", format!("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")),
        ("a space before the colon", format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n{body}")),
        (
            "a folded field",
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\nContent-Length: 5\r\n\r\n{body}"),
        ),
        ("two hosts", format!("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n{CLOSE}")),
        ("no host", format!("GET / HTTP/1.1\r\n{CLOSE}")),
        ("a host with a name in it", format!("GET / HTTP/1.1\r\nHost: me@a\r\n{CLOSE}")),
        ("another host in the target", format!("GET http://b/ HTTP/1.1\r\nHost: a\r\n{CLOSE}")),
        ("a tunnel", format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{CLOSE}")),
        ("a zero byte", format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n{CLOSE}")),
    ];
    for (name, text) in cases {
        let answer = exchange(served.address, &[text.as_bytes()], Duration::ZERO).await;
        // With both lengths hyper reads the chunked one and closes (RFC 9112 section 6.3): nothing after it is a request.
        let read_as_chunked = name.starts_with("both lengths") && answer.contains("connection: close");
        let refused = ["HTTP/1.1 4", "HTTP/1.0 4", "HTTP/1.1 501"].iter().any(|start| answer.starts_with(start));
        assert!(refused || read_as_chunked || answer.is_empty(), "{name}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.").count(),
            usize::from(!answer.is_empty()),
            "{name}: one answer at most: {answer}"
        );
    }
}

#[tokio::test]
async fn connections_beyond_the_caps_are_closed_at_once() {
    let served = served(|settings| {
        settings.maximum_connections_per_network = 2;
        settings.header_deadline = Duration::from_secs(5);
    })
    .await;
    let holding = [
        TcpStream::connect(served.address).await.expect("one"),
        TcpStream::connect(served.address).await.expect("two"),
    ];
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(served.address).await.expect("accepted by the system");
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(1), third.read(&mut byte)).await.expect("closed at once");
    assert!(matches!(read, Ok(0) | Err(_)));
    drop(holding);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = exchange(served.address, &[&request("GET / HTTP/1.1")], Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn stopping_lets_the_running_end_and_cuts_the_endless() {
    let served = served(|_| {}).await;
    let running = tokio::spawn({
        let address = served.address;
        async move { exchange(address, &[b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"], Duration::ZERO).await }
    });
    let endless = tokio::spawn({
        let address = served.address;
        async move { exchange(address, &[b"GET /forever HTTP/1.1\r\nHost: a\r\n\r\n"], Duration::ZERO).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = tokio::time::Instant::now();
    served.stop.cancel();
    served.done.await.expect("ended");
    assert!(started.elapsed() < Duration::from_millis(1500));
    assert!(running.await.expect("joined").ends_with("slept"));
    assert_eq!(endless.await.expect("joined"), "");
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_misdirected() {
    let served = served(|settings| settings.host_names = HostNames::Only(Vec::new())).await;
    let ask = |host: &'static str| async move {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{CLOSE}");
        exchange(served.address, &[text.as_bytes()], Duration::ZERO).await
    };
    assert!(ask("rebound.example:8080").await.starts_with("HTTP/1.1 421"));
    assert!(ask("127.0.0.1:8080").await.starts_with("HTTP/1.1 200"));
    assert!(ask("localhost").await.starts_with("HTTP/1.1 200"));
}
