//! Everything that can go wrong with keys, said without a secret and without personal data.

use crate::stamp::Stamp;

/// Why the vault refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place of the root key holds none, although the database was made with one.
    #[error(
        "the root key with fingerprint {fingerprint} is missing from {place}: restore it from your backup (nothing can be read without it, and a new key would not help)"
    )]
    RootKeyMissing {
        /// Where it was looked for.
        place: String,
        /// Which key the database asks for.
        fingerprint: String,
    },
    /// The key in this place cannot open this database.
    #[error(
        "the root key from {place} has fingerprint {given}, but this database was made with the key of fingerprint {expected}"
    )]
    WrongRootKey {
        /// Where the key came from.
        place: String,
        /// Fingerprint of the key that was given.
        given: String,
        /// Fingerprint of the key that the database was made with.
        expected: String,
    },
    /// The node was started for another kind of data than there is.
    #[error(
        "this is {stored} data, and the node was started for {wanted} data: start it with `{command}`, or name another data folder or database"
    )]
    OtherStamp {
        /// What the data is.
        stored: Stamp,
        /// What the node was started for.
        wanted: Stamp,
        /// How a node for this data is started.
        command: &'static str,
    },
    /// The root key was made for another kind of data.
    #[error("the root key from {place} was made for {key} data, but this is {stored} data: give each its own root key")]
    OtherStampOfKey {
        /// Where the key came from.
        place: String,
        /// What the key was made for.
        key: Stamp,
        /// What the data is.
        stored: Stamp,
    },
    /// A root key that no file holds is changed where it comes from.
    #[error(
        "the root key comes from {place}, which this program cannot write: put the new key elsewhere and name that place with --to"
    )]
    RootKeyNotOurs {
        /// Where the key comes from.
        place: String,
    },
    /// A rotation of these keys is going on.
    #[error("these keys are being rotated already: let that come to its end")]
    RotationRuns,
    /// A step of a sweep could not be done; it is tried again.
    #[error("a step of a sweep could not be done: {0}")]
    Step(String),
    /// A secret's name or value that cannot be taken.
    #[error("{0}")]
    Secret(&'static str),
    /// The organization has [`crate::MAXIMUM_SECRETS`] secrets.
    #[error("There are as many secrets as an organization can have: delete one that is not used.")]
    SecretsFull,
    /// The root key could not be taken from its place.
    #[error("root key from {place}: {reason}")]
    KeySource {
        /// Where the key should have come from.
        place: String,
        /// What was wrong there.
        reason: String,
    },
    /// The organization's keys were dropped from memory on purpose.
    #[error("this organization is sealed: its data cannot be read until it is unsealed")]
    Sealed,
    /// The database holds no installation's key: nothing was ever sealed in it.
    #[error("this database holds no installation yet: the first `ringfence serve` makes one")]
    NoInstallationKey,
    /// No key of the organization is stored.
    #[error("this organization has no key")]
    NoOrganizationKey,
    /// There is no key for this person or recording: it was never made, or it was destroyed.
    #[error("there is no {kind} key with this id: it was never made or it was destroyed")]
    NoKey {
        /// "person" or "recording".
        kind: &'static str,
    },
    /// The column is not declared as sealed with this kind of key.
    #[error("column {table}.{column} is not declared as sealed with the {kind} key")]
    NotDeclaredSealed {
        /// Table of the field.
        table: &'static str,
        /// Column of the field.
        column: &'static str,
        /// Which key was used.
        kind: &'static str,
    },
    /// The bytes do not open: altered, cut, moved from another place, or sealed with another key.
    #[error("the sealed value of {place} does not open: it was altered, cut, moved or sealed with another key")]
    NotAuthentic {
        /// Table and column, or the kind of object; never its contents.
        place: String,
    },
    /// The value was written in a format that this version does not know.
    #[error("the sealed value of {place} has an unknown format")]
    UnknownFormat {
        /// Table and column, or the kind of object.
        place: String,
    },
    /// Sealed text that is not UTF-8 once opened.
    #[error("the sealed value of {place} is not text")]
    NotText {
        /// Table and column.
        place: String,
    },
    /// The object was never finished: the process ended while it was being written.
    #[error("the sealed object was never finished")]
    Unfinished,
    /// An earlier write of this object failed or was cancelled; what was written until then can be recovered.
    #[error("an earlier write of this sealed object failed or was cancelled")]
    Broken,
    /// The object ends before its header does, so it holds nothing.
    #[error("the sealed object holds no complete header")]
    EmptyObject,
    /// More was written or read than a sealed object may hold.
    #[error("a sealed object holds at most {} bytes", crate::chunked::MAXIMUM_LENGTH)]
    TooLong,
    /// A link that does not open anything.
    #[error(transparent)]
    Link(#[from] crate::expiring_url::LinkError),
    /// The database or the folder of objects refused.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The vault's results.
pub type Result<T> = std::result::Result<T, Error>;
