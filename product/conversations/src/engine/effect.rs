//! Effects: everything the engine can ask for. There is none that dials.

use agents::command::{Provenance, SlotValue};
use agents::profile::{FlowKey, SlotKey, SlotKind, ToolKind};
use agents::reply::ReplyPlan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Something to be done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "effect")]
pub enum Effect {
    /// Say this. At most one in a step, and the first.
    Say {
        /// What.
        plan: ReplyPlan,
    },
    /// Look the question up; answered by `Found`.
    Search {
        /// The question.
        question: String,
    },
    /// Find the next days with a free time; answered by `FreeDays`.
    FindDays {
        /// Key of the service.
        service: String,
        /// The first day to look at.
        from: Date,
    },
    /// Find the free times of a day; answered by `FreeTimes`.
    FindTimes {
        /// Key of the service.
        service: String,
        /// The day.
        day: Date,
    },
    /// Run a flow's tool; answered by `Done`, `TimeTaken` or `ToolFailed`.
    Act {
        /// The tool.
        tool: ToolKind,
        /// The flow it ends.
        flow: FlowKey,
        /// Its arguments.
        arguments: Vec<Argument>,
    },
    /// Count a question that nothing answers.
    NoteGap {
        /// The question.
        question: String,
    },
    /// Ask for a person to join.
    CallPerson {
        /// Why.
        reason: HandoffReason,
    },
    /// Nobody needs to join any more, or the person has left.
    CloseHandoff {
        /// How it ended.
        outcome: HandoffOutcome,
    },
    /// Words for the person who joined or is to join.
    TellPerson,
    /// Words of the person for the visitor.
    TellVisitor,
    /// Come back after a time with `WaitOver` or `Idle`.
    WakeIn {
        /// After how long.
        seconds: u32,
        /// With what.
        wake: Wake,
    },
    /// Consent was given: store the answer and open the recording's tap.
    StartRecording {
        /// How it was given.
        means: ConsentMeans,
    },
    /// Consent was refused (nothing was recorded) or withdrawn (the recording stops): store the answer.
    StopRecording {
        /// Whether it had been given before.
        withdrawn: bool,
        /// How.
        means: ConsentMeans,
    },
    /// Consent to record one message was given: store the answer and take the message.
    TakeVoicemail {
        /// How it was given.
        means: ConsentMeans,
        /// Longest message.
        max_seconds: u32,
    },
    /// Transfer the call.
    Transfer {
        /// To whom.
        target: TransferTarget,
    },
    /// Hang up after everything was said.
    HangUp,
    /// The conversation has ended.
    End {
        /// Why.
        reason: EndReason,
    },
}

storage::debug_shows!(enum Effect {
    Say { plan },
    Search {},
    FindDays { service, from },
    FindTimes { service, day },
    Act { tool, flow, arguments },
    NoteGap {},
    CallPerson { reason },
    CloseHandoff { outcome },
    TellPerson {},
    TellVisitor {},
    WakeIn { seconds, wake },
    StartRecording { means },
    StopRecording { withdrawn, means },
    TakeVoicemail { means, max_seconds },
    Transfer {},
    HangUp {},
    End { reason },
});

/// One argument of a tool, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// The slot.
    pub slot: SlotKey,
    /// Its kind.
    pub kind: SlotKind,
    /// The value.
    pub value: SlotValue,
    /// Its origin.
    pub provenance: Provenance,
}

/// Where a call may be transferred to: only what the owner set or what was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferTarget(String);

impl TransferTarget {
    /// The target, unless its origin forbids it.
    pub fn new(target: &str, provenance: Provenance) -> Option<TransferTarget> {
        match provenance {
            Provenance::Owner | Provenance::Verified => Some(TransferTarget(target.to_owned())),
            Provenance::Caller | Provenance::Document | Provenance::Tool => None,
        }
    }

    /// The address or number.
    pub fn address(&self) -> &str {
        &self.0
    }
}

/// Why a person is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffReason {
    /// The caller or visitor asked.
    Asked,
    /// The agent could not help and offered it.
    Offered,
}

/// How a hand-over ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffOutcome {
    /// The caller or visitor no longer wanted it.
    Withdrawn,
    /// Nobody joined in time.
    Missed,
    /// The person joined and has left.
    Finished,
}

/// What a timer brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// The time to wait for a person is over.
    WaitOver,
    /// The chat may have been left.
    Idle,
}

/// How consent was expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMeans {
    /// A key of the phone.
    Key(char),
    /// Words.
    Words,
    /// No answer at all.
    Silence,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Goodbye was said.
    Goodbye,
    /// The caller hung up, or the visitor closed the chat.
    HungUp,
    /// Nothing was heard or pressed.
    Silence,
    /// The call was transferred.
    Transferred,
    /// The person ended it.
    Person,
    /// Nothing happened for long.
    Idle,
    /// It had more events than a conversation may have.
    TooLong,
}

impl EndReason {
    /// Its stable name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            EndReason::Goodbye => "goodbye",
            EndReason::HungUp => "hung_up",
            EndReason::Silence => "silence",
            EndReason::Transferred => "transferred",
            EndReason::Person => "person",
            EndReason::Idle => "idle",
            EndReason::TooLong => "too_long",
        }
    }
}
