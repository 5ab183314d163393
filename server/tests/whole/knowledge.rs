//! What the agent may quote: the sample documents and an uploaded one, read by the binary itself and quoted in a chat.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::malformed::files::docx;
use crate::product::Product;
use crate::visitor::Visitor;

/// How long one small document may take to be read.
const READ_LIMIT: Duration = Duration::from_secs(20);

async fn documents(product: &Product) -> Vec<Value> {
    let list = product.get(&format!("/v1/agents/{}/knowledge", product.facts.agent_id)).await;
    list["data"].as_array().expect("documents").clone()
}

/// Uploads a file as a program does, and waits until it can be quoted.
async fn upload(product: &Product, name: &str, bytes: &[u8]) -> Value {
    let path = format!("/v1/agents/{}/knowledge", product.facts.agent_id);
    let frame = "--frame\r\ncontent-disposition: form-data; name=";
    let head = format!("{frame}\"attested\"\r\n\r\ntrue\r\n{frame}\"file\"; filename=\"{name}\"\r\n\r\n");
    let body = [head.as_bytes(), bytes, b"\r\n--frame--\r\n"].concat();
    let request = product.api(Method::POST, &format!("{path}/uploads"));
    let request = request.header("content-type", "multipart/form-data; boundary=frame").body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{name}");
    let added: Value = answer.json().await.expect("JSON");
    let deadline = Instant::now() + READ_LIMIT;
    loop {
        let document = product.get(&format!("{path}/{}", added["id"].as_str().expect("an id"))).await;
        if document["state"] == "ready" {
            return document;
        }
        assert!(document["state"] != "failed" && Instant::now() < deadline, "{document}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A Word document with a heading and a paragraph.
fn word(heading: &str, words: &str) -> Vec<u8> {
    let paragraph = |words: &str| format!("<w:p><w:r><w:t>{words}</w:t></w:r></w:p>");
    let text = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{}{}</w:body></w:document>",
        paragraph(heading),
        paragraph(words)
    );
    docx(text.as_bytes(), zip::CompressionMethod::Deflated)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_document_is_read_and_quoted_with_its_name() {
    let product = Product::start_with(&["--no-caller"]).await;
    let mut states: Vec<(String, String)> = documents(&product)
        .await
        .iter()
        .map(|one| [&one["kind"], &one["state"]].map(|field| field.as_str().expect("text").to_owned()).into())
        .collect();
    states.sort();
    let ready = ["html", "markdown", "markdown", "pdf"].map(|kind| (kind.to_owned(), "ready".to_owned()));
    assert_eq!(states, ready, "before the demo says that it is open");

    let added = upload(
        &product,
        "lost-property.docx",
        &word("Lost property", "Umbrellas left in the waiting room are kept for ninety days at reception."),
    )
    .await;
    assert_eq!((&added["kind"], &added["failure"]), (&json!("docx"), &Value::Null), "{added}");

    let visitor = Visitor::open(&product, 5).await;
    for (question, quote, source) in [
        ("May I drink coffee after whitening?", "Avoid coffee, tea, red wine and curry for 48 hours", "after"),
        ("How long are crowns guaranteed?", "crowns for five years", "olicies"),
        ("How long are umbrellas kept?", "kept for ninety days at reception", "ost"),
    ] {
        let turn = visitor.say(question).await;
        let words = turn.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(quote), "{question} {words}");
        let history = visitor.history().await;
        let said = history.iter().rfind(|line| line["by"] == "agent").expect("an answer");
        let named = said["sources"][0]["title"].as_str().unwrap_or_default();
        assert!(named.to_lowercase().contains(source), "{question} {said}");
    }
}
