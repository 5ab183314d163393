//! When a message that a caller leaves is over, and whether there is one at all.

use crate::activity::Activity;

/// Silence after the last word that ends a message, in milliseconds.
pub const QUIET_AFTER_SPEECH_MILLISECONDS: u32 = 4_000;
/// Silence from the beginning that ends it, in milliseconds.
pub const QUIET_FROM_START_MILLISECONDS: u32 = 8_000;
/// Level (root mean square) above which a frame counts as sound.
const SOUND_RMS: f64 = 150.0;
/// Frames of 20 ms with sound that make a message (0.4 s): less is a click.
const SOUND_FRAMES_MIN: u32 = 20;

/// Listens to a message while it is recorded.
#[derive(Default)]
pub struct Listening {
    activity: Activity,
    sound_frames: u32,
    frames: u32,
}

impl Listening {
    /// Hears a frame; true when the message is over.
    pub fn hear(&mut self, frame: &media::Frame) -> bool {
        self.activity.hear(frame);
        self.frames = self.frames.saturating_add(1);
        if media::measure::rms(frame) > SOUND_RMS {
            self.sound_frames = self.sound_frames.saturating_add(1);
        }
        let limit =
            if self.activity.heard_speech() { QUIET_AFTER_SPEECH_MILLISECONDS } else { QUIET_FROM_START_MILLISECONDS };
        self.activity.quiet_milliseconds() >= limit
    }

    /// Whether there was a message.
    pub fn holds_message(&self) -> bool {
        self.sound_frames >= SOUND_FRAMES_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::bank::Bank;

    const SILENCE: media::Frame = [0; media::FRAME_SAMPLES];

    #[test]
    fn silence_from_the_start_ends_it_without_a_message() {
        let mut listening = Listening::default();
        let frames = (1..10_000).find(|_| listening.hear(&SILENCE)).expect("it ends");
        assert_eq!(frames * 20, QUIET_FROM_START_MILLISECONDS);
        assert!(!listening.holds_message());
    }

    #[test]
    fn a_sentence_and_then_silence_is_a_message() {
        let longest = Bank::embedded().texts().max_by_key(|text| text.len()).expect("the bank is not empty");
        let sentence = Bank::embedded().find(longest).expect("listed");
        let mut listening = Listening::default();
        for frame in sentence.chunks_exact(media::FRAME_SAMPLES) {
            assert!(!listening.hear(frame.try_into().expect("whole frames")), "nobody is cut off while speaking");
        }
        let quiet = (1..10_000).find(|_| listening.hear(&SILENCE)).expect("it ends");
        assert!((3_500..=4_000).contains(&(quiet * 20)), "{quiet}");
        assert!(listening.holds_message());
    }
}
