//! Bytes that are hardly HTTP, sent over a plain socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stands;
use crate::product::Product;

/// How long an answer is waited for: a server that waits for more bytes is right to say nothing.
const PATIENCE: Duration = Duration::from_millis(400);

pub(super) async fn send(product: &Product, bytes: &[u8]) -> String {
    let address = product.facts.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // A server that has seen enough may close before the last byte is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![0; 4_096];
    match tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await {
        Ok(Ok(length)) => String::from_utf8_lossy(&answer[..length]).into_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_hardly_http_do_no_harm() {
    let product = Product::start_with(&["--no-caller"]).await;
    let process = product.process();
    let key = product.facts.api_key.clone();
    let head = |rest: &str| {
        format!("POST /v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{rest}").into_bytes()
    };
    let many: String = (0..500).map(|number| format!("x-{number}: 1\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing of sense", b"\x00\x01\x02\xff\xfe\r\n\r\n".to_vec()),
        ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20)),
        ("SIP", b"OPTIONS sip:practice@127.0.0.1 SIP/2.0\r\n\r\n".to_vec()),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("a version of the future", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_vec()),
        (
            "an endless address",
            format!("GET /{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "a".repeat(200_000)).into_bytes(),
        ),
        (
            "an endless header",
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: {}\r\n\r\n", "a".repeat(200_000)).into_bytes(),
        ),
        ("too many headers", format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{many}\r\n").into_bytes()),
        ("two lengths", head("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
        ("a length that is none", head("Content-Length: -1\r\n\r\n{}")),
        ("a length of many digits", head(&format!("Content-Length: {}\r\n\r\n{{}}", "9".repeat(40)))),
        ("a length and pieces", head("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        (
            "a piece of no size",
            head("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        ),
        (
            "a piece of endless size",
            head("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n"),
        ),
        ("a body that never comes", head("Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"na")),
        ("a line break in a header", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: a\nb\r\n\r\n".to_vec()),
        ("NUL in a header", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: a\x00b\r\n\r\n".to_vec()),
        ("two hosts", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: example.com\r\n\r\n".to_vec()),
        ("another host", b"GET /livez HTTP/1.1\r\nHost: attacker.example\r\n\r\n".to_vec()),
        ("HTTP/2 of another kind", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
    ];
    for (what, bytes) in cases {
        let answer = send(&product, &bytes).await;
        let status =
            answer.strip_prefix("HTTP/1.1 ").or(answer.strip_prefix("HTTP/1.0 ")).and_then(|rest| rest.get(..3));
        let refused = status.is_none_or(|status| status.starts_with('4') || status == "505");
        assert!(refused, "{what}: {answer}");
        let alive = send(&product, b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
        assert!(alive.starts_with("HTTP/1.1 200"), "after {what}: {alive}");
    }
    stands(&product, process).await;
}
