//! RTCP (RFC 3550, section 6): sender and receiver reports and BYE, in compound packets.
//!
//! Promises: any bytes either parse or give an error; unknown packet types are skipped, not refused; at most
//! [`REPORTS_LIMIT`] report blocks are kept from one datagram.

use thiserror::Error;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// Report blocks kept from one datagram.
pub const REPORTS_LIMIT: usize = 31;
/// Seconds between the NTP epoch (1900) and the Unix epoch (1970).
const NTP_OFFSET_SECONDS: u64 = 2_208_988_800;

/// Why bytes are no RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// A packet says that it is longer than the datagram.
    #[error("an RTCP packet ends before its length says")]
    Truncated,
    /// The version field is not 2.
    #[error("the RTCP version is {0}, not 2")]
    Version(u8),
}

/// What one receiver says about one sender (section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The sender that is described.
    pub source: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning (24 bits, signed: duplicates can make it negative).
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its wraps in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter, in clock units.
    pub jitter: u32,
}

/// What a sender says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// Wall clock, microseconds since 1970 UTC (0 when the sender has none).
    pub wall_microseconds: i64,
    /// The RTP timestamp of the same instant.
    pub timestamp: u32,
    /// Packets sent since the beginning.
    pub packets: u32,
    /// Payload bytes sent since the beginning.
    pub bytes: u32,
}

/// The parts of a compound packet that matter here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compound {
    /// Who sent the compound.
    pub source: u32,
    /// Present in a sender report.
    pub sender: Option<SenderInfo>,
    /// What it heard from others.
    pub reports: Vec<ReportBlock>,
    /// The sources that said goodbye.
    pub goodbyes: Vec<u32>,
}

impl Compound {
    /// Reads every packet of a datagram.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, Error> {
        let mut compound = Compound::default();
        while !bytes.is_empty() {
            let header: &[u8; 4] = bytes.first_chunk().ok_or(Error::Truncated)?;
            if header[0] >> 6 != 2 {
                return Err(Error::Version(header[0] >> 6));
            }
            let length = 4 + usize::from(u16::from_be_bytes([header[2], header[3]])) * 4;
            let body = bytes.get(4..length).ok_or(Error::Truncated)?;
            compound.read_packet(header[1], usize::from(header[0] & 0x1F), body)?;
            bytes = &bytes[length..];
        }
        Ok(compound)
    }

    fn read_packet(&mut self, kind: u8, count: usize, body: &[u8]) -> Result<(), Error> {
        match kind {
            SENDER_REPORT | RECEIVER_REPORT => {
                self.source = word(body, 0)?;
                let mut at = 4;
                if kind == SENDER_REPORT {
                    self.sender = Some(SenderInfo {
                        wall_microseconds: from_ntp(word(body, 4)?, word(body, 8)?),
                        timestamp: word(body, 12)?,
                        packets: word(body, 16)?,
                        bytes: word(body, 20)?,
                    });
                    at = 24;
                }
                for index in 0..count.min(REPORTS_LIMIT - self.reports.len().min(REPORTS_LIMIT)) {
                    self.reports.push(read_block(body, at + index * 24)?);
                }
            }
            GOODBYE => {
                for index in 0..count {
                    self.goodbyes.push(word(body, index * 4)?);
                }
            }
            _ => {}
        }
        self.goodbyes.truncate(REPORTS_LIMIT);
        Ok(())
    }

    /// The compound on the wire: a sender report (or receiver report), a source description with the given name (as
    /// section 6.1 demands), and a goodbye when the own source is among the goodbyes.
    pub fn to_bytes(&self, canonical_name: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        let kind = if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        let reports = &self.reports[..self.reports.len().min(REPORTS_LIMIT)];
        let mut body = self.source.to_be_bytes().to_vec();
        if let Some(sender) = &self.sender {
            let (seconds, fraction) = to_ntp(sender.wall_microseconds);
            for value in [seconds, fraction, sender.timestamp, sender.packets, sender.bytes] {
                body.extend_from_slice(&value.to_be_bytes());
            }
        }
        for report in reports {
            write_block(report, &mut body);
        }
        write_packet(&mut out, kind, reports.len() as u8, &body);
        let name = &canonical_name.as_bytes()[..canonical_name.len().min(255)];
        let mut body = self.source.to_be_bytes().to_vec();
        body.extend_from_slice(&[1, name.len() as u8]);
        body.extend_from_slice(name);
        // The list of items ends with at least one zero, and the chunk on a word.
        body.push(0);
        body.resize(body.len().next_multiple_of(4), 0);
        write_packet(&mut out, SOURCE_DESCRIPTION, 1, &body);
        if self.goodbyes.contains(&self.source) {
            write_packet(&mut out, GOODBYE, 1, &self.source.to_be_bytes());
        }
        out
    }
}

