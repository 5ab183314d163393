//! `/scim/v2`: users, groups and what the server can do, for an organization's directory (RFC 7644).

use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use edge::{RateClass, Subject};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use identity::{Caller, Credential, Permission};
use serde_json::Value;
use web::routes::{Access, Audited, Routes};
use web::{Path, Problem, scim};

use super::answer::{self, Query};
use super::attribute::{GROUP, Object, USER};
use super::filter::Filter;
use super::refusal::{Refusal, Result};
use super::store::{Directory, Edit, is_lookup};
use super::{GROUP_BYTES, USER_BYTES, group};
use crate::SignIn;

/// A filter that no index answers counts as heavy work where there are more people than this.
const LOOKED_AT_FREELY: usize = 200;

/// What the firewall leaves to the handlers: people's names, and filters, which read like SQL.
const PEOPLE: &[&str] = &["**"];

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let key = Access::Permission(Permission::MemberProvision);
    let same = Audited::No("what the server can do, the same for everybody");
    let read = Audited::No("a directory reads what it wrote, every few minutes; its key shows its last use");
    Routes::new()
        .get("/scim/v2/ServiceProviderConfig", key, same, service_provider_config)
        .get("/scim/v2/ResourceTypes", key, same, resource_types)
        .get("/scim/v2/ResourceTypes/{name}", key, same, resource_type)
        .get("/scim/v2/Schemas", key, same, schemas)
        .get("/scim/v2/Schemas/{urn}", key, same, schema)
        .get("/scim/v2/Users", key, read, list_users)
        .free_text(PEOPLE)
        .post("/scim/v2/Users", key, Audited::Change("provisioning.add"), add_user)
        .free_text(PEOPLE)
        .body_bytes(USER_BYTES)
        .get("/scim/v2/Users/{id}", key, read, get_user)
        .put("/scim/v2/Users/{id}", key, Audited::Change("provisioning.change"), edit_user)
        .free_text(PEOPLE)
        .body_bytes(USER_BYTES)
        .patch("/scim/v2/Users/{id}", key, Audited::Change("provisioning.change"), edit_user)
        .free_text(PEOPLE)
        .body_bytes(USER_BYTES)
        .delete("/scim/v2/Users/{id}", key, Audited::Change("provisioning.remove"), remove_user)
        .post("/scim/v2/Users/.search", key, read, search_users)
        .rate(RateClass::Read)
        .free_text(PEOPLE)
        .merge(group_routes(key, read))
}

fn group_routes(key: Access, read: Audited) -> Routes<SignIn> {
    let missing = Audited::No("not part of this server");
    Routes::new()
        .get("/scim/v2/Groups", key, read, list_groups)
        .free_text(PEOPLE)
        .post("/scim/v2/Groups", key, missing, refuse_group)
        .free_text(PEOPLE)
        .get("/scim/v2/Groups/{id}", key, read, get_group)
        .put("/scim/v2/Groups/{id}", key, Audited::Change("provisioning.assign"), edit_group)
        .free_text(PEOPLE)
        .body_bytes(GROUP_BYTES)
        .patch("/scim/v2/Groups/{id}", key, Audited::Change("provisioning.assign"), edit_group)
        .free_text(PEOPLE)
        .body_bytes(GROUP_BYTES)
        .delete("/scim/v2/Groups/{id}", key, missing, refuse_group)
        .post("/scim/v2/Groups/.search", key, read, search_groups)
        .rate(RateClass::Read)
        .free_text(PEOPLE)
        .post("/scim/v2/.search", key, missing, no_search)
        .free_text(PEOPLE)
        .get("/scim/v2/Me", key, missing, no_me)
        .post("/scim/v2/Bulk", key, missing, no_bulk)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        use StatusCode as Code;
        let (status, kind) = match &self {
            Self::InvalidFilter(_) => (Code::BAD_REQUEST, Some("invalidFilter")),
            Self::InvalidSyntax(_) => (Code::BAD_REQUEST, Some("invalidSyntax")),
            Self::InvalidPath(_) => (Code::BAD_REQUEST, Some("invalidPath")),
            Self::NoTarget(_) => (Code::BAD_REQUEST, Some("noTarget")),
            Self::InvalidValue(_) | Self::Identity(identity::Error::Invalid { .. }) => {
                (Code::BAD_REQUEST, Some("invalidValue"))
            }
            Self::Mutability(_) => (Code::BAD_REQUEST, Some("mutability")),
            Self::TooMany(_) => (Code::BAD_REQUEST, Some("tooMany")),
            Self::Uniqueness(_) => (Code::CONFLICT, Some("uniqueness")),
            Self::Forbidden(_) => (Code::FORBIDDEN, None),
            Self::NotFound => (Code::NOT_FOUND, None),
            Self::OtherVersion => (Code::PRECONDITION_FAILED, None),
            Self::NotImplemented(_) => (Code::NOT_IMPLEMENTED, None),
            Self::TooOften(_) => (Code::TOO_MANY_REQUESTS, None),
            Self::Identity(_) => (Code::INTERNAL_SERVER_ERROR, None),
        };
        match self {
            Self::Identity(error @ identity::Error::Invalid { .. }) => scim::error(status, kind, &error.to_string()),
            Self::Identity(error) => scim::of_problem(&Problem::from(error)),
            Self::TooOften(seconds) => {
                let mut response = scim::error(status, kind, &self.to_string());
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            other => scim::error(status, kind, &other.to_string()),
        }
    }
}

