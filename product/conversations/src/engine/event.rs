//! Events: everything that can happen to a conversation. What happened is stored; nothing else decides.

use agents::command::Command;
use agents::reply::Passage;
use agents::turn::ChannelKind;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", deny_unknown_fields)]
pub enum Event {
    /// The caller was answered, or the visitor opened the chat.
    Opened {
        /// Chat or phone.
        channel: ChannelKind,
        /// The number that the network signalled; none when it is withheld.
        caller_number: Option<String>,
        /// Whether free text can be said: always in a chat, on the phone when there is a synthesizer.
        reads_aloud: bool,
    },
    /// Words were said or written, and understood as commands (in order).
    Turn {
        /// The words, card numbers masked.
        text: String,
        /// Their meaning.
        commands: Vec<Command>,
    },
    /// A button was pressed.
    Choice {
        /// Its number.
        number: u8,
    },
    /// A key of the phone was pressed: `0-9`, `*`, `#`, `A-D`.
    Digit {
        /// The key.
        key: char,
    },
    /// Nothing was heard or pressed for the time that was given.
    Silence,
    /// What was really played of a reply.
    Spoken {
        /// The event whose reply it was, counted from 1.
        sequence: u64,
        /// Whether it was played to its end.
        whole: bool,
        /// How much of it was played.
        milliseconds: u32,
    },
    /// A message was recorded.
    MessageRecorded {
        /// The recording.
        recording: Uuid,
        /// Its length.
        seconds: u32,
    },
    /// No message was recorded.
    MessageFailed,
    /// The transfer came to its end.
    TransferEnded {
        /// Whether somebody answered.
        connected: bool,
    },
    /// The caller hung up, or the visitor closed the chat.
    HungUp,
    /// The search for a question came back.
    Found {
        /// The question.
        question: String,
        /// The answer; none when no passage answers it.
        answer: Option<Answer>,
    },
    /// The next days with a free time.
    FreeDays {
        /// The days.
        days: Vec<Date>,
    },
    /// The free times of a day.
    FreeTimes {
        /// The day.
        day: Date,
        /// Its free times.
        times: Vec<Time>,
        /// When it has none: the next day that has one.
        next: Option<Date>,
    },
    /// The tool has done it.
    Done {
        /// A reference that can be spelled out.
        reference: String,
    },
    /// The time was taken by somebody else.
    TimeTaken,
    /// The tool failed.
    ToolFailed,
    /// A person joined.
    PersonJoined {
        /// How the person is called.
        display_name: String,
    },
    /// The person wrote.
    PersonSaid {
        /// How the person is called.
        display_name: String,
        /// The words.
        text: String,
    },
    /// The person left.
    PersonLeft {
        /// Whether the conversation ends with it.
        end: bool,
    },
    /// The time to wait for a person is over.
    WaitOver,
    /// Nothing happened in a chat for long.
    Idle,
}

storage::debug_shows!(enum Event {
    Opened { channel },
    Turn { commands },
    Choice { number },
    Digit {},
    Silence {},
    Spoken { sequence, whole, milliseconds },
    MessageRecorded { recording, seconds },
    MessageFailed {},
    TransferEnded { connected },
    HungUp {},
    Found { answer },
    FreeDays { days },
    FreeTimes { day, times, next },
    Done { reference },
    TimeTaken {},
    ToolFailed {},
    PersonJoined {},
    PersonSaid {},
    PersonLeft { end },
    WaitOver {},
    Idle {},
});

/// A passage that answers, and the words of it to quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The passage.
    pub passage: Passage,
    /// Words of `passage.text`, verbatim.
    pub quote: String,
}
