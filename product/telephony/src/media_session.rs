//! The sound of one call: what is heard comes out in frames of 20 ms, what is to be said goes in as clips.
//!
//! Promises: a packet goes out every 20 ms on a deadline that does not drift; sound is taken only from the side that the
//! call was made with ([`latch`]) and, where the sound is encrypted, only what that side's key made ([`protection`]); an
//! address that has not shown that it takes part is sent [`UNPROVEN_PACKETS_LIMIT`] packets and no more; every queue has a
//! limit and says what it dropped; on hold nothing is sent, and silence is suspicious only after long
//! ([`MediaConfig::held_silence_seconds`]); when the call ends, every waiting listener is told.

mod driver;
mod latch;
mod playback;
mod port;
mod protection;
mod receiver;
mod reports;
mod sender;
mod simulated;

use media::Frame;
use sip::offer_answer::Agreed;
use storage::Entropy;

pub use driver::{MediaHandle, MediaSocket};
pub use latch::{Peer, UNPROVEN_PACKETS_LIMIT};
pub use playback::{ClipId, Finish, Position, QUEUE_LIMIT_SAMPLES, QueueFull};
pub use port::{AudioPort, Frames, HEARD_LIMIT, Player, TAP_LIMIT};
pub(crate) use simulated::Simulated;

/// How a call's media behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaConfig {
    /// Seconds without any packet after which the other side must be gone.
    pub silence_seconds: u32,
    /// The same on hold, where silence is usual: then the other side is asked whether it is still there.
    pub held_silence_seconds: u32,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig { silence_seconds: 30, held_silence_seconds: 120 }
    }
}

/// What was heard in one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// 20 ms ticks since the media began.
    pub tick: u64,
    /// The sound.
    pub frame: Frame,
    /// Some of it is made up, because packets are missing.
    pub concealed: bool,
}

/// What was heard and said in one tick: both channels of a recording, aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapFrame {
    /// 20 ms ticks since the media began; a gap tells of dropped frames.
    pub tick: u64,
    /// The other side.
    pub heard: Frame,
    /// This side, as it was really sent.
    pub spoken: Frame,
}

/// A key that the other side pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub symbol: char,
    /// When it began, in 20 ms ticks since the media began.
    pub tick: u64,
    /// How it came.
    pub source: DigitSource,
}

/// How a key came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitSource {
    /// As an event (RFC 4733).
    Event,
    /// As sound.
    Tone,
    /// As a signalling message (INFO).
    Info,
}

/// Running figures of one call's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaStatistics {
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets that the operating system did not take: they are lost to the other side.
    pub packets_unsent: u64,
    /// Packets of this call received, keys included.
    pub packets_received: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets of ours that the other side reported as lost.
    pub packets_lost_at_peer: u64,
    /// Packets that came after their time.
    pub packets_late: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets from strangers, and what was no packet of this call.
    pub packets_foreign: u64,
    /// Frames with made-up sound.
    pub frames_concealed: u64,
    /// Frames that nobody took in time.
    pub frames_dropped: u64,
    /// Recorder frames that nobody took in time.
    pub tap_dropped: u64,
    /// Ticks in which nothing was sent because this program did not run in time.
    pub ticks_skipped: u64,
    /// Whether the sound travelled encrypted (SRTP), both ways.
    pub protected: bool,
    /// Interarrival jitter, in milliseconds.
    pub jitter_milliseconds: u32,
}

/// The numbers of a call that must not be guessed.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// SSRC.
    pub source: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp.
    pub timestamp: u32,
    /// The number of our session description.
    pub session: u64,
}

impl Seed {
    /// Draws the numbers.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes);
        let number = bytes.iter().fold(0u128, |number, &byte| (number << 8) | u128::from(byte));
        Seed {
            source: number as u32,
            // In the lower half, so that losing the first packets does not confuse the count of wraps (RFC 3711, 3.3.1).
            sequence: (number >> 32) as u16 & 0x7FFF,
            timestamp: (number >> 48) as u32,
            // Kept within 15 digits, which every peer reads.
            session: (number >> 80) as u64 % 1_000_000_000_000_000,
        }
    }
}

/// The law behind an agreed codec.
fn law(agreed: &Agreed) -> media::g711::Law {
    match agreed.codec {
        sip::offer_answer::Codec::Pcmu => media::g711::Law::Mu,
        sip::offer_answer::Codec::Pcma => media::g711::Law::A,
    }
}
