//! `/v1/leads` and `/v1/leads.csv`, and the button of the page that gives the same sheet.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::{Access, Audited, Json, Page, Path, Problem, Query, Routes};

use super::store::LeadFilter;
use super::{Lead, LeadState, sheet};
use crate::desk::Desk;
use crate::desk::api::{ByView, GivenView, asked_reference, named, page};

/// Leads that one export holds at most, the last taken first.
const EXPORT_LEADS_MAX: usize = 10_000;
/// Leads read at once for an export.
const EXPORT_LEADS_AT_ONCE: i64 = 500;

/// The routes.
pub fn routes() -> Routes<Desk> {
    let (read, write) = (Access::Permission(Permission::LeadRead), Access::Permission(Permission::LeadWrite));
    Routes::new()
        .get("/v1/leads", read, Audited::Read("lead.list"), list_leads)
        // All of them at once: whoever found a browser open does not take them along.
        .get("/v1/leads.csv", read, Audited::Read("lead.export"), export_leads)
        .step_up()
        .post("/leads/export", read, Audited::Read("lead.export"), export_leads)
        .step_up()
        .get("/v1/leads/{id}", read, Audited::Read("lead.read"), get_lead)
        .patch("/v1/leads/{id}", write, Audited::Change("lead.change"), change_lead)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_leads, export_leads, get_lead, change_lead))]
pub struct Description;

/// A lead.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeadView {
    id: Uuid,
    /// What can be said on the phone.
    reference: String,
    /// `new`, `contacted`, `won` or `lost`.
    state: &'static str,
    agent_id: Uuid,
    contact_id: Uuid,
    conversation_id: Option<Uuid>,
    #[serde(flatten)]
    given: GivenView,
    /// The person was erased: only that a lead came is known.
    erased: bool,
    made_by: ByView,
    changed_by: ByView,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Lead> for LeadView {
    fn from(lead: Lead) -> LeadView {
        LeadView {
            id: lead.id,
            reference: lead.reference,
            state: lead.state.name(),
            agent_id: lead.agent_id,
            contact_id: lead.contact_id,
            conversation_id: lead.conversation_id,
            erased: lead.given.erased,
            given: lead.given.into(),
            made_by: lead.made_by.into(),
            changed_by: lead.changed_by.into(),
            created_at: to_rfc3339(lead.created_at),
            updated_at: to_rfc3339(lead.updated_at),
        }
    }
}

/// Which leads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LeadQuery {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    after: Option<Uuid>,
    /// `new`, `contacted`, `won` or `lost`.
    #[param(pattern = "^(new|contacted|won|lost)$")]
    state: Option<String>,
    /// The one with this reference: six letters and digits; blanks and hyphens between them do not count.
    #[param(pattern = "^(?:[ -]*[CDFGHJKMNPQRTVWXYcdfghjkmnpqrtvwxy34679]){6}[ -]*$")]
    reference: Option<String>,
}

/// A change of a lead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadChange {
    /// `new`, `contacted`, `won` or `lost`.
    #[schema(pattern = "^(new|contacted|won|lost)$")]
    state: String,
}

/// The leads, the last taken first.
#[utoipa::path(get, path = "/v1/leads", tag = "leads", operation_id = "listLeads", params(LeadQuery),
    responses((status = 200, body = Page<LeadView>)))]
async fn list_leads(
    State(desk): State<Desk>,
    caller: Caller,
    Query(query): Query<LeadQuery>,
) -> Result<Json<Page<LeadView>>, Problem> {
    let page = page(query.limit, query.after)?;
    let filter = LeadFilter {
        state: named("state", query.state.as_deref(), LeadState::named)?,
        reference: asked_reference(query.reference.as_deref())?,
    };
    let leads = desk.leads(&caller, &filter, page.before_or_end(), page.fetch()).await?;
    Ok(Json(Page::of(leads, &page, |lead| lead.id).map(LeadView::from)))
}

/// The leads as a sheet (RFC 4180), the last taken first, at most 10,000. Values that a spreadsheet would run as a formula begin
/// with an apostrophe.
#[utoipa::path(get, path = "/v1/leads.csv", tag = "leads", operation_id = "exportLeads",
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_leads(State(desk): State<Desk>, caller: Caller) -> Result<Response, Problem> {
    let mut text = sheet::heading();
    let (mut before, mut count) = (Uuid::max(), 0);
    while count < EXPORT_LEADS_MAX {
        let leads = desk.leads(&caller, &LeadFilter::default(), before, EXPORT_LEADS_AT_ONCE).await?;
        for lead in &leads {
            sheet::line(&mut text, lead);
        }
        count += leads.len();
        let Some(last) = leads.last() else { break };
        before = last.id;
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"leads.csv\""),
    ];
    Ok((headers, text).into_response())
}

/// One lead.
#[utoipa::path(get, path = "/v1/leads/{id}", tag = "leads", operation_id = "getLead", params(("id" = Uuid, Path)),
    responses((status = 200, body = LeadView), (status = 404, body = Problem)))]
async fn get_lead(State(desk): State<Desk>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<LeadView>, Problem> {
    Ok(Json(desk.lead(&caller, id).await?.into()))
}

/// Sets the state of a lead.
#[utoipa::path(patch, path = "/v1/leads/{id}", tag = "leads", operation_id = "changeLead", params(("id" = Uuid, Path)),
    request_body = LeadChange,
    responses((status = 200, body = LeadView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn change_lead(
    State(desk): State<Desk>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<LeadChange>,
) -> Result<Json<LeadView>, Problem> {
    let state = named("state", Some(&wanted.state), LeadState::named)?.ok_or_else(Problem::not_found)?;
    Ok(Json(desk.set_lead(&caller, id, state).await?.into()))
}
