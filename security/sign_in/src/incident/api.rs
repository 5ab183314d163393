//! `/v1/incidents`.

use axum::extract::State;
use http::StatusCode;
use identity::incident::{self, Incident};
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::routes::{Access, Audited, Routes};
use web::{Json, Page, Problem};

use crate::SignIn;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/v1/incidents", read, Audited::Read("incident.list"), list_incidents)
        .post("/v1/incidents", write, Audited::Change("organization.lock"), report_incident)
        .free_text(&["reason"])
        .step_up()
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_incidents, report_incident))]
pub struct Description;

/// A reported compromise.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentView {
    id: Uuid,
    /// The one person who was locked out; none when it was the whole organization.
    person_id: Option<Uuid>,
    /// What was reported.
    reason: String,
    /// When it was locked.
    #[schema(format = DateTime)]
    opened_at: String,
    /// Who did; none when it was a program or the machine's operator.
    opened_by: Option<Uuid>,
    /// When the organization was opened again; for one person the moment of the lock, after which they sign in anew.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
    /// Sessions that ended.
    sessions: i64,
    /// Keys that were revoked.
    keys: i64,
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        Self {
            id: incident.id,
            person_id: incident.person,
            reason: incident.reason,
            opened_at: to_rfc3339(incident.opened_at),
            opened_by: incident.opened_by,
            closed_at: incident.closed_at.map(to_rfc3339),
            sessions: incident.sessions,
            keys: incident.keys,
        }
    }
}

/// What was seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentRequest {
    /// What was seen, for those who look into it.
    #[schema(max_length = 1000)]
    reason: String,
}

/// The compromises that were reported; there are few, so there is one page.
#[utoipa::path(get, path = "/v1/incidents", tag = "incidents", responses((status = 200, body = Page<IncidentView>)))]
async fn list_incidents(State(state): State<SignIn>, caller: Caller) -> Result<Json<Page<IncidentView>>, Problem> {
    let incidents = incident::list(&state.gate.platform, &caller).await?;
    let data = incidents.into_iter().map(IncidentView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// Reports a compromise and locks the organization at once: every session ends, every key is revoked for good, and nothing is
/// answered for it, by phone or chat, until its operator prints the link that opens it again. This key dies, too.
#[utoipa::path(post, path = "/v1/incidents", tag = "incidents", request_body = IncidentRequest, responses((status = 201, body = IncidentView)))]
async fn report_incident(
    State(state): State<SignIn>,
    caller: Caller,
    Json(report): Json<IncidentRequest>,
) -> Result<(StatusCode, Json<IncidentView>), Problem> {
    let incident = incident::lock(&state.gate.platform, &caller, &report.reason).await?;
    Ok((StatusCode::CREATED, Json(incident.into())))
}
