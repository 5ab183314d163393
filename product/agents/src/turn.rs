//! What is awaited from the caller or visitor right now: all that understanding needs to know of a conversation.
//!
//! The engine makes a [`TurnView`] from its state before each turn; `understand` reads words in its light ("2" is a
//! choice when choices were offered and a day of the month when a day was asked for), and the phone uses it to decide
//! how long to wait for the end of a turn.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::profile::{FlowKey, SlotKey, SlotKind};
use crate::reply::Choice;

/// The two ways in which a conversation is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Words are written and read.
    Chat,
    /// Words are spoken; on the embedded phone only keys are understood.
    Phone,
}

/// What the agent waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "awaited")]
pub enum Awaited {
    /// Nothing: the conversation has ended.
    Nothing,
    /// Anything: a question, a wish, a greeting.
    #[default]
    Anything,
    /// Yes or no to the recording notice.
    Consent,
    /// One of the choices offered.
    Choice,
    /// Yes or no.
    YesNo,
    /// A value for a slot.
    Slot {
        /// The running flow.
        flow: FlowKey,
        /// The slot that was asked for.
        slot: SlotKey,
        /// Its kind.
        kind: SlotKind,
    },
    /// The end of a recorded message.
    Message,
    /// A person, who was called or has joined.
    Person,
}

/// A conversation as understanding sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnView {
    /// Chat or phone.
    pub channel: ChannelKind,
    /// Now, on the business's own clock: "tomorrow" is read from here.
    pub local_now: DateTime,
    /// The running flow, if any.
    pub flow: Option<FlowKey>,
    /// What is awaited.
    pub awaited: Awaited,
    /// The choices that stand offered.
    pub choices: Vec<Choice>,
}
