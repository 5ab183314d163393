//! The house's own routes: keys, members, invitations, alerts, reviews, sessions, the organization, and what browsers report.

pub mod api;
pub mod pages;

use crate::guard::Gate;
use crate::routes::Routes;

/// All of them. Their state is the gate.
pub fn routes() -> Routes<Gate> {
    api::routes().merge(pages::routes())
}
