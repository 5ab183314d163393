//! Whatever is thrown at it: a clear problem, a living process, no panic in its log, and nothing lost.

mod bodies;
pub mod files;
mod signalling;
mod wire;

use reqwest::Response;
use serde_json::Value;

use crate::product::Product;

/// Fails the test unless the answer is a refusal that says what was wrong.
async fn is_clear_refusal(what: &str, answer: Response, faults: &mut Vec<String>) {
    let (status, media_type) = (answer.status(), answer.headers().get("content-type").cloned());
    let text = answer.text().await.unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_problem = media_type.is_some_and(|kind| kind == "application/problem+json")
        && problem["status"] == status.as_u16()
        && problem["title"].as_str().is_some_and(|title| !title.is_empty())
        && problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:"));
    if !status.is_client_error() || !is_problem {
        faults.push(format!("{what}: {status} {text}"));
    }
}

/// The product still serves, as the same process, and nothing in its log speaks of a fault of its own.
async fn stands(product: &Product, process: u32) {
    let ready = product.http.get(format!("{}/readyz", product.facts.base_url)).send().await.expect("it answers");
    assert_eq!(ready.status(), 200);
    assert_eq!(product.process(), process, "it is the same process");
    let log = product.log();
    let bad: Vec<&str> = log.lines().filter(|line| line.contains("panicked") || line.contains("\"ERROR\"")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
