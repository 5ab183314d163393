//! Replies before they are worded: what is to be said, as structure.
//!
//! The engine makes a [`ReplyPlan`]; `compose` turns it into text for a chat or into speech units for a phone. Because
//! the plan is data it is stored, replayed and checked: every number, date, price, phone number, address and URL in the
//! worded reply must occur in a quote, a slot or a tool result.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::SlotValue;
use crate::profile::{FlowKey, SlotKey};

/// At most this many parts make one reply.
pub const PARTS_MAX: usize = 12;

/// What is to be said in one turn: parts in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyPlan {
    /// The parts, at most [`PARTS_MAX`].
    pub parts: Vec<Part>,
    /// Choices offered with it, at most 9: buttons in a chat, digits on a phone.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// One part of a reply.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "part")]
pub enum Part {
    /// The greeting of the profile (chat) or its recorded form (phone).
    Greeting,
    /// "You are talking to an AI agent": always the first thing a caller or visitor meets.
    AiNotice,
    /// The recording notice and the question for consent (phone only).
    RecordingNotice,
    /// Consent was given.
    RecordingAgreed,
    /// Consent was refused or taken back: nothing is recorded.
    RecordingDeclined,
    /// What can be done, from the profile's flows (on the phone: the keypad menu).
    Menu,
    /// A quote from a document with its source.
    Quote {
        /// The passage quoted from.
        passage: Passage,
        /// The sentence or sentences of `passage.text` that answer best, verbatim.
        quote: String,
    },
    /// Which of a flow's questions is to be answered (they are in `choices`).
    WhichQuestion,
    /// Phone only: there is no voice that could read the documents out; where they can be asked is said.
    AnswersElsewhere,
    /// Nothing in the documents answers this; said plainly.
    NotKnown,
    /// An offer of a person.
    OfferPerson,
    /// Opening hours, and whether the business is open now.
    Hours {
        /// Whether it is open at this moment.
        open_now: bool,
    },
    /// The question for a slot.
    AskSlot {
        /// The flow.
        flow: FlowKey,
        /// The slot.
        slot: SlotKey,
    },
    /// The value given for a slot does not fit; says what would.
    SlotRefused {
        /// The flow.
        flow: FlowKey,
        /// The slot.
        slot: SlotKey,
        /// Why.
        reason: SlotProblem,
    },
    /// On the phone: whether the number that the network signalled is the one to be reached at.
    AskThisNumber {
        /// That number.
        number: String,
    },
    /// After "no" to the values read back: which of them is to be changed (they are in `choices`).
    AskChange,
    /// The next days with a free time (they are also in `choices`).
    FreeDays {
        /// The days; none when nothing can be booked at all.
        days: Vec<Date>,
    },
    /// Free times on a day (they are also in `choices`).
    FreeTimes {
        /// The day.
        day: Date,
        /// The times, in the business's time zone.
        times: Vec<Time>,
    },
    /// No free time on that day; the next day that has one, if any.
    NoFreeTime {
        /// The day asked for.
        day: Date,
        /// The next day with a free time.
        next: Option<Date>,
    },
    /// The slot was taken by somebody else in the meantime.
    TimeTaken,
    /// All values read back, with the question whether they are right.
    ConfirmFlow {
        /// The flow.
        flow: FlowKey,
        /// The values, in slot order.
        values: Vec<(SlotKey, SlotValue)>,
    },
    /// The appointment is booked.
    Booked {
        /// Key of the service.
        service: String,
        /// Its day.
        day: Date,
        /// Its time.
        time: Time,
        /// A short reference that can be spelled out, 4 to 8 of `[A-Z0-9]`.
        reference: String,
    },
    /// The lead was taken.
    LeadTaken,
    /// The ticket is open.
    TicketOpened {
        /// A short reference.
        reference: String,
    },
    /// The message was taken; a person will call or write back.
    MessageTaken,
    /// A message would be recorded, with the question whether that is agreed (phone only).
    MessageNotice,
    /// "Please leave your message after the tone; press # to end" (phone only).
    LeaveMessage,
    /// No message was heard.
    MessageFailed,
    /// An offer to leave a message.
    OfferMessage,
    /// A person was asked to join; please hold on.
    CallingPerson,
    /// A person has joined.
    PersonJoined {
        /// How the person is called.
        display_name: String,
    },
    /// The person has left; the agent is back.
    PersonLeft,
    /// No person could be reached; a message is offered.
    NoPersonNow,
    /// The emergency line of the profile.
    Emergency,
    /// The flow was given up.
    Cancelled,
    /// "You are welcome".
    Welcome,
    /// "Yes, I am an AI agent".
    IAmAnAgent,
    /// The turn was not understood.
    NotUnderstood,
    /// Nothing was heard or pressed.
    StillThere,
    /// Goodbye.
    Goodbye,
    /// Something of ours failed; said plainly, with an offer of a person.
    Trouble,
}

storage::debug_shows!(enum Part {
    Greeting {},
    AiNotice {},
    RecordingNotice {},
    RecordingAgreed {},
    RecordingDeclined {},
    Menu {},
    WhichQuestion {},
    AnswersElsewhere {},
    Quote { passage },
    NotKnown {},
    OfferPerson {},
    Hours { open_now },
    AskSlot { flow, slot },
    SlotRefused { flow, slot, reason },
    AskThisNumber {},
    AskChange {},
    FreeDays { days },
    FreeTimes { day, times },
    NoFreeTime { day, next },
    TimeTaken {},
    ConfirmFlow { flow, values },
    Booked { service, day, time, reference },
    LeadTaken {},
    TicketOpened { reference },
    MessageTaken {},
    MessageNotice {},
    LeaveMessage {},
    MessageFailed {},
    OfferMessage {},
    CallingPerson {},
    PersonJoined {},
    PersonLeft {},
    NoPersonNow {},
    Emergency {},
    Cancelled {},
    Welcome {},
    IAmAnAgent {},
    NotUnderstood {},
    StillThere {},
    Goodbye {},
    Trouble {},
});

/// Why a value was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotProblem {
    /// It could not be read as what was asked for.
    NotReadable,
    /// The day lies in the past.
    Past,
    /// The day lies beyond what can be booked.
    TooFar,
    /// The business is closed then.
    Closed,
    /// It is longer than allowed.
    TooLong,
    /// The time asked for is not free; the free ones follow.
    NotFree,
}

/// One choice that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Its number, 1 to 9: the digit on a phone.
    pub number: u8,
    /// What it stands for.
    pub label: ChoiceLabel,
}

/// What a choice stands for; worded by `compose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "label", content = "value")]
pub enum ChoiceLabel {
    /// A flow of the profile.
    Flow(FlowKey),
    /// A service of the profile.
    Service(String),
    /// A day.
    Day(Date),
    /// A time.
    Time(Time),
    /// A question that the documents answer.
    Question(String),
    /// Yes.
    Yes,
    /// No.
    No,
    /// A person.
    Person,
    /// A value that was read back and may be changed.
    Slot {
        /// The flow.
        flow: FlowKey,
        /// The slot.
        slot: SlotKey,
    },
    /// Give the flow up.
    Cancel,
    /// Other choices.
    Other,
}

/// A passage of a document that was found for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The document.
    pub document_id: Uuid,
    /// Title of the document.
    pub title: String,
    /// Path of headings down to the passage, outermost first.
    pub section: Vec<String>,
    /// The passage's text as it stands in the document.
    pub text: String,
    /// Where the document came from, when it has a public address.
    pub url: Option<String>,
    /// Score of the search in thousandths (deterministic, so that conversations replay to the same bytes).
    pub score_thousandths: i64,
}
