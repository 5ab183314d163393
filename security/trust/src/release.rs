//! News of versions and weaknesses, believed only when the release key signed them.
//!
//! Whoever publishes versions signs a [`ReleaseList`]: which versions there are, and which versions of the product or of a crate in it
//! have a known weakness. A node reads it from a file or an address, and [`accept`] takes it only from the key that the operator named,
//! within its time, and never an older one than before: no one on the way can forge, hold back or turn back the news. The list is only
//! ever read; nothing is downloaded or installed by it.
//!
//! [`evidence`] is the other half: what a release was built from and which tests it passed, signed by the same kind of key.

pub mod client;
pub mod components;
pub mod evidence;
pub mod list;
pub mod signing_key;
pub mod store;
#[cfg(test)]
pub(crate) mod tests;

use semver::Version;

pub use client::{Source, Watch};
pub use components::Components;
pub use evidence::ReleaseEvidence;
pub use list::{Affected, MAXIMUM_LIFE_SECONDS, Refused, ReleaseList, accept};
pub use signing_key::SigningKey;

/// The product's own name in lists, where its components stand under the names of their crates.
pub const PRODUCT: &str = "ringfence";

/// The version of this binary.
pub fn version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("Cargo builds no package whose version is none")
}
