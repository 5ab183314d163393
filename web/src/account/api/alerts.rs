//! `/v1/alerts`: what was noticed and somebody must look at.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use identity::alert::{self, Alert};
use identity::{Caller, Permission, place};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::guard::Gate;
use crate::instant::to_rfc3339;
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, PageQuery, Path, Problem, Query};

pub(super) fn routes() -> Routes<Gate> {
    let settle = Audited::Change("alert.settle");
    Routes::new()
        .get("/v1/alerts", Access::Member, Audited::Read("alert.list"), list_alerts)
        .get("/v1/alerts/{id}", Access::Member, Audited::Read("alert.read"), get_alert)
        // A thief would press this button: the person confirms first who they are.
        .post("/v1/alerts/{id}/own", Access::Member, settle, was_mine)
        .step_up()
        .post("/v1/alerts/{id}/lock", Access::Member, settle, lock)
        .post("/v1/alerts/{id}/seen", Access::Permission(Permission::MemberWrite), settle, seen)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_alerts, get_alert, was_mine, lock, seen))]
pub(super) struct Description;

/// Something that was noticed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertView {
    id: Uuid,
    /// `concurrent_places`: one person was seen in two networks with two devices within ten minutes. `key_leaked`: a key was
    /// reported as leaked, and stopped.
    kind: &'static str,
    /// The session or key that it is about.
    subject: Uuid,
    /// The person who can say whether it was them.
    user_id: Option<Uuid>,
    /// What more there is to say.
    facts: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    raised_at: String,
    /// `open`, `own` (it was them), `locked` (they were locked out) or `seen`.
    state: &'static str,
    /// Who settled it.
    settled_by: Option<Uuid>,
    #[schema(format = DateTime)]
    settled_at: Option<String>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.kind.as_str(),
            subject: alert.subject,
            user_id: alert.user,
            facts: alert.detail.facts.into_iter().collect(),
            raised_at: to_rfc3339(alert.raised_at),
            state: alert.state.as_str(),
            settled_by: alert.settled_by,
            settled_at: alert.settled_at.map(to_rfc3339),
        }
    }
}

/// What was noticed, newest first: all of the organization's for those who may read its members, else your own.
#[utoipa::path(get, path = "/v1/alerts", tag = "alerts", params(PageQuery), responses((status = 200, body = Page<AlertView>)))]
async fn list_alerts(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AlertView>>, Problem> {
    let alerts = alert::list(&gate.platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(alerts, &query, |alert| alert.id).map(AlertView::from)))
}

/// One alert.
#[utoipa::path(get, path = "/v1/alerts/{id}", tag = "alerts", params(("id" = Uuid, Path)), responses((status = 200, body = AlertView)))]
async fn get_alert(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<AlertView>, Problem> {
    Ok(Json(alert::get(&gate.platform, &caller, id).await?.into()))
}

/// It was you, in both places: they are known for 90 days. Only the person concerned can say so.
#[utoipa::path(post, path = "/v1/alerts/{id}/own", tag = "alerts", params(("id" = Uuid, Path)), responses((status = 204), (status = 409, description = "Settled already, or about somebody else")))]
async fn was_mine(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    place::was_mine(&gate.platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a lock ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockedView {
    /// The incident that says so: see `/v1/incidents`.
    incident_id: Uuid,
    /// Signed-in browsers.
    sessions: u64,
    /// API keys that they answered for, revoked for good.
    keys: u64,
    /// Invitations that they had open.
    invitations: u64,
    /// One-time links about them.
    links: u64,
    /// Widgets that they made.
    widgets: u64,
}

/// It was somebody else, or nobody knows: the person is locked out. Their sessions, one-time links, keys, widgets and open
/// invitations end at once, and an incident is opened about it. They sign in anew with their own factors.
#[utoipa::path(post, path = "/v1/alerts/{id}/lock", tag = "alerts", params(("id" = Uuid, Path)), responses((status = 200, body = LockedView), (status = 409, description = "Settled already, or about nobody")))]
async fn lock(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<LockedView>, Problem> {
    let locked = place::lock(&gate.platform, &caller, id).await?;
    Ok(Json(LockedView {
        incident_id: locked.incident,
        sessions: locked.ended.sessions,
        keys: locked.ended.keys,
        invitations: locked.ended.invitations,
        links: locked.ended.links,
        widgets: locked.ended.belongings,
    }))
}

/// Somebody has looked at an alert about which nothing is left to do.
#[utoipa::path(post, path = "/v1/alerts/{id}/seen", tag = "alerts", params(("id" = Uuid, Path)), responses((status = 204), (status = 409, description = "Settled already, or somebody must decide")))]
async fn seen(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    alert::mark_seen(&gate.platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
