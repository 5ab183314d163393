//! Proofs from the command line: a stored conversation steps again to the same effects, every promise is probed, and what was
//! tampered with is named.

use std::path::Path;

use crate::product::{Product, UNHURRIED, run};
use crate::visitor::{Person, Visitor};

fn folder(product: &Product) -> String {
    product.folder().to_str().expect("a plain path").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_conversation_steps_again_to_the_same_effects() {
    let product = Product::start_with(&["--no-caller"]).await;
    let visitor = Visitor::open(&product, 3).await;
    visitor.say("How much is a cleaning?").await;
    let person = Person { name: "Ada Byron", phone: "+441174960001", email: "", wish: "" };
    visitor.book(&person).await;
    let folder = folder(&product);
    let arguments = ["verify", "replay", visitor.conversation_id.as_str(), "--data-dir", &folder];
    let (code, text) = run(&arguments).await;
    assert_eq!(code, Some(0), "{text}");
    println!("{}", text.lines().last().unwrap_or_default());
    // It tells the conversations apart: there is none of this id, and the exit code says so.
    let (code, text) = run(&["verify", "replay", "0190f000-0000-7000-8000-000000000000", "--data-dir", &folder]).await;
    assert_eq!(code, Some(2), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_is_probed_beside_the_running_server() {
    let product = Product::start_with(&["--no-caller"]).await;
    let (code, text) = run(&["verify", "--data-dir", &folder(&product)]).await;
    assert_eq!(code, Some(0), "{text}");
    let trust = product.http.get(format!("{}/trust.json", product.facts.base_url)).send().await.expect("an answer");
    let trust: serde_json::Value = trust.json().await.expect("JSON");
    let promises = trust["promises"].as_array().expect("a list");
    let probed = promises.iter().filter(|promise| promise["probe"].is_string());
    let not_holding: Vec<&str> =
        probed.filter(|promise| promise["state"] != "holds").filter_map(|promise| promise["id"].as_str()).collect();
    // Nobody has named a list of releases to a fresh installation. Everything else that has a probe holds, measured here.
    assert_eq!(not_holding, ["patched"], "{text}");
}

/// Controls that are switched off on the product itself, not in a stand-in: the page says so, and so does the exit code.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_without_firewall_and_limits_calls_both_promises_broken() {
    let product = Product::start_settled(&format!("firewall = \"off\"\n{UNHURRIED}organization_factor = 100\n")).await;
    let settings = product.settings().expect("it was started with settings").display().to_string();
    let (code, text) = run(&["verify", "--data-dir", &folder(&product), "--settings", &settings]).await;
    assert_eq!(code, Some(1), "{text}");
    let trust = product.http.get(format!("{}/trust.json", product.facts.base_url)).send().await.expect("an answer");
    let trust: serde_json::Value = trust.json().await.expect("JSON");
    let promises = trust["promises"].as_array().expect("a list");
    let broken = promises.iter().filter(|promise| promise["state"] == "broken");
    let broken: Vec<&str> = broken.filter_map(|promise| promise["id"].as_str()).collect();
    assert_eq!(broken, ["rate-limit", "firewall"], "{text}");
}

/// Changes one row of the embedded database behind the product's back.
fn tamper(folder: &Path, statement: &str) -> usize {
    let database = rusqlite::Connection::open(folder.join("ringfence.db")).expect("a database");
    database.execute(statement, []).expect("a statement")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_entry_of_the_audit_log_is_named() {
    let product = Product::start_with(&["--no-caller"]).await;
    let (folder, _scratch) = product.end_orderly().await;
    let path = folder.to_str().expect("a plain path").to_owned();
    let verify = ["audit", "verify", "--data-dir", &path];
    let (code, text) = run(&verify).await;
    assert_eq!(code, Some(0), "{text}");
    let changed = "update audit_entry set record = replace(record, 'agent.publish', 'agent.forget') \
                   where record like '%agent.publish%'";
    assert_eq!(tamper(&folder, changed), 1);
    let database = rusqlite::Connection::open(folder.join("ringfence.db")).expect("a database");
    let asked = "select position from audit_entry where record like '%agent.forget%'";
    let position: i64 = database.query_row(asked, [], |row| row.get(0)).expect("the row");
    let (code, text) = run(&verify).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&position.to_string()) && text.contains("NOT whole"), "row {position}: {text}");
    // Put back as it was, it is whole again; taken away, it is not.
    let back = "update audit_entry set record = replace(record, 'agent.forget', 'agent.publish') \
                where record like '%agent.forget%'";
    assert_eq!(tamper(&folder, back), 1);
    assert_eq!(run(&verify).await.0, Some(0));
    assert_eq!(tamper(&folder, &format!("delete from audit_entry where position = {position}")), 1);
    let (code, text) = run(&verify).await;
    assert_eq!(code, Some(1), "{text}");
}
