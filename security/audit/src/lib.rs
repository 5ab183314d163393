//! A Merkle log of who did what, with signed checkpoints.
//!
//! Every change in the house appends one [`Entry`] in the same transaction. The entries of all organizations form one tree
//! (RFC 6962), whose root is signed now and then and written outside the database. Each organization reads and exports its
//! own entries, with proofs that they are in that tree; nobody sees those of others. [`verify::verify`] checks all of it
//! without any secret, and `verify.py` beside this crate checks an export without any of our code.

pub mod checkpoint;
pub mod entry;
mod error;
pub mod log;
mod store;
#[cfg(test)]
mod tests;
pub mod verify;

pub use entry::{Actor, ActorKind, Entry, Outcome};
pub use error::{Error, Result};
pub use store::{
    AuditLog, EntryQuery, InclusionProof, MAXIMUM_PAGE_LENGTH, PersonalValues, STATEMENTS, StoredEntry, TABLES,
};
pub use verify::{Evidence, Report};
