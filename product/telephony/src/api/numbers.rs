//! `/v1/numbers`.

use axum::extract::State;
use axum::http::StatusCode;
use identity::Caller;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::problem::Problem;
use web::{Json, Path};

use super::Telephony;
use super::calls::Whole;
use crate::record::PhoneNumber;
use crate::store::numbers;

/// A number to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectNumber {
    /// The user part that callers dial: a number in E.164 or a name of letters, digits, `+`, `-`, `.` and `_`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9+._-]{1,64}$")]
    pub called: String,
    /// The agent that answers.
    pub agent_id: Uuid,
}

/// The numbers that are connected.
#[utoipa::path(get, path = "/v1/numbers", tag = "numbers", operation_id = "listNumbers",
    responses((status = 200, body = Whole<PhoneNumber>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn list(
    State(telephony): State<Telephony>,
    caller: Caller,
) -> Result<Json<Whole<PhoneNumber>>, Problem> {
    Ok(Json(Whole { data: numbers::list(&telephony.platform, &caller).await? }))
}

/// Connects a number to an agent. Until the agent has a published version, calls are refused (480) and written down.
#[utoipa::path(post, path = "/v1/numbers", tag = "numbers", operation_id = "connectNumber", request_body = ConnectNumber,
    responses((status = 201, body = PhoneNumber), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn connect(
    State(telephony): State<Telephony>,
    caller: Caller,
    Json(wanted): Json<ConnectNumber>,
) -> Result<(StatusCode, Json<PhoneNumber>), Problem> {
    // Another organization's agent looks like none.
    agents::store::get(&telephony.platform, &caller, wanted.agent_id).await?;
    let number = numbers::connect(&telephony.platform, &caller, &wanted.called, wanted.agent_id).await?;
    Ok((StatusCode::CREATED, Json(number)))
}

/// Releases a number.
#[utoipa::path(delete, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "releaseNumber", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn release(
    State(telephony): State<Telephony>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    numbers::release(&telephony.platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
