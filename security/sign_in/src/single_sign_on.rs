//! Single sign-on by OpenID Connect: an organization's members sign in at the organization's own provider.
//!
//! The authorization code flow with PKCE (RFC 7636) and nothing else. A sign-in is bound to the browser that began it, to
//! one organization and to one provider, and ends once. Each organization's answers come to an address of their own, and
//! answers that name another provider are refused (RFC 9207), so that no provider can pass for another. Who somebody is
//! follows from issuer and subject; e-mail addresses only help to find an account the first time
//! ([`identity::external_identity`]). The provider's tokens are read and thrown away: none is stored, none reaches a browser.
//!
//! How long it lasts: a session ends by the same limits as any other ([`identity::session`]), when the provider says that
//! the person has signed out there (back-channel logout), and when an Owner switches single sign-on off. A sign-in at the
//! provider that is older than [`MAXIMUM_AGE_SECONDS`] is not taken where the provider says its age, and sensitive acts are
//! confirmed only by a provider that asks anew.

pub mod arrival;
pub mod claims;
pub mod client;
pub mod discovery;
pub mod logout_token;
pub mod pages;
mod refusal;
pub mod settings;
mod store;

use identity::session::ABSOLUTE_SECONDS;
use storage::OrganizationId;

pub use refusal::Refusal;
pub use settings::{Settings, Wish};
pub use store::{Purpose, SINGLE_SIGN_ON_ATTEMPT, STATEMENTS, Stored, named, of, remove, save};

/// How long somebody may take at their provider.
pub const ATTEMPT_SECONDS: i64 = 10 * 60;
/// A sign-in at the provider counts for so long, which is as long as a session here lasts.
pub const MAXIMUM_AGE_SECONDS: i64 = ABSOLUTE_SECONDS;

/// Where single sign-on begins.
pub const PAGE: &str = "/sign-in/single-sign-on";

/// The addresses of one organization, for its provider's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Where the provider sends people back, to the letter.
    pub redirect: String,
    /// Where it tells that somebody has signed out.
    pub back_channel_logout: String,
}

impl Addresses {
    /// Those of an organization on a server at `base_url`.
    pub fn of(base_url: &str, organization: OrganizationId) -> Self {
        let own = format!("{}{PAGE}/{}", base_url.trim_end_matches('/'), organization.0);
        Self { redirect: format!("{own}/callback"), back_channel_logout: format!("{own}/back-channel-logout") }
    }
}
