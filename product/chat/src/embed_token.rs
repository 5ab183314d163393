//! The public token that stands in a customer's page: it names an organization, an agent and who may use it.
//!
//! It is no secret: whoever reads the page has it. What it opens is bounded by exact origins (an empty list opens
//! nothing), an expiry, quotas, revocation and rotation. Rotation keeps the token before it working for a day, so that pages can
//! be changed without a gap.

use identity::token::{self, Secret};
use storage::{Entropy, OrganizationId, Timestamp};
use uuid::Uuid;

use crate::origin::Origins;

/// The fixed start, so that scanners and people recognise it.
const START: &str = "rf_embed_";
/// Hexadecimal digits of the organization in the token.
const ORGANIZATION_DIGITS: usize = 32;
/// Conversations per hour unless said otherwise.
pub const CONVERSATIONS_PER_HOUR: i64 = 200;
/// Messages of a visitor in one conversation unless said otherwise.
pub const MESSAGES_PER_CONVERSATION: i64 = 200;
/// Conversations per day unless said otherwise.
pub const CONVERSATIONS_PER_DAY: i64 = 1_000;
/// Messages per day unless said otherwise.
pub const MESSAGES_PER_DAY: i64 = 20_000;
/// The most that can be set for any of them.
pub const QUOTA_MAX: i64 = 1_000_000;
/// Longest name of a widget, in characters.
pub const NAME_LENGTH_MAX: usize = 80;
/// After a rotation the token before it works so long.
pub const ROTATION_OVERLAP_SECONDS: i64 = 24 * 3600;

/// A token as text: `rf_embed_` + organization (32) + `_` + random part (52).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenText {
    /// The organization it names.
    pub organization: OrganizationId,
    text: String,
}

impl TokenText {
    /// A fresh token of that organization.
    pub fn generate(organization: OrganizationId, entropy: &dyn Entropy) -> Self {
        let secret = Secret::generate(entropy);
        Self { organization, text: format!("{START}{}_{}", organization.0.simple(), secret.reveal()) }
    }

    /// Reads a presented token; `None` for anything that this server cannot have made.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(START)?;
        let (organization, random) = rest.split_once('_')?;
        let is_hexadecimal = organization.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let is_random = random.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        if organization.len() != ORGANIZATION_DIGITS || random.len() != token::SECRET_TEXT_LENGTH {
            return None;
        }
        let organization = Uuid::try_parse(organization).ok()?;
        (is_hexadecimal && is_random)
            .then(|| Self { organization: OrganizationId(organization), text: text.to_owned() })
    }

    /// The text, for the page it is pasted into.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is looked up.
    pub fn hash(&self) -> [u8; 32] {
        token::hash(&self.text)
    }
}

/// How much may happen through one token; hours and days are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Conversations begun in an hour, 1 to [`QUOTA_MAX`].
    pub conversations_per_hour: i64,
    /// Conversations begun, 1 to [`QUOTA_MAX`].
    pub conversations_per_day: i64,
    /// Messages of visitors, 1 to [`QUOTA_MAX`].
    pub messages_per_day: i64,
    /// Messages of the visitor in one conversation, 1 to [`QUOTA_MAX`].
    pub messages_per_conversation: i64,
}

/// What can be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Conversations of the hour.
    ConversationsOfHour,
    /// Conversations of the day.
    ConversationsOfDay,
    /// Messages of the day.
    MessagesOfDay,
    /// Messages of the conversation.
    MessagesOfConversation,
}

const SECONDS_PER_HOUR: i64 = 3600;
const SECONDS_PER_DAY: i64 = 24 * SECONDS_PER_HOUR;

impl Limit {
    /// In a word, for the log and for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConversationsOfHour => "conversations_per_hour",
            Self::ConversationsOfDay => "conversations_per_day",
            Self::MessagesOfDay => "messages_per_day",
            Self::MessagesOfConversation => "messages_per_conversation",
        }
    }

    /// The span of time by which it is counted; none for a conversation.
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::ConversationsOfHour => Some(Span::Hour),
            Self::ConversationsOfDay | Self::MessagesOfDay => Some(Span::Day),
            Self::MessagesOfConversation => None,
        }
    }

    /// Seconds until it begins anew, at least 1; a conversation does not.
    pub fn seconds_left(self, now: Timestamp) -> Option<u64> {
        let span = self.span()?;
        let end = (span.number(now) + 1) * span.seconds();
        Some(u64::try_from(end - now.seconds()).unwrap_or(1).max(1))
    }
}

/// By what quotas are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// An hour of UTC.
    Hour,
    /// A day of UTC.
    Day,
}

impl Span {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Hour => SECONDS_PER_HOUR,
            Self::Day => SECONDS_PER_DAY,
        }
    }

    /// Which hour or day since 1970 an instant lies in.
    pub const fn number(self, now: Timestamp) -> i64 {
        now.0.div_euclid(self.seconds() * 1_000_000)
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            conversations_per_hour: CONVERSATIONS_PER_HOUR,
            conversations_per_day: CONVERSATIONS_PER_DAY,
            messages_per_day: MESSAGES_PER_DAY,
            messages_per_conversation: MESSAGES_PER_CONVERSATION,
        }
    }
}

/// One embed token with its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedToken {
    /// Its row.
    pub id: Uuid,
    /// What it is called in the dashboard.
    pub name: String,
    /// The agent that answers.
    pub agent_id: Uuid,
    /// Whose pages may show it.
    pub origins: Origins,
    /// From this instant on it opens nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// How much.
    pub quota: Quota,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when the token before the last rotation works, too.
    pub previous_until: Option<Timestamp>,
}

/// Why a token opens nothing. Callers outside see one and the same answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Never made here, or rotated away.
    #[error("there is no such embed token")]
    Unknown,
    /// Taken back.
    #[error("the embed token was revoked")]
    Revoked,
    /// Its time is over.
    #[error("the embed token has expired")]
    Expired,
    /// The page's origin is not on the list, or the list is empty.
    #[error("this origin may not use the embed token")]
    Origin,
    /// A quota is used up.
    #[error("the embed token's quota is used up: {}", .0.as_str())]
    Quota(Limit),
    /// So much goes on that the visitor's browser must solve a puzzle first, or what it brought is no solution.
    #[error("a solved challenge is needed")]
    Challenge,
}

impl EmbedToken {
    /// Whether it works at all at this instant, whoever asks.
    pub fn check_alive(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        match self.expires_at {
            Some(expires_at) if now >= expires_at => Err(Refusal::Expired),
            _ => Ok(()),
        }
    }

    /// Whether a page of `origin` may use it at this instant.
    pub fn check(&self, origin: &str, now: Timestamp) -> Result<(), Refusal> {
        self.check_alive(now)?;
        if self.origins.permit(origin) { Ok(()) } else { Err(Refusal::Origin) }
    }
}

#[cfg(test)]
mod tests;
