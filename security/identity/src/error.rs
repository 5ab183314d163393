//! What can go wrong here, without a secret and without personal data.

use crate::password::Weakness;
use crate::password::breached::BreachedError;

/// An error of identity.
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
    /// A field of a form or request that cannot be taken; the words are for the person who filled it in.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field's name in the request.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The one-time token is unknown, used or expired; which of these is not said.
    #[error("this link was used already or has expired")]
    TokenRefused,
    /// Who they are was shown, and every organization of theirs asks for its own provider.
    #[error("Your organization asks for single sign-on: choose that way to sign in.")]
    SingleSignOnRequired,
    /// What the caller showed was stopped since the request came in, or means something else now.
    #[error("what you are known by was stopped or changed meanwhile")]
    Stopped,
    /// The caller would hand out more than they hold.
    #[error("nobody can grant more than they may do themselves")]
    BeyondOwnRole,
    /// An operator with support access tried to change something.
    #[error("support may look, and change nothing")]
    SupportOnlyLooks,
    /// Another user has this e-mail address.
    #[error("this e-mail address is taken")]
    EmailTaken,
    /// There is no such thing in the caller's organization.
    #[error("there is no such thing here")]
    NotFound,
    /// What is asked for contradicts what is there; the words say what to do instead.
    #[error("{0}")]
    Conflict(&'static str),
    /// The imported set of breached passwords cannot be read, so no new password is taken.
    #[error("new passwords cannot be checked at the moment: whoever runs this server finds why in its log")]
    Breached(#[from] BreachedError),
    /// Too many passwords are being checked, there is no memory for another, or the server is stopping.
    #[error("too many people are signing in at this moment; try again")]
    Busy,
}

/// A result of identity.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A field that cannot be taken.
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

impl From<Weakness> for Error {
    fn from(weakness: Weakness) -> Self {
        Self::invalid("password", weakness.to_string())
    }
}
