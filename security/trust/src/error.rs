//! What can go wrong here: the published promises cannot be read, or their evidence cannot be stored.

/// An error of this part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of `promises/` is not what it should be; a test of this package finds that before any release.
    #[error("promises/{file}.toml: {why}")]
    Promises {
        /// The file without its ending.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database refused.
    #[error("the evidence of probes could not be read or stored: {0}")]
    Storage(#[from] storage::Error),
    /// The audit log refused.
    #[error("what the probes found could not be written into the audit log: {0}")]
    Audit(#[from] audit::Error),
}
