//! What can go wrong with knowledge, in words for its owner; none holds the content of a document.

use web::{FieldError, Problem};

use super::client::CrawlError;
use super::document::ReadError;
use super::source::ATTESTATION;

/// An error of knowledge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such document (or agent) in this organization.
    #[error("there is no such document")]
    NotFound,
    /// The right to use the material was not stated.
    #[error("the right to use the material was not stated")]
    NotAttested,
    /// A field that cannot be taken; the words are for whoever filled it in.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The document cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The site cannot be read.
    #[error(transparent)]
    Crawl(#[from] CrawlError),
    /// A limit of the agent or the document is reached.
    #[error("{0}")]
    Full(String),
    /// Only a site can be read again.
    #[error("only a site can be read again; add a changed file as a new document")]
    NotASite,
    /// It is being read already.
    #[error("the document is being read already")]
    Busy,
    /// A stored row cannot be understood: a fault of ours.
    #[error("a stored document cannot be understood: {0}")]
    Stored(&'static str),
    /// Work that runs aside was stopped.
    #[error("the server is stopping")]
    Stopping,
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Callers and changes.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

/// A result of knowledge.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::NotAttested => {
                let detail = format!("Send true to state: {ATTESTATION}");
                Self::unprocessable(
                    "Material is taken only with a statement of the right to use it.",
                    vec![FieldError::new("attested", detail)],
                )
            }
            Error::Invalid { field, reason } => Self::field(field, reason),
            Error::Read(ReadError::TooLarge { limit }) => Self::too_large(limit),
            Error::Read(error) => Self::field("file", error.to_string()),
            Error::Crawl(error) => Self::field("url", error.to_string()),
            Error::Full(detail) => Self::conflict(detail),
            Error::NotASite | Error::Busy => Self::conflict(error.to_string()),
            Error::Stored(_) => Self::internal(error),
            Error::Stopping => Self::unavailable("The server is stopping.", 30),
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Identity(error) => error.into(),
        }
    }
}
