//! Whoever leaves takes with them what they made: on the running product, with the real widgets, visitors and keys.

use reqwest::Method;
use serde_json::{Value, json};

use crate::organizations::Member;
use crate::product::Product;
use crate::visitor::Visitor;

/// The answer to a request as JSON; any other status than this one fails the test.
async fn sent(request: reqwest::RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.expect("an answer");
    let (got, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

/// A widget for the sample customer's page.
fn widget(product: &Product, name: &str) -> Value {
    let origin = product.facts.customer_url.trim_end_matches('/');
    json!({"name": name, "agent_id": product.facts.agent_id, "origins": [origin]})
}

/// How a widget answers: a visitor who begins, and the one who came by it before.
async fn chat(product: &Product, embed_token: &str, visitor: &Visitor) -> [(&'static str, u16); 2] {
    let begun = Visitor::try_to_open(product, 12, embed_token).await.map_or_else(|(status, _)| status, |_| 201);
    [("embed token", begun), ("visitor's pass", visitor.status_of_saying("Are you open on Monday?").await)]
}

const ANSWERED: [(&str, u16); 2] = [("embed token", 201), ("visitor's pass", 200)];
const REFUSED: [(&str, u16); 2] = [("embed token", 403), ("visitor's pass", 403)];

#[tokio::test(flavor = "multi_thread")]
async fn widgets_passes_and_keys_end_with_the_admin_who_made_them_and_by_a_review() {
    let product = Product::start_with(&["--no-caller"]).await;
    let admin = Member::join(&product, "admin", "mara@quay.example").await;
    let left = sent(admin.api(Method::POST, "/v1/widgets").json(&widget(&product, "The admin's")), 201).await;
    let key = json!({"name": "The admin's", "role": "admin"});
    let key = text(&sent(admin.api(Method::POST, "/v1/keys").json(&key), 201).await, "secret");
    let kept = sent(product.api(Method::POST, "/v1/widgets").json(&widget(&product, "The owner's")), 201).await;
    let (left_token, kept_token) = (text(&left, "embed_token"), text(&kept, "embed_token"));
    let of_left = Visitor::try_to_open(&product, 10, &left_token).await.expect("a conversation");
    let of_kept = Visitor::try_to_open(&product, 11, &kept_token).await.expect("a conversation");
    let both = async || {
        let by_key = product.http.get(format!("{}/v1/agents", product.facts.base_url)).bearer_auth(&key);
        let by_session = admin.api(Method::GET, "/v1/agents");
        let status =
            async |request: reqwest::RequestBuilder| request.send().await.expect("an answer").status().as_u16();
        (status(by_key).await, status(by_session).await)
    };
    assert_eq!(both().await, (200, 200), "key and session");
    assert_eq!(chat(&product, &left_token, &of_left).await, ANSWERED);

    let members = product.get("/v1/members").await;
    let member = members["data"].as_array().expect("a list").iter().find(|member| member["email"] == *admin.email);
    let member = text(member.expect("the admin is listed"), "id");
    let ended = sent(product.api(Method::DELETE, &format!("/v1/members/{member}")), 200).await;
    assert_eq!(chat(&product, &left_token, &of_left).await, REFUSED, "{ended}");
    assert_eq!(both().await, (401, 401), "{ended}");
    assert!(ended["widgets"] == 1 && ended["keys"] == 1 && ended["sessions"] == 1, "{ended}");
    assert_eq!(chat(&product, &kept_token, &of_kept).await, ANSWERED, "what others made stays");

    let review = text(&sent(product.api(Method::POST, "/v1/access-reviews"), 201).await, "id");
    let whole = product.get(&format!("/v1/access-reviews/{review}")).await;
    let lines = whole["items"].as_array().expect("lines");
    let line = |subject: &Value| lines.iter().find(|line| line["kind"] == "widget" && line["subject"] == *subject);
    assert!(line(&left["id"]).is_none(), "what has ended is not reviewed: {whole}");
    let line = line(&kept["id"]).unwrap_or_else(|| panic!("the widget is a line of the review: {whole}"));
    let decision = json!({"item_id": line["id"], "decision": "remove"});
    let decide = product.api(Method::POST, &format!("/v1/access-reviews/{review}/decisions"));
    sent(decide.json(&decision), 200).await;
    assert_eq!(chat(&product, &kept_token, &of_kept).await, REFUSED, "removed by the review");
    Visitor::open(&product, 13).await;
}
