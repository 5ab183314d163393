//! Support access as the organization sees it: granting, ending, watching; and the page where a support session begins.

mod api;
mod pages;

use identity::support::{self, Grant, NewGrant};
use identity::{Caller, Permission, Platform};
use uuid::Uuid;
use web::live::{Live, LiveEvent};
use web::routes::Routes;
use web::{Gate, Problem};

pub use api::Description;

/// What these routes need. Cheap to clone.
#[derive(Clone)]
pub struct SupportAccess {
    /// The platform, and how browsers keep a session.
    pub gate: Gate,
    /// Where open pages hear that somebody looks, or looks no more.
    pub live: Live,
}

/// Every route of support access on the organizations' side.
pub fn routes() -> Routes<SupportAccess> {
    api::routes().merge(pages::routes())
}

impl SupportAccess {
    fn platform(&self) -> &Platform {
        &self.gate.platform
    }

    async fn grant(&self, caller: &Caller, new: &NewGrant<'_>) -> Result<Grant, Problem> {
        Ok(support::grant(self.platform(), caller, new).await?)
    }

    async fn revoke(&self, caller: &Caller, id: Uuid) -> Result<bool, Problem> {
        let revoked = support::revoke(self.platform(), caller, id).await?;
        self.tell(caller, id);
        Ok(revoked)
    }

    async fn end(&self, caller: &Caller, session: Uuid) -> Result<bool, Problem> {
        let ended = support::end_session(self.platform(), caller, session).await?;
        self.tell(caller, session);
        Ok(ended)
    }

    /// Open pages look again who looks.
    fn tell(&self, caller: &Caller, subject: Uuid) {
        let event = LiveEvent::new("support", Permission::AnalyticsRead, subject, serde_json::Value::Null);
        self.live.publish(caller.organization(), event);
    }
}
