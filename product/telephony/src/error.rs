//! What can go wrong with calls, said without numbers, names or words of anybody.

/// Errors of this part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organization has no such thing (or it belongs to somebody else, which looks the same).
    #[error("not found")]
    NotFound,
    /// The number cannot be dialled by any phone.
    #[error("a number is 1 to 64 letters, digits, `+`, `-`, `.` or `_`")]
    NotDialable,
    /// Somebody has connected that number already.
    #[error("this number is connected already; release it first")]
    NumberTaken,
    /// The agent has no published version, so it cannot speak.
    #[error("the agent has no published version; publish it first")]
    NotPublished,
    /// Too many calls at once.
    #[error("too many calls at once; try again when one has ended")]
    Busy,
    /// There is no way out to the telephone network.
    #[error("no trunk is set, so numbers cannot be called; set `trunk` in the settings file")]
    NoTrunk,
    /// The call may not be placed.
    #[error("this call may not be placed: {0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Who may do what.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] agents::Error),
    /// The conversation.
    #[error(transparent)]
    Conversation(#[from] conversations::Error),
    /// A stored word that this version does not know.
    #[error("table {table} holds an unknown word in column {column}")]
    Stored {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}
