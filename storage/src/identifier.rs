//! Randomness and identifiers, both handed in: [`SystemEntropy`] draws from the operating system through the one crypto provider,
//! [`SeededEntropy`] repeats itself for tests, [`Identifiers`] makes version 7 UUIDs (RFC 9562, section 5.7) from a clock and entropy.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::{Clock, SystemClock};

/// The organization that a row belongs to. Whoever holds one can enter its data only through [`crate::Database::organization`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganizationId(pub Uuid);

impl fmt::Display for OrganizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// Random bytes fit for keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes)
            .expect("the provider's generator fails only when the operating system has no randomness");
    }
}

/// Repeatable bytes for tests and replays; never for keys that guard anything. Equal seeds give equal streams.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    block: AtomicU64,
}

impl SeededEntropy {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, block: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let block = self.block.fetch_add(1, Ordering::SeqCst);
            let mut input = [0_u8; 16];
            input[..8].copy_from_slice(&self.seed.to_be_bytes());
            input[8..].copy_from_slice(&block.to_be_bytes());
            let output = digest::digest(&digest::SHA256, &input);
            chunk.copy_from_slice(&output.as_ref()[..chunk.len()]);
        }
    }
}

/// Makes identifiers that sort by the time they were made.
#[derive(Clone)]
pub struct Identifiers {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Identifiers {
    /// Identifiers from this clock and this entropy.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// Identifiers from the machine's clock and randomness.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// A fresh identifier: 48 bits of milliseconds, 12 bits of the fraction of that millisecond (RFC 9562, section 6.2,
    /// method 3), 62 random bits. An instant before 1970 counts as 1970.
    pub fn next(&self) -> Uuid {
        let microseconds = self.clock.now().0.max(0).unsigned_abs();
        let milliseconds = microseconds / 1000;
        let fraction =
            u16::try_from((microseconds % 1000) * 4096 / 1000).expect("below 4096 for any fraction of a millisecond");
        let mut bytes = [0_u8; 16];
        bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | fraction).to_be_bytes());
        self.entropy.fill(&mut bytes[8..]);
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Uuid::from_bytes(bytes)
    }
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identifiers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{ManualClock, Timestamp};

    #[test]
    fn identifiers_are_version_7_and_sort_by_time() {
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_123_456)));
        let identifiers = Identifiers::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
        let mut last = identifiers.next();
        assert_eq!(last.get_version_num(), 7);
        assert_eq!(last.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(last.as_u128() >> 80, 1_700_000_000_123);
        for _ in 0..1000 {
            clock.set(Timestamp(clock.now().0 + 1));
            let next = identifiers.next();
            assert!(next > last);
            last = next;
        }
        clock.set(Timestamp(-5));
        assert_eq!(identifiers.next().as_u128() >> 80, 0);
    }

    #[test]
    fn equal_seeds_repeat_and_system_entropy_does_not() {
        let fill = |entropy: &dyn Entropy| {
            let mut bytes = [0_u8; 70];
            entropy.fill(&mut bytes);
            bytes
        };
        assert_eq!(fill(&SeededEntropy::new(7)), fill(&SeededEntropy::new(7)));
        assert_ne!(fill(&SeededEntropy::new(7)), fill(&SeededEntropy::new(8)));
        assert_ne!(fill(&SystemEntropy), fill(&SystemEntropy));
    }

    /// ASVS 11.5.2: many at once, for many values, get different ones, all of them random.
    #[test]
    fn system_entropy_holds_under_heavy_demand() {
        const THREADS: usize = 16;
        const VALUES: usize = 20_000;
        let draw = || {
            (0..VALUES).map(|_| {
                let mut bytes = [0_u8; 32];
                SystemEntropy.fill(&mut bytes);
                bytes
            })
        };
        let drawn: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(move || draw().collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        let different: std::collections::HashSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), THREADS * VALUES, "no value comes twice");
        let ones: u64 = drawn.iter().flatten().map(|byte| u64::from(byte.count_ones())).sum();
        let bits = (THREADS * VALUES * 256) as u64;
        // Half of 82 million coins: 4,526 is one standard deviation, and ten of them never happen.
        assert!(ones.abs_diff(bits / 2) < 45_260, "{ones} of {bits} bits are set");
    }
}
