//! Contacts: the people who call and write.
//!
//! Each contact is one person with one key: what is known of them, and every conversation with them, is sealed with it, so
//! that destroying the key erases them. Telephone numbers and e-mail addresses are found by keyed indexes only. What a caller
//! or visitor says about themselves is a claim: another contact with the same number or address is linked, never merged.

pub mod api;
pub mod contact;
pub mod pages;
pub mod store;

pub use self::api::{Description, routes};
pub use self::contact::{Contact, ContactSource, Details, Error};
pub use self::store::{CONTACT, STATEMENTS, TABLES};
