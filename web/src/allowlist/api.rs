//! `/v1/settings/allowlist`: both lists for programs.

use axum::extract::State;
use identity::{Caller, Permission, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Allowlist, Allowlists};
use crate::routes::{Access, Audited, Routes};
use crate::{FieldError, Json, Problem};

/// Room for two full lists.
const BODY_BYTES: usize = 16 * 1024;

/// The routes.
pub fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/v1/settings/allowlist", read, Audited::No("a setting without secrets"), get)
        .put("/v1/settings/allowlist", write, Audited::Change("allowlist.update"), put)
        .step_up()
        .body_bytes(BODY_BYTES)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(get, put))]
pub struct Description;

/// From where the organization may be reached. An empty list lets in every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllowlistView {
    /// Networks from which people may use the dashboard.
    dashboard: Vec<String>,
    /// Networks from which API keys work.
    api: Vec<String>,
    /// The address that this request came from, as the server sees it.
    your_address: Option<String>,
}

/// Both lists, as they shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowlistChange {
    /// Addresses and networks (`203.0.113.7`, `203.0.113.0/24`, `2001:db8::/48`) for the dashboard.
    #[schema(max_items = 100)]
    dashboard: Vec<String>,
    /// The same for API keys.
    #[schema(max_items = 100)]
    api: Vec<String>,
}

fn view(lists: &Allowlists, caller: &Caller) -> AllowlistView {
    AllowlistView {
        dashboard: lists.dashboard.texts(),
        api: lists.api.texts(),
        your_address: caller.address().map(|address| address.to_canonical().to_string()),
    }
}

fn list(field: &str, entries: &[String]) -> Result<Allowlist, Problem> {
    Allowlist::parse(entries.iter().map(String::as_str)).map_err(|(position, error)| {
        let errors = vec![FieldError::new(format!("{field}.{position}"), error.to_string())];
        Problem::unprocessable("A network cannot be accepted.", errors)
    })
}

/// From where the dashboard and the API may be used.
#[utoipa::path(get, path = "/v1/settings/allowlist", operation_id = "getAllowlist", tag = "settings", responses((status = 200, body = AllowlistView)))]
async fn get(State(platform): State<Platform>, caller: Caller) -> Result<Json<AllowlistView>, Problem> {
    let lists = super::read(&platform, caller.organization()).await?;
    Ok(Json(view(&lists, &caller)))
}

/// Sets both lists. Refused with 409 when it would shut out the address that asks.
#[utoipa::path(put, path = "/v1/settings/allowlist", tag = "settings", request_body = AllowlistChange, responses((status = 200, body = AllowlistView), (status = 409, description = "It would shut out the address that asks", body = Problem, content_type = "application/problem+json")))]
async fn put(
    State(platform): State<Platform>,
    caller: Caller,
    Json(wanted): Json<AllowlistChange>,
) -> Result<Json<AllowlistView>, Problem> {
    let lists = Allowlists { dashboard: list("dashboard", &wanted.dashboard)?, api: list("api", &wanted.api)? };
    super::replace(&platform, &caller, &lists).await?;
    Ok(Json(view(&lists, &caller)))
}
