//! Every command of the README and the guide, run as its reader would run it, and every block of settings.
//!
//! In `console` blocks a line that starts with `$ ` is a command and what follows it is what it shows (`…` stands for
//! anything); in `sh` blocks every line is a command. All commands of a page run in one shell, so that variables last. What
//! differs from a reader's machine stands in [`Desk::here`] alone: which program is run, which ports are free, and folders
//! outside the current one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::product::{Facts, binary, run_in};

/// A page's commands must be done within this time; a scenario takes over a minute.
const PAGE_LIMIT: Duration = Duration::from_mins(5);
/// A node must serve, or end, within this time.
const NODE_LIMIT: Duration = Duration::from_secs(90);
/// A root key for settings that take it from elsewhere.
const ROOT_KEY: &str = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";

/// The command that runs this very test, and so is run whenever this is.
const RUNS_THIS: &str = "cargo xtask test";

/// A command and the lines that the page shows below it.
#[derive(Debug)]
struct Shown {
    line: String,
    shows: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a page; none when there is no such page.
fn text(page: &str) -> Option<String> {
    std::fs::read_to_string(root().join(page)).ok()
}

/// Every page: the README and all files of the guide.
fn pages() -> Vec<String> {
    let guide = std::fs::read_dir(root().join("docs/guide")).expect("there is a guide");
    let names = guide.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
    let mut pages: Vec<String> = names.map(|name| format!("docs/guide/{name}")).collect();
    pages.push("README.md".to_owned());
    pages
}

/// The blocks of a language, each as its lines.
fn blocks<'a>(text: &'a str, languages: &[&str]) -> Vec<Vec<&'a str>> {
    let (mut blocks, mut open): (Vec<Vec<&str>>, Option<bool>) = (Vec::new(), None);
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), open) {
            (Some(language), None) => {
                let wanted = languages.contains(&language);
                open = Some(wanted);
                if wanted {
                    blocks.push(Vec::new());
                }
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => blocks.last_mut().expect("a block is open").push(line.trim()),
            (None, _) => {}
        }
    }
    blocks
}

fn commands(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for block in blocks(text, &["sh", "console"]) {
        let has_prompts = block.iter().any(|line| line.starts_with("$ "));
        for line in block {
            match line.strip_prefix("$ ") {
                Some(line) => commands.push(Shown { line: line.to_owned(), shows: Vec::new() }),
                None if has_prompts => {
                    commands.last_mut().expect("a command stands first").shows.push(line.to_owned());
                }
                None if line.is_empty() || line.starts_with('#') => {}
                None => commands.push(Shown { line: line.to_owned(), shows: Vec::new() }),
            }
        }
    }
    commands
}

/// Does the line fit the pattern, in which `…` stands for anything?
fn fits(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return line == *first;
    }
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in &parts[1..parts.len() - 1] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Names the first line that the page shows and the command did not print, in this order.
fn missing<'a>(shows: &'a [String], printed: &str) -> Option<&'a String> {
    let mut lines = printed.lines();
    shows.iter().find(|pattern| !lines.any(|line| fits(pattern, line.trim_end())))
}

/// Is it a command that serves until it is ended?
fn serves(line: &str) -> bool {
    line.starts_with("cargo run --release -- demo") || line.starts_with("ringfence serve")
}

/// A reader's desk: a folder to work in, the program within reach, a running node.
struct Desk {
    scratch: tempfile::TempDir,
    facts: Option<Facts>,
}

