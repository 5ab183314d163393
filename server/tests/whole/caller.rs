//! A caller with a softphone of our own, over real SIP and sound.

use std::sync::Arc;

use telephony::softphone::{Options, Outcome, Softphone, Step};

/// A rest this long means that the agent has finished, in milliseconds.
const FINISHED: u32 = 1_500;

/// A phone on this machine.
pub async fn phone() -> Softphone {
    let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
    Softphone::open(loopback, Arc::new(storage::SystemEntropy)).await.expect("a phone")
}

/// How somebody of this name calls and what they do.
pub fn options(name: &str, number: &str, steps: Vec<Step>) -> Options {
    Options {
        from_user: number.to_owned(),
        from_name: Some(name.to_owned()),
        longest_seconds: 120,
        steps,
        ..Options::default()
    }
}

/// Hears the agent out, then presses these keys; once for each group.
pub fn pressing(groups: &[&str]) -> Vec<Step> {
    groups.iter().flat_map(|keys| [Step::Listen(FINISHED), Step::Press((*keys).to_owned())]).collect()
}

/// Agrees to the recording. On a busy machine sound can stop for a moment, and whoever took that for the end of the notice is asked
/// again: so the key comes a second time. Whoever was understood at once chooses from the menu with it.
pub fn agreeing() -> Vec<Step> {
    pressing(&["1", "1"])
}

/// A tone of this frequency, not too loud to be told from noise.
pub fn tone(frequency: f64, seconds: u32) -> Arc<[i16]> {
    media::tone::sine(frequency, 9_000, seconds * 1_000).into()
}

/// Places the call and fails the test unless it was answered.
pub async fn call(phone: &Softphone, address: &str, options: &Options) -> Outcome {
    let outcome = phone.place(address, options).await;
    assert!(outcome.answered, "{:?}", outcome.end);
    outcome
}
