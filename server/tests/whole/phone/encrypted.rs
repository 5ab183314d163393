//! Calls over TLS with encrypted sound, from the command line to the sealed recording; plain calls refused where encryption is
//! demanded; keys for trying out reach the sandbox carrier and no network. The demo is started with settings of
//! the test's own.

use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::process::Command;

use super::text;
use crate::product::{Product, binary, run, run_in};

/// How long a node may take until it serves, and a call until its record stands.
const LIMIT: Duration = Duration::from_mins(1);

/// A demo with settings of the test's own.
pub(super) struct Node {
    pub(super) product: Product,
    pub(super) scratch: tempfile::TempDir,
    http: reqwest::Client,
}

impl Node {
    pub(super) async fn serve(more: impl FnOnce(&Path) -> String) -> Self {
        let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
        let folder = scratch.path();
        let root = certify(folder);
        let settings = folder.join("settings.toml");
        std::fs::write(&settings, more(folder)).expect("written");
        let settings = settings.display().to_string();
        let product = Product::start_with(&["--no-caller", "--settings", &settings]).await;
        let root = reqwest::Certificate::from_pem(root.as_bytes()).expect("our own");
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
        Node { product, scratch, http }
    }

    /// The one port that is listened on for TLS and is not that of the pages: the settings name it.
    fn secure(&self) -> String {
        let settings = std::fs::read_to_string(self.path("settings.toml")).expect("written");
        let port = settings.split("sip_tls = \"127.0.0.1:").nth(1).and_then(|rest| rest.split('"').next());
        format!("sips:practice@127.0.0.1:{}", port.expect("it listens for TLS"))
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }

