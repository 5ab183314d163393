//! Every probe of this version. Each looks at the running system in its own way, and each has tests that break what it guards.

mod altered_object;
mod expiring_links;
mod headers;
pub mod ports;
pub mod sealed_at_rest;

use std::sync::Arc;

use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Probe, ProbeContext};

/// All probes.
pub fn all() -> Vec<Arc<dyn Probe>> {
    vec![
        Arc::new(altered_object::AlteredObject(altered_object::Sealed)),
        Arc::new(expiring_links::ExpiringLinks(expiring_links::Signed)),
        Arc::new(headers::Headers),
        Arc::new(ports::Ports),
        Arc::new(sealed_at_rest::SealedAtRest(sealed_at_rest::Vaulted)),
    ]
}

/// A client of this server, or the finding that says why there is none.
fn client(context: &ProbeContext) -> Result<Client, Finding> {
    let Some(base_url) = &context.base_url else {
        return Err(Finding::not_measured("This process serves no HTTP, so there is nothing to ask."));
    };
    Client::new(base_url).map_err(Finding::not_measured)
}

#[cfg(test)]
pub(crate) mod testing;
