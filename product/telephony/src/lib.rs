//! Calls: signalling, audio, keypad flows, voicemail and recordings.

pub mod activity;
pub mod playback;
pub mod voice;
pub mod waveform;
