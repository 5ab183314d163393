//! `/v1/keys`, `/v1/members`, `/v1/sessions`, `/v1/organization`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity::api_key::{ApiKey, NewKey};
use identity::member::Member;
use identity::session::Session;
use identity::{Caller, Environment, MembershipState, Permission, Role, api_key, member, session};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::guard::Gate;
use crate::instant::{from_rfc3339, to_rfc3339};
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, PageQuery, Path, Problem, Query};

/// The routes.
pub fn routes() -> Routes<Gate> {
    let may = Access::Permission;
    Routes::new()
        .get("/v1/keys", may(Permission::KeyRead), Audited::No("a list without secrets"), list_keys)
        .post("/v1/keys", may(Permission::KeyWrite), Audited::Change("key.create"), create_key)
        .answers_secret()
        .get("/v1/keys/{id}", may(Permission::KeyRead), Audited::No("no secret in it"), get_key)
        .delete("/v1/keys/{id}", may(Permission::KeyWrite), Audited::Change("key.revoke"), revoke_key)
        .get("/v1/members", may(Permission::MemberRead), Audited::Read("member.list"), list_members)
        .get("/v1/sessions", Access::Member, Audited::No("one's own"), list_sessions)
        .delete("/v1/sessions/{id}", Access::Member, Audited::Change("session.revoke"), revoke_session)
        .get("/v1/organization", Access::Member, Audited::No("its public name"), get_organization)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(
    list_keys,
    create_key,
    get_key,
    revoke_key,
    list_members,
    list_sessions,
    revoke_session,
    get_organization
))]
pub struct Description;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// The key's id, also its middle part.
    id: Uuid,
    /// What it is for.
    name: String,
    /// `live` or `test`.
    environment: &'static str,
    /// `owner`, `admin`, `manager` or `viewer`.
    role: &'static str,
    /// Who made it.
    created_by: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// The last request with it, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            environment: key.environment.as_str(),
            role: key.role.as_str(),
            created_by: key.created_by,
            created_at: to_rfc3339(key.created_at),
            expires_at: key.expires_at.map(to_rfc3339),
            revoked_at: key.revoked_at.map(to_rfc3339),
            used_at: key.used_at.map(to_rfc3339),
        }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What it is for.
    #[schema(min_length = 1, max_length = 120)]
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

/// A role by name.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum RoleName {
    Owner,
    Admin,
    Manager,
    Viewer,
}

/// A key's world by name.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
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
    Ok(Json(Page::of(keys, &query, |key| key.id).map(KeyView::from)))
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
        role: match wanted.role {
            RoleName::Owner => Role::Owner,
            RoleName::Admin => Role::Admin,
            RoleName::Manager => Role::Manager,
            RoleName::Viewer => Role::Viewer,
        },
        expires_at: wanted.expires_at.as_deref().map(|text| instant("expires_at", text)).transpose()?,
    };
    let (key, text) = api_key::create(&gate.platform, &caller, &new).await?;
    let location = HeaderValue::try_from(format!("/v1/keys/{}", key.id)).map_err(Problem::internal)?;
    let created = CreatedKey { key: key.into(), secret: text.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

/// One key.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys", params(("id" = Uuid, Path)), responses((status = 200, body = KeyView)))]
async fn get_key(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<KeyView>, Problem> {
    let key = api_key::get(&gate.platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(key.into()))
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

/// A member of the organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The membership.
    id: Uuid,
    /// The person.
    user_id: Uuid,
    name: String,
    email: String,
    /// `owner`, `admin`, `manager` or `viewer`.
    role: &'static str,
    /// `active`, `invited`, `suspended` or `left`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let state: MembershipState = member.state;
        Self {
            id: member.id,
            user_id: member.user,
            name: member.name,
            email: member.email,
            role: member.role.as_str(),
            state: state.as_str(),
            created_at: to_rfc3339(member.created_at),
        }
    }
}

/// The members of the organization.
#[utoipa::path(get, path = "/v1/members", tag = "members", params(PageQuery), responses((status = 200, body = Page<MemberView>)))]
async fn list_members(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let members = member::list(&gate.platform, &caller, query.after(), query.fetch()).await?;
    Ok(Json(Page::of(members, &query, |member| member.id).map(MemberView::from)))
}

/// A signed-in browser of yours.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    id: Uuid,
    /// Where it signed in from.
    address: Option<String>,
    /// How the browser names itself.
    agent: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    seen_at: String,
    /// When it ends unless it is used before.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether this request came by it.
    is_current: bool,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            address: session.device.address.map(|address| address.to_string()),
            agent: session.device.agent,
            created_at: to_rfc3339(session.created_at),
            seen_at: to_rfc3339(session.seen_at),
            expires_at: to_rfc3339(session.expires_at),
            is_current: session.is_current,
        }
    }
}

/// All your sessions; there are few, so there is one page.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", responses((status = 200, body = Page<SessionView>)))]
async fn list_sessions(State(gate): State<Gate>, caller: Caller) -> Result<Json<Page<SessionView>>, Problem> {
    let sessions = session::list(&gate.platform, &caller).await?;
    let data = sessions.into_iter().map(SessionView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// Ends one of your sessions.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke_session(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let ended = session::revoke(&gate.platform, &caller, id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Your organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationView {
    id: Uuid,
    name: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// The organization that the key or session belongs to.
#[utoipa::path(get, path = "/v1/organization", tag = "organization", responses((status = 200, body = OrganizationView)))]
async fn get_organization(State(gate): State<Gate>, caller: Caller) -> Result<Json<OrganizationView>, Problem> {
    let found = member::organization(&gate.platform, &caller).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(OrganizationView { id: found.id, name: found.name, created_at: to_rfc3339(found.created_at) }))
}

fn instant(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(text).ok_or_else(|| Problem::field(field, "Give a time as in 2026-12-24T18:00:00Z."))
}
