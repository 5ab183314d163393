//! What is kept of a call: its record, its timeline and its recordings, as nouns without IO.

use serde::{Deserialize, Serialize};
use storage::Timestamp;
use uuid::Uuid;
use web::instant;

/// Who began the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Somebody called the business.
    Inbound,
    /// The business called somebody.
    Outbound,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It rings.
    Ringing,
    /// Somebody answered and it goes on.
    Live,
    /// It is over.
    Ended,
}

/// Whether a recording can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is being written; what was written so far can be heard.
    Writing,
    /// It is whole.
    Ready,
    /// The product stopped while it was written; everything up to the last second is there.
    Interrupted,
}

/// What a recording is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// Both sides of a call: the caller left, the agent right.
    Call,
    /// A message that the caller left.
    Voicemail,
}

macro_rules! stored_as_text {
    ($noun:ty { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $noun {
            /// The word that stands in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the word that stands in the database.
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
stored_as_text!(Direction { Inbound = "inbound", Outbound = "outbound" });
stored_as_text!(CallState { Ringing = "ringing", Live = "live", Ended = "ended" });
stored_as_text!(RecordingState { Writing = "writing", Ready = "ready", Interrupted = "interrupted" });
stored_as_text!(RecordingKind { Call = "call", Voicemail = "voicemail" });

/// A call as the business sees it.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Call {
    /// Identifier.
    pub id: Uuid,
    /// The conversation that was held, when it came so far.
    pub conversation_id: Option<Uuid>,
    /// The agent that the number is connected to.
    pub agent_id: Uuid,
    /// Who began it.
    pub direction: Direction,
    /// How far it has come.
    pub state: CallState,
    /// `live`, or `test` for a call that a key for trying out placed: it was simulated, nobody was called.
    pub environment: String,
    /// The other side's number as the network signalled it; none when it was withheld or the call failed before it was answered.
    pub from: Option<String>,
    /// The number or address that was dialled.
    pub to: String,
    /// When it began to ring.
    #[serde(serialize_with = "instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was answered.
    #[serde(serialize_with = "instant::serialize_optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// When it was over.
    #[serde(serialize_with = "instant::serialize_optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Who ended it: `caller`, `us`, `network` or `nobody`.
    pub ended_by: Option<String>,
    /// Why it ended, one word (`hung_up`, `cancelled`, `media_silent`, …).
    pub end_reason: Option<String>,
    /// SIP status that ended it (RFC 3261 section 21), 200 for an ordinary end.
    pub sip_status: Option<u16>,
    /// How its messages travelled: `udp`, `tcp` or `tls`; none for a call that was never answered or was simulated.
    pub transport: Option<String>,
    /// How its sound travelled: `srtp` (encrypted) or `rtp`; none for a call that was never answered or was simulated.
    pub sound: Option<String>,
    /// RTP packets that we sent.
    pub packets_sent: Option<i64>,
    /// RTP packets that arrived.
    pub packets_received: Option<i64>,
    /// RTP packets that were sent to us and never arrived.
    pub packets_lost: Option<i64>,
}

storage::debug_shows!(struct Call { id, conversation_id, agent_id, direction, state, environment, started_at, answered_at, ended_at, ended_by, end_reason, sip_status, transport, sound });

/// One line of a call's timeline.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CallEvent {
    /// Its place in the timeline, from 1.
    pub sequence: i64,
    /// When it happened.
    #[serde(serialize_with = "instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened: a word such as `ringing`, `answered`, `recording_started`, `held`, `agent_not_published`, `ended`.
    pub kind: String,
}

/// A recording as the business sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Recording {
    /// Identifier.
    pub id: Uuid,
    /// The call it belongs to.
    pub call_id: Uuid,
    /// What it is of.
    pub kind: RecordingKind,
    /// Whether it can be listened to.
    pub state: RecordingState,
    /// Channels: 2 for a call (caller, agent), 1 for a voicemail.
    pub channels: u8,
    /// Length in milliseconds.
    pub milliseconds: i64,
    /// Version of the notice that was given before consent.
    pub notice_version: String,
    /// When consent was given.
    #[serde(serialize_with = "instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub consented_at: Timestamp,
    /// When it began.
    #[serde(serialize_with = "instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
}

/// A number (or SIP user) that callers dial, and who answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PhoneNumber {
    /// Identifier.
    pub id: Uuid,
    /// The user part of the SIP address that is dialled: a number in E.164 or a name, at most 64 characters.
    pub called: String,
    /// The agent that answers.
    pub agent_id: Uuid,
    /// When it was connected.
    #[serde(serialize_with = "instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Longest user part that can be connected.
pub const CALLED_CHARACTERS_MAX: usize = 64;

/// Whether `called` can be dialled: a SIP user part of letters, digits and `+-._`, 1 to 64 characters.
pub fn is_dialable(called: &str) -> bool {
    !called.is_empty()
        && called.len() <= CALLED_CHARACTERS_MAX
        && called.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_dialled_is_checked_at_its_edges() {
        assert!(
            is_dialable("+441174960123") && is_dialable("practice") && is_dialable(&"1".repeat(CALLED_CHARACTERS_MAX))
        );
        assert!(!is_dialable("") && !is_dialable(&"1".repeat(CALLED_CHARACTERS_MAX + 1)));
        assert!(!is_dialable("a b") && !is_dialable("a@b") && !is_dialable("é"));
    }

    #[test]
    fn words_in_the_database_read_back() {
        for state in [CallState::Ringing, CallState::Live, CallState::Ended] {
            assert_eq!(CallState::from_stored(state.as_str()), Some(state));
        }
        for kind in [RecordingKind::Call, RecordingKind::Voicemail] {
            assert_eq!(RecordingKind::from_stored(kind.as_str()), Some(kind));
        }
        assert_eq!(Direction::from_stored("sideways"), None);
        assert_eq!(
            RecordingState::from_stored(RecordingState::Interrupted.as_str()),
            Some(RecordingState::Interrupted)
        );
    }
}
