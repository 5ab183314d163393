//! The door of conversations: what channels hand in, and what they get back.

use std::net::IpAddr;

use agents::compose::Reply;
use agents::reply::ReplyPlan;
use agents::turn::Awaited;
use compliance::consent::ConsentGrant;
use compliance::dialing::DialPermit;
use serde::{Deserialize, Serialize};
use storage::{OrganizationId, Timestamp};
use uuid::Uuid;

/// Characters of one message.
pub const WORDS_MAX: usize = 2_000;
/// Characters of an identifier that a widget gives its message.
pub const CLIENT_ID_MAX: usize = 64;
/// Characters of a page's address.
pub const PAGE_MAX: usize = 2_000;

/// A conversation to be opened.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Whose.
    pub organization: OrganizationId,
    /// The agent; the version that is published now is used to the end.
    pub agent_id: Uuid,
    /// How it is held.
    pub channel: Channel,
    /// The contact of a visitor who comes back.
    pub contact_id: Option<Uuid>,
    /// Where the request came from; kept only sealed, in the audit log.
    pub address: Option<IpAddr>,
}

/// How a conversation is held.
#[derive(Clone)]
pub enum Channel {
    /// In a chat.
    Chat {
        /// The page on which it was opened, at most [`PAGE_MAX`] characters; longer is cut.
        page: Option<String>,
    },
    /// On the phone.
    Phone {
        /// The Call-ID of the signalling.
        call_id: String,
        /// The number that the network signalled; none when withheld.
        from: Option<String>,
        /// The number that was called.
        to: String,
        /// Whether free text can be said.
        reads_aloud: bool,
    },
}

storage::debug_shows!(enum Channel {
    Chat {},
    Phone { call_id },
});

/// A conversation that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Its id.
    pub conversation_id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// What is said first: the AI notice and the greeting.
    pub first: Outcome,
}

/// What a channel hands in.
#[derive(Clone)]
pub enum Input {
    /// Words that were written or understood from speech, at most [`WORDS_MAX`] characters.
    Words {
        /// The words.
        text: String,
        /// The sender's own id of the message: the same one again gives the same answer and does nothing twice.
        client_id: Option<String>,
    },
    /// A button by its number.
    Choice {
        /// The number.
        number: u8,
        /// As in `Words`.
        client_id: Option<String>,
    },
    /// A key of the phone.
    Digit(char),
    /// Nothing was heard or pressed for `silence_seconds` after everything was played.
    Silence,
    /// A message was recorded; also after a hang-up.
    MessageRecorded {
        /// The recording.
        recording_id: Uuid,
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
    /// What was really played of a reply. Consent counts only after the reply that asks for it was reported as played whole.
    Spoken {
        /// The reply's sequence.
        sequence: u64,
        /// Whether it was played to its end.
        whole: bool,
        /// How much was played.
        milliseconds: u32,
    },
    /// The caller hung up, or the visitor closed the chat.
    Hangup,
}

storage::debug_shows!(enum Input {
    Words { client_id },
    Choice { number, client_id },
    Digit {},
    Silence {},
    MessageRecorded { recording_id, seconds },
    MessageFailed {},
    TransferEnded { connected },
    Spoken { sequence, whole, milliseconds },
    Hangup {},
});

/// What came of an input. Everything in it is committed.
#[derive(Debug)]
pub struct Outcome {
    /// The conversation.
    pub conversation_id: Uuid,
    /// The last event stored.
    pub sequence: u64,
    /// The event that the input became.
    pub input_sequence: u64,
    /// The input had come before: nothing was done again.
    pub duplicate: bool,
    /// What is said, in order.
    pub replies: Vec<Said>,
    /// What the channel is to do.
    pub actions: Vec<ChannelAction>,
    /// What is awaited now.
    pub awaited: Awaited,
    /// On the phone: hand in `Silence` this long after everything was played; none: do not.
    pub silence_seconds: Option<u32>,
    /// Whether the conversation is over.
    pub ended: bool,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The event that said it.
    pub sequence: u64,
    /// As structure, for `compose::speech`.
    pub plan: ReplyPlan,
    /// Worded for chats and transcripts.
    pub reply: Reply,
}

/// What a channel is to do. Recording starts and stops at once; everything else comes after the replies were played.
#[derive(Debug)]
pub enum ChannelAction {
    /// Open the recording's tap.
    StartRecording(ConsentGrant),
    /// Close it.
    StopRecording,
    /// Take a message: tone, then record until `#`, silence or hang-up.
    TakeVoicemail {
        /// The consent for this message.
        grant: ConsentGrant,
        /// Longest message.
        max_seconds: u32,
    },
    /// Transfer the call.
    Transfer {
        /// To whom.
        permit: DialPermit,
    },
    /// Hang up.
    HangUp,
}

/// What a channel hears without an input of its own.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A line was added: of a person, or of the agent when a person joined or left or nobody came.
    Line(Box<Line>),
    /// The conversation ended.
    Ended,
    /// More happened than whoever listens took in time: some of it was not heard. The transcript and the state say what.
    Missed,
}

/// One line of a transcript.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The event that it belongs to.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub speaker: Speaker,
    /// The words; keys of a phone as they were pressed.
    pub text: String,
    /// Sources and choices of what the agent said.
    pub reply: Option<Reply>,
    /// The sender's own id of the message.
    pub client_id: Option<String>,
}

storage::debug_shows!(struct Line { sequence, at, speaker, client_id });

/// Who speaks in a line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Speaker {
    /// The caller or visitor, in words.
    Visitor,
    /// The caller, by key.
    Keys,
    /// The agent.
    Agent,
    /// A person.
    Person {
        /// How the person is called.
        display_name: String,
    },
    /// Nobody: something happened ("hung up").
    Event,
}

storage::debug_shows!(
    enum Speaker {
        Visitor {},
        Keys {},
        Agent {},
        Person {},
        Event {},
    }
);

/// How a person leaves a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The agent goes on.
    BackToAgent,
    /// It is over.
    End,
}
