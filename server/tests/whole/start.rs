//! What a newcomer sees first.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::product::{Product, binary, run, run_in};

/// How long the demo may take until it has said everything.
const WELCOME_LIMIT: Duration = Duration::from_mins(1);
/// Folders of programs on a machine where nothing of ours is installed.
const BARE_PATH: &str = "/usr/bin:/bin";

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_starts_and_its_facts_hold() {
    let product = Product::start().await;
    let agents = product.get("/v1/agents").await;
    assert_eq!(agents["data"][0]["id"], product.facts.agent_id.as_str());
    let without = product.http.get(format!("{}/v1/agents", product.facts.base_url)).send().await.expect("an answer");
    assert_eq!(without.status(), 401);
    assert_eq!(without.headers()["content-type"], "application/problem+json");
    let mode = {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(product.folder().join("demo.json")).expect("it stands").permissions().mode() & 0o777
    };
    assert_eq!(mode, 0o600);
    assert!(product.facts.sip_uri.starts_with("sip:practice@127.0.0.1:"), "{}", product.facts.sip_uri);
    assert!(product.facts.sign_in_url.contains("/sign-in/link#") && product.facts.owner_email.contains('@'));
    let customer = product.http.get(&product.facts.customer_url).send().await.expect("the sample page");
    let page = customer.text().await.expect("a page");
    assert!(
        page.contains(&product.facts.embed_token) && page.contains(&format!("{}/widget.js", product.facts.base_url))
    );
}

/// Starts the demo as somebody at a terminal does, and reads what it prints up to how to stop it.
async fn welcomed(folder: &Path, arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(binary())
        .args(["demo", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--data-dir"])
        .arg(folder)
        .args(arguments)
        .env("PATH", BARE_PATH)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let mut said = String::new();
    let read = async {
        while !said.contains("Stop with Ctrl-C") {
            let line = lines.next_line().await.expect("text").unwrap_or_else(|| panic!("it ended: {said}"));
            said.push_str(&(line + "\n"));
        }
    };
    tokio::time::timeout(WELCOME_LIMIT, read).await.expect("the demo opens");
    (child, said)
}

/// Nothing of ours is on the `PATH`, as after `cargo run`: the command that the terminal shows runs all the same, and what it
/// says of calls is so.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_terminal_shows_to_try_runs_as_it_stands() {
    let scratch = tempfile::tempdir().expect("tests can write to the temporary folder");
    let folder = scratch.path().join("data");
    let (mut first, said) = welcomed(&folder, &["--no-caller"]).await;
    assert!(!said.contains("simulated"), "nobody calls: {said}");
    let (_, operators) = said.split_once("Operators    ").expect("where operators sign in");
    let page = reqwest::get(operators.lines().next().expect("an address")).await.expect("an answer");
    assert!(page.status().is_success() && page.text().await.expect("a page").contains("<form"), "{said}");
    let line = said.lines().find(|line| line.contains(" --scenario ")).expect("a call to try");
    let (_, command) = line.split_once(":  ").expect("the command behind its words");
    // As it stands, but for hanging up early: the whole scenario takes over a minute.
    let short = format!("{command} --seconds 3");
    let (code, heard) = run_in(Command::new("/bin/sh").env("PATH", BARE_PATH), &["-c", &short]).await;
    assert!(code == Some(0) && heard.contains("answered after"), "{short}: {code:?} {heard}");
    first.kill().await.expect("it runs");

    let (mut second, said) = welcomed(&folder, &[]).await;
    assert!(!said.contains("simulated"), "the simulated caller calls at the first start only: {said}");
    second.kill().await.expect("it runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_and_ready_are_public_and_say_nothing_else() {
    let product = Product::start().await;
    for path in ["/livez", "/readyz"] {
        let answer = product.http.get(format!("{}{path}", product.facts.base_url)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().await.expect("a body").len() < 20, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_exit_code_2_and_a_key_in_an_argument_is_refused() {
    assert_eq!(run(&["demo", "--no-such-option"]).await.0, Some(2));
    let (code, text) = run(&["call", "sip:x@127.0.0.1", "--digits", "rf_live_0123456789abcdef0123456789abcdef"]).await;
    assert_eq!(code, Some(2));
    assert!(!text.contains("0123456789abcdef"), "the complaint must not repeat the key: {text}");
}

/// The names of the commands that this part of the command line has, as its help lists them.
async fn commands_of(path: &[String]) -> Vec<String> {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let (_, help) = run(&arguments).await;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A name stands at the start of its line; what follows on other lines is the description.
    let names = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_command_refuses_a_key_in_an_argument_and_does_not_repeat_it() {
    let key = format!("rf_test_{}_{}", "0".repeat(26), "k".repeat(59));
    let mut paths: Vec<Vec<String>> = vec![Vec::new()];
    let mut refused = 0;
    while let Some(path) = paths.pop() {
        paths.extend(commands_of(&path).await.into_iter().map(|name| [path.clone(), vec![name]].concat()));
        for word in [key.clone(), format!("--name={key}"), format!("--data-dir=/tmp/{key}")] {
            let arguments: Vec<&str> = path.iter().map(String::as_str).chain([word.as_str()]).collect();
            let (code, text) = run(&arguments).await;
            assert_eq!(code, Some(2), "{path:?}: {text}");
            assert!(text.contains("API key") && !text.contains("kkkk"), "{path:?}: {text}");
            refused += 1;
        }
    }
    assert!(refused > 3 * 10, "only {refused} tries: are the commands still listed as they were?");
}
