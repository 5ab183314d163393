//! Compliance: what the law and the law-abiding want before a call is recorded or placed.
//!
//! Two permits with private constructors stand here: no media tap opens without a [`consent::ConsentGrant`], no outbound
//! call is placed without a [`dialing::DialPermit`]. Each has exactly one maker. Emergency numbers are our own list and
//! are looked at before anything else.

pub mod consent;
pub mod dialing;
pub mod emergency;
mod store;

pub use self::store::{STATEMENTS, TABLES};

/// What goes wrong here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The answer was not an explicit yes.
    #[error("consent was not given")]
    NotGiven,
    /// The transaction belongs to no organization.
    #[error("consent is written in a transaction of an organization")]
    NoOrganization,
    /// The database failed.
    #[error("the consent could not be stored")]
    Storage(#[from] storage::Error),
}
