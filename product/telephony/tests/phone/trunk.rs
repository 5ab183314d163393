//! A trunk that wants credentials: a few lines of raw SIP that check them with our own digest, which the signalling stack
//! does not use, so each is a proof of the other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use sip::digest::{Algorithm, Authorization, Challenge, Ha1};
use storage::SystemEntropy;
use telephony::call::{EndReason, EndedBy};
use telephony::line::{Line, LineConfig};
use telephony::signalling::{Account, CredentialSource, Credentials, NoPassword, Reading, RegistrationState};
use telephony::softphone::{Options, Softphone, Step};
use tokio::net::UdpSocket;

pub const REALM: &str = "trunk.example";

pub fn header<'a>(request: &'a str, name: &str) -> &'a str {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("")
}

pub fn answer(request: &str, status: &str, more: &str, body: &str) -> String {
    let copied: String = ["Via", "From", "Call-ID", "CSeq"]
        .iter()
        .map(|name| format!("{name}: {}\r\n", header(request, name)))
        .collect::<Vec<_>>()
        .concat();
    let to = header(request, "To");
    let tag = if to.contains("tag=") { "" } else { ";tag=trunk" };
    format!("SIP/2.0 {status}\r\n{copied}To: {to}{tag}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Serves until hung up on; gives how many INVITEs came and how many had the right credentials.
async fn trunk(socket: UdpSocket, algorithm: Algorithm) -> (usize, usize) {
    let here: SocketAddr = socket.local_addr().expect("bound");
    let challenge = Challenge {
        realm: REALM.to_owned(),
        nonce: "47364c23432d2e131a5fb210812c".to_owned(),
        opaque: Some("seen".to_owned()),
        algorithm,
        protects: true,
        stale: false,
    };
    let stored = Ha1::of(algorithm, "office", REALM, "correct horse");
    let (mut invites, mut right) = (0, 0);
    let mut buffer = vec![0u8; 65_536];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await.expect("received");
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let response = match request.split(' ').next() {
            Some("INVITE") => {
                invites += 1;
                match Authorization::parse(header(&request, "Proxy-Authorization")) {
                    Err(_) => {
                        let asked = format!("Proxy-Authenticate: {}\r\n", challenge.to_header())
                            .replace("\"auth\"", "\"auth,auth-int\"");
                        answer(&request, "407 Proxy Authentication Required", &asked, "")
                    }
                    Ok(authorization) if authorization.is_right(&stored, "INVITE") => {
                        right += 1;
                        let body = format!(
                            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\n",
                            here.port()
                        );
                        let more = format!("Contact: <sip:{here}>\r\nContent-Type: application/sdp\r\n");
                        answer(&request, "200 OK", &more, &body)
                    }
                    Ok(_) => answer(
                        &request,
                        "407 Proxy Authentication Required",
                        &format!("Proxy-Authenticate: {}\r\n", challenge.to_header()),
                        "",
                    ),
                }
            }
            Some("ACK") if right > 0 || invites < 2 => continue,
            Some("ACK") => return (invites, right),
            Some("BYE") => {
                socket.send_to(answer(&request, "200 OK", "", "").as_bytes(), peer).await.expect("sent");
                return (invites, right);
            }
            // Sound comes to the same port.
            _ => continue,
        };
        socket.send_to(response.as_bytes(), peer).await.expect("sent");
    }
}

/// Takes registrations until one is taken back; gives the seconds asked for in each that had the right credentials.
async fn registrar(socket: UdpSocket) -> Vec<u32> {
    let challenge = Challenge {
        realm: REALM.to_owned(),
        nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned(),
        opaque: None,
        algorithm: Algorithm::Sha256,
        protects: true,
        stale: false,
    };
    let stored = Ha1::of(Algorithm::Sha256, "office", REALM, "correct horse");
    let mut asked = Vec::new();
    let mut buffer = vec![0u8; 65_536];
    while asked.last() != Some(&0) {
        let (length, peer) = socket.recv_from(&mut buffer).await.expect("received");
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(request.starts_with("REGISTER "), "{request}");
        let right =
            Authorization::parse(header(&request, "Authorization")).is_ok_and(|it| it.is_right(&stored, "REGISTER"));
        let response = if right {
            let seconds = header(&request, "Expires").parse().expect("a number");
            asked.push(seconds);
            // The registrar grants less than asked for.
            let contact = format!("Contact: {};expires={}\r\n", header(&request, "Contact"), seconds.min(1));
            answer(&request, "200 OK", &contact, "")
        } else {
            answer(&request, "401 Unauthorized", &format!("WWW-Authenticate: {}\r\n", challenge.to_header()), "")
        };
        socket.send_to(response.as_bytes(), peer).await.expect("sent");
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_renewed_and_taken_back() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("bound");
    let serving = tokio::spawn(registrar(socket));
    let line = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line");
    let credentials = Arc::new(Credentials { user: "office".to_owned(), password: "correct horse".to_owned() });
    let account = Account { registrar: format!("sip:{address}"), credentials, expires_seconds: Some(600) };
    let mut registration = line.register(&account).expect("an account");
    assert_eq!(registration.changed().await, RegistrationState::Registered { seconds: 1 });
    assert_eq!(registration.changed().await, RegistrationState::Registered { seconds: 1 });
    drop(registration);
    let asked =
        tokio::time::timeout(std::time::Duration::from_secs(10), serving).await.expect("taken back").expect("no panic");
    assert!(asked.len() >= 3, "{asked:?}");
    assert_eq!(asked.last(), Some(&0));
    assert!(asked[..asked.len() - 1].iter().all(|seconds| *seconds == 600), "{asked:?}");
}

/// A password that can be changed, and taken away.
#[derive(Debug)]
struct Changing(Mutex<Result<Credentials, NoPassword>>);

impl Changing {
    fn set(&self, password: Result<&str, NoPassword>) {
        let now = password.map(|password| Credentials { user: "office".to_owned(), password: password.to_owned() });
        *self.0.lock().expect("no panic") = now;
    }
}

impl CredentialSource for Changing {
    fn read(&self) -> Reading<'_> {
        Box::pin(std::future::ready(self.0.lock().expect("no panic").clone()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_read_anew_for_each_registration() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("bound");
    let serving = tokio::spawn(registrar(socket));
    let line = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line");
    let password = Arc::new(Changing(Mutex::new(Err(NoPassword::Missing))));
    let account =
        Account { registrar: format!("sip:{address}"), credentials: password.clone(), expires_seconds: Some(600) };
    let mut registration = line.register(&account).expect("an account");
    assert_eq!(registration.changed().await, RegistrationState::NoPassword(NoPassword::Missing));
    password.set(Ok("correct horse"));
    assert_eq!(registration.changed().await, RegistrationState::Registered { seconds: 1 });
    for (given, state) in [
        (Ok("battery staple"), RegistrationState::Refused(sip::Status::UNAUTHORIZED)),
        (Ok("correct horse"), RegistrationState::Registered { seconds: 1 }),
        (Err(NoPassword::Sealed), RegistrationState::NoPassword(NoPassword::Sealed)),
        (Ok("correct horse"), RegistrationState::Registered { seconds: 1 }),
    ] {
        password.set(given);
        let becomes = async { while registration.changed().await != state {} };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(10), becomes).await;
        assert!(in_time.is_ok(), "{state:?} was awaited, it is {:?}", registration.state());
    }
    drop(registration);
    let asked = tokio::time::timeout(std::time::Duration::from_secs(10), serving).await.expect("taken back");
    assert_eq!(asked.expect("no panic").last(), Some(&0), "the farewell needs the password, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_gets_right_credentials_and_wrong_ones_are_tried_once() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        for (password, answered) in [("correct horse", true), ("battery staple", false)] {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
            let address = socket.local_addr().expect("bound");
            let serving = tokio::spawn(trunk(socket, algorithm));
            let phone = Softphone::open([127, 0, 0, 1].into(), Arc::new(SystemEntropy)).await.expect("a phone");
            let credentials = Some(Credentials { user: "office".to_owned(), password: password.to_owned() });
            let steps = vec![Step::Wait(200), Step::HangUp];
            let options = Options { credentials, steps, longest_seconds: 5, ..Options::default() };
            let outcome = phone.place(&format!("sip:100@{address}"), &options).await;
            assert_eq!(outcome.answered, answered, "{:?}", outcome.end);
            let (invites, right) = serving.await.expect("no panic");
            assert_eq!((invites, right), (2, usize::from(answered)), "{algorithm:?}");
            if !answered {
                assert_eq!((outcome.end.by, outcome.end.status.code()), (EndedBy::Caller, 407));
                assert_eq!(outcome.end.reason, EndReason::Rejected);
            }
        }
    }
}
