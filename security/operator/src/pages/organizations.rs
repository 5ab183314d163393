//! Organizations from outside: name, state and counts. What is in them has no page here.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::organization::{self, State as Stand};
use identity::support::Operator;
use storage::{OrganizationId, Timestamp};
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Done, Html, Shell};
use web::{Page, PageQuery, Path, Problem, Query};

use super::{Frame, OperatorPage};
use crate::Plane;
use crate::role::OperatorPermission;

struct Line {
    id: Uuid,
    name: String,
    since: Moment,
    members: i64,
    keys: i64,
    state: Chip,
    is_active: bool,
}

#[derive(Template)]
#[template(path = "operator_organizations.html")]
struct OrganizationsPage {
    shell: Shell,
    frame: Frame,
    lines: Vec<Line>,
    may_suspend: bool,
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(plane): State<Plane>,
    page: OperatorPage,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let found = organization::list(&plane.gate.platform, query.after(), query.fetch()).await?;
    let found = Page::of(found, &query, |one| one.id.0);
    let line = |one: organization::Counted| Line {
        id: one.id.0,
        name: one.name,
        since: Moment::day(one.created_at),
        members: one.members,
        keys: one.keys,
        state: if one.is_active { Chip::new(Tone::Good, "Active") } else { Chip::new(Tone::Bad, "Suspended") },
        is_active: one.is_active,
    };
    Ok(Html(OrganizationsPage {
        shell: page.shell("Organizations"),
        frame: page.frame("/organizations"),
        may_suspend: page.caller.permits(OperatorPermission::OrganizationSuspend),
        next_cursor: found.next_cursor.map(|cursor| cursor.to_string()),
        lines: found.data.into_iter().map(line).collect(),
    })
    .into_response())
}

pub(super) async fn suspend(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    set(&plane, &page, id, Stand::Suspended).await
}

pub(super) async fn resume(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    set(&plane, &page, id, Stand::Active).await
}

/// In the installation's log first, with who; then in the organization's own, with the change.
async fn set(plane: &Plane, page: &OperatorPage, id: Uuid, state: Stand) -> Result<Redirect, Problem> {
    let (platform, caller) = (&plane.gate.platform, &page.caller);
    let action = if state == Stand::Active { "organization.resume" } else { "organization.suspend" };
    caller.change(platform, action).await?.commit("organization", Some(id), Vec::new()).await?;
    let until = Timestamp(i64::MAX);
    let operator = Operator { id: caller.operator(), name: caller.name(), address: caller.address(), until };
    if organization::set_state(platform, operator, OrganizationId(id), state).await? {
        Ok(Redirect::to(&Done::address("/organizations", "saved")))
    } else {
        Err(Problem::not_found())
    }
}
