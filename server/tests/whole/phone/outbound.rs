//! Calls that the business places: who is called hears at once that no person speaks; what may not be dialled is not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use storage::SystemEntropy;
use telephony::line::{Line, LineConfig, LineEvent};

use super::{calls, ended_call_from, nothing_goes_on, sounding_frames, text, timeline, transcript};
use crate::product::Product;

/// How soon after the answer the first word is heard.
const FIRST_WORD: Duration = Duration::from_millis(1_500);

async fn place(product: &Product, to: &str) -> (u16, Value) {
    let wanted = json!({ "agent_id": product.facts.agent_id, "to": to });
    let answer = product.api(reqwest::Method::POST, "/v1/calls").json(&wanted).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_called_hears_the_notice_first_and_nobody_else_is_called() {
    let product = Product::start_with(&["--no-caller"]).await;
    let phone = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a phone");
    forbidden_targets_are_refused(&product, &phone).await;
    an_answered_call(&product, &phone).await;
    a_busy_one(&product, &phone).await;
    nothing_goes_on(&product).await;
    let log = product.log();
    assert!(!log.contains("dentist") && !log.contains("4411749"), "the log holds who was called");
}

async fn forbidden_targets_are_refused(product: &Product, phone: &Line) {
    let port = phone.address().port();
    for to in [
        "999",
        "112",
        "911",
        "+44999",
        "tel:112",
        "1 1 2",
        "+33123456789",
        "+15551234567",
        "+449098790000",
        "+448700000000",
        "+88116123456",
        "sip:anybody@192.0.2.7",
        "sip:anybody@localhost.example",
        "sips:anybody@127.0.0.1",
        "",
        "not a number",
        &format!("sip:112@127.0.0.1:{port}"),
    ] {
        let (status, problem) = place(product, to).await;
        assert_eq!(status, 422, "{to}: {problem}");
        let problem = problem.to_string();
        assert!(to.len() < 3 || problem.contains("emergency") || !problem.contains(to), "{to} is repeated: {problem}");
    }
    // An ordinary number, but there is no way out.
    assert_eq!(place(product, "+441174960123").await.0, 409);
    assert!(calls(product).await.is_empty(), "what is refused leaves no call");
    let rung = tokio::time::timeout(Duration::from_millis(300), phone.next_call()).await;
    assert!(rung.is_err(), "and no telephone rings");
}

async fn an_answered_call(product: &Product, phone: &Line) {
    let target = format!("sip:dentist@{}", phone.address());
    let (status, placed) = place(product, &target).await;
    assert_eq!(status, 202, "{placed}");
    let ringing = tokio::time::timeout(Duration::from_secs(10), phone.next_call()).await.expect("it rings");
    let ringing = ringing.expect("a call");
    assert_eq!((ringing.facts().to.user.as_str(), ringing.facts().from.user.as_str()), ("dentist", "practice"));
    ringing.ring().expect("rung");
    let mut live = ringing.answer().await.expect("answered");
    let answered = tokio::time::Instant::now();
    let (mut heard, mut first) = (Vec::new(), None);
    while answered.elapsed() < Duration::from_secs(5) {
        let frame = tokio::time::timeout(Duration::from_secs(2), live.audio.frames.recv()).await;
        let Ok(Some(frame)) = frame else { break };
        if first.is_none() && sounding_frames(&frame.frame) == 1 {
            first = Some(answered.elapsed());
        }
        heard.extend_from_slice(&frame.frame);
    }
    assert!(first.is_some_and(|first| first < FIRST_WORD), "the first word came after {first:?}");
    assert!(sounding_frames(&heard) > 100, "{}", sounding_frames(&heard));
    live.hang_up();
    while !matches!(live.next_event().await, Some(LineEvent::Ended(_)) | None) {}

    let call = ended_call_from(product, &target).await;
    assert_eq!(call["id"], placed["id"]);
    assert_eq!((text(&call["direction"]), text(&call["end_reason"])), ("outbound", "hung_up"), "{call:#?}");
    assert_eq!(timeline(product, &call).await, ["ringing", "answered", "ended"]);
    let lines = transcript(product, &call).await;
    assert!(lines[0].0 == "agent" && lines[0].1.starts_with("You are talking to an AI agent"), "{lines:#?}");
}

async fn a_busy_one(product: &Product, phone: &Line) {
    let (status, placed) = place(product, &format!("sip:busy@{}", phone.address())).await;
    assert_eq!(status, 202, "{placed}");
    let ringing = tokio::time::timeout(Duration::from_secs(10), phone.next_call()).await.expect("it rings");
    ringing.expect("a call").reject(sip::Status::BUSY_HERE).await;
    nothing_goes_on(product).await;
    let call = product.get(&format!("/v1/calls/{}", text(&placed["id"]))).await;
    assert_eq!((&call["sip_status"], &call["end_reason"]), (&486.into(), &"busy".into()), "{call:#?}");
    assert_eq!(call["conversation_id"], Value::Null, "nobody talked");
}
