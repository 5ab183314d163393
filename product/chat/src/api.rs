//! `/v1/widgets`: the widgets of an organization for programs.

mod visitors;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::{Caller, Permission};
use serde::{Deserialize, Deserializer, Serialize};
use storage::Timestamp;
use utoipa::openapi::schema::{ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{Array, ObjectBuilder};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::{from_rfc3339, to_rfc3339};
use web::{Access, Audited, FieldError, Json, Page, PageQuery, Path, Problem, Query, Routes};

use crate::embed_token::{
    CONVERSATIONS_PER_DAY, CONVERSATIONS_PER_HOUR, MESSAGES_PER_CONVERSATION, MESSAGES_PER_DAY, Quota, Refusal,
};
use crate::origin::ORIGIN_LENGTH_MAX;
use crate::widget::{self, Bounds, End, NewWidget, Widget};
use crate::{ChatState, Error};

/// The routes.
pub fn routes() -> Routes<ChatState> {
    let (read, write) = (Access::Permission(Permission::WidgetRead), Access::Permission(Permission::WidgetWrite));
    let public = Audited::No("embed tokens are public: they stand in the pages of customers");
    Routes::new()
        .get("/v1/widgets", read, public, list)
        .post("/v1/widgets", write, Audited::Change("widget.create"), create)
        .free_text(&["name", "origins.*"])
        .get("/v1/widgets/{id}", read, public, get)
        .patch("/v1/widgets/{id}", write, Audited::Change("widget.update"), update)
        .free_text(&["origins.*"])
        .post("/v1/widgets/{id}/rotation", write, Audited::Change("widget.rotate"), rotate)
        .delete("/v1/widgets/{id}", write, Audited::Change("widget.revoke"), revoke)
        .merge(visitors::routes())
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list, create, get, update, rotate, revoke))]
pub struct Description;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Full => Self::conflict(error.to_string()),
            Error::Revoked => Self::conflict("The widget was revoked; make a new one."),
            Error::Invalid { field, reason } => {
                Self::unprocessable("The widget cannot be accepted.", vec![FieldError::new(field, reason)])
            }
            Error::NoPass => Self::unauthorized(),
            Error::Refused(Refusal::Quota(limit)) => Self::quota_used_up(limit.as_str(), None),
            Error::Refused(Refusal::Challenge) => Self::challenge_required(),
            // One and the same words for every other reason: a page outside learns nothing about a token.
            Error::Refused(_) => Self::forbidden("This page may not use the embed token"),
            Error::StoredOrigins => Self::internal(error),
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Identity(error) => error.into(),
            Error::Conversations(error) => error.into(),
        }
    }
}

/// A widget: one embed token with its bounds.
#[derive(Debug, Serialize, ToSchema)]
pub struct WidgetView {
    id: Uuid,
    /// What it is called in the dashboard.
    name: String,
    /// The agent that answers.
    agent_id: Uuid,
    /// The exact origins whose pages may show it; an empty list means that none may.
    origins: Vec<String>,
    /// The public token for the page.
    embed_token: String,
    /// What to paste into the page, before `</body>`.
    snippet: String,
    /// Quotas: hours and days are those of UTC.
    conversations_per_hour: i64,
    conversations_per_day: i64,
    messages_per_day: i64,
    messages_per_conversation: i64,
    conversations_this_hour: i64,
    conversations_today: i64,
    messages_today: i64,
    /// Until when the token before the last rotation works, too.
    #[schema(format = DateTime)]
    previous_token_until: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl WidgetView {
    fn new(widget: Widget, state: &ChatState) -> Self {
        let token = widget.token;
        Self {
            id: token.id,
            name: token.name,
            agent_id: token.agent_id,
            origins: token.origins.texts(),
            snippet: state.snippet(&widget.text),
            embed_token: widget.text,
            conversations_per_hour: token.quota.conversations_per_hour,
            conversations_per_day: token.quota.conversations_per_day,
            messages_per_day: token.quota.messages_per_day,
            messages_per_conversation: token.quota.messages_per_conversation,
            conversations_this_hour: widget.used.conversations_this_hour,
            conversations_today: widget.used.conversations_today,
            messages_today: widget.used.messages_today,
            previous_token_until: token.previous_until.map(to_rfc3339),
            created_at: to_rfc3339(token.created_at),
            expires_at: token.expires_at.map(to_rfc3339),
            revoked_at: token.revoked_at.map(to_rfc3339),
        }
    }
}

/// A list of exact origins; those of this machine may go without TLS.
fn origins() -> Array {
    origins_or(Type::Array.into())
}

/// The same, or nothing.
fn optional_origins() -> Array {
    origins_or(SchemaType::Array(vec![Type::Array, Type::Null]))
}

fn origins_or(kinds: SchemaType) -> Array {
    let pattern = r"^(?:[hH][tT][tT][pP][sS]://(?:[A-Za-z0-9]{1,60}\.){0,3}[A-Za-z0-9]{1,60}|[hH][tT][tT][pP]://(?:localhost|127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,3})?/?$";
    let origin =
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).max_length(Some(ORIGIN_LENGTH_MAX));
    ArrayBuilder::new().schema_type(kinds).items(origin).max_items(Some(20)).build()
}

/// A new widget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WidgetRequest {
    /// What it is called.
    #[schema(
        min_length = 1,
        max_length = 80,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// The agent that answers.
    agent_id: Uuid,
    /// Exact origins such as `https://www.example.com`; an empty list means that no page may show it.
    #[schema(schema_with = origins)]
    origins: Vec<String>,
    /// When it stops by itself.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Conversations that may begin in an hour (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default = "conversations_per_hour")]
    conversations_per_hour: i64,
    /// Conversations that may begin in a day (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default = "conversations_per_day")]
    conversations_per_day: i64,
    /// Messages that visitors may write in a day (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default = "messages_per_day")]
    messages_per_day: i64,
    /// Messages that a visitor may write in one conversation.
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default = "messages_per_conversation")]
    messages_per_conversation: i64,
}

