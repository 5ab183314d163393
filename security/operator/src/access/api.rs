//! `/v1/support-grants`, `/v1/support-sessions`, `/v1/permissions`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity::support::{self, Grant, Looking, NewGrant, Scope, is_grantable};
use identity::{Caller, MembershipState, Permission, Role, allows};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{Array, ObjectBuilder};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::routes::{Access, Audited, Routes};
use web::{Json, Page, PageQuery, Path, Problem, Query};

use super::SupportAccess;

/// The routes.
pub(super) fn routes() -> Routes<SupportAccess> {
    let (read, write) = (Access::Permission(Permission::SupportRead), Access::Permission(Permission::SupportWrite));
    Routes::new()
        .get("/v1/support-grants", read, Audited::No("what was granted stands in the log already"), list)
        .post("/v1/support-grants", write, Audited::Change("support.grant"), grant)
        .free_text(&["reason"])
        .step_up()
        .delete("/v1/support-grants/{id}", write, Audited::Change("support.revoke"), revoke)
        .get("/v1/support-sessions", read, Audited::No("who looks stands in the log already"), looking)
        .delete("/v1/support-sessions/{id}", write, Audited::Change("support.end"), end)
        .get("/v1/permissions", Access::Member, Audited::No("the same table for everybody"), permissions)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list, grant, revoke, looking, end, permissions))]
pub struct Description;

/// What support may look at, and how long.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    id: Uuid,
    /// Dotted names, as in `recording.listen`.
    permissions: Vec<String>,
    /// The objects that it is narrowed to; none means all.
    objects: Vec<Uuid>,
    reason: String,
    /// The person who granted it; null when a key did.
    granted_by: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id,
            permissions: grant.scope.permissions().iter().map(|permission| permission.dotted()).collect(),
            objects: grant.scope.objects().to_vec(),
            reason: grant.reason,
            granted_by: grant.granted_by,
            created_at: to_rfc3339(grant.created_at),
            expires_at: to_rfc3339(grant.expires_at),
            revoked_at: grant.revoked_at.map(to_rfc3339),
        }
    }
}

/// What to let support look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Dotted names, as in `recording.listen`; only ones that look. See `GET /v1/permissions`.
    #[schema(schema_with = grantable_names)]
    permissions: Vec<String>,
    /// Narrow it to these calls, recordings, conversations …; none means all.
    #[serde(default)]
    #[schema(max_items = 20)]
    objects: Vec<Uuid>,
    /// How long, from now.
    #[schema(minimum = 1, maximum = 72)]
    hours: i64,
    /// What support shall look at, and why.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    reason: String,
}

/// A list of the permissions that can be granted, by their names.
fn grantable_names() -> Array {
    let grantable = Permission::ALL.into_iter().filter(|permission| identity::support::is_grantable(*permission));
    let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(grantable.map(Permission::dotted)));
    ArrayBuilder::new().items(names).min_items(Some(1)).max_items(Some(64)).build()
}

/// The dotted names of permissions, read.
pub(super) fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Permission>, Problem> {
    let read = |name: &str| {
        Permission::parse(name).ok_or_else(|| Problem::field("permissions", "Give names as in GET /v1/permissions."))
    };
    names.into_iter().map(read).collect()
}

/// What support was granted, that which is over too.
#[utoipa::path(get, path = "/v1/support-grants", tag = "support", operation_id = "listSupportGrants", params(PageQuery), responses((status = 200, body = Page<GrantView>)))]
async fn list(
    State(state): State<SupportAccess>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GrantView>>, Problem> {
    let grants = support::list(state.platform(), &caller, query.after(), query.fetch()).await?;
    Ok(Json(Page::of(grants, &query, |grant| grant.id).map(GrantView::from)))
}

/// Lets support look: at most 72 hours, never more than you may see, and nothing that changes anything.
#[utoipa::path(post, path = "/v1/support-grants", tag = "support", operation_id = "grantSupport", request_body = GrantRequest, responses((status = 201, body = GrantView)))]
async fn grant(
    State(state): State<SupportAccess>,
    caller: Caller,
    Json(wanted): Json<GrantRequest>,
) -> Result<Response, Problem> {
    let permissions = parse(wanted.permissions.iter().map(String::as_str))?;
    let scope = Scope::new(&permissions, &wanted.objects)?;
    let new = NewGrant { scope, hours: wanted.hours, reason: &wanted.reason };
    let grant = state.grant(&caller, &new).await?;
    let location = HeaderValue::try_from(format!("/v1/support-grants/{}", grant.id)).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(GrantView::from(grant))).into_response())
}

/// Ends a grant and whoever looks by it, at once.
#[utoipa::path(delete, path = "/v1/support-grants/{id}", tag = "support", operation_id = "revokeSupport", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke(
    State(state): State<SupportAccess>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if state.revoke(&caller, id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// An operator who looks at this moment.
#[derive(Serialize, ToSchema)]
pub struct LookingView {
    /// The support session.
    id: Uuid,
    /// The grant that allows it.
    grant_id: Uuid,
    /// Who.
    operator_id: Uuid,
    operator_name: String,
    #[schema(format = DateTime)]
    since: String,
    /// When it ends by itself.
    #[schema(format = DateTime)]
    until: String,
}

storage::debug_shows!(struct LookingView { id, grant_id, operator_id, since, until });

impl From<Looking> for LookingView {
    fn from(looking: Looking) -> Self {
        Self {
            id: looking.session,
            grant_id: looking.grant,
            operator_id: looking.operator,
            operator_name: looking.operator_name,
            since: to_rfc3339(looking.since),
            until: to_rfc3339(looking.until),
        }
    }
}

/// Who looks at this moment; there are few, so there is one page.
#[utoipa::path(get, path = "/v1/support-sessions", tag = "support", operation_id = "listSupportSessions", responses((status = 200, body = Page<LookingView>)))]
async fn looking(State(state): State<SupportAccess>, caller: Caller) -> Result<Json<Page<LookingView>>, Problem> {
    let looking = support::looking(state.platform(), caller.organization()).await?;
    let data = looking.into_iter().map(LookingView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// Ends one support session; the grant still allows another until it is revoked.
#[utoipa::path(delete, path = "/v1/support-sessions/{id}", tag = "support", operation_id = "endSupportSession", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn end(State(state): State<SupportAccess>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    if state.end(&caller, id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// A permission, and who holds it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionView {
    /// Its name, as in `recording.listen`.
    name: String,
    /// The roles that hold it: `owner`, `admin`, `manager`, `viewer`.
    roles: Vec<&'static str>,
    /// May support be granted it?
    grantable: bool,
    /// Do you hold it?
    yours: bool,
}

/// Every permission, the roles that hold it, and whether you do.
#[utoipa::path(get, path = "/v1/permissions", tag = "support", operation_id = "listPermissions", responses((status = 200, body = Page<PermissionView>)))]
async fn permissions(caller: Caller) -> Json<Page<PermissionView>> {
    let holds = |permission| move |role: &Role| allows(*role, MembershipState::Active, permission);
    let view = |permission: Permission| PermissionView {
        name: permission.dotted(),
        roles: Role::ALL.into_iter().filter(holds(permission)).map(Role::as_str).collect(),
        grantable: is_grantable(permission),
        yours: caller.permits(permission),
    };
    let data = Permission::ALL.into_iter().map(view).collect();
    Json(Page { data, has_more: false, next_cursor: None })
}
