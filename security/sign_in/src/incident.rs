//! Reporting a compromise: the organization is locked with one press, and opened again by the machine's one-time link.

pub mod api;
pub mod pages;
