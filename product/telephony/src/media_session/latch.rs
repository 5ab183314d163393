//! From whom sound is taken, and to whom it is sent: the first valid packet from a plausible address decides, once.
//!
//! Plausible is the address of the session description and the address that the signalling came from (a phone behind a
//! NAT sends its sound from there). Anyone else who sends to the port is ignored, so nobody can slip sound into a call
//! or draw its sound to himself by guessing ports.
//!
//! A description can name anybody's address. Until a packet came from there it is sent to for a moment only
//! ([`UNPROVEN_PACKETS_LIMIT`], counted over the whole call), unless the call is acknowledged (so the signalling peer is real)
//! and the address is the signalling peer's own or the peer is the trunk, whose sound comes from other machines.

use std::net::{IpAddr, SocketAddr};

/// Packets of one call that go to addresses which have not shown that they take part: two seconds of sound.
pub const UNPROVEN_PACKETS_LIMIT: u32 = 100;

/// What is known of the signalling peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where its messages come from.
    pub signalled: IpAddr,
    /// It may name another's address for its sound: the trunk, and whom we called ourselves.
    pub trusted: bool,
    /// It answered something that only it can have read: nobody wrote its address as his own.
    pub acknowledged: bool,
}

/// The decision for one call.
#[derive(Debug, Clone)]
pub struct Latch {
    described: SocketAddr,
    peer: Peer,
    latched: Option<SocketAddr>,
    unproven_left: u32,
}

impl Latch {
    /// `described` is the description's address.
    pub fn new(described: SocketAddr, peer: Peer) -> Self {
        Latch { described, peer, latched: None, unproven_left: UNPROVEN_PACKETS_LIMIT }
    }

    /// The signalling peer has shown that it is there.
    pub fn acknowledge(&mut self) {
        self.peer.acknowledged = true;
    }

    /// Where the next packet goes; none while the address has not shown that it takes part and was sent enough.
    pub fn next_target(&mut self) -> Option<SocketAddr> {
        let own = self.peer.trusted || self.described.ip().to_canonical() == self.peer.signalled.to_canonical();
        if self.latched.is_none() && !(self.peer.acknowledged && own) {
            self.unproven_left = self.unproven_left.checked_sub(1)?;
        }
        Some(self.target())
    }

    /// Whether a packet from here could be the other side's. Decides nothing.
    pub fn is_plausible(&self, source: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => latched == source,
            None => source.ip() == self.described.ip() || source.ip() == self.peer.signalled,
        }
    }

    /// A valid packet came from a plausible source: from now on it is the only one.
    pub fn settle(&mut self, source: SocketAddr) {
        if self.latched.is_none() && self.is_plausible(source) {
            self.latched = Some(source);
        }
    }

    /// The other side named a new address (re-INVITE): decide again, unless it is the old one.
    pub fn describe(&mut self, described: SocketAddr) {
        if described != self.described {
            self.described = described;
            self.latched = None;
        }
    }

    /// Whom the other side is taken to be: the source of what was heard; before that, the description's address.
    pub fn target(&self) -> SocketAddr {
        self.latched.unwrap_or(self.described)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    fn peer(signalled: &str) -> Peer {
        Peer { signalled: address(signalled).ip(), trusted: false, acknowledged: true }
    }

    /// How many packets go out of so many that want to.
    fn sent(latch: &mut Latch, wanted: u32) -> u32 {
        (0..wanted).filter_map(|_| latch.next_target()).count() as u32
    }

    #[test]
    fn whoever_has_not_spoken_is_sent_little_however_often_the_address_changes() {
        let mut latch = Latch::new(address("203.0.113.9:4000"), peer("203.0.113.9:5060"));
        assert_eq!(sent(&mut latch, 500), 500, "the peer's own address");
        latch.settle(address("203.0.113.9:4000"));
        latch.describe(address("198.51.100.1:4000"));
        assert_eq!(sent(&mut latch, UNPROVEN_PACKETS_LIMIT - 1), UNPROVEN_PACKETS_LIMIT - 1);
        latch.describe(address("198.51.100.2:4000"));
        assert_eq!(sent(&mut latch, 500), 1, "the limit is the call's");
        latch.describe(address("203.0.113.9:4000"));
        assert_eq!(sent(&mut latch, 500), 500);
        latch.describe(address("198.51.100.2:4000"));
        assert_eq!(sent(&mut latch, 500), 0);
        latch.settle(address("198.51.100.2:4000"));
        assert_eq!(sent(&mut latch, 500), 500, "it takes part");
    }

    #[test]
    fn the_trunk_s_sound_is_elsewhere_and_nobody_is_believed_before_it_acknowledged() {
        let trunk = Peer { trusted: true, ..peer("203.0.113.9:5060") };
        assert_eq!(sent(&mut Latch::new(address("198.51.100.1:4000"), trunk), 500), 500);
        for unseen in [Peer { acknowledged: false, ..trunk }, Peer { acknowledged: false, ..peer("198.51.100.1:1") }] {
            let mut latch = Latch::new(address("198.51.100.1:4000"), unseen);
            assert_eq!(sent(&mut latch, 500), UNPROVEN_PACKETS_LIMIT);
            latch.acknowledge();
            assert_eq!(sent(&mut latch, 500), 500);
        }
    }

    #[test]
    fn the_first_plausible_source_is_the_only_one() {
        let mut latch = Latch::new(address("10.0.0.5:4000"), peer("203.0.113.9:5060"));
        assert!(!latch.is_plausible(address("198.51.100.1:4000")), "a stranger");
        latch.settle(address("198.51.100.1:4000"));
        assert_eq!(latch.target(), address("10.0.0.5:4000"));
        assert!(latch.is_plausible(address("203.0.113.9:61000")), "behind the NAT of the signalling");
        latch.settle(address("203.0.113.9:61000"));
        assert_eq!(latch.target(), address("203.0.113.9:61000"));
        assert!(!latch.is_plausible(address("10.0.0.5:4000")));
        latch.settle(address("10.0.0.5:4000"));
        assert_eq!(latch.target(), address("203.0.113.9:61000"));
    }

    #[test]
    fn a_new_description_decides_anew_and_the_same_does_not() {
        let mut latch = Latch::new(address("10.0.0.5:4000"), peer("10.0.0.5:5060"));
        latch.settle(address("10.0.0.5:4002"));
        latch.describe(address("10.0.0.5:4000"));
        assert_eq!(latch.target(), address("10.0.0.5:4002"));
        latch.describe(address("10.0.0.6:4000"));
        assert_eq!(latch.target(), address("10.0.0.6:4000"));
    }
}
