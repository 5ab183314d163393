//! Calls between our own two sides.

use std::sync::Arc;
use std::time::Duration;

use media::tone;
use storage::SystemEntropy;
use telephony::call::{EndReason, EndedBy};
use telephony::softphone::{Options, Softphone, Step};

use crate::answerer::Answerer;
use crate::tools;

async fn phone() -> Softphone {
    Softphone::open([127, 0, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone on loopback")
}

fn steps(steps: &[Step]) -> Options {
    Options { steps: steps.to_vec(), longest_seconds: 20, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_with_sound_both_ways_over_udp_and_tcp() {
    let answerer = Answerer::start().await;
    let phone = phone().await;
    for tcp in [false, true] {
        let sound: Arc<[i16]> = tone::sine(700.0, 12_000, 2_000).into();
        let options = Options { tcp, ..steps(&[Step::Wait(300), Step::Say(sound), Step::Wait(300), Step::HangUp]) };
        let outcome = phone.place(&answerer.uri("tone"), &options).await;
        assert!(outcome.answered, "tcp {tcp}: {outcome:?}");
        assert_eq!((outcome.end.by, outcome.end.reason), (EndedBy::Us, EndReason::HungUp));
        assert!(tools::holds_tone(&outcome.heard, 440.0), "tcp {tcp}");
        assert_eq!(outcome.statistics.packets_lost, 0, "{:?}", outcome.statistics);
        let ended = answerer.wait_for(1 + usize::from(tcp)).await.pop().expect("ended");
        assert_eq!((ended.end.by, ended.end.reason), (EndedBy::Caller, EndReason::HungUp));
        assert!(tools::holds_tone(&ended.heard, 700.0), "tcp {tcp}");
        assert_eq!(ended.statistics.packets_lost, 0);
        // The last packet may cross the farewell.
        let (sent, received) = (outcome.statistics.packets_sent, ended.statistics.packets_received);
        assert!(received <= sent && received + 2 >= sent, "{received} of {sent}");
    }
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_arrive_once_each_in_both_directions() {
    let answerer = Answerer::start().await;
    let keys = "1234567890*ABCD5566#";
    let options = steps(&[Step::Wait(200), Step::Press(keys.to_owned()), Step::Wait(4_500), Step::HangUp]);
    let outcome = phone().await.place(&answerer.uri("keys"), &options).await;
    assert_eq!(answerer.wait_for(1).await[0].digits, keys);
    assert_eq!(outcome.digits, keys);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_failures_carry_their_status() {
    let answerer = Answerer::start().await;
    let phone = phone().await;
    for (user, status, reason) in [("busy", 486, EndReason::Busy), ("gone", 404, EndReason::Rejected)] {
        let outcome = phone.place(&answerer.uri(user), &Options::default()).await;
        assert!(!outcome.answered);
        assert_eq!((outcome.end.status.code(), outcome.end.reason, outcome.end.by), (status, reason, EndedBy::Caller));
    }
    let outcome = phone.place(&answerer.uri("ring"), &Options { ring_seconds: 1, ..Options::default() }).await;
    assert_eq!((outcome.end.reason, outcome.end.by), (EndReason::NoAnswer, EndedBy::Nobody));
    let ended = answerer.wait_for(3).await;
    assert_eq!((ended[2].end.reason, ended[2].end.status.code()), (EndReason::Cancelled, 487));
    let outcome = phone.place("sips:nobody@127.0.0.1:1", &Options::default()).await;
    assert_eq!((outcome.end.status.code(), outcome.end.by), (503, EndedBy::Us), "{:?}", outcome.end);
    let outcome = phone.place("sip:nobody@127.0.0.1;transport=ws", &Options::default()).await;
    assert_eq!(outcome.end.status.code(), 404, "{:?}", outcome.end);
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answering_side_hangs_up_and_both_know_who_did() {
    let answerer = Answerer::start().await;
    let outcome = phone().await.place(&answerer.uri("goodbye"), &Options::default()).await;
    assert_eq!((outcome.end.by, outcome.end.reason), (EndedBy::Caller, EndReason::HungUp), "the other side");
    assert_eq!(answerer.wait_for(1).await[0].end.by, EndedBy::Us);
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_is_ended_wherever_it_stands() {
    let answerer = Answerer::start().await;
    let phone = phone().await;
    let calling = phone.clone();
    let uri = answerer.uri("ring");
    let ringing = tokio::spawn(async move { calling.place(&uri, &Options::default()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    ringing.abort();
    let ended = answerer.wait_for(1).await;
    assert_eq!(ended[0].end.reason, EndReason::Cancelled);
    let calling = phone.clone();
    let uri = answerer.uri("tone");
    let talking = tokio::spawn(async move { calling.place(&uri, &Options::default()).await });
    tokio::time::sleep(Duration::from_millis(600)).await;
    talking.abort();
    let ended = answerer.wait_for(2).await;
    assert_eq!((ended[1].end.by, ended[1].end.reason), (EndedBy::Caller, EndReason::HungUp));
    answerer.assert_nothing_left().await;
    assert_eq!(phone.line().counts().dialogs, 0, "{:?}", phone.line().counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_reports_what_it_heard() {
    let mut config = telephony::line::LineConfig::loopback();
    config.ports = Some(21_000..=21_999);
    let answerer = Answerer::start_with(config).await;
    let listening = tokio::net::UdpSocket::bind("127.0.0.1:23001").await.expect("a port for reports");
    // A caller whose sound would be on 23000: its reports arrive one port above.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound");
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 23000 RTP/AVP 0\r\n";
    let invite = format!(
        "INVITE sip:tone@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKreport\r\nMax-Forwards: 70\r\n\
         From: <sip:r@127.0.0.1>;tag=r\r\nTo: <sip:tone@127.0.0.1>\r\nCall-ID: report\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:r@{here}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.send_to(invite.as_bytes(), answerer.line.address()).await.expect("sent");
    let mut buffer = [0u8; 2_048];
    // Whoever does not acknowledge is sent little, and no report after that.
    let to = loop {
        let length = socket.recv(&mut buffer).await.expect("received");
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if answer.starts_with("SIP/2.0 200") {
            break answer.lines().find(|line| line.starts_with("To:")).expect("a To").to_owned();
        }
    };
    let head = invite.split("Content-Type").next().unwrap_or_default().replace("INVITE", "ACK");
    let head = head.replace("z9hG4bKreport", "z9hG4bKack").replace("To: <sip:tone@127.0.0.1>", &to);
    let acknowledgement = format!("{head}Content-Length: 0\r\n\r\n");
    socket.send_to(acknowledgement.as_bytes(), answerer.line.address()).await.expect("sent");
    let received = tokio::time::timeout(Duration::from_secs(12), listening.recv_from(&mut buffer)).await;
    let (length, source) = received.expect("a report within twelve seconds").expect("received");
    assert!(source.port() % 2 == 1 && (21_000..=21_999).contains(&source.port()), "{source}");
    let report = media::rtcp::Compound::parse(&buffer[..length]).expect("a report");
    let sender = report.sender.expect("a sender's report");
    assert!(sender.packets > 100 && sender.bytes == sender.packets * 160, "{sender:?}");
}
