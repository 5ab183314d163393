//! `/v1/keys` and `/v1/leaks`: making, rotating and stopping keys, how they are recognised, and where leaked ones go.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use edge::{ClientAddress, RateClass};
use http::{HeaderValue, StatusCode, header};
use identity::api_key::{self, ApiKey, DEFAULT_OVERLAP_SECONDS, NewKey};
use identity::leak::{self, Report};
use identity::token::{KeyText, pattern};
use identity::{Caller, Environment, Permission};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{RoleName, instant};
use crate::guard::Gate;
use crate::instant::to_rfc3339;
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, PageQuery, Path, Problem, Query};

/// A report of leaked keys has at most so many bytes: its texts, escaped, and what stands around them.
const LEAK_BYTES: usize = 600 * 1024;

pub(super) fn routes() -> Routes<Gate> {
    let (read, write) = (Access::Permission(Permission::KeyRead), Access::Permission(Permission::KeyWrite));
    Routes::new()
        .get("/v1/keys", read, Audited::No("a list without secrets"), list_keys)
        .post("/v1/keys", write, Audited::Change("key.create"), create_key)
        .free_text(&["name"])
        .answers_secret()
        .step_up()
        .get(
            "/v1/keys/pattern",
            Access::Public("whoever finds a key anywhere must be able to recognise it"),
            Audited::No("the same for everybody"),
            key_pattern,
        )
        .get("/v1/keys/{id}", read, Audited::No("no secret in it"), get_key)
        .delete("/v1/keys/{id}", write, Audited::Change("key.revoke"), revoke_key)
        .post("/v1/keys/{id}/rotate", write, Audited::Change("key.rotate"), rotate_key)
        .answers_secret()
        .step_up()
        .post(
            "/v1/leaks",
            Access::Public("whoever finds a key is a stranger; it stops only when all of it is known"),
            Audited::Change("key.leak"),
            report_leak,
        )
        .from_other_sites("stopping a leaked key is what its owner wants, whoever sends it")
        .rate(RateClass::SignIn)
        .body_bytes(LEAK_BYTES)
        .free_text(&["texts.*", "source"])
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_keys, create_key, key_pattern, get_key, revoke_key, rotate_key, report_leak))]
pub(super) struct Description;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// The key's id, also its middle part.
    id: Uuid,
    /// What it is for.
    name: String,
    /// `live` or `test`.
    environment: &'static str,
    /// `owner`, `admin`, `manager` or `viewer`; `provisioning` is the key of a directory, which does nothing else.
    role: &'static str,
    /// Where it stands: `works`, `expires_soon` (within 14 days), `ending` (another took its place), `expired`, `revoked` or
    /// `leaked`.
    state: &'static str,
    /// The person who answers for it. It never does more than they may, and ends with their membership.
    created_by: Option<Uuid>,
    /// The key whose place it took.
    replaces: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was stopped; ahead while it works beside its successor.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// When somebody reported that it had leaked.
    #[schema(format = DateTime)]
    leaked_at: Option<String>,
    /// The last request with it, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
}

