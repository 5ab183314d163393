//! Settings: what was noticed and somebody must look at, with what can be done about it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::alert::{self, Alert, Kind, State as AlertState};
use identity::{Caller, Permission, Platform, place};
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{PageContext, Path, Problem, Query};

/// Alerts shown; older ones are read by the API.
const ALERTS_SHOWN: i64 = 100;
/// Where all of this stands.
const PAGE: &str = "/settings/alerts";

pub(super) fn routes() -> Routes<Platform> {
    let settle = Audited::Change("alert.settle");
    Routes::new()
        .get(PAGE, Access::Member, Audited::Read("alert.list"), show)
        .post("/settings/alerts/{id}/own", Access::Member, settle, was_mine)
        .step_up()
        .post("/settings/alerts/{id}/lock", Access::Member, settle, lock)
        .post("/settings/alerts/{id}/seen", Access::Permission(Permission::MemberWrite), settle, seen)
}

struct Line {
    id: Uuid,
    title: &'static str,
    facts: Vec<(String, String)>,
    at: Moment,
    state: Chip,
    may_own: bool,
    may_lock: bool,
    may_see: bool,
}

fn line(alert: Alert, caller: &Caller) -> Line {
    let is_open = alert.state == AlertState::Open;
    let own = alert.user.is_some() && alert.user == caller.user();
    let writes = caller.permits(Permission::MemberWrite);
    let places = alert.kind == Kind::ConcurrentPlaces;
    Line {
        id: alert.id,
        title: match alert.kind {
            Kind::ConcurrentPlaces => "One person in two places at once",
            Kind::KeyLeaked => "A key leaked and was stopped",
        },
        facts: alert.detail.facts,
        at: Moment::new(alert.raised_at),
        state: match alert.state {
            AlertState::Open => Chip::new(Tone::Bad, "Open"),
            AlertState::Own => Chip::new(Tone::Good, "It was them"),
            AlertState::Locked => Chip::new(Tone::Done, "Locked out"),
            AlertState::Seen => Chip::new(Tone::Done, "Seen"),
        },

        may_own: is_open && places && own,
        may_lock: is_open && places && (own || writes),
        may_see: is_open && !places && writes,
    }
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    shell: Shell,
    alerts: Vec<Line>,
}

async fn show(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let alerts = alert::list(&platform, &page.caller, Uuid::max(), ALERTS_SHOWN).await?;
    let alerts = alerts.into_iter().map(|alert| line(alert, &page.caller)).collect();
    Ok(Html(AlertsPage { shell: done.told(page.shell("Alerts", Nav::Settings)), alerts }).into_response())
}

async fn was_mine(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    place::was_mine(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "known")))
}

async fn lock(State(platform): State<Platform>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    place::lock(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "locked")))
}

async fn seen(State(platform): State<Platform>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    alert::mark_seen(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "saved")))
}
