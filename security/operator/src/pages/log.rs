//! The installation's own log: what operators and the machine did, each entry held against its leaf, and the whole log verified at the
//! press of a button. Entries of organizations are theirs, and stand on their own pages; the verification reads all of them and names
//! places only.

use askama::Template;
use audit::{ActorKind, Outcome, Report, StoredEntry};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use storage::Timestamp;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Html, Shell};
use web::{Problem, Query};

use super::{Frame, OperatorPage};
use crate::Plane;

/// Entries on a page.
const ENTRIES_SHOWN: u32 = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<u64>,
}

struct Line {
    index: u64,
    at: Moment,
    who: &'static str,
    action: String,
    object_kind: String,
    outcome: Chip,
    facts: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "operator_log.html")]
struct LogPage {
    shell: Shell,
    frame: Frame,
    lines: Vec<Line>,
    broken: usize,
    older: Option<u64>,
    report: Option<Report>,
    verifier_key: String,
}

fn line(entry: StoredEntry) -> Line {
    let Some(record) = entry.record.filter(|_| entry.intact) else {
        let (at, outcome) = (Moment::new(Timestamp(0)), Chip::new(Tone::Bad, "Changed afterwards"));
        let (action, object_kind) = ("not readable".to_owned(), String::new());
        return Line { index: entry.index, at, who: "", action, object_kind, outcome, facts: Vec::new() };
    };
    Line {
        index: entry.index,
        at: Moment::exact(Timestamp(record.at)),
        who: match record.actor.kind {
            ActorKind::Operator => "An operator",
            ActorKind::System => "The server",
            _ => "Somebody else",
        },
        action: record.action,
        object_kind: record.object.kind,
        outcome: match record.outcome {
            Outcome::Done => Chip::new(Tone::Good, "Done"),
            Outcome::Refused => Chip::new(Tone::Wait, "Refused"),
            Outcome::Failed => Chip::new(Tone::Bad, "Failed"),
        },
        facts: record.facts,
    }
}

pub(super) async fn list(
    State(plane): State<Plane>,
    page: OperatorPage,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    show(&plane, &page, asked.before, None).await
}

/// Verifies the whole log at once; it reads every entry, so it is asked for.
pub(super) async fn verify(State(plane): State<Plane>, page: OperatorPage) -> Result<Response, Problem> {
    let report = plane.gate.platform.audit.verify().await?;
    show(&plane, &page, None, Some(report)).await
}

async fn show(
    plane: &Plane,
    page: &OperatorPage,
    before: Option<u64>,
    report: Option<Report>,
) -> Result<Response, Problem> {
    let audit = &plane.gate.platform.audit;
    let entries = audit.installation_entries(before, ENTRIES_SHOWN).await?;
    let older = entries.last().filter(|_| entries.len() == ENTRIES_SHOWN as usize).map(|entry| entry.index);
    Ok(Html(LogPage {
        shell: page.shell("Log"),
        frame: page.frame("/log"),
        broken: entries.iter().filter(|entry| !entry.intact).count(),
        lines: entries.into_iter().map(line).collect(),
        older,
        report,
        verifier_key: audit.verifier_key().to_string(),
    })
    .into_response())
}
