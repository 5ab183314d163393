//! Provisioning by SCIM 2.0 (RFC 7642–7644): an organization's directory adds people, changes what they are called and what
//! they are, stops them, and takes them away.
//!
//! What it promises:
//!
//! - It acts within one organization, by a key that an Owner made for it and that can do nothing else.
//! - It makes, changes and removes no Owner: those who answer for the organization are made by people.
//! - Whoever is set to `active: false` is stopped in the same transaction, and whoever is deleted loses sessions, keys,
//!   widgets, invitations and links in one, exactly as if a person had removed them.
//! - It holds little: the address, names, an identifier of the directory's. Nothing of another organization is visible, and
//!   an account that works elsewhere is not renamed from here.
//! - Each request applies as a whole or not at all; of two at once none is lost, and `If-Match` is judged under the lock.
//!
//! [`filter`], [`patch`], [`user`] and [`group`] are pure; [`store`] is the database, [`api`] the door below `/scim/v2`,
//! [`pages`] and [`keys`] what people see of it.

pub mod answer;
pub mod api;
pub mod attribute;
pub mod filter;
pub mod group;
pub mod keys;
pub mod pages;
pub mod patch;
pub mod path;
pub mod refusal;
pub mod store;
pub mod user;

/// Where it is served, from the server's own address on.
pub const PREFIX: &str = "/scim/v2";
/// Resources on a page at most, and unless fewer are asked for.
pub const MAXIMUM_PAGE: usize = 200;
/// Values of one attribute in one request.
pub const MAXIMUM_VALUES: usize = 1_000;
/// Characters of a string.
pub const MAXIMUM_TEXT_LENGTH: usize = 254;
/// Bytes of a body about users.
pub const USER_BYTES: usize = 64 * 1024;
/// Bytes of a body about groups: [`MAXIMUM_VALUES`] members with everything that directories send about each.
pub const GROUP_BYTES: usize = 256 * 1024;
