//! SIP that is broken, odd or hostile, at the product's own phone.

#[path = "../../../../product/telephony/tests/phone/tormentor.rs"]
mod tormentor;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::stands;
use crate::product::Product;
use tormentor::Wanted::{Silence, Status};
use tormentor::{TONE, Tormentor, malformed, meaningful, message, valid};

/// Nobody has the number that the cases call: where another phone would answer, the product says so.
const NO_SUCH_NUMBER: u16 = 404;

fn address(product: &Product) -> SocketAddr {
    product.facts.sip_uri.rsplit('@').next().and_then(|host| host.parse().ok()).expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn torture_messages_get_a_status_or_silence_and_nothing_is_lost() {
    let product = Product::start_with(&["--no-caller"]).await;
    let process = product.process();
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut tormentor = Tormentor { socket, line: address(&product), sent: 0 };
    let mut faults = Vec::new();
    let cases: Vec<_> = valid().into_iter().chain(malformed()).chain(meaningful()).collect();
    for (name, case, wanted) in &cases {
        tormentor.drain().await;
        let got = tormentor.send(case).await;
        let right = match wanted {
            Status(allowed) => {
                got.is_some_and(|code| allowed.contains(&code) || allowed.contains(&200) && code == NO_SUCH_NUMBER)
            }
            Silence => got.is_none(),
        };
        if !right {
            faults.push(format!("{name}: {got:?}"));
        }
    }
    let probe = message("OPTIONS", TONE, &[], "");
    assert_eq!(tormentor.send(&probe).await, Some(200), "the line still serves");
    println!("{} torture messages", cases.len());
    assert!(faults.is_empty(), "{faults:#?}");
    stands(&product, process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_phones_ports_does_no_harm() {
    let product = Product::start_with(&["--no-caller"]).await;
    let process = product.process();
    let line = address(&product);
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let endless = format!("OPTIONS sip:a@b SIP/2.0\r\nVia: {}", "a".repeat(60_000));
    let datagrams: [&[u8]; 6] = [b"", b"\0", b"\r\n\r\n", &[0xff; 1_400], endless.as_bytes(), b"INVITE"];
    for datagram in datagrams {
        socket.send_to(datagram, line).await.expect("sent");
    }
    let huge = format!("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4294967296\r\n\r\n{}", "a".repeat(200_000));
    for bytes in [b"\x16\x03\x01\x02\x00".as_slice(), b"GET / HTTP/1.1\r\n\r\n", huge.as_bytes(), &vec![b'a'; 2 << 20]]
    {
        let mut stream = TcpStream::connect(line).await.expect("it listens");
        // It may hang up on us before we have said everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = [0; 1_024];
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut answer)).await;
    }
    let mut tormentor = Tormentor { socket, line, sent: 1_000 };
    assert_eq!(tormentor.send(&message("OPTIONS", TONE, &[], "")).await, Some(200), "the line still serves");
    stands(&product, process).await;
}
