//! Everything that can go wrong with the log, said without personal data.

/// Why the log refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More facts, or more personal values, than an entry may have.
    #[error("an audit entry has at most {} facts and as many personal values", crate::entry::MAXIMUM_FACTS)]
    TooManyFacts,
    /// A value is longer than it may be.
    #[error("the value of {name} in an audit entry has more than {} bytes", crate::entry::MAXIMUM_VALUE_LENGTH)]
    FactTooLong {
        /// Which value.
        name: &'static str,
    },
    /// What is stored does not fit together; `ringfence audit verify` names the row.
    #[error("the stored audit log does not fit together ({what}); run: ringfence audit verify")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
    /// The log has changed below a checkpoint that was signed: nothing further is signed.
    #[error(
        "the audit log no longer contains what the checkpoint of {size} entries was signed for; run: ringfence audit verify"
    )]
    Inconsistent {
        /// Entries under that checkpoint.
        size: u64,
    },
    /// The folder outside the database could not be used.
    #[error("audit checkpoint file {path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What was wrong.
        reason: String,
    },
    /// There is no entry with this index here.
    #[error("there is no such audit entry")]
    NoEntry,
    /// Keys refused.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The log's results.
pub type Result<T> = std::result::Result<T, Error>;
