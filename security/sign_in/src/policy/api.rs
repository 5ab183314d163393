//! `/v1/sign-in-policy`.

use axum::extract::State;
use identity::sign_in_policy::{self, Policy};
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use web::routes::{Access, Audited, Routes};
use web::{Json, Problem};

use crate::SignIn;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/v1/sign-in-policy", read, Audited::No("rules, nobody's data"), get_policy)
        .put("/v1/sign-in-policy", write, Audited::Change("sign_in_policy.change"), put_policy)
        .step_up()
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(get_policy, put_policy))]
pub struct Description;

/// What an organization asks of those who sign in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyView {
    /// Fewest characters of a password beside a second factor. Alone it needs at least 15 in any case.
    #[schema(minimum = 8, maximum = 64)]
    password_length: i64,
    /// Whether everybody needs a second factor. Owners and Admins do in any case.
    require_second_factor: bool,
    /// So many former passwords do not come back.
    #[schema(minimum = 0, maximum = 24)]
    password_history: i64,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        let Policy { password_length, require_second_factor, password_history } = policy;
        Self { password_length, require_second_factor, password_history }
    }
}

impl From<PolicyView> for Policy {
    fn from(view: PolicyView) -> Self {
        let PolicyView { password_length, require_second_factor, password_history } = view;
        Self { password_length, require_second_factor, password_history }
    }
}

/// The rules for signing in.
#[utoipa::path(get, path = "/v1/sign-in-policy", tag = "sign-in", responses((status = 200, body = PolicyView)))]
async fn get_policy(State(state): State<SignIn>, caller: Caller) -> Result<Json<PolicyView>, Problem> {
    Ok(Json(sign_in_policy::get(&state.gate.platform, caller.organization()).await?.into()))
}

/// Sets the rules for signing in. People confirm first who they are.
#[utoipa::path(put, path = "/v1/sign-in-policy", tag = "sign-in", request_body = PolicyView, responses((status = 200, body = PolicyView)))]
async fn put_policy(
    State(state): State<SignIn>,
    caller: Caller,
    Json(wanted): Json<PolicyView>,
) -> Result<Json<PolicyView>, Problem> {
    let policy = Policy::from(wanted);
    sign_in_policy::set(&state.gate.platform, &caller, policy).await?;
    Ok(Json(policy.into()))
}
