//! `/v1/conversations`: the record of conversations, and the person's side of them.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::{Access, Audited, Json, Page, PageQuery, Path, Problem, Query, Routes};

use crate::door::{Leave, Line, Outcome, Speaker};
use crate::store::{ConversationSummary, Conversations, ReplayReport};

/// The routes.
pub fn routes() -> Routes<Conversations> {
    let may = Access::Permission;
    let answer = may(Permission::ConversationAnswer);
    Routes::new()
        .get("/v1/conversations", may(Permission::ConversationRead), Audited::Read("conversation.list"), list)
        .get("/v1/conversations/{id}", may(Permission::ConversationRead), Audited::Read("conversation.read"), get)
        .get("/v1/conversations/{id}/events", may(Permission::TranscriptRead), Audited::Read("transcript.read"), events)
        .get(
            "/v1/conversations/{id}/replay",
            may(Permission::ConversationRead),
            Audited::Read("conversation.replay"),
            replay,
        )
        .post("/v1/conversations/{id}/messages", answer, Audited::Change("conversation.answer"), say)
        .free_text(&["text"])
        .put("/v1/conversations/{id}/person", answer, Audited::Change("handoff.join"), join)
        .delete("/v1/conversations/{id}/person", answer, Audited::Change("handoff.leave"), leave)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list, get, events, replay, say, join, leave))]
pub struct Description;

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConversationQuery {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    #[serde(default)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    after: Option<Uuid>,
    /// Only those in this state.
    #[param(inline)]
    #[serde(default)]
    state: Option<StateName>,
}

/// The state of a conversation.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// The agent answers.
    Open,
    /// Somebody waits for a person.
    Waiting,
    /// A person answers.
    Person,
    /// It is over.
    Ended,
}

impl StateName {
    const fn name(self) -> &'static str {
        match self {
            StateName::Open => "open",
            StateName::Waiting => "waiting",
            StateName::Person => "person",
            StateName::Ended => "ended",
        }
    }
}

/// A conversation.
#[derive(Serialize, ToSchema)]
pub struct ConversationView {
    id: Uuid,
    contact_id: Uuid,
    agent_id: Uuid,
    /// The version of the agent that it is held with, to its end.
    agent_version_id: Uuid,
    /// `chat` or `phone`.
    channel: String,
    /// `open`, `waiting`, `person` or `ended`.
    state: String,
    /// The caller's number, when it was signalled.
    who: Option<String>,
    /// The member who joined.
    joined_by: Option<Uuid>,
    /// Events so far.
    sequence: i64,
    #[schema(format = DateTime)]
    opened_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// `goodbye`, `hung_up`, `silence`, `transferred`, `person`, `idle` or `too_long`.
    end_reason: Option<String>,
    /// The person was erased: only ids and times are left.
    erased: bool,
}

storage::debug_shows!(struct ConversationView { id, contact_id, agent_id, channel, state, sequence, end_reason, erased });

impl From<ConversationSummary> for ConversationView {
    fn from(summary: ConversationSummary) -> Self {
        ConversationView {
            id: summary.id,
            contact_id: summary.contact_id,
            agent_id: summary.agent_id,
            agent_version_id: summary.agent_version_id,
            channel: summary.channel,
            state: summary.state,
            who: summary.who,
            joined_by: summary.joined_by,
            sequence: summary.sequence,
            opened_at: to_rfc3339(summary.opened_at),
            updated_at: to_rfc3339(summary.updated_at),
            ended_at: summary.ended_at.map(to_rfc3339),
            end_reason: summary.end_reason,
            erased: summary.erased,
        }
    }
}

/// One line of a conversation.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    /// The event that it belongs to.
    sequence: u64,
    #[schema(format = DateTime)]
    at: String,
    /// `visitor`, `keys`, `agent`, `person` or `event`.
    by: &'static str,
    /// How the person is called, where one wrote.
    name: Option<String>,
    text: String,
    /// Where the quotes in it come from.
    sources: Vec<SourceView>,
}

storage::debug_shows!(struct LineView { sequence, at, by });

/// Where a quote comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceView {
    document_id: Uuid,
    title: String,
    /// Path of headings, outermost first.
    section: Vec<String>,
    url: Option<String>,
    quote: String,
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        let (by, name) = match line.speaker {
            Speaker::Visitor => ("visitor", None),
            Speaker::Keys => ("keys", None),
            Speaker::Agent => ("agent", None),
            Speaker::Person { display_name } => ("person", Some(display_name)),
            Speaker::Event => ("event", None),
        };
        let sources = line.reply.map(|reply| reply.sources).unwrap_or_default();
        let source = |source: agents::compose::Source| SourceView {
            document_id: source.document_id,
            title: source.title,
            section: source.section,
            url: source.url,
            quote: source.quote,
        };
        LineView {
            sequence: line.sequence,
            at: to_rfc3339(line.at),
            by,
            name,
            text: line.text,
            sources: sources.into_iter().map(source).collect(),
        }
    }
}

