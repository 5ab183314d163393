//! A booking: a span of time in the calendar of one agent, for one person.
//!
//! Two bookings of a calendar never overlap. That rests on a unique constraint of both databases, not on code that looks first:
//! every booking holds one row for each minute of its span, and no minute of a calendar can be held twice. Services of different
//! lengths need no common grid for that, and whoever comes second, in whatever process, is refused by the database itself.

use jiff::civil::{Date, Time};
use storage::Timestamp;
use uuid::Uuid;

use crate::desk::{By, Given};

pub mod api;
pub mod store;

/// Where a booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingState {
    /// It is to come, or came and nobody has said what became of it.
    Booked,
    /// It was called off; its time is free again.
    Cancelled,
    /// The person came.
    Attended,
    /// The person did not come.
    Missed,
}

impl BookingState {
    /// Every state.
    pub const ALL: [BookingState; 4] =
        [BookingState::Booked, BookingState::Cancelled, BookingState::Attended, BookingState::Missed];

    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            BookingState::Booked => "booked",
            BookingState::Cancelled => "cancelled",
            BookingState::Attended => "attended",
            BookingState::Missed => "missed",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<BookingState> {
        BookingState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it may become `to`, once its time has come (`begun`) or before. What is cancelled stays so: somebody else may have
    /// the time.
    pub const fn may_become(self, to: BookingState, begun: bool) -> bool {
        match (self, to) {
            (BookingState::Booked, BookingState::Cancelled) => true,
            (BookingState::Booked, BookingState::Attended | BookingState::Missed)
            | (BookingState::Attended, BookingState::Booked | BookingState::Missed)
            | (BookingState::Missed, BookingState::Booked | BookingState::Attended) => begun,
            _ => false,
        }
    }
}

/// What is to be booked.
#[derive(Clone, Debug)]
pub struct NewBooking {
    /// Key of the service in the agent's profile.
    pub service: String,
    /// The day, on the clocks of the business.
    pub day: Date,
    /// When it begins, on the clocks of the business.
    pub time: Time,
    /// What the person gave.
    pub given: Given,
}

/// A booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Identifier.
    pub id: Uuid,
    /// What can be said on the phone.
    pub reference: String,
    /// Where it stands.
    pub state: BookingState,
    /// Whose calendar.
    pub agent_id: Uuid,
    /// For whom.
    pub contact_id: Uuid,
    /// The conversation in which it was made.
    pub conversation_id: Option<Uuid>,
    /// Its beginning.
    pub starts_at: Timestamp,
    /// Its end; exclusive.
    pub ends_at: Timestamp,
    /// Key of the service; empty once the person is erased.
    pub service: String,
    /// Its name when it was booked; empty once the person is erased.
    pub service_name: String,
    /// What the person gave.
    pub given: Given,
    /// Who made it.
    pub made_by: By,
    /// Who changed it last.
    pub changed_by: By,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What is sealed of a booking: the service too, for it can tell of an illness.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct BookingDetails {
    /// Key of the service.
    pub service: String,
    /// Its name when it was booked.
    pub service_name: String,
    /// What the person gave.
    #[serde(flatten)]
    pub given: Given,
}

#[cfg(test)]
mod tests;
