//! `[limits]`: how often networks, credentials and organizations may ask and how slowly, within bounds that keep the limits limits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use edge::limits::{LimitSettings, ONE_IN, ORGANIZATION_FACTOR, PER_MINUTE, Rate, SIGN_IN};
use edge::{ChallengeMode, ListenerSettings};
use serde::Deserialize;
use uuid::Uuid;

use super::Error;

/// Bounds of the deadlines: nobody needs longer on a line that works at all.
const HEAD_SECONDS: RangeInclusive<u32> = 1..=60;
const BODY_SECONDS: RangeInclusive<u32> = 2..=600;
const UNREAD_SECONDS: RangeInclusive<u32> = 2..=300;

/// Rates and deadlines of one node. Several nodes on one database share them: of N each gives an Nth.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// All requests of one network (an IPv4 address or an IPv6 /64) in a minute; a /48 may do 16 times as much.
    pub network_per_minute: u32,
    /// Reading requests of one session or key in a minute.
    pub read_per_minute: u32,
    /// Changes by one session or key in a minute.
    pub write_per_minute: u32,
    /// Uploads, exports and searches by one session or key in a minute.
    pub heavy_per_minute: u32,
    /// Attempts to sign in from one network, and to one account, in ten minutes.
    pub sign_in_per_ten_minutes: u32,
    /// Requests of website visitors from one network in a minute.
    pub visitor_per_minute: u32,
    /// An organization may do so many times what one session or key may.
    pub organization_factor: u32,
    /// When visitors' browsers must solve a puzzle before a conversation begins.
    pub challenge: ChallengeSetting,
    /// Organizations that are held to one part in so many of that, by their id.
    pub organization_one_in: BTreeMap<Uuid, u32>,
    /// How long the head of a request may take, from the first byte or the end of the request before.
    pub request_head_seconds: u32,
    /// How long a whole request body may take.
    pub request_body_seconds: u32,
    /// How long a client may read nothing of an answer.
    pub unread_answer_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let rates = LimitSettings::default();
        let doors = ListenerSettings::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        let seconds = |deadline: Duration| u32::try_from(deadline.as_secs()).unwrap_or(u32::MAX);
        Self {
            network_per_minute: rates.network.requests,
            read_per_minute: rates.read.requests,
            write_per_minute: rates.write.requests,
            heavy_per_minute: rates.heavy.requests,
            sign_in_per_ten_minutes: rates.sign_in.requests,
            visitor_per_minute: rates.visitor.requests,
            organization_factor: rates.organization_factor,
            organization_one_in: rates.one_in,
            challenge: ChallengeSetting::UnderPressure,
            request_head_seconds: seconds(doors.header_deadline),
            request_body_seconds: seconds(doors.body_deadline),
            unread_answer_seconds: seconds(doors.write_deadline),
        }
    }
}

/// When visitors' browsers must solve a puzzle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeSetting {
    /// While more conversations begin than usual, through one widget or from one network.
    UnderPressure,
    /// For every conversation.
    Always,
}

impl ChallengeSetting {
    /// As the edge knows it.
    pub const fn mode(self) -> ChallengeMode {
        match self {
            Self::UnderPressure => ChallengeMode::UnderPressure,
            Self::Always => ChallengeMode::Always,
        }
    }
}

impl Limits {
    /// The rates for the edge.
    pub fn rates(&self) -> LimitSettings {
        LimitSettings {
            network: Rate::per_minute(self.network_per_minute),
            read: Rate::per_minute(self.read_per_minute),
            write: Rate::per_minute(self.write_per_minute),
            heavy: Rate::per_minute(self.heavy_per_minute),
            sign_in: Rate::per_ten_minutes(self.sign_in_per_ten_minutes),
            visitor: Rate::per_minute(self.visitor_per_minute),
            organization_factor: self.organization_factor,
            one_in: self.organization_one_in.clone(),
        }
    }

    /// Holds the connections of a listener to the deadlines.
    pub fn hold(&self, doors: &mut ListenerSettings) {
        doors.header_deadline = Duration::from_secs(self.request_head_seconds.into());
        doors.body_deadline = Duration::from_secs(self.request_body_seconds.into());
        doors.write_deadline = Duration::from_secs(self.unread_answer_seconds.into());
    }

