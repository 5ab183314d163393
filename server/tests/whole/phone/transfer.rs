//! Callers who are put through to a person: both hear each other, either may hang up, and who is busy leaves the caller with
//! the agent, who takes a message.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use storage::SystemEntropy;
use telephony::line::{Line, LineConfig, LineEvent, LiveCall};
use telephony::softphone::{Options, Outcome, Softphone, Step};
use tokio::time::{Instant, sleep, timeout};

use super::{ended_call_from, holds_tone, listen, nothing_goes_on, recordings, text, timeline, transcript};
use crate::caller::tone;
use crate::product::Product;

/// How long a person talks.
const TALK: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_and_a_person_hear_each_other_and_either_ends_it() {
    let product = Product::start_with(&["--no-caller"]).await;
    let desk = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a phone");
    transfers_to(&product, &format!("sip:desk@{}", desk.address())).await;
    let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
    let callers = Softphone::open(loopback, Arc::new(SystemEntropy)).await.expect("a phone");
    tokio::join!(
        at_the_desk(&desk),
        who_meets_a_busy_line_is_asked_for_a_message(&product, &callers),
        who_hangs_up_ends_the_person_s_call(&product, &callers),
        whom_the_person_leaves_is_hung_up_and_the_person_is_not_recorded(&product, &callers),
    );
    nothing_goes_on(&product).await;
}

/// The sample agent puts callers through to `target` from now on.
async fn transfers_to(product: &Product, target: &str) {
    let path = format!("/v1/agents/{}", product.facts.agent_id);
    let mut profile = product.get(&path).await["draft"].clone();
    profile["handoff"]["transfer_to"] = target.into();
    let saved = product.api(reqwest::Method::PUT, &format!("{path}/draft")).json(&json!({ "profile": profile }));
    assert!(saved.send().await.expect("an answer").status().is_success());
    let hash = product.get(&path).await["draft_hash"].clone();
    let published = product.api(reqwest::Method::POST, &format!("{path}/versions")).json(&json!({ "hash": hash }));
    let published = published.send().await.expect("an answer");
    assert_eq!(published.status(), 201, "{}", published.text().await.expect("a body"));
}

/// Three calls come, in this order: the line is busy, the person listens until the caller hangs up, the person hangs up.
async fn at_the_desk(desk: &Line) {
    ringing(desk).await.reject(sip::Status::BUSY_HERE).await;
    let mut second = ringing(desk).await.answer().await.expect("answered");
    let talk = async {
        let heard = talks(&mut second, 1_130.0).await;
        assert!(holds_tone(&heard, 510.0), "the person hears the second caller");
        let end = timeout(Duration::from_secs(10), ended(&mut second)).await.expect("the caller's end is passed on");
        assert!(matches!(end, Some(LineEvent::Ended(_))), "{end:?}");
    };
    let other = async {
        let mut third = ringing(desk).await.answer().await.expect("answered");
        let heard = talks(&mut third, 1_370.0).await;
        assert!(holds_tone(&heard, 650.0), "the person hears the third caller");
        third.hang_up();
        ended(&mut third).await;
    };
    tokio::join!(talk, other);
}

async fn ringing(desk: &Line) -> telephony::line::RingingCall {
    let ringing = timeout(Duration::from_secs(25), desk.next_call()).await.expect("it rings").expect("a call");
    assert_eq!((ringing.facts().to.user.as_str(), ringing.facts().from.user.as_str()), ("desk", "practice"));
    ringing.ring().expect("rung");
    ringing
}

/// Says a tone and gives what was heard meanwhile.
async fn talks(live: &mut LiveCall, frequency: f64) -> Vec<i16> {
    live.audio.player.play(tone(frequency, 2)).expect("said");
    let (mut heard, began) = (Vec::new(), Instant::now());
    while began.elapsed() < TALK {
        let frame = timeout(Duration::from_secs(2), live.audio.frames.recv()).await;
        let Ok(Some(frame)) = frame else { break };
        heard.extend_from_slice(&frame.frame);
    }
    heard
}

async fn ended(live: &mut LiveCall) -> Option<LineEvent> {
    loop {
        match live.next_event().await {
            Some(LineEvent::Held | LineEvent::Resumed) => {}
            end => return end,
        }
    }
}

async fn call(callers: &Softphone, product: &Product, from: &str, steps: Vec<Step>) -> Outcome {
    let options = Options { from_user: from.to_owned(), longest_seconds: 50, steps, ..Options::default() };
    let outcome = callers.place(&product.facts.sip_uri, &options).await;
    assert!(outcome.answered, "{:?}", outcome.end);
    outcome
}

fn press(key: &str) -> Step {
    Step::Press(key.to_owned())
}

async fn agent_says(product: &Product, call: &Value, words: &str) {
    let lines = transcript(product, call).await;
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains(words)), "{words}: {lines:#?}");
}

async fn who_meets_a_busy_line_is_asked_for_a_message(product: &Product, callers: &Softphone) {
    const FROM: &str = "+441174960171";
    let pressed = [press("0"), Step::Wait(9_000), press("1"), Step::Wait(1_000)];
    // Yes, a message; yes, at this number.
    let steps = [&pressed[..], &[press("1"), Step::Wait(1_500), Step::HangUp]].concat();
    call(callers, product, FROM, steps).await;
    let call = ended_call_from(product, FROM).await;
    agent_says(product, &call, "I am calling a person").await;
    agent_says(product, &call, "no person can be reached now").await;
    agent_says(product, &call, "Your message will be recorded").await;
    assert_eq!(timeline(product, &call).await, ["ringing", "answered", "ended"]);
}

async fn who_hangs_up_ends_the_person_s_call(product: &Product, callers: &Softphone) {
    const FROM: &str = "+441174960172";
    sleep(Duration::from_secs(2)).await;
    let steps = vec![press("0"), Step::Say(tone(510.0, 11)), Step::HangUp];
    let outcome = call(callers, product, FROM, steps).await;
    assert!(holds_tone(&outcome.heard, 1_130.0), "the caller hears the person");
    let call = ended_call_from(product, FROM).await;
    assert_eq!((text(&call["ended_by"]), text(&call["end_reason"])), ("caller", "hung_up"), "{call:#}");
    assert_eq!(timeline(product, &call).await, ["ringing", "answered", "transferred", "ended"]);
}

async fn whom_the_person_leaves_is_hung_up_and_the_person_is_not_recorded(product: &Product, callers: &Softphone) {
    const FROM: &str = "+441174960173";
    let steps = vec![Step::Listen(1_000), press("1"), Step::Wait(600), press("0"), Step::Say(tone(650.0, 30))];
    let outcome = call(callers, product, FROM, steps).await;
    assert!(holds_tone(&outcome.heard, 1_370.0), "the caller hears the person");
    let call = ended_call_from(product, FROM).await;
    assert_eq!((text(&call["ended_by"]), text(&call["end_reason"])), ("us", "hung_up"), "{call:#}");
    let events = timeline(product, &call).await;
    let wanted = ["ringing", "answered", "recording_started", "recording_ended", "transferred", "ended"];
    assert_eq!(events, wanted);
    let recordings = recordings(product, &call).await;
    let channels = listen(product, &recordings[0]).await;
    assert!(holds_tone(&channels[0], 650.0), "the caller is recorded with the agent");
    assert!(!holds_tone(&channels[1], 1_370.0), "the person, who was asked nothing, is not");
}
