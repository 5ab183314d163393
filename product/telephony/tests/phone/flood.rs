//! A flood from strangers, while the trunk calls: bounded, on loopback addresses of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use storage::SystemEntropy;
use telephony::line::LineConfig;
use telephony::softphone::{Options, Softphone, Step};
use tokio::net::UdpSocket;

use crate::answerer::Answerer;
use crate::tools;

fn invite(number: usize, here: &str, agent: &str) -> String {
    format!(
        "INVITE sip:tone@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKflood{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:flood@{here}>;tag={number}\r\nTo: <sip:tone@127.0.0.1>\r\nCall-ID: flood-{here}-{number}\r\nCSeq: 1 INVITE\r\n\
         User-Agent: {agent}\r\nContact: <sip:flood@{here}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Floods from forty addresses at about 4,000 calls a second until told to stop; says how many were sent.
async fn flood(to: std::net::SocketAddr, stop: Arc<AtomicBool>) -> usize {
    let mut sockets = Vec::new();
    for last in 0..40u8 {
        let socket =
            UdpSocket::bind(std::net::SocketAddr::from(([127, 1, 0, last + 1], 0))).await.expect("a loopback address");
        let here = socket.local_addr().expect("bound").to_string();
        sockets.push((socket, here));
    }
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) && sent < 40_000 {
        for (socket, here) in &sockets {
            let _ = socket.try_send_to(invite(sent, here, "phone").as_bytes(), to);
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trunk_is_answered_in_time_while_forty_strangers_flood() {
    let mut config = LineConfig::loopback();
    config.sip.trusted = vec!["127.2.0.0/24".parse().expect("a network")];
    // Few places, so that the flood takes all that strangers can have.
    config.sip.limits.calls = 60;
    config.sip.limits.reserved_calls = 20;
    let answerer = Answerer::start_with(config).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = tokio::spawn(flood(answerer.line.address(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let trunk = Softphone::open([127, 2, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone");
    let stranger = Softphone::open([127, 3, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone");
    let answered = AtomicUsize::new(0);
    for _ in 0..3 {
        let options = Options { steps: vec![Step::Wait(1_000), Step::HangUp], ..Options::default() };
        let outcome = trunk.place(&answerer.uri("tone"), &options).await;
        assert!(outcome.answered, "{:?} {:?}", outcome.end, answerer.line.counts());
        assert!(outcome.setup_milliseconds < 2_000, "{} ms", outcome.setup_milliseconds);
        assert!(tools::holds_tone(&outcome.heard, 440.0) || outcome.heard_sound(), "it is heard, too");
        answered.fetch_add(1, Ordering::Relaxed);
    }
    let outcome = stranger.place(&answerer.uri("tone"), &Options::default()).await;
    assert_eq!((outcome.answered, outcome.end.status), (false, sip::Status::SERVICE_UNAVAILABLE));
    stop.store(true, Ordering::Relaxed);
    let sent = flooding.await.expect("no panic");
    let counts = answerer.line.counts();
    assert!(sent > 2_000 && counts.guard.shed + counts.guard.ignored > 1_000, "{sent} sent, {counts:?}");
    assert!(counts.calls <= 60, "{counts:?}");
    assert_eq!(answered.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn scanners_are_not_answered() {
    let answerer = Answerer::start_with(LineConfig::loopback()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    socket.send_to(invite(1, &here, "friendly-scanner").as_bytes(), answerer.line.address()).await.expect("sent");
    let mut buffer = [0u8; 1_024];
    let answer = tokio::time::timeout(Duration::from_millis(500), socket.recv_from(&mut buffer)).await;
    assert!(answer.is_err(), "there was an answer");
    assert_eq!(answerer.line.counts().guard.scanners, 1);
    socket.send_to(invite(2, &here, "a telephone").as_bytes(), answerer.line.address()).await.expect("sent");
    let answer = tokio::time::timeout(Duration::from_secs(2), socket.recv_from(&mut buffer)).await;
    assert!(answer.is_ok(), "an ordinary phone is answered");
}
