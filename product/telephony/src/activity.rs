//! Voice activity: whether somebody is speaking, frame by frame, with hysteresis so that a cough is not a sentence.
//!
//! The detector (earshot) hears 16 kHz in blocks of 256 samples; the telephone gives 8 kHz in frames of 160. A pure tone
//! can look like a voice to it, so keypad tones are removed before (RFC 4733 events carry no sound; in-band digits are
//! reported and their frames skipped by the caller of [`Activity::hear`]).

use earshot::Detector;

/// Samples that the detector takes at once, at 16 kHz.
const BLOCK_SAMPLES: usize = 256;
/// Score above which speech begins.
const SPEECH_FROM: f32 = 0.6;
/// Score below which speech ends.
const SPEECH_UNTIL: f32 = 0.35;
/// Frames below that level (root mean square) are silence whatever the detector says.
const NOISE_FLOOR_RMS: f64 = 60.0;

/// Hears one stream of audio.
pub struct Activity {
    detector: Box<Detector>,
    block: Vec<i16>,
    last_sample: i16,
    speaking: bool,
    heard_speech: bool,
    quiet_frames: u32,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            detector: Detector::default_boxed(),
            block: Vec::with_capacity(2 * BLOCK_SAMPLES),
            last_sample: 0,
            speaking: false,
            heard_speech: false,
            quiet_frames: 0,
        }
    }
}

impl Activity {
    /// Hears one frame of 20 ms at 8 kHz and says whether somebody is speaking.
    pub fn hear(&mut self, frame: &media::Frame) -> bool {
        for sample in frame {
            self.block.push(i16::midpoint(self.last_sample, *sample));
            self.block.push(*sample);
            self.last_sample = *sample;
        }
        while self.block.len() >= BLOCK_SAMPLES {
            let score = self.detector.predict_i16(&self.block[..BLOCK_SAMPLES]);
            self.block.drain(..BLOCK_SAMPLES);
            self.speaking = if self.speaking { score > SPEECH_UNTIL } else { score > SPEECH_FROM };
        }
        if media::measure::rms(frame) < NOISE_FLOOR_RMS {
            self.speaking = false;
        }
        self.heard_speech |= self.speaking;
        self.quiet_frames = if self.speaking { 0 } else { self.quiet_frames.saturating_add(1) };
        self.speaking
    }

    /// Whether any speech was heard so far.
    pub fn heard_speech(&self) -> bool {
        self.heard_speech
    }

    /// How long nobody has spoken, in milliseconds.
    pub fn quiet_milliseconds(&self) -> u32 {
        self.quiet_frames.saturating_mul(20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::bank::Bank;

    fn frames(samples: &[i16]) -> impl Iterator<Item = media::Frame> + '_ {
        samples.chunks_exact(160).filter_map(|chunk| chunk.try_into().ok())
    }

    #[test]
    fn recorded_speech_is_speech_and_silence_is_not() {
        let longest = Bank::embedded().texts().max_by_key(|text| text.len()).expect("the bank is not empty");
        let unit = Bank::embedded().find(longest).expect("listed");
        let mut activity = Activity::default();
        let speaking = frames(&unit).filter(|frame| activity.hear(frame)).count();
        assert!(speaking * 160 * 2 > unit.len(), "more than half of a sentence is speech: {speaking} frames");
        for _ in 0..100 {
            activity.hear(&[0; media::FRAME_SAMPLES]);
        }
        assert!(activity.quiet_milliseconds() >= 1_900 && activity.heard_speech());
    }

    #[test]
    fn silence_alone_is_never_speech() {
        let mut activity = Activity::default();
        assert!((0..100).all(|_| !activity.hear(&[0; media::FRAME_SAMPLES])));
        assert!(!activity.heard_speech());
    }
}
