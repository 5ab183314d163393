//! When to order: pure.

use storage::Timestamp;

use crate::tls::Facts;

/// Pauses after failures, in seconds: authorities count failed checks of a name, a handful an hour.
const PAUSES_SECONDS: &[i64] = &[300, 900, 1_800, 3_600, 10_800, 21_600];
/// The least pause when the authority wants fewer orders, in seconds.
const PAUSE_WHEN_TOO_MANY_SECONDS: i64 = 3_600;

/// When a certificate is to be renewed: when a third of its life is left (30 of 90 days, 2 of 6).
pub fn renew_at(facts: &Facts) -> Timestamp {
    let life_seconds = facts.not_after.seconds().saturating_sub(facts.not_before.seconds());
    facts.not_after.plus_seconds(-(life_seconds / 3))
}

/// The pauses between attempts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pauses {
    failures: usize,
    not_before: Option<Timestamp>,
}

impl Pauses {
    /// May it be tried now?
    pub fn allow(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
    }

    /// It failed at this moment; gives the pause in seconds.
    pub fn failed(&mut self, now: Timestamp, too_many: bool) -> i64 {
        let pause = PAUSES_SECONDS[self.failures.min(PAUSES_SECONDS.len() - 1)];
        let pause = if too_many { pause.max(PAUSE_WHEN_TOO_MANY_SECONDS) } else { pause };
        self.failures += 1;
        self.not_before = Some(now.plus_seconds(pause));
        pause
    }

    /// It succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn facts(from: i64, until: i64) -> Facts {
        let at = Timestamp::from_seconds;
        Facts { names: Vec::new(), not_before: at(from), not_after: at(until), self_issued: false }
    }

    #[test]
    fn a_third_of_the_life_is_kept_in_hand() {
        assert_eq!(renew_at(&facts(0, 90 * DAY)).seconds(), 60 * DAY);
        assert_eq!(renew_at(&facts(10 * DAY, 16 * DAY)).seconds(), 14 * DAY);
        assert_eq!(renew_at(&facts(5, 5)).seconds(), 5, "a life of nothing is over at once");
        // An absurd certificate must not overflow.
        renew_at(&facts(i64::MIN / 2_000_000, i64::MAX / 2_000_000));
    }

    #[test]
    fn pauses_grow_to_a_limit_and_start_again_after_success() {
        let (mut pauses, now) = (Pauses::default(), Timestamp::from_seconds(1_000_000));
        assert!(pauses.allow(now));
        let waited: Vec<i64> = (0..8).map(|_| pauses.failed(now, false)).collect();
        assert_eq!(waited, [300, 900, 1_800, 3_600, 10_800, 21_600, 21_600, 21_600]);
        assert!(!pauses.allow(now.plus_seconds(21_599)) && pauses.allow(now.plus_seconds(21_600)));
        pauses.succeeded();
        assert!(pauses.allow(now));
        assert_eq!(pauses.failed(now, true), 3_600, "an authority that wants fewer orders gets an hour at least");
    }
}
