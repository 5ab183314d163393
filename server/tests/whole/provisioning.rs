//! Provisioning as a directory meets it: an outside conformance client asks the running product, and a leaver is out at once.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::product::Product;

/// The client asks some hundred times; longer than this is a fault.
const LIMIT: Duration = Duration::from_secs(20);
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole/provisioning/conformance.py");
/// Checks that must have succeeded at least, so that an empty list is no success.
const FEWEST_CHECKS: u64 = 25;

/// A key for a directory, made as its Owner makes one.
async fn key(product: &Product) -> String {
    let cookie = product.sign_in().await;
    let request = product.http.post(format!("{}/v1/provisioning/keys", product.facts.base_url));
    let request = request
        .header("origin", &product.facts.base_url)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("ringfence_session={cookie}"))
        .header(web::form_token::HEADER, web::FormToken::of_session(&cookie).as_str());
    let made = request.json(&serde_json::json!({"name": "conformance"})).send().await.expect("an answer");
    assert_eq!(made.status(), 201, "{:?}", made.text().await);
    let made: serde_json::Value = made.json().await.expect("JSON");
    made["secret"].as_str().expect("a key").to_owned()
}

/// A Python that has the client; `None` where it is not installed.
async fn python() -> Option<String> {
    let python = std::env::var("RINGFENCE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let check = ["-c", "import scim2_tester, httpx2"];
    let found = Command::new(&python).args(check).stderr(Stdio::null()).status().await;
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "RINGFENCE_PYTHON must name a Python with scim2-tester");
    println!("not measured: provisioning conformance: no Python with scim2-tester");
    None
}

#[tokio::test]
async fn a_conformance_client_finds_nothing() {
    let Some(python) = python().await else { return };
    let product = Product::start_unhurried().await;
    let key = key(&product).await;
    let mut client = Command::new(python)
        .args([CLIENT, &format!("{}/scim/v2", product.facts.base_url)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut input = client.stdin.take().expect("piped");
    input.write_all(format!("{key}\n").as_bytes()).await.expect("it reads");
    drop(input);
    let output =
        tokio::time::timeout(LIMIT, client.wait_with_output()).await.expect("it ends in time").expect("it ran");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (counts, findings) = lines.split_last().expect("counts");
    // What it skips is what this server says it does not do.
    let faults: Vec<_> = findings.iter().filter(|finding| finding["status"] != "SKIPPED").collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let succeeded = counts["counts"]["SUCCESS"].as_u64().unwrap_or(0);
    assert!(succeeded >= FEWEST_CHECKS, "{counts}");
    println!("measured: provisioning conformance: {counts}");
}
