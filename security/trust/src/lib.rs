//! The executable security page: promises, probes and evidence.
//!
//! A [`promise`] is one published sentence; a [`probe`] looks at the running system and says whether it holds; its runs are stored as evidence,
//! and [`page`] shows each sentence with its state, its last run and what was seen. A sentence that nothing looks at cannot be published.

mod canary;
mod client;
mod error;
pub mod finding;
pub mod link;
pub mod page;
pub mod pages;
pub mod probe;
mod probes;
pub mod promise;
pub mod release;
pub mod standing;
mod store;
mod strip;
pub mod surface;
mod verify;
pub mod worker;

pub use error::Error;
pub use finding::{Finding, State};
pub use link::{Link, Protection};
pub use probe::{PhoneDoor, Probe, ProbeContext};
pub use probes::ports::{DeclaredPort, Transport};
pub use probes::presented_certificate;
pub use promise::{Promise, Promises};
pub use store::{STATEMENTS, TABLES, canaries};
pub use verify::{Report, Trust};
