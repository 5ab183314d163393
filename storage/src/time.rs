//! Time as it is stored (microseconds since 1970, UTC) and the clock that hands it out. Nothing in the house reads the machine's
//! clock but [`SystemClock`]; tests move a [`ManualClock`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z. Arithmetic saturates, so no input can overflow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant this many whole seconds after 1970 (before, when negative).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROSECONDS_PER_SECOND))
    }

    /// The instant this many milliseconds after 1970.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROSECONDS_PER_SECOND)
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn milliseconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This many seconds later (earlier, when negative).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROSECONDS_PER_SECOND)))
    }

    /// This many milliseconds later (earlier, when negative).
    pub const fn plus_milliseconds(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds.saturating_mul(1000)))
    }

    /// Microseconds from `earlier` to this instant; negative when `earlier` is later.
    pub const fn microseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Hands out the present.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Err(before) => Timestamp(i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)),
        }
    }
}

/// A clock that moves only when told, for tests and replays.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock standing at this instant.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock (back, when negative).
    pub fn advance_seconds(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
    }

    /// Moves the clock by milliseconds (back, when negative).
    pub fn advance_milliseconds(&self, milliseconds: i64) {
        self.set(self.now().plus_milliseconds(milliseconds));
    }

    /// Sets the clock to this instant.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_rounds_down() {
        assert_eq!(Timestamp(-1).seconds(), -1);
        assert_eq!(Timestamp(1_999_999).seconds(), 1);
        assert_eq!(Timestamp::from_seconds(i64::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).plus_seconds(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).microseconds_since(Timestamp(1)), i64::MIN);
        assert_eq!(Timestamp::from_seconds(5).plus_seconds(-7), Timestamp(-2_000_000));
    }

    #[test]
    fn the_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::from_seconds(100));
        assert_eq!(clock.now(), clock.now());
        clock.advance_seconds(86_400);
        clock.advance_milliseconds(1);
        assert_eq!(clock.now().microseconds_since(Timestamp::from_seconds(100)), 86_400_001_000);
    }

    #[test]
    fn the_machine_s_clock_is_past_2026() {
        assert!(SystemClock.now() > Timestamp::from_seconds(1_767_225_600));
    }
}
