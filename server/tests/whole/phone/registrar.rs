//! A trunk that is not ours: Kamailio over TLS, with a private authority, SHA-256 digests and calls both ways, sound encrypted from
//! end to end. It is ended and started again in between.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use serde_json::{Value, json};
use storage::SystemEntropy;
use telephony::line::{Line, LineConfig, LineEvent};
use telephony::signalling::{TlsListen, TlsRules};
use telephony::softphone::{Options, Softphone, Step};
use tokio::time::Instant;

use super::encrypted::{Node, free_port, strict};
use super::{is_there, text};

/// How long a change of the registration may take.
const LIMIT: Duration = Duration::from_secs(20);
const MODULES: &str = "/usr/lib/x86_64-linux-gnu/kamailio/modules/";
const PASSWORD: &str = "correct horse";

/// A Kamailio that registers one account and carries calls: for the account to where it registered, for British numbers to `outside`.
struct Kamailio {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl Kamailio {
    /// With the certificate that stands in the folder.
    fn start(folder: &Path, port: u16, outside: u16) -> Self {
        let shown = folder.display();
        let certificate = format!("certificate = {shown}/chain.pem\nprivate_key = {shown}/key.pem\n");
        let tls = format!(
            "[server:default]\nmethod = TLSv1.2+\n{certificate}\n[client:default]\nmethod = TLSv1.2+\nverify_certificate = no\n"
        );
        std::fs::write(folder.join("tls.cfg"), tls).expect("written");
        std::fs::write(folder.join("kamailio.cfg"), script(folder, port, outside)).expect("written");
        std::fs::create_dir_all(folder.join("run")).expect("written");
        let mut kamailio = Self { child: None, folder: folder.to_owned(), port };
        kamailio.begin();
        kamailio
    }

    fn begin(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("kamailio.log"));
        let mut command = Command::new("kamailio");
        command.arg("-f").arg(self.folder.join("kamailio.cfg")).arg("-Y").arg(self.folder.join("run"));
        command.arg("-P").arg(self.folder.join("run/pid")).args(["-DD", "-E", "-m", "32", "-M", "4"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("written"));
        self.child = Some(command.spawn().expect("kamailio starts"));
        let deadline = tokio::time::Instant::now() + LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(tokio::time::Instant::now() < deadline, "kamailio does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end its workers and itself.
    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(Command::new("kill").arg(child.id().to_string()).status());
        for _ in 0..60 {
            if matches!(child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(child.kill());
        drop(child.wait());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("kamailio.log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            println!("kamailio said:\n{}", self.log());
        }
    }
}

fn script(folder: &Path, port: u16, outside: u16) -> String {
    let shown = folder.display();
    format!(
        r#"debug=1
log_stderror=yes
children=1
tcp_children=2
auto_aliases=no
enable_tls=yes
listen=tls:127.0.0.1:{port}
mpath="{MODULES}"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("tls", "config", "{shown}/tls.cfg")
modparam("auth", "algorithm", "SHA-256")
modparam("registrar", "max_expires", 120)
request_route {{
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("trunk.test", "{PASSWORD}", "0")) {{ www_challenge("trunk.test", "1"); exit; }}
    save("location");
    exit;
  }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); }}
    else if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); }}
    else {{ sl_send_reply("404", "Not here"); }}
    exit;
  }}
  if (!is_method("INVITE")) {{ sl_send_reply("405", "Not taken"); exit; }}
  if ($rU =~ "^\+44") {{
    if (!pv_proxy_authenticate("trunk.test", "{PASSWORD}", "0")) {{ proxy_challenge("trunk.test", "1"); exit; }}
    consume_credentials();
    record_route();
    $du = "sip:127.0.0.1:{outside};transport=tls";
    t_relay();
    exit;
  }}
  record_route();
  if (!lookup("location")) {{ sl_send_reply("480", "Not registered"); exit; }}
  t_relay();
}}
"#
    )
}

/// What the certificate in the folder is believed by and presented as.
fn believed(folder: &Path) -> TlsRules {
    let mut authorities = rustls::RootCertStore::empty();
    let root = CertificateDer::from_pem_file(folder.join("root.pem")).expect("a certificate");
    authorities.add(root).expect("a certificate");
    TlsRules { authorities: Arc::new(authorities), ..TlsRules::default() }
}

