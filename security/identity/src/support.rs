//! Support access: what whoever runs the installation may look at within an organization, because that organization allowed
//! it: which permissions, of which objects, for how long, and why.
//!
//! Nothing but a grant opens an organization to an operator. A grant lives for [`MAXIMUM_HOURS`] at most, only lets look
//! ([`is_grantable`]), and is judged afresh at every request, so that revoking it works at once.

mod store;

use storage::Timestamp;
use uuid::Uuid;

use crate::{Error, Permission, Result};

pub use store::{
    Looking, OpenGrant, Operator, STATEMENTS, SUPPORT_GRANT, SUPPORT_SESSION, TABLES, end_session, end_sessions_of,
    grant, list, looking, open, open_grants, revoke,
};
pub(crate) use store::{by_token, revoke_within};

/// A grant lives so long at most.
pub const MAXIMUM_HOURS: i64 = 72;
/// What a form proposes.
pub const USUAL_HOURS: i64 = 4;
/// One support session lives so long at most; the grant may allow another.
pub const SESSION_SECONDS: i64 = 60 * 60;
/// Objects that one grant may be narrowed to.
pub const MAXIMUM_OBJECTS: usize = 20;
/// Grants of one organization that are good at a time.
pub const MAXIMUM_GRANTS: i64 = 20;
/// Characters of a reason.
pub const MAXIMUM_REASON_LENGTH: usize = 500;
/// How every token of a support session begins.
pub const TOKEN_PREFIX: &str = "rf_support_";

/// May an organization let support have this? Only what looks, and nothing that is about people's access: support never
/// changes anything, and never sees keys, members, the bill or who else was let in.
pub const fn is_grantable(permission: Permission) -> bool {
    match permission {
        Permission::AgentRead
        | Permission::KnowledgeRead
        | Permission::ConversationRead
        | Permission::CallRead
        | Permission::RecordingListen
        | Permission::TranscriptRead
        | Permission::ContactRead
        | Permission::LeadRead
        | Permission::BookingRead
        | Permission::TicketRead
        | Permission::NumberRead
        | Permission::WidgetRead
        | Permission::SettingsRead => true,
        Permission::AgentWrite
        | Permission::AgentPublish
        | Permission::KnowledgeWrite
        | Permission::ConversationAnswer
        | Permission::CallPlace
        | Permission::ContactWrite
        | Permission::LeadWrite
        | Permission::BookingWrite
        | Permission::TicketWrite
        | Permission::NumberWrite
        | Permission::WidgetWrite
        | Permission::KeyRead
        | Permission::KeyWrite
        | Permission::MemberRead
        | Permission::MemberWrite
        | Permission::MemberProvision
        | Permission::ProvisioningWrite
        | Permission::AuditRead
        | Permission::SettingsWrite
        | Permission::SingleSignOnWrite
        | Permission::VaultWrite
        | Permission::SupportRead
        | Permission::SupportWrite
        // No route asks for it yet, and a grant that opens nothing would only look as if it did.
        | Permission::AnalyticsRead
        | Permission::BillingRead
        | Permission::BillingWrite => false,
    }
}

/// What a grant reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    permissions: Vec<Permission>,
    objects: Vec<Uuid>,
}

impl Scope {
    /// A scope that may be granted: at least one permission, only grantable ones, and at most [`MAXIMUM_OBJECTS`] objects
    /// (calls, recordings, conversations …). No objects means all of them.
    pub fn new(permissions: &[Permission], objects: &[Uuid]) -> Result<Self> {
        if permissions.is_empty() {
            return Err(Error::invalid("permissions", "Choose at least one thing that support may look at."));
        }
        if let Some(refused) = permissions.iter().find(|permission| !is_grantable(**permission)) {
            let reason = format!("Support can never have {}; it only looks.", refused.dotted());
            return Err(Error::invalid("permissions", reason));
        }
        if objects.len() > MAXIMUM_OBJECTS {
            return Err(Error::invalid("objects", format!("Name at most {MAXIMUM_OBJECTS} objects.")));
        }
        Ok(Self::as_stored(permissions, objects))
    }

    /// A scope as it was found, whatever it says: [`Self::permits`] looks again.
    pub fn as_stored(permissions: &[Permission], objects: &[Uuid]) -> Self {
        let (mut permissions, mut objects) = (permissions.to_vec(), objects.to_vec());
        permissions.sort_unstable();
        permissions.dedup();
        objects.sort_unstable();
        objects.dedup();
        Self { permissions, objects }
    }

    /// Does it hold this permission, and is this one that support may have at all?
    pub fn permits(&self, permission: Permission) -> bool {
        is_grantable(permission) && self.permissions.contains(&permission)
    }

    /// Does it reach a request about these objects? A narrowed scope reaches only requests that name objects, each of them
    /// among its own: no lists, no overviews.
    pub fn covers(&self, asked: &[Uuid]) -> bool {
        self.objects.is_empty() || (!asked.is_empty() && asked.iter().all(|object| self.objects.contains(object)))
    }

    /// What it permits, in the order of the matrix.
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The objects it is narrowed to; none means all.
    pub fn objects(&self) -> &[Uuid] {
        &self.objects
    }

    /// The permissions as stored: dotted names with spaces between.
    fn permission_words(&self) -> String {
        self.permissions.iter().map(|permission| permission.dotted()).collect::<Vec<_>>().join(" ")
    }

    /// The objects as stored: identifiers with spaces between.
    fn object_words(&self) -> String {
        self.objects.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ")
    }

    /// A stored scope. A permission that this version does not know permits nothing here; an object that cannot be read
    /// must not widen the scope to all, so it is an error.
    fn parse(permissions: &str, objects: &str) -> Option<Self> {
        let permissions: Vec<Permission> = permissions.split_whitespace().filter_map(Permission::parse).collect();
        let objects: Vec<Uuid> =
            objects.split_whitespace().map(Uuid::try_parse).collect::<std::result::Result<_, _>>().ok()?;
        Some(Self::as_stored(&permissions, &objects))
    }
}

/// What an Owner or Admin asks to grant.
#[derive(Debug, Clone)]
pub struct NewGrant<'a> {
    /// What it reaches.
    pub scope: Scope,
    /// How long it lives, 1 to [`MAXIMUM_HOURS`].
    pub hours: i64,
    /// Why, in the organization's words; stored sealed.
    pub reason: &'a str,
}

impl NewGrant<'_> {
    /// The reason, trimmed and bounded; the hours, within their limits.
    fn checked(&self) -> Result<String> {
        let reason = self.reason.trim();
        let length = reason.chars().count();
        if length == 0 || length > MAXIMUM_REASON_LENGTH {
            let words = format!("Say in 1 to {MAXIMUM_REASON_LENGTH} characters what support shall look at, and why.");
            return Err(Error::invalid("reason", words));
        }
        if reason.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\r') {
            return Err(Error::invalid("reason", "Use letters, digits and signs only."));
        }
        if !(1..=MAXIMUM_HOURS).contains(&self.hours) {
            return Err(Error::invalid("hours", format!("Give 1 to {MAXIMUM_HOURS} hours.")));
        }
        Ok(reason.to_owned())
    }
}

/// A grant as the organization sees it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its row.
    pub id: Uuid,
    /// What it reaches.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The person who granted it; none when a key did.
    pub granted_by: Option<Uuid>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// Is it good at this time?
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests;