    /// Is every value within its bounds?
    pub(super) fn check(&self) -> Result<(), Error> {
        let within = |name, value: u32, bounds: &RangeInclusive<u32>, reason| {
            if bounds.contains(&value) { Ok(()) } else { Err(Error::Refused { name, reason }) }
        };
        let per_minute = "is 10 to 100000 a minute";
        within("limits.network_per_minute", self.network_per_minute, &PER_MINUTE, per_minute)?;
        within("limits.read_per_minute", self.read_per_minute, &PER_MINUTE, per_minute)?;
        within("limits.write_per_minute", self.write_per_minute, &PER_MINUTE, per_minute)?;
        within("limits.heavy_per_minute", self.heavy_per_minute, &PER_MINUTE, per_minute)?;
        within("limits.visitor_per_minute", self.visitor_per_minute, &PER_MINUTE, per_minute)?;
        let sign_in = "is 3 to 60 in ten minutes: more would let passwords be guessed";
        within("limits.sign_in_per_ten_minutes", self.sign_in_per_ten_minutes, &SIGN_IN, sign_in)?;
        let factor = "is 1 to 100 times what one session or key may";
        within("limits.organization_factor", self.organization_factor, &ORGANIZATION_FACTOR, factor)?;
        let (head, body, unread) = (self.request_head_seconds, self.request_body_seconds, self.unread_answer_seconds);
        within("limits.request_head_seconds", head, &HEAD_SECONDS, "is 1 to 60 seconds")?;
        within("limits.request_body_seconds", body, &BODY_SECONDS, "is 2 to 600 seconds")?;
        within("limits.unread_answer_seconds", unread, &UNREAD_SECONDS, "is 2 to 300 seconds")?;
        for one_in in self.organization_one_in.values() {
            within("limits.organization_one_in", *one_in, &ONE_IN, "is one part in 1 to 100")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;

    fn verdict(table: &str) -> Result<(), String> {
        let settings = Settings::parse(&format!("[limits]\n{table}")).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn bounds_are_held_at_their_edges() {
        for name in ["network", "read", "write", "heavy", "visitor"] {
            for (value, good) in [(9, false), (10, true), (100_000, true), (100_001, false)] {
                let found = verdict(&format!("{name}_per_minute = {value}"));
                assert_eq!(found.is_ok(), good, "{name} {value}: {found:?}");
                assert!(good || found.is_err_and(|error| error.contains(&format!("limits.{name}_per_minute"))));
            }
        }
        for (value, good) in [(2, false), (3, true), (60, true), (61, false)] {
            assert_eq!(verdict(&format!("sign_in_per_ten_minutes = {value}")).is_ok(), good, "{value}");
        }
        for (name, least, most) in [("request_head", 1, 60), ("request_body", 2, 600), ("unread_answer", 2, 300)] {
            for (value, good) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
                assert_eq!(verdict(&format!("{name}_seconds = {value}")).is_ok(), good, "{name} {value}");
            }
        }
        for (value, good) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(verdict(&format!("organization_factor = {value}")).is_ok(), good, "{value}");
            let id = "0197a5c0-0000-7000-8000-000000000001";
            assert_eq!(verdict(&format!("organization_one_in = {{ \"{id}\" = {value} }}")).is_ok(), good, "{value}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_and_what_is_not_said_stays() {
        assert!(verdict("reads_per_minute = 10").is_err_and(|error| error.contains("reads_per_minute")));
        assert!(verdict("organization_one_in = { \"the mill\" = 4 }").is_err());
        let settings = Settings::parse("[limits]\nread_per_minute = 50\nrequest_body_seconds = 7").expect("good");
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let (untouched, mut held) = (edge::ListenerSettings::at(here), edge::ListenerSettings::at(here));
        settings.limits.hold(&mut held);
        assert_eq!((held.header_deadline, held.body_deadline.as_secs()), (untouched.header_deadline, 7));
        assert_eq!(held.write_deadline, untouched.write_deadline);
        let rates = settings.limits.rates();
        assert_eq!((rates.read.requests, rates.write.requests), (50, 240));
    }
}
