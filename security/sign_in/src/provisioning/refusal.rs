//! What a provisioning client can be refused for, in the words of RFC 7644 section 3.12. Which status code stands for which
//! refusal is decided at the door (`api.rs`). No refusal repeats personal data beyond what the client itself just sent.

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The filter cannot be read, or asks about what is not held.
    #[error("{0}")]
    InvalidFilter(String),
    /// The body is no JSON of the shape asked for.
    #[error("{0}")]
    InvalidSyntax(String),
    /// A path of a PATCH cannot be read, or names what does not exist.
    #[error("{0}")]
    InvalidPath(String),
    /// A path of a PATCH selects nothing that could be changed.
    #[error("{0}")]
    NoTarget(String),
    /// A value is missing, or cannot be taken.
    #[error("{0}")]
    InvalidValue(String),
    /// Something that clients cannot change.
    #[error("{0}")]
    Mutability(String),
    /// Another one has the same `userName`.
    #[error("{0}")]
    Uniqueness(String),
    /// More than is done in one request.
    #[error("{0}")]
    TooMany(String),
    /// Nobody may do this by provisioning; the words say who does it instead.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing, or not in this organization.
    #[error("There is no such resource.")]
    NotFound,
    /// It was changed since the client read it.
    #[error("The resource was changed since you read it: read it again, and repeat the change on what it is now.")]
    OtherVersion,
    /// Not part of this server.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// Too often.
    #[error("Too many requests of this kind: wait a moment.")]
    TooOften(u64),
    /// Whatever lies below.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

/// A result of provisioning.
pub type Result<T> = std::result::Result<T, Refusal>;

impl From<storage::Error> for Refusal {
    fn from(error: storage::Error) -> Self {
        Self::Identity(error.into())
    }
}

impl From<vault::Error> for Refusal {
    fn from(error: vault::Error) -> Self {
        Self::Identity(error.into())
    }
}
