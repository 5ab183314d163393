//! The visitor's way through the whole guard: who is let in, what is streamed, and every refusal.

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::*;
use crate::testing::{OWN_ORIGIN, Site, text};
use crate::widget;

const SHOP: &str = "https://shop.example";

async fn begin_as(site: &Site, token: &str, origin: Option<&str>, page: Option<&str>) -> Response {
    let body = match page {
        Some(page) => json!({ "embed_token": token, "page_origin": page }),
        None => json!({ "embed_token": token }),
    };
    let mut request = Request::post("/widget/session").header("content-type", "application/json");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    site.ask(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn pass(site: &Site, token: &str) -> String {
    let response = begin_as(site, token, Some(OWN_ORIGIN), Some(SHOP)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(response.headers().get(header::SET_COOKIE).is_none(), "no cookie, before or after");
    let begun: Value = serde_json::from_str(&text(response).await).expect("JSON");
    begun["visitor_token"].as_str().expect("a pass").to_owned()
}

async fn say_with(site: &Site, pass: Option<&str>, body: &str) -> Response {
    let mut request =
        Request::post("/widget/messages").header("content-type", "application/json").header("origin", OWN_ORIGIN);
    if let Some(pass) = pass {
        request = request.header(visitor::HEADER, pass);
    }
    site.ask(request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn read_with(site: &Site, pass: &str, path: &str) -> Response {
    site.ask(Request::get(path).header(visitor::HEADER, pass).body(Body::empty()).expect("a request")).await
}

fn message(client_id: u128, words: &str) -> String {
    json!({ "client_id": Uuid::from_u128(client_id), "text": words }).to_string()
}

/// The events of a finished stream by name, with their data.
fn events_of(stream: &str) -> Vec<(String, Value)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find(|line| line.starts_with(name));
        line.map(|line| line[name.len()..].trim().to_owned()).unwrap_or_default()
    };
    let blocks = stream.split("\n\n").filter(|block| block.contains("data:"));
    blocks.map(|block| (field(block, "event:"), serde_json::from_str(&field(block, "data:")).expect("JSON"))).collect()
}

#[tokio::test]
async fn only_a_listed_origin_begins_a_conversation() {
    let site = Site::open().await;
    let token = site.widget(&[SHOP]).await.text;
    let evil = "https://evil.example";
    for (origin, page, status) in [
        (Some(OWN_ORIGIN), Some(SHOP), 201),
        (Some(SHOP), None, 201),
        (Some(SHOP), Some(SHOP), 201),
        (Some(OWN_ORIGIN), Some(evil), 403),
        (Some(OWN_ORIGIN), None, 403),
        (Some(evil), Some(SHOP), 403),
        (Some(evil), None, 403),
        (Some("null"), Some(SHOP), 403),
        (None, Some(SHOP), 403),
        (None, None, 403),
    ] {
        let response = begin_as(&site, &token, origin, page).await;
        assert_eq!(response.status(), status, "{origin:?} for {page:?}");
    }
    let nobody = site.widget(&[]).await.text;
    assert_eq!(begin_as(&site, &nobody, Some(OWN_ORIGIN), Some(SHOP)).await.status(), 403, "empty means deny");
    assert_eq!(begin_as(&site, "rf_embed_x", Some(OWN_ORIGIN), Some(SHOP)).await.status(), 403);
}

/// What a frame sends to begin, with a solution if there is one.
async fn begin_with(site: &Site, path: &str, token: &str, solution: Option<Value>) -> Response {
    let mut body = json!({ "embed_token": token, "page_origin": SHOP });
    if let Some(solution) = solution {
        body["solution"] = solution;
    }
    let request = Request::post(path).header("content-type", "application/json").header("origin", OWN_ORIGIN);
    site.ask(request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn under_pressure_a_conversation_costs_a_solved_puzzle() {
    let site = Site::open().await;
    let token = site.widget(&[SHOP]).await.text;
    for _ in 0..edge::challenge::OPENINGS_PER_WIDGET {
        assert_eq!(begin_with(&site, "/widget/session", &token, None).await.status(), 201);
    }
    let asked = begin_with(&site, "/widget/session", &token, None).await;
    assert_eq!(asked.status(), 403);
    assert!(text(asked).await.contains("urn:ringfence:problem:challenge-required"));
    let issued: Value =
        serde_json::from_str(&text(begin_with(&site, "/widget/challenge", &token, None).await).await).expect("JSON");
    let (puzzle, _) = issued["challenge"].as_str().expect("text").rsplit_once('.').expect("a mark");
    let puzzle = edge::Challenge::parse(puzzle).expect("its own text");
    let counter = (0..u32::MAX).find(|counter| puzzle.is_solved_by(*counter)).expect("solvable");
    let solution = json!({ "challenge": issued["challenge"], "counter": counter });
    assert_eq!(begin_with(&site, "/widget/session", &token, Some(solution.clone())).await.status(), 201);
    assert_eq!(begin_with(&site, "/widget/session", &token, Some(solution)).await.status(), 403, "once");
    let calm = site.widget(&[SHOP]).await.text;
    assert_eq!(begin_with(&site, "/widget/session", &calm, None).await.status(), 201, "another widget");
    site.test.clock.advance_seconds(60);
    assert_eq!(begin_with(&site, "/widget/session", &token, None).await.status(), 201, "it passes by itself");
    let strict = Site::open_asking(edge::ChallengeMode::Always).await;
    let token = strict.widget(&[SHOP]).await.text;
    assert_eq!(begin_with(&strict, "/widget/session", &token, None).await.status(), 403, "always means always");
    let evil = json!({ "embed_token": token, "page_origin": "https://evil.example" }).to_string();
    let request = Request::post("/widget/challenge").header("content-type", "application/json");
    let request = request.header("origin", OWN_ORIGIN).body(Body::from(evil)).expect("a request");
    assert_eq!(strict.ask(request).await.status(), 403, "no puzzle for other pages");
}

#[tokio::test]
async fn a_used_up_quota_is_told_as_such() {
    let site = Site::open().await;
    let widget = site.widget(&[SHOP]).await;
    let bounds =
        widget::Bounds { conversations_per_hour: Some(1), messages_per_conversation: Some(1), ..Default::default() };
    widget::change(&site.test.platform, &site.owner, widget.token.id, &bounds).await.expect("changed");
    let pass = pass(&site, &widget.text).await;
    let over = begin_with(&site, "/widget/session", &widget.text, None).await;
    assert_eq!(over.status(), 429);
    let seconds: u32 = over.headers()["retry-after"].to_str().expect("text").parse().expect("a number");
    assert!((1..=3600).contains(&seconds), "until the next hour: {seconds}");
    let told = text(over).await;
    assert!(told.contains("problem:quota-used-up") && told.contains("call the business"), "{told}");
    assert_eq!(say_with(&site, Some(&pass), &message(1, "Hello")).await.status(), 200);
    let second = say_with(&site, Some(&pass), &message(2, "Hello?")).await;
    assert!(
        second.status() == 429 && !second.headers().contains_key("retry-after"),
        "a conversation does not begin anew"
    );
}

#[tokio::test]
async fn the_notice_comes_first_and_a_reply_is_streamed() {
    let site = Site::open().await;
    let pass = pass(&site, &site.widget(&[SHOP]).await.text).await;
    let history: Value =
        serde_json::from_str(&text(read_with(&site, &pass, "/widget/messages").await).await).expect("JSON");
    let first = history["data"][0]["text"].as_str().expect("a first line");
    assert!(first.contains("AI agent"), "{first}");
    let response = say_with(&site, Some(&pass), &message(1, "When are you open?")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let events = events_of(&text(response).await);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.starts_with(&["part"]) && names.ends_with(&["extras", "turn"]), "{names:?}");
    assert_eq!(events.last().map(|(_, data)| data["duplicate"].clone()), Some(json!(false)));
}

#[tokio::test]
async fn a_message_that_is_sent_again_says_nothing_twice() {
    let site = Site::open().await;
    let pass = pass(&site, &site.widget(&[SHOP]).await.text).await;
    for duplicate in [false, true] {
        let events = events_of(&text(say_with(&site, Some(&pass), &message(7, "Hello")).await).await);
        assert_eq!(events.last().map(|(_, data)| data["duplicate"].clone()), Some(json!(duplicate)));
    }
    let history: Value =
        serde_json::from_str(&text(read_with(&site, &pass, "/widget/messages").await).await).expect("JSON");
    let said = history["data"].as_array().expect("lines").iter().filter(|line| line["by"] == "visitor").count();
    assert_eq!(said, 1);
}

#[tokio::test]
async fn without_a_good_pass_nothing_opens_and_a_bad_message_is_told() {
    let site = Site::open().await;
    let token = site.widget(&[SHOP]).await.text;
    let pass = pass(&site, &token).await;
    let (start, end) = pass.split_at(pass.len() - 20);
    let changed = format!("{start}{}{}", if end.starts_with('7') { '8' } else { '7' }, &end[1..]);
    for wrong in ["", "rf_visitor_x", token.as_str(), changed.as_str()] {
        assert_eq!(say_with(&site, Some(wrong), &message(1, "Hello")).await.status(), 401, "{wrong}");
        for path in ["/widget/messages", "/widget/events?after=0"] {
            assert_eq!(read_with(&site, wrong, path).await.status(), 401, "{wrong}");
        }
    }
    assert_eq!(say_with(&site, None, &message(1, "Hello")).await.status(), 401);
    let long = message(1, &"x".repeat(2001));
    for (body, status) in [("{", 400), ("{}", 422), (long.as_str(), 422)] {
        assert_eq!(say_with(&site, Some(&pass), body).await.status(), status, "{body:.20}");
    }
    let huge = message(1, &"x".repeat(BODY_BYTES));
    assert_eq!(say_with(&site, Some(&pass), &huge).await.status(), 413);
}

#[tokio::test]
async fn what_a_person_writes_reaches_the_visitor_and_nobody_else() {
    let site = Site::open().await;
    let token = site.widget(&[SHOP]).await.text;
    let (pass, stranger) = (pass(&site, &token).await, pass(&site, &token).await);
    text(say_with(&site, Some(&pass), &message(1, "I want to talk to a person")).await).await;
    let waiting = site.conversations.waiting(&site.owner).await.expect("a list");
    let conversation = waiting.first().expect("somebody waits").id;
    let after = site.conversations.transcript(site.owner.organization(), conversation, 0).await.expect("lines");
    let after = after.last().map_or(0, |line| line.sequence);
    let mut own =
        read_with(&site, &pass, &format!("/widget/events?after={after}")).await.into_body().into_data_stream();
    let mut other = read_with(&site, &stranger, "/widget/events?after=1000").await.into_body().into_data_stream();
    let own_words = async {
        let mut heard = String::new();
        while !heard.contains("Good morning") {
            let chunk = own.next().await.expect("the stream goes on").expect("bytes");
            heard.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
        heard
    };
    let person = async {
        site.conversations.person_joins(&site.owner, conversation).await.expect("joined");
        site.conversations.person_says(&site.owner, conversation, "Good morning", None).await.expect("said");
    };
    let (heard, ()) = tokio::join!(own_words, person);
    assert!(events_of(&heard).iter().any(|(_, data)| data["by"] == "person"), "{heard}");
    let silence = tokio::time::timeout(Duration::from_millis(200), other.next()).await;
    assert!(silence.is_err(), "another visitor heard {silence:?}");
}
