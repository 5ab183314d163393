//! The jitter buffer: packets go in as they come, frames come out every 20 ms.
//!
//! Works on the media clock (RTP timestamps), so packets of 10, 20, 30 or 40 ms, reordering and pauses all mean the same
//! here. What is missing when its time comes is concealed for up to [`CONCEALED_FRAMES`] frames by repeating the last
//! pitch period while it fades, then it is silent. The delay grows when packets come late and shrinks when they do not.
//!
//! Promises: at most [`BUFFERED_SAMPLES`] are held; every pull gives exactly one frame; nothing that comes in panics.

use std::collections::VecDeque;

use crate::{FRAME_SAMPLES, Frame, SILENCE};

/// The most sound that is ever held: one second. More than this and the oldest goes.
pub const BUFFERED_SAMPLES: usize = 8_000;
/// Frames of delay to begin with: 40 ms.
pub const FIRST_DELAY_FRAMES: usize = 2;
/// Frames of delay at most: 200 ms.
pub const LONGEST_DELAY_FRAMES: usize = 10;
/// Frames that are made up when packets are missing; after that there is silence.
pub const CONCEALED_FRAMES: u32 = 3;
/// Pulls without any packet after which the buffer fills again before it plays: 100 ms.
const STARVED_PULLS: u32 = 5;
/// Pulls between two looks at whether the delay can shrink: one second.
const REVIEW_PULLS: u32 = 50;
/// A timestamp further away than this is a restarted clock: two seconds.
const JUMP_SAMPLES: i64 = 16_000;
/// Lags searched for the pitch when concealing: 66 to 200 Hz.
const PITCH_LAGS: std::ops::RangeInclusive<usize> = 40..=120;

/// What a pull gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// Every sample was received.
    Received,
    /// Some samples were missing and were made up.
    Concealed,
    /// Nothing to play: the buffer fills, or the sender is quiet.
    Silent,
}

/// Running figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets that came after their time.
    pub late: u64,
    /// Frames with made-up samples.
    pub concealed: u64,
    /// Packets thrown away because the buffer was full or they overlapped.
    pub dropped: u64,
}

#[derive(Debug)]
struct Chunk {
    start: i64,
    samples: Vec<i16>,
}

impl Chunk {
    fn end(&self) -> i64 {
        self.start + self.samples.len() as i64
    }
}

/// One direction of one call.
#[derive(Debug)]
pub struct JitterBuffer {
    chunks: VecDeque<Chunk>,
    held_samples: usize,
    /// The next sample to play, on the unwrapped media clock; none while filling.
    cursor: Option<i64>,
    /// The unwrapped clock of the newest packet.
    newest: Option<i64>,
    delay_frames: usize,
    waited_pulls: usize,
    starved_pulls: u32,
    review_pulls: u32,
    least_depth: i64,
    history: Frame2,
    faded: u32,
    figures: Figures,
}

/// Two frames: enough to find a pitch of 66 Hz.
type Frame2 = [i16; FRAME_SAMPLES * 2];

impl Default for JitterBuffer {
    fn default() -> Self {
        JitterBuffer {
            chunks: VecDeque::new(),
            held_samples: 0,
            cursor: None,
            newest: None,
            delay_frames: FIRST_DELAY_FRAMES,
            waited_pulls: 0,
            starved_pulls: 0,
            review_pulls: 0,
            least_depth: i64::MAX,
            history: [0; FRAME_SAMPLES * 2],
            faded: CONCEALED_FRAMES,
            figures: Figures::default(),
        }
    }
}

impl JitterBuffer {
    /// The figures so far.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// The delay aimed at now, in frames.
    pub fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    /// Forgets what is held (a new source, a new direction), keeps the figures and the learned delay.
    pub fn reset(&mut self) {
        self.chunks.clear();
        self.held_samples = 0;
        self.cursor = None;
        self.newest = None;
        self.waited_pulls = 0;
        self.starved_pulls = 0;
    }

    /// Takes the decoded samples of one packet. Duplicates must be sorted out before (see `reception`).
    pub fn push(&mut self, timestamp: u32, samples: &[i16]) {
        if samples.is_empty() || samples.len() > BUFFERED_SAMPLES {
            self.figures.dropped += 1;
            return;
        }
        let start = self.unwrap(timestamp);
        let reference = self.cursor.or(self.newest).unwrap_or(start);
        if (start - reference).abs() > JUMP_SAMPLES {
            self.reset();
        }
        let end = start + samples.len() as i64;
        if self.cursor.is_some_and(|cursor| end <= cursor) {
            self.figures.late += 1;
            self.grow();
            return;
        }
        self.newest = Some(self.newest.map_or(start, |newest| newest.max(start)));
        self.insert(Chunk { start, samples: samples.to_vec() });
    }

    fn unwrap(&self, timestamp: u32) -> i64 {
        match self.newest {
            None => i64::from(timestamp),
            Some(newest) => newest + i64::from(timestamp.wrapping_sub(newest as u32) as i32),
        }
    }

