//! What was received from one RTP source: loss, duplicates and jitter (RFC 3550, sections 6.4.1 and A.1, A.3, A.8).
//!
//! Promises: constant memory; a duplicate within the last [`WINDOW`] packets is recognised; a jump of more than
//! [`MAX_DROPOUT`] starts the count anew instead of inventing thousands of lost packets.

use crate::rtcp::ReportBlock;
use crate::rtp::sequence_distance;

/// How many sequence numbers back a duplicate is recognised.
pub const WINDOW: u32 = 64;
/// A gap larger than this is a restarted sender, not loss.
pub const MAX_DROPOUT: i32 = 3_000;

/// How a packet relates to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Not seen before.
    New,
    /// Seen before: ignore it.
    Duplicate,
    /// The sender restarted its sequence: state that hangs on order should be dropped.
    Restarted,
}

/// The figures of one source.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    started: bool,
    highest: u16,
    /// Bit n is set when sequence `highest - n` was received.
    seen: u64,
    wraps: u32,
    base: u32,
    received: u64,
    duplicates: u64,
    lost_before_restart: u64,
    jitter: f64,
    last_transit: Option<u32>,
    expected_at_report: u64,
    received_at_report: u64,
}

impl Reception {
    /// Counts a packet. `arrival` is the time of arrival in clock units (8 kHz), from any origin, wrapping.
    pub fn record(&mut self, sequence: u16, timestamp: u32, arrival: u32) -> Arrival {
        let verdict = self.order(sequence);
        if verdict == Arrival::Duplicate {
            self.duplicates += 1;
            return verdict;
        }
        self.received += 1;
        let transit = arrival.wrapping_sub(timestamp);
        if let (Some(last), Arrival::New) = (self.last_transit, verdict) {
            let difference = f64::from((transit.wrapping_sub(last) as i32).unsigned_abs());
            self.jitter += (difference - self.jitter) / 16.0;
        }
        self.last_transit = Some(transit);
        verdict
    }

    fn order(&mut self, sequence: u16) -> Arrival {
        if !self.started {
            self.start(sequence);
            return Arrival::New;
        }
        let ahead = sequence_distance(self.highest, sequence);
        if ahead.abs() > MAX_DROPOUT {
            // What was lost stays lost; the count of what is expected begins anew.
            self.lost_before_restart = self.lost();
            self.start(sequence);
            return Arrival::Restarted;
        }
        if ahead > 0 {
            self.seen = if ahead >= WINDOW as i32 { 1 } else { (self.seen << ahead) | 1 };
            if sequence < self.highest {
                self.wraps += 1;
            }
            self.highest = sequence;
            return Arrival::New;
        }
        let behind = ahead.unsigned_abs();
        if behind >= WINDOW {
            // Too late to tell: it was counted as lost, and a packet this late is of no use.
            return Arrival::Duplicate;
        }
        if self.seen & (1 << behind) != 0 {
            return Arrival::Duplicate;
        }
        self.seen |= 1 << behind;
        Arrival::New
    }

    fn start(&mut self, sequence: u16) {
        self.started = true;
        self.highest = sequence;
        self.seen = 1;
        self.wraps = 0;
        self.base = u32::from(sequence);
        self.received = 0;
        self.expected_at_report = 0;
        self.received_at_report = 0;
    }

    /// Highest sequence number with its wraps in the upper half.
    pub fn extended_highest(&self) -> u32 {
        (self.wraps << 16) | u32::from(self.highest)
    }

    /// Packets that should have come from this source since it (re)started.
    pub fn expected(&self) -> u64 {
        if !self.started {
            return 0;
        }
        u64::from(self.extended_highest().saturating_sub(self.base)) + 1
    }

    /// Packets received once, since the source (re)started.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets received more than once, or too late to count.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that never came, over the whole life of the source.
    pub fn lost(&self) -> u64 {
        self.lost_before_restart + self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter in clock units.
    pub fn jitter(&self) -> u32 {
        self.jitter as u32
    }

    /// A report block about this source, and the start of the next interval.
    pub fn report(&mut self, source: u32) -> ReportBlock {
        let expected = self.expected().saturating_sub(self.expected_at_report);
        let received = self.received.saturating_sub(self.received_at_report);
        self.expected_at_report = self.expected();
        self.received_at_report = self.received;
        let lost = expected.saturating_sub(received);
        let fraction = (lost * 256).checked_div(expected).unwrap_or(0).min(255);
        ReportBlock {
            source,
            fraction_lost: fraction as u8,
            cumulative_lost: i32::try_from(self.lost()).unwrap_or(i32::MAX),
            highest_sequence: self.extended_highest(),
            jitter: self.jitter(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_duplicates_are_counted_through_reordering_and_the_wrap() {
        let mut reception = Reception::default();
        for sequence in [65_533u16, 65_535, 65_534, 65_534, 0, 3, 2] {
            reception.record(sequence, 0, 0);
        }
        assert_eq!(reception.expected(), 7);
        assert_eq!(reception.received(), 6);
        assert_eq!(reception.lost(), 1);
        assert_eq!(reception.duplicates(), 1);
        assert_eq!(reception.extended_highest(), 65_536 + 3);
        assert_eq!(reception.report(1).fraction_lost, (256 / 7) as u8);
        assert_eq!(reception.report(1).fraction_lost, 0);
    }

    #[test]
    fn a_restarted_sender_is_not_a_storm_of_loss() {
        let mut reception = Reception::default();
        for sequence in [10u16, 11, 13] {
            reception.record(sequence, 0, 0);
        }
        assert_eq!(reception.record(40_000, 0, 0), Arrival::Restarted);
        reception.record(40_001, 0, 0);
        assert_eq!(reception.lost(), 1);
        assert_eq!(reception.record(13, 0, 0), Arrival::Restarted);
    }

    #[test]
    fn jitter_follows_the_formula() {
        let mut reception = Reception::default();
        // Every second packet is 16 units (2 ms) late.
        for index in 0..400u32 {
            reception.record(index as u16, index * 160, index * 160 + (index % 2) * 16);
        }
        assert!((14..=16).contains(&reception.jitter()), "{}", reception.jitter());
    }
}
