//! An old telephone: its keys are tones, and its owner puts the agent on hold.

use std::time::Duration;

use media::{FRAME_SAMPLES, measure};
use tokio::time::{Instant, sleep};

use super::old_phone::OldPhone;
use super::{ended_call_from, host, listen, recordings, text, timeline, transcript};
use crate::product::Product;

/// How long each hold lasts.
const HOLD: Duration = Duration::from_millis(1_500);
/// What may still be on its way when a hold begins.
const CROSSING: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn keys_as_tones_are_understood_and_nobody_talks_into_a_hold() {
    let product = Product::start_with(&["--no-caller"]).await;
    tokio::join!(a_call_with_two_holds(&product), whoever_is_on_hold_is_not_silent(&product));
}

/// The agent's question is heard to its end and then put on hold for longer than it waits for an answer.
async fn whoever_is_on_hold_is_not_silent(product: &Product) {
    let server = host(product).parse().expect("an address");
    let mut phone = OldPhone::call(&product.facts.sip_uri, server, "+441174960182").await;
    phone.hear_out(Duration::from_secs(1)).await;
    phone.fall_silent(true);
    phone.direct("inactive").await;
    sleep(Duration::from_millis(7_500)).await;
    phone.fall_silent(false);
    let back = Instant::now();
    phone.direct("sendrecv").await;
    sleep(Duration::from_millis(900)).await;
    let (packets, sounding) = phone.heard_since(back);
    assert!(packets > 30 && sounding == 0, "the question is not asked again: {sounding} of {packets}");
    phone.hang_up().await;
}

async fn a_call_with_two_holds(product: &Product) {
    const FROM: &str = "+441174960181";
    let server = host(product).parse().expect("an address");
    let mut phone = OldPhone::call(&product.facts.sip_uri, server, FROM).await;
    phone.hear_out(Duration::from_secs(1)).await;
    phone.press('1').await;
    let agreed = Instant::now();
    sleep(Duration::from_secs(2)).await;

    // In the middle of what the agent says: on hold with music of ours, then back.
    let answer = phone.direct("sendonly").await;
    assert!(answer.contains("a=recvonly"), "{answer}");
    let music_at = agreed.elapsed();
    phone.say(&media::tone::sine(840.0, 9_000, 1_000));
    sleep(CROSSING).await;
    let quiet = Instant::now();
    sleep(HOLD).await;
    assert_eq!(phone.heard_since(quiet).0, 0, "not a packet is sent to who does not listen");
    assert!(phone.direct("sendrecv").await.contains("a=sendrecv"));
    let back = Instant::now();
    sleep(Duration::from_millis(800)).await;
    let (packets, sounding) = phone.heard_since(back);
    assert!(packets > 30 && sounding > 15, "the agent goes on with its sentence: {sounding} of {packets}");

    // Once more, with neither side sending.
    phone.fall_silent(true);
    assert!(phone.direct("inactive").await.contains("a=inactive"));
    sleep(CROSSING).await;
    let quiet = Instant::now();
    sleep(HOLD).await;
    assert_eq!(phone.heard_since(quiet).0, 0);
    phone.fall_silent(false);
    phone.direct("sendrecv").await;
    phone.press('2').await;
    sleep(Duration::from_millis(1_500)).await;
    let length = agreed.elapsed();
    phone.hang_up().await;

    let call = ended_call_from(product, FROM).await;
    assert_eq!((text(&call["ended_by"]), text(&call["end_reason"])), ("caller", "hung_up"), "{call:#}");
    let events = timeline(product, &call).await;
    let (first, last) = (&events[..7], events.last().expect("an end"));
    assert_eq!(first, ["ringing", "answered", "recording_started", "held", "resumed", "held", "resumed"], "{events:?}");
    assert!(last == "ended" && events.contains(&"recording_ended".to_owned()), "{events:?}");
    let lines = transcript(product, &call).await;
    let keys: Vec<&str> = lines.iter().filter(|(by, _)| by == "keys").map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["1", "2"], "{lines:#?}");
    assert!(lines.iter().any(|(by, text)| by == "agent" && text.contains("8:30 am")), "the hours: {lines:#?}");

    // The recording stays in step: it is as long as the time was, the music stands where it was played, and the agent is
    // silent beside it.
    let recordings = recordings(product, &call).await;
    let milliseconds = recordings[0]["milliseconds"].as_u64().expect("a length");
    assert!(milliseconds.abs_diff(length.as_millis() as u64) < 600, "{milliseconds} ms of {length:?}");
    let channels = listen(product, &recordings[0]).await;
    let is_music = |frame: &[i16]| measure::level_dbov(frame) > -40.0 && measure::share_at(frame, 840.0) > 0.8;
    let music: Vec<usize> = (0..channels[0].len() / FRAME_SAMPLES)
        .filter(|place| is_music(&channels[0][place * FRAME_SAMPLES..(place + 1) * FRAME_SAMPLES]))
        .collect();
    assert!((45..=52).contains(&music.len()), "a second of music is in it: {} frames", music.len());
    let began = music[0] as u64 * 20;
    assert!(began.abs_diff(music_at.as_millis() as u64) < 500, "at {began} ms, played at {music_at:?}");
    let beside = &channels[1][(music[0] + 5) * FRAME_SAMPLES..music[music.len() - 1] * FRAME_SAMPLES];
    assert!(measure::level_dbov(beside) < -60.0, "the agent speaks into the hold");
}
