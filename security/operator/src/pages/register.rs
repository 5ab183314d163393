//! Operators and their training; and what an operator sees of their own standing.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Done, Html, Shell};
use web::{Form, Path, Problem, Query};

use super::{Frame, OperatorPage};
use crate::Plane;
use crate::account::Account;
use crate::role::{OperatorPermission, Standing};
use crate::store::accounts;
use crate::store::trainings::{self, Attestation};
use crate::training::{Training, VALID_DAYS};

/// Operators shown; an installation with more lists them at the command line.
const OPERATORS_SHOWN: i64 = 200;

fn chip(standing: Standing) -> Chip {
    match standing {
        Standing::Good => Chip::new(Tone::Good, "Good"),
        Standing::Untrained => Chip::new(Tone::Bad, "Training missing or over"),
        Standing::Suspended => Chip::new(Tone::Bad, "Suspended"),
    }
}

#[derive(Template)]
#[template(path = "operator_me.html")]
struct MePage {
    shell: Shell,
    frame: Frame,
    standing: Chip,
    is_good: bool,
    trained_until: Option<Moment>,
}

pub(super) async fn me(page: OperatorPage) -> Response {
    let standing = page.caller.standing();
    Html(MePage {
        shell: page.shell("Your standing"),
        frame: page.frame("/me"),
        standing: chip(standing),
        is_good: standing == Standing::Good,
        trained_until: page.caller.trained_until().map(Moment::day),
    })
    .into_response()
}

struct Line {
    id: Uuid,
    name: String,
    email: String,
    role: &'static str,
    standing: Chip,
    is_suspended: bool,
    is_enrolled: bool,
    trained_until: Option<Moment>,
    is_reader: bool,
}

#[derive(Template)]
#[template(path = "operator_operators.html")]
struct OperatorsPage {
    shell: Shell,
    frame: Frame,
    lines: Vec<Line>,
    may_suspend: bool,
}

pub(super) async fn operators(
    State(plane): State<Plane>,
    page: OperatorPage,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let platform = &plane.gate.platform;
    let now = platform.now();
    let line = |account: Account| Line {
        id: account.id,
        standing: chip(account.standing(now)),
        role: account.role.as_str(),
        is_suspended: account.is_suspended,
        is_enrolled: account.is_enrolled,
        trained_until: account.trained_until.map(Moment::day),
        is_reader: account.id == page.caller.operator(),
        name: account.name,
        email: account.email,
    };
    let lines = accounts::list(platform, None, OPERATORS_SHOWN).await?.into_iter().map(line).collect();
    Ok(Html(OperatorsPage {
        shell: done.told(page.shell("Operators")),
        frame: page.frame("/operators"),
        lines,
        may_suspend: page.caller.permits(OperatorPermission::OperatorSuspend),
    })
    .into_response())
}

pub(super) async fn suspend(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    accounts::set_suspended(&plane.gate.platform, &page.caller, id, true).await?;
    Ok(Redirect::to(&Done::address("/operators", "saved")))
}

pub(super) async fn resume(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    accounts::set_suspended(&plane.gate.platform, &page.caller, id, false).await?;
    Ok(Redirect::to(&Done::address("/operators", "saved")))
}

struct TrainingLine {
    course: String,
    attested: Moment,
    until: Moment,
    state: Chip,
}

#[derive(Template)]
#[template(path = "operator_training.html")]
struct TrainingPage {
    shell: Shell,
    frame: Frame,
    id: Uuid,
    lines: Vec<TrainingLine>,
    may_attest: bool,
    valid_days: i64,
}

pub(super) async fn training(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let platform = &plane.gate.platform;
    let now = platform.now();
    let line = |one: Training| TrainingLine {
        attested: Moment::day(one.attested_at),
        until: Moment::day(one.valid_until),
        state: if now < one.valid_until { Chip::new(Tone::Good, "Counts") } else { Chip::new(Tone::Done, "Over") },
        course: one.course,
    };
    Ok(Html(TrainingPage {
        shell: done.told(page.shell("Training")),
        frame: page.frame("/operators"),
        id,
        lines: trainings::of(platform, id).await?.into_iter().map(line).collect(),
        may_attest: page.caller.permits(OperatorPermission::TrainingAttest) && page.caller.operator() != id,
        valid_days: VALID_DAYS,
    })
    .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttestForm {
    course: String,
    /// A day, as `2026-11-22`.
    date: String,
}

pub(super) async fn attest(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(id): Path<Uuid>,
    Form(form): Form<AttestForm>,
) -> Result<Redirect, Problem> {
    let attested_at = day(&form.date).ok_or_else(|| Problem::field("date", "Give a day as in 2026-11-22."))?;
    let new = Attestation { operator: id, course: &form.course, attested_at };
    trainings::attest(&plane.gate.platform, &page.caller, &new).await?;
    Ok(Redirect::to(&Done::address(&format!("/operators/{id}/training"), "saved")))
}

/// The start of a day, in UTC.
fn day(text: &str) -> Option<Timestamp> {
    web::instant::from_rfc3339(&format!("{text}T00:00:00Z"))
}
