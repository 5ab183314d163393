//! A node that speaks TLS itself: with a certificate of files, read again while it serves, and with one from an authority.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use edge::acme::testing::TestAuthority;
use edge::tls::testing::{TestIssuer, TestPair};
use rustls::version::{TLS12, TLS13};
use storage::SystemClock;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio_rustls::client::TlsStream;

use crate::product::{binary, run};

/// How long a node may take until it serves.
const START_LIMIT: Duration = Duration::from_mins(1);
/// The first owner, as forms spell them.
pub const OWNER_EMAIL: &str = "robin%40harbour.example";
pub const OWNER_PASSWORD: &str = "a+tide+table+for+each+day+of+the+year";
const STRICT: &str = "max-age=63072000; includeSubDomains";

/// A node served from a settings file; ends when dropped.
pub struct Secured {
    child: Child,
    folder: tempfile::TempDir,
    pub issuer: TestIssuer,
    /// Pages and API.
    pub address: SocketAddr,
    redirect: Option<SocketAddr>,
    /// The address that works once, for the first owner.
    first_owner: String,
}

/// A certificate for this machine's names, as an operator would put it there.
fn put(folder: &Path, pair: &TestPair) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(folder.join("chain.pem"), &pair.chain).expect("written");
    let key = folder.join("key.pem");
    std::fs::write(&key, &pair.key).expect("written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("ours");
}

fn own_files(folder: &Path) -> String {
    let shown = folder.display();
    format!("certificate_file = \"{shown}/chain.pem\"\nkey_file = \"{shown}/key.pem\"\n")
}

/// What stands between two words of a text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

impl Secured {
    /// With a certificate of its own and a redirect beside it.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same with further tables of settings.
    pub async fn start_with(more: &str) -> Self {
        Self::start_as(&[], more).await
    }

    /// The same with further arguments, too.
    pub async fn start_as(arguments: &[&str], more: &str) -> Self {
        let tls = |folder: &Path| format!("[tls]\n{}redirect_from = \"127.0.0.1:0\"\n{more}", own_files(folder));
        Self::begin(arguments, tls).await
    }

    async fn with(tls: impl FnOnce(&Path) -> String) -> Self {
        Self::begin(&[], tls).await
    }

    async fn begin(arguments: &[&str], tls: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().expect("tests can write to the temporary folder");
        let issuer = TestIssuer::new("test");
        put(folder.path(), &issuer.issue_lasting(&["localhost", "127.0.0.1"]));
        let settings = format!(
            "data_dir = \"{}\"\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsip = \"127.0.0.1:0\"\n{}",
            folder.path().join("data").display(),
            tls(folder.path())
        );
        std::fs::write(folder.path().join("settings.toml"), settings).expect("written");
        let log = std::fs::File::create(folder.path().join("log")).expect("written");
        let mut child = Command::new(binary())
            .args(["serve", "--settings"])
            .arg(folder.path().join("settings.toml"))
            .args(arguments)
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut printed = String::new();
        let reading = async {
            while !printed.contains("/first-owner") {
                let Some(line) = lines.next_line().await.expect("readable") else { break };
                printed.push_str(&line);
                printed.push('\n');
            }
        };
        let _in_time = tokio::time::timeout(START_LIMIT, reading).await;
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let address = between(&printed, "listening on ", ")").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("it does not serve:\n{printed}\n{}", log()));
        let redirect = between(&printed, "Plain HTTP on ", " ").and_then(|address| address.parse().ok());
        let first_owner = printed.lines().find(|line| line.contains("/first-owner")).unwrap_or_default().to_owned();
        Self { child, folder, issuer, address, redirect, first_owner }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// The root of its certificate, as a file for other programs.
    pub fn root_file(&self) -> String {
        let path = self.folder().join("root.pem");
        std::fs::write(&path, self.issuer.root()).expect("written");
        path.display().to_string()
    }

    /// A client that trusts its authority and comes from this address of this machine.
    pub fn client(&self, from: [u8; 4]) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.issuer.root().as_bytes()).expect("our own");
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.tls_certs_only([root]).local_address(std::net::IpAddr::from(from));
        client.timeout(Duration::from_secs(10)).build().expect("a client")
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// A handshake from an address of this machine.
    pub async fn connect(&self, from: [u8; 4], protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(self.address).await?;
        let name = "localhost".try_into().expect("a name");
        self.issuer.client(&[&TLS13], protocols).connect(name, stream).await
    }

    /// Posts a form as its own page does, with the value of a session's cookie.
    pub async fn post_form(
        &self,
        http: &reqwest::Client,
        path: &str,
        cookie: Option<&str>,
        form: String,
    ) -> reqwest::Response {
        let request = http.post(self.url(path)).body(form).header("origin", self.url(""));
        let request = request.header("sec-fetch-site", "same-origin");
        let mut request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            let token = web::FormToken::of_session(cookie);
            request = request.header("cookie", format!("__Host-ringfence_session={cookie}"));
            request = request.header(web::form_token::HEADER, token.as_str());
        }
        request.send().await.expect("an answer")
    }

    /// Founds the organization Harbour with the address that was printed.
    pub async fn found(&self, http: &reqwest::Client) -> reqwest::Response {
        let token = self.first_owner.rsplit_once('#').expect("a token").1;
        let token = token.rsplit('=').next().unwrap_or(token);
        let form =
            format!("token={token}&organization=Harbour&name=Robin&email={OWNER_EMAIL}&password={OWNER_PASSWORD}");
        self.post_form(http, "/first-owner", None, form).await
    }

    async fn hang_up(&self) {
        let process = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-HUP", &process]).status().await.expect("kill runs");
        assert!(sent.success());
    }
}

