//! Those who mean harm, or are gone: floods, strangers' sound, garbage on streams, callers that fall silent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use media::rtp::Packet;
use storage::SystemEntropy;
use telephony::call::{EndReason, EndedBy};
use telephony::line::{Dial, Line, LineConfig, LineEvent};
use telephony::media_session::UNPROVEN_PACKETS_LIMIT;
use telephony::signalling::{Credentials, Target, log_filter};
use telephony::softphone::{Options, Softphone, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::answerer::Answerer;

fn invite(number: usize, here: &str) -> String {
    format!(
        "INVITE sip:quiet@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKflood{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:flood@127.0.0.1>;tag={number}\r\nTo: <sip:quiet@127.0.0.1>\r\nCall-ID: flood-{number}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:flood@{here}>\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn phone() -> Softphone {
    Softphone::open([127, 0, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone on loopback")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_calls_is_shed_with_a_time_to_come_back() {
    let mut config = LineConfig::loopback();
    config.sip.limits.source_calls_per_second = 5;
    let answerer = Answerer::start_with(config).await;
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port"));
    let here = socket.local_addr().expect("bound").to_string();
    // Answers are taken while calls are made: no kernel's buffer holds them all.
    let receiving = socket.clone();
    let counting = tokio::spawn(async move {
        let (mut shed, mut buffer) = (0, vec![0u8; 65_536]);
        while let Ok(received) =
            tokio::time::timeout(Duration::from_millis(1_500), receiving.recv_from(&mut buffer)).await
        {
            let (length, _) = received.expect("received");
            let answer = String::from_utf8_lossy(&buffer[..length]);
            shed += usize::from(answer.starts_with("SIP/2.0 503") && answer.contains("Retry-After: "));
            if shed >= 265 {
                break;
            }
        }
        shed
    });
    for number in 0..300 {
        socket.send_to(invite(number, &here).as_bytes(), answerer.line.address()).await.expect("sent");
        if number % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let shed = counting.await.expect("no panic");
    assert!((265..=281).contains(&shed), "{shed} of 300 were shed");
    let counts = answerer.line.counts();
    assert!(counts.calls <= 35 && counts.guard.shed >= 265, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_falls_silent_is_hung_up_but_not_on_hold() {
    let mut config = LineConfig::loopback();
    config.media.silence_seconds = 1;
    let answerer = Answerer::start_with(config).await;
    // A caller that never sends a packet: its description says that it will.
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    let body = |direction: &str| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na={direction}\r\n"
        )
    };
    for (number, direction) in [(1, "sendrecv"), (2, "inactive")] {
        let body = body(direction);
        let headers = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let message = invite(number, &here).replace("Content-Length: 0\r\n\r\n", &headers);
        socket.send_to(message.as_bytes(), answerer.line.address()).await.expect("sent");
    }
    let ended = answerer.wait_for(1).await;
    assert_eq!((ended[0].end.by, ended[0].end.reason), (EndedBy::Network, EndReason::MediaSilent));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        answerer.ended().len(),
        1,
        "the one on hold stays: {:?}",
        answerer.ended().iter().map(|ended| &ended.end).collect::<Vec<_>>()
    );
    assert_eq!(answerer.line.counts().calls, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_from_a_stranger_is_ignored() {
    let answerer = Answerer::start().await;
    let line = phone().await;
    let target = Target { address: answerer.uri("quiet"), from_user: "victim".to_owned(), ..Target::default() };
    let mut live = line.line().call(Dial { target, ..Dial::default() }).await.expect("answered");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let mut packet = Vec::new();
    // The stranger does not know the port; it tries every one around, as a scanner would.
    for port in 32_768..61_000u16 {
        Packet { marker: false, payload_type: 0, sequence: port, timestamp: 0, source: 666, payload: &[0x10; 160] }
            .write(&mut packet);
        let _ = stranger.try_send_to(&packet, ([127, 0, 0, 1], port).into());
        if port % 2_000 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut loudest = 0;
    while let Ok(Some(heard)) = tokio::time::timeout(Duration::from_millis(5), live.audio.frames.recv()).await {
        loudest = loudest.max(heard.frame.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0));
        if live.statistics().packets_received > 100 {
            break;
        }
    }
    assert_eq!(loudest, 0, "a stranger was heard");
    assert!(live.statistics().packets_foreign >= 1, "{:?}", live.statistics());
    live.hang_up();
    while !matches!(live.next_event().await, Some(LineEvent::Ended(_)) | None) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_streams_and_too_many_of_them_do_no_harm() {
    let mut config = LineConfig::loopback();
    config.sip.limits.source_connections = 8;
    let answerer = Answerer::start_with(config).await;
    for garbage in [
        "\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "INVITE sip:x SIP/2.0\r\nContent-Length: 18446744073709551615\r\n\r\n".to_owned(),
        "INVITE sip:x SIP/2.0\r\nContent-Length: 9223372036854775807\r\n\r\n".to_owned(),
        "x".repeat(200_000),
    ] {
        let mut stream = TcpStream::connect(answerer.line.address()).await.expect("connected");
        let _ = stream.write_all(garbage.as_bytes()).await;
        let _ = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0u8; 64])).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(TcpStream::connect(answerer.line.address()).await.expect("the kernel takes it"));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut closed = 0;
    for stream in &mut open {
        let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0u8; 8])).await;
        closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!((12..=17).contains(&closed), "{closed} of 20 were closed at once");
    drop(open);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let options = Options { tcp: true, steps: vec![Step::Wait(200), Step::HangUp], ..Options::default() };
    assert!(phone().await.place(&answerer.uri("quiet"), &options).await.answered);
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_hold_no_message_no_number_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let filter = tracing_subscriber::EnvFilter::new(log_filter("trace,rsipstack=trace"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let answerer = Answerer::start().await;
    let line = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line");
    let credentials = Some(Credentials { user: "canary-user".to_owned(), password: "canary-secret".to_owned() });
    for user in ["gone", "goodbye"] {
        let address = answerer.uri(user);
        let target = Target {
            address,
            from_user: "canary-4915551234".to_owned(),
            from_name: Some("Canary Name".to_owned()),
            credentials: credentials.clone(),
        };
        if let Ok(mut live) = line.call(Dial { target, ..Dial::default() }).await {
            while !matches!(live.next_event().await, Some(LineEvent::Ended(_)) | None) {}
        }
    }
    line.shutdown().await;
    tracing::warn!("the end of the test");
    let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic")).to_lowercase();
    assert!(logged.contains("the end of the test"));
    assert!(!logged.contains("canary"), "{logged}");
}

/// A caller by hand: who calls is `socket`, whose sound shall go to `media`.
struct ByHand {
    socket: UdpSocket,
    line: std::net::SocketAddr,
    tag: String,
    sequence: u32,
}

impl ByHand {
    fn text(&self, method: &str, sequence: u32, media: std::net::SocketAddr, direction: &str) -> String {
        let here = self.socket.local_addr().expect("bound");
        let sdp = format!(
            "v=0\r\no=- 1 {sequence} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {}\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\na={direction}\r\n",
            media.ip(),
            media.port()
        );
        let body = if method == "INVITE" { sdp } else { String::new() };
        let kind = if method == "INVITE" { "Content-Type: application/sdp\r\n" } else { "" };
        format!(
            "{method} sip:tone@{line} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{method}{sequence}\r\nMax-Forwards: 70\r\n\
             From: <sip:hand@127.0.0.1>;tag=hand\r\nTo: <sip:tone@127.0.0.1>{tag}\r\nCall-ID: by-hand-{here}\r\n\
             CSeq: {sequence} {method}\r\nContact: <sip:hand@{here}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
            line = self.line,
            tag = self.tag,
            length = body.len(),
        )
    }

    /// Invites and waits for the answer, which is not acknowledged yet.
    async fn invite(&mut self, media: std::net::SocketAddr, direction: &str) {
        self.sequence += 1;
        let message = self.text("INVITE", self.sequence, media, direction);
        self.socket.send_to(message.as_bytes(), self.line).await.expect("sent");
        loop {
            let answer = self.hear("SIP/2.0 200").await;
            if answer.contains(&format!("CSeq: {} INVITE", self.sequence)) {
                let to = answer.lines().find(|line| line.starts_with("To:")).expect("a To");
                self.tag = format!(";tag={}", to.split("tag=").nth(1).expect("a tag"));
                return;
            }
        }
    }

    /// The next message that begins so.
    async fn hear(&self, beginning: &str) -> String {
        let mut buffer = vec![0u8; 65_536];
        loop {
            let received = tokio::time::timeout(Duration::from_secs(5), self.socket.recv_from(&mut buffer));
            let (length, _) = received.await.expect("in time").expect("received");
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(beginning) {
                return message;
            }
        }
    }

    async fn acknowledge(&self, media: std::net::SocketAddr) {
        let message = self.text("ACK", self.sequence, media, "");
        self.socket.send_to(message.as_bytes(), self.line).await.expect("sent");
    }
}

/// How many datagrams arrive within so many seconds.
async fn arrivals(socket: &UdpSocket, seconds: u64) -> u32 {
    let (mut count, mut buffer) = (0, vec![0u8; 2_048]);
    let over = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while let Ok(Ok(_)) = tokio::time::timeout_at(over, socket.recv_from(&mut buffer)).await {
        count += 1;
    }
    count
}

async fn by_hand(answerer: &Answerer) -> ByHand {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    ByHand { socket, line: answerer.line.address(), tag: String::new(), sequence: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_is_not_turned_on_a_third_party() {
    let answerer = Answerer::start().await;
    let mut caller = by_hand(&answerer).await;
    let own = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let own_address = own.local_addr().expect("bound");
    caller.invite(own_address, "sendrecv").await;
    caller.acknowledge(own_address).await;
    assert!(arrivals(&own, 1).await > 20, "the caller hears");
    // Another machine, as far as addresses tell.
    let victim = UdpSocket::bind("127.0.0.2:0").await.expect("a port");
    let victim_address = victim.local_addr().expect("bound");
    caller.invite(victim_address, "recvonly").await;
    caller.acknowledge(victim_address).await;
    let flood = arrivals(&victim, 8).await;
    assert!(flood <= UNPROVEN_PACKETS_LIMIT, "{flood} packets went to somebody who has not asked");
    caller.invite(own_address, "sendrecv").await;
    caller.acknowledge(own_address).await;
    assert!(arrivals(&own, 1).await > 20, "the caller hears again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_acknowledge_is_sent_little() {
    let answerer = Answerer::start().await;
    let mut caller = by_hand(&answerer).await;
    let own = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let own_address = own.local_addr().expect("bound");
    caller.invite(own_address, "recvonly").await;
    let unasked = arrivals(&own, 5).await;
    assert!((1..=UNPROVEN_PACKETS_LIMIT).contains(&unasked), "{unasked} packets went to whoever may have called");
    caller.acknowledge(own_address).await;
    assert!(arrivals(&own, 1).await > 20, "acknowledged, the caller hears");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_held_and_silent_is_asked_whether_it_is_there() {
    let mut config = LineConfig::loopback();
    config.media.held_silence_seconds = 1;
    let answerer = Answerer::start_with(config).await;
    let mut caller = by_hand(&answerer).await;
    let own = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let own_address = own.local_addr().expect("bound");
    caller.invite(own_address, "inactive").await;
    caller.acknowledge(own_address).await;
    for (answer, ends) in [("200 OK", false), ("405 Method Not Allowed", false), ("481 No Such Call", true)] {
        let question = caller.hear("OPTIONS ").await;
        assert_eq!(answerer.ended().len(), 0, "it is there");
        let head: Vec<&str> = question.lines().skip(1).filter(|line| !line.starts_with("Content-")).collect();
        let answer = format!("SIP/2.0 {answer}\r\n{}\r\nContent-Length: 0\r\n\r\n", head.join("\r\n").trim_end());
        caller.socket.send_to(answer.as_bytes(), caller.line).await.expect("sent");
        if ends {
            let ended = answerer.wait_for(1).await;
            assert_eq!((ended[0].end.by, ended[0].end.reason), (EndedBy::Network, EndReason::SignallingLost));
        }
    }
    caller.hear("BYE ").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stranger_has_so_many_calls_and_no_more() {
    let mut config = LineConfig::loopback();
    config.sip.limits.source_calls = 2;
    let answerer = Answerer::start_with(config).await;
    let own: std::net::SocketAddr = ([127, 0, 0, 1], 9).into();
    let (mut first, mut second, mut third) =
        (by_hand(&answerer).await, by_hand(&answerer).await, by_hand(&answerer).await);
    for caller in [&mut first, &mut second] {
        caller.invite(own, "inactive").await;
        caller.acknowledge(own).await;
    }
    third.sequence = 1;
    let message = third.text("INVITE", 1, own, "inactive");
    third.socket.send_to(message.as_bytes(), third.line).await.expect("sent");
    assert!(third.hear("SIP/2.0 503").await.contains("Retry-After: "));
    third.acknowledge(own).await;
    let goodbye = first.text("BYE", 2, own, "");
    first.socket.send_to(goodbye.as_bytes(), first.line).await.expect("sent");
    first.hear("SIP/2.0 200").await;
    answerer.wait_for(1).await;
    third.invite(own, "inactive").await;
    third.acknowledge(own).await;
}
