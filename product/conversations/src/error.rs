//! What goes wrong with conversations.

use uuid::Uuid;

/// An error of conversations. No variant holds words of a caller or visitor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such conversation in this organization.
    #[error("there is no such conversation")]
    NotFound,
    /// The agent has no published version.
    #[error("the agent has no published version")]
    NotPublished,
    /// The message or an identifier is too long.
    #[error("{field} has more than {most} characters")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How many are allowed.
        most: usize,
    },
    /// The message is empty.
    #[error("the message is empty")]
    Empty,
    /// The conversation has ended.
    #[error("the conversation has ended")]
    Ended,
    /// The person is not in the conversation, or somebody else is.
    #[error("{0}")]
    NotNow(&'static str),
    /// The person was erased: nothing of the conversation can be read.
    #[error("the person was erased")]
    Erased,
    /// What is stored cannot be read.
    #[error("what is stored of conversation {0} cannot be read")]
    Unreadable(Uuid),
    /// Others wrote to it at the same time, again and again.
    #[error("the conversation is busy; try again")]
    Busy,
    /// Below.
    #[error(transparent)]
    Agents(#[from] agents::Error),
    /// Below.
    #[error(transparent)]
    Contacts(#[from] contacts::Error),
    /// Below.
    #[error(transparent)]
    Compliance(#[from] compliance::Error),
    /// Below.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// Below.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// Below.
    #[error(transparent)]
    Vault(vault::Error),
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Error {
        match error {
            vault::Error::NoKey { .. } => Error::Erased,
            other => Error::Vault(other),
        }
    }
}

impl From<Error> for web::Problem {
    fn from(error: Error) -> web::Problem {
        match error {
            // What was erased is gone, as if it had never been.
            Error::NotFound | Error::Erased => web::Problem::not_found(),
            Error::TooLong { field, .. } => web::Problem::field(field, error.to_string()),
            Error::Empty => web::Problem::field("text", error.to_string()),
            Error::NotPublished | Error::Ended | Error::NotNow(_) => web::Problem::conflict(format!("{error}.")),
            Error::Busy => web::Problem::unavailable("The conversation is busy.", 1),
            Error::Agents(error) => error.into(),
            Error::Contacts(error) => error.into(),
            Error::Identity(error) => error.into(),
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Unreadable(_) | Error::Compliance(_) => web::Problem::internal(error),
        }
    }
}
