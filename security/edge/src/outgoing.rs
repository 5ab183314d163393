//! Requests that this server sends to addresses which somebody else has chosen: a site to read, an identity provider to
//! ask. [`reach`] says which addresses, [`client`] connects to those and to nothing else.

pub mod client;
pub mod reach;

pub use client::{Outgoing, OutgoingError, Resolve, Resolving};
pub use reach::{AddressError, Reach};
