//! Session descriptions (RFC 8866): what of them a telephone needs, read with limits and written in one fixed shape.
//!
//! Promises: any bytes either parse or give an error; unknown lines are skipped; nothing grows beyond the limits below;
//! what [`SessionDescription::to_text`] writes parses back to the same value.

use std::fmt::Write as _;
use std::net::IpAddr;

use thiserror::Error;

use crate::security_description::{CRYPTO_LIMIT, Crypto};

/// Bytes of a description at most.
pub const BYTES_LIMIT: usize = 16 * 1_024;
/// Media lines that are read at most.
pub const MEDIA_LIMIT: usize = 16;
/// Formats of one media line that are read at most.
pub const FORMATS_LIMIT: usize = 64;
/// Attributes with mappings that are kept for one media line at most.
pub const MAPPINGS_LIMIT: usize = 64;

/// Why bytes are no session description.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// More than [`BYTES_LIMIT`].
    #[error("the session description is larger than {BYTES_LIMIT} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the session description is not text")]
    NotText,
    /// A line that cannot be read, or a needed one that is missing.
    #[error("the session description has no readable {0} line")]
    Line(char),
    /// More media lines or formats than the limits.
    #[error("the session description has more media or formats than the limits allow")]
    TooMany,
}

/// Who may send, seen from the side that wrote the description (RFC 8866, section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// Only the writer sends: the other side is on hold.
    SendOnly,
    /// Only the writer receives.
    ReceiveOnly,
    /// Nobody sends.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// A direction from whether the writer sends and receives.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::ReceiveOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::ReceiveOnly)
    }

    fn from_name(name: &str) -> Option<Self> {
        [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.name() == name)
    }
}

/// What a payload type means (`a=rtpmap`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// 0..=127.
    pub payload_type: u8,
    /// The encoding's name, as written.
    pub encoding: String,
    /// Its clock, in hertz.
    pub clock_rate: u32,
}

/// One `m=` line with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Media {
    /// `audio`, `video`, `image`, …
    pub kind: String,
    /// 0: refused or switched off.
    pub port: u16,
    /// `RTP/AVP`, `RTP/SAVP`, `udptl`, …
    pub protocol: String,
    /// Payload types, in the order of preference, as written.
    pub formats: Vec<String>,
    /// The address of this line; the session's when it has none of its own.
    pub address: Option<IpAddr>,
    /// The direction of this line (the session's when it has none of its own).
    pub direction: Direction,
    /// What the payload types mean.
    pub mappings: Vec<Mapping>,
    /// Milliseconds of sound in a packet, when the writer wishes for some.
    pub packet_milliseconds: Option<u16>,
    /// How the writer protects what it sends, one line for each way that it offers; those not spoken here are left out.
    pub crypto: Vec<Crypto>,
}

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// The number of the session, made by its writer.
    pub session_id: u64,
    /// Grows by one when the description changes.
    pub version: u64,
    /// The address in the `o=` line, when it is a plain one.
    pub origin: Option<IpAddr>,
    /// The media lines, in order.
    pub media: Vec<Media>,
}

#[derive(Default)]
struct Session {
    address: Option<IpAddr>,
    direction: Direction,
}

impl SessionDescription {
    /// Reads a description; lines may end with CR LF or LF.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_LIMIT {
            return Err(Error::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotText)?;
        let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(Error::Line('v'));
        }
        let mut session = Session::default();
        let mut origin = None;
        let mut media: Vec<Media> = Vec::new();
        for line in lines {
            let (kind, value) = line.split_once('=').ok_or(Error::Line('?'))?;
            if kind == "m" {
                if media.len() == MEDIA_LIMIT {
                    return Err(Error::TooMany);
                }
                media.push(read_media(value, &session)?);
                continue;
            }
            match (kind, media.last_mut()) {
                ("o", None) => origin = Some(read_origin(value).ok_or(Error::Line('o'))?),
                ("c", None) => session.address = read_connection(value)?,
                ("c", Some(current)) => current.address = read_connection(value)?,
                ("a", None) => {
                    if let Some(direction) = Direction::from_name(value) {
                        session.direction = direction;
                    }
                }
                ("a", Some(current)) => read_attribute(value, current),
                _ => {}
            }
        }
        let (session_id, version, origin) = origin.ok_or(Error::Line('o'))?;
        Ok(SessionDescription { session_id, version, origin, media })
    }

    /// The description as text.
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(512);
        let origin = self.origin.or_else(|| self.media.iter().find_map(|media| media.address));
        let _ = writeln!(out, "v=0\r");
        let _ = writeln!(out, "o=- {} {} IN {}\r", self.session_id, self.version, address_text(origin));
        let _ = writeln!(out, "s=-\r");
        let _ = writeln!(out, "t=0 0\r");
        for media in &self.media {
            write_media(media, &mut out);
        }
        out
    }
}

