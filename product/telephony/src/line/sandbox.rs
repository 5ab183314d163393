//! The sandbox carrier: what keys for trying out (`rf_test_`) reach instead of the telephone network. It plays the course of
//! a call, chosen by the number's last two digits, within this process: no message and no sound leaves it.
//!
//! Promises: there is no socket in here; every number has a course; a simulated call ends by itself after
//! [`LONGEST_SECONDS`] at the latest.

pub(super) mod driver;

use compliance::dialing::DialingPolicy;
use sip::Status;

/// How long a simulated call lasts at most.
pub const LONGEST_SECONDS: u32 = 120;
/// The country whose numbers the sandbox has: Ofcom keeps +44 117 4960000 to 4960999 free for made-up people.
const COUNTRY_CODE: &str = "44";
/// How long the other side lets it ring before it does something.
const RING_SECONDS: u32 = 1;

/// What the other side of a simulated call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// `01` and what else ends a call before it is answered: this status, after it rang for a second.
    Refuses(Status),
    /// `02`: rings for as long as it may.
    RingsOn,
    /// Answers.
    Answers(Manner),
}

/// How the other side behaves once it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Every other number: listens, says nothing, until it is hung up on.
    Listens,
    /// `06`: hangs up after two seconds.
    HangsUp,
    /// `07`: an answering machine: speaks three seconds, gives a tone, and listens.
    Machine,
    /// `08`: presses 1 every four seconds, as somebody does who agrees to everything.
    PressesOne,
}

impl Course {
    /// The course of a number, by its last two digits.
    pub fn of(number: &str) -> Self {
        match number.get(number.len().saturating_sub(2)..).unwrap_or("") {
            "01" => Course::Refuses(Status::BUSY_HERE),
            "02" => Course::RingsOn,
            "03" => Course::Refuses(Status::DECLINE),
            "04" => Course::Refuses(Status::NOT_FOUND),
            "05" => Course::Refuses(Status::SERVICE_UNAVAILABLE),
            "06" => Course::Answers(Manner::HangsUp),
            "07" => Course::Answers(Manner::Machine),
            "08" => Course::Answers(Manner::PressesOne),
            _ => Course::Answers(Manner::Listens),
        }
    }

    /// Seconds that it rings, of those that it may.
    fn ring_seconds(self, most: u32) -> u32 {
        match self {
            Course::RingsOn => most,
            Course::Refuses(_) | Course::Answers(_) => RING_SECONDS.min(most),
        }
    }
}

/// What may be dialled in the sandbox: what may be dialled anyway, and the sandbox's own country, so that it can be tried
/// before anything is set up. Emergency numbers stay out, SIP addresses too.
pub fn policy(real: &DialingPolicy) -> DialingPolicy {
    let mut allowed = real.allowed_country_codes.clone();
    allowed.push(COUNTRY_CODE.to_owned());
    let home = real.home_country_code.clone().unwrap_or_else(|| COUNTRY_CODE.to_owned());
    DialingPolicy { home_country_code: Some(home), allowed_country_codes: allowed, loopback_sip: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compliance::dialing::may_dial;

    #[test]
    fn the_last_two_digits_choose_the_course() {
        for (number, course) in [
            ("+441174960000", Course::Answers(Manner::Listens)),
            ("+441174960101", Course::Refuses(Status::BUSY_HERE)),
            ("+441174960002", Course::RingsOn),
            ("+441174960003", Course::Refuses(Status::DECLINE)),
            ("+441174960004", Course::Refuses(Status::NOT_FOUND)),
            ("+441174960005", Course::Refuses(Status::SERVICE_UNAVAILABLE)),
            ("+441174960006", Course::Answers(Manner::HangsUp)),
            ("+441174960007", Course::Answers(Manner::Machine)),
            ("+441174960008", Course::Answers(Manner::PressesOne)),
            ("+441174960099", Course::Answers(Manner::Listens)),
            ("1", Course::Answers(Manner::Listens)),
            ("", Course::Answers(Manner::Listens)),
            ("é1", Course::Answers(Manner::Listens)),
        ] {
            assert_eq!(Course::of(number), course, "{number}");
        }
        assert_eq!((Course::RingsOn.ring_seconds(45), Course::Answers(Manner::Listens).ring_seconds(45)), (45, 1));
    }

    #[test]
    fn the_sandbox_dials_its_own_country_and_neither_emergency_numbers_nor_addresses() {
        let policy = policy(&DialingPolicy { loopback_sip: true, ..DialingPolicy::default() });
        assert!(may_dial("+441174960000", &policy).is_ok());
        for refused in ["999", "+44999", "112", "sip:a@127.0.0.1", "+33144556677"] {
            assert!(may_dial(refused, &policy).is_err(), "{refused}");
        }
        let abroad = DialingPolicy { home_country_code: Some("49".into()), ..DialingPolicy::default() };
        assert!(may_dial("+493023125112", &super::policy(&abroad)).is_ok());
    }
}
