//! The audio port: what the upper half of a call holds in its hands.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::playback::{ClipId, Finish, Playback, Position, QueueFull};
use super::{Digit, Heard, MediaStatistics, TapFrame};

/// Frames that wait to be heard at most: one second. More, and the oldest goes.
pub const HEARD_LIMIT: usize = 50;
/// Frames that wait for a recorder at most: ten seconds.
pub const TAP_LIMIT: usize = 500;
/// Recorders that listen to one call at once: the call and a message left in it, and one that is just ending.
pub const TAPS_LIMIT: usize = 3;

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
    pub taps: Mutex<Vec<mpsc::Sender<TapFrame>>>,
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

    /// Gives a frame to whoever records; how many had no room for it.
    pub fn record(&self, frame: &TapFrame) -> u64 {
        let mut dropped = 0;
        lock(&self.taps).retain(|tap| match tap.try_send(*frame) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                dropped += 1;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        dropped
    }

    /// The call is over: nobody waits any longer.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        lock(&self.playback).close();
        lock(&self.taps).clear();
        self.progress.notify_waiters();
        self.heard_more.notify_one();
    }
}

/// What is heard, frame by frame.
#[derive(Debug)]
pub struct Frames(Arc<Shared>);

impl Frames {
    /// Forgets what was heard and not taken.
    pub fn clear(&mut self) {
        lock(&self.0.heard).clear();
    }

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
    /// Both channels for a recorder, from now on until the receiver is dropped. Several may listen at once (a recorded
    /// call in which a message is left), at most [`TAPS_LIMIT`]: then the oldest ends. Nobody outside this part can have
    /// it: the recorder asks for consent before it calls this.
    pub(crate) fn tap(&self) -> mpsc::Receiver<TapFrame> {
        let (sender, receiver) = mpsc::channel(TAP_LIMIT);
        let mut taps = lock(&self.0.taps);
        // Asked under the lock: a call that ends meanwhile clears the list after this, not before.
        if !self.0.closed.load(Ordering::Acquire) {
            taps.retain(|tap| !tap.is_closed());
            if taps.len() == TAPS_LIMIT {
                taps.remove(0);
            }
            taps.push(sender);
        }
        drop(taps);
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

    /// How a clip ended; none while it waits or is being sent.
    pub fn finish_of(&self, clip: ClipId) -> Option<Finish> {
        lock(&self.0.playback).finish_of(clip)
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
    async fn two_recorders_hear_the_same_call_each_from_its_own_beginning() {
        let shared = Arc::new(Shared::default());
        let player = Player(shared.clone());
        let frame = |tick| TapFrame { tick, heard: SILENCE, spoken: SILENCE };
        let mut call = player.tap();
        assert_eq!(shared.record(&frame(1)), 0);
        let mut message = player.tap();
        assert_eq!(shared.record(&frame(2)), 0);
        assert_eq!(message.recv().await.map(|frame| frame.tick), Some(2));
        drop(message);
        assert_eq!(shared.record(&frame(3)), 0);
        assert_eq!(lock(&shared.taps).len(), 1, "whoever stopped listening is forgotten");
        shared.close();
        let mut ticks = Vec::new();
        while let Some(frame) = call.recv().await {
            ticks.push(frame.tick);
        }
        assert_eq!(ticks, [1, 2, 3]);
        assert!(player.tap().recv().await.is_none(), "after the end there is nothing to hear");
    }

    #[tokio::test]
    async fn one_recorder_too_many_ends_the_oldest_and_a_slow_one_loses_frames_that_are_counted() {
        let shared = Arc::new(Shared::default());
        let player = Player(shared.clone());
        let mut taps: Vec<_> = (0..=TAPS_LIMIT).map(|_| player.tap()).collect();
        assert!(taps[0].recv().await.is_none());
        let frame = TapFrame { tick: 0, heard: SILENCE, spoken: SILENCE };
        let dropped: u64 = (0..=TAP_LIMIT).map(|_| shared.record(&frame)).sum();
        assert_eq!(dropped as usize, TAPS_LIMIT);
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
