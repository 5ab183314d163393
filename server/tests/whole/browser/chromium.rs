//! A headless Chromium with an empty profile, driven over WebDriver; ended with the test.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Nothing but what the test does: no updates, no sync, no background requests.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    // The frame of the widget stays in the page's process, where the driver can look into it.
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process",
    "--autoplay-policy=no-user-gesture-required",
];

/// A running browser.
pub struct Browser {
    pub driver: WebDriver,
    _process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A fresh browser; `None` when this machine has none (in CI that fails the test).
    #[expect(clippy::print_stdout, reason = "the test command reads what was not measured")]
    pub async fn start(test: &str) -> Option<Self> {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut process) = spawned else {
            assert!(std::env::var_os("CI").is_none(), "chromedriver is missing");
            println!("not measured: {test}: chromedriver is missing");
            return None;
        };
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        let port: u16 = loop {
            let line = lines.next_line().await.expect("its output can be read").expect("it says its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().expect("a port");
            }
        };
        let profile = tempfile::tempdir().expect("tests can write to the temporary folder");
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).expect("an argument");
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).expect("an argument");
        wanted.add_arg("--window-size=1280,900").expect("an argument");
        wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All).expect("a preference");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.expect("Chromium starts");
        Some(Self { driver, _process: process, _profile: profile })
    }

    /// Opens an address and waits until its modules have run.
    pub async fn go(&self, address: &str) {
        self.driver.goto(address).await.expect("the page opens");
        self.until("document.readyState === 'complete'").await;
    }

    /// The value of an expression in the page.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        let answer = self.driver.execute(script, Vec::new()).await;
        answer.unwrap_or_else(|error| panic!("{expression}: {error}")).json().clone()
    }

    /// Waits until an expression in the page is true.
    pub async fn until(&self, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.value(&format!("!!({expression})")).await != Value::Bool(true) {
            if tokio::time::Instant::now() > deadline {
                let page = self.value("document.body.innerText").await;
                panic!("not within {PATIENCE:?}: {expression}\n{page:#}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Presses the first element of a selector.
    pub async fn press(&self, selector: &str) {
        let element = self.driver.find(By::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.scroll_into_view().await.expect("it can be scrolled to");
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types into the first element of a selector.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.driver.find(By::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.send_keys(text).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses a point, counted from the lower right corner: what stands in a closed shadow root has no selector.
    pub async fn press_from_corner(&self, left: i64, up: i64) {
        let width = self.value("innerWidth").await.as_i64().expect("a width");
        let height = self.value("innerHeight").await.as_i64().expect("a height");
        let chain = self.driver.action_chain().move_to(width - left, height - up).click();
        chain.perform().await.expect("the pointer moves and presses");
    }

    /// Types where the focus is, frames included.
    pub async fn type_here(&self, text: &str) {
        self.tools("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses Enter where the focus is.
    pub async fn enter(&self) {
        for kind in ["keyDown", "keyUp"] {
            let key =
                json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
            self.tools("Input.dispatchKeyEvent", key).await;
        }
    }

    /// One call of the developer tools' protocol.
    pub async fn tools(&self, command: &str, arguments: Value) -> Value {
        let answer = self.driver.cdp().send_raw(command, arguments).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The value of an expression in the first frame whose address holds `address`; `None` while there is none.
    pub async fn in_frame(&self, address: &str, expression: &str) -> Option<Value> {
        let tree = self.tools("Page.getFrameTree", json!({})).await;
        let frames = tree["frameTree"]["childFrames"].as_array()?;
        let frame = frames.iter().find(|frame| frame["frame"]["url"].as_str().unwrap_or_default().contains(address))?;
        let world = json!({ "frameId": frame["frame"]["id"], "worldName": "tests" });
        let context = self.tools("Page.createIsolatedWorld", world).await["executionContextId"].clone();
        let arguments =
            json!({ "contextId": context, "expression": expression, "returnByValue": true, "awaitPromise": true });
        Some(self.tools("Runtime.evaluate", arguments).await["result"]["value"].clone())
    }

    /// Waits until an expression is true in such a frame.
    pub async fn until_in_frame(&self, address: &str, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.in_frame(address, &format!("!!({expression})")).await != Some(Value::Bool(true)) {
            if tokio::time::Instant::now() > deadline {
                let words = self.in_frame(address, "document.body.innerText").await;
                panic!("not within {PATIENCE:?} in {address}: {expression}\n{words:#?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Keeps a picture under `target/screenshots`.
    pub async fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        self.driver.screenshot(&folder.join(format!("{name}.png"))).await.expect("a picture");
    }

    /// Everything that the console heard and should not have, refusals by a content policy included.
    pub async fn complaints(&self) -> Vec<String> {
        let heard = self.driver.browser_log().await.expect("the console can be read");
        let bad =
            heard.into_iter().filter(|entry| entry.level == "SEVERE" || entry.message.contains("Content Security"));
        bad.map(|entry| entry.message).collect()
    }
}
