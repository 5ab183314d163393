//! The audit log over the API: what happened is found, page by page, and each entry proves that it is in the signed tree.

use std::collections::BTreeSet;

use audit::entry::record_hash;
use audit::log::{HASH_LENGTH, Hash, verify_inclusion};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::organizations::key;
use crate::product::Product;

fn rows(page: &Value) -> Vec<Value> {
    page["data"].as_array().expect("rows").clone()
}

fn indexes(page: &Value) -> Vec<u64> {
    rows(page).iter().map(|row| row["index"].as_u64().expect("an index")).collect()
}

/// What a tlog-proof says: the index, the hashes from the leaf up, and the signed checkpoint.
fn parsed(proof: &str) -> (u64, Vec<Hash>, String) {
    let (head, checkpoint) = proof.split_once("\n\n").expect("an empty line before the checkpoint");
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let index = lines.next().and_then(|line| line.strip_prefix("index ")).expect("an index");
    let hash = |line: &str| Hash::try_from(STANDARD.decode(line).expect("base64")).expect("a hash");
    (index.parse().expect("a number"), lines.map(hash).collect(), checkpoint.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_finds_what_happened_and_proves_each_entry_itself() {
    let product = Product::start_with(&["--no-caller"]).await;
    let agent = product.facts.agent_id.as_str();
    let published = product.get("/v1/audit?action=agent.publish").await;
    let row = &rows(&published)[0];
    assert_eq!(rows(&published).len(), 1, "the demo publishes one agent: {published}");
    assert_eq!((&row["object"]["id"], &row["object"]["kind"]), (&agent.into(), &"agent".into()), "{row}");
    assert_eq!((&row["outcome"], &row["intact"]), (&"done".into(), &true.into()), "{row}");
    assert!(row["actor"]["words"].as_str().is_some_and(|words| words.starts_with("The ")), "{row}");
    let about = product.get(&format!("/v1/audit?object_id={agent}")).await;
    assert!(rows(&about).len() >= 2 && rows(&about).iter().all(|row| row["object"]["id"] == agent), "{about}");
    let both = product.get(&format!("/v1/audit?object_id={agent}&action=agent.publish")).await;
    assert_eq!(indexes(&both), indexes(&published));
    assert_eq!(indexes(&product.get(&format!("/v1/audit?object_id={agent}&action=key.create")).await), [0; 0]);

    // The key was written outside the database at the first start; whoever keeps a copy needs nothing else.
    let evidence = audit::Evidence::read(product.folder().join("audit")).await.expect("the log's own folder");
    let key = evidence.verifier_key.expect("a key");
    for row in rows(&about) {
        let address = format!("/v1/audit/{}/proof", row["index"]);
        let answer = product.api(Method::GET, &address).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        let (index, hashes, checkpoint) = parsed(&answer.text().await.expect("a proof"));
        let signed = key.open(&checkpoint).expect("signed with the log's key");
        let leaf = record_hash(row["record"].as_str().expect("the text of the leaf"));
        assert_eq!(leaf.len(), HASH_LENGTH);
        assert!(verify_inclusion(&leaf, index, signed.size, &hashes, &signed.root), "{row}");
        let other = record_hash(&row["record"].as_str().expect("text").replace("done", "refused"));
        assert!(!verify_inclusion(&other, index, signed.size, &hashes, &signed.root), "and nothing else is in it");
    }
    let looked = product.get("/v1/audit?action=audit.proof").await;
    assert_eq!(rows(&looked).len(), rows(&about).len(), "each proof taken away is an entry itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_log_go_back_to_its_first_entry_and_refusals_are_clear() {
    let product = Product::start_with(&["--no-caller"]).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = product.get(&format!("/v1/audit?limit=5{after}")).await;
        seen.extend(indexes(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert!(page["has_more"] == true && rows(&page).len() == 5, "{page}");
        after = format!("&after={cursor}");
    }
    // Each look is an entry above the pages that follow, so nothing is met twice and nothing is left out.
    let all: BTreeSet<u64> = indexes(&product.get("/v1/audit?limit=100").await).into_iter().collect();
    assert!(seen.len() > 10 && seen.is_sorted_by(|one, next| one > next), "{seen:?}");
    let missing: Vec<&u64> = all.range(..=seen[0]).filter(|index| !seen.contains(index)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    let long = format!("action={}", "a".repeat(65));
    for query in [
        "limit=0",
        "limit=101",
        "action=",
        "action=Agent%20publish",
        &long,
        "object_id=agent",
        "after=7",
        "actor=somebody",
    ] {
        let answer = product.api(Method::GET, &format!("/v1/audit?{query}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    for index in ["4000000000", "18446744073709551615", "18446744073709551616", "-1", "first"] {
        let answer = product.api(Method::GET, &format!("/v1/audit/{index}/proof")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{index}");
    }
    let manager = key(&product, None, "manager").await;
    for path in ["/v1/audit".to_owned(), format!("/v1/audit/{}/proof", seen[0])] {
        let asked = product.http.get(format!("{}{path}", product.facts.base_url)).bearer_auth(&manager);
        assert_eq!(asked.send().await.expect("an answer").status(), StatusCode::FORBIDDEN, "{path}");
    }
}
