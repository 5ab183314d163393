//! The phone, from outside: real SIP and real sound by our own small phone, by SIPp and by baresip, against the running
//! product; what became of each call is read over the API, as the business would.

mod baresip;
mod documents;
mod doors;
mod encrypted;
mod hold;
mod kept_password;
mod load;
mod old_phone;
mod outbound;
mod registrar;
mod scenarios;
mod siege;
mod sipp;
mod transfer;

use std::time::Duration;

use media::measure;
use serde_json::Value;

use crate::product::Product;

/// How long what follows a call (its record, its recordings) may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// Whether a program of the machine is there; prints that its tests are skipped when not. In CI it must be.
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(there || std::env::var_os("CI").is_none(), "{program} is not installed; in CI it must be");
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// The product's SIP address with another user.
fn address(product: &Product, user: &str) -> String {
    let (_, host) = product.facts.sip_uri.split_once('@').expect("user@host");
    format!("sip:{user}@{host}")
}

/// `host:port` of the product's SIP address.
fn host(product: &Product) -> String {
    address(product, "").trim_start_matches("sip:@").to_owned()
}

/// Every call there is, newest first.
async fn calls(product: &Product) -> Vec<Value> {
    let (mut calls, mut after) = (Vec::new(), String::new());
    loop {
        let page = product.get(&format!("/v1/calls?limit=100{after}")).await;
        calls.extend(page["data"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) if page["has_more"] == true => after = format!("&after={cursor}"),
            _ => return calls,
        }
    }
}

/// The calls of one caller once there are so many and all of them are over.
async fn ended_calls_from(product: &Product, number: &str, count: usize) -> Vec<Value> {
    let deadline = tokio::time::Instant::now() + SETTLE_LIMIT;
    loop {
        let mut found = calls(product).await;
        found.retain(|call| call["from"] == number);
        if found.len() >= count && found.iter().all(|call| call["state"] == "ended") {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{number}: {} of {count} calls ended: {found:#?}", found.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The one call of a caller, ended.
async fn ended_call_from(product: &Product, number: &str) -> Value {
    let mut calls = ended_calls_from(product, number, 1).await;
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls.remove(0)
}

/// Waits until no call goes on, in the records and in the figures.
async fn nothing_goes_on(product: &Product) {
    let deadline = tokio::time::Instant::now() + SETTLE_LIMIT;
    loop {
        let open: Vec<Value> = calls(product).await.into_iter().filter(|call| call["state"] != "ended").collect();
        let figures = product.http.get(&product.facts.metrics_url).send().await.expect("figures");
        let figures = figures.text().await.expect("text");
        if open.is_empty() && figures.lines().any(|line| line == "ringfence_calls_in_progress 0") {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "left open: {open:#?}\n{figures}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The words of a call's timeline.
async fn timeline(product: &Product, call: &Value) -> Vec<String> {
    let events = product.get(&format!("/v1/calls/{}/events", text(&call["id"]))).await;
    events["data"].as_array().expect("a list").iter().map(|event| text(&event["kind"]).to_owned()).collect()
}

/// The recordings of a call.
async fn recordings(product: &Product, call: &Value) -> Vec<Value> {
    let found = product.get(&format!("/v1/calls/{}/recordings", text(&call["id"]))).await;
    found["data"].as_array().expect("a list").clone()
}

/// What was said and pressed: (by, text).
async fn transcript(product: &Product, call: &Value) -> Vec<(String, String)> {
    let lines = product.get(&format!("/v1/conversations/{}/events", text(&call["conversation_id"]))).await;
    let pair = |line: &Value| (text(&line["by"]).to_owned(), text(&line["text"]).to_owned());
    lines.as_array().expect("a list").iter().map(pair).collect()
}

/// The path of a link through which a recording is heard.
async fn link(product: &Product, recording: &Value) -> String {
    let path = format!("/v1/recordings/{}/links", text(&recording["id"]));
    let answer = product.api(reqwest::Method::POST, &path).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let link: Value = answer.json().await.expect("JSON");
    format!("{}{}", product.facts.base_url, text(&link["path"]))
}

/// The channels of a recording, heard through a link.
async fn listen(product: &Product, recording: &Value) -> Vec<Vec<i16>> {
    let answer = product.http.get(link(product, recording).await).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"audio/wav".parse().expect("ok")));
    media::wav::read(&answer.bytes().await.expect("a body")).expect("a WAV file").channels
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Whether half a second of a tone is in a sound.
fn holds_tone(heard: &[i16], frequency: f64) -> bool {
    heard.chunks_exact(4_000).any(|part| {
        (measure::dominant_frequency(part) - frequency).abs() < 3.0 && measure::share_at(part, frequency) > 0.9
    })
}

/// Frames of 20 ms that hold sound.
fn sounding_frames(heard: &[i16]) -> usize {
    heard.chunks_exact(media::FRAME_SAMPLES).filter(|frame| measure::level_dbov(frame) > -50.0).count()
}
