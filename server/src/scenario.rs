//! Scenarios: whole calls by a simulated caller, through real SIP and sound.

use anyhow::Context as _;
use telephony::softphone::{self, Step};
use telephony::voice::bank::Bank;

/// The scenarios that there are.
pub const NAMES: [&str; 3] = ["booking", "hours", "message"];

/// What the caller of the scenario `message` says: recorded words from the bank, so that it needs no synthesizer.
const MESSAGE: [&str; 3] = [
    "Please leave your message after the tone. Press the hash key to end.",
    "Would you like to speak to a person? For yes, press 1. For no, press 2.",
    "Your appointment is booked.",
];

/// The steps of a scenario.
///
/// # Errors
/// When there is none of that name.
pub fn steps(name: &str) -> anyhow::Result<Vec<Step>> {
    let script = match name {
        "booking" => include_str!("scenarios/booking.txt"),
        "hours" => include_str!("scenarios/hours.txt"),
        "message" => include_str!("scenarios/message.txt"),
        other => anyhow::bail!("there is no scenario `{other}`; there are {}", NAMES.join(", ")),
    };
    softphone::parse(script, &mut |name| spoken(name)).context("scenario")
}

fn spoken(name: &str) -> Result<Vec<i16>, String> {
    if name != "message" {
        return Err(format!("there is no sound `{name}`"));
    }
    Ok(MESSAGE.iter().filter_map(|text| Bank::embedded().find(text)).flat_map(|unit| unit.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_reads_and_ends_by_hanging_up() {
        for name in NAMES {
            let steps = steps(name).expect(name);
            assert_eq!(steps.last(), Some(&Step::HangUp), "{name}");
        }
        assert!(steps("nothing").is_err());
    }

    #[test]
    fn the_message_is_spoken_with_recorded_words() {
        assert!(spoken("message").expect("sound").len() > 3 * 8_000);
    }
}
