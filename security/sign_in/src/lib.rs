//! Signing in: passwords, second factors, passkeys, single sign-on, provisioning and devices.
//!
//! `identity` keeps what an account is and judges every request; here stand the ways in. A session that was opened with one
//! factor where two are asked for reaches only the routes declared `before_second_factor` or `while_enrolling`
//! ([`web::Routes`]), which are all below: the guard enforces it, no page does. How much a session is worth follows from the
//! factors it remembers ([`identity::Assurance`]).

pub mod backup_code;
mod error;
pub mod incident;
pub mod notices;
mod pages;
pub mod passkey;
pub mod password;
pub mod policy;
pub mod provisioning;
pub mod qr;
pub mod reset;
pub mod second_factor;
pub mod totp;

use std::sync::Arc;

use storage::{Schema, Table};
use web::{Gate, Routes};

pub use error::{Error, Result};
use passkey::Passkeys;

/// Every table of signing in, beside those of accounts, which are identity's.
pub const TABLES: &[&Table] = &[&passkey::PASSKEY_CEREMONY];

/// The schema with every table and statement of signing in.
pub fn extend(schema: Schema) -> Schema {
    let schema = schema.with(TABLES, second_factor::STATEMENTS).with(&[], passkey::STATEMENTS);
    schema.with(&[], provisioning::store::STATEMENTS)
}

/// What the pages of signing in need. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// What stands before every route: the platform, the limits, the cookie.
    pub gate: Gate,
    /// The passkeys of this server's name.
    pub passkeys: Passkeys,
    /// This server's own address, as browsers and directories reach it: `https://desk.example`.
    pub base_url: Arc<str>,
}

impl SignIn {
    /// Signing in at this server, whose own address is `base_url`.
    pub fn new(gate: Gate, base_url: &str) -> Self {
        Self { gate, passkeys: Passkeys::at(base_url), base_url: base_url.trim_end_matches('/').into() }
    }
}

/// The descriptions of the JSON routes.
pub fn descriptions() -> Vec<utoipa::openapi::OpenApi> {
    use utoipa::OpenApi as _;
    vec![
        policy::api::Description::openapi(),
        incident::api::Description::openapi(),
        provisioning::keys::Description::openapi(),
        notices::api::Description::openapi(),
    ]
}

/// Every route of signing in.
pub fn routes() -> Routes<SignIn> {
    Routes::new()
        .merge(pages::routes())
        .merge(second_factor::pages::routes())
        .merge(passkey::pages::routes())
        .merge(password::pages::routes())
        .merge(policy::pages::routes())
        .merge(policy::api::routes())
        .merge(incident::pages::routes())
        .merge(incident::api::routes())
        .merge(provisioning::api::routes())
        .merge(provisioning::keys::routes())
        .merge(provisioning::pages::routes())
        .merge(reset::pages::routes())
        .merge(notices::pages::routes())
        .merge(notices::api::routes())
}