fn presented(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().map(|chain| chain[0].as_ref().to_vec()).unwrap_or_default()
}

/// One request on a connection that stays open; what comes back until nothing more comes for a moment.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = vec![0; 16 * 1024];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    let read = read.expect("answered in time").expect("still open");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_its_own_certificate_is_met_by_tls_alone() {
    let node = Secured::start().await;
    let http = node.client([127, 0, 0, 1]);
    let answer = http.get(node.url("/livez")).send().await.expect("an answer over TLS");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["strict-transport-security"]),
        (200, &STRICT.parse().expect("a value"))
    );
    let newest = node.connect([127, 0, 0, 1], &[b"h2", b"http/1.1"]).await.expect("a handshake");
    assert_eq!(newest.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let stream = TcpStream::connect(node.address).await.expect("connected");
    let name = "localhost".try_into().expect("a name");
    assert!(node.issuer.client(&[&TLS12], &[]).connect(name, stream).await.is_err(), "TLS 1.2 is not let in");
    let plain = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("one");
    assert!(plain.get(format!("http://{}/livez", node.address)).send().await.is_err(), "nothing is answered in clear");
    let redirect = node.redirect.expect("it printed where");
    let sent = plain.get(format!("http://{redirect}/inbox?a=1")).send().await.expect("an answer");
    let target = format!("https://{}/inbox?a=1", node.address);
    assert_eq!((sent.status().as_u16(), &sent.headers()["location"]), (308, &target.parse().expect("a value")));
    let leaked = plain.get(format!("http://{redirect}/v1/agents")).bearer_auth("rf_live_made_up").send().await;
    assert_eq!(leaked.expect("an answer").status(), 403, "a key in clear is called out");
    the_first_session_s_cookie_is_for_tls_alone(&node, &http).await;
}

/// Founds the organization with the address that was printed, and reads the cookie of the session that begins.
async fn the_first_session_s_cookie_is_for_tls_alone(node: &Secured, http: &reqwest::Client) {
    let answer = node.found(http).await;
    let cookies: Vec<&str> =
        answer.headers().get_all("set-cookie").iter().filter_map(|one| one.to_str().ok()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-ringfence_session="));
    let session = session.unwrap_or_else(|| panic!("{}: {cookies:?}", answer.status()));
    for word in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
        assert!(session.contains(word), "{word}: {session}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_changed_without_dropping_a_connection_and_a_bad_one_is_not_taken() {
    let node = Secured::start().await;
    let connect = async || node.connect([127, 0, 0, 1], &[]).await.expect("a handshake");
    let mut before = connect().await;
    assert!(ask(&mut before).await.starts_with("HTTP/1.1 200"));
    let second = node.issuer.issue_lasting(&["localhost", "127.0.0.1"]);
    put(node.folder(), &second);
    node.hang_up().await;
    let der = second.certificate().der().to_vec();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while presented(&connect().await) != der {
        assert!(tokio::time::Instant::now() < deadline, "not taken: {}", node.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ask(&mut before).await.starts_with("HTTP/1.1 200"), "who is connected stays connected");
    std::fs::write(node.folder().join("chain.pem"), "nonsense").expect("written");
    node.hang_up().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !node.log().contains("the certificate before them is kept") {
        assert!(tokio::time::Instant::now() < deadline, "the log says nothing: {}", node.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(presented(&connect().await), der);
    let settings = node.folder().join("settings.toml").display().to_string();
    let (code, told) = run(&["doctor", "--settings", &settings]).await;
    assert!(code == Some(1) && told.contains("FAULT  tls") && told.contains("chain.pem"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_look_at_a_node_behind_tls() {
    let node = Secured::start().await;
    let settings = node.folder().join("settings.toml").display().to_string();
    let (code, told) = run(&["verify", "--settings", &settings]).await;
    for sentence in [
        "Over a network this server speaks TLS 1.3",
        "Browsers that came by TLS",
        "What leaves this machine",
        "This server listens",
    ] {
        let line = told.lines().find(|line| line.contains(sentence)).unwrap_or_default();
        assert!(line.starts_with("holds"), "{sentence}: {told}");
    }
    assert!(told.contains("TLS 1.3 spoken, everything older refused"), "{told}");
    assert_eq!(code, Some(0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_comes_from_an_authority() {
    let scratch = tempfile::tempdir().expect("a folder");
    // The authority looks for its challenge where the node's port 80 will be.
    let redirect = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let authority = TestAuthority::start(scratch.path(), redirect, Arc::new(SystemClock)).await;
    let node = Secured::with(|_| {
        format!(
            "public_url = \"https://desk.example\"\n[tls]\nredirect_from = \"{redirect}\"\n[tls.acme]\nagree_to_terms = true\n\
             directory = \"{}\"\nca_file = \"{}\"\n",
            authority.directory(),
            authority.root().display()
        )
    })
    .await;
    let root = std::fs::read(authority.root()).expect("there");
    let root = reqwest::Certificate::from_pem(&root).expect("a root");
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).resolve("desk.example", node.address);
    let http = http.build().expect("a client");
    let url = format!("https://desk.example:{}/livez", node.address.port());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        match http.get(&url).send().await {
            Ok(answer) => break assert_eq!(answer.status(), 200),
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error:?}\n{}", node.log()),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(authority.issued(), 1);
    let stored = node.folder().join("data/acme");
    for file in std::fs::read_dir(&stored).expect("made") {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = file.expect("readable").metadata().expect("there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "for its owner alone");
    }
}
