//! A lead: somebody who may become a customer, and what they are interested in.

use storage::Timestamp;
use uuid::Uuid;

use crate::desk::{By, Given};

pub mod api;
mod sheet;
pub mod store;

/// Where a lead stands. People correct themselves, so every state may follow every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadState {
    /// Nobody has looked after it.
    New,
    /// Somebody has been in touch.
    Contacted,
    /// They became a customer.
    Won,
    /// They did not.
    Lost,
}

impl LeadState {
    /// Every state.
    pub const ALL: [LeadState; 4] = [LeadState::New, LeadState::Contacted, LeadState::Won, LeadState::Lost];

    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            LeadState::New => "new",
            LeadState::Contacted => "contacted",
            LeadState::Won => "won",
            LeadState::Lost => "lost",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<LeadState> {
        LeadState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Identifier.
    pub id: Uuid,
    /// What can be said on the phone.
    pub reference: String,
    /// Where it stands.
    pub state: LeadState,
    /// The agent that took it.
    pub agent_id: Uuid,
    /// Whose.
    pub contact_id: Uuid,
    /// The conversation in which it was taken.
    pub conversation_id: Option<Uuid>,
    /// What the person gave.
    pub given: Given,
    /// Who took it.
    pub made_by: By,
    /// Who changed it last.
    pub changed_by: By,
    /// When it was taken.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests;
