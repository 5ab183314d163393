//! What can go wrong here, without a secret and without personal data.

use web::Problem;

/// An error of the operator plane.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// Identity: passwords, grants.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// A field that cannot be taken; the words are for the person who filled it in.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There is no such thing.
    #[error("there is nothing here")]
    NotFound,
    /// The second factor is asked no more: too many wrong codes in a row.
    #[error(
        "there were too many wrong codes; whoever runs the machine forgets this factor: ringfence operator forget-factor"
    )]
    FactorStopped,
    /// Somebody would judge their own case.
    #[error("nobody suspends or attests themselves; ask another administrator")]
    OwnCase,
}

/// A result of the operator plane.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A field that cannot be taken.
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Audit(error) => error.into(),
            Error::Identity(error) => error.into(),
            Error::Invalid { field, reason } => Self::field(field, reason),
            Error::NotFound => Self::not_found(),
            Error::OwnCase | Error::FactorStopped => Self::conflict(error.to_string()),
        }
    }
}
