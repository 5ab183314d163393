//! What is to be said: clips in a queue, cut into frames as they go out, so that one knows what was really played.
//!
//! Promises: at most [`QUEUE_LIMIT_SAMPLES`] wait; every clip ends exactly once, as played or as cleared; the position
//! counts samples that left, not samples that were queued.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use media::{FRAME_SAMPLES, Frame, SILENCE};
use thiserror::Error;

/// The most sound that waits: ten minutes.
pub const QUEUE_LIMIT_SAMPLES: usize = 8_000 * 600;
/// Ends of clips that are remembered for those who ask later.
const REMEMBERED_ENDS: usize = 1_024;

/// One clip of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClipId(u64);

/// How a clip ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Its last sample was sent.
    Played,
    /// It was cleared before its end.
    Cleared,
    /// The call ended first.
    CallEnded,
}

/// How far playing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The clip that is being played.
    pub clip: Option<ClipId>,
    /// Samples of that clip that were sent.
    pub played_samples: usize,
    /// Samples that still wait, of all clips.
    pub queued_samples: usize,
}

/// Nothing more can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more than ten minutes of sound would wait to be played")]
pub struct QueueFull;

#[derive(Debug)]
struct Clip {
    id: ClipId,
    samples: Arc<[i16]>,
    at: usize,
}

/// The queue of one call.
#[derive(Debug, Default)]
pub struct Playback {
    clips: VecDeque<Clip>,
    queued: usize,
    last_id: u64,
    ends: HashMap<ClipId, Finish>,
    order: VecDeque<ClipId>,
    closed: bool,
    /// How far playing was when the call ended, for the one who asks then.
    at_close: Option<Position>,
}

impl Playback {
    /// Appends a clip. An empty one ends when its turn comes.
    pub fn push(&mut self, samples: Arc<[i16]>) -> Result<ClipId, QueueFull> {
        if self.queued + samples.len() > QUEUE_LIMIT_SAMPLES {
            return Err(QueueFull);
        }
        self.last_id += 1;
        let id = ClipId(self.last_id);
        self.queued += samples.len();
        self.clips.push_back(Clip { id, samples, at: 0 });
        if self.closed {
            self.close();
        }
        Ok(id)
    }

    /// The next 20 ms; none when nothing waits. A clip's end and the next one's beginning share a frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let mut frame = SILENCE;
        let mut filled = 0;
        while let Some(clip) = self.clips.front_mut() {
            let taken = (FRAME_SAMPLES - filled).min(clip.samples.len() - clip.at);
            frame[filled..filled + taken].copy_from_slice(&clip.samples[clip.at..clip.at + taken]);
            clip.at += taken;
            filled += taken;
            self.queued -= taken;
            if clip.at < clip.samples.len() {
                break;
            }
            let id = clip.id;
            self.clips.pop_front();
            self.end(id, Finish::Played);
        }
        (filled > 0).then_some(frame)
    }

    /// Throws away all that waits; gives how far playing was, once even when the call's end came first.
    pub fn clear(&mut self) -> Position {
        if let Some(position) = self.at_close.take() {
            return position;
        }
        let position = Position { queued_samples: 0, ..self.position() };
        self.end_all(Finish::Cleared);
        position
    }

    /// The call is over: everything ends, and everything pushed later ends at once.
    pub fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.at_close = Some(Position { queued_samples: 0, ..self.position() });
        }
        self.end_all(Finish::CallEnded);
    }

    fn end_all(&mut self, finish: Finish) {
        while let Some(clip) = self.clips.pop_front() {
            self.end(clip.id, finish);
        }
        self.queued = 0;
    }

    fn end(&mut self, id: ClipId, finish: Finish) {
        if self.order.len() == REMEMBERED_ENDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.ends.remove(&oldest);
        }
        self.ends.insert(id, finish);
        self.order.push_back(id);
    }

    /// How a clip ended; none while it waits or plays. One too old to be remembered counts as played.
    pub fn finish_of(&self, id: ClipId) -> Option<Finish> {
        if let Some(finish) = self.ends.get(&id) {
            return Some(*finish);
        }
        let waits = self.clips.iter().any(|clip| clip.id == id);
        (!waits).then_some(Finish::Played)
    }

    /// How far playing is.
    pub fn position(&self) -> Position {
        let front = self.clips.front();
        Position {
            clip: front.map(|clip| clip.id),
            played_samples: front.map_or(0, |clip| clip.at),
            queued_samples: self.queued,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(value: i16, count: usize) -> Arc<[i16]> {
        vec![value; count].into()
    }

    #[test]
    fn clips_join_without_a_gap_and_end_in_order() {
        let mut playback = Playback::default();
        let first = playback.push(clip(1, 200)).expect("room");
        let second = playback.push(clip(2, 120)).expect("room");
        assert_eq!(playback.next_frame().expect("sound")[159], 1);
        assert_eq!(playback.position(), Position { clip: Some(first), played_samples: 160, queued_samples: 160 });
        assert_eq!(playback.finish_of(first), None);
        let frame = playback.next_frame().expect("sound");
        assert_eq!((frame[39], frame[40], frame[159]), (1, 2, 2));
        assert_eq!(
            (playback.finish_of(first), playback.finish_of(second)),
            (Some(Finish::Played), Some(Finish::Played))
        );
        assert!(playback.next_frame().is_none() && playback.is_empty());
    }

    #[test]
    fn clearing_tells_what_was_really_played() {
        let mut playback = Playback::default();
        let first = playback.push(clip(1, 1_000)).expect("room");
        let second = playback.push(clip(2, 1_000)).expect("room");
        playback.next_frame();
        let position = playback.clear();
        assert_eq!((position.clip, position.played_samples), (Some(first), 160));
        assert_eq!(
            (playback.finish_of(first), playback.finish_of(second)),
            (Some(Finish::Cleared), Some(Finish::Cleared))
        );
        assert!(playback.next_frame().is_none());
    }

    #[test]
    fn what_was_played_when_the_call_ended_is_told_once() {
        let mut playback = Playback::default();
        let first = playback.push(clip(1, 1_000)).expect("room");
        playback.next_frame();
        playback.close();
        playback.push(clip(2, 1_000)).expect("room");
        let position = playback.clear();
        assert_eq!((position.clip, position.played_samples), (Some(first), 160));
        assert_eq!(playback.finish_of(first), Some(Finish::CallEnded));
        assert_eq!(playback.clear().clip, None);
    }

    #[test]
    fn ten_minutes_wait_and_not_a_sample_more() {
        let mut playback = Playback::default();
        let long = clip(1, QUEUE_LIMIT_SAMPLES);
        playback.push(long).expect("exactly ten minutes");
        assert_eq!(playback.push(clip(1, 1)), Err(QueueFull));
        playback.next_frame();
        assert!(playback.push(clip(1, 160)).is_ok());
    }

    #[test]
    fn after_the_end_nothing_waits() {
        let mut playback = Playback::default();
        let first = playback.push(clip(1, 500)).expect("room");
        playback.close();
        let late = playback.push(clip(1, 500)).expect("room");
        assert_eq!(playback.finish_of(first), Some(Finish::CallEnded));
        assert_eq!(playback.finish_of(late), Some(Finish::CallEnded));
        for _ in 0..2_000 {
            let empty = playback.push(clip(1, 0)).expect("room");
            assert!(playback.finish_of(empty).is_some());
        }
        assert!(playback.ends.len() <= REMEMBERED_ENDS);
        assert_eq!(playback.finish_of(first), Some(Finish::Played), "forgotten");
    }
}
