//! Whole calls by our own small phone, `ringfence call --scenario …`: a booking, a message, the opening hours.

use std::sync::Arc;

use serde_json::Value;
use storage::SystemEntropy;
use telephony::softphone::{self, Options, Step};

use super::{ended_call_from, holds_tone, link, listen, recordings, sounding_frames, text, timeline, transcript};
use crate::phone::baresip;
use crate::product::{Product, run};

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_served_at_the_same_time() {
    let product = Product::start_with(&["--no-caller"]).await;
    tokio::join!(
        a_booking(&product),
        a_message(&product),
        the_hours(&product),
        a_message_within_a_recorded_call(&product),
        baresip::books(&product, "+441174960150"),
        baresip::is_heard_and_understood(&product, "", "+441174960151", 530.0),
        baresip::is_heard_and_understood(&product, ";transport=tcp", "+441174960152", 710.0),
    );
    super::nothing_goes_on(&product).await;
    let log = product.log();
    for private in ["441174960", &product.facts.api_key, "canary"] {
        assert!(!log.contains(private), "the log holds {private}");
    }
}

/// Plays a scenario to its end and gives what the phone tells.
async fn play(product: &Product, scenario: &str, from: &str) -> Value {
    let (code, told) = run(&["call", &product.facts.sip_uri, "--scenario", scenario, "--from", from, "--json"]).await;
    assert_eq!(code, Some(0), "{told}");
    let told: Value =
        serde_json::from_str(told.lines().find(|line| line.starts_with('{')).expect("JSON")).expect("JSON");
    assert_eq!(
        (&told["answered"], &told["heard_sound"], &told["reason"]),
        (&true.into(), &true.into(), &"hung_up".into())
    );
    assert_eq!(told["packets_lost"], 0, "{told}");
    assert!(told["level_dbov"].as_f64().is_some_and(|level| (-30.0..-8.0).contains(&level)), "{told}");
    told
}

async fn a_booking(product: &Product) {
    const FROM: &str = "+441174960101";
    let told = play(product, "booking", FROM).await;
    assert!(told["call_milliseconds"].as_u64().is_some_and(|length| length < 75_000), "{told}");
    let call = ended_call_from(product, FROM).await;
    let alone = product.get(&format!("/v1/calls/{}", text(&call["id"]))).await;
    assert_eq!(alone, call, "the list and the call itself say the same");
    assert_eq!(
        (text(&call["direction"]), text(&call["to"]), text(&call["ended_by"]), text(&call["end_reason"])),
        ("inbound", "practice", "caller", "hung_up")
    );
    assert_eq!((&call["sip_status"], &call["packets_lost"]), (&200.into(), &0.into()));
    let events = timeline(product, &call).await;
    assert_eq!(events, ["ringing", "answered", "recording_started", "recording_ended", "ended"]);

    let lines = transcript(product, &call).await;
    let keys = lines.iter().filter(|(by, text)| by == "keys" && text == "1").count();
    assert_eq!(keys, 7, "{lines:#?}");
    for said in [
        "You are talking to an AI agent",
        "To stop the recording at any time, press 8",
        "Is that right?",
        "Your appointment is booked",
    ] {
        assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains(said)), "{said}: {lines:#?}");
    }
    let bookings = product.get("/v1/bookings").await;
    // A softphone books at the same time.
    let of_call = |booking: &&Value| booking["conversation_id"] == call["conversation_id"];
    let bookings: Vec<&Value> = bookings["data"].as_array().expect("a list").iter().filter(of_call).collect();
    assert_eq!(bookings.len(), 1, "{bookings:#?}");
    assert_eq!(bookings[0]["state"], "booked");
    assert_eq!((&bookings[0]["service"], &bookings[0]["phone"]), (&"check_up".into(), &FROM.into()), "{bookings:#?}");

    let recordings = recordings(product, &call).await;
    assert_eq!(recordings.len(), 1, "{recordings:#?}");
    both_sides_are_recorded(product, &recordings[0]).await;
    ranges_are_served(product, &recordings[0]).await;
}

/// The keys as sound on the left, the agent on the right.
async fn both_sides_are_recorded(product: &Product, recording: &Value) {
    assert_eq!((text(&recording["kind"]), text(&recording["state"])), ("call", "ready"));
    let channels = listen(product, recording).await;
    assert_eq!(channels.len(), 2);
    let milliseconds = recording["milliseconds"].as_u64().expect("a length");
    assert_eq!(channels[0].len() as u64, milliseconds * 8, "the length in the record is that of the sound");
    assert!(milliseconds > 20_000, "{milliseconds}");
    assert!(sounding_frames(&channels[1]) > 500, "the agent speaks on the right: {}", sounding_frames(&channels[1]));
    // Keys travel as events (RFC 4733), not as sound, and a caller who only presses keys says nothing.
    assert_eq!(sounding_frames(&channels[0]), 0, "nothing of the agent is on the left");
}

