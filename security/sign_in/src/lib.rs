//! Signing in: passwords, second factors, passkeys, single sign-on, provisioning and devices.
//!
//! `identity` keeps what an account is and judges every request; here stand the ways in. A session that was opened with one
//! factor where two are asked for reaches only the routes declared `before_second_factor` ([`web::Routes`]), which are all
//! below: the guard enforces it, no page does. How much a session is worth follows from the factors it remembers
//! ([`identity::Assurance`]).

mod pages;

use storage::{Statement, Table};
use web::{Gate, Routes};

/// Every table of signing in, beside those of accounts, which are identity's.
pub const TABLES: &[&Table] = &[];
/// Every statement of signing in.
pub const STATEMENTS: &[&Statement] = &[];

/// What the pages of signing in need. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// What stands before every route: the platform, the limits, the cookie.
    pub gate: Gate,
}

impl SignIn {
    /// Signing in at this server, whose own address is `base_url`.
    pub fn new(gate: Gate, base_url: &str) -> Self {
        let _ = base_url;
        Self { gate }
    }
}

/// Every route of signing in.
pub fn routes() -> Routes<SignIn> {
    Routes::new().merge(pages::routes())
}
