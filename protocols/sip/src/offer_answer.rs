//! Offer and answer (RFC 3264) for one telephone conversation: G.711 and `telephone-event`, hold and resume.
//!
//! Promises: an answer has exactly the offer's media lines in their order; what is not spoken here (video, SRTP, fax,
//! unknown protocols, a second audio line) is refused with port 0; nothing is sent to an address that did not say that it
//! receives, nor to multicast, broadcast or unspecified ones.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::session_description::{Direction, Mapping, Media, SessionDescription};

/// The payload type that we give to `telephone-event` in our own offers.
pub const TELEPHONE_EVENT: u8 = 101;
/// Milliseconds of sound in the packets that we send.
pub const PACKET_MILLISECONDS: u16 = 20;
const CLOCK_RATE: u32 = 8_000;
const TELEPHONE_EVENT_NAME: &str = "telephone-event";
/// The profiles of plain RTP (RFC 3551, RFC 4585).
const PROTOCOLS: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];

/// How sound is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// The static payload type.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding's name.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];
}

/// Why two sides find no common ground: answer 488 to an offer, hang up on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No audio line over plain RTP.
    #[error("no audio over plain RTP is offered")]
    NoAudio,
    /// An audio line, but no codec that both speak.
    #[error("no common audio codec: PCMU and PCMA are spoken here")]
    NoCodec,
    /// The audio line's address cannot be sent to.
    #[error("the audio address is missing, a name, or of another family than ours")]
    NoAddress,
    /// The answer does not have the offer's media lines.
    #[error("the answer does not fit the offer")]
    NotTheOffer,
}

/// Our side of the media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Where we receive.
    pub media: SocketAddr,
    /// The number of our session.
    pub session_id: u64,
    /// Which of our descriptions this is; must grow when anything changed.
    pub version: u64,
}

/// What both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Where to send.
    pub remote: SocketAddr,
    /// How sound is coded, both ways.
    pub codec: Codec,
    /// The payload type of that codec.
    pub payload_type: u8,
    /// The payload type of `telephone-event`, when the other side speaks it.
    pub telephone_event: Option<u8>,
    /// Whether we send.
    pub we_send: bool,
    /// Whether we receive. Not receiving means that the other side keeps quiet: the watchdog must wait.
    pub we_receive: bool,
}

/// An offer of ours.
pub fn offer(local: &Local, direction: Direction) -> SessionDescription {
    let mut mappings: Vec<Mapping> =
        Codec::ALL.iter().map(|&codec| mapping(codec.payload_type(), codec.name())).collect();
    mappings.push(mapping(TELEPHONE_EVENT, TELEPHONE_EVENT_NAME));
    let media = Media {
        kind: "audio".to_owned(),
        port: local.media.port(),
        protocol: PROTOCOLS[0].to_owned(),
        formats: mappings.iter().map(|mapping| mapping.payload_type.to_string()).collect(),
        address: Some(local.media.ip()),
        direction,
        mappings,
        packet_milliseconds: Some(PACKET_MILLISECONDS),
    };
    describe(local, vec![media])
}

/// Our answer to an offer, and what it means.
pub fn answer(offer: &SessionDescription, local: &Local) -> Result<(SessionDescription, Agreed), Refusal> {
    let mut refusal = Refusal::NoAudio;
    let mut chosen = None;
    for (index, media) in offer.media.iter().enumerate() {
        match understand(media, local.media.ip()) {
            Ok(agreed) => {
                chosen = Some((index, agreed));
                break;
            }
            // The first audio line's reason is the one worth telling.
            Err(reason) if refusal == Refusal::NoAudio => refusal = reason,
            Err(_) => {}
        }
    }
    let (index, agreed) = chosen.ok_or(refusal)?;
    let media = offer.media.iter().enumerate().map(|(place, media)| {
        if place == index { accept_line(media, &agreed, local) } else { refuse_line(media, local) }
    });
    let media = media.collect();
    Ok((describe(local, media), agreed))
}

