//! Calls: signalling, audio, keypad flows, voicemail and recordings.

pub mod activity;
pub mod call;
pub mod line;
pub mod media_session;
pub mod playback;
pub mod port_pool;
pub mod signalling;
pub mod softphone;
pub mod voice;
pub mod waveform;
