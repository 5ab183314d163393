//! Answers from the documents on the phone: with a synthesizer a caller hears a quote and where it comes from; without one
//! is told where else it can be asked. Keys are all that a caller has.

use std::sync::Arc;

use serde_json::Value;
use storage::SystemEntropy;
use telephony::softphone::{self, Options, Step};
use telephony::voice::driver::Synthesizer;

use super::{ended_call_from, is_there, listen, recordings, sounding_frames, text, transcript};
use crate::product::{Product, UNHURRIED};

/// Samples of speech that are looked for at a time (0.1 s).
const PIECE: usize = 800;
/// How much of the quote is looked at: what is said within the first five seconds, in samples.
const LOOKED_AT: usize = 8_000 * 5;

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_read_out_with_espeak_ng_and_pointed_to_without_it() {
    tokio::join!(with_a_synthesizer(), without_one());
}

fn press(key: &str) -> Step {
    Step::Press(key.to_owned())
}

/// One call of these steps; gives its record.
async fn call(product: &Product, from: &str, steps: Vec<Step>) -> Value {
    let options = Options { from_user: from.to_owned(), longest_seconds: 60, steps, ..Options::default() };
    let outcome = softphone::place(&product.facts.sip_uri, &options, Arc::new(SystemEntropy)).await.expect("a phone");
    assert!(outcome.answered, "{:?}", outcome.end);
    ended_call_from(product, from).await
}

async fn with_a_synthesizer() {
    if !is_there("espeak-ng") {
        return;
    }
    let product = Product::start_with(&["--no-caller"]).await;
    // Agrees to the recording, asks for prices, and whether one can pay in parts.
    let steps = vec![
        Step::Listen(1_000),
        press("1"),
        Step::Wait(400),
        press("4"),
        Step::Wait(400),
        press("5"),
        Step::Wait(6_500),
        Step::HangUp,
    ];
    let call = call(&product, "+441174960161", steps).await;
    let path = format!("/v1/conversations/{}/events", text(&call["conversation_id"]));
    let lines = product.get(&path).await;
    let lines = lines.as_array().expect("a list");
    let quoting = lines.iter().find(|line| line["sources"].as_array().is_some_and(|sources| !sources.is_empty()));
    let quoting = quoting.unwrap_or_else(|| panic!("no quote: {lines:#?}"));
    let (source, words) = (&quoting["sources"][0], text(&quoting["text"]));
    assert_eq!((text(&quoting["by"]), text(&source["title"])), ("agent", "Treatments and prices"), "{quoting:#}");
    assert!(text(&source["quote"]).contains("three monthly parts"), "{quoting:#}");
    let said = words.lines().next().expect("words");
    assert!(said.contains("Treatments and prices") && said.ends_with(text(&source["quote"])), "{words}");

    // The recording holds that very sound: what espeak-ng makes of the words.
    let synthesizer = Synthesizer::find_espeak_ng("/usr/bin:/usr/local/bin").expect("espeak-ng");
    let spoken = synthesizer.speak(said).await.expect("spoken");
    let recordings = recordings(&product, &call).await;
    let channels = listen(&product, &recordings[0]).await;
    let loud = |piece: &&[i16]| media::measure::level_dbov(piece) > -35.0;
    let pieces: Vec<&[i16]> = spoken[..LOOKED_AT].chunks_exact(PIECE).filter(loud).collect();
    let heard = pieces.iter().filter(|piece| channels[1].windows(PIECE).any(|part| part == **piece)).count();
    // A machine that stands still for a moment puts a gap into a piece, not into all of them.
    assert!(pieces.len() > 20 && heard * 10 >= pieces.len() * 8, "{heard} of {} pieces were said", pieces.len());
}

async fn without_one() {
    const FROM: &str = "+441174960162";
    let product = Product::start_settled(&format!("synthesizer_path = \"\"\n{UNHURRIED}")).await;
    // Neither waits for a sentence: keys are obeyed at once.
    let steps = vec![Step::Wait(2_500), press("2"), Step::Wait(400), press("4"), Step::Wait(9_000), Step::HangUp];
    let options = Options { from_user: FROM.to_owned(), longest_seconds: 60, steps, ..Options::default() };
    let outcome = softphone::place(&product.facts.sip_uri, &options, Arc::new(SystemEntropy)).await.expect("a phone");
    let call = ended_call_from(&product, FROM).await;
    let lines = transcript(&product, &call).await;
    let last = &lines.iter().rev().find(|(by, _)| by == "agent").expect("the agent spoke").1;
    assert!(last.contains("You can ask in the chat on our website, or ask a person"), "{lines:#?}");
    assert!(last.contains("Would you like to speak to a person?"), "{lines:#?}");
    assert!(lines[0].1.contains("Thank you for calling."), "not the name, which it cannot say: {lines:#?}");
    let all: String = lines.into_iter().map(|(_, text)| text).collect();
    assert!(!all.contains("Our documents say") && !all.contains('\u{a3}'), "what nobody heard is not in it: {all}");
    // The recorded words last for more than six seconds; they were heard.
    let heard = &outcome.heard[outcome.heard.len() - 8_000 * 9..];
    assert!(sounding_frames(heard) > 250, "{}", sounding_frames(heard));
}
