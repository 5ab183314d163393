//! A running demo in a folder of its own, ended when the test ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};

/// Addresses outside the API where strangers come.
pub const OPEN: [&str; 12] = [
    "/livez",
    "/readyz",
    "/openapi.json",
    "/trust",
    "/trust.json",
    "/.well-known/security.txt",
    "/sign-in",
    "/sign-in/link",
    "/sign-in/unlock",
    "/sign-in/reset-password",
    "/sign-in/reset-factor",
    "/first-owner",
];

/// How long a demo may take until `demo.json` stands.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long a product that was asked to end may take.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Limits of [`Product::start_unhurried`]: as high as settings can have them.
pub const UNHURRIED: &str = "[limits]\nnetwork_per_minute = 100000\nread_per_minute = 100000\nwrite_per_minute = 100000\n\
    heavy_per_minute = 100000\nvisitor_per_minute = 100000\n";

/// Lines of the log that a failing test shows.
const LOG_LINES_SHOWN: usize = 20;

/// What the demo tells programs (`demo.json`).
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    pub base_url: String,
    pub sip_uri: String,
    pub agent_id: String,
    pub api_key: String,
    pub embed_token: String,
    pub sign_in_url: String,
    pub owner_email: String,
    pub owner_password: String,
    pub customer_url: String,
    pub metrics_url: String,
}

/// A running product.
pub struct Product {
    child: Child,
    folder: PathBuf,
    /// Goes with the last product of a test, and the folder with it.
    scratch: Option<std::sync::Arc<tempfile::TempDir>>,
    pub facts: Facts,
    pub http: reqwest::Client,
}

/// The binary under test: `RINGFENCE_BIN`, else the one that Cargo built for this test.
pub fn binary() -> PathBuf {
    std::env::var_os("RINGFENCE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_ringfence").into(), PathBuf::from)
}

/// The log stands beside the data folder, never in it.
fn log_path(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}

/// Where the product finds the temporary folder of its machine: one of its own, beside the data folder.
fn temporary_path(folder: &Path) -> PathBuf {
    folder.with_extension("tmp")
}

fn log_file(folder: &Path) -> std::fs::File {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log_path(folder));
    file.expect("tests can write beside the data folder")
}

