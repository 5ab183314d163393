//! Calls: signalling, audio, keypad flows, voicemail and recordings.

pub mod activity;
pub mod api;
pub mod attendant;
pub mod call;
mod error;
pub mod line;
pub mod media_session;
pub mod pages;
pub mod playback;
pub mod port_pool;
pub mod record;
mod recorder;
pub mod recovery;
pub mod signalling;
pub mod softphone;
pub mod store;
pub mod trunk;
pub mod voice;
pub mod waveform;

pub use error::Error;
pub use store::{STATEMENTS, TABLES};
