//! Which calls are taken plain and which are not: the one place that decides over encryption on the phone (RFC 3261
//! section 26, RFC 4568 section 8.3).

use sip::Status;
use sip::offer_answer::{self, Local, Refusal, Wanted};
use sip::session_description::SessionDescription;
use thiserror::Error;

use crate::signalling::Transport;

/// How much encryption calls must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Encrypted where the other side offers it; plain calls are taken, too.
    #[default]
    Offered,
    /// Messages over TLS and sound over SRTP, or no call.
    Strict,
}

/// What this phone demands of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Security {
    /// How much encryption calls must have.
    pub strictness: Strictness,
    /// Whether encrypted sound is taken although its keys travelled readable, over UDP or TCP. It then keeps out only
    /// those who hear the sound and not the messages.
    pub keys_in_clear: bool,
}

/// Why a call is not taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Insecure {
    /// Its messages are not encrypted.
    #[error("calls are taken over TLS only")]
    Signalling,
    /// Its sound would not be encrypted, or not well enough.
    #[error("{0}")]
    Sound(Refusal),
}

impl Insecure {
    /// What the other side is told: forbidden, or no common media.
    pub fn status(self) -> Status {
        match self {
            Insecure::Signalling => Status::FORBIDDEN,
            Insecure::Sound(_) => Status::NOT_ACCEPTABLE_HERE,
        }
    }

    /// The word for the call's timeline.
    pub fn name(self) -> &'static str {
        match self {
            Insecure::Signalling => "signalling_not_encrypted",
            Insecure::Sound(Refusal::KeysInClear) => "keys_of_sound_not_encrypted",
            Insecure::Sound(_) => "sound_not_encrypted",
        }
    }
}

impl Security {
    /// Which sound is taken on a call that comes in.
    pub fn inbound(self, transport: Transport) -> Result<Wanted, Insecure> {
        match (self.strictness, transport) {
            (Strictness::Strict, Transport::Tls) => Ok(Wanted::Protected),
            (Strictness::Strict, Transport::Udp | Transport::Tcp) => Err(Insecure::Signalling),
            (Strictness::Offered, Transport::Tls) => Ok(Wanted::Either),
            (Strictness::Offered, _) if self.keys_in_clear => Ok(Wanted::Either),
            (Strictness::Offered, Transport::Udp | Transport::Tcp) => Ok(Wanted::Plain),
        }
    }

    /// Which sound is offered on a call of ours. Over TLS it is encrypted, unless the other side is known not to encrypt
    /// (`plain_sound`).
    pub fn outbound(self, transport: Transport, plain_sound: bool) -> Result<Wanted, Insecure> {
        match (self.inbound(transport)?, transport) {
            (Wanted::Protected, _) if plain_sound => Err(Insecure::Sound(Refusal::NotProtected)),
            (Wanted::Protected | Wanted::Either, Transport::Tls) if !plain_sound => Ok(Wanted::Protected),
            // In clear there is no telling whether the other side encrypts: what every trunk speaks is offered.
            _ => Ok(Wanted::Plain),
        }
    }

    /// Whether a call that comes in is taken as it is offered. What has nothing to do with encryption is judged later.
    pub fn judge(self, transport: Transport, offer: Option<&[u8]>, local: &Local) -> Result<Wanted, Insecure> {
        let wanted = self.inbound(transport)?;
        let offer = offer.and_then(|offer| SessionDescription::parse(offer).ok());
        let refusal = offer.and_then(|offer| {
            let local = Local { wanted, ..local.clone() };
            offer_answer::answer(&offer, &local).err()
        });
        match refusal {
            Some(why @ (Refusal::NotProtected | Refusal::KeysInClear | Refusal::NoSuite)) => Err(Insecure::Sound(why)),
            _ => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::offer_answer::OwnKeys;

    const OFFERED: Security = Security { strictness: Strictness::Offered, keys_in_clear: false };
    const STRICT: Security = Security { strictness: Strictness::Strict, keys_in_clear: false };
    const LAX: Security = Security { strictness: Strictness::Offered, keys_in_clear: true };

    #[test]
    fn the_whole_matrix() {
        use Transport::{Tcp, Tls, Udp};
        let no_sound = Err(Insecure::Sound(Refusal::NotProtected));
        for (security, transport, inbound, outbound, outbound_plain) in [
            (OFFERED, Udp, Ok(Wanted::Plain), Ok(Wanted::Plain), Ok(Wanted::Plain)),
            (OFFERED, Tcp, Ok(Wanted::Plain), Ok(Wanted::Plain), Ok(Wanted::Plain)),
            (OFFERED, Tls, Ok(Wanted::Either), Ok(Wanted::Protected), Ok(Wanted::Plain)),
            (LAX, Udp, Ok(Wanted::Either), Ok(Wanted::Plain), Ok(Wanted::Plain)),
            (LAX, Tls, Ok(Wanted::Either), Ok(Wanted::Protected), Ok(Wanted::Plain)),
            (STRICT, Udp, Err(Insecure::Signalling), Err(Insecure::Signalling), Err(Insecure::Signalling)),
            (STRICT, Tcp, Err(Insecure::Signalling), Err(Insecure::Signalling), Err(Insecure::Signalling)),
            (STRICT, Tls, Ok(Wanted::Protected), Ok(Wanted::Protected), no_sound),
        ] {
            assert_eq!(security.inbound(transport), inbound, "{security:?} {transport}");
            assert_eq!(security.outbound(transport, false), outbound, "{security:?} {transport}");
            assert_eq!(security.outbound(transport, true), outbound_plain, "{security:?} {transport}");
        }
    }

    #[test]
    fn a_call_is_refused_for_what_it_lacks_and_for_nothing_else() {
        let media = "127.0.0.1:4000".parse().expect("address");
        let keys = OwnKeys::draw(|bytes| bytes.fill(1));
        let local = Local { media, session_id: 1, version: 1, wanted: Wanted::Protected, keys };
        let offer = |protocol: &str| {
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio 9000 {protocol} 0\r\n")
        };
        let judge = |security: Security, transport, offer: Option<&str>| {
            security.judge(transport, offer.map(str::as_bytes), &local).map_err(|why| (why.name(), why.status().code()))
        };
        let (plain, protected) = (offer("RTP/AVP"), offer("RTP/SAVP"));
        assert_eq!(judge(STRICT, Transport::Udp, Some(&plain)), Err(("signalling_not_encrypted", 403)));
        assert_eq!(judge(STRICT, Transport::Tls, Some(&plain)), Err(("sound_not_encrypted", 488)));
        assert_eq!(judge(STRICT, Transport::Tls, Some(&protected)), Err(("sound_not_encrypted", 488)), "no key in it");
        assert_eq!(judge(OFFERED, Transport::Udp, Some(&protected)), Err(("keys_of_sound_not_encrypted", 488)));
        assert_eq!(judge(OFFERED, Transport::Udp, Some(&plain)), Ok(Wanted::Plain));
        assert_eq!(judge(STRICT, Transport::Tls, None), Ok(Wanted::Protected), "we shall make the offer");
        let no_codec = plain.replace("RTP/AVP 0", "RTP/AVP 18");
        assert_eq!(
            judge(OFFERED, Transport::Udp, Some(&no_codec)),
            Ok(Wanted::Plain),
            "that is no matter of encryption"
        );
        assert_eq!(judge(OFFERED, Transport::Udp, Some("rubbish")), Ok(Wanted::Plain));
    }
}
