//! Which packets were seen: the index of a packet from its short sequence number, and a window of the last ones
//! (RFC 3711, sections 3.3.1 and 3.3.2).

use super::Error;

/// Packets before the newest that are told apart one by one; older ones are refused.
pub const WINDOW_PACKETS: u64 = 64;
/// The largest index: a rollover counter of 32 bits and a sequence number of 16.
const INDEX_LIMIT: u64 = (1 << 48) - 1;
/// Half the room of sequence numbers: what lies further ahead lies behind.
const HALF: u64 = 1 << 15;

/// Which packet of which source: what makes its keystream its own.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// SSRC.
    pub source: u32,
    /// Rollover counter and sequence number, 48 bits.
    pub index: u64,
}

/// The index of a sender's next packet; none when it does not lie ahead, or all are used.
pub fn after(last: u64, sequence: u16) -> Option<u64> {
    let same_round = (last & !0xFFFF) | u64::from(sequence);
    let index = if same_round > last { same_round } else { same_round + (1 << 16) };
    // A sender that goes backwards would come out a whole round ahead.
    (index - last < HALF && index <= INDEX_LIMIT).then_some(index)
}

/// What was seen of one source.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    newest: u64,
    /// Bit n: the packet n before the newest was seen.
    seen: u64,
}

impl Window {
    /// A window whose first packet is this one.
    pub fn starting_at(index: u64) -> Self {
        Window { newest: index, seen: 1 }
    }

    /// The most likely index of a sequence number: the nearest to the newest; none when it would lie before the beginning
    /// or behind the end.
    pub fn estimate(&self, sequence: u16) -> Option<u64> {
        let (round, last) = (self.newest >> 16, self.newest & 0xFFFF);
        let sequence = u64::from(sequence);
        let round = if last < HALF && sequence > last + HALF {
            round.checked_sub(1)?
        } else if last >= HALF && sequence < last - HALF {
            round + 1
        } else {
            round
        };
        let index = (round << 16) | sequence;
        (index <= INDEX_LIMIT).then_some(index)
    }

    /// Refuses what was seen, and what is too old to tell.
    pub fn check(&self, index: u64) -> Result<(), Error> {
        if index > self.newest {
            return Ok(());
        }
        let age = self.newest - index;
        if age >= WINDOW_PACKETS || self.seen >> age & 1 == 1 { Err(Error::Replayed) } else { Ok(()) }
    }

    /// Remembers an authentic packet.
    pub fn note(&mut self, index: u64) {
        if index > self.newest {
            let step = index - self.newest;
            self.seen = if step >= WINDOW_PACKETS { 1 } else { (self.seen << step) | 1 };
            self.newest = index;
        } else if let Some(bit) = 1u64.checked_shl((self.newest - index).min(u64::from(u32::MAX)) as u32) {
            self.seen |= bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_follows_the_sequence_around_its_wrap() {
        assert_eq!(after(65_534, 65_535), Some(65_535));
        assert_eq!(after(65_535, 0), Some(65_536));
        assert_eq!(after(65_536, 0), None, "the same again");
        assert_eq!(after(65_536 + 5, 4), None, "backwards");
        assert_eq!(after(INDEX_LIMIT, 0), None, "all are used");
        let window = Window::starting_at(65_530);
        assert_eq!(window.estimate(3), Some(65_539));
        assert_eq!(window.estimate(65_500), Some(65_500));
        let window = Window::starting_at(65_539);
        assert_eq!(window.estimate(65_535), Some(65_535), "late, from the round before");
        assert_eq!(Window::starting_at(3).estimate(65_535), None, "before the beginning");
    }

    #[test]
    fn the_window_ends_where_it_says() {
        let mut window = Window::starting_at(1_000);
        assert_eq!(window.check(1_000), Err(Error::Replayed));
        assert_eq!(window.check(1_000 - WINDOW_PACKETS + 1), Ok(()));
        assert_eq!(window.check(1_000 - WINDOW_PACKETS), Err(Error::Replayed));
        window.note(990);
        assert_eq!(window.check(990), Err(Error::Replayed));
        assert_eq!(window.check(991), Ok(()));
        window.note(1_010);
        assert_eq!((window.check(1_000), window.check(990)), (Err(Error::Replayed), Err(Error::Replayed)));
        assert_eq!((window.check(1_001), window.check(1_010)), (Ok(()), Err(Error::Replayed)));
        window.note(1_010 + WINDOW_PACKETS);
        assert_eq!(window.check(1_011), Ok(()));
    }
}
