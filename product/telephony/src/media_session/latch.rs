//! From whom sound is taken: the first valid packet from a plausible address decides, once.
//!
//! Plausible is the address of the session description and the address that the signalling came from (a phone behind a
//! NAT sends its sound from there). Anyone else who sends to the port is ignored, so nobody can slip sound into a call
//! or draw its sound to himself by guessing ports.

use std::net::{IpAddr, SocketAddr};

/// The decision for one call.
#[derive(Debug, Clone)]
pub struct Latch {
    described: SocketAddr,
    signalled: IpAddr,
    latched: Option<SocketAddr>,
}

impl Latch {
    /// `described` is the description's address, `signalled` the signalling peer's.
    pub fn new(described: SocketAddr, signalled: IpAddr) -> Self {
        Latch { described, signalled, latched: None }
    }

    /// Whether a packet from here could be the other side's. Decides nothing.
    pub fn is_plausible(&self, source: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => latched == source,
            None => source.ip() == self.described.ip() || source.ip() == self.signalled,
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

    /// Where to send: to the source of what was heard; before that, to the description's address.
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

    #[test]
    fn the_first_plausible_source_is_the_only_one() {
        let mut latch = Latch::new(address("10.0.0.5:4000"), address("203.0.113.9:5060").ip());
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
        let mut latch = Latch::new(address("10.0.0.5:4000"), address("10.0.0.5:5060").ip());
        latch.settle(address("10.0.0.5:4002"));
        latch.describe(address("10.0.0.5:4000"));
        assert_eq!(latch.target(), address("10.0.0.5:4002"));
        latch.describe(address("10.0.0.6:4000"));
        assert_eq!(latch.target(), address("10.0.0.6:4000"));
    }
}
