//! Pages that show one thing: a chat, a call with its recording, a contact, and what only stands there when something has
//! happened. Each is looked at as the lists are.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use telephony::softphone::Step;
use tokio::time::Instant;

use super::chromium::Browser;
use super::{accessibility, look_at, sign_in};
use crate::caller::{agreeing, call, options, phone};
use crate::organizations::key;
use crate::product::Product;
use crate::visitor::{Person, Visitor};

/// How long a recording may take to be sealed after the call.
const SEALING_LIMIT: Duration = Duration::from_secs(30);

/// A call whose recording is ready: its id.
async fn recorded_call(product: &Product) -> String {
    let phone = phone().await;
    let steps = [agreeing(), vec![Step::Wait(2_000), Step::HangUp]].concat();
    call(&phone, &product.facts.sip_uri, &options("Ada Byron", "+441174960001", steps)).await;
    phone.close().await;
    let deadline = Instant::now() + SEALING_LIMIT;
    loop {
        let recordings = product.get("/v1/recordings").await;
        if let Some(ready) =
            recordings["data"].as_array().and_then(|all| all.iter().find(|one| one["state"] == "ready"))
        {
            return ready["call_id"].as_str().expect("an id").to_owned();
        }
        assert!(Instant::now() < deadline, "{recordings}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A key of the organization is found somewhere outside: that stops it, and raises an alert.
async fn leak(product: &Product) {
    let found = json!({ "texts": [key(product, None, "manager").await], "source": "a public repository" });
    let answer = product.api(Method::POST, "/v1/leaks").json(&found).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
}

/// The first id of a list.
async fn first(product: &Product, path: &str) -> String {
    let list = product.get(path).await;
    list["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{path} is empty: {list}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_single_thing_reads_well_too() {
    let Some(browser) = Browser::start("every_single_thing_reads_well_too").await else { return };
    let (product, axe) = (Product::start_with(&["--no-caller"]).await, accessibility::source());
    let axe = axe.as_deref();
    let person =
        Person { name: "Ada Byron", phone: "+441174960001", email: "ada@byron.example", wish: "a crown for my parrot" };
    let chat = async {
        let visitor = Visitor::open(&product, 2).await;
        visitor.leave_wish(&person).await;
        visitor.say("How much is a cleaning?").await;
        visitor.say("I want to talk to a person").await;
        visitor
    };
    let (call_id, visitor, ()) = tokio::join!(recorded_call(&product), chat, leak(&product));
    let review = product.api(Method::POST, "/v1/access-reviews").send().await.expect("an answer");
    let review: Value = review.json().await.expect("JSON");
    let review = review["id"].as_str().unwrap_or_else(|| panic!("a review is begun: {review}")).to_owned();
    let contact = first(&product, "/v1/contacts").await;
    sign_in(&browser, &product).await;
    for (path, name) in [
        (format!("/inbox/{}", visitor.conversation_id), "inbox-one"),
        (format!("/calls/{call_id}"), "call-one"),
        (format!("/contacts/{contact}"), "contact-one"),
        (format!("/agents/{}/draft", product.facts.agent_id), "agent-draft"),
        ("/settings/alerts".to_owned(), "alerts"),
        ("/settings/review".to_owned(), "reviews"),
        (format!("/settings/review/{review}"), "review-one"),
        ("/calls/trunk".to_owned(), "trunk"),
    ] {
        look_at(&browser, axe, &format!("{}{path}", product.facts.base_url), name).await;
        assert_ne!(
            browser.value("document.querySelector('main h1') === null").await,
            json!(true),
            "{name}: no heading"
        );
    }
    let drawn = "document.querySelector('.waveform .caller').getAttribute('d').length > 100";
    browser.go(&format!("{}/calls/{call_id}", product.facts.base_url)).await;
    assert_eq!(browser.value(drawn).await, json!(true), "the call was looked at with its waveform");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_page_of_a_customer_reads_well() {
    let Some(browser) = Browser::start("the_sample_page_of_a_customer_reads_well").await else { return };
    let (product, axe) = (Product::start_with(&["--no-caller"]).await, accessibility::source());
    look_at(&browser, axe.as_deref(), &product.facts.customer_url, "customer").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console complains: {complaints:#?}");
}