/// Lines after which event.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LineQuery {
    /// Only lines of later events.
    #[param(value_type = i64, minimum = 0, maximum = 4_294_967_295_i64)]
    #[serde(default)]
    after: u32,
}

/// What a replay found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    conversation_id: Uuid,
    /// Whether every event had the same effects again, and the last state is the stored one.
    same: bool,
    /// Events that were stepped again.
    events: u64,
    /// The first event that came out differently.
    first_difference: Option<u64>,
    /// Whether the state after the last event is the stored one.
    state_agrees: bool,
}

impl From<ReplayReport> for ReplayView {
    fn from(report: ReplayReport) -> Self {
        ReplayView {
            conversation_id: report.conversation_id,
            same: report.same(),
            events: report.events,
            first_difference: report.first_difference,
            state_agrees: report.state_agrees,
        }
    }
}

/// A message of the person who joined.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// The words.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
    /// Your own id of the message: the same one again is taken once.
    #[schema(max_length = 64)]
    #[serde(default)]
    client_id: Option<String>,
}

storage::debug_shows!(struct MessageRequest { client_id });

/// That something was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenView {
    conversation_id: Uuid,
    /// The event that it became; it is stored.
    sequence: u64,
    /// It had come before.
    duplicate: bool,
    /// Whether the conversation is over.
    ended: bool,
}

impl From<Outcome> for TakenView {
    fn from(outcome: Outcome) -> Self {
        TakenView {
            conversation_id: outcome.conversation_id,
            sequence: outcome.input_sequence,
            duplicate: outcome.duplicate,
            ended: outcome.ended,
        }
    }
}

/// How to leave.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeaveQuery {
    /// End the conversation; otherwise the agent goes on.
    #[serde(default)]
    end: bool,
}

/// The conversations, newest first.
#[utoipa::path(get, path = "/v1/conversations", operation_id = "listConversations", tag = "conversations", params(ConversationQuery), responses((status = 200, body = Page<ConversationView>)))]
async fn list(
    State(conversations): State<Conversations>,
    caller: Caller,
    Query(query): Query<ConversationQuery>,
) -> Result<Json<Page<ConversationView>>, Problem> {
    let page = PageQuery::new(query.limit.unwrap_or(web::paging::DEFAULT_LIMIT), query.after)?;
    let state = query.state.map(StateName::name);
    let rows = conversations.list(&caller, state, page.before_or_end(), page.fetch()).await?;
    Ok(Json(Page::of(rows, &page, |row| row.id).map(ConversationView::from)))
}

/// One conversation.
#[utoipa::path(get, path = "/v1/conversations/{id}", operation_id = "getConversation", tag = "conversations", params(("id" = Uuid, Path)), responses((status = 200, body = ConversationView)))]
async fn get(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationView>, Problem> {
    Ok(Json(conversations.summary(&caller, id).await?.into()))
}

/// What was said, oldest first.
#[utoipa::path(get, path = "/v1/conversations/{id}/events", tag = "conversations", params(("id" = Uuid, Path), LineQuery), responses((status = 200, body = Vec<LineView>)))]
async fn events(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<LineQuery>,
) -> Result<Json<Vec<LineView>>, Problem> {
    let lines = conversations.transcript(caller.organization(), id, query.after.into()).await?;
    Ok(Json(lines.into_iter().map(LineView::from).collect()))
}

/// Steps the stored conversation again and compares.
#[utoipa::path(get, path = "/v1/conversations/{id}/replay", tag = "conversations", params(("id" = Uuid, Path)), responses((status = 200, body = ReplayView)))]
async fn replay(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ReplayView>, Problem> {
    Ok(Json(conversations.replay(caller.organization(), id).await?.into()))
}

/// Writes to the visitor, as the person who joined.
#[utoipa::path(post, path = "/v1/conversations/{id}/messages", tag = "conversations", params(("id" = Uuid, Path)), request_body = MessageRequest, responses((status = 201, body = TakenView)))]
async fn say(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(message): Json<MessageRequest>,
) -> Result<(StatusCode, Json<TakenView>), Problem> {
    let outcome = conversations.person_says(&caller, id, &message.text, message.client_id.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(outcome.into())))
}

/// Joins the conversation: the agent is silent until you leave.
#[utoipa::path(put, path = "/v1/conversations/{id}/person", tag = "conversations", params(("id" = Uuid, Path)), responses((status = 409, description = "Another person has joined, or it is over"), (status = 200, body = TakenView)))]
async fn join(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<TakenView>, Problem> {
    Ok(Json(conversations.person_joins(&caller, id).await?.into()))
}

/// Leaves the conversation: the agent goes on, or it ends.
#[utoipa::path(delete, path = "/v1/conversations/{id}/person", operation_id = "leaveConversation", tag = "conversations", params(("id" = Uuid, Path), LeaveQuery), responses((status = 204), (status = 409, description = "Nobody has joined it")))]
async fn leave(
    State(conversations): State<Conversations>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<LeaveQuery>,
) -> Result<StatusCode, Problem> {
    let leave = if query.end { Leave::End } else { Leave::BackToAgent };
    conversations.person_leaves(&caller, id, leave).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
