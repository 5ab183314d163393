//! The audit log as a page: newest first, each entry checked against its leaf, each with its proof to take away.

use askama::Template;
use audit::{ActorKind, EntryQuery, Outcome, StoredEntry};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::{Permission, Platform};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Nav, Shell};
use web::{PageContext, Path, Problem, Query};

/// Entries on a page.
const ENTRIES_SHOWN: u32 = 50;

pub(super) fn routes() -> Routes<Platform> {
    let read = Access::Permission(Permission::AuditRead);
    Routes::new().get("/audit", read, Audited::Read("audit.list"), list).get(
        "/audit/{index}/proof",
        read,
        Audited::Read("audit.proof"),
        proof,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    object: String,
    before: Option<u64>,
}

struct Line {
    index: u64,
    at: Moment,
    who: &'static str,
    action: String,
    object_kind: String,
    object_id: Option<Uuid>,
    object_short: String,
    outcome: Chip,
    facts: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<Line>,
    broken: usize,
    object: String,
    older: Option<u64>,
    verifier_key: String,
}

const fn actor_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::System => "The server",
        ActorKind::User => "A person",
        ActorKind::ApiKey => "A program",
        ActorKind::Visitor => "A visitor",
        ActorKind::PhoneCaller => "A caller",
        ActorKind::Operator => "The operator",
    }
}

fn line(entry: StoredEntry) -> Line {
    let index = entry.index;
    let Some(record) = entry.record.filter(|_| entry.intact) else {
        let outcome = Chip::new(Tone::Bad, "Changed afterwards");
        let (action, object_kind) = ("not readable".to_owned(), String::new());
        let at = Moment::new(Timestamp(0));
        let (object_id, object_short) = (None, String::new());
        return Line { index, at, who: "", action, object_kind, object_id, object_short, outcome, facts: Vec::new() };
    };
    let outcome = match record.outcome {
        Outcome::Done => Chip::new(Tone::Good, "Done"),
        Outcome::Refused => Chip::new(Tone::Wait, "Refused"),
        Outcome::Failed => Chip::new(Tone::Bad, "Failed"),
    };
    Line {
        index,
        at: Moment::exact(Timestamp(record.at)),
        who: actor_word(record.actor.kind),
        action: record.action,
        object_kind: record.object.kind,
        object_id: record.object.id,
        // The end of an id differs most: its start is the time.
        object_short: record.object.id.map(|id| id.to_string().split_off(28)).unwrap_or_default(),
        outcome,
        facts: record.facts,
    }
}

async fn list(
    State(platform): State<Platform>,
    page: PageContext,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let text = asked.object.trim();
    let object_id = if text.is_empty() { None } else { Some(Uuid::try_parse(text).unwrap_or(Uuid::max())) };
    let query = EntryQuery { before: asked.before, object_id, limit: ENTRIES_SHOWN };
    let entries = platform.audit.entries(&page.caller.database(&platform), &query).await?;
    let older = entries.last().filter(|_| entries.len() == ENTRIES_SHOWN as usize).map(|entry| entry.index);
    let broken = entries.iter().filter(|entry| !entry.intact).count();
    let shown = AuditPage {
        shell: page.shell("Audit", Nav::Audit),
        entries: entries.into_iter().map(line).collect(),
        broken,
        object: text.to_owned(),
        older,
        verifier_key: platform.audit.verifier_key().to_string(),
    };
    Ok(Html(shown).into_response())
}

async fn proof(
    State(platform): State<Platform>,
    page: PageContext,
    Path(index): Path<u64>,
) -> Result<Response, Problem> {
    let proof = platform.audit.inclusion(&page.caller.database(&platform), index, platform.now()).await;
    let proof = match proof {
        Ok(proof) => proof,
        Err(audit::Error::NoEntry) => return Err(Problem::not_found()),
        Err(other) => return Err(other.into()),
    };
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, proof.text()).into_response())
}