impl Desk {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
        let desk = Self { scratch, facts: None };
        for folder in ["bin", "safe", "etc"] {
            std::fs::create_dir(desk.path().join(folder)).expect("made");
        }
        std::os::unix::fs::symlink(binary(), desk.path().join("bin/ringfence")).expect("linked");
        desk.file("bin/print-key", &format!("#!/bin/sh\necho {ROOT_KEY}\n"), 0o700);
        desk.file("etc/ringfence-root", ROOT_KEY, 0o600);
        desk.file("etc/root.key", ROOT_KEY, 0o600);
        desk.file("etc/trunk.password", "made up for this test\n", 0o600);
        let issuer = edge::tls::testing::TestIssuer::new("test");
        let pair = issuer.issue_lasting(&["ringfence.example.com"]);
        desk.file("etc/certificate.pem", &pair.chain, 0o644);
        desk.file("etc/key.pem", &pair.key, 0o600);
        desk.file("etc/authority.pem", &issuer.root(), 0o644);
        // The one address that has neither an option nor a variable.
        desk.file("settings-of-tests.toml", "admin = \"127.0.0.1:0\"\n", 0o600);
        desk
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("ours");
    }

    /// Everything in which this machine differs from the reader's.
    fn here(&self, text: &str) -> String {
        let mut text = text
            .replace("cargo run --release --", "ringfence")
            .replace("/somewhere/safe", &self.path().join("safe").display().to_string())
            // No test asks a real authority, and none takes port 80.
            .replace("[tls.acme]", "[tls.acme]\ndirectory = \"https://127.0.0.1:1/directory\"")
            .replace("0.0.0.0:80\"", "127.0.0.1:0\"")
            .replace("/etc/ringfence", &self.path().join("etc").display().to_string())
            .replace("/usr/local/bin", &self.path().join("bin").display().to_string());
        if let Some(facts) = &self.facts {
            text = text.replace("127.0.0.1:8080", http(facts)).replace("127.0.0.1:5060", sip(facts));
        }
        text
    }

    /// A command in this folder, with the program first in the path. Ports that are not named are any that are free.
    fn command(&self, program: &str) -> Command {
        let path = format!("{}:{}", self.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let any = "127.0.0.1:0";
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("PATH", path).stdin(Stdio::null()).kill_on_drop(true);
        command.env("CREDENTIALS_DIRECTORY", self.path().join("etc")).env("RINGFENCE_ROOT_KEY", ROOT_KEY);
        command.env("RINGFENCE_SETTINGS", self.path().join("settings-of-tests.toml")).env("RUST_LOG", "warn");
        command.env("RINGFENCE_HTTP", self.facts.as_ref().map_or(any, http));
        command.env("RINGFENCE_SIP", self.facts.as_ref().map_or(any, sip));
        command
    }

    /// Starts a command that serves and waits for a line of its output that holds `word`.
    async fn serve(&self, line: &str, word: &str) -> (Child, String) {
        let mut command = self.command("bash");
        command.arg("-c").arg(format!("exec {}", self.here(line))).stdout(Stdio::piped());
        let mut child = command.spawn().expect("bash starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut printed = String::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("readable") {
                printed.push_str(&line);
                printed.push('\n');
                if line.contains(word) {
                    return;
                }
            }
            panic!("`{line}` ended by itself:\n{printed}");
        };
        tokio::time::timeout(NODE_LIMIT, ready).await.expect("it serves in time");
        // The rest is read on, so that a full pipe never stops the node.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        (child, printed)
    }

    /// Runs a page's commands in one shell and holds what they print against what the page shows.
    async fn run(&self, page: &str, commands: &[&Shown]) {
        let script: Vec<String> = commands
            .iter()
            .enumerate()
            .map(|(number, command)| {
                let line = self.here(&command.line);
                format!("{{ {line}\n}} > out.{number} 2>&1; echo $? > code.{number}\n")
            })
            .collect();
        let running = self.command("bash").arg("-c").arg(script.concat()).status();
        tokio::time::timeout(PAGE_LIMIT, running).await.expect("the page is done in time").expect("bash runs");
        for (number, command) in commands.iter().enumerate() {
            let read = |name: &str| std::fs::read_to_string(self.path().join(format!("{name}.{number}"))).expect(name);
            let (code, printed) = (read("code"), read("out"));
            assert_eq!(code.trim(), "0", "{page}: `{}` failed:\n{printed}", command.line);
            let missing = missing(&command.shows, &printed);
            assert!(missing.is_none(), "{page}: `{}` does not show {missing:?}, but:\n{printed}", command.line);
        }
    }
}

fn http(facts: &Facts) -> &str {
    facts.base_url.trim_start_matches("http://")
}

fn sip(facts: &Facts) -> &str {
    facts.sip_uri.rsplit('@').next().expect("an address")
}

