//! How much is how often: the rates of an installation, and the bounds within which an operator may set them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use uuid::Uuid;

/// How many in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests; all of them may come at once.
    pub requests: u32,
    /// The time in which so many become available again.
    pub window_seconds: u32,
}

impl Rate {
    /// So many a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests, window_seconds: 60 }
    }

    /// So many in ten minutes.
    pub const fn per_ten_minutes(requests: u32) -> Self {
        Self { requests, window_seconds: 600 }
    }

    /// So many times as much.
    pub(super) const fn times(self, factor: u32) -> Self {
        Self { requests: self.requests.saturating_mul(factor), ..self }
    }
}

/// A whole IPv6 site (/48) may do so many times what one of its networks (/64) may: it can invent 65,536 of these.
pub const SITE_FACTOR: u32 = 16;
/// What an operator may set for a rate per minute: below, the dashboard would not work; above, it is no limit.
pub const PER_MINUTE: RangeInclusive<u32> = 10..=100_000;
/// What an operator may set for attempts to sign in within ten minutes.
pub const SIGN_IN: RangeInclusive<u32> = 3..=60;
/// What an operator may set for the organization's factor.
pub const ORGANIZATION_FACTOR: RangeInclusive<u32> = 1..=100;
/// What an operator may set for the part of the ordinary rate that one organization is held to.
pub const ONE_IN: RangeInclusive<u32> = 1..=100;

/// The rates of an installation.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// All requests of one network.
    pub network: Rate,
    /// Reading, per credential.
    pub read: Rate,
    /// Changing, per credential.
    pub write: Rate,
    /// Heavy work, per credential.
    pub heavy: Rate,
    /// Attempts to sign in, per network and per account.
    pub sign_in: Rate,
    /// A visitor's requests, per network.
    pub visitor: Rate,
    /// An organization may do so many times what one credential may.
    pub organization_factor: u32,
    /// Organizations that may do one part in so many of what the others may.
    pub one_in: BTreeMap<Uuid, u32>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            network: Rate::per_minute(6000),
            read: Rate::per_minute(600),
            write: Rate::per_minute(240),
            heavy: Rate::per_minute(30),
            sign_in: Rate::per_ten_minutes(10),
            visitor: Rate::per_minute(120),
            organization_factor: 5,
            one_in: BTreeMap::new(),
        }
    }
}
