//! Every route of the product, and the one description of the API.

use axum::extract::State;
use utoipa::OpenApi as _;
use web::live::LiveState;
use web::routes::{Access, Audited, RouteRule, Routes};

use crate::wiring::House;

/// What `/readyz` and the routes that belong to no part need.
#[derive(Clone)]
struct Health {
    house: House,
}

/// Every route of every part.
pub fn routes(house: &House, trust: &trust::Trust) -> Routes<()> {
    let live = LiveState { live: house.live.clone(), authenticator: house.gate.authenticator().clone() };
    Routes::new()
        .merge(web::account::routes().with_state(house.gate.clone()))
        .merge(web::live::routes().with_state(live))
        .merge(web::assets::routes())
        .merge(trust::pages::routes().with_state(trust.clone()))
        .merge(agents::api::routes().with_state(house.platform.clone()))
        .merge(own_routes().with_state(Health { house: house.clone() }))
}

/// The description of every route under `/v1` (OpenAPI 3.1).
pub fn description(table: &[RouteRule]) -> utoipa::openapi::OpenApi {
    let parts = vec![web::account::api::Description::openapi(), agents::api::Description::openapi()];
    web::openapi::assemble(parts, table, env!("CARGO_PKG_VERSION"))
}

fn own_routes() -> Routes<Health> {
    Routes::new()
        .get("/livez", Access::Public("says only that the process runs"), Audited::No("says nothing"), live)
        .get("/readyz", Access::Public("says only whether the database answers"), Audited::No("says nothing"), ready)
}

async fn live() -> &'static str {
    "ok"
}

async fn ready(State(health): State<Health>) -> Result<&'static str, web::Problem> {
    match identity::founding::is_needed(&health.house.platform).await {
        Ok(_) => Ok("ok"),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            Err(web::Problem::unavailable("The database does not answer.", 5))
        }
    }
}
