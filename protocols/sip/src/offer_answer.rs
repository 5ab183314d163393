//! Offer and answer (RFC 3264) for one telephone conversation: G.711 and `telephone-event`, hold and resume.
//!
//! Promises: an answer has exactly the offer's media lines in their order; what is not spoken here (video, fax, unknown
//! protocols, a second audio line) is refused with port 0; nothing is sent to an address that did not say that it
//! receives, nor to multicast, broadcast or unspecified ones; encrypted sound (RFC 4568) is taken before plain sound, and
//! neither is taken where [`Wanted`] forbids it.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::security_description::{Crypto, MasterKey, Suite};
use crate::session_description::{Direction, Mapping, Media, SessionDescription};

/// The payload type that we give to `telephone-event` in our own offers.
pub const TELEPHONE_EVENT: u8 = 101;
/// Milliseconds of sound in the packets that we send.
pub const PACKET_MILLISECONDS: u16 = 20;
const CLOCK_RATE: u32 = 8_000;
const TELEPHONE_EVENT_NAME: &str = "telephone-event";
/// The profiles of plain RTP (RFC 3551, RFC 4585).
const PLAIN: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];
/// The profiles of encrypted RTP (RFC 3711, RFC 5124).
const PROTECTED: [&str; 2] = ["RTP/SAVP", "RTP/SAVPF"];

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
    /// No audio line over RTP.
    #[error("no audio over RTP is offered")]
    NoAudio,
    /// Only plain sound, where only encrypted sound is taken.
    #[error("the sound would not be encrypted, and only encrypted sound is taken here")]
    NotProtected,
    /// Encrypted sound, but its keys came in messages that anybody on the way can read.
    #[error("the keys of the sound came over a connection that is not encrypted")]
    KeysInClear,
    /// Encrypted sound, but in no way that both speak.
    #[error("no common way to encrypt the sound")]
    NoSuite,
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

/// Which sound is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Plain sound only: the messages can be read on their way, so keys in them protect nothing.
    Plain,
    /// Encrypted sound where it is offered, plain sound otherwise. Our own offers are encrypted.
    Either,
    /// Encrypted sound only.
    Protected,
}

/// The keys of what we send in one call, one for each suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKeys([MasterKey; Suite::ALL.len()]);

impl OwnKeys {
    /// Keys from chance; `fill` fills the bytes that it is given with randomness.
    pub fn draw(mut fill: impl FnMut(&mut [u8])) -> Self {
        OwnKeys(Suite::ALL.map(|suite| {
            let mut bytes = zeroize::Zeroizing::new(vec![0; suite.master_bytes()]);
            fill(&mut bytes);
            MasterKey::new(&bytes)
        }))
    }

    fn of(&self, suite: Suite) -> MasterKey {
        self.0[suite as usize].clone()
    }
}

/// How the sound of a call is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// In which way.
    pub suite: Suite,
    /// The key of what we send.
    pub ours: MasterKey,
    /// The key of what we hear.
    pub theirs: MasterKey,
    tag: u32,
}

/// Our side of the media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Where we receive.
    pub media: SocketAddr,
    /// The number of our session.
    pub session_id: u64,
    /// Which of our descriptions this is; must grow when anything changed.
    pub version: u64,
    /// Which sound is taken.
    pub wanted: Wanted,
    /// The keys of what we send.
    pub keys: OwnKeys,
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// How the sound is protected; none when it is plain.
    pub secured: Option<Secured>,
}

/// An offer of ours.
pub fn offer(local: &Local, direction: Direction) -> SessionDescription {
    let mut mappings: Vec<Mapping> =
        Codec::ALL.iter().map(|&codec| mapping(codec.payload_type(), codec.name())).collect();
    mappings.push(mapping(TELEPHONE_EVENT, TELEPHONE_EVENT_NAME));
    let protected = local.wanted != Wanted::Plain;
    let media = Media {
        kind: "audio".to_owned(),
        port: local.media.port(),
        protocol: if protected { PROTECTED[0] } else { PLAIN[0] }.to_owned(),
        crypto: if protected { own_lines(local) } else { Vec::new() },
        formats: mappings.iter().map(|mapping| mapping.payload_type.to_string()).collect(),
        address: Some(local.media.ip()),
        direction,
        mappings,
        packet_milliseconds: Some(PACKET_MILLISECONDS),
    };
    describe(local, vec![media])
}

