//! Registration over TLS with a registrar of our own making: certificates that are and are not believed, digests, intervals,
//! connections that break.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip::digest::{Algorithm, Authorization, Challenge, Ha1};
use storage::SystemEntropy;
use telephony::line::{Line, LineConfig};
use telephony::signalling::{Account, Credentials, Obstacle, Registration, RegistrationState, TlsRules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::identity::Identity;
use crate::trunk::{REALM, answer, header};

/// How long any one change may take.
const LIMIT: Duration = Duration::from_secs(15);

/// How a registrar behaves.
#[derive(Clone, Copy)]
struct Manner {
    /// What it asks for the password by.
    algorithm: Algorithm,
    /// The shortest registration that it takes.
    least_seconds: u32,
}

const STRONG: Manner = Manner { algorithm: Algorithm::Sha256, least_seconds: 0 };

/// What a registrar has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Connected,
    /// A request without or with wrong credentials.
    Asked,
    TooBrief(u32),
    Registered(u32),
}

#[derive(Clone)]
struct Registrar {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Breaks every connection that is open.
    cut: Arc<Notify>,
}

impl Registrar {
    async fn start(identity: &Identity, manner: Manner) -> Self {
        Self::start_at(identity, manner, "127.0.0.1:0".parse().expect("an address")).await
    }

