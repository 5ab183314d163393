//! State: all that a conversation is between two events.

use std::collections::{BTreeMap, BTreeSet};

use agents::command::{Provenance, SlotValue};
use agents::profile::{FlowKey, SlotKey};
use agents::reply::{Choice, ReplyPlan};
use agents::turn::{Awaited, ChannelKind};
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// A conversation between two events. Serialised, it is sealed and stored with each event.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Events so far: the number of the last one, counted from 1.
    pub sequence: u64,
    /// Chat or phone.
    pub channel: ChannelKind,
    /// Who talks.
    pub phase: Phase,
    /// The number that the network signalled.
    pub caller_number: Option<String>,
    /// Whether free text (a quote from a document) can be said.
    pub reads_aloud: bool,
    /// The flow that is running.
    pub running: Option<Running>,
    /// What is awaited.
    pub awaited: Awaited,
    /// What "yes" and "no" would mean now.
    pub asked: Asked,
    /// The choices that stand offered.
    pub choices: Vec<Choice>,
    /// What was said last, and in which event.
    pub last: ReplyPlan,
    /// The event in which `last` was said.
    pub last_said: u64,
    /// Whether a notice that was said last was played to its end.
    pub notice_heard: bool,
    /// How often the notice was asked.
    pub notices: u8,
    /// Whether the call is recorded.
    pub recording: Recording,
    /// Keys collected for a number.
    pub keyed: String,
    /// The question that is being looked up.
    pub question: Option<String>,
    /// Turns without an answer, in a row.
    pub misses: u8,
    /// Silences, in a row.
    pub silences: u8,
}

storage::debug_shows!(struct State { sequence, channel, phase, running, awaited, asked, choices, last, last_said, notice_heard, notices, recording, misses, silences });

impl State {
    /// Before the first event.
    pub fn new() -> State {
        State {
            sequence: 0,
            channel: ChannelKind::Chat,
            phase: Phase::New,
            caller_number: None,
            reads_aloud: false,
            running: None,
            awaited: Awaited::Anything,
            asked: Asked::Nothing,
            choices: Vec::new(),
            last: ReplyPlan::default(),
            last_said: 0,
            notice_heard: false,
            notices: 0,
            recording: Recording::Off,
            keyed: String::new(),
            question: None,
            misses: 0,
            silences: 0,
        }
    }

    /// Whether it is over.
    pub fn ended(&self) -> bool {
        self.phase == Phase::Ended
    }
}

impl Default for State {
    fn default() -> Self {
        State::new()
    }
}

/// Who talks with the caller or visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody yet.
    New,
    /// The agent, who asks for consent to record.
    Consent,
    /// The agent.
    Agent,
    /// Nobody: a person was called.
    Waiting,
    /// A person.
    Person,
    /// Nobody any more.
    Ended,
}

/// What a yes or no answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Nothing was asked.
    Nothing,
    /// May the call be recorded?
    Recording,
    /// May a message be recorded?
    Message,
    /// A person?
    Person,
    /// Leave a message?
    OfferMessage,
    /// Are the values right?
    Confirm,
    /// Reach you at this number?
    ThisNumber,
}

/// Whether a call is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// It is not.
    Off,
    /// It is, with consent.
    On,
}

/// A flow that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// Its key.
    pub flow: FlowKey,
    /// Values so far.
    pub values: BTreeMap<SlotKey, Filled>,
    /// Optional slots that were left out, and slots that this channel cannot ask for.
    pub skipped: BTreeSet<SlotKey>,
    /// The slot that is being asked for.
    pub asking: Option<SlotKey>,
    /// How often a value was refused since one was taken.
    pub refusals: u8,
    /// The time that was wished for.
    pub wanted_time: Option<Time>,
    /// The part of the day that was wished for.
    pub window: Option<(Time, Time)>,
    /// Free days or times that were found, of which some are offered.
    pub found: Found,
    /// How many of them were offered before those that stand offered.
    pub offset: u16,
    /// The first day to offer, when another than today.
    pub days_from: Option<Date>,
    /// Whether another number than the caller's own is to be given.
    pub other_number: bool,
    /// How often the time was taken by somebody else.
    pub conflicts: u8,
    /// Whether the tool is at work.
    pub acting: bool,
}

impl Running {
    /// A flow at its beginning.
    pub fn new(flow: FlowKey) -> Running {
        Running {
            flow,
            values: BTreeMap::new(),
            skipped: BTreeSet::new(),
            asking: None,
            refusals: 0,
            wanted_time: None,
            window: None,
            found: Found::Nothing,
            offset: 0,
            days_from: None,
            other_number: false,
            conflicts: 0,
            acting: false,
        }
    }
}

/// What the calendar gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nothing yet.
    Nothing,
    /// Days.
    Days(Vec<Date>),
    /// Times of a day.
    Times(Date, Vec<Time>),
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// The value.
    pub value: SlotValue,
    /// Where it came from.
    pub provenance: Provenance,
}
