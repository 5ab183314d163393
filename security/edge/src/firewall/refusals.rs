//! How loudly a refusal is told: as a warning for the first of a source within a minute, with how many there were since the last
//! warning about it, and quietly for the rest. So one sender cannot fill the log, and none is overlooked.
//!
//! Pure: the present comes in as an argument. At most [`MAXIMUM_SOURCES`] sources are told apart; beyond that the new ones share
//! one warning a minute, so that a flood from everywhere does not fill the memory either.

use std::collections::HashMap;

use storage::Timestamp;

use crate::Network;

/// One warning about a source in so many seconds.
pub const SECONDS_BETWEEN_WARNINGS: i64 = 60;
/// Sources that are told apart at a time.
pub const MAXIMUM_SOURCES: usize = 4_096;

/// How a refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// As a warning; so many requests of this source were refused since the last one, this one included.
    Warning {
        /// How many.
        refused: u64,
    },
    /// As information; so many since the last warning, this one included.
    Information {
        /// How many.
        refused: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Source {
    warned_at: Timestamp,
    refused: u64,
}

impl Source {
    fn next(&mut self, now: Timestamp) -> Loudness {
        self.refused += 1;
        let refused = self.refused;
        if now < self.warned_at.plus_seconds(SECONDS_BETWEEN_WARNINGS) {
            return Loudness::Information { refused };
        }
        *self = Self { warned_at: now, refused: 0 };
        Loudness::Warning { refused }
    }
}

/// What was told about which source.
#[derive(Debug, Default)]
pub struct Refusals {
    sources: HashMap<Network, Source>,
    /// Senders without an address, and those that came when there was no room.
    others: Option<Source>,
}

impl Refusals {
    /// Another request of this source was refused.
    pub fn note(&mut self, now: Timestamp, source: Option<Network>) -> Loudness {
        if let Some(known) = source.and_then(|source| self.sources.get_mut(&source)) {
            return known.next(now);
        }
        if self.sources.len() >= MAXIMUM_SOURCES {
            // Those that were silent for a minute are forgotten with what was not told of them.
            let oldest = now.plus_seconds(-SECONDS_BETWEEN_WARNINGS);
            self.sources.retain(|_, known| known.warned_at > oldest);
        }
        let first = Source { warned_at: now, refused: 0 };
        if let Some(source) = source.filter(|_| self.sources.len() < MAXIMUM_SOURCES) {
            self.sources.insert(source, first);
            return Loudness::Warning { refused: 1 };
        }
        if let Some(others) = &mut self.others {
            return others.next(now);
        }
        self.others = Some(first);
        Loudness::Warning { refused: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000);

    fn at(seconds: i64) -> Timestamp {
        START.plus_seconds(seconds)
    }

    fn note(refusals: &mut Refusals, now: Timestamp, number: u32) -> Loudness {
        refusals.note(now, Some(Network::V4(number)))
    }

    #[test]
    fn a_source_is_warned_of_once_a_minute_and_nothing_is_lost() {
        let mut refusals = Refusals::default();
        assert_eq!(note(&mut refusals, at(0), 1), Loudness::Warning { refused: 1 });
        assert_eq!(note(&mut refusals, at(1), 1), Loudness::Information { refused: 1 });
        assert_eq!(note(&mut refusals, at(59), 1), Loudness::Information { refused: 2 }, "the last second");
        assert_eq!(note(&mut refusals, at(60), 1), Loudness::Warning { refused: 3 }, "with those in between");
        assert_eq!(note(&mut refusals, at(61), 1), Loudness::Information { refused: 1 });
        assert_eq!(note(&mut refusals, at(1_000), 1), Loudness::Warning { refused: 2 });
    }

    #[test]
    fn one_source_does_not_hide_another() {
        let mut refusals = Refusals::default();
        note(&mut refusals, at(0), 1);
        assert_eq!(note(&mut refusals, at(0), 2), Loudness::Warning { refused: 1 });
        assert_eq!(refusals.note(at(0), None), Loudness::Warning { refused: 1 }, "nor one without an address");
        assert_eq!(refusals.note(at(1), None), Loudness::Information { refused: 1 });
    }

    #[test]
    fn more_sources_than_there_is_room_for_share_a_warning() {
        let mut refusals = Refusals::default();
        let warnings = |refusals: &mut Refusals, now, from: u32, to: u32| {
            let told = (from..to).map(|number| note(refusals, now, number));
            told.filter(|loudness| matches!(loudness, Loudness::Warning { .. })).count()
        };
        let room = u32::try_from(MAXIMUM_SOURCES).expect("it fits");
        assert_eq!(warnings(&mut refusals, at(0), 0, room), MAXIMUM_SOURCES);
        assert_eq!(warnings(&mut refusals, at(1), room, room + 10_000), 1);
        assert_eq!(refusals.sources.len(), MAXIMUM_SOURCES);
        assert_eq!(warnings(&mut refusals, at(60), room, room + 10), 10, "there is room again after a minute");
    }
}
