//! `/v1/trunk`.

use axum::extract::State;
use web::Json;
use web::problem::Problem;

use super::Telephony;
use crate::trunk::{Standing, Trunk};

/// How the way to the telephone network stands.
#[utoipa::path(get, path = "/v1/trunk", tag = "numbers", operation_id = "getTrunk",
    responses((status = 200, body = Standing), (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn get(State(telephony): State<Telephony>) -> Result<Json<Standing>, Problem> {
    Ok(Json(Trunk::standing(telephony.attendant.trunk.as_ref())))
}
