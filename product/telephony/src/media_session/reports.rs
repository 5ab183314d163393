//! Reports between the two sides (RTCP): what we sent and heard, every five seconds, and what the other side says it lost.

use media::rtcp::{Compound, ReportBlock, SenderInfo};

/// Ticks between two reports: five seconds (RFC 3550, section 6.2).
pub const REPORT_TICKS: u64 = 250;
/// How we call ourselves: nothing that tells who calls (RFC 7022 wants a name that cannot be linked).
const CANONICAL_NAME: &str = "ringfence";

/// What goes into a report about ourselves.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Our SSRC.
    pub source: u32,
    /// The timestamp of the next packet.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u64,
}

/// A report on the wire; `heard` describes the other side once it has been heard, `over` says goodbye.
pub fn report(sent: Sent, heard: Option<ReportBlock>, over: bool) -> Vec<u8> {
    let sender = SenderInfo {
        // Without a wall clock the field is zero, as section 6.4.1 allows.
        wall_microseconds: 0,
        timestamp: sent.timestamp,
        packets: sent.packets as u32,
        bytes: (sent.packets as u32).wrapping_mul(media::FRAME_SAMPLES as u32),
    };
    let goodbyes = if over { vec![sent.source] } else { Vec::new() };
    let compound =
        Compound { source: sent.source, sender: Some(sender), reports: heard.into_iter().collect(), goodbyes };
    compound.to_bytes(CANONICAL_NAME)
}

/// Whether these bytes are a report at all.
pub fn is_report(bytes: &[u8]) -> bool {
    Compound::parse(bytes).is_ok()
}

/// Packets of ours that the other side says never came.
pub fn lost_at_peer(bytes: &[u8], ours: u32) -> Option<u64> {
    let compound = Compound::parse(bytes).ok()?;
    let about_us = compound.reports.iter().find(|report| report.source == ours)?;
    Some(about_us.cumulative_lost.max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_learns_what_the_other_lost() {
        let heard = ReportBlock { source: 7, cumulative_lost: 3, ..ReportBlock::default() };
        let bytes = report(Sent { source: 9, timestamp: 1, packets: 10 }, Some(heard), false);
        assert_eq!(lost_at_peer(&bytes, 7), Some(3));
        assert_eq!(lost_at_peer(&bytes, 8), None);
        assert_eq!(lost_at_peer(b"not a report", 7), None);
        assert!(is_report(&bytes) && !is_report(b"not a report"));
        let goodbye = report(Sent { source: 9, timestamp: 1, packets: 10 }, None, true);
        assert_eq!(Compound::parse(&goodbye).map(|compound| compound.goodbyes), Ok(vec![9]));
    }
}