fn word(body: &[u8], at: usize) -> Result<u32, Error> {
    let bytes: &[u8; 4] = body.get(at..).and_then(<[u8]>::first_chunk).ok_or(Error::Truncated)?;
    Ok(u32::from_be_bytes(*bytes))
}

fn read_block(body: &[u8], at: usize) -> Result<ReportBlock, Error> {
    let loss = word(body, at + 4)?;
    word(body, at + 20)?;
    Ok(ReportBlock {
        source: word(body, at)?,
        fraction_lost: (loss >> 24) as u8,
        // Twenty-four bits with a sign: shift it up and back to spread the sign.
        cumulative_lost: ((loss << 8) as i32) >> 8,
        highest_sequence: word(body, at + 8)?,
        jitter: word(body, at + 12)?,
    })
}

fn write_block(report: &ReportBlock, out: &mut Vec<u8>) {
    let lost = report.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0x00FF_FFFF;
    let loss = (u32::from(report.fraction_lost) << 24) | lost;
    for value in [report.source, loss, report.highest_sequence, report.jitter, 0, 0] {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn write_packet(out: &mut Vec<u8>, kind: u8, count: u8, body: &[u8]) {
    out.extend_from_slice(&[0x80 | (count & 0x1F), kind]);
    out.extend_from_slice(&((body.len() / 4) as u16).to_be_bytes());
    out.extend_from_slice(body);
}

fn to_ntp(wall_microseconds: i64) -> (u32, u32) {
    if wall_microseconds <= 0 {
        return (0, 0);
    }
    let microseconds = wall_microseconds as u64;
    let seconds = microseconds / 1_000_000 + NTP_OFFSET_SECONDS;
    let fraction = ((microseconds % 1_000_000) << 32) / 1_000_000;
    (seconds as u32, fraction as u32)
}

fn from_ntp(seconds: u32, fraction: u32) -> i64 {
    let seconds = u64::from(seconds).saturating_sub(NTP_OFFSET_SECONDS);
    let microseconds = (u64::from(fraction) * 1_000_000 + (1 << 31)) >> 32;
    (seconds * 1_000_000 + microseconds) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Compound {
        Compound {
            source: 7,
            sender: Some(SenderInfo {
                wall_microseconds: 1_700_000_000_250_000,
                timestamp: 9,
                packets: 10,
                bytes: 1_600,
            }),
            reports: vec![ReportBlock {
                source: 8,
                fraction_lost: 128,
                cumulative_lost: -3,
                highest_sequence: 70_000,
                jitter: 12,
            }],
            goodbyes: vec![7],
        }
    }

    #[test]
    fn a_compound_comes_back_as_it_was() {
        let bytes = sample().to_bytes("line@ringfence");
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(Compound::parse(&bytes), Ok(sample()));
    }

    #[test]
    fn a_length_beyond_the_datagram_is_refused() {
        let mut bytes = sample().to_bytes("x");
        bytes[3] = 0xFF;
        assert_eq!(Compound::parse(&bytes), Err(Error::Truncated));
        assert_eq!(Compound::parse(&[0x40, 200, 0, 0]), Err(Error::Version(1)));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(compound) = Compound::parse(&bytes) {
                prop_assert!(compound.reports.len() <= REPORTS_LIMIT);
            }
        }
    }
}
