//! What can go wrong with widgets and visitors, without secrets and without what anybody said.

use crate::embed_token::Refusal;

/// An error of the chat.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such widget in this organization.
    #[error("there is no such widget")]
    NotFound,
    /// The widget was revoked; it cannot be changed any more.
    #[error("the widget was revoked")]
    Revoked,
    /// The organization has [`crate::widget::WIDGETS_MAX`] widgets.
    #[error("There are as many widgets as an organization can have: revoke some first.")]
    Full,
    /// A field that cannot be taken; the words are for whoever filled it in.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The embed token does not open.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The visitor's pass is missing, unknown or over.
    #[error("the visitor's pass is missing or has ended")]
    NoPass,
    /// The stored list of origins cannot be read: a fault of ours.
    #[error("the stored origins of a widget cannot be read")]
    StoredOrigins,
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Callers and changes.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The conversation.
    #[error(transparent)]
    Conversations(#[from] conversations::Error),
}

impl Error {
    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// A result of the chat.
pub type Result<T> = std::result::Result<T, Error>;