/// Our crypto lines, numbered from 1.
fn own_lines(local: &Local) -> Vec<Crypto> {
    let numbered = (1..).zip(Suite::ALL);
    numbered.map(|(tag, suite)| Crypto { tag, suite, key: local.keys.of(suite) }).collect()
}

/// Our answer to an offer, and what it means.
pub fn answer(offer: &SessionDescription, local: &Local) -> Result<(SessionDescription, Agreed), Refusal> {
    let mut refusal = Refusal::NoAudio;
    let mut chosen = None;
    // Encrypted lines first: a phone that offers both leaves the choice to us.
    let (protected, plain): (Vec<_>, Vec<_>) =
        offer.media.iter().enumerate().partition(|(_, media)| is_one_of(&PROTECTED, media));
    for (index, media) in protected.into_iter().chain(plain) {
        match understand(media, local, |secured| choose(secured, local)) {
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
    // We offered one of the two; an answer in the other is none.
    if is_one_of(&PLAIN, media) && local.wanted != Wanted::Plain {
        return Err(Refusal::NotProtected);
    }
    understand(media, local, |crypto| confirmed(crypto, local))
}

/// Of the lines that are offered the strongest.
fn choose(offered: &[Crypto], local: &Local) -> Option<Secured> {
    let line = offered.iter().min_by_key(|line| line.suite)?;
    let ours = local.keys.of(line.suite);
    Some(Secured { suite: line.suite, ours, theirs: line.key.clone(), tag: line.tag })
}

/// The one line of an answer, which must be one of ours.
fn confirmed(answered: &[Crypto], local: &Local) -> Option<Secured> {
    let [line] = answered else { return None };
    let ours = own_lines(local).into_iter().find(|own| (own.tag, own.suite) == (line.tag, line.suite))?;
    Some(Secured { suite: line.suite, ours: ours.key, theirs: line.key.clone(), tag: line.tag })
}

fn is_one_of(profiles: &[&str], media: &Media) -> bool {
    profiles.iter().any(|profile| media.protocol.eq_ignore_ascii_case(profile))
}

fn mapping(payload_type: u8, encoding: &str) -> Mapping {
    Mapping { payload_type, encoding: encoding.to_owned(), clock_rate: CLOCK_RATE }
}

fn describe(local: &Local, media: Vec<Media>) -> SessionDescription {
    let (session_id, version) = (local.session_id, local.version);
    SessionDescription { session_id, version, origin: Some(local.media.ip()), media }
}

/// How a media line is protected; none when it is plain and may be.
fn protection(
    media: &Media,
    wanted: Wanted,
    secure: impl FnOnce(&[Crypto]) -> Option<Secured>,
) -> Result<Option<Secured>, Refusal> {
    match (is_one_of(&PROTECTED, media), wanted) {
        (false, Wanted::Protected) => Err(Refusal::NotProtected),
        (false, Wanted::Plain | Wanted::Either) => Ok(None),
        (true, Wanted::Plain) => Err(Refusal::KeysInClear),
        (true, Wanted::Either | Wanted::Protected) => secure(&media.crypto).map(Some).ok_or(Refusal::NoSuite),
    }
}

/// What a media line of the other side means to us.
fn understand(
    media: &Media,
    local: &Local,
    secure: impl FnOnce(&[Crypto]) -> Option<Secured>,
) -> Result<Agreed, Refusal> {
    let ours = local.media.ip();
    let spoken = is_one_of(&PLAIN, media) || is_one_of(&PROTECTED, media);
    if media.kind != "audio" || media.port == 0 || !spoken {
        return Err(Refusal::NoAudio);
    }
    let secured = protection(media, local.wanted, secure)?;
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
        secured,
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
        crypto: agreed.secured.iter().map(answer_line).collect(),
    }
}

/// The line that answers the chosen one: its number and suite, our key.
fn answer_line(secured: &Secured) -> Crypto {
    Crypto { tag: secured.tag, suite: secured.suite, key: secured.ours.clone() }
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
