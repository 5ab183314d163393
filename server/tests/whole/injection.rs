//! Texts that try to be markup, SQL or addresses within the network: they stay texts, wherever they are stored and shown.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::forms::every_page;
use crate::product::Product;
use crate::visitor::Visitor;

/// Marks that every attempt carries, so that it is found again.
const MARK: &str = "quince";

/// Markup that would run: elements, attributes, addresses, broken quotes, what closes other elements first.
const MARKUP: [&str; 16] = [
    "<script>quince()</script>",
    "\"><script>quince()</script>",
    "'><img src=x onerror=quince()>",
    "<svg onload=quince()>",
    "<svg><animate onbegin=quince() attributeName=x>",
    "<iframe srcdoc='<script>quince()</script>'>",
    "</title><script>quince()</script>",
    "</textarea><img src=x onerror=quince()>",
    "<a href=\"javascript:quince()\">x</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=quince()>",
    "<details open ontoggle=quince()>",
    "<form action=javascript:quince()><button>x",
    "{{ quince }} {% include \"quince\" %}",
    "<scr<script>ipt>quince()</scr</script>ipt>",
    "&lt;script&gt;quince()&lt;/script&gt;",
    "<!--><script>quince()</script-->",
];

/// SQL that would end a statement, widen a condition or wait.
const SQL: [&str; 10] = [
    "quince'; drop table contact; --",
    "quince' or '1'='1",
    "quince\" or \"\"=\"",
    "quince'); delete from membership; --",
    "quince' union select password from user_account --",
    "quince'||pg_sleep(10)||'",
    "quince\\'; drop table session; --",
    "quince' and 1=randomblob(100000000) --",
    "$1 quince ?1 :quince",
    "quince%' escape '\\",
];

/// Addresses within the network, in every disguise that a client of ours might take for public.
/// Names are resolved when they are fetched, and refused then; these are refused as they are written.
const INTERNAL: [&str; 15] = [
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://user@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
];

/// Whether the page holds an element or an attribute that came out of a text.
fn runs(markup: &str) -> Option<String> {
    let lower = markup.to_ascii_lowercase();
    let around = |at: usize| lower[at.saturating_sub(60)..(at + 60).min(lower.len())].to_owned();
    for (at, _) in lower.match_indices(MARK) {
        let before = &lower[..at];
        // A tag that is open here, or a script element: both begin with a `<` that was not escaped.
        let open = before.rfind('<').filter(|start| before.rfind('>').is_none_or(|end| end < *start));
        let in_tag = open.is_some_and(|start| {
            let tag = &before[start..];
            // Within a quoted attribute value it is still a text.
            tag.matches('"').count().is_multiple_of(2)
        });
        let in_script = before.rfind("<script").is_some_and(|start| !before[start..].contains("</script"));
        let is_address = before.ends_with("=\"javascript:");
        if in_tag || in_script || is_address {
            return Some(around(at));
        }
    }
    None
}

/// Who works there, without when they were seen last.
async fn members(product: &Product) -> serde_json::Value {
    let mut members = product.get("/v1/members").await;
    for member in members["data"].as_array_mut().expect("a list") {
        member["seen_at"] = serde_json::Value::Null;
    }
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_texts_stay_texts() {
    let product = Product::start_with(&["--no-caller"]).await;
    let cookie = format!("ringfence_session={}", product.sign_in().await);
    let before = members(&product).await;
    let visitor = Visitor::open(&product, 7).await;
    for text in MARKUP.iter().chain(&SQL) {
        let made =
            product.api(Method::POST, "/v1/contacts").json(&json!({ "name": text })).send().await.expect("taken");
        let (status, contact): (_, serde_json::Value) = (made.status(), made.json().await.expect("JSON"));
        assert_eq!((status.as_u16(), contact["name"].as_str()), (201, Some(*text)), "it comes back as it was");
        let id = contact["id"].as_str().expect("an id");
        assert_eq!(product.get(&format!("/v1/contacts/{id}")).await["name"].as_str(), Some(*text));
        visitor.try_to_say(text).await;
    }
    for text in MARKUP.iter().take(4) {
        let widget = json!({ "name": text, "agent_id": product.facts.agent_id, "origins": [] });
        let made = product.api(Method::POST, "/v1/widgets").json(&widget).send().await.expect("an answer");
        assert_eq!(made.status(), 201, "{text}");
    }
    let (mut shown, mut faults) = (0, BTreeSet::new());
    for (path, markup) in every_page(&product, &cookie).await {
        shown += markup.matches(MARK).count();
        faults.extend(runs(&markup).map(|around| format!("{path}: {around}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(shown >= 30, "the texts were shown: {shown}");
    assert_eq!(members(&product).await, before, "nobody came and nobody went");
}

#[tokio::test]
async fn conditions_are_not_widened_and_addresses_within_are_not_fetched() {
    let product = Product::start_with(&["--no-caller"]).await;
    for text in SQL {
        let query: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("/v1/contacts?after={query}"),
            format!("/v1/contacts/{query}"),
            format!("/v1/agents?limit={query}"),
        ] {
            let answer = product.api(Method::GET, &path).send().await.expect("an answer");
            assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
        }
    }
    let urls = format!("/v1/agents/{}/knowledge/urls", product.facts.agent_id);
    for url in INTERNAL {
        let answer = product.api(Method::POST, &urls).json(&json!({ "url": url, "attested": true })).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 422, "{url}: {}", answer.text().await.unwrap_or_default());
    }
}

#[test]
fn the_judge_of_pages_sees_what_would_run() {
    for bad in MARKUP.iter().take(12) {
        assert!(runs(&format!("<p>{bad}</p>")).is_some(), "{bad}");
    }
    for good in ["<p>&lt;script&gt;quince()&lt;/script&gt;</p>", "<input value=\"&#60;quince\">", "<p>quince</p>"] {
        assert_eq!(runs(good), None, "{good}");
    }
}
