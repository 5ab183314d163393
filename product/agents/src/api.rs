//! `/v1/agents`.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Caller, Permission, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::paging::{Page, PageQuery};
use web::problem::{FieldError, Problem};
use web::routes::{Access, Audited, Routes};
use web::{Json, Path, Query};

use crate::error::Error;
use crate::profile::Profile;
use crate::store;
use crate::version::{Agent, AgentVersion};

/// Bytes that a profile may have as JSON.
const PROFILE_BYTES_MAX: usize = 256 * 1024;

/// Why a test key may read agents.
const OWN_WORDS: &str = "the business's own words, nobody's data; tests must know what they talk to";

/// The routes.
pub fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::AgentRead), Access::Permission(Permission::AgentWrite));
    let publish = Access::Permission(Permission::AgentPublish);
    Routes::new()
        .get("/v1/agents", read, Audited::No("the business's own settings"), list)
        .test_keys(OWN_WORDS)
        .post("/v1/agents", write, Audited::Change("agent.create"), create)
        .body_bytes(PROFILE_BYTES_MAX)
        .free_text(&["**"])
        .get("/v1/agents/{id}", read, Audited::No("the business's own settings"), get)
        .test_keys(OWN_WORDS)
        .put("/v1/agents/{id}/draft", write, Audited::Change("agent.draft"), save_draft)
        .body_bytes(PROFILE_BYTES_MAX)
        .free_text(&["**"])
        .get("/v1/agents/{id}/versions", read, Audited::No("the business's own settings"), versions)
        .test_keys(OWN_WORDS)
        .post("/v1/agents/{id}/versions", publish, Audited::Change("agent.publish"), publish_draft)
}

/// The description of the routes.
#[derive(OpenApi)]
#[openapi(paths(list, create, get, save_draft, versions, publish_draft))]
pub struct Description;

/// An agent in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentView {
    /// Identifier.
    pub id: Uuid,
    /// The name of its draft.
    pub name: String,
    /// Hash of its draft: what publishing must name.
    pub draft_hash: String,
    /// The version that answers now.
    pub published: Option<PublishedView>,
    /// When the draft was saved last.
    #[schema(format = DateTime)]
    pub draft_saved_at: String,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Which version answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedView {
    /// The version.
    pub version_id: Uuid,
    /// Its number, from 1.
    pub number: i64,
    /// Hash of its profile.
    pub hash: String,
}

/// An agent with its draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentDetail {
    /// What stands in the list.
    #[serde(flatten)]
    pub agent: AgentView,
    /// The draft.
    pub draft: Profile,
}

/// A published version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Identifier.
    pub id: Uuid,
    /// Its number, from 1.
    pub number: i64,
    /// Hash of its profile.
    pub hash: String,
    /// When it was published.
    #[schema(format = DateTime)]
    pub published_at: String,
    /// What it says and does.
    pub profile: Profile,
}

/// A new agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Its first draft.
    pub profile: Profile,
}

/// A new draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// The draft.
    pub profile: Profile,
    /// Hash of the draft that it replaces; when given, a draft that somebody else has saved since is not overwritten.
    #[serde(default)]
    pub based_on: Option<String>,
}

/// What is to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Hash of the draft that was looked at.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

impl From<&Agent> for AgentView {
    fn from(agent: &Agent) -> Self {
        let published = agent.published.as_ref().map(|published| PublishedView {
            version_id: published.version_id,
            number: published.number,
            hash: published.hash.clone(),
        });
        Self {
            id: agent.id,
            name: agent.draft.name.clone(),
            draft_hash: agent.draft_hash.clone(),
            published,
            draft_saved_at: to_rfc3339(agent.draft_saved_at),
            created_at: to_rfc3339(agent.created_at),
        }
    }
}

impl From<Agent> for AgentDetail {
    fn from(agent: Agent) -> Self {
        Self { agent: AgentView::from(&agent), draft: agent.draft }
    }
}

impl From<AgentVersion> for VersionView {
    fn from(version: AgentVersion) -> Self {
        Self {
            id: version.id,
            number: version.number,
            hash: version.hash,
            published_at: to_rfc3339(version.published_at),
            profile: Profile::clone(&version.profile),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Profile(problems) => {
                let fields = problems
                    .into_iter()
                    .map(|problem| FieldError::new(format!("profile.{}", problem.place), problem.problem));
                Self::unprocessable("The profile cannot be accepted.", fields.collect())
            }
            Error::DraftMoved { .. } | Error::AlreadyPublished | Error::TooMany(_) => Self::conflict(error.to_string()),
            other => Self::internal(other),
        }
    }
}

/// The agents, newest first.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", operation_id = "listAgents", params(PageQuery),
    responses((status = 200, body = Page<AgentView>)))]
async fn list(
    State(platform): State<Platform>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AgentView>>, Problem> {
    let agents = store::list(&platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(agents, &query, |agent| agent.id).map(|agent| AgentView::from(&agent))))
}

/// Makes an agent with a draft; it answers nobody until it is published.
#[utoipa::path(post, path = "/v1/agents", tag = "agents", operation_id = "createAgent", request_body = NewAgent,
    responses((status = 201, body = AgentDetail), (status = 409, body = Problem)))]
async fn create(
    State(platform): State<Platform>,
    caller: Caller,
    Json(new): Json<NewAgent>,
) -> Result<(StatusCode, Json<AgentDetail>), Problem> {
    let agent = store::create(&platform, &caller, new.profile).await?;
    Ok((StatusCode::CREATED, Json(agent.into())))
}

/// One agent with its draft.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents", operation_id = "getAgent", params(("id" = Uuid, Path)),
    responses((status = 200, body = AgentDetail), (status = 404, body = Problem)))]
async fn get(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AgentDetail>, Problem> {
    Ok(Json(store::get(&platform, &caller, id).await?.into()))
}

/// Replaces the draft; what is published stays as it is.
#[utoipa::path(put, path = "/v1/agents/{id}/draft", tag = "agents", operation_id = "saveDraft", params(("id" = Uuid, Path)),
    request_body = NewDraft,
    responses((status = 200, body = AgentDetail), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn save_draft(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewDraft>,
) -> Result<Json<AgentDetail>, Problem> {
    store::save_draft(&platform, &caller, id, &new.profile, new.based_on.as_deref()).await?;
    Ok(Json(store::get(&platform, &caller, id).await?.into()))
}

/// The published versions, newest first.
#[utoipa::path(get, path = "/v1/agents/{id}/versions", tag = "agents", operation_id = "listVersions",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<VersionView>), (status = 404, body = Problem)))]
async fn versions(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<VersionView>>, Problem> {
    store::get(&platform, &caller, id).await?;
    let versions = store::versions(&platform, &caller, id, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(versions, &query, |version| version.id).map(VersionView::from)))
}

/// Publishes the draft with this hash.
#[utoipa::path(post, path = "/v1/agents/{id}/versions", tag = "agents", operation_id = "publishDraft",
    params(("id" = Uuid, Path)), request_body = Publish,
    responses((status = 201, body = VersionView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn publish_draft(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(publish): Json<Publish>,
) -> Result<(StatusCode, Json<VersionView>), Problem> {
    let version = store::publish(&platform, &caller, id, &publish.hash).await?;
    Ok((StatusCode::CREATED, Json(version.into())))
}
