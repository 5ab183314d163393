//! `/v1/audit`: the organization's audit log for programs, and the proof of each entry.

use audit::{ActorKind, EntryQuery, Outcome, StoredEntry};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use identity::{Caller, Platform};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::Timestamp;
use utoipa::{IntoParams, OpenApi, ToSchema};
use uuid::Uuid;
use web::routes::Routes;
use web::{Json, Page, PageQuery, Path, Problem, Query};

use super::{LISTED, MAY_READ, PROVEN, Told, proof_of};

/// Letters of an action at most; the longest that there is has half of it.
const ACTION_LENGTH_MAX: usize = 64;

/// The routes.
pub fn routes() -> Routes<Platform> {
    Routes::new().get("/v1/audit", MAY_READ, LISTED, list).get("/v1/audit/{index}/proof", MAY_READ, PROVEN, proof)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list, proof))]
pub struct Description;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    #[serde(default)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    after: Option<Uuid>,
    /// Only entries about the thing with this id.
    #[serde(default)]
    object_id: Option<Uuid>,
    /// Only entries of this action, written exactly so.
    #[param(pattern = "^[a-z0-9._-]{1,64}$", example = "agent.publish")]
    #[serde(default)]
    action: Option<String>,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor {
    /// `system` (the server itself), `user` (a person who was signed in), `api_key`, `visitor`, `phone_caller` or `operator`.
    #[schema(value_type = String, example = "user")]
    kind: ActorKind,
    /// Its id, where it has one.
    id: Option<Uuid>,
    /// The kind in words.
    #[schema(example = "A person")]
    words: &'static str,
}

/// What it was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditObject {
    /// What kind of thing.
    #[schema(example = "agent")]
    kind: String,
    /// Which one, where it has an id.
    id: Option<Uuid>,
}

/// More about it: ids, names of settings, numbers; never personal data.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditFact {
    /// What it is.
    #[schema(example = "version")]
    name: String,
    /// And what it was.
    #[schema(example = "3")]
    value: String,
}

/// One entry. Of an entry that was changed after it was written, only `id`, `index` and `intact` are told.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryView {
    /// What lists take for a cursor.
    id: Uuid,
    /// Its place in the log of the installation, so the indexes of one organization have gaps.
    #[schema(minimum = 0)]
    index: u64,
    /// Whether it still is what its leaf was made of. False means that somebody changed it: run `ringfence audit verify`.
    intact: bool,
    #[serde(serialize_with = "web::instant::serialize_optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    actor: Option<AuditActor>,
    /// What was done.
    action: Option<String>,
    object: Option<AuditObject>,
    /// `done`, `refused` (it was not allowed) or `failed` (it was allowed and did not work).
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
    facts: Vec<AuditFact>,
    /// The exact text that the leaf of the tree holds: what its proof is about (RFC 6962, section 2.1).
    record: Option<String>,
}

impl From<StoredEntry> for AuditEntryView {
    fn from(entry: StoredEntry) -> Self {
        let (id, index) = (entry.id(), entry.index);
        let Some(told) = Told::of(entry) else {
            let (at, actor, action, object, outcome, record) = (None, None, None, None, None, None);
            return Self { id, index, intact: false, at, actor, action, object, outcome, facts: Vec::new(), record };
        };
        Self {
            id,
            index,
            intact: true,
            at: Some(told.at),
            actor: Some(AuditActor { kind: told.actor.kind, id: told.actor.id, words: told.who }),
            action: Some(told.action),
            object: Some(AuditObject { kind: told.object.kind, id: told.object.id }),
            outcome: Some(told.outcome),
            facts: told.facts.into_iter().map(|(name, value)| AuditFact { name, value }).collect(),
            record: Some(told.record),
        }
    }
}

/// One page as the description shows it.
fn example() -> serde_json::Value {
    json!({
        "data": [{
            "id": "00000000-0000-0000-0000-000000000007",
            "index": 7,
            "intact": true,
            "at": "2026-01-01T00:00:00Z",
            "actor": { "kind": "user", "id": "01900000-0000-7000-8000-000000000051", "words": "A person" },
            "action": "agent.publish",
            "object": { "kind": "agent", "id": "01900000-0000-7000-8000-0000000000a9" },
            "outcome": "done",
            "facts": [{ "name": "version", "value": "3" }],
            "record": "{\"action\":\"agent.publish\",\"actor\":{\"id\":\"01900000-0000-7000-8000-000000000051\",\"kind\":\"user\"},\"at\":1767225600000000,\"commitment\":null,\"facts\":[[\"version\",\"3\"]],\"index\":7,\"object\":{\"id\":\"01900000-0000-7000-8000-0000000000a9\",\"kind\":\"agent\"},\"organization\":\"01900000-0000-7000-8000-00000000000a\",\"outcome\":\"done\",\"version\":1}",
        }],
        "has_more": false,
        "next_cursor": null,
    })
}

/// Whether this may be the name of an action.
fn is_action(text: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"._-".contains(&letter);
    (1..=ACTION_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_letter)
}

/// The audit log of your organization, newest first: who did what to which thing, and how it ended.
///
/// Reading it is an entry itself.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listAuditEntries", tag = "audit", params(AuditQuery), responses((status = 200, body = Page<AuditEntryView>, example = json!(example()))))]
async fn list(
    State(platform): State<Platform>,
    caller: Caller,
    Query(asked): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntryView>>, Problem> {
    let page = PageQuery::new(asked.limit.unwrap_or(web::paging::DEFAULT_LIMIT), asked.after)?;
    if asked.action.as_deref().is_some_and(|action| !is_action(action)) {
        let words = format!("an action is written like `agent.publish`, in at most {ACTION_LENGTH_MAX} letters");
        return Err(Problem::field("action", words));
    }
    let query = EntryQuery {
        before: page.after().map(StoredEntry::index_of),
        object_id: asked.object_id,
        action: asked.action.as_deref(),
        limit: page.fetch() as u32,
    };
    let entries = platform.audit.entries(&caller.database(&platform), &query).await?;
    Ok(Json(Page::of(entries, &page, StoredEntry::id).map(AuditEntryView::from)))
}

/// The proof that an entry is in the log, for whoever holds the log's verifier key (it stands on the page *Audit*).
///
/// A C2SP tlog-proof: the hashes from the entry's leaf up, and the signed checkpoint of the tree that they lead to. The leaf is
/// SHA-256 over a zero byte and the entry's `record`.
#[utoipa::path(get, path = "/v1/audit/{index}/proof", operation_id = "getAuditProof", tag = "audit", params(("index" = u64, Path, minimum = 0)), responses((status = 200, body = String, content_type = "text/plain", example = "c2sp.org/tlog-proof@v1\nindex 7\n…\n")))]
async fn proof(
    State(platform): State<Platform>,
    caller: Caller,
    Path(index): Path<u64>,
) -> Result<impl IntoResponse, Problem> {
    let proof = proof_of(&platform, &caller, index).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], proof.text()))
}
