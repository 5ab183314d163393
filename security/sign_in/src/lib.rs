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
pub mod single_sign_on;
pub mod totp;

use std::sync::Arc;

use edge::outgoing::Outgoing;
use storage::{OrganizationId, Schema, Table};
use web::{Gate, Routes};

pub use error::{Error, Result};
use passkey::Passkeys;
use single_sign_on::Addresses;
use single_sign_on::client::Providers;

/// Every table of signing in, beside those of accounts, which are identity's.
pub const TABLES: &[&Table] = &[&passkey::PASSKEY_CEREMONY, &single_sign_on::SINGLE_SIGN_ON_ATTEMPT];

/// The schema with every table and statement of signing in.
pub fn extend(schema: Schema) -> Schema {
    let schema = schema.with(TABLES, second_factor::STATEMENTS).with(&[], passkey::STATEMENTS);
    schema.with(&[], provisioning::store::STATEMENTS).with(&[], single_sign_on::STATEMENTS)
}

/// What the pages of signing in need. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// What stands before every route: the platform, the limits, the cookie.
    pub gate: Gate,
    /// The passkeys of this server's name.
    pub passkeys: Passkeys,
    /// The identity providers of the organizations.
    pub providers: Providers,
    /// This server's own address, as browsers and directories reach it: `https://desk.example`.
    pub base_url: Arc<str>,
}

impl SignIn {
    /// Signing in at this server, whose own address is `base_url`; `outgoing` asks organizations' identity providers.
    pub fn new(gate: Gate, base_url: &str, outgoing: Outgoing) -> Self {
        let providers = Providers::new(outgoing);
        Self { gate, passkeys: Passkeys::at(base_url), providers, base_url: base_url.trim_end_matches('/').into() }
    }

    /// The addresses that an organization gives to its provider.
    pub fn addresses(&self, organization: OrganizationId) -> Addresses {
        Addresses::of(&self.base_url, organization)
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
        single_sign_on::settings::api::Description::openapi(),
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
        .merge(single_sign_on::pages::routes())
        .merge(single_sign_on::settings::pages::routes())
        .merge(single_sign_on::settings::api::routes())
}
