//! The organization's rules for signing in, as page and as JSON.

pub mod api;
pub mod pages;