    async fn start_at(identity: &Identity, manner: Manner, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let registrar = Registrar { address, seen: Arc::default(), cut: Arc::default() };
        let (serving, acceptor) = (registrar.clone(), TlsAcceptor::from(identity.server()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream, acceptor.clone(), manner));
            }
        });
        registrar
    }

    async fn serve(self, stream: TcpStream, acceptor: TlsAcceptor, manner: Manner) {
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        self.note(Seen::Connected);
        let mut bytes = Vec::new();
        let mut buffer = vec![0u8; 4_096];
        loop {
            let read = tokio::select! {
                read = stream.read(&mut buffer) => read,
                () = self.cut.notified() => return,
            };
            let Ok(length @ 1..) = read else { return };
            bytes.extend_from_slice(&buffer[..length]);
            while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let request = String::from_utf8_lossy(&bytes.drain(..end + 4).collect::<Vec<_>>()).into_owned();
                if request.starts_with("REGISTER ") {
                    assert!(request.contains("SIP/2.0/TLS "), "{request}");
                    let response = self.respond(&request, manner);
                    stream.write_all(response.as_bytes()).await.expect("written");
                }
            }
        }
    }

    fn respond(&self, request: &str, manner: Manner) -> String {
        let stored = Ha1::of(manner.algorithm, "office", REALM, "correct horse");
        let authorization = Authorization::parse(header(request, "Authorization"));
        if !authorization.is_ok_and(|given| given.is_right(&stored, "REGISTER")) {
            self.note(Seen::Asked);
            let challenge = Challenge {
                realm: REALM.to_owned(),
                nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned(),
                opaque: None,
                algorithm: manner.algorithm,
                protects: true,
                stale: false,
            };
            let asked = format!("WWW-Authenticate: {}\r\n", challenge.to_header());
            return answer(request, "401 Unauthorized", &asked, "");
        }
        let seconds: u32 = header(request, "Expires").parse().expect("a number");
        if (1..manner.least_seconds).contains(&seconds) {
            self.note(Seen::TooBrief(seconds));
            let least = format!("Min-Expires: {}\r\n", manner.least_seconds);
            return answer(request, "423 Interval Too Brief", &least, "");
        }
        self.note(Seen::Registered(seconds));
        let contact = format!("Contact: {};expires={seconds}\r\n", header(request, "Contact"));
        answer(request, "200 OK", &contact, "")
    }

    fn note(&self, seen: Seen) {
        self.seen.lock().expect("no panic").push(seen);
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    async fn wait_for(&self, what: &str, holds: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let deadline = tokio::time::Instant::now() + LIMIT;
        loop {
            let seen = self.seen();
            if holds(&seen) {
                return seen;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn line(rules: TlsRules, md5: bool) -> Line {
    let mut config = LineConfig::loopback();
    config.sip.tls_rules = rules;
    config.sip.md5_digest = md5;
    Line::open(config, Arc::new(SystemEntropy)).await.expect("a line")
}

fn account(address: SocketAddr, password: &str) -> Account {
    let credentials = Arc::new(Credentials { user: "office".to_owned(), password: password.to_owned() });
    Account { registrar: format!("sip:{address};transport=tls"), credentials, expires_seconds: None }
}

async fn becomes(registration: &mut Registration, wanted: RegistrationState) {
    let last = registration.watch();
    let reached = async {
        while registration.state() != wanted {
            registration.changed().await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, reached).await.is_ok(), "{wanted:?} was awaited, it is {:?}", *last.borrow());
}

const REGISTERED: RegistrationState = RegistrationState::Registered { seconds: 300 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_made_again_at_once_and_a_farewell_is_said() {
    let identity = Identity::of_loopback();
    let registrar = Registrar::start(&identity, STRONG).await;
    let line = line(identity.believed(), false).await;
    let mut registration = line.register(&account(registrar.address, "correct horse")).expect("an account");
    becomes(&mut registration, REGISTERED).await;
    assert_eq!(registrar.seen(), [Seen::Connected, Seen::Asked, Seen::Registered(300)]);
    let began = tokio::time::Instant::now();
    registrar.cut.notify_waiters();
    becomes(&mut registration, RegistrationState::Unreachable(Obstacle::Lost)).await;
    becomes(&mut registration, REGISTERED).await;
    assert!(began.elapsed() < Duration::from_secs(8), "long before it would be renewed: {:?}", began.elapsed());
    let connections = registrar.seen().iter().filter(|seen| **seen == Seen::Connected).count();
    assert_eq!(connections, 2);
    drop(registration);
    registrar.wait_for("taken back", |seen| seen.last() == Some(&Seen::Registered(0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_that_cannot_prove_its_name_hears_nothing_and_the_state_says_why() {
    let here = Identity::of_loopback();
    let (elsewhere, expired) = (Identity::of(&["elsewhere.example"]), Identity::expired(&["127.0.0.1"]));
    for (identity, rules, obstacle) in [
        (&elsewhere, elsewhere.believed(), Obstacle::WrongName),
        (&expired, expired.believed(), Obstacle::Expired),
        (&here, TlsRules::default(), Obstacle::Unvouched),
        (&here, elsewhere.believed(), Obstacle::Unvouched),
    ] {
        let registrar = Registrar::start(identity, STRONG).await;
        let line = line(rules, false).await;
        let mut registration = line.register(&account(registrar.address, "correct horse")).expect("an account");
        becomes(&mut registration, RegistrationState::Unreachable(obstacle)).await;
        assert_eq!(registrar.seen(), [], "{obstacle:?}");
        assert!(obstacle.to_string().contains("certificate") && !obstacle.advice().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_interval_is_taken_and_one_beyond_a_day_is_not() {
    let identity = Identity::of_loopback();
    let line = line(identity.believed(), false).await;
    let registrar = Registrar::start(&identity, Manner { least_seconds: 3_600, ..STRONG }).await;
    let mut registration = line.register(&account(registrar.address, "correct horse")).expect("an account");
    becomes(&mut registration, RegistrationState::Registered { seconds: 3_600 }).await;
    let seen = registrar.seen();
    assert!(seen.contains(&Seen::TooBrief(300)) && seen.last() == Some(&Seen::Registered(3_600)), "{seen:?}");
    let greedy = Registrar::start(&identity, Manner { least_seconds: 86_401, ..STRONG }).await;
    let mut registration = line.register(&account(greedy.address, "correct horse")).expect("an account");
    becomes(&mut registration, RegistrationState::IntervalRefused).await;
    assert!(!greedy.seen().iter().any(|seen| matches!(seen, Seen::Registered(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn md5_is_answered_only_where_it_is_allowed_and_a_wrong_password_is_not_tried_over_and_over() {
    let identity = Identity::of_loopback();
    let weak = Manner { algorithm: Algorithm::Md5, ..STRONG };
    let registrar = Registrar::start(&identity, weak).await;
    let strict = line(identity.believed(), false).await;
    let mut registration = strict.register(&account(registrar.address, "correct horse")).expect("an account");
    becomes(&mut registration, RegistrationState::ChallengeRefused).await;
    assert_eq!(registrar.seen(), [Seen::Connected, Seen::Asked], "no answer was given");
    drop(registration);
    let lax = line(identity.believed(), true).await;
    let registrar = Registrar::start(&identity, weak).await;
    let mut registration = lax.register(&account(registrar.address, "correct horse")).expect("an account");
    becomes(&mut registration, REGISTERED).await;
    let registrar = Registrar::start(&identity, STRONG).await;
    let mut wrong = strict.register(&account(registrar.address, "battery staple")).expect("an account");
    becomes(&mut wrong, RegistrationState::Refused(sip::Status::UNAUTHORIZED)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(registrar.seen(), [Seen::Connected, Seen::Asked, Seen::Asked], "asked, answered once, refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_that_is_away_is_found_again() {
    let identity = Identity::of_loopback();
    let address = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let line = line(identity.believed(), false).await;
    let mut registration = line.register(&account(address, "correct horse")).expect("an account");
    becomes(&mut registration, RegistrationState::Unreachable(Obstacle::Refused)).await;
    let registrar = Registrar::start_at(&identity, STRONG, address).await;
    becomes(&mut registration, REGISTERED).await;
    assert_eq!(registrar.seen().last(), Some(&Seen::Registered(300)));
}
