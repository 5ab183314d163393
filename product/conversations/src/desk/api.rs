//! What the addresses of bookings, leads and tickets share.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{PageQuery, Problem};

use super::{By, Error, Given};
use crate::reference;

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::NotFound => Problem::not_found(),
            Error::NoService => Problem::field("service", "The agent offers no such service."),
            Error::NotOffered => {
                Problem::field("time", "This time cannot be booked: it is outside of opening hours, grid or horizon.")
            }
            Error::Taken => Problem::conflict("This time is taken."),
            Error::State { .. } => Problem::conflict(error.to_string()),
            Error::Invalid { field, reason } => Problem::field(field, reason),
            Error::NoReference => Problem::unavailable(error.to_string(), 1),
            Error::Unreadable(_) => Problem::internal(error),
            Error::Agents(error) => error.into(),
            Error::Contacts(error) => error.into(),
            Error::Identity(error) => error.into(),
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
        }
    }
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct ByView {
    /// `system`, `user`, `api_key`, `visitor`, `phone_caller` or `operator`.
    kind: String,
    id: Option<Uuid>,
}

impl From<By> for ByView {
    fn from(by: By) -> ByView {
        ByView { kind: by.kind, id: by.id }
    }
}

/// What a person gave: a claim, as they gave it.
#[derive(Serialize, ToSchema)]
pub struct GivenView {
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    /// Their note, wish, problem or message.
    text: Option<String>,
    /// The recording of their message.
    recording: Option<Uuid>,
}

storage::debug_shows!(struct GivenView { recording });

impl From<Given> for GivenView {
    fn from(given: Given) -> GivenView {
        GivenView {
            name: given.name,
            phone: given.phone,
            email: given.email,
            text: given.text,
            recording: given.recording,
        }
    }
}

/// The page asked for by its parts.
pub(crate) fn page(limit: Option<u32>, after: Option<Uuid>) -> Result<PageQuery, Problem> {
    PageQuery::new(limit.unwrap_or(web::paging::DEFAULT_LIMIT), after)
}

/// A reference in a query, in the form in which it is stored.
pub(crate) fn asked_reference(written: Option<&str>) -> Result<Option<String>, Problem> {
    let read = |written| reference::read(written).ok_or_else(|| Problem::field("reference", "This is no reference."));
    written.map(read).transpose()
}

/// One of several words in a query or body.
pub(crate) fn named<T>(
    field: &'static str,
    word: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let read = |word| read(word).ok_or_else(|| Problem::field(field, "This word is not one of those listed."));
    word.map(read).transpose()
}
