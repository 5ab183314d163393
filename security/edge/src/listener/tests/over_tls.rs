//! The same listener behind TLS: versions, protocols, deadlines of the handshake, and certificates that change while
//! connections run.

use rustls::version::{TLS12, TLS13};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::testing::TestIssuer;
use crate::tls::{Certificates, HTTP_1_1, HTTP_2, MinimumVersion};

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];

struct Secured {
    served: Served,
    issuer: TestIssuer,
    certificates: Certificates,
}

async fn secured(minimum: MinimumVersion, change: impl FnOnce(&mut ListenerSettings)) -> Secured {
    let issuer = TestIssuer::new("test");
    let certificates = Certificates::with(issuer.issue_lasting(&["desk.example"]).certificate());
    let mut tls = Tls::new(minimum, certificates.clone());
    tls.handshake_deadline = Duration::from_millis(400);
    let served = served(|settings| {
        settings.protection = Protection::Tls(tls);
        change(settings);
    })
    .await;
    Secured { served, issuer, certificates }
}

impl Secured {
    async fn connect(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.served.address).await?;
        let name = "desk.example".try_into().expect("a name");
        self.issuer.client(versions, protocols).connect(name, stream).await
    }

    async fn ask(&self, protocols: &[&[u8]]) -> String {
        let mut stream = self.connect(BOTH, protocols).await.expect("a handshake");
        stream.write_all(&request("GET / HTTP/1.1")).await.expect("sent");
        rest(&mut stream).await
    }
}

/// What comes until the server closes, within the limit of these tests.
async fn rest(stream: &mut TlsStream<TcpStream>) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server did not close in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn tls_1_3_alone_unless_1_2_is_let_in() {
    let strict = secured(MinimumVersion::Tls13, |_| {}).await;
    assert!(strict.ask(&[]).await.ends_with("Some(127.0.0.1)"));
    let refused = strict.connect(&[&TLS12], &[]).await.expect_err("refused").to_string();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
    let lax = secured(MinimumVersion::Tls12, |_| {}).await;
    assert!(lax.connect(&[&TLS12], &[]).await.is_ok() && lax.connect(&[&TLS13], &[]).await.is_ok());
    let newest = lax.connect(BOTH, &[]).await.expect("a handshake");
    let version = newest.get_ref().1.protocol_version();
    assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_3), "the newest that both speak");
}

#[tokio::test]
async fn the_protocol_is_agreed_upon_in_the_handshake() {
    let secured = secured(MinimumVersion::Tls13, |_| {}).await;
    let chosen = async |offered: &[&[u8]]| {
        let stream = secured.connect(BOTH, offered).await;
        stream.map(|stream| stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)).ok()
    };
    assert_eq!(chosen(&[HTTP_1_1, HTTP_2]).await, Some(Some(HTTP_2.to_vec())));
    assert_eq!(chosen(&[HTTP_1_1]).await, Some(Some(HTTP_1_1.to_vec())));
    assert_eq!(chosen(&[]).await, Some(None));
    assert_eq!(chosen(&[b"ftp"]).await, None, "nothing in common");
    assert!(secured.ask(&[HTTP_1_1]).await.starts_with("HTTP/1.1 200"));
    // HTTP/2 that was not agreed upon is not spoken (RFC 9113 section 3.2).
    let mut stream = secured.connect(BOTH, &[]).await.expect("a handshake");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn handshakes_have_a_deadline_and_silence_after_them_too() {
    let secured = secured(MinimumVersion::Tls13, |settings| settings.idle_deadline = Duration::from_millis(400)).await;
    // The beginning of a ClientHello that says it goes on.
    let begun: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let drip: Vec<&[u8]> = begun.chunks(1).collect();
    let plain = request("GET / HTTP/1.1");
    for pieces in [&[][..], &[begun], &drip, &[&plain[..]]] {
        let started = tokio::time::Instant::now();
        let answer = exchange(secured.served.address, pieces, Duration::from_millis(60)).await;
        assert!(!answer.contains("HTTP"), "nothing is answered in clear: {answer}");
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    }
    for protocol in [HTTP_1_1, HTTP_2] {
        let mut stream = secured.connect(BOTH, &[protocol]).await.expect("a handshake");
        let started = tokio::time::Instant::now();
        rest(&mut stream).await;
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn another_certificate_is_presented_without_dropping_who_is_connected() {
    let secured = secured(MinimumVersion::Tls13, |settings| settings.header_deadline = Duration::from_secs(5)).await;
    let presented = |stream: &TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().map(|chain| chain[0].as_ref().to_vec()).unwrap_or_default()
    };
    let mut before = secured.connect(BOTH, &[]).await.expect("a handshake");
    let first = presented(&before);
    let second = secured.issuer.issue_lasting(&["desk.example"]).certificate();
    secured.certificates.replace(second.clone());
    let after = secured.connect(BOTH, &[]).await.expect("a handshake");
    assert_eq!(presented(&after), second.der());
    assert_ne!(presented(&after), first);
    before.write_all(&request("GET / HTTP/1.1")).await.expect("still open");
    assert!(rest(&mut before).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn without_a_certificate_yet_handshakes_are_refused_until_it_comes() {
    let (issuer, certificates) = (TestIssuer::new("test"), Certificates::none_yet());
    let tls = Tls::new(MinimumVersion::Tls13, certificates.clone());
    let served = served(|settings| settings.protection = Protection::Tls(tls)).await;
    let secured = Secured { served, issuer, certificates };
    assert!(secured.connect(BOTH, &[]).await.is_err());
    secured.certificates.replace(secured.issuer.issue_lasting(&["desk.example"]).certificate());
    assert!(secured.ask(&[]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_behind_tls() {
    let secured = secured(MinimumVersion::Tls13, |settings| settings.maximum_connections = 1).await;
    let mut greedy = secured.connect(BOTH, &[HTTP_1_1]).await.expect("a handshake");
    greedy.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(secured.ask(&[]).await.starts_with("HTTP/1.1 200"), "the only seat is free again");
}
