//! What the tests of this part share.

pub(crate) mod fixture;
