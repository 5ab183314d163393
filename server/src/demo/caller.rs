//! The simulated caller of the demo: books an appointment by a real call, so that the dashboard has something to show.

use std::sync::Arc;

use storage::SystemEntropy;
use telephony::softphone::{self, Options};

use crate::cli::say;
use crate::scenario;

/// The number that the simulated caller is seen with (reserved for fiction).
const CALLER: &str = "+441174960999";
/// The call is ended after this many seconds at the latest.
const SECONDS_MAX: u32 = 240;

/// Calls `uri`, books an appointment by keypad and tells the terminal how it went.
pub async fn call_in(uri: &str) {
    let Ok(steps) = scenario::steps("booking") else { return };
    let options =
        Options { from_user: CALLER.to_owned(), longest_seconds: SECONDS_MAX, steps, ..Options::default() };
    say("A simulated caller is on the phone now: open Calls and watch.");
    match softphone::place(uri, &options, Arc::new(SystemEntropy)).await {
        Ok(outcome) if outcome.answered => {
            say(&format!("The simulated caller has hung up after {} s.", outcome.call_milliseconds / 1_000));
        }
        Ok(outcome) => say(&format!("The simulated caller was not answered: {}.", outcome.end.reason.name())),
        Err(error) => say(&format!("The simulated caller could not call: {error}.")),
    }
}