/// What the answer to our offer means.
pub fn accept(answer: &SessionDescription, local: &Local) -> Result<Agreed, Refusal> {
    let [media] = answer.media.as_slice() else {
        return Err(Refusal::NotTheOffer);
    };
    understand(media, local.media.ip())
}

fn mapping(payload_type: u8, encoding: &str) -> Mapping {
    Mapping { payload_type, encoding: encoding.to_owned(), clock_rate: CLOCK_RATE }
}

fn describe(local: &Local, media: Vec<Media>) -> SessionDescription {
    let (session_id, version) = (local.session_id, local.version);
    SessionDescription { session_id, version, origin: Some(local.media.ip()), media }
}

/// What a media line of the other side means to us.
fn understand(media: &Media, ours: IpAddr) -> Result<Agreed, Refusal> {
    let plain = PROTOCOLS.iter().any(|protocol| media.protocol.eq_ignore_ascii_case(protocol));
    if media.kind != "audio" || media.port == 0 || !plain {
        return Err(Refusal::NoAudio);
    }
    let (codec, payload_type) =
        media.formats.iter().find_map(|format| codec_of(format, media)).ok_or(Refusal::NoCodec)?;
    let address = media.address.ok_or(Refusal::NoAddress)?;
    if address.is_ipv4() != ours.is_ipv4() {
        return Err(Refusal::NoAddress);
    }
    // The old way to hold (RFC 3264, section 8.4): an address to which nothing can be sent.
    let held = address.is_unspecified();
    if !held && !may_be_sent_to(address) {
        return Err(Refusal::NoAddress);
    }
    Ok(Agreed {
        remote: SocketAddr::new(address, media.port),
        codec,
        payload_type,
        telephone_event: telephone_event_of(media),
        we_send: media.direction.receives() && !held,
        we_receive: media.direction.sends() && !held,
    })
}

fn may_be_sent_to(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_multicast() && !address.is_unspecified() && !broadcast
}

fn codec_of(format: &str, media: &Media) -> Option<(Codec, u8)> {
    let payload_type: u8 = format.parse().ok()?;
    let named = media.mappings.iter().find(|mapping| mapping.payload_type == payload_type);
    let codec = Codec::ALL.into_iter().find(|codec| match named {
        Some(mapping) => mapping.encoding.eq_ignore_ascii_case(codec.name()) && mapping.clock_rate == CLOCK_RATE,
        None => codec.payload_type() == payload_type,
    })?;
    Some((codec, payload_type))
}

fn telephone_event_of(media: &Media) -> Option<u8> {
    let named = media.mappings.iter().find(|mapping| {
        mapping.encoding.eq_ignore_ascii_case(TELEPHONE_EVENT_NAME)
            && mapping.clock_rate == CLOCK_RATE
            && media.formats.iter().any(|format| format.parse() == Ok(mapping.payload_type))
    })?;
    Some(named.payload_type)
}

fn accept_line(offered: &Media, agreed: &Agreed, local: &Local) -> Media {
    let mut mappings = vec![mapping(agreed.payload_type, agreed.codec.name())];
    mappings.extend(agreed.telephone_event.map(|payload_type| mapping(payload_type, TELEPHONE_EVENT_NAME)));
    Media {
        kind: offered.kind.clone(),
        port: local.media.port(),
        protocol: offered.protocol.clone(),
        formats: mappings.iter().map(|mapping| mapping.payload_type.to_string()).collect(),
        address: Some(local.media.ip()),
        direction: Direction::of(agreed.we_send, agreed.we_receive),
        mappings,
        packet_milliseconds: Some(PACKET_MILLISECONDS),
    }
}

fn refuse_line(offered: &Media, local: &Local) -> Media {
    Media {
        kind: offered.kind.clone(),
        port: 0,
        protocol: offered.protocol.clone(),
        formats: offered.formats.clone(),
        address: Some(local.media.ip()),
        ..Media::default()
    }
}

#[cfg(test)]
mod tests;
