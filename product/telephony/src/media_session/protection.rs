//! The protection of one call's sound: what is sent is sealed, what is heard must open.
//!
//! Promises: sound that was agreed to be encrypted is never sent or taken plain, whatever goes wrong; a side that changes
//! its key does not make the other seal two packets alike.

use media::srtp::{self, Opener, Sealer};
use sip::offer_answer::Secured;
use sip::security_description::{MasterKey, Suite};

/// How one call's packets are protected.
#[derive(Debug, Default)]
pub struct Protection {
    state: State,
    /// Every sealer of this call is kept: one that began anew could use an index twice.
    sealers: Vec<(Suite, MasterKey, Sealer)>,
    opener: Option<(Suite, MasterKey, Opener)>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was agreed to be protected.
    #[default]
    Plain,
    /// Packets are sealed by the sealer at this place.
    Sealed(usize),
    /// The keys are of no use: nothing is sent, nothing is taken.
    Shut,
}

impl Protection {
    /// What both sides agreed on, at the beginning and whenever it changes.
    pub fn agree(&mut self, secured: Option<&Secured>) {
        self.state = match secured {
            None => State::Plain,
            Some(secured) => self.secure(secured).map_or(State::Shut, State::Sealed),
        };
    }

    /// Whether packets are sealed.
    pub fn is_on(&self) -> bool {
        matches!(self.state, State::Sealed(_))
    }

    fn secure(&mut self, secured: &Secured) -> Result<usize, srtp::Error> {
        let suite = secured.suite;
        let known = self.opener.as_ref().is_some_and(|(other, key, _)| (*other, key) == (suite, &secured.theirs));
        if !known {
            let opener = Opener::new(in_media(suite), secured.theirs.bytes())?;
            self.opener = Some((suite, secured.theirs.clone(), opener));
        }
        let place = self.sealers.iter().position(|(other, key, _)| (*other, key) == (suite, &secured.ours));
        if let Some(place) = place {
            return Ok(place);
        }
        let sealer = Sealer::new(in_media(suite), secured.ours.bytes())?;
        self.sealers.push((suite, secured.ours.clone(), sealer));
        Ok(self.sealers.len() - 1)
    }

    /// Makes a packet ready to be sent; false when it must not be.
    pub fn seal(&mut self, packet: &mut Vec<u8>) -> bool {
        self.with_sealer(|sealer| sealer.seal(packet))
    }

    /// Makes a report ready to be sent; false when it must not be.
    pub fn seal_report(&mut self, packet: &mut Vec<u8>) -> bool {
        self.with_sealer(|sealer| sealer.seal_report(packet))
    }

    /// Opens a packet that came; false when it is none of this call.
    pub fn open(&mut self, packet: &mut Vec<u8>) -> bool {
        self.with_opener(|opener| opener.open(packet))
    }

    /// Opens a report that came; false when it is none of this call.
    pub fn open_report(&mut self, packet: &mut Vec<u8>) -> bool {
        self.with_opener(|opener| opener.open_report(packet))
    }

    fn with_sealer(&mut self, seal: impl FnOnce(&mut Sealer) -> Result<(), srtp::Error>) -> bool {
        match self.state {
            State::Plain => true,
            State::Shut => false,
            State::Sealed(place) => self.sealers.get_mut(place).is_some_and(|(_, _, sealer)| seal(sealer).is_ok()),
        }
    }

    fn with_opener(&mut self, open: impl FnOnce(&mut Opener) -> Result<(), srtp::Error>) -> bool {
        match self.state {
            State::Plain => true,
            State::Shut => false,
            State::Sealed(_) => self.opener.as_mut().is_some_and(|(_, _, opener)| open(opener).is_ok()),
        }
    }
}

/// The suite as the media part names it.
fn in_media(suite: Suite) -> srtp::Suite {
    match suite {
        Suite::AeadAes256Gcm => srtp::Suite::AeadAes256Gcm,
        Suite::AeadAes128Gcm => srtp::Suite::AeadAes128Gcm,
        Suite::AesCm128HmacSha1Tag80 => srtp::Suite::AesCm128HmacSha1Tag80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::offer_answer::{self, Local, OwnKeys, Wanted};
    use sip::session_description::Direction;

    /// Both sides of an agreement; `seed` makes the offering side's keys.
    fn agreed(seed: u8) -> (Secured, Secured) {
        let local = |seed: u8| {
            let (media, wanted) = ("127.0.0.1:4000".parse().expect("address"), Wanted::Protected);
            Local { media, session_id: 1, version: 1, wanted, keys: OwnKeys::draw(|bytes| bytes.fill(seed)) }
        };
        let (us, them) = (local(seed), local(99));
        let offer = offer_answer::offer(&us, Direction::SendReceive);
        let (answer, theirs) = offer_answer::answer(&offer, &them).expect("common ground");
        let ours = offer_answer::accept(&answer, &us).expect("one of ours");
        (ours.secured.expect("protected"), theirs.secured.expect("protected"))
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&[0xD5; 160]);
        packet
    }

    #[test]
    fn names_and_lengths_are_the_same_in_both_parts() {
        for suite in Suite::ALL {
            assert_eq!(in_media(suite).master_bytes(), suite.master_bytes(), "{suite:?}");
        }
    }

    #[test]
    fn each_side_opens_what_the_other_seals_and_nothing_plain() {
        let (mut us, mut them) = (Protection::default(), Protection::default());
        let (ours, theirs) = agreed(1);
        us.agree(Some(&ours));
        them.agree(Some(&theirs));
        assert!(us.is_on());
        let mut sealed = packet(1);
        assert!(us.seal(&mut sealed) && sealed != packet(1));
        assert!(!them.open(&mut packet(1)), "plain sound is none of this call");
        assert!(them.open(&mut sealed.clone()) && !us.open(&mut sealed), "the keys of the two ways differ");
    }

    #[test]
    fn another_agreement_changes_the_ear_and_never_begins_a_sealer_anew() {
        let (mut us, (first, _), (second, heard)) = (Protection::default(), agreed(1), agreed(2));
        us.agree(Some(&first));
        assert!(us.seal(&mut packet(5)));
        us.agree(Some(&second));
        let mut sealed = packet(5);
        assert!(us.seal(&mut sealed), "another key: the same number again does no harm");
        let mut them = Protection::default();
        them.agree(Some(&heard));
        assert!(them.open(&mut sealed));
        us.agree(Some(&first));
        assert!(!us.seal(&mut packet(5)), "the first key has sealed this number already");
        assert!(us.seal(&mut packet(6)));
    }

    #[test]
    fn nothing_passes_once_keys_are_of_no_use() {
        let mut shut = Protection { state: State::Shut, ..Protection::default() };
        assert!(!shut.seal(&mut packet(1)) && !shut.open(&mut packet(1)) && !shut.seal_report(&mut packet(1)));
        let mut plain = Protection::default();
        let mut sent = packet(1);
        assert!(plain.seal(&mut sent) && plain.open(&mut sent) && sent == packet(1) && !plain.is_on());
    }
}
