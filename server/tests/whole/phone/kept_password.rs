//! A trunk's password that the organization keeps as a secret: without it nobody is asked, another value is used at the next
//! registration, and a sealed organization's is not used at all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sip::digest::{Algorithm, Authorization, Challenge, Ha1};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::product::{Product, run};

/// How long a change may take to show.
const LIMIT: Duration = Duration::from_secs(20);
const REALM: &str = "trunk.example";
const FIRST: &str = "gravel lantern oboe 31";
const SECOND: &str = "meadow kettle fjord 58";

/// What a registrar takes, and the requests that came, by whether the password in them was right.
#[derive(Clone, Default)]
struct Registrar {
    password: Arc<Mutex<&'static str>>,
    seen: Arc<Mutex<Vec<bool>>>,
}

impl Registrar {
    /// Grants a second at a time, so that every second is asked anew.
    async fn serve(self, socket: UdpSocket) {
        let challenge = Challenge {
            realm: REALM.to_owned(),
            nonce: "47364c23432d2e131a5fb210812c".to_owned(),
            opaque: None,
            algorithm: Algorithm::Sha256,
            protects: true,
            stale: false,
        };
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.expect("received");
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !request.starts_with("REGISTER ") {
                continue;
            }
            let stored = Ha1::of(Algorithm::Sha256, "practice", REALM, *self.password.lock().expect("no panic"));
            let given = Authorization::parse(header(&request, "Authorization"));
            let right = given.is_ok_and(|given| given.is_right(&stored, "REGISTER"));
            self.seen.lock().expect("no panic").push(right);
            let (status, more) = if right {
                ("200 OK", format!("Contact: {};expires=1\r\n", header(&request, "Contact")))
            } else {
                ("401 Unauthorized", format!("WWW-Authenticate: {}\r\n", challenge.to_header()))
            };
            socket.send_to(answer(&request, status, &more).as_bytes(), peer).await.expect("sent");
        }
    }
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("")
}

fn answer(request: &str, status: &str, more: &str) -> String {
    let copied =
        ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(request, name))).concat();
    format!("SIP/2.0 {status}\r\n{copied}To: {};tag=trunk\r\n{more}Content-Length: 0\r\n\r\n", header(request, "To"))
}

async fn becomes(product: &Product, state: &str, problem: &Value) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let trunk = product.get("/v1/trunk").await;
        if trunk["state"] == state && trunk["problem"] == *problem {
            return;
        }
        assert!(Instant::now() < deadline, "{state} was awaited: {trunk}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn keep(product: &Product, value: &str) {
    let asked = product.api(Method::PUT, "/v1/secrets/trunk-password").json(&json!({ "value": value })).send();
    assert!(asked.await.expect("an answer").status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trunk_s_password_is_the_secret_as_it_is_now() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let trunk = socket.local_addr().expect("bound");
    let registrar = Registrar::default();
    *registrar.password.lock().expect("no panic") = FIRST;
    let serving = tokio::spawn(registrar.clone().serve(socket));
    let seen = || std::mem::take(&mut *registrar.seen.lock().expect("no panic"));
    let settings = format!(
        "trunk = {{ address = \"{trunk}\", register = true, user = \"practice\", password_secret = \"trunk-password\" }}\n"
    );
    let product = Product::start_settled(&settings).await;
    becomes(&product, "no_password", &json!("password_missing")).await;
    assert_eq!(seen(), [false; 0], "nobody is asked without a password");
    keep(&product, FIRST).await;
    becomes(&product, "registered", &Value::Null).await;
    *registrar.password.lock().expect("no panic") = SECOND;
    becomes(&product, "refused", &json!("refused")).await;
    keep(&product, SECOND).await;
    becomes(&product, "registered", &Value::Null).await;
    assert!(seen().contains(&true));
    // Sealed, it is refused; the log says why, and nothing of the password.
    let folder = product.folder().display().to_string();
    let (code, text) = run(&["vault", "seal", "--data-dir", &folder]).await;
    assert_eq!(code, Some(0), "{text}");
    let deadline = Instant::now() + LIMIT;
    while !product.log().contains("the organization that keeps its password is sealed") {
        assert!(Instant::now() < deadline, "{}", product.log());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    seen();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(seen(), [false; 0], "the trunk hears nothing more");
    let log = product.log();
    assert!(!log.contains(FIRST) && !log.contains(SECOND), "{log}");
    serving.abort();
}
