//! RTP packets (RFC 3550, section 5): parse without copying, build into a caller's buffer.
//!
//! Promises: any bytes either parse or give an error; CSRC lists, header extensions and padding are skipped correctly;
//! sequence numbers are compared around their wrap.

use thiserror::Error;

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;
/// The largest payload that we build: 200 ms of G.711, well under any MTU.
pub const PAYLOAD_LIMIT_BYTES: usize = 1_400;

/// Why bytes are no RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// Fewer bytes than the header (with its CSRC list and extension) needs.
    #[error("the packet ends before its header does")]
    Truncated,
    /// The version field is not 2.
    #[error("the RTP version is {0}, not 2")]
    Version(u8),
    /// The padding count is zero or longer than the payload.
    #[error("the padding count does not fit the payload")]
    Padding,
}

/// One RTP packet over borrowed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// First of a talk spurt, or of an event.
    pub marker: bool,
    /// 0..=127; its meaning comes from the session description.
    pub payload_type: u8,
    /// Grows by one with each packet, wraps at 65,536.
    pub sequence: u16,
    /// In units of the codec's clock (8 kHz here), wraps at 2^32.
    pub timestamp: u32,
    /// Who sends: chosen at random by the sender.
    pub source: u32,
    /// What is carried, without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet. RTCP (payload types 72 to 76 with the marker, RFC 5761 section 4) is not told apart here: ask
    /// [`is_rtcp`] first where both share a port.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(Error::Truncated)?;
        let version = header[0] >> 6;
        if version != 2 {
            return Err(Error::Version(version));
        }
        let mut start = HEADER_BYTES + usize::from(header[0] & 0x0F) * 4;
        if header[0] & 0x10 != 0 {
            let extension = bytes.get(start..start + 4).ok_or(Error::Truncated)?;
            start += 4 + usize::from(u16::from_be_bytes([extension[2], extension[3]])) * 4;
        }
        let mut payload = bytes.get(start..).ok_or(Error::Truncated)?;
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*payload.last().ok_or(Error::Padding)?);
            if padding == 0 || padding > payload.len() {
                return Err(Error::Padding);
            }
            payload = &payload[..payload.len() - padding];
        }
        Ok(Packet {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7F,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            source: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload,
        })
    }

    /// Replaces the buffer's content by this packet on the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(0x80);
        out.push((u8::from(self.marker) << 7) | (self.payload_type & 0x7F));
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.source.to_be_bytes());
        out.extend_from_slice(self.payload);
    }
}

/// Whether a datagram is RTCP rather than RTP when both share one port (RFC 5761, section 4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && bytes[0] >> 6 == 2 && (192..=223).contains(&bytes[1])
}

/// How far `to` lies ahead of `from` (negative: behind), around the wrap.
pub fn sequence_distance(from: u16, to: u16) -> i32 {
    i32::from(to.wrapping_sub(from) as i16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn extension_contributors_and_padding_are_skipped() {
        let mut bytes = vec![0xB2, 0xE5, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4];
        bytes.extend([9; 8]); // two contributing sources
        bytes.extend([0xBE, 0xDE, 0, 1, 5, 5, 5, 5]); // one word of extension
        bytes.extend([42, 43, 0, 2]); // payload and two bytes of padding
        let packet = Packet::parse(&bytes).expect("well formed");
        assert_eq!(packet.payload, &[42, 43]);
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (101, 9, 7));
        assert_eq!(packet.source, 0x0102_0304);
    }

    #[test]
    fn what_is_no_packet_is_refused_with_its_reason() {
        assert_eq!(Packet::parse(&[0x80; 11]), Err(Error::Truncated));
        assert_eq!(Packet::parse(&[0x40; 12]), Err(Error::Version(1)));
        let mut padded = vec![0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Packet::parse(&padded), Err(Error::Padding));
        padded.push(0);
        assert_eq!(Packet::parse(&padded), Err(Error::Padding));
        padded[12] = 2;
        assert_eq!(Packet::parse(&padded), Err(Error::Padding));
    }

    #[test]
    fn sequence_numbers_compare_around_the_wrap() {
        assert_eq!(sequence_distance(65_535, 0), 1);
        assert_eq!(sequence_distance(0, 65_535), -1);
        assert_eq!(sequence_distance(10, 13), 3);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Packet::parse(&bytes);
            let _ = is_rtcp(&bytes);
        }

        #[test]
        fn what_is_written_is_read(marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, source: u32,
                                   payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let packet = Packet { marker, payload_type, sequence, timestamp, source, payload: &payload };
            let mut wire = Vec::new();
            packet.write(&mut wire);
            prop_assert_eq!(Packet::parse(&wire), Ok(packet));
        }
    }
}