async fn ranges_are_served(product: &Product, recording: &Value) {
    let address = link(product, recording).await;
    let whole = product.http.get(&address).send().await.expect("an answer");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.headers()["cache-control"], "private, no-store");
    let whole = whole.bytes().await.expect("a body");
    let length = whole.len();
    // In the header, across it, across a sealed chunk of 16 KiB, and the end.
    for (first, last) in [(0, 0), (40, 47), (16_420, 16_440), (100_001, 200_000), (length - 10, length - 1)] {
        let part = product.http.get(&address).header("range", format!("bytes={first}-{last}")).send().await;
        let part = part.expect("an answer");
        assert_eq!(part.status(), 206);
        assert_eq!(part.headers()["content-range"], format!("bytes {first}-{last}/{length}"));
        assert_eq!(part.bytes().await.expect("a body"), whole[first..=last]);
    }
    let beyond =
        product.http.get(&address).header("range", format!("bytes={length}-")).send().await.expect("an answer");
    assert_eq!(beyond.status(), 416);
    let forged = format!("{}x", &address[..address.len() - 1]);
    let refused = product.http.get(&forged).send().await.expect("an answer").status();
    assert!(refused.is_client_error(), "{refused}");
}

async fn a_message(product: &Product) {
    const FROM: &str = "+441174960102";
    play(product, "message", FROM).await;
    let call = ended_call_from(product, FROM).await;
    let recordings = recordings(product, &call).await;
    assert_eq!(recordings.len(), 1, "{recordings:#?}");
    let message = &recordings[0];
    assert_eq!((text(&message["kind"]), text(&message["state"])), ("voicemail", "ready"));
    let channels = listen(product, message).await;
    assert_eq!(channels.len(), 1, "a message holds the caller alone");
    assert!(sounding_frames(&channels[0]) > 150, "three seconds of words: {}", sounding_frames(&channels[0]));
    let lines = transcript(product, &call).await;
    assert!(lines.iter().any(|(_, text)| text.contains("Your message will be recorded")), "{lines:#?}");
    let tickets = product.get("/v1/tickets").await;
    let of_call = |ticket: &&Value| ticket["conversation_id"] == call["conversation_id"];
    let ticket = tickets["data"].as_array().expect("a list").iter().find(of_call);
    let ticket = ticket.unwrap_or_else(|| panic!("no ticket of the message: {tickets:#?}\n{lines:#?}"));
    assert_eq!((&ticket["phone"], &ticket["recording"]), (&FROM.into(), &message["id"]), "{ticket:#?}");
}

/// The caller agrees to both recordings: each is whole, and neither takes the sound from the other.
async fn a_message_within_a_recorded_call(product: &Product) {
    const FROM: &str = "+441174960104";
    let press = |key: &str| Step::Press(key.to_owned());
    let message: Arc<[i16]> = media::tone::sine(440.0, 12_000, 3_000).into();
    let steps = vec![
        Step::Listen(1_500),
        press("1"),
        Step::Wait(2_000),
        press("3"),
        Step::Wait(2_000),
        press("1"),
        Step::Listen(1_500),
        press("1"),
        Step::Listen(1_500),
        Step::Say(message),
        Step::Wait(500),
        press("#"),
        Step::Wait(3_000),
        Step::HangUp,
    ];
    let options = Options { from_user: FROM.to_owned(), longest_seconds: 90, steps, ..Options::default() };
    let outcome = softphone::place(&product.facts.sip_uri, &options, Arc::new(SystemEntropy)).await.expect("a phone");
    assert!(outcome.answered, "{:?}", outcome.end);
    let call = ended_call_from(product, FROM).await;
    let recordings = recordings(product, &call).await;
    let kinds: Vec<&str> = recordings.iter().map(|recording| text(&recording["kind"])).collect();
    assert_eq!(kinds, ["call", "voicemail"], "{:#?}", transcript(product, &call).await);
    assert!(recordings.iter().all(|recording| recording["state"] == "ready"), "{recordings:#?}");
    let (whole, message) = (listen(product, &recordings[0]).await, listen(product, &recordings[1]).await);
    assert!(holds_tone(&whole[0], 440.0) && holds_tone(&message[0], 440.0), "both hear the caller");
    // Three seconds of the tone, to its end, in both.
    for heard in [&whole[0], &message[0]] {
        assert!((140..=160).contains(&sounding_frames(heard)), "{} frames", sounding_frames(heard));
    }
    let after = recordings[0]["milliseconds"].as_i64().expect("a length")
        - recordings[1]["milliseconds"].as_i64().expect("a length");
    assert!(after > 10_000, "the call was recorded before and after the message: {recordings:#?}");
}

async fn the_hours(product: &Product) {
    const FROM: &str = "+441174960103";
    play(product, "hours", FROM).await;
    let call = ended_call_from(product, FROM).await;
    assert_eq!(timeline(product, &call).await, ["ringing", "answered", "ended"]);
    assert!(recordings(product, &call).await.is_empty(), "without consent there is no recording");
    let lines = transcript(product, &call).await;
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains("This call is not recorded")), "{lines:#?}");
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains("8:30 am")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_not_a_byte_of_sound_is_stored() {
    let product = Product::start_with(&["--no-caller"]).await;
    the_hours(&product).await;
    let objects: Vec<_> = files(product.folder());
    let sound = objects.iter().filter(|path| path.to_string_lossy().contains("recording-")).count();
    assert_eq!(sound, 0, "{objects:#?}");
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}