const fn conversations_per_hour() -> i64 {
    CONVERSATIONS_PER_HOUR
}

const fn conversations_per_day() -> i64 {
    CONVERSATIONS_PER_DAY
}

const fn messages_per_day() -> i64 {
    MESSAGES_PER_DAY
}

const fn messages_per_conversation() -> i64 {
    MESSAGES_PER_CONVERSATION
}

/// What of a widget can change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WidgetChange {
    /// The exact origins whose pages may show it from now on.
    #[schema(schema_with = optional_origins)]
    #[serde(default)]
    origins: Option<Vec<String>>,
    /// When it stops by itself; `null` means never.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    expires_at: WantedEnd,
    /// Conversations that may begin in an hour (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    conversations_per_hour: Option<i64>,
    /// Conversations that may begin in a day (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    conversations_per_day: Option<i64>,
    /// Messages that visitors may write in a day (UTC).
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    messages_per_day: Option<i64>,
    /// Messages that a visitor may write in one conversation.
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    messages_per_conversation: Option<i64>,
}

/// An end as it is wanted: `null` is something else than nothing.
#[derive(Debug, Default)]
enum WantedEnd {
    /// Not said: it stays.
    #[default]
    Unsaid,
    /// `null`.
    Never,
    /// At this instant, as text.
    At(String),
}

impl<'de> Deserialize<'de> for WantedEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Never, Self::At))
    }
}

fn instant(text: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(text).ok_or_else(|| Problem::field("expires_at", "Not an RFC 3339 instant."))
}

/// The widgets of the organization, the newest first.
#[utoipa::path(get, path = "/v1/widgets", operation_id = "listWidgets", tag = "widgets", params(PageQuery), responses((status = 200, body = Page<WidgetView>)))]
async fn list(
    State(state): State<ChatState>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<WidgetView>>, Problem> {
    let widgets = widget::list(&state.platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(widgets, &query, |widget| widget.token.id).map(|widget| WidgetView::new(widget, &state))))
}

/// Makes a widget.
#[utoipa::path(post, path = "/v1/widgets", tag = "widgets", request_body = WidgetRequest, responses((status = 201, body = WidgetView)))]
async fn create(
    State(state): State<ChatState>,
    caller: Caller,
    Json(wanted): Json<WidgetRequest>,
) -> Result<Response, Problem> {
    let expires_at = wanted.expires_at.as_deref().map(instant).transpose()?;
    let new = NewWidget {
        name: &wanted.name,
        agent_id: wanted.agent_id,
        origins: &wanted.origins,
        expires_at,
        quota: Quota {
            conversations_per_hour: wanted.conversations_per_hour,
            conversations_per_day: wanted.conversations_per_day,
            messages_per_day: wanted.messages_per_day,
            messages_per_conversation: wanted.messages_per_conversation,
        },
    };
    let widget = widget::create(&state.platform, &caller, &new).await?;
    let location = HeaderValue::try_from(format!("/v1/widgets/{}", widget.token.id)).map_err(Problem::internal)?;
    let view = WidgetView::new(widget, &state);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// One widget.
#[utoipa::path(get, path = "/v1/widgets/{id}", operation_id = "getWidget", tag = "widgets", params(("id" = Uuid, Path)), responses((status = 200, body = WidgetView)))]
async fn get(
    State(state): State<ChatState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WidgetView>, Problem> {
    let widget = widget::get(&state.platform, &caller, id).await?;
    Ok(Json(WidgetView::new(widget, &state)))
}

/// Changes whose pages may show it, its end and its quotas; what is not named stays.
#[utoipa::path(patch, path = "/v1/widgets/{id}", tag = "widgets", params(("id" = Uuid, Path)), request_body = WidgetChange, responses((status = 200, body = WidgetView), (status = 409, description = "It was revoked", body = Problem, content_type = "application/problem+json")))]
async fn update(
    State(state): State<ChatState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(change): Json<WidgetChange>,
) -> Result<Json<WidgetView>, Problem> {
    let end = match change.expires_at {
        WantedEnd::Unsaid => None,
        WantedEnd::Never => Some(End::Never),
        WantedEnd::At(text) => Some(End::At(instant(&text)?)),
    };
    let bounds = Bounds {
        origins: change.origins.as_deref(),
        end,
        conversations_per_hour: change.conversations_per_hour,
        conversations_per_day: change.conversations_per_day,
        messages_per_day: change.messages_per_day,
        messages_per_conversation: change.messages_per_conversation,
    };
    let widget = widget::change(&state.platform, &caller, id, &bounds).await?;
    Ok(Json(WidgetView::new(widget, &state)))
}

/// Gives it a new embed token; the one before works for another 24 hours.
#[utoipa::path(post, path = "/v1/widgets/{id}/rotation", tag = "widgets", params(("id" = Uuid, Path)), responses((status = 200, body = WidgetView), (status = 409, description = "It was revoked", body = Problem, content_type = "application/problem+json")))]
async fn rotate(
    State(state): State<ChatState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WidgetView>, Problem> {
    let widget = widget::rotate(&state.platform, &caller, id).await?;
    Ok(Json(WidgetView::new(widget, &state)))
}

/// Revokes it at once. Doing it again changes nothing.
#[utoipa::path(delete, path = "/v1/widgets/{id}", tag = "widgets", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke(State(state): State<ChatState>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    widget::revoke(&state.platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