    fn insert(&mut self, chunk: Chunk) {
        let at = self.chunks.partition_point(|held| held.start < chunk.start);
        let overlaps_before = at > 0 && self.chunks[at - 1].end() > chunk.start;
        let overlaps_after = self.chunks.get(at).is_some_and(|held| held.start < chunk.end());
        if overlaps_before || overlaps_after {
            self.figures.dropped += 1;
            return;
        }
        self.held_samples += chunk.samples.len();
        self.chunks.insert(at, chunk);
        while self.held_samples > BUFFERED_SAMPLES {
            self.drop_oldest();
            self.figures.dropped += 1;
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.chunks.pop_front() {
            self.held_samples -= oldest.samples.len();
            if let Some(cursor) = self.cursor.as_mut() {
                *cursor = (*cursor).max(oldest.end());
            }
        }
    }

    /// A packet came after its time: wait a frame longer from now on.
    fn grow(&mut self) {
        if self.delay_frames < LONGEST_DELAY_FRAMES {
            self.delay_frames += 1;
            if let Some(cursor) = self.cursor.as_mut() {
                *cursor -= FRAME_SAMPLES as i64;
            }
        }
    }

    /// The next 20 ms.
    pub fn pull(&mut self, frame: &mut Frame) -> Pulled {
        *frame = SILENCE;
        let Some(cursor) = self.playing_from() else {
            return self.conceal_or_silence(frame);
        };
        self.shrink(cursor);
        let cursor = self.cursor.unwrap_or(cursor);
        let filled = self.take(cursor, frame);
        self.cursor = Some(cursor + FRAME_SAMPLES as i64);
        if filled == FRAME_SAMPLES {
            self.starved_pulls = 0;
            self.faded = 0;
            self.remember(frame);
            return Pulled::Received;
        }
        if self.chunks.is_empty() {
            self.starved_pulls += 1;
            if self.starved_pulls >= STARVED_PULLS {
                self.cursor = None;
                self.waited_pulls = 0;
            }
        }
        if filled > 0 {
            self.faded = 0;
            self.figures.concealed += 1;
            self.remember(frame);
            return Pulled::Concealed;
        }
        self.conceal_or_silence(frame)
    }

    /// Where playing stands; begins to play once the delay is filled (or has passed).
    fn playing_from(&mut self) -> Option<i64> {
        if self.cursor.is_none() {
            let (first, last) = (self.chunks.front()?.start, self.chunks.back()?.end());
            self.waited_pulls += 1;
            let wanted = (self.delay_frames * FRAME_SAMPLES) as i64;
            if last - first < wanted && self.waited_pulls <= self.delay_frames {
                return None;
            }
            self.cursor = Some(first);
            self.starved_pulls = 0;
            self.least_depth = i64::MAX;
            self.review_pulls = 0;
        }
        self.cursor
    }

    /// Leaves a frame out when, for a whole second, more was held than the delay needs.
    fn shrink(&mut self, cursor: i64) {
        let depth = self.chunks.back().map_or(0, |newest| newest.end() - cursor);
        self.least_depth = self.least_depth.min(depth);
        self.review_pulls += 1;
        if self.review_pulls < REVIEW_PULLS {
            return;
        }
        let wanted = ((self.delay_frames + 1) * FRAME_SAMPLES) as i64;
        if self.least_depth > wanted {
            self.cursor = Some(cursor + FRAME_SAMPLES as i64);
        } else if self.figures.late == 0 || self.least_depth > (FIRST_DELAY_FRAMES * FRAME_SAMPLES) as i64 {
            // Nothing came near its deadline in this second: next time a little less will do.
            self.delay_frames = self.delay_frames.saturating_sub(1).max(FIRST_DELAY_FRAMES);
        }
        self.review_pulls = 0;
        self.least_depth = i64::MAX;
    }

    /// Copies what is held of the 160 samples at the cursor; gives how many there were.
    fn take(&mut self, cursor: i64, frame: &mut Frame) -> usize {
        let end = cursor + FRAME_SAMPLES as i64;
        let mut filled = 0;
        while let Some(chunk) = self.chunks.front() {
            if chunk.start >= end {
                break;
            }
            let from = cursor.max(chunk.start);
            let to = end.min(chunk.end());
            if to > from {
                let source = &chunk.samples[(from - chunk.start) as usize..(to - chunk.start) as usize];
                frame[(from - cursor) as usize..(to - cursor) as usize].copy_from_slice(source);
                filled += source.len();
            }
            if chunk.end() > end {
                break;
            }
            self.held_samples -= chunk.samples.len();
            self.chunks.pop_front();
        }
        filled
    }

    fn remember(&mut self, frame: &Frame) {
        self.history.copy_within(FRAME_SAMPLES.., 0);
        self.history[FRAME_SAMPLES..].copy_from_slice(frame);
    }

    /// Repeats the last pitch period, fainter with each frame; silence once it has faded.
    fn conceal_or_silence(&mut self, frame: &mut Frame) -> Pulled {
        if self.faded >= CONCEALED_FRAMES {
            return Pulled::Silent;
        }
        let lag = pitch(&self.history);
        let total = (CONCEALED_FRAMES as usize * FRAME_SAMPLES) as i32;
        let begun = self.faded as i32 * FRAME_SAMPLES as i32;
        let period = self.history.len() - lag;
        for (index, sample) in frame.iter_mut().enumerate() {
            let repeated = i32::from(self.history[period + index % lag]);
            *sample = (repeated * (total - begun - index as i32) / total) as i16;
        }
        self.faded += 1;
        self.figures.concealed += 1;
        Pulled::Concealed
    }
}

/// The lag at which the last frame resembles what came before it most.
fn pitch(history: &Frame2) -> usize {
    let recent = &history[FRAME_SAMPLES..];
    let likeness = |lag: usize| -> i64 {
        let earlier = &history[FRAME_SAMPLES - lag..FRAME_SAMPLES * 2 - lag];
        recent.iter().zip(earlier).map(|(&now, &then)| i64::from(now) * i64::from(then)).sum()
    };
    PITCH_LAGS.max_by_key(|&lag| likeness(lag)).unwrap_or(*PITCH_LAGS.end())
}

#[cfg(test)]
mod tests;
