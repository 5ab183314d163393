//! An organization that lets in listed networks only, and the way back in from the machine itself.

use reqwest::Method;
use serde_json::json;

use crate::product::{Product, run};

const LISTS: &str = "/v1/settings/allowlist";

#[tokio::test]
async fn who_is_shut_out_gets_back_in_from_the_machine() {
    let product = Product::start_with(&["--no-caller"]).await;
    let cookie = format!("ringfence_session={}", product.sign_in().await);
    let status = async || {
        let page = product.http.get(format!("{}/settings/networks", product.facts.base_url)).header("cookie", &cookie);
        let answer = page.header("accept", "text/html").send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    assert_eq!(status().await.0, 200);
    let put = async |dashboard: &[&str], api: &[&str]| {
        let lists = json!({ "dashboard": dashboard, "api": api });
        let answer = product.api(Method::PUT, LISTS).json(&lists).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let (refused, words) = put(&[], &["203.0.113.0/24"]).await;
    assert!(refused == 409 && words.contains("would shut out 127.0.0.1"), "{refused} {words}");
    assert_eq!(put(&["203.0.113.0/24"], &[]).await.0, 200, "a program may shut out the dashboard, not itself");
    let (shut_out, words) = status().await;
    assert!(shut_out == 403 && words.contains("127.0.0.1 is in none of them"), "{shut_out} {words}");
    let folder = product.folder().display().to_string();
    let organization = product.get("/v1/organization").await["id"].as_str().map(str::to_owned);
    let mut arguments = vec!["organization", "allowlist", "clear", "--data-dir", &folder];
    arguments.extend(organization.iter().flat_map(|id| ["--organization", id.as_str()]));
    let (code, said) = run(&arguments).await;
    assert!(code == Some(0) && said.contains("dashboard: every address"), "{code:?} {said}");
    assert_eq!(status().await.0, 200, "at once, without a restart");
    let audit = product.http.get(format!("{}/audit", product.facts.base_url)).header("cookie", &cookie);
    let audited = audit.send().await.expect("an answer").text().await.expect("a page");
    assert!(audited.contains("allowlist.clear") && audited.contains("allowlist.update"), "{audited}");
}