/// The organization of a request, and the body where there is one.
struct Asked {
    state: SignIn,
    caller: Caller,
    directory: Directory,
}

impl Asked {
    async fn of(state: SignIn, caller: Caller) -> Result<Self> {
        let directory = Directory::open(&state.gate.platform, &caller, &state.base_url).await?;
        Ok(Self { state, caller, directory })
    }

    /// Writes a refusal down that somebody should see: the directory wants what it may not do.
    async fn noted<T>(&self, action: &'static str, result: Result<T>) -> Result<T> {
        if let Err(Refusal::Forbidden(words)) = &result {
            self.caller.note_refusal(&self.state.gate.platform, action, words.clone()).await?;
        }
        result
    }

    /// Counts a look at everybody as the heavy work that it is.
    async fn weigh(&self, filter: Option<&Filter>) -> Result<()> {
        let Some(filter) = filter else { return Ok(()) };
        let Credential::ApiKey(id) = self.caller.credential() else { return Ok(()) };
        if is_lookup(filter) || self.directory.count().await? <= LOOKED_AT_FREELY {
            return Ok(());
        }
        match self.state.gate.limits.check(RateClass::Heavy, Subject::Credential(id)).retry_after_seconds {
            Some(seconds) => Err(Refusal::TooOften(seconds)),
            None => Ok(()),
        }
    }
}

/// Reads a JSON body of either media type.
async fn body(request: Request, limit: usize) -> std::result::Result<Value, Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(essence.as_str(), scim::MEDIA_TYPE | "application/json") {
        return Err(scim::of_problem(&Problem::unsupported_media_type(scim::MEDIA_TYPE)));
    }
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), limit).await else {
        return Err(scim::of_problem(&Problem::too_large(limit)));
    };
    serde_json::from_slice(&bytes)
        .map_err(|_| Refusal::InvalidSyntax("The body is not valid JSON.".to_owned()).into_response())
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

