//! `/v1/calls`.

use axum::extract::State;
use axum::http::StatusCode;
use identity::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::paging::{Page, PageQuery};
use web::problem::Problem;
use web::{Json, Path, Query};

use super::Telephony;
use crate::record::{Call, CallEvent, Recording};
use crate::store::{calls, recordings};

/// A list that is never long enough to need pages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whole<T> {
    /// All of it, in order.
    pub data: Vec<T>,
}

/// A call to be placed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceCall {
    /// The agent that shall speak; its published version is used.
    pub agent_id: Uuid,
    /// Whom to call: a number in E.164 or a SIP address. It is checked before anything is dialled.
    #[schema(max_length = 255, pattern = r"^(?:[sS][iI][pP]:\S+|(?:tel:)?(?:\+|00)[0-9 ./()-]+)$")]
    pub to: String,
}

storage::debug_shows!(struct PlaceCall { agent_id });

/// A call that was placed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Placed {
    /// The call.
    pub id: Uuid,
}

/// The calls, newest first.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", operation_id = "listCalls", params(PageQuery),
    responses((status = 200, body = Page<Call>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn list(
    State(telephony): State<Telephony>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Call>>, Problem> {
    let rows = calls::page(&telephony.platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(rows, &query, |call| call.id)))
}

/// One call.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", operation_id = "getCall", params(("id" = Uuid, Path)),
    responses((status = 200, body = Call), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn get(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Call>, Problem> {
    Ok(Json(calls::get(&telephony.platform, &caller, id).await?))
}

/// The timeline of a call.
#[utoipa::path(get, path = "/v1/calls/{id}/events", tag = "calls", operation_id = "listCallEvents", params(("id" = Uuid, Path)),
    responses((status = 200, body = Whole<CallEvent>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn events(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Whole<CallEvent>>, Problem> {
    calls::get(&telephony.platform, &caller, id).await?;
    Ok(Json(Whole { data: calls::events(&telephony.platform, &caller, id).await? }))
}

/// The recordings of a call.
#[utoipa::path(get, path = "/v1/calls/{id}/recordings", tag = "calls", operation_id = "listCallRecordings", params(("id" = Uuid, Path)),
    responses((status = 200, body = Whole<Recording>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn recordings(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Whole<Recording>>, Problem> {
    calls::get(&telephony.platform, &caller, id).await?;
    Ok(Json(Whole { data: recordings::of_call(&telephony.platform, &caller, id).await? }))
}

/// Places a call: emergency numbers, foreign and premium numbers are refused before anything is dialled.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", operation_id = "placeCall", request_body = PlaceCall,
    responses((status = 202, body = Placed), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn place(
    State(telephony): State<Telephony>,
    caller: Caller,
    Json(wanted): Json<PlaceCall>,
) -> Result<(StatusCode, Json<Placed>), Problem> {
    let id = crate::attendant::outbound::place(&telephony, &caller, wanted.agent_id, &wanted.to).await?;
    Ok((StatusCode::ACCEPTED, Json(Placed { id })))
}
