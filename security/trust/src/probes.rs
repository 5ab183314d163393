//! Every probe of this version. Each looks at the running system in its own way, and each has tests that break what it guards.

mod access_review;
mod allowlist;
mod altered_object;
mod audit_log;
mod consent;
mod cross_site;
mod data_folder;
mod default_deny;
mod embed_origin;
mod emergency;
mod expiring_links;
mod firewall;
mod headers;
mod integrity_scrub;
mod key_bytes;
mod key_rotation;
mod leaked_key;
mod lock;
mod oldest_tls;
mod operators;
mod other_organization;
mod patched;
mod phone_flood;
mod plain_calls;
pub mod ports;
mod provisioning;
mod rate_limit;
mod release_list;
mod roles;
pub mod sealed_at_rest;
mod second_factor;
mod session_end;
mod step_up;
mod strict_transport;
mod support_access;
mod surfaces;
mod test_keys;
mod walls;
mod ways;
mod widget_notice;
mod write_only_secrets;

use std::sync::Arc;

use crate::client::Client;
use crate::finding::Finding;
use crate::probe::{Probe, ProbeContext};
use crate::release::Components;

pub use oldest_tls::presented_certificate;

/// All probes.
pub fn all() -> Vec<Arc<dyn Probe>> {
    vec![
        Arc::new(default_deny::DefaultDeny),
        Arc::new(roles::Roles),
        Arc::new(operators::Operators),
        Arc::new(support_access::SupportAccess(support_access::Granted)),
        Arc::new(key_bytes::KeyBytes(key_bytes::Hashed)),
        Arc::new(key_rotation::KeyRotation(key_rotation::Authenticated)),
        Arc::new(leaked_key::LeakedKey(leaked_key::Reported)),
        Arc::new(test_keys::TestKeys),
        Arc::new(provisioning::Provisioning),
        Arc::new(access_review::AccessReview(access_review::Counted)),
        Arc::new(session_end::SessionEnd(session_end::Authenticated)),
        Arc::new(second_factor::SecondFactor),
        Arc::new(step_up::StepUpAsked),
        Arc::new(lock::Lock(lock::Authenticated)),
        Arc::new(cross_site::CrossSite),
        Arc::new(rate_limit::RateLimit),
        Arc::new(allowlist::Networks),
        Arc::new(firewall::Firewall),
        Arc::new(other_organization::OtherOrganization),
        Arc::new(walls::Walls(walls::Inspected)),
        Arc::new(embed_origin::EmbedOrigin(embed_origin::Admitted)),
        Arc::new(widget_notice::WidgetNotice),
        Arc::new(altered_object::AlteredObject(altered_object::Sealed)),
        Arc::new(expiring_links::ExpiringLinks(expiring_links::Signed)),
        Arc::new(sealed_at_rest::SealedAtRest(sealed_at_rest::Vaulted)),
        Arc::new(write_only_secrets::WriteOnlySecrets),
        Arc::new(integrity_scrub::IntegrityScrub(integrity_scrub::Scrubbed)),
        Arc::new(consent::ConsentValve(consent::Consented)),
        Arc::new(emergency::Emergency(emergency::Permitted)),
        Arc::new(plain_calls::PlainCalls(plain_calls::Dialled)),
        Arc::new(phone_flood::PhoneFlood(phone_flood::Guarded)),
        Arc::new(headers::Headers),
        Arc::new(ports::Ports),
        Arc::new(surfaces::Surfaces(crate::surface::all())),
        Arc::new(oldest_tls::OldestTls),
        Arc::new(strict_transport::StrictTransport),
        Arc::new(ways::Ways(ways::Running)),
        Arc::new(release_list::ReleaseNews(release_list::accepted)),
        Arc::new(patched::Patched(Components::of_this_binary())),
        Arc::new(audit_log::AuditLog),
    ]
}

/// A client of this server, or the finding that says why there is none.
fn client(context: &ProbeContext) -> Result<Client, Finding> {
    let Some(base_url) = &context.base_url else {
        return Err(Finding::not_measured("This process serves no HTTP, so there is nothing to ask."));
    };
    Client::new(base_url, context.mark.as_ref()).map_err(Finding::not_measured)
}

#[cfg(test)]
pub(crate) mod testing;
