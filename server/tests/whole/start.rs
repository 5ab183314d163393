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
