//! Organizations, users, sessions, keys, and who may do what.
//!
//! The door to every change: a request becomes a [`Caller`] (only [`Authenticator`] makes one from credentials), a caller
//! opens a [`Change`], and a change commits together with exactly one entry in the audit log. Users' addresses, names and
//! password hashes are sealed with the installation's key; e-mail addresses are found by a keyed index.

pub mod access_review;
pub mod alert;
pub mod api_key;
mod assurance;
mod authenticator;
pub mod belonging;
mod caller;
mod change;
mod error;
pub mod external_identity;
pub mod founding;
pub mod incident;
pub mod invitation;
pub mod leak;
pub mod member;
pub mod notice;
pub mod one_time;
pub mod organization;
pub mod password;
pub mod password_change;
pub mod place;
mod platform;
pub mod provider_session;
pub mod reset;
mod role;
pub mod session;
pub mod sign_in;
pub mod sign_in_policy;
mod store;
pub mod support;
pub mod token;
pub mod user;

pub use assurance::{Assurance, Factor, INCOMPLETE_SECONDS, Outstanding, STEP_UP_SECONDS, SignedIn};
pub use authenticator::{Authenticator, Presented};
pub use belonging::Belonging;
pub use caller::{Caller, Credential};
pub use change::Change;
pub use error::{Error, Result};
pub use platform::Platform;
pub use role::{MembershipState, Permission, Role, allows};
pub use store::external::{EXTERNAL_IDENTITY, SINGLE_SIGN_ON};
pub use store::people::PROVISIONED_USER;
pub use store::{
    API_KEY, BACKUP_CODE, FORMER_PASSWORD, INCIDENT, MEMBERSHIP, ONE_TIME_TOKEN, ORGANIZATION, SECOND_FACTOR, SESSION,
    SIGN_IN_POLICY, STATEMENTS, TABLES, USER_ACCOUNT,
};
pub use token::Environment;
pub mod testing;
