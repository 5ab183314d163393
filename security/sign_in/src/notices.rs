//! What people are told about changes of their account, over HTTP.

pub mod api;
pub mod pages;
