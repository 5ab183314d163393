//! The audit log as a page: newest first, each entry checked against its leaf, each with its proof to take away.

use askama::Template;
use audit::{EntryQuery, Outcome, StoredEntry};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::Platform;
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::Routes;
use web::shell::{Html, Nav, Shell};
use web::{PageContext, Path, Problem, Query};

use super::{LISTED, MAY_READ, PROVEN, Told, proof_of};

/// Entries on a page.
const ENTRIES_SHOWN: u32 = 50;

/// The routes.
pub fn routes() -> Routes<Platform> {
    Routes::new().get("/audit", MAY_READ, LISTED, list).get("/audit/{index}/proof", MAY_READ, PROVEN, proof)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    object: String,
    #[serde(default)]
    action: String,
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
    intact: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<Line>,
    broken: usize,
    object: String,
    action: String,
    older: Option<u64>,
    verifier_key: String,
}

fn line(entry: StoredEntry) -> Line {
    let index = entry.index;
    let Some(told) = Told::of(entry) else {
        let outcome = Chip::new(Tone::Bad, "Changed afterwards");
        let (action, object_kind) = ("not readable".to_owned(), String::new());
        let at = Moment::new(Timestamp(0));
        let (object_id, object_short, facts) = (None, String::new(), Vec::new());
        let intact = false;
        return Line { index, at, who: "", action, object_kind, object_id, object_short, outcome, facts, intact };
    };
    let outcome = match told.outcome {
        Outcome::Done => Chip::new(Tone::Good, "Done"),
        Outcome::Refused => Chip::new(Tone::Wait, "Refused"),
        Outcome::Failed => Chip::new(Tone::Bad, "Failed"),
    };
    Line {
        index,
        at: Moment::exact(told.at),
        who: told.who,
        action: told.action,
        object_kind: told.object.kind,
        object_id: told.object.id,
        // The end of an id differs most: its start is the time.
        object_short: told.object.id.map(|id| id.to_string().split_off(28)).unwrap_or_default(),
        outcome,
        facts: told.facts,
        intact: true,
    }
}

async fn list(
    State(platform): State<Platform>,
    page: PageContext,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (object, action) = (asked.object.trim(), asked.action.trim());
    let query = EntryQuery {
        before: asked.before,
        // What is no id is the id of nothing.
        object_id: if object.is_empty() { None } else { Some(Uuid::try_parse(object).unwrap_or(Uuid::max())) },
        action: Some(action).filter(|action| !action.is_empty()),
        limit: ENTRIES_SHOWN,
    };
    let entries = platform.audit.entries(&page.caller.database(&platform), &query).await?;
    let older = entries.last().filter(|_| entries.len() == ENTRIES_SHOWN as usize).map(|entry| entry.index);
    let broken = entries.iter().filter(|entry| !entry.intact).count();
    let shown = AuditPage {
        shell: page.shell("Audit", Nav::Audit),
        entries: entries.into_iter().map(line).collect(),
        broken,
        object: object.to_owned(),
        action: action.to_owned(),
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
    let proof = proof_of(&platform, &page.caller, index).await?;
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, proof.text()).into_response())
}