fn document(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static(scim::MEDIA_TYPE);
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// A resource with its version and, when it is new, its address.
fn resource(
    status: StatusCode,
    resource: Object,
    shown: &answer::Shown,
    schema: &super::attribute::Schema,
) -> Response {
    let text = |name: &str| resource.get("meta").and_then(|meta| meta.get(name)).and_then(Value::as_str);
    let (version, location) = (text("version").map(HeaderValue::try_from), text("location").map(HeaderValue::try_from));
    let mut response = document(status, &Value::Object(shown.cut(resource, schema)));
    for (name, value) in [(header::ETAG, version), (header::LOCATION, location)] {
        if let Some(Ok(value)) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn service_provider_config(State(state): State<SignIn>) -> Response {
    document(StatusCode::OK, &answer::service_provider_config(&state.base_url))
}

async fn resource_types(State(state): State<SignIn>, RawQuery(query): RawQuery) -> Result<Response> {
    refuse_filter(query.as_deref())?;
    Ok(document(StatusCode::OK, &answer::resource_types(&state.base_url)))
}

async fn resource_type(State(state): State<SignIn>, Path(name): Path<String>) -> Result<Response> {
    Ok(document(StatusCode::OK, &answer::resource_type_named(&state.base_url, &name)?))
}

async fn schemas(State(state): State<SignIn>, RawQuery(query): RawQuery) -> Result<Response> {
    refuse_filter(query.as_deref())?;
    Ok(document(StatusCode::OK, &answer::schemas(&state.base_url)))
}

async fn schema(State(state): State<SignIn>, Path(urn): Path<String>) -> Result<Response> {
    Ok(document(StatusCode::OK, &answer::schema_named(&state.base_url, &urn)?))
}

/// What describes the server is not filtered (RFC 7644 section 4).
fn refuse_filter(query: Option<&str>) -> Result<()> {
    match Query::parse(query.unwrap_or_default())?.filter {
        Some(_) => Err(Refusal::Forbidden("This list is short and is not filtered.".to_owned())),
        None => Ok(()),
    }
}

async fn list_users(State(state): State<SignIn>, caller: Caller, RawQuery(query): RawQuery) -> Result<Response> {
    listed_users(state, caller, &Query::parse(query.as_deref().unwrap_or_default())?).await
}

async fn search_users(
    State(state): State<SignIn>,
    caller: Caller,
    request: Request,
) -> std::result::Result<Response, Response> {
    let sent = body(request, USER_BYTES).await?;
    let search = async { listed_users(state, caller, &Query::of_body(&sent)?).await };
    search.await.map_err(|refusal: Refusal| refusal.into_response())
}

async fn listed_users(state: SignIn, caller: Caller, query: &Query) -> Result<Response> {
    let asked = Asked::of(state, caller).await?;
    let filter = query.filter.as_deref().map(|filter| Filter::parse(filter, &USER)).transpose()?;
    asked.weigh(filter.as_ref()).await?;
    let listed = asked.directory.users(filter.as_ref(), query.start_index, query.count).await?;
    let base = asked.directory.base();
    let shown: Vec<Object> = listed.users.iter().map(|user| query.shown.cut(user.resource(base), &USER)).collect();
    Ok(document(StatusCode::OK, &answer::list(&shown, listed.total, query.start_index)))
}

async fn get_user(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let asked = Asked::of(state, caller).await?;
    let user = asked.directory.user(&id).await?.resource(asked.directory.base());
    Ok(unless_known(&headers, user, &query, &USER))
}

/// 304 for whoever has this version.
fn unless_known(headers: &HeaderMap, read: Object, query: &Query, schema: &super::attribute::Schema) -> Response {
    let known = header_text(headers, header::IF_NONE_MATCH)
        .is_some_and(|known| answer::names_version(known, answer::version(&read)));
    if known {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    resource(StatusCode::OK, read, &query.shown, schema)
}

async fn add_user(
    State(state): State<SignIn>,
    caller: Caller,
    RawQuery(query): RawQuery,
    request: Request,
) -> std::result::Result<Response, Response> {
    let sent = body(request, USER_BYTES).await?;
    let add = async {
        let query = Query::parse(query.as_deref().unwrap_or_default())?;
        let asked = Asked::of(state, caller).await?;
        let user = asked.directory.add(&USER.read(&sent)?).await?;
        Ok(resource(StatusCode::CREATED, user.resource(asked.directory.base()), &query.shown, &USER))
    };
    add.await.map_err(|refusal: Refusal| refusal.into_response())
}

/// PUT and PATCH.
async fn edit_user(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    request: Request,
) -> std::result::Result<Response, Response> {
    let if_match = header_text(request.headers(), header::IF_MATCH).map(str::to_owned);
    let sent = body(request, USER_BYTES).await?;
    let edit = async {
        let query = Query::parse(query.as_deref().unwrap_or_default())?;
        let asked = Asked::of(state, caller).await?;
        let edited = asked.directory.edit(&id, if_match.as_deref(), &Edit::read(&method, &sent, &USER)?).await;
        let user = asked.noted("provisioning.change", edited).await?;
        Ok(resource(StatusCode::OK, user.resource(asked.directory.base()), &query.shown, &USER))
    };
    edit.await.map_err(|refusal: Refusal| refusal.into_response())
}

async fn remove_user(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let asked = Asked::of(state, caller).await?;
    let removed = asked.directory.remove(&id, header_text(&headers, header::IF_MATCH)).await;
    asked.noted("provisioning.remove", removed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_groups(State(state): State<SignIn>, caller: Caller, RawQuery(query): RawQuery) -> Result<Response> {
    listed_groups(state, caller, &Query::parse(query.as_deref().unwrap_or_default())?).await
}

async fn search_groups(
    State(state): State<SignIn>,
    caller: Caller,
    request: Request,
) -> std::result::Result<Response, Response> {
    let sent = body(request, USER_BYTES).await?;
    let search = async { listed_groups(state, caller, &Query::of_body(&sent)?).await };
    search.await.map_err(|refusal: Refusal| refusal.into_response())
}

async fn listed_groups(state: SignIn, caller: Caller, query: &Query) -> Result<Response> {
    let asked = Asked::of(state, caller).await?;
    let filter = query.filter.as_deref().map(|filter| Filter::parse(filter, &GROUP)).transpose()?;
    asked.weigh(filter.as_ref()).await?;
    // Who is in them is read only where somebody wants to see it or asks about it.
    let needs_members = filter.as_ref().is_some_and(|filter| filter.sole_equal("displayName").is_none());
    let mut found = Vec::new();
    for role in group::ROLES {
        let unread = query.shown.leaves_out("members") && !needs_members;
        let members = if unread { Vec::new() } else { asked.directory.members(role).await? };
        let read = group::resource(role, &members, asked.directory.base());
        if filter.as_ref().is_none_or(|filter| filter.matches(&read)) {
            found.push(query.shown.cut(read, &GROUP));
        }
    }
    let total = found.len();
    let page: Vec<Object> = found.into_iter().skip(query.start_index.saturating_sub(1)).take(query.count).collect();
    Ok(document(StatusCode::OK, &answer::list(&page, total, query.start_index)))
}

async fn get_group(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let role = group::role_of(&id)?;
    let asked = Asked::of(state, caller).await?;
    let members = asked.directory.members(role).await?;
    Ok(unless_known(&headers, group::resource(role, &members, asked.directory.base()), &query, &GROUP))
}

/// PUT and PATCH.
async fn edit_group(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    request: Request,
) -> std::result::Result<Response, Response> {
    let if_match = header_text(request.headers(), header::IF_MATCH).map(str::to_owned);
    let sent = body(request, GROUP_BYTES).await?;
    let edit = async {
        let query = Query::parse(query.as_deref().unwrap_or_default())?;
        let role = group::role_of(&id)?;
        let asked = Asked::of(state, caller).await?;
        let edited =
            asked.directory.edit_members(role, if_match.as_deref(), &Edit::read(&method, &sent, &GROUP)?).await;
        let members = asked.noted("provisioning.assign", edited).await?;
        let read = group::resource(role, &members, asked.directory.base());
        Ok(resource(StatusCode::OK, read, &query.shown, &GROUP))
    };
    edit.await.map_err(|refusal: Refusal| refusal.into_response())
}

/// The groups are the roles: none is made, none goes.
async fn refuse_group() -> Refusal {
    Refusal::NotImplemented(
        "The groups are the roles Admin, Manager and Viewer: none can be made or deleted. Link a group of your directory to \
         one of them, and its members get the role.",
    )
}

async fn no_me() -> Refusal {
    Refusal::NotImplemented("A key is nobody in particular, so there is no /Me here.")
}

async fn no_search() -> Refusal {
    Refusal::NotImplemented("Search one kind of resource: POST /scim/v2/Users/.search or /scim/v2/Groups/.search.")
}

async fn no_bulk() -> Refusal {
    Refusal::NotImplemented("Send one request for each change: this server takes none in bulk.")
}