fn write_media(media: &Media, out: &mut String) {
    let formats = media.formats.join(" ");
    let _ = writeln!(out, "m={} {} {} {formats}\r", media.kind, media.port, media.protocol);
    let _ = writeln!(out, "c=IN {}\r", address_text(media.address));
    if media.port == 0 {
        return;
    }
    for mapping in &media.mappings {
        let _ = writeln!(out, "a=rtpmap:{} {}/{}\r", mapping.payload_type, mapping.encoding, mapping.clock_rate);
        if mapping.encoding.eq_ignore_ascii_case("telephone-event") {
            let _ = writeln!(out, "a=fmtp:{} 0-15\r", mapping.payload_type);
        }
    }
    for crypto in &media.crypto {
        let _ = writeln!(out, "a=crypto:{}\r", crypto.to_text());
    }
    if let Some(milliseconds) = media.packet_milliseconds {
        let _ = writeln!(out, "a=ptime:{milliseconds}\r");
    }
    let _ = writeln!(out, "a={}\r", media.direction.name());
}

fn address_text(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V4(address)) => format!("IP4 {address}"),
        Some(IpAddr::V6(address)) => format!("IP6 {address}"),
        None => "IP4 0.0.0.0".to_owned(),
    }
}

fn read_origin(value: &str) -> Option<(u64, u64, Option<IpAddr>)> {
    let mut parts = value.split_ascii_whitespace();
    let _user = parts.next()?;
    // Both numbers may be longer than 64 bits; only their change matters, so the last digits are enough.
    let session_id = read_number(parts.next()?)?;
    let version = read_number(parts.next()?)?;
    let address = parts.nth(2)?;
    Some((session_id, version, address.parse().ok()))
}

fn read_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text[text.len().saturating_sub(18)..].parse().ok()
}

/// The address of a `c=` line: none when it is a name (names are not looked up) or a multicast group with a TTL.
fn read_connection(value: &str) -> Result<Option<IpAddr>, Error> {
    let parts: Vec<&str> = value.split_ascii_whitespace().take(3).collect();
    match parts.as_slice() {
        ["IN", _family, address] => Ok(address.parse().ok()),
        _ => Err(Error::Line('c')),
    }
}

fn read_media(value: &str, session: &Session) -> Result<Media, Error> {
    let mut parts = value.split_ascii_whitespace();
    let mut next = || parts.next().ok_or(Error::Line('m'));
    let kind = next()?.to_owned();
    let port = next()?;
    let port = port.split_once('/').map_or(port, |(port, _count)| port).parse().map_err(|_| Error::Line('m'))?;
    let protocol = next()?.to_owned();
    let formats: Vec<String> = parts.take(FORMATS_LIMIT + 1).map(str::to_owned).collect();
    if formats.len() > FORMATS_LIMIT {
        return Err(Error::TooMany);
    }
    let (address, direction) = (session.address, session.direction);
    Ok(Media { kind, port, protocol, formats, address, direction, ..Media::default() })
}

fn read_attribute(value: &str, media: &mut Media) {
    if let Some(direction) = Direction::from_name(value) {
        media.direction = direction;
    } else if let Some(mapping) = value.strip_prefix("rtpmap:").and_then(read_mapping) {
        if media.mappings.len() < MAPPINGS_LIMIT {
            media.mappings.push(mapping);
        }
    } else if let Some(milliseconds) = value.strip_prefix("ptime:") {
        media.packet_milliseconds = milliseconds.trim().parse().ok();
    } else if let Some(crypto) = value.strip_prefix("crypto:").and_then(Crypto::parse)
        && media.crypto.len() < CRYPTO_LIMIT
    {
        media.crypto.push(crypto);
    }
}

