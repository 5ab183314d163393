//! A visitor's pass: a short-lived secret that opens one conversation, from one origin, through one embed token.
//!
//! It lives in the frame's memory and its tab's storage, travels in the header [`HEADER`] and never in an address,
//! and is stored here as a hash. There is no cookie, before or after.

use identity::token::{self, Secret};
use storage::{Entropy, OrganizationId, Timestamp};
use uuid::Uuid;

/// The request header that carries the pass.
pub const HEADER: &str = "ringfence-visitor";
/// A pass works so long after it was last renewed.
pub const PASS_SECONDS: i64 = 30 * 60;
/// However often it is renewed, it ends so long after it was made.
pub const PASS_ABSOLUTE_SECONDS: i64 = 12 * 3600;
/// A pass is renewed by a message when less than this is left.
pub const RENEW_BELOW_SECONDS: i64 = 20 * 60;
const START: &str = "rf_visitor_";
const DIGITS: usize = 32;

/// A pass as text: `rf_visitor_` + organization (32) + `_` + row (32) + `_` + secret (52). Debugging shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PassText {
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// Its row.
    pub id: Uuid,
    text: String,
}

impl std::fmt::Debug for PassText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PassText({}, hidden)", self.id)
    }
}

impl PassText {
    /// A fresh pass for the row `id`.
    pub fn generate(organization: OrganizationId, id: Uuid, entropy: &dyn Entropy) -> Self {
        let secret = Secret::generate(entropy);
        let text = format!("{START}{}_{}_{}", organization.0.simple(), id.simple(), secret.reveal());
        Self { organization, id, text }
    }

    /// Reads a presented pass; `None` for anything that this server cannot have made.
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.strip_prefix(START)?.split('_');
        let (organization, id, secret) = (pieces.next()?, pieces.next()?, pieces.next()?);
        let sizes_fit = organization.len() == DIGITS && id.len() == DIGITS && secret.len() == token::SECRET_TEXT_LENGTH;
        if !sizes_fit || pieces.next().is_some() || !text.is_ascii() {
            return None;
        }
        let organization = OrganizationId(Uuid::try_parse(organization).ok()?);
        Some(Self { organization, id: Uuid::try_parse(id).ok()?, text: text.to_owned() })
    }

    /// The text, for the visitor's frame.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored.
    pub fn hash(&self) -> [u8; 32] {
        token::hash(&self.text)
    }
}

/// What a valid pass opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The row of the pass.
    pub id: Uuid,
    /// The one conversation.
    pub conversation_id: Uuid,
    /// The embed token through which it came.
    pub embed_token_id: Uuid,
    /// The origin of the page that shows the widget.
    pub origin: String,
    /// SHA-256 of the pass.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
}

impl Visitor {
    /// Whether the presented pass is this one and still works.
    pub fn accepts(&self, presented: &PassText, now: Timestamp) -> bool {
        let absolute_end = self.created_at.plus_seconds(PASS_ABSOLUTE_SECONDS);
        token::same(&self.hash, &presented.hash()) && now < self.expires_at && now < absolute_end
    }

    /// The later end that a message at `now` gives it; `None` while enough is left or nothing more can be given.
    pub fn renewed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let later = now.plus_seconds(PASS_SECONDS).min(self.created_at.plus_seconds(PASS_ABSOLUTE_SECONDS));
        let little_left = self.expires_at < now.plus_seconds(RENEW_BELOW_SECONDS);
        (little_left && later > self.expires_at).then_some(later)
    }
}

#[cfg(test)]
mod tests {
    use storage::SeededEntropy;

    use super::*;

    fn pass() -> (PassText, Visitor) {
        let organization = OrganizationId(Uuid::from_u128(7));
        let text = PassText::generate(organization, Uuid::from_u128(9), &SeededEntropy::new(4));
        let visitor = Visitor {
            id: text.id,
            conversation_id: Uuid::from_u128(11),
            embed_token_id: Uuid::from_u128(12),
            origin: "https://shop.example".to_owned(),
            hash: text.hash().to_vec(),
            created_at: Timestamp::from_seconds(1_000),
            expires_at: Timestamp::from_seconds(1_000 + PASS_SECONDS),
        };
        (text, visitor)
    }

    #[test]
    fn a_pass_comes_back_and_is_never_printed() {
        let (text, _) = pass();
        assert_eq!(PassText::parse(text.reveal()), Some(text.clone()));
        assert!(!format!("{text:?}").contains(&text.reveal()[80..]));
        let longer = format!("{}_x", text.reveal());
        for nonsense in ["", START, "rf_visitor_a_b_c", "rf_visitor_é_ü_ß", &longer] {
            assert_eq!(PassText::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_pass_opens_until_its_end_and_another_never() {
        let (text, visitor) = pass();
        let last = Timestamp(visitor.expires_at.0 - 1);
        assert!(visitor.accepts(&text, last));
        assert!(!visitor.accepts(&text, visitor.expires_at));
        let other = PassText::generate(text.organization, text.id, &SeededEntropy::new(5));
        assert!(!visitor.accepts(&other, last));
    }

    #[test]
    fn messages_renew_it_up_to_the_absolute_end() {
        let (text, mut visitor) = pass();
        assert_eq!(visitor.renewed_until(visitor.created_at), None);
        while let Some(later) = visitor.renewed_until(visitor.expires_at.plus_seconds(-1)) {
            visitor.expires_at = later;
        }
        assert_eq!(visitor.expires_at, visitor.created_at.plus_seconds(PASS_ABSOLUTE_SECONDS));
        assert!(!visitor.accepts(&text, visitor.expires_at));
    }
}
