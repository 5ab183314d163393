//! Organizations as whoever runs the installation sees them: names, states and counts, never what is in them.

use audit::{Actor, ActorKind};
use storage::{OrganizationId, Timestamp};
use uuid::Uuid;

use crate::store::{ORGANIZATION_SET_STATE, ORGANIZATIONS_COUNTED};
use crate::support::Operator;
use crate::{Caller, Platform, Result};

/// Where an organization stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Works.
    Active,
    /// Stopped by the operator: nobody signs in and no key is good.
    Suspended,
}

impl State {
    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// One organization from outside.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Its id.
    pub id: OrganizationId,
    /// Its public name.
    pub name: String,
    /// Does it work?
    pub is_active: bool,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// Active members.
    pub members: i64,
    /// Keys that are not revoked.
    pub keys: i64,
}

/// The organizations by age, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, after: Option<Uuid>, limit: i64) -> Result<Vec<Counted>> {
    let arguments = [after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&ORGANIZATIONS_COUNTED, &arguments).await?;
    rows.iter()
        .map(|row| {
            Ok(Counted {
                id: OrganizationId(row.uuid("id")?),
                name: row.text("name")?,
                is_active: row.text("state")? == State::Active.as_str(),
                created_at: row.timestamp("created_at")?,
                members: row.integer("members")?,
                keys: row.integer("keys")?,
            })
        })
        .collect()
}

/// Stops an organization or lets it go on, and says so in its own log. `false` when there is none that stands otherwise.
pub async fn set_state(
    platform: &Platform,
    operator: Operator<'_>,
    organization: OrganizationId,
    state: State,
) -> Result<bool> {
    let action = match state {
        State::Active => "organization.resume",
        State::Suspended => "organization.suspend",
    };
    let actor = Actor { kind: ActorKind::Operator, id: Some(operator.id), address: operator.address };
    let caller = Caller::for_channel(organization, actor);
    let mut change = caller.begin(platform, action).await?;
    if change.execute(&ORGANIZATION_SET_STATE, &[organization.into(), state.as_str().into()]).await? == 0 {
        return Ok(false);
    }
    change.commit("organization", Some(organization.0), Vec::new()).await?;
    Ok(true)
}