fn read_mapping(value: &str) -> Option<Mapping> {
    let (payload_type, encoding) = value.trim().split_once(' ')?;
    let payload_type: u8 = payload_type.parse().ok().filter(|&payload_type| payload_type < 128)?;
    let mut parts = encoding.trim().split('/');
    let encoding = parts.next().filter(|encoding| !encoding.is_empty())?.to_owned();
    Some(Mapping { payload_type, encoding, clock_rate: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOFTPHONE: &str = "v=0\r\no=alice 123456789012345678901234567890 2 IN IP4 host.example\r\ns=-\r\nb=AS:256\r\n\
        c=IN IP4 192.0.2.7\r\nt=0 0\r\na=sendonly\r\nm=audio 49170/2 RTP/AVP 0 8 97 101\r\n\
        a=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n\
        m=video 0 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n";

    #[test]
    fn the_lines_that_matter_are_read() {
        let description = SessionDescription::parse(SOFTPHONE.as_bytes()).expect("well formed");
        assert_eq!(description.session_id, 345_678_901_234_567_890);
        assert_eq!(description.version, 2);
        let audio = &description.media[0];
        assert_eq!((audio.kind.as_str(), audio.port, audio.protocol.as_str()), ("audio", 49_170, "RTP/AVP"));
        assert_eq!(audio.formats, ["0", "8", "97", "101"]);
        assert_eq!(audio.address, Some("192.0.2.7".parse().expect("address")));
        assert_eq!(audio.direction, Direction::SendOnly);
        assert_eq!(audio.mappings[1].encoding, "telephone-event");
        assert_eq!(audio.packet_milliseconds, Some(20));
        let video = &description.media[1];
        assert_eq!(video.direction, Direction::Inactive);
        assert_eq!(video.address, Some("2001:db8::1".parse().expect("address")));
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |text: &str| SessionDescription::parse(text.as_bytes());
        assert_eq!(parse(""), Err(Error::Line('v')));
        assert_eq!(parse("v=0\r\ns=-\r\n"), Err(Error::Line('o')));
        assert_eq!(parse("v=0\no=- x 1 IN IP4 1.2.3.4\n"), Err(Error::Line('o')));
        assert_eq!(parse("v=0\no=- 1 1 IN IP4 1.2.3.4\nm=audio 99999 RTP/AVP 0\n"), Err(Error::Line('m')));
        assert_eq!(parse("v=0\nrubbish\n"), Err(Error::Line('?')));
        assert_eq!(SessionDescription::parse(&[b'v', b'=', 0xFF]), Err(Error::NotText));
    }

    #[test]
    fn the_limits_hold_at_their_edge() {
        let head = "v=0\no=- 1 1 IN IP4 1.2.3.4\n";
        let media = |count: usize| format!("{head}{}", "m=audio 4 RTP/AVP 0\n".repeat(count));
        assert!(SessionDescription::parse(media(MEDIA_LIMIT).as_bytes()).is_ok());
        assert_eq!(SessionDescription::parse(media(MEDIA_LIMIT + 1).as_bytes()), Err(Error::TooMany));
        let formats = |count: usize| format!("{head}m=audio 4 RTP/AVP{}\n", " 0".repeat(count));
        assert!(SessionDescription::parse(formats(FORMATS_LIMIT).as_bytes()).is_ok());
        assert_eq!(SessionDescription::parse(formats(FORMATS_LIMIT + 1).as_bytes()), Err(Error::TooMany));
        let filled = |bytes: usize| format!("{head}{}", "a".repeat(bytes - head.len() - 2) + "=\n");
        assert!(SessionDescription::parse(filled(BYTES_LIMIT).as_bytes()).is_ok());
        assert_eq!(SessionDescription::parse(filled(BYTES_LIMIT + 1).as_bytes()), Err(Error::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = SessionDescription::parse(&bytes);
        }

        #[test]
        fn any_lines_parse_or_fail(lines in proptest::collection::vec("[vosctmab]=[ -~]{0,60}", 0..30)) {
            let text = format!("v=0\r\n{}", lines.join("\r\n"));
            let _ = SessionDescription::parse(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read(session_id in 0u64..1_000_000_000_000_000_000, version in 0u64..1_000_000, port in 1u16..,
                                   address: [u8; 4], sends: bool, receives: bool) {
            let address = Some(IpAddr::from(address));
            let mappings = vec![Mapping { payload_type: 0, encoding: "PCMU".into(), clock_rate: 8_000 }];
            let media = Media {
                kind: "audio".into(), port, protocol: "RTP/AVP".into(), formats: vec!["0".into()], address,
                direction: Direction::of(sends, receives), mappings, packet_milliseconds: Some(20), crypto: Vec::new(),
            };
            let description = SessionDescription { session_id, version, origin: address, media: vec![media] };
            prop_assert_eq!(SessionDescription::parse(description.to_text().as_bytes()), Ok(description));
        }
    }
}
