//! The button that locks the organization, and the page that opens it again.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use edge::{ClientAddress, Nonce, RateClass};
use http::{HeaderMap, StatusCode, header};
use identity::incident;
use identity::{Error, Permission};
use serde::Deserialize;
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Nav, Shell};
use web::{Form, PageContext, Problem};

use crate::SignIn;
use crate::pages::{FORM_BYTES, device, signed_in};

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let stranger = Access::Public("whoever opens it again was signed out by the lock");
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/settings/compromise", read, Audited::Read("incident.list"), show)
        .post("/settings/compromise", write, Audited::Change("organization.lock"), take)
        .free_text(&["reason"])
        .step_up()
        .body_bytes(FORM_BYTES)
        .get("/sign-in/unlock", stranger, Audited::No("an empty form"), show_unlock)
        .post("/sign-in/unlock", stranger, Audited::Change("organization.unlock"), take_unlock)
        .free_text(&["password"])
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
}

struct IncidentLine {
    reason: String,
    whole: bool,
    opened: Moment,
    closed: Option<Moment>,
    sessions: i64,
    keys: i64,
}

#[derive(Template)]
#[template(path = "compromise.html")]
struct CompromisePage {
    shell: Shell,
    may_lock: bool,
    incidents: Vec<IncidentLine>,
}

async fn show(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let line = |incident: incident::Incident| IncidentLine {
        reason: incident.reason,
        whole: incident.person.is_none(),
        opened: Moment::new(incident.opened_at),
        closed: incident.closed_at.map(Moment::new),
        sessions: incident.sessions,
        keys: incident.keys,
    };
    let incidents = incident::list(&state.gate.platform, &page.caller).await?.into_iter().map(line).collect();
    let may_lock = page.caller.permits(Permission::SettingsWrite);
    let shell = page.shell("Report a compromise", Nav::Settings);
    Ok(Html(CompromisePage { shell, may_lock, incidents }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportForm {
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "locked.html")]
struct LockedPage {
    shell: Shell,
    sessions: i64,
    keys: i64,
}

async fn take(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<ReportForm>,
) -> Result<Response, Problem> {
    let incident = incident::lock(&state.gate.platform, &page.caller, &form.reason).await?;
    let shell = Shell::alone("Locked", page.nonce.clone());
    let locked = LockedPage { shell, sessions: incident.sessions, keys: incident.keys };
    Ok(([(header::SET_COOKIE, state.gate.cookie.clear())], Html(locked)).into_response())
}

#[derive(Template)]
#[template(path = "unlock.html")]
struct UnlockPage {
    shell: Shell,
    error: String,
    password_error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlockForm {
    token: String,
    password: String,
}

fn unlock_page(nonce: Nonce) -> UnlockPage {
    UnlockPage {
        shell: Shell::alone("Open the organization again", nonce),
        error: String::new(),
        password_error: String::new(),
    }
}

async fn show_unlock(nonce: Nonce) -> Response {
    Html(unlock_page(nonce)).into_response()
}

async fn take_unlock(
    State(state): State<SignIn>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<UnlockForm>,
) -> Result<Response, Problem> {
    let device = device(address, &headers);
    let page = match incident::unlock(&state.gate.platform, &form.token, &form.password, &device).await {
        Ok(token) => return Ok(signed_in(&state.gate, &token, "/settings/members")),
        Err(Error::Invalid { reason, .. }) => UnlockPage { password_error: reason, ..unlock_page(nonce) },
        Err(error @ Error::TokenRefused) => UnlockPage { error: error.to_string(), ..unlock_page(nonce) },
        Err(other) => return Err(other.into()),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
}
