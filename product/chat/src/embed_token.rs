//! The public token that stands in a customer's page: it names an organization, an agent and who may use it.
//!
//! It is no secret: whoever reads the page has it. What it opens is bounded by exact origins (an empty list opens
//! nothing), an expiry, quotas per day, revocation and rotation. Rotation keeps the token before it working for a day, so that pages can
//! be changed without a gap.

use identity::token::{self, Secret};
use storage::{Entropy, OrganizationId, Timestamp};
use uuid::Uuid;

use crate::origin::Origins;

/// The fixed start, so that scanners and people recognise it.
const START: &str = "rf_embed_";
/// Hexadecimal digits of the organization in the token.
const ORGANIZATION_DIGITS: usize = 32;
/// Conversations per day unless said otherwise.
pub const CONVERSATIONS_PER_DAY: i64 = 1_000;
/// Messages per day unless said otherwise.
pub const MESSAGES_PER_DAY: i64 = 20_000;
/// The most that can be set for either.
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

/// How much may happen through one token on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Conversations begun, 1 to [`QUOTA_MAX`].
    pub conversations_per_day: i64,
    /// Messages of visitors, 1 to [`QUOTA_MAX`].
    pub messages_per_day: i64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { conversations_per_day: CONVERSATIONS_PER_DAY, messages_per_day: MESSAGES_PER_DAY }
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
    /// How much a day.
    pub quota: Quota,
    /// When it was made.
    pub created_at: Timestamp,
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
    /// The day's quota is used up.
    #[error("the embed token's quota for today is used up")]
    Quota,
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

/// The day of an instant, as days since 1970 in UTC: what quotas are counted by.
pub const fn day_of(now: Timestamp) -> i64 {
    now.0.div_euclid(24 * 3600 * 1_000_000)
}

#[cfg(test)]
mod tests;
