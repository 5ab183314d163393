//! `/v1/tickets`.

use axum::extract::State;
use identity::{Caller, Permission};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::{Access, Audited, Json, Page, Path, Problem, Query, Routes};

use super::store::TicketFilter;
use super::{Assignee, Ticket, TicketChange, TicketKind, TicketState};
use crate::desk::Desk;
use crate::desk::api::{ByView, GivenView, asked_reference, named, page};

/// The routes.
pub fn routes() -> Routes<Desk> {
    let (read, write) = (Access::Permission(Permission::TicketRead), Access::Permission(Permission::TicketWrite));
    Routes::new()
        .get("/v1/tickets", read, Audited::Read("ticket.list"), list_tickets)
        .get("/v1/tickets/{id}", read, Audited::Read("ticket.read"), get_ticket)
        .patch("/v1/tickets/{id}", write, Audited::Change("ticket.change"), change_ticket)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_tickets, get_ticket, change_ticket))]
pub struct Description;

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketView {
    id: Uuid,
    /// What can be said on the phone.
    reference: String,
    /// `problem` or `message`.
    kind: &'static str,
    /// `open`, `in_progress`, `resolved` or `closed`.
    state: &'static str,
    /// The member who sees to it.
    assignee: Option<Uuid>,
    agent_id: Uuid,
    contact_id: Uuid,
    conversation_id: Option<Uuid>,
    #[serde(flatten)]
    given: GivenView,
    /// The person was erased: only that a ticket stood is known.
    erased: bool,
    made_by: ByView,
    changed_by: ByView,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Ticket> for TicketView {
    fn from(ticket: Ticket) -> TicketView {
        TicketView {
            id: ticket.id,
            reference: ticket.reference,
            kind: ticket.kind.name(),
            state: ticket.state.name(),
            assignee: ticket.assignee,
            agent_id: ticket.agent_id,
            contact_id: ticket.contact_id,
            conversation_id: ticket.conversation_id,
            erased: ticket.given.erased,
            given: ticket.given.into(),
            made_by: ticket.made_by.into(),
            changed_by: ticket.changed_by.into(),
            created_at: to_rfc3339(ticket.created_at),
            updated_at: to_rfc3339(ticket.updated_at),
        }
    }
}

/// Which tickets.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TicketQuery {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    after: Option<Uuid>,
    /// `open`, `in_progress`, `resolved` or `closed`.
    #[param(pattern = "^(open|in_progress|resolved|closed)$")]
    state: Option<String>,
    /// `problem` or `message`.
    #[param(pattern = "^(problem|message)$")]
    kind: Option<String>,
    /// The one with this reference: six letters and digits; blanks and hyphens between them do not count.
    #[param(pattern = "^(?:[ -]*[CDFGHJKMNPQRTVWXYcdfghjkmnpqrtvwxy34679]){6}[ -]*$")]
    reference: Option<String>,
}

/// A change of a ticket. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// `open`, `in_progress`, `resolved` or `closed`.
    #[schema(pattern = "^(open|in_progress|resolved|closed)$")]
    #[serde(default)]
    state: Option<String>,
    /// An active member; `null`: nobody.
    #[serde(default, deserialize_with = "given_or_null")]
    #[schema(value_type = Option<Uuid>)]
    assignee: Option<Assignee>,
}

/// Tells `null` from what was left out.
fn given_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Assignee>, D::Error> {
    let user = Option::<Uuid>::deserialize(deserializer)?;
    Ok(Some(user.map_or(Assignee::Nobody, Assignee::Member)))
}

/// The tickets, the last opened first.
#[utoipa::path(get, path = "/v1/tickets", tag = "tickets", operation_id = "listTickets", params(TicketQuery),
    responses((status = 200, body = Page<TicketView>)))]
async fn list_tickets(
    State(desk): State<Desk>,
    caller: Caller,
    Query(query): Query<TicketQuery>,
) -> Result<Json<Page<TicketView>>, Problem> {
    let page = page(query.limit, query.after)?;
    let filter = TicketFilter {
        state: named("state", query.state.as_deref(), TicketState::named)?,
        kind: named("kind", query.kind.as_deref(), TicketKind::named)?,
        reference: asked_reference(query.reference.as_deref())?,
    };
    let tickets = desk.tickets(&caller, &filter, page.before_or_end(), page.fetch()).await?;
    Ok(Json(Page::of(tickets, &page, |ticket| ticket.id).map(TicketView::from)))
}

/// One ticket.
#[utoipa::path(get, path = "/v1/tickets/{id}", tag = "tickets", operation_id = "getTicket", params(("id" = Uuid, Path)),
    responses((status = 200, body = TicketView), (status = 404, body = Problem)))]
async fn get_ticket(
    State(desk): State<Desk>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<TicketView>, Problem> {
    Ok(Json(desk.ticket(&caller, id).await?.into()))
}

/// Changes where a ticket stands and who sees to it.
#[utoipa::path(patch, path = "/v1/tickets/{id}", tag = "tickets", operation_id = "changeTicket",
    params(("id" = Uuid, Path)), request_body = TicketRequest,
    responses((status = 200, body = TicketView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn change_ticket(
    State(desk): State<Desk>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<TicketRequest>,
) -> Result<Json<TicketView>, Problem> {
    let state = named("state", wanted.state.as_deref(), TicketState::named)?;
    if state.is_none() && wanted.assignee.is_none() {
        return Err(Problem::unprocessable("Give a state, an assignee, or both.", Vec::new()));
    }
    let wanted = TicketChange { state, assignee: wanted.assignee };
    Ok(Json(desk.change_ticket(&caller, id, wanted).await?.into()))
}
