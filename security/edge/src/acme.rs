//! Certificates by ACME (RFC 8555) with http-01 challenges: ordered when there is none, renewed when a third of its life is
//! left, tried again with growing pauses. Account key and certificate stand in the data folder, for its owner alone.

pub mod client;
mod schedule;
pub mod store;
pub mod testing;
pub mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

pub use schedule::{Pauses, renew_at};

/// Let's Encrypt, the default directory.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How certificates are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The directory's address (`https://…`).
    pub directory: String,
    /// Where the authority may write to (`mailto:…`); may be empty.
    pub contact: String,
    /// A file with the authority's own root in PEM form, for authorities that the system does not know.
    pub ca_file: Option<PathBuf>,
    /// The names that the certificate is for.
    pub names: Vec<String>,
    /// The folder of account and certificate; made with mode 0700.
    pub folder: PathBuf,
}

/// Why no certificate came. Holds what the authority said, which is about names and addresses of this server, not of people.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority cannot be reached, or does not speak ACME.
    #[error("the authority cannot be spoken to: {0}")]
    Reach(String),
    /// The authority says no.
    #[error("the authority refused: {0}")]
    Refused(String),
    /// The authority wants to be left alone for a while (`rateLimited`).
    #[error("the authority wants fewer orders: {0}")]
    TooMany(String),
    /// The authority could not see the answer to its challenge.
    #[error(
        "the authority could not check {name}: {why}; it asks http://{name}/.well-known/acme-challenge/ on port 80"
    )]
    Challenge {
        /// The name.
        name: String,
        /// What it says.
        why: String,
    },
    /// What came is no certificate for these names.
    #[error("the authority sent a certificate that cannot be used: {0}")]
    Unusable(String),
    /// The folder cannot be read or written.
    #[error("{path}: {source}")]
    Folder {
        /// What was touched.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A stored account cannot be read.
    #[error("the account in {0} cannot be read: move it away to register a new one")]
    Account(PathBuf),
}

/// Answers to the challenges that are open now; shared with the listener on port 80.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<RwLock<HashMap<String, String>>>);

impl Challenges {
    /// The key authorization for a token, if this server asked for it.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Answers this token from now on.
    pub fn put(&self, token: &str, key_authorization: &str) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(token.to_owned(), key_authorization.to_owned());
    }

    /// Answers it no more.
    pub fn remove(&self, token: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}
