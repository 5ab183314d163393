//! What a newcomer sees first.

use crate::product::{Product, run};

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