/// Asks a node to end and sees that it ends well.
async fn end(mut node: Child) {
    let process = node.id().expect("it runs").to_string();
    let asked = Command::new("kill").args(["-TERM", &process]).status().await.expect("kill runs");
    assert!(asked.success());
    let status = tokio::time::timeout(NODE_LIMIT, node.wait()).await.expect("it ends in time").expect("it ran");
    assert!(status.success(), "an end that was asked for is exit code 0, not {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_the_page_says() {
    let mut desk = Desk::new();
    let first = "docs/guide/first-five-minutes.md";
    let line = &commands(&text(first).expect("the page"))[0].line;
    let (demo, _) = desk.serve(line, "For programs").await;
    let facts = std::fs::read(desk.path().join("demo-data/demo.json")).expect("the demo wrote it");
    desk.facts = Some(serde_json::from_slice(&facts).expect("facts"));
    // Its backup is made when nothing runs, as the page says.
    let last = "docs/guide/keys-and-backups.md";
    // And this one locks the organization.
    let locks = "docs/guide/people-and-sign-in.md";
    for page in pages().iter().filter(|page| *page != last && *page != locks) {
        let shown = commands(&text(page).unwrap_or_default());
        let commands: Vec<&Shown> =
            shown.iter().filter(|shown| !serves(&shown.line) && shown.line != RUNS_THIS).collect();
        desk.run(page, &commands).await;
    }
    end(demo).await;
    for page in [last, locks] {
        let shown = commands(&text(page).expect("the page"));
        desk.run(page, &shown.iter().collect::<Vec<_>>()).await;
    }
}

/// The settings of a block: as it stands, and with each line that is commented out in place of the one of its name.
fn variants(block: &[&str]) -> Vec<String> {
    let standing: Vec<&str> = block.iter().filter(|line| !line.starts_with('#')).copied().collect();
    let mut variants = vec![standing.join("\n")];
    for other in block.iter().filter_map(|line| line.strip_prefix("# ")) {
        let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let kept = standing.iter().filter(|line| name(line) != name(other)).copied();
        variants.push(kept.chain([other]).collect::<Vec<_>>().join("\n"));
    }
    variants
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_of_settings_serves_and_is_sound() {
    let mut served = 0;
    for page in pages() {
        let page_text = text(&page).unwrap_or_default();
        for settings in blocks(&page_text, &["toml"]).iter().flat_map(|block| variants(block)) {
            let desk = Desk::new();
            desk.file("settings.toml", &format!("admin = \"127.0.0.1:0\"\n{}", desk.here(&settings)), 0o600);
            let (node, printed) = desk.serve("ringfence serve --settings settings.toml", "/first-owner").await;
            let (code, told) = run_in(&mut desk.command("ringfence"), &["doctor", "--settings", "settings.toml"]).await;
            assert_eq!(code, Some(0), "{page}:\n{settings}\n{told}\n{printed}");
            end(node).await;
            served += 1;
        }
    }
    assert!(served >= 6, "only {served} sets of settings were found");
}

/// What the page about TLS says about names: the public one is answered, a foreign one is not.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_public_name_alone_is_answered() {
    let desk = Desk::new();
    let page = text("docs/guide/tls.md").expect("the page");
    let blocks = blocks(&page, &["toml"]);
    let behind = blocks.iter().find(|block| block.iter().any(|line| line.starts_with("trusted_proxies")));
    let settings = &behind.expect("the block of the proxy").join("\n");
    desk.file("settings.toml", &format!("admin = \"127.0.0.1:0\"\n{settings}"), 0o600);
    let (node, printed) = desk.serve("ringfence serve --settings settings.toml", "/first-owner").await;
    let listening = printed.split("listening on ").nth(1).and_then(|rest| rest.split(')').next()).expect("printed");
    assert!(printed.contains("https://ringfence.example.com/first-owner"), "{printed}");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (name, status) in [("ringfence.example.com", 200), ("evil.example", 421), ("localhost", 200)] {
        let answer =
            http.get(format!("http://{listening}/livez")).header("host", name).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{name}");
    }
    end(node).await;
}

#[test]
fn pages_are_read_as_a_person_reads_them() {
    let page =
        "```console\n$ ringfence doctor\nok …\n$ x\n```\ntext\n```sh\n# said\ny\n```\n```toml\na = 1\n# a = 2\n```\n";
    let shown = commands(page);
    let lines: Vec<&str> = shown.iter().map(|shown| shown.line.as_str()).collect();
    assert_eq!(
        (lines.as_slice(), shown[0].shows.as_slice()),
        (["ringfence doctor", "x", "y"].as_slice(), ["ok …".to_owned()].as_slice())
    );
    assert_eq!(variants(&blocks(page, &["toml"])[0]), ["a = 1", "a = 2"]);
    assert!(fits("a … c", "a b c") && fits("…", "") && fits("x…", "xy") && !fits("a … c", "a b d") && !fits("a", "ab"));
    let shows = ["one…".to_owned(), "three".to_owned()];
    assert_eq!(missing(&shows, "zero\none two\nthree\n"), None);
    assert_eq!(missing(&shows, "three\none two\n"), Some(&shows[1]));
}
