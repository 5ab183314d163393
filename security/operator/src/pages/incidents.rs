//! Compromises that organizations reported, from outside: when, whether it is over, and how much was stopped. What was reported is the
//! organization's, and stands on its own page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use identity::incident::{self, Counted};
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Html, Shell};
use web::{Page, PageQuery, Problem, Query};

use super::{Frame, OperatorPage};
use crate::Plane;

struct Line {
    organization: String,
    what: &'static str,
    opened: Moment,
    closed: Option<Moment>,
    sessions: i64,
    keys: i64,
    state: Chip,
}

#[derive(Template)]
#[template(path = "operator_incidents.html")]
struct IncidentsPage {
    shell: Shell,
    frame: Frame,
    lines: Vec<Line>,
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(plane): State<Plane>,
    page: OperatorPage,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let found = incident::of_installation(&plane.gate.platform, query.before_or_end(), query.fetch()).await?;
    let found = Page::of(found, &query, |one| one.id);
    let line = |one: Counted| Line {
        organization: one.organization,
        what: if one.whole { "the whole organization" } else { "one person" },
        opened: Moment::new(one.opened_at),
        state: if one.closed_at.is_some() { Chip::new(Tone::Done, "Over") } else { Chip::new(Tone::Bad, "Locked") },
        closed: one.closed_at.map(Moment::new),
        sessions: one.sessions,
        keys: one.keys,
    };
    Ok(Html(IncidentsPage {
        shell: page.shell("Incidents"),
        frame: page.frame("/incidents"),
        next_cursor: found.next_cursor.map(|cursor| cursor.to_string()),
        lines: found.data.into_iter().map(line).collect(),
    })
    .into_response())
}
