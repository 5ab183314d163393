//! The audio port: what the upper half of a call holds in its hands.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::playback::{ClipId, Finish, Playback, Position, QueueFull};
use super::{Digit, Heard, MediaStatistics, TapFrame};

/// Frames that wait to be heard at most: one second. More, and the oldest goes.
pub const HEARD_LIMIT: usize = 50;
/// Frames that wait for the recorder at most: ten seconds.
pub const TAP_LIMIT: usize = 500;

/// Both ways of one call's sound.
#[derive(Debug)]
pub struct AudioPort {
    /// What is said.
    pub player: Player,
    /// What is heard.
    pub frames: Frames,
    /// The keys that are pressed.
    pub digits: mpsc::Receiver<Digit>,
    shared: Arc<Shared>,
}

impl AudioPort {
    pub(super) fn new(shared: Arc<Shared>, digits: mpsc::Receiver<Digit>) -> Self {
        AudioPort { player: Player(shared.clone()), frames: Frames(shared.clone()), digits, shared }
    }

    /// The figures so far.
    pub fn statistics(&self) -> MediaStatistics {
        *lock(&self.shared.statistics)
    }
}

/// What the port and the driver share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub playback: Mutex<Playback>,
    /// Rung when a clip ends or the queue runs empty.
    pub progress: Notify,
    pub heard: Mutex<VecDeque<Heard>>,
    pub heard_more: Notify,
    pub tap: Mutex<Option<mpsc::Sender<TapFrame>>>,
    pub keys: Mutex<String>,
    pub statistics: Mutex<MediaStatistics>,
    pub closed: AtomicBool,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Gives a frame to the listener; true when an older one had to go.
    pub fn hear(&self, frame: &Heard) -> bool {
        let mut heard = lock(&self.heard);
        let full = heard.len() == HEARD_LIMIT;
        if full {
            heard.pop_front();
        }
        heard.push_back(*frame);
        drop(heard);
        self.heard_more.notify_one();
        full
    }

    /// The call is over: nobody waits any longer.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        lock(&self.playback).close();
        *lock(&self.tap) = None;
        self.progress.notify_waiters();
        self.heard_more.notify_one();
    }
}

/// What is heard, frame by frame.
#[derive(Debug)]
pub struct Frames(Arc<Shared>);

impl Frames {
    /// The next frame; none once the call is over and all was taken. Cancel safe.
    pub async fn recv(&mut self) -> Option<Heard> {
        loop {
            if let Some(frame) = lock(&self.0.heard).pop_front() {
                return Some(frame);
            }
            if self.0.closed.load(Ordering::Acquire) {
                return None;
            }
            self.0.heard_more.notified().await;
        }
    }
}

/// Says things; clones say into the same call.
#[derive(Debug, Clone)]
pub struct Player(Arc<Shared>);

impl Player {
    /// Both channels for a recorder, from now on; a second tap replaces the first. Nobody outside this part can have it:
    /// the recorder asks for consent before it calls this.
    #[allow(dead_code, reason = "the recorder of the upper half is its one user")]
    pub(crate) fn tap(&self) -> mpsc::Receiver<TapFrame> {
        let (sender, receiver) = mpsc::channel(TAP_LIMIT);
        if !self.0.closed.load(Ordering::Acquire) {
            *lock(&self.0.tap) = Some(sender);
        }
        receiver
    }

    /// Appends a clip (8 kHz, one channel) to what is said.
    pub fn play(&self, samples: Arc<[i16]>) -> Result<ClipId, QueueFull> {
        lock(&self.0.playback).push(samples)
    }

    /// Throws away all that was not sent yet (somebody speaks); says how far the clip in front was.
    pub fn clear(&self) -> Position {
        let position = lock(&self.0.playback).clear();
        self.0.progress.notify_waiters();
        position
    }

    /// What really went out.
    pub fn position(&self) -> Position {
        lock(&self.0.playback).position()
    }

    /// Waits until a clip has been sent to its end, or was cleared. Cancel safe.
    pub async fn finished(&self, clip: ClipId) -> Finish {
        loop {
            let progress = self.0.progress.notified();
            if let Some(finish) = lock(&self.0.playback).finish_of(clip) {
                return finish;
            }
            progress.await;
        }
    }

    /// Waits until nothing is left to say. Cancel safe.
    pub async fn drained(&self) {
        loop {
            let progress = self.0.progress.notified();
            if lock(&self.0.playback).is_empty() {
                return;
            }
            progress.await;
        }
    }

    /// Presses keys towards the other side: as events, or as sound when it does not speak them.
    pub fn send_digits(&self, symbols: &str) {
        lock(&self.0.keys).push_str(symbols);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::SILENCE;

    #[tokio::test]
    async fn the_oldest_frame_goes_when_nobody_listens() {
        let shared = Arc::new(Shared::default());
        let mut frames = Frames(shared.clone());
        let dropped = (0..60).filter(|&tick| shared.hear(&Heard { tick, frame: SILENCE, concealed: false })).count();
        assert_eq!(dropped, 10);
        assert_eq!(frames.recv().await.map(|heard| heard.tick), Some(10));
        shared.close();
        let mut rest = 0;
        while frames.recv().await.is_some() {
            rest += 1;
        }
        assert_eq!(rest, HEARD_LIMIT - 1);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_when_the_call_ends() {
        let shared = Arc::new(Shared::default());
        let player = Player(shared.clone());
        let clip = player.play(vec![0; 800].into()).expect("room");
        let waiting = tokio::spawn(async move {
            let finish = player.finished(clip).await;
            player.drained().await;
            finish
        });
        tokio::task::yield_now().await;
        shared.close();
        assert_eq!(waiting.await.expect("no panic"), Finish::CallEnded);
    }
}