fn listening(folder: &Path, port: u16) -> TlsListen {
    let chain = vec![CertificateDer::from_pem_file(folder.join("chain.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(chain, key, &provider).expect("they belong together");
    let address = ([127, 0, 0, 1], port).into();
    TlsListen { address, certificates: Arc::new(SingleCertAndKey::from(certified)) }
}

async fn becomes(node: &Node, state: &str, problem: &Value) -> Value {
    let (key, deadline) = (node.product.facts.api_key.clone(), Instant::now() + LIMIT);
    loop {
        let (status, trunk) = node.get(&key, "/v1/trunk").await;
        assert!(matches!(status, 200 | 429), "{trunk}");
        if trunk["state"] == state && (problem.is_null() || trunk["problem"] == *problem) {
            return trunk;
        }
        assert!(Instant::now() < deadline, "{state} was awaited: {trunk}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_that_is_not_ours_takes_us_over_tls_and_carries_encrypted_calls_both_ways() {
    if !is_there("kamailio") {
        return;
    }
    let (port, outside) = (free_port(), free_port());
    let mut kamailio = None;
    let node = Node::serve(|folder| {
        kamailio = Some(Kamailio::start(folder, port, outside));
        std::fs::write(folder.join("password"), PASSWORD).expect("written");
        let shown = folder.display();
        let trunk = format!(
            "trunk = {{ address = \"127.0.0.1:{port};transport=tls\", register = true, user = \"practice\", \
             password_file = \"{shown}/password\", ca_file = \"{shown}/root.pem\" }}\n"
        );
        format!("{trunk}{}", strict(folder))
    })
    .await;
    let mut kamailio = kamailio.expect("started");
    let trunk = becomes(&node, "registered", &Value::Null).await;
    assert_eq!((&trunk["seconds"], &trunk["transport"]), (&json!(120), &json!("tls")), "as it was granted: {trunk}");
    a_call_in(&node, port).await;
    a_call_out(&node, outside).await;
    kamailio.end();
    becomes(&node, "unreachable", &json!("connection_refused")).await;
    kamailio.begin();
    becomes(&node, "registered", &Value::Null).await;
    a_call_in(&node, port).await;
    assert!(!kamailio.log().contains("ERROR"), "{}", kamailio.log());
}

async fn a_call_in(node: &Node, port: u16) {
    let rules = believed(node.scratch.path());
    let phone = Softphone::open_with([127, 0, 0, 1].into(), rules, Arc::new(SystemEntropy)).await.expect("a phone");
    let options = Options { steps: vec![Step::Wait(3_000), Step::HangUp], ..Options::default() };
    let outcome = phone.place(&format!("sip:practice@127.0.0.1:{port};transport=tls"), &options).await;
    assert!(outcome.answered && outcome.heard_sound(), "{:?}", outcome.end);
    assert!(outcome.statistics.protected && outcome.statistics.packets_lost == 0, "{:?}", outcome.statistics);
    let key = node.product.facts.api_key.clone();
    let call = node.ended_call(&key).await;
    assert_eq!((text(&call["transport"]), text(&call["sound"])), ("tls", "srtp"), "{call}");
    assert_eq!((text(&call["direction"]), &call["packets_lost"]), ("inbound", &json!(0)), "{call}");
}

async fn a_call_out(node: &Node, outside: u16) {
    let mut config = LineConfig::loopback();
    config.sip.tls = Some(listening(node.scratch.path(), outside));
    let line = Line::open(config, Arc::new(SystemEntropy)).await.expect("a line");
    let key = node.product.facts.api_key.clone();
    let (status, placed) = node.place(&key, "+441174960123").await;
    assert_eq!(status, 202, "{placed}");
    let ringing = tokio::time::timeout(LIMIT, line.next_call()).await.expect("it rings").expect("a call");
    assert_eq!((ringing.facts().to.user.as_str(), ringing.facts().from.user.as_str()), ("+441174960123", "practice"));
    let mut live = ringing.answer().await.expect("answered");
    let answered = Instant::now();
    while answered.elapsed() < Duration::from_secs(2) {
        drop(tokio::time::timeout(Duration::from_secs(1), live.audio.frames.recv()).await);
    }
    let statistics = live.statistics();
    assert!(statistics.protected && statistics.packets_received > 50 && statistics.packets_lost == 0, "{statistics:?}");
    live.hang_up();
    while !matches!(live.next_event().await, Some(LineEvent::Ended(_)) | None) {}
    let call = node.ended_call(&key).await;
    assert_eq!((&call["id"], text(&call["sound"])), (&placed["id"], "srtp"), "{call}");
    line.shutdown().await;
}
