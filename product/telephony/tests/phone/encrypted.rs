//! Calls over TLS with encrypted sound, and those that are refused because they lack one or the other.

use std::sync::Arc;
use std::time::Duration;

use media::tone;
use storage::SystemEntropy;
use telephony::call::{EndReason, EndedBy};
use telephony::line::{Security, Strictness};
use telephony::signalling::TlsRules;
use telephony::softphone::{Options, Softphone, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::answerer::Answerer;
use crate::identity::Identity;
use crate::tools;

const STRICT: Security = Security { strictness: Strictness::Strict, keys_in_clear: false };
/// A key for AES_CM_128_HMAC_SHA1_80.
const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

async fn phone(rules: TlsRules) -> Softphone {
    Softphone::open_with([127, 0, 0, 1].into(), rules, Arc::new(SystemEntropy)).await.expect("a phone")
}

fn speaking() -> Options {
    let steps = vec![Step::Say(tone::sine(530.0, 12_000, 8_000).into()), Step::Wait(2_500), Step::HangUp];
    Options { steps, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tls_is_encrypted_both_ways_and_ends_from_either_side() {
    let identity = Identity::of_loopback();
    let answerer = Answerer::start_over_tls(&identity, STRICT).await;
    let phone = phone(identity.believed()).await;
    let port = answerer.line.tls_address().expect("listening").port();
    for address in [answerer.secure_uri("tone"), format!("sip:tone@127.0.0.1:{port};transport=tls")] {
        let outcome = phone.place(&address, &speaking()).await;
        assert!(outcome.answered, "{address}: {:?}", outcome.end);
        assert!(outcome.statistics.protected && outcome.statistics.packets_foreign == 0, "{:?}", outcome.statistics);
        assert!(tools::holds_tone(&outcome.heard, 440.0), "they to us");
        assert_eq!(outcome.end.by, EndedBy::Us);
    }
    let ended = answerer.wait_for(2).await;
    for call in &ended {
        assert!(call.statistics.protected && call.statistics.packets_lost == 0, "{:?}", call.statistics);
        assert!(tools::holds_tone(&call.heard, 530.0), "we to them");
        assert_eq!((call.end.by, call.end.reason), (EndedBy::Caller, EndReason::HungUp));
    }
    let outcome = phone.place(&answerer.secure_uri("goodbye"), &Options::default()).await;
    assert_eq!(outcome.end.reason, EndReason::HungUp, "their goodbye came: {:?}", outcome.end);
    answerer.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_prove_the_name_is_not_called() {
    let (here, elsewhere) = (Identity::of_loopback(), Identity::of(&["elsewhere.example"]));
    let refused = |answerer: Answerer, rules: TlsRules| async move {
        let outcome = phone(rules).await.place(&answerer.secure_uri("tone"), &Options::default()).await;
        assert!(!outcome.answered && outcome.setup_milliseconds < 5_000, "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(answerer.line.counts().calls, 0, "nothing was said before");
        outcome.end.detail
    };
    let detail = refused(Answerer::start_over_tls(&here, Security::default()).await, TlsRules::default()).await;
    assert!(detail.contains("certificate"), "{detail}");
    let other = elsewhere.believed();
    let detail = refused(Answerer::start_over_tls(&elsewhere, Security::default()).await, other).await;
    assert!(detail.contains("not valid for the name"), "{detail}");
}

fn invite(transport: &str, here: &str, number: usize, description: &str) -> String {
    format!(
        "INVITE sip:tone@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {here};branch=z9hG4bKplain{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:raw@127.0.0.1>;tag=7\r\nTo: <sip:tone@127.0.0.1>\r\nCall-ID: raw-1\r\nCSeq: {number} INVITE\r\n\
         Contact: <sip:raw@{here};transport={transport}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}",
        description.len()
    )
}

fn description(protocol: &str, crypto: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 {protocol} 0\r\n{crypto}a=sendrecv\r\n"
    )
}

fn crypto() -> String {
    format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n")
}

/// What a final answer over UDP says.
async fn over_udp(answerer: &Answerer, description: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    let message = invite("UDP", &here, 1, description);
    socket.send_to(message.as_bytes(), answerer.line.address()).await.expect("sent");
    let mut buffer = vec![0u8; 8_192];
    loop {
        let received = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await;
        let (length, _) = received.expect("an answer").expect("received");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if !text.starts_with("SIP/2.0 1") {
            return text;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_calls_are_refused_where_encryption_is_demanded_and_keys_where_they_can_be_read() {
    let identity = Identity::of_loopback();
    let strict = Answerer::start_over_tls(&identity, STRICT).await;
    let plain = phone(identity.believed()).await;
    for tcp in [false, true] {
        let outcome = plain.place(&strict.uri("tone"), &Options { tcp, ..Options::default() }).await;
        assert_eq!((outcome.answered, outcome.end.status), (false, sip::Status::FORBIDDEN), "tcp: {tcp}");
    }
    let options = Options { plain_sound: true, ..Options::default() };
    let outcome = plain.place(&strict.secure_uri("tone"), &options).await;
    assert_eq!((outcome.answered, outcome.end.status), (false, sip::Status::NOT_ACCEPTABLE_HERE));
    let details: Vec<String> = strict.wait_for(3).await.into_iter().map(|ended| ended.end.detail).collect();
    assert!(details[0].contains("TLS only") && details[2].contains("not be encrypted"), "{details:?}");
    let offered = Answerer::start().await;
    let answer = over_udp(&offered, &description("RTP/SAVP", &crypto())).await;
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    let mut config = telephony::line::LineConfig::loopback();
    config.security.keys_in_clear = true;
    let lax = Answerer::start_with(config).await;
    let answer = over_udp(&lax, &description("RTP/SAVP", &crypto())).await;
    assert!(
        answer.starts_with("SIP/2.0 200") && answer.contains("RTP/SAVP") && answer.contains("a=crypto:1 "),
        "{answer}"
    );
    let options = Options { plain_sound: true, ..speaking() };
    let relaxed = Answerer::start_over_tls(&identity, Security::default()).await;
    let outcome = plain.place(&relaxed.secure_uri("tone"), &options).await;
    assert!(outcome.answered && !outcome.statistics.protected, "plain sound over TLS, where it is not forbidden");
}

/// A peer that writes its messages by hand.
struct Raw {
    stream: TlsStream<TcpStream>,
    here: String,
}

impl Raw {
    async fn connect(answerer: &Answerer, identity: &Identity) -> Self {
        let roots = (*identity.believed().authorities).clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let peer = answerer.line.tls_address().expect("listening");
        let stream = TcpStream::connect(peer).await.expect("connected");
        let here = stream.local_addr().expect("an address").to_string();
        let stream = TlsConnector::from(Arc::new(config)).connect(peer.ip().into(), stream).await.expect("a handshake");
        Raw { stream, here }
    }

    async fn send(&mut self, message: &str) {
        self.stream.write_all(message.as_bytes()).await.expect("written");
    }

    /// The next final answer.
    async fn answer(&mut self) -> String {
        let mut text = String::new();
        let mut buffer = [0u8; 4_096];
        loop {
            let read = tokio::time::timeout(Duration::from_secs(5), self.stream.read(&mut buffer)).await;
            text += &String::from_utf8_lossy(&buffer[..read.expect("an answer").expect("read")]);
            if let Some(at) = text.find("SIP/2.0 2").or_else(|| text.find("SIP/2.0 4")) {
                return text.split_off(at);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_later_message_makes_an_encrypted_call_plain() {
    let identity = Identity::of_loopback();
    let answerer = Answerer::start_over_tls(&identity, Security::default()).await;
    let mut raw = Raw::connect(&answerer, &identity).await;
    let here = raw.here.clone();
    raw.send(&invite("TLS", &here, 1, &description("RTP/SAVP", &crypto()))).await;
    let answer = raw.answer().await;
    assert!(answer.starts_with("SIP/2.0 200") && answer.contains("RTP/SAVP"), "{answer}");
    assert!(answer.contains(";transport=TLS") || answer.contains(";transport=tls"), "the contact names TLS: {answer}");
    let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To").trim().to_owned();
    let within = |message: String| message.replacen("To: <sip:tone@127.0.0.1>", &format!("To: {to}"), 1);
    let ack = invite("TLS", &here, 1, "").replace("INVITE", "ACK").replace("z9hG4bKplain1", "z9hG4bKack");
    raw.send(&within(ack)).await;
    raw.send(&within(invite("TLS", &here, 2, &description("RTP/AVP", "")))).await;
    let answer = raw.answer().await;
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    raw.send(&within(invite("TLS", &here, 3, &description("RTP/SAVP", &crypto())))).await;
    let answer = raw.answer().await;
    assert!(answer.starts_with("SIP/2.0 200") && answer.contains("RTP/SAVP"), "the call goes on: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_demands_tls_is_refused_over_anything_else() {
    let answerer = Answerer::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let here = socket.local_addr().expect("bound").to_string();
    let message = invite("UDP", &here, 1, &description("RTP/AVP", "")).replacen("INVITE sip:", "INVITE sips:", 1);
    socket.send_to(message.as_bytes(), answerer.line.address()).await.expect("sent");
    let mut buffer = vec![0u8; 8_192];
    let (length, _) = socket.recv_from(&mut buffer).await.expect("an answer");
    assert!(buffer[..length].starts_with(b"SIP/2.0 403"), "{}", String::from_utf8_lossy(&buffer[..length]));
}

/// A call whose sound comes to us in packets by the hundred, all of them authentic.
async fn flood_with_sound(answerer: &Answerer, until: tokio::time::Instant) -> usize {
    use base64::Engine as _;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let sound = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let (here, port) = (socket.local_addr().expect("bound").to_string(), sound.local_addr().expect("bound").port());
    let described = description("RTP/SAVP", &crypto()).replace("m=audio 9 ", &format!("m=audio {port} "));
    let message = invite("UDP", &here, 1, &described).replace("sip:tone@", "sip:quiet@");
    socket.send_to(message.as_bytes(), answerer.line.address()).await.expect("sent");
    let mut buffer = vec![0u8; 8_192];
    let answer = loop {
        let received = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await;
        let (length, _) = received.expect("an answer").expect("received");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with("SIP/2.0 2") {
            break text;
        }
    };
    let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To").trim().to_owned();
    let within = |method: &str, number: usize| {
        let bare = invite("UDP", &here, number, "").replace("INVITE", method).replace("sip:tone@", "sip:quiet@");
        bare.replacen("To: <sip:quiet@127.0.0.1>", &format!("To: {to}"), 1)
    };
    let ack = within("ACK", 1).replace("z9hG4bKplain", "z9hG4bKack");
    socket.send_to(ack.as_bytes(), answerer.line.address()).await.expect("sent");
    let theirs = answer.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a port");
    let target = std::net::SocketAddr::from(([127, 0, 0, 1], theirs.parse().expect("a port")));
    let master = base64::engine::general_purpose::STANDARD.decode(KEY).expect("base64");
    let suite = media::srtp::Suite::AesCm128HmacSha1Tag80;
    let mut sealer = media::srtp::Sealer::new(suite, &master).expect("a key");
    let mut sent = 0u32;
    while tokio::time::Instant::now() < until {
        for _ in 0..20 {
            let (sequence, timestamp) = (sent as u16, sent.wrapping_mul(160));
            let packet = media::rtp::Packet {
                marker: false,
                payload_type: 0,
                sequence,
                timestamp,
                source: 7,
                payload: &[0x90; 160],
            };
            let mut bytes = Vec::new();
            packet.write(&mut bytes);
            sealer.seal(&mut bytes).expect("sealed");
            let _ = sound.try_send_to(&bytes, target);
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    socket.send_to(within("BYE", 2).as_bytes(), answerer.line.address()).await.expect("sent");
    sent as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_authentic_sound_in_one_call_is_bounded_and_leaves_the_others_whole() {
    let identity = Identity::of_loopback();
    let mut config = telephony::line::LineConfig::loopback();
    config.sip.tls = Some(identity.listen());
    config.security.keys_in_clear = true;
    let answerer = Answerer::start_with(config).await;
    let until = tokio::time::Instant::now() + Duration::from_secs(4);
    let phone = phone(identity.believed()).await;
    let (address, options) = (answerer.secure_uri("tone"), speaking());
    let (sent, outcome) = tokio::join!(flood_with_sound(&answerer, until), phone.place(&address, &options));
    assert!(sent > 2_000, "ten times what a phone sends, at least: {sent}");
    assert!(outcome.answered && outcome.statistics.protected && outcome.statistics.packets_lost == 0, "{outcome:?}");
    assert!(tools::holds_tone(&outcome.heard, 440.0), "they to us");
    for ended in answerer.wait_for(2).await {
        let frames = ended.heard.len() / media::FRAME_SAMPLES;
        if ended.statistics.packets_received > 1_000 {
            assert!(frames < 5 * 50, "what is heard, and recorded, stays a frame each 20 ms: {frames} in four seconds");
        } else {
            assert!(tools::holds_tone(&ended.heard, 530.0), "we to them: {:?}", ended.statistics);
        }
    }
    answerer.assert_nothing_left().await;
}
