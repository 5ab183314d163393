//! The operator plane: who runs the installation, apart from every organization, and what support may see when one allows it.
//!
//! It has accounts, sessions, a cookie, permissions and a listener of its own: [`router`] is served on the loopback address
//! `admin` and nowhere else. An operator is in no organization and [`OperatorPermission`] names no content, so there is
//! nothing to forget: the one way from here into an organization is [`identity::support`], by that organization's grant.
//! Nobody passes with a password alone, and a role works only while its holder's training stands in the register.

pub mod access;
pub mod account;
mod caller;
mod door;
mod error;
mod pages;
mod role;
pub mod session;
pub mod store;
pub mod training;

use std::sync::Arc;

use web::Gate;
use web::live::Live;

pub use caller::{OperatorCaller, OperatorChange};
pub use door::{OperatorAccess, OperatorRule};
pub use error::{Error, Result};
pub use role::{OperatorPermission, OperatorRole, Standing, allows};
pub use store::{STATEMENTS, TABLES};

/// One figure of the node, in words.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What.
    pub name: &'static str,
    /// How much.
    pub value: String,
}

/// What the pages of the operator plane need. Cheap to clone.
#[derive(Clone)]
pub struct Plane {
    /// The platform, the limits, and what serves the stylesheets.
    pub gate: Gate,
    /// Where organizations hear that support looks.
    pub live: Live,
    /// The address of the dashboard, where support sessions open.
    pub base_url: Arc<str>,
    /// The node's figures of this moment: health and load, nothing of anybody.
    pub figures: Arc<dyn Fn() -> Vec<Figure> + Send + Sync>,
}

/// The pages of the operator plane behind their door. For the loopback listener only.
pub fn router(plane: &Plane) -> axum::Router {
    door::into_router(pages::routes(), plane)
}

/// Every declaration of the operator plane, for the tests that walk them.
pub fn table() -> Vec<OperatorRule> {
    pages::routes().table()
}
