//! The other side of a call that is only simulated: a clock somewhere else passes each 20 ms, no packet goes anywhere.

use std::sync::Arc;

use media::{Frame, SILENCE};
use tokio::sync::mpsc;

use super::port::{Shared, lock};
use super::{AudioPort, Digit, DigitSource, Heard, TapFrame};

/// Keys that wait to be read at most.
const DIGITS_LIMIT: usize = 16;

/// What stands where socket and clock of a real call stand.
#[derive(Debug)]
pub struct Simulated {
    shared: Arc<Shared>,
    digits: mpsc::Sender<Digit>,
}

impl AudioPort {
    /// A port without a network behind it, and what moves it.
    pub(crate) fn simulated() -> (Self, Simulated) {
        let shared = Arc::new(Shared::default());
        let (sender, digits) = mpsc::channel(DIGITS_LIMIT);
        (AudioPort::new(shared.clone(), digits), Simulated { shared, digits: sender })
    }
}

impl Simulated {
    /// One tick passes: this was heard, and what is to be said was said.
    pub(crate) fn pass(&self, heard: &Frame, tick: u64) {
        // Keys towards the other side are pressed for nobody.
        lock(&self.shared.keys).clear();
        let spoken = lock(&self.shared.playback).next_frame();
        if spoken.is_some() {
            self.shared.progress.notify_waiters();
        }
        self.shared.hear(&Heard { tick, frame: *heard, concealed: false });
        self.shared.record(&TapFrame { tick, heard: *heard, spoken: spoken.unwrap_or(SILENCE) });
    }

    /// The other side presses a key.
    pub(crate) fn press(&self, symbol: char, tick: u64) {
        let _ = self.digits.try_send(Digit { symbol, tick, source: DigitSource::Event });
    }

    /// The call is over.
    pub(crate) fn close(&self) {
        self.shared.close();
    }
}
