//! A Merkle log of who did what, with signed checkpoints.

pub mod checkpoint;
pub mod entry;
mod error;
pub mod log;

pub use entry::{Actor, ActorKind, Entry, Outcome};
pub use error::{Error, Result};
