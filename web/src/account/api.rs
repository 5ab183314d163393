//! `/v1/keys`, `/v1/leaks`, `/v1/members`, `/v1/invitations`, `/v1/alerts`, `/v1/access-reviews`, `/v1/sessions`,
//! `/v1/organization`.

mod alerts;
mod keys;
mod members;
mod reviews;

use axum::extract::State;
use http::StatusCode;
use identity::session::Session;
use identity::{Caller, Role, member, session};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::guard::Gate;
use crate::instant::{from_rfc3339, to_rfc3339};
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, Path, Problem};

/// The routes.
pub fn routes() -> Routes<Gate> {
    keys::routes()
        .merge(members::routes())
        .merge(alerts::routes())
        .merge(reviews::routes())
        .get("/v1/sessions", Access::Member, Audited::No("one's own"), list_sessions)
        .delete("/v1/sessions/{id}", Access::Member, Audited::Change("session.revoke"), revoke_session)
        .step_up()
        .get("/v1/organization", Access::Member, Audited::No("its public name"), get_organization)
        .test_keys("the public name of the business; the first thing that a program asks")
}

/// The description of these routes.
pub struct Description;

impl Description {
    /// All of them.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        let mut all = Own::openapi();
        all.merge(keys::Description::openapi());
        all.merge(members::Description::openapi());
        all.merge(alerts::Description::openapi());
        all.merge(reviews::Description::openapi());
        all
    }
}

#[derive(OpenApi)]
#[openapi(paths(list_sessions, revoke_session, get_organization))]
struct Own;

/// A role by name.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum RoleName {
    Owner,
    Admin,
    Manager,
    #[default]
    Viewer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Manager => Self::Manager,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

/// A signed-in browser of yours.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    id: Uuid,
    /// Where it signed in from.
    address: Option<String>,
    /// How the browser names itself.
    agent: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    seen_at: String,
    /// When it ends unless it is used before.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether this request came by it.
    is_current: bool,
}

storage::debug_shows!(struct SessionView { id, agent, created_at, seen_at, expires_at, is_current });

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            address: session.device.address.map(|address| address.to_string()),
            agent: session.device.agent,
            created_at: to_rfc3339(session.created_at),
            seen_at: to_rfc3339(session.seen_at),
            expires_at: to_rfc3339(session.expires_at),
            is_current: session.is_current,
        }
    }
}

/// All your sessions; there are few, so there is one page.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", responses((status = 200, body = Page<SessionView>)))]
async fn list_sessions(State(gate): State<Gate>, caller: Caller) -> Result<Json<Page<SessionView>>, Problem> {
    let sessions = session::list(&gate.platform, &caller).await?;
    let data = sessions.into_iter().map(SessionView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// Ends one of your sessions.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke_session(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let ended = session::revoke(&gate.platform, &caller, id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Your organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationView {
    id: Uuid,
    name: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// The organization that the key or session belongs to.
#[utoipa::path(get, path = "/v1/organization", tag = "organization", responses((status = 200, body = OrganizationView)))]
async fn get_organization(State(gate): State<Gate>, caller: Caller) -> Result<Json<OrganizationView>, Problem> {
    let found = member::organization(&gate.platform, &caller).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(OrganizationView { id: found.id, name: found.name, created_at: to_rfc3339(found.created_at) }))
}

fn instant(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(text).ok_or_else(|| Problem::field(field, "Give a time as in 2026-12-24T18:00:00Z."))
}