impl Product {
    /// A fresh demo on free ports.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A fresh demo with more arguments.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let scratch = std::sync::Arc::new(tempfile::tempdir().expect("tests can write to the temporary folder"));
        let folder = scratch.path().join("data");
        let mut product = Self::start_in(&folder, arguments).await;
        product.scratch = Some(scratch);
        product
    }

    /// A fresh and silent demo for tests that ask more at once than anybody may.
    pub async fn start_unhurried() -> Self {
        Self::start_settled(UNHURRIED).await
    }

    /// A fresh and silent demo with this settings file.
    pub async fn start_settled(settings: &str) -> Self {
        let scratch = std::sync::Arc::new(tempfile::tempdir().expect("tests can write to the temporary folder"));
        let file = scratch.path().join("settings.toml");
        std::fs::write(&file, settings).expect("tests can write to the temporary folder");
        let file = file.to_str().expect("a plain path");
        let mut product = Self::start_in(&scratch.path().join("data"), &["--no-caller", "--settings", file]).await;
        product.scratch = Some(scratch);
        product
    }

    /// A fresh and silent demo that logs at this level.
    pub async fn start_logging(level: &str) -> Self {
        Self::start_logging_with(level, &["--no-caller"]).await
    }

    /// The same with these arguments.
    pub async fn start_logging_with(level: &str, arguments: &[&str]) -> Self {
        let scratch = std::sync::Arc::new(tempfile::tempdir().expect("tests can write to the temporary folder"));
        let mut product = Self::begin(&scratch.path().join("data"), arguments, level).await;
        product.scratch = Some(scratch);
        product
    }

    /// A demo on a folder that may hold data already.
    pub async fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::begin(folder, arguments, &std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into())).await
    }

    async fn begin(folder: &Path, arguments: &[&str], level: &str) -> Self {
        let stale = std::fs::read(folder.join("demo.json")).unwrap_or_default();
        std::fs::create_dir_all(temporary_path(folder)).expect("tests can write beside the data folder");
        let mut child = Command::new(binary())
            .args(["demo", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .args(arguments)
            .env("RUST_LOG", level)
            .env("TMPDIR", temporary_path(folder))
            .stdout(Stdio::null())
            .stderr(log_file(folder))
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let deadline = tokio::time::Instant::now() + START_LIMIT;
        let facts = loop {
            assert!(tokio::time::Instant::now() < deadline, "the demo was not ready within {START_LIMIT:?}");
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                let log = std::fs::read(log_path(folder)).unwrap_or_default();
                panic!("the demo ended by itself: {status}\n{}", String::from_utf8_lossy(&log));
            }
            let text = std::fs::read(folder.join("demo.json")).unwrap_or_default();
            match serde_json::from_slice(&text) {
                Ok(facts) if text != stale => break facts,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self {
            child,
            folder: folder.to_owned(),
            scratch: None,
            facts,
            http: http.build().expect("a client without special wishes"),
        }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings file of [`Self::start_settled`], for commands on the same data.
    pub fn settings(&self) -> Option<PathBuf> {
        self.scratch.as_ref().map(|scratch| scratch.path().join("settings.toml")).filter(|file| file.is_file())
    }

    /// The temporary folder that the product was given, for what it may have left there.
    pub fn temporary(&self) -> PathBuf {
        temporary_path(&self.folder)
    }

    /// What the product has written to its log, earlier runs on the same folder included.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(log_path(&self.folder)).expect("a log file")).into_owned()
    }

    /// Process id, for tests that watch or end the process.
    pub fn process(&self) -> u32 {
        self.child.id().expect("the product runs")
    }

    /// Asks the product to end, as a service manager does.
    pub async fn ask_to_end(&self) {
        let process = self.process().to_string();
        let asked = Command::new("kill").args(["-TERM", &process]).status().await.expect("kill runs");
        assert!(asked.success(), "the process is there");
    }

    /// Waits for the product's own end; none when it still runs after `limit`.
    pub async fn end_within(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        tokio::time::timeout(limit, self.child.wait()).await.ok().map(|status| status.expect("the product ran"))
    }

    /// Ends the product as a power cut would, and keeps its folder.
    pub async fn cut_power(mut self) -> (PathBuf, Option<std::sync::Arc<tempfile::TempDir>>) {
        self.child.kill().await.expect("the product runs");
        (self.folder.clone(), self.scratch.take())
    }

    /// Asks the product to end and waits until it has; the second time it must hurry.
    pub async fn end_orderly(mut self) -> (PathBuf, Option<std::sync::Arc<tempfile::TempDir>>) {
        self.ask_to_end().await;
        let status = self.end_within(END_LIMIT).await.unwrap_or_else(|| panic!("still running after {END_LIMIT:?}"));
        assert!(status.success(), "it ended badly: {}", self.log());
        (self.folder.clone(), self.scratch.take())
    }

    /// A recording as WAV, through a link as the dashboard makes it.
    pub async fn recording(&self, id: &str) -> Vec<u8> {
        let made = self.api(reqwest::Method::POST, &format!("/v1/recordings/{id}/links")).send().await;
        let link: serde_json::Value = made.expect("the product answers").json().await.expect("JSON");
        let path = link["path"].as_str().unwrap_or_else(|| panic!("no link to the recording: {link}"));
        let answer = self.http.get(format!("{}{path}", self.facts.base_url)).send().await.expect("the product answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.expect("a body").to_vec()
    }

    /// Signs the owner in: the first time by the link of this start, which works once, the second time by their password
    /// and an authenticator app that is set up for it. Gives the value of the session's cookie.
    pub async fn sign_in(&self) -> String {
        let (_, token) = self.facts.sign_in_url.split_once('#').expect("a token in the fragment");
        let linked = self.post_form("/sign-in/link", None, &format!("token={token}")).await;
        if linked.status() == 303 {
            return cookie_of(&linked);
        }
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let form =
            format!("email={}&password={}", escaped(&self.facts.owner_email), escaped(&self.facts.owner_password));
        let cookie = cookie_of(&self.post_form("/sign-in", None, &form).await);
        assert_eq!(self.post_form("/second-factors/app", Some(&cookie), "").await.status(), 303, "no app so far");
        let page = self.http.get(format!("{}/second-factors/app", self.facts.base_url));
        let page = page.header("cookie", format!("ringfence_session={cookie}")).send().await.expect("an answer");
        let page = page.text().await.expect("a page");
        let key = page.split("id=\"app-key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
        let secret = sign_in::totp::SharedSecret::parse(key).expect("a secret as people type it");
        let code = secret.code_at(storage::Clock::now(&storage::SystemClock));
        let added = self.post_form("/second-factors/app/confirmation", Some(&cookie), &format!("code={code}")).await;
        assert_eq!(added.status(), 200, "the app counts");
        cookie_of(&added)
    }

    /// A form as a page of the product sends it.
    pub async fn post_form(&self, path: &str, cookie: Option<&str>, form: &str) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.facts.base_url)).body(form.to_owned());
        let mut request = request
            .header("origin", &self.facts.base_url)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            let token = web::FormToken::of_session(cookie);
            request = request.header("cookie", format!("ringfence_session={cookie}"));
            request = request.header(web::form_token::HEADER, token.as_str());
        }
        request.send().await.expect("an answer")
    }

    /// A request to the API with the demo's key.
    pub fn api(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.facts.base_url)).bearer_auth(&self.facts.api_key)
    }

    /// `GET path` with the demo's key, as JSON; anything but 200 fails the test.
    pub async fn get(&self, path: &str) -> serde_json::Value {
        let answer = self.api(reqwest::Method::GET, path).send().await.expect("the product answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// The value of the session's cookie that an answer sets.
pub fn cookie_of(answer: &reqwest::Response) -> String {
    let cookie = answer.headers().get("set-cookie").expect("a session").to_str().expect("text");
    let value = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
    assert!(value.len() > 20, "{cookie}");
    value
}

impl Drop for Product {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let state = self.child.try_wait().ok().flatten().map_or("runs".to_owned(), |status| status.to_string());
            let log = std::fs::read(log_path(&self.folder)).unwrap_or_default();
            let text = String::from_utf8_lossy(&log);
            let tail: Vec<&str> = text.lines().rev().take(LOG_LINES_SHOWN).collect();
            println!("the product: {state}; the end of its log:");
            tail.iter().rev().for_each(|line| println!("  {line}"));
        }
    }
}

/// Runs the binary to its end and gives its exit code and what it printed.
pub async fn run(arguments: &[&str]) -> (Option<i32>, String) {
    run_in(&mut Command::new(binary()), arguments).await
}

/// The same with a folder, variables or a program of the test's own.
pub async fn run_in(command: &mut Command, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command.args(arguments).kill_on_drop(true).output().await.expect("the program starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}