impl KeyView {
    fn of(key: ApiKey, now: Timestamp) -> Self {
        Self {
            state: key.state(now).as_str(),
            id: key.id,
            name: key.name,
            environment: key.environment.as_str(),
            role: key.role.as_str(),
            created_by: key.created_by,
            replaces: key.replaces,
            created_at: to_rfc3339(key.created_at),
            expires_at: key.expires_at.map(to_rfc3339),
            revoked_at: key.revoked_at.map(to_rfc3339),
            leaked_at: key.leaked_at.map(to_rfc3339),
            used_at: key.used_at.map(to_rfc3339),
        }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What it is for.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// What it may do; never more than you may.
    role: RoleName,
    /// `live` reaches real phones, `test` simulated ones.
    #[serde(default)]
    environment: EnvironmentName,
    /// When it stops by itself.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A key's world by name.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentName {
    #[default]
    Live,
    Test,
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    #[serde(flatten)]
    key: KeyView,
    /// The whole key. It is stored nowhere: keep it now.
    secret: String,
}

/// The keys of the organization.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(PageQuery), responses((status = 200, body = Page<KeyView>)))]
async fn list_keys(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KeyView>>, Problem> {
    let keys = api_key::list(&gate.platform, &caller, query.after(), query.fetch()).await?;
    Ok(Json(Page::of(keys, &query, |key| key.id).map(|key| KeyView::of(key, gate.platform.now()))))
}

/// Makes a key.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = KeyRequest, responses((status = 201, body = CreatedKey)))]
async fn create_key(
    State(gate): State<Gate>,
    caller: Caller,
    Json(wanted): Json<KeyRequest>,
) -> Result<Response, Problem> {
    let new = NewKey {
        name: &wanted.name,
        environment: match wanted.environment {
            EnvironmentName::Live => Environment::Live,
            EnvironmentName::Test => Environment::Test,
        },
        role: wanted.role.into(),
        expires_at: wanted.expires_at.as_deref().map(|text| instant("expires_at", text)).transpose()?,
    };
    let (key, text) = api_key::create(&gate.platform, &caller, &new).await?;
    shown_once(&gate, key, &text)
}

fn shown_once(gate: &Gate, key: ApiKey, text: &KeyText) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(format!("/v1/keys/{}", key.id)).map_err(Problem::internal)?;
    let created = CreatedKey { key: KeyView::of(key, gate.platform.now()), secret: text.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

/// How a key is rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationRequest {
    /// How many seconds the old key works on beside the new one: 0 to 604800 (7 days). A day unless said otherwise.
    #[serde(default = "default_overlap")]
    #[schema(minimum = 0, maximum = 604_800, default = 86_400)]
    overlap_seconds: i64,
}

const fn default_overlap() -> i64 {
    DEFAULT_OVERLAP_SECONDS
}

/// Puts a fresh key in the place of this one. The new key is shown this once; the old one works until the overlap is over
/// and is then refused.
#[utoipa::path(post, path = "/v1/keys/{id}/rotate", tag = "keys", params(("id" = Uuid, Path)), request_body = RotationRequest, responses((status = 201, body = CreatedKey), (status = 409, description = "It has ended, or was rotated before")))]
async fn rotate_key(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<RotationRequest>,
) -> Result<Response, Problem> {
    let (key, text) = api_key::rotate(&gate.platform, &caller, id, wanted.overlap_seconds).await?;
    shown_once(&gate, key, &text)
}

/// How our keys are recognised.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPattern {
    /// What the pattern finds.
    name: &'static str,
    /// A regular expression that every key matches as a whole (RE2, PCRE, ECMAScript).
    regex: &'static str,
    /// Characters of a key.
    length: usize,
    /// How a key is told from a look-alike without asking this server.
    checksum: &'static str,
    /// The digits of the checksum's base 32, in the order of their values.
    alphabet: &'static str,
    /// Where a found key is handed in: `POST` here.
    report_to: &'static str,
}

/// The pattern that scanners of leaked secrets look for.
#[utoipa::path(get, path = "/v1/keys/pattern", tag = "keys", responses((status = 200, body = KeyPattern)))]
async fn key_pattern() -> Json<KeyPattern> {
    Json(KeyPattern {
        name: "Ringfence API key",
        regex: pattern::REGEX,
        length: pattern::LENGTH,
        checksum: pattern::CHECKSUM,
        alphabet: pattern::ALPHABET,
        report_to: "/v1/leaks",
    })
}

/// Texts in which keys of ours were found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeakRequest {
    /// The keys, or the texts they stand in: at most 100, together at most 256 KiB.
    #[schema(min_items = 1, max_items = 100)]
    texts: Vec<String>,
    /// Where they were found, in one line.
    #[serde(default)]
    #[schema(max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    source: String,
}

/// What a report is answered with, whatever was in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeakReceipt {
    /// Texts that were read.
    texts_read: usize,
    /// What was done.
    detail: &'static str,
}

/// Hands in leaked keys. Each that is good stops at once, and its organization is told. The answer is the same whether any
/// was good or not.
#[utoipa::path(post, path = "/v1/leaks", tag = "keys", request_body = LeakRequest, responses((status = 202, body = LeakReceipt)))]
async fn report_leak(
    State(gate): State<Gate>,
    address: ClientAddress,
    Json(found): Json<LeakRequest>,
) -> Result<Response, Problem> {
    if found.texts.is_empty() {
        return Err(Problem::field("texts", "Send at least one text."));
    }
    let report = Report { texts: &found.texts, source: &found.source, address: address.0 };
    leak::report(&gate.platform, &report).await?;
    let detail = "Thank you. Keys in it that were good are stopped, and their owners are told.";
    Ok((StatusCode::ACCEPTED, Json(LeakReceipt { texts_read: found.texts.len(), detail })).into_response())
}

/// One key.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys", params(("id" = Uuid, Path)), responses((status = 200, body = KeyView)))]
async fn get_key(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<KeyView>, Problem> {
    let key = api_key::get(&gate.platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(KeyView::of(key, gate.platform.now())))
}

/// When a revoked key stops.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevokeQuery {
    /// Later than now: the old key works until then, beside a new one.
    #[param(format = DateTime)]
    at: Option<String>,
}

/// Stops a key, now or at a time. Stopping one that is stopped already changes nothing.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", params(("id" = Uuid, Path), RevokeQuery), responses((status = 204)))]
async fn revoke_key(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RevokeQuery>,
) -> Result<StatusCode, Problem> {
    let at = query.at.as_deref().map(|text| instant("at", text)).transpose()?;
    if !api_key::revoke(&gate.platform, &caller, id, at).await? {
        api_key::get(&gate.platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(StatusCode::NO_CONTENT)
}
