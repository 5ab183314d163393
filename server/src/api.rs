//! Every route of the product, and the one description of the API.

use axum::extract::State;
use chat::ChatState;
use edge::Pressure;
use operator::access::SupportAccess;
use sign_in::SignIn;
use telephony::api::Telephony;
use trust::Trust;
use utoipa::OpenApi as _;
use web::live::LiveState;
use web::routes::{Access, Audited, RouteRule, Routes};

use crate::audit_log;
use crate::dashboard;
use crate::dashboard::overview::Overview;
use crate::safekeeping;
use crate::wiring::House;

/// How long a copy of `security.txt` may be believed.
const SECURITY_TXT_SECONDS: i64 = 30 * 86_400;

/// What `/readyz` and the routes that belong to no part need.
#[derive(Clone)]
struct Health {
    house: House,
    openapi: std::sync::Arc<str>,
}

/// Every route of the product: the parts', the trust page's, and those that belong to no part.
pub fn routes(house: &House, parts: Routes<()>, trust: &Trust) -> anyhow::Result<Routes<()>> {
    let openapi = serde_json::to_string_pretty(&description())?.into();
    let own = own_routes().with_state(Health { house: house.clone(), openapi });
    Ok(parts.merge(trust_routes().with_state(trust.clone())).merge(own))
}

/// Every route of every part.
pub fn part_routes(house: &House, telephony: &Telephony, base_url: &str) -> Routes<()> {
    let chat = ChatState {
        platform: house.platform.clone(),
        base_url: base_url.into(),
        conversations: house.conversations.clone(),
        live: house.live.clone(),
        pressure: Pressure::new(house.settings.limits.challenge.mode(), house.platform.clock.clone()),
    };
    let support = SupportAccess { gate: house.gate.clone(), live: house.live.clone() };
    let live = LiveState::of(house.live.clone(), &house.gate);
    let overview = Overview { platform: house.platform.clone(), conversations: house.conversations.clone() };
    Routes::new()
        .merge(web::account::routes().with_state(house.gate.clone()))
        .merge(sign_in::routes().with_state(SignIn::new(house.gate.clone(), base_url, house.providers.clone())))
        .merge(web::live::routes().with_state(live))
        .merge(web::allowlist::routes().with_state(house.platform.clone()))
        .merge(web::assets::routes())
        .merge(operator::access::routes().with_state(support))
        .merge(agents::api::routes().with_state(house.platform.clone()))
        .merge(agents::knowledge::api::routes().with_state(house.knowledge.clone()))
        .merge(agents::pages::routes().with_state(house.knowledge.clone()))
        .merge(contacts::routes().with_state(house.platform.clone()))
        .merge(contacts::pages::routes().with_state(house.platform.clone()))
        .merge(conversations::api::routes().with_state(house.conversations.clone()))
        .merge(conversations::desk::routes().with_state(house.conversations.desk().clone()))
        .merge(conversations::pages::routes().with_state(house.conversations.clone()))
        .merge(chat::routes().with_state(chat))
        .merge(telephony::api::routes().with_state(telephony.clone()))
        .merge(telephony::pages::routes().with_state(telephony.clone()))
        .merge(dashboard::routes().with_state(house.platform.clone()))
        .merge(audit_log::api::routes().with_state(house.platform.clone()))
        .merge(audit_log::pages::routes().with_state(house.platform.clone()))
        .merge(safekeeping::api::routes().with_state(house.platform.clone()))
        .merge(safekeeping::pages::routes().with_state(house.platform.clone()))
        .merge(dashboard::overview::routes().with_state(overview))
}

/// The declarations of every route under `/v1`, which need no running node: what the description says about security and
/// refusals follows from them.
fn described_routes() -> Vec<RouteRule> {
    let parts = [
        web::account::routes().table(),
        web::allowlist::routes().table(),
        sign_in::routes().table(),
        operator::access::routes().table(),
        agents::api::routes().table(),
        agents::knowledge::api::routes().table(),
        contacts::routes().table(),
        conversations::api::routes().table(),
        conversations::desk::routes().table(),
        chat::routes().table(),
        telephony::api::routes().table(),
        audit_log::api::routes().table(),
        safekeeping::api::routes().table(),
    ];
    parts.concat()
}

/// The description of every route under `/v1` (OpenAPI 3.1). The same for every node of this version.
pub fn description() -> utoipa::openapi::OpenApi {
    web::openapi::assemble(part_descriptions(), &described_routes(), env!("CARGO_PKG_VERSION"))
}

/// Each part's own description.
fn part_descriptions() -> Vec<utoipa::openapi::OpenApi> {
    let mut parts = vec![
        web::account::api::Description::openapi(),
        web::allowlist::api::Description::openapi(),
        operator::access::Description::openapi(),
        agents::api::Description::openapi(),
        agents::knowledge::api::Description::openapi(),
        contacts::Description::openapi(),
        conversations::api::Description::openapi(),
        conversations::desk::Description::openapi(),
        chat::api::Description::openapi(),
        telephony::api::Description::openapi(),
        audit_log::api::Description::openapi(),
        safekeeping::api::Description::openapi(),
    ];
    parts.extend(sign_in::descriptions());
    parts
}

fn trust_routes() -> Routes<Trust> {
    let access = Access::Public("the page is the product's word to everybody");
    let audited = Audited::No("public, and holds nothing of an organization");
    Routes::new().get("/trust", access, audited, trust::pages::html).get(
        "/trust.json",
        access,
        audited,
        trust::pages::json,
    )
}

fn own_routes() -> Routes<Health> {
    Routes::new()
        .get("/livez", Access::Public("says only that the process runs"), Audited::No("says nothing"), live)
        .get("/readyz", Access::Public("says only whether the database answers"), Audited::No("says nothing"), ready)
        .get(
            "/openapi.json",
            Access::Public("the description of the API is the same for everybody"),
            Audited::No("public"),
            openapi,
        )
        .get(
            "/.well-known/security.txt",
            Access::Public("RFC 9116: those who find a hole must find the address"),
            Audited::No("public"),
            security_txt,
        )
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

async fn openapi(State(health): State<Health>) -> impl axum::response::IntoResponse {
    ([(http::header::CONTENT_TYPE, "application/json")], health.openapi.to_string())
}

/// Where holes are reported, for as long as this process runs and at most a year (RFC 9116 section 2.5.5 wants an end).
async fn security_txt(State(health): State<Health>) -> impl axum::response::IntoResponse {
    let expires = web::instant::to_rfc3339(health.house.platform.now().plus_seconds(SECURITY_TXT_SECONDS));
    let contact = &health.house.settings.security_contact;
    let text = format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n");
    ([(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}

#[cfg(test)]
mod surfaces;
#[cfg(test)]
mod tests;
