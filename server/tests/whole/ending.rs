//! How a node ends, and that looking at its data meanwhile disturbs nothing.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::product::{Product, binary, run};

/// A call that would go on for longer than the test.
async fn call(product: &Product) -> tokio::process::Child {
    let mut phone = Command::new(binary());
    phone.args(["call", &product.facts.sip_uri, "--seconds", "90", "--json"]).stdout(Stdio::piped());
    let child = phone.kill_on_drop(true).spawn().expect("the phone starts");
    for _ in 0..100 {
        if newest_call(product).await["state"] == "live" {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no call came in: {}", newest_call(product).await);
}

async fn newest_call(product: &Product) -> Value {
    product.get("/v1/calls").await["data"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_lets_calls_finish_and_the_second_ends_at_once() {
    let mut product = Product::start_with(&["--no-caller"]).await;
    let phone = call(&product).await;
    product.ask_to_end().await;
    assert!(product.end_within(Duration::from_secs(3)).await.is_none(), "a call goes on");
    product.ask_to_end().await;
    let status = product.end_within(Duration::from_secs(10)).await.expect("it ends at once");
    assert!(status.success(), "{status}");
    let heard = phone.wait_with_output().await.expect("the phone ends");
    let heard: Value = serde_json::from_slice(&heard.stdout).expect("JSON");
    assert!(heard["answered"] == true && heard["reason"] == "hung_up", "the caller was hung up on: {heard}");
    let again = Product::start_in(product.folder(), &["--no-caller"]).await;
    let call = newest_call(&again).await;
    assert!(call["state"] == "ended" && call["end_reason"] == "shutdown", "{call}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_the_data_of_a_running_node_leaves_its_calls_alone() {
    let product = Product::start_with(&["--no-caller"]).await;
    let mut phone = call(&product).await;
    let folder = product.folder().display().to_string();
    for words in [&["verify", "--data-dir", &folder][..], &["audit", "verify", "--data-dir", &folder]] {
        let (code, text) = run(words).await;
        assert_eq!(code, Some(0), "{words:?}: {text}");
    }
    assert_eq!(newest_call(&product).await["state"], "live");
    phone.kill().await.expect("the phone runs");
}
