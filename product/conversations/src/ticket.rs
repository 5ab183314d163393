//! A ticket: something that people are to see to, namely a problem that was reported, or a message that wants a call back.

use storage::Timestamp;
use uuid::Uuid;

use crate::desk::{By, Given};

pub mod api;
pub mod store;

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKind {
    /// A problem was reported.
    Problem,
    /// A message was left; on the phone it is a recording.
    Message,
}

impl TicketKind {
    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            TicketKind::Problem => "problem",
            TicketKind::Message => "message",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<TicketKind> {
        [TicketKind::Problem, TicketKind::Message].into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Nobody has begun.
    Open,
    /// Somebody is at it.
    InProgress,
    /// It is done, as far as we know.
    Resolved,
    /// It is over.
    Closed,
}

impl TicketState {
    /// Every state.
    pub const ALL: [TicketState; 4] =
        [TicketState::Open, TicketState::InProgress, TicketState::Resolved, TicketState::Closed];

    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            TicketState::Open => "open",
            TicketState::InProgress => "in_progress",
            TicketState::Resolved => "resolved",
            TicketState::Closed => "closed",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<TicketState> {
        TicketState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it may become `to`: forward one or more steps, back to where work begins, or open again.
    pub const fn may_become(self, to: TicketState) -> bool {
        match (self, to) {
            (TicketState::Open, TicketState::InProgress | TicketState::Resolved | TicketState::Closed)
            | (TicketState::InProgress, TicketState::Open | TicketState::Resolved | TicketState::Closed)
            | (TicketState::Resolved, TicketState::Open | TicketState::InProgress | TicketState::Closed)
            | (TicketState::Closed, TicketState::Open) => true,
            (TicketState::Open, TicketState::Open)
            | (TicketState::InProgress, TicketState::InProgress)
            | (TicketState::Resolved, TicketState::Resolved)
            | (TicketState::Closed, _) => false,
        }
    }
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Identifier.
    pub id: Uuid,
    /// What can be said on the phone.
    pub reference: String,
    /// What it is about.
    pub kind: TicketKind,
    /// Where it stands.
    pub state: TicketState,
    /// The member who sees to it.
    pub assignee: Option<Uuid>,
    /// The agent that opened it.
    pub agent_id: Uuid,
    /// Whose.
    pub contact_id: Uuid,
    /// The conversation in which it was opened.
    pub conversation_id: Option<Uuid>,
    /// What the person gave.
    pub given: Given,
    /// Who opened it.
    pub made_by: By,
    /// Who changed it last.
    pub changed_by: By,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What is changed of a ticket. What is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketChange {
    /// Where it stands now.
    pub state: Option<TicketState>,
    /// Who sees to it now.
    pub assignee: Option<Assignee>,
}

/// Who sees to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// This member.
    Member(Uuid),
    /// Nobody.
    Nobody,
}

impl Assignee {
    /// The member, if any.
    pub const fn member(self) -> Option<Uuid> {
        match self {
            Assignee::Member(user) => Some(user),
            Assignee::Nobody => None,
        }
    }
}

#[cfg(test)]
mod tests;