    pub(super) async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        let answer = self
            .http
            .get(format!("{}{path}", self.product.facts.base_url))
            .bearer_auth(key)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// The newest call, once it is over.
    pub(super) async fn ended_call(&self, key: &str) -> Value {
        let deadline = tokio::time::Instant::now() + LIMIT;
        loop {
            let (_, page) = self.get(key, "/v1/calls?limit=1").await;
            if page["data"][0]["state"] == "ended" {
                return page["data"][0].clone();
            }
            assert!(tokio::time::Instant::now() < deadline, "no call has ended: {page}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn call(&self, address: &str, more: &[&str]) -> (Option<i32>, Value) {
        let root = self.path("root.pem");
        let arguments = [&["call", address, "--ca-file", &root, "--json", "--seconds", "30"], more].concat();
        let (code, text) = run(&arguments).await;
        (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
    }

    async fn test_key(&self) -> String {
        let folder = self.product.folder().display().to_string();
        let arguments = ["key", "create", "--data-dir", &folder, "--name", "trying", "--role", "admin", "--test"];
        let (code, text) = run(&arguments).await;
        assert_eq!(code, Some(0), "{text}");
        text.split_whitespace().find(|word| word.starts_with("rf_test_")).expect("a key").to_owned()
    }

    pub(super) async fn place(&self, key: &str, to: &str) -> (u16, Value) {
        let wanted = json!({ "agent_id": self.product.facts.agent_id, "to": to });
        let asked = self.http.post(format!("{}/v1/calls", self.product.facts.base_url)).bearer_auth(key).json(&wanted);
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

/// A certificate for this machine that vouches for itself, and its key.
fn certify(folder: &Path) -> String {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("signed").pem();
    for name in ["root.pem", "chain.pem"] {
        write_private(&folder.join(name), &certificate);
    }
    write_private(&folder.join("key.pem"), &key.serialize_pem());
    certificate
}

fn write_private(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("ours");
}

/// The page of the guide whose settings and command these tests use.
fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/encrypted-calls.md"))
        .expect("the page")
}

/// A port that nobody has at this moment.
pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

/// The first settings of the page, with a free port and files of the test's own.
pub(super) fn strict(folder: &Path) -> String {
    let page = page();
    let block = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("settings");
    let block =
        block.strip_prefix("sip = \"127.0.0.1:5060\"\n").expect("the plain address, which the test names itself");
    block.replace(":5061", &format!(":{}", free_port())).replace("/etc/ringfence", &folder.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_encryption_is_demanded_calls_are_encrypted_to_the_recording_or_refused_with_a_record() {
    let node = Node::serve(strict).await;
    let secure = node.secure();
    let shown =
        page().lines().find_map(|line| line.strip_prefix("ringfence call ").map(str::to_owned)).expect("a command");
    let folder = node.scratch.path().display().to_string();
    let shown = shown.replace("sips:practice@127.0.0.1:5061", &secure).replace("/etc/ringfence", &folder);
    let (code, told) = run(&[&["call"], &shown.split(' ').collect::<Vec<_>>()[..]].concat()).await;
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"));
    assert_eq!((code, &told["sound_encrypted"], &told["heard_sound"]), (Some(0), &json!(true), &json!(true)), "{told}");
    let key = node.product.facts.api_key.clone();
    let call = node.ended_call(&key).await;
    assert_eq!((text(&call["transport"]), text(&call["sound"])), ("tls", "srtp"), "{call}");
    assert!(call["packets_received"].as_i64() > Some(50) && call["environment"] == "live", "{call}");
    let (_, recordings) = node.get(&key, &format!("/v1/calls/{}/recordings", text(&call["id"]))).await;
    assert_eq!(recordings["data"][0]["state"], "ready", "a sealed recording of it: {recordings}");
    let plain = node.product.facts.sip_uri.clone();
    for more in [&[][..], &["--tcp"]] {
        let (code, told) = node.call(&plain, more).await;
        assert_eq!((code, &told["status"]), (Some(1), &json!(403)), "{told}");
        let refused = node.ended_call(&key).await;
        assert_eq!((&refused["sip_status"], &refused["transport"]), (&json!(403), &Value::Null), "{refused}");
        let (_, events) = node.get(&key, &format!("/v1/calls/{}/events", text(&refused["id"]))).await;
        assert!(events.to_string().contains("signalling_not_encrypted"), "the record says why: {events}");
    }
    let (code, told) = node.call(&secure, &["--plain-sound"]).await;
    assert_eq!((code, &told["status"]), (Some(1), &json!(488)), "{told}");
    let refused = node.ended_call(&key).await;
    let (_, events) = node.get(&key, &format!("/v1/calls/{}/events", text(&refused["id"]))).await;
    assert!(events.to_string().contains("sound_not_encrypted"), "{events}");
    the_page_says_so(&node).await;
    // Without a file those are believed whom the system believes, wherever it keeps them.
    let mut elsewhere = Command::new(binary());
    elsewhere.env("SSL_CERT_FILE", node.path("root.pem"));
    let (code, told) = run_in(&mut elsewhere, &["call", &secure, "--json", "--seconds", "2"]).await;
    assert!(code == Some(0) && told.replace(char::is_whitespace, "").contains("\"sound_encrypted\":true"), "{told}");
    let (code, told) = run(&["call", &secure, "--json", "--seconds", "2"]).await;
    assert_ne!(code, Some(0), "the system vouches for nothing of the kind: {told}");
}

async fn the_page_says_so(node: &Node) {
    let page = node.http.get(format!("{}/trust.json", node.product.facts.base_url)).send().await.expect("an answer");
    let page: Value = page.json().await.expect("JSON");
    let chapters = page.to_string();
    assert!(chapters.contains("Calls without encryption, over UDP and TCP, were refused"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_trying_out_reaches_the_simulator_and_the_trunk_hears_nothing() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = trunk.local_addr().expect("bound");
    let node = Node::serve(|_| format!("home_country_code = \"44\"\ntrunk = {{ address = \"{address}\" }}\n")).await;
    let trying = node.test_key().await;
    let (status, placed) = node.place(&trying, "+441174960006").await;
    assert_eq!(status, 202, "{placed}");
    let call = node.ended_call(&trying).await;
    assert_eq!(call["id"], placed["id"]);
    assert_eq!((text(&call["environment"]), text(&call["ended_by"])), ("test", "caller"), "{call}");
    assert!(call["answered_at"].is_string() && call["transport"].is_null(), "{call}");
    for (number, reason) in [("+441174960001", "busy"), ("+441174960004", "rejected")] {
        let (status, placed) = node.place(&trying, number).await;
        assert_eq!(status, 202, "{placed}");
        let call = node.ended_call(&trying).await;
        assert_eq!((&call["id"], text(&call["end_reason"])), (&placed["id"], reason), "{call}");
    }
    assert_eq!(node.place(&trying, "999").await.0, 422, "not even the simulator is told to call for help");
    let mut packet = [0u8; 2_048];
    let heard = tokio::time::timeout(Duration::from_millis(200), trunk.recv_from(&mut packet)).await;
    assert!(heard.is_err(), "the trunk heard of it");
    let live = node.product.facts.api_key.clone();
    let (status, placed) = node.place(&live, "+441174960006").await;
    assert_eq!(status, 202, "{placed}");
    let heard = tokio::time::timeout(Duration::from_secs(10), trunk.recv_from(&mut packet)).await;
    let (length, _) = heard.expect("a live key calls the trunk").expect("received");
    assert!(
        packet[..length].starts_with(b"INVITE sip:+441174960006@"),
        "{}",
        String::from_utf8_lossy(&packet[..length])
    );
    let (status, _) = node.get(&trying, &format!("/v1/calls/{}", text(&placed["id"]))).await;
    assert_eq!(status, 404, "a key for trying out does not see real calls");
}
