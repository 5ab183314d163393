//! Commands: the closed set of things that a turn of a caller or visitor can mean.
//!
//! Whatever understands words (rules, a linear model, a language model) can only produce these. It proposes; the
//! engine decides. A command never names an organization, a tool, an amount or a transfer target.

use serde::{Deserialize, Serialize};

use crate::profile::{FlowKey, SlotKey};

/// At most this many commands are taken from one turn; the rest is dropped.
pub const COMMANDS_PER_TURN_MAX: usize = 6;

/// One thing that a turn means.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command", deny_unknown_fields)]
pub enum Command {
    /// Begin a flow of the profile.
    StartFlow {
        /// Its key.
        flow: FlowKey,
    },
    /// A value for a slot of the running (or just started) flow.
    SetSlot {
        /// The slot's key.
        slot: SlotKey,
        /// The value.
        value: SlotValue,
    },
    /// Yes.
    Affirm,
    /// No.
    Deny,
    /// A question for the business's documents: the words to look up.
    Ask {
        /// The question in the visitor's own words, at most 2,000 characters.
        question: String,
    },
    /// One of the choices that were offered, counted from 1.
    Choose {
        /// Its number.
        number: u8,
    },
    /// More choices, or other ones ("a later time").
    Other,
    /// A wish for a part of the day ("in the afternoon"): free times in it are offered first.
    Prefer {
        /// Its beginning.
        from: jiff::civil::Time,
        /// Its end, exclusive.
        until: jiff::civil::Time,
    },
    /// Say the last thing again.
    Repeat,
    /// Give up the running flow.
    Cancel,
    /// A person, please.
    Human,
    /// An emergency is described; the agent gives the emergency line and nothing else.
    Emergency,
    /// Small talk that needs a polite word.
    Chitchat {
        /// Which kind.
        kind: Chitchat,
    },
    /// Goodbye.
    Goodbye,
    /// Stop recording this call (or: do not record it).
    StopRecording,
    /// Nothing above fits.
    NotUnderstood,
}

storage::debug_shows!(enum Command {
    StartFlow { flow },
    SetSlot { slot, value },
    Affirm {},
    Deny {},
    Ask {},
    Choose { number },
    Other {},
    Prefer { from, until },
    Repeat {},
    Cancel {},
    Human {},
    Emergency {},
    Chitchat { kind },
    Goodbye {},
    StopRecording {},
    NotUnderstood {},
});

/// Small talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chitchat {
    /// "Hello".
    Greeting,
    /// "Thank you".
    Thanks,
    /// "Are you a robot?"
    AreYouHuman,
}

/// A value for a slot, already in its own type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum SlotValue {
    /// Key of a service.
    Service(String),
    /// A civil date, `YYYY-MM-DD`.
    Day(jiff::civil::Date),
    /// A civil time of day, `HH:MM`.
    Time(jiff::civil::Time),
    /// A telephone number in E.164 where it could be read so, else digits as given, at most 32 characters.
    PhoneNumber(String),
    /// An e-mail address, at most 254 characters.
    Email(String),
    /// A person's name, at most 120 characters.
    PersonName(String),
    /// Free text, at most 2,000 characters.
    Text(String),
    /// A recorded message (phone only): the recording's id.
    Recording(uuid::Uuid),
}

storage::debug_shows!(
    enum SlotValue {
        Service {},
        Day {},
        Time {},
        PhoneNumber {},
        Email {},
        PersonName {},
        Text {},
        Recording {},
    }
);

/// Where a value came from. Transfers, messages and money accept only `Owner` and `Verified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The business's own settings.
    Owner,
    /// The caller or visitor said or pressed it.
    Caller,
    /// A document said it.
    Document,
    /// A tool returned it.
    Tool,
    /// The caller or visitor said it and it was verified, for example by a code sent there. The number that a network
    /// signals is not verified: it can be forged.
    Verified,
}
