//! Proof of work for strangers under pressure: a puzzle that costs a browser seconds and this server two hashes, and the
//! measure of when it is asked for.
//!
//! The puzzle is that of ALTCHA's version 2 with SHA-256 and cost 1: find a 32-bit counter so that
//! `SHA-256(salt ‖ nonce ‖ counter)` begins with [`DIFFICULTY_BITS`] zero bits. It keeps nobody out who is willing to spend;
//! it makes a flood of conversations cost its sender more than the receiver. Who issued a puzzle, for what, and whether it
//! was used already is for the part that asks; nothing here has a key or a memory of single puzzles.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use storage::{Clock, Entropy, Timestamp};
use uuid::Uuid;

use crate::Network;
use crate::limits::{Bucket, Rate, Subject};

/// Zero bits that a solution begins with: 65,536 hashes on average, about a second in a browser and 10 ms in native code.
pub const DIFFICULTY_BITS: u32 = 16;
/// A puzzle is good for so long: enough for a slow phone, too short to hoard.
pub const CHALLENGE_SECONDS: i64 = 300;
/// Conversations through one widget in a minute, on one node, before puzzles are asked for.
pub const OPENINGS_PER_WIDGET: u32 = 60;
/// Conversations from one network in a minute, on one node, before puzzles are asked for.
pub const OPENINGS_PER_NETWORK: u32 = 10;
/// Bytes of the nonce and of the salt.
const RANDOM_BYTES: usize = 16;
/// Characters that a puzzle has as text, at most.
const TEXT_LENGTH_MAX: usize = 120;

/// One puzzle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Never used twice.
    pub nonce: [u8; RANDOM_BYTES],
    /// Beside the nonce, so that nothing can be computed ahead.
    pub salt: [u8; RANDOM_BYTES],
    /// From this instant on no solution is taken.
    pub expires_at: Timestamp,
    /// Zero bits asked for.
    pub bits: u32,
}

impl Challenge {
    /// A fresh puzzle.
    pub fn new(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let (mut nonce, mut salt) = ([0; RANDOM_BYTES], [0; RANDOM_BYTES]);
        entropy.fill(&mut nonce);
        entropy.fill(&mut salt);
        Self { nonce, salt, expires_at: now.plus_seconds(CHALLENGE_SECONDS), bits: DIFFICULTY_BITS }
    }

    /// The puzzle as text: `1.<seconds>.<bits>.<nonce>.<salt>`, for the sender to bring back.
    pub fn text(&self) -> String {
        let seconds = self.expires_at.seconds();
        format!("1.{seconds}.{}.{}.{}", self.bits, hex::encode(self.nonce), hex::encode(self.salt))
    }

    /// Reads a puzzle that was brought back; `None` for anything that [`Self::text`] cannot have written. Whether this server
    /// wrote it is not decided here.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_LENGTH_MAX {
            return None;
        }
        let pieces: Vec<&str> = text.split('.').collect();
        let ["1", seconds, bits, nonce, salt] = pieces[..] else { return None };
        let (mut read_nonce, mut read_salt) = ([0; RANDOM_BYTES], [0; RANDOM_BYTES]);
        hex::decode_to_slice(nonce, &mut read_nonce).ok()?;
        hex::decode_to_slice(salt, &mut read_salt).ok()?;
        let expires_at = Timestamp::from_seconds(seconds.parse::<u32>().ok()?.into());
        let read = Self { nonce: read_nonce, salt: read_salt, expires_at, bits: bits.parse().ok()? };
        (read.text() == text).then_some(read)
    }

    /// Is this counter a solution? One hash.
    pub fn is_solved_by(&self, counter: u32) -> bool {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.salt);
        context.update(&self.nonce);
        context.update(&counter.to_be_bytes());
        let hash = context.finish();
        let zeros = hash.as_ref().iter().take_while(|byte| **byte == 0).count();
        let next = hash.as_ref().get(zeros).map_or(0, |byte| byte.leading_zeros());
        u32::try_from(zeros * 8).is_ok_and(|bits| bits + next >= self.bits)
    }

    /// Is it too late?
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

/// When puzzles are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChallengeMode {
    /// While more conversations begin than usual, through one widget or from one network.
    #[default]
    UnderPressure,
    /// For every conversation.
    Always,
}

/// How many conversations begin at this time, on this node. Cheap to clone.
#[derive(Clone)]
pub struct Pressure(Arc<Inner>);

struct Inner {
    mode: ChallengeMode,
    clock: Arc<dyn Clock>,
    widgets: Bucket,
    networks: Bucket,
}

impl Pressure {
    /// No pressure yet.
    pub fn new(mode: ChallengeMode, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            mode,
            widgets: Bucket::new(Rate::per_minute(OPENINGS_PER_WIDGET), &clock),
            networks: Bucket::new(Rate::per_minute(OPENINGS_PER_NETWORK), &clock),
            clock,
        }))
    }

    /// Counts an attempt to begin a conversation, and says whether it must bring a solution.
    pub fn asks(&self, widget: Uuid, address: Option<IpAddr>) -> bool {
        let (inner, now) = (&self.0, self.0.clock.now());
        let widget = inner.widgets.check_weighted(Subject::Widget(widget), 1, now);
        let network = address
            .map(|address| inner.networks.check_weighted(Subject::Network(Network::of(address)), 1, now).is_granted());
        inner.mode == ChallengeMode::Always || !widget.is_granted() || network == Some(false)
    }
}

#[cfg(test)]
mod tests;
