//! RTP, SRTP, jitter buffer, G.711, DTMF, mixing and tones as pure machines.
//!
//! Promises: no socket, no clock, no randomness (all come in as arguments); no input panics; every buffer has a named
//! limit. Audio inside the house is always linear PCM16, one channel, 8 kHz, in frames of 20 ms.

pub mod dtmf;
pub mod g711;
pub mod jitter_buffer;
pub mod measure;
pub mod mixer;
pub mod reception;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod telephone_event;
pub mod tone;
pub mod wav;

/// Samples each second of every signal in the house, in hertz.
pub const SAMPLE_RATE: u32 = 8_000;
/// Milliseconds of sound in one frame.
pub const FRAME_MILLISECONDS: u32 = 20;
/// Samples in one frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;

/// Twenty milliseconds of linear PCM16 at 8 kHz.
pub type Frame = [i16; FRAME_SAMPLES];

/// A frame in which nothing sounds.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];

/// Cuts samples into frames; the last one is filled up with silence.
pub fn frames(samples: &[i16]) -> impl Iterator<Item = Frame> + '_ {
    samples.chunks(FRAME_SAMPLES).map(|chunk| {
        let mut frame = SILENCE;
        frame[..chunk.len()].copy_from_slice(chunk);
        frame
    })
}
