//! What can go wrong with agents and their versions.

use crate::profile::ProfileProblem;

/// Errors of agents and versions; knowledge has its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organization has no such agent or version.
    #[error("there is no such agent")]
    NotFound,
    /// The profile breaks limits or rules.
    #[error("the profile breaks {} limits or rules", .0.len())]
    Profile(Vec<ProfileProblem>),
    /// The draft is no longer the one that was meant.
    #[error("the draft has changed since: its hash is {current} now; look at it again, then publish or save that one")]
    DraftMoved {
        /// Hash of the draft as it stands.
        current: String,
    },
    /// This very draft is published already.
    #[error("this draft is already published")]
    AlreadyPublished,
    /// Too many agents.
    #[error("an organization has at most {0} agents")]
    TooMany(i64),
    /// A stored profile that this version cannot read.
    #[error("a stored profile cannot be read")]
    Unreadable,
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Who may do what.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}
