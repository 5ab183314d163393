//! Settings: networks. Which addresses may use the dashboard and the API, with the reader's own address beside the lists.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use identity::{Permission, Platform};
use serde::Deserialize;

use super::{Allowlist, Allowlists, Error};
use crate::routes::{Access, Audited, Routes};
use crate::shell::{Done, Html, Nav, Shell};
use crate::{Form, PageContext, Problem, Query};

const HERE: &str = "/settings/networks";
/// Two full lists, escaped as forms do it.
const FORM_BYTES: usize = 32 * 1024;

/// The routes.
pub fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/settings/networks", read, Audited::No("a setting without secrets"), show)
        .post("/settings/networks", write, Audited::Change("allowlist.update"), save)
        .step_up()
        .body_bytes(FORM_BYTES)
}

#[derive(Template)]
#[template(path = "networks.html")]
struct NetworksPage {
    shell: Shell,
    address: String,
    may_write: bool,
    dashboard: String,
    dashboard_error: String,
    api: String,
    api_error: String,
}

fn networks_page(page: &PageContext, dashboard: String, api: String) -> NetworksPage {
    let address = page.caller.address().map(|address| address.to_canonical().to_string());
    NetworksPage {
        shell: page.shell("Networks", Nav::Settings),
        address: address.unwrap_or_else(|| "not known".to_owned()),
        may_write: page.caller.permits(Permission::SettingsWrite),
        dashboard,
        dashboard_error: String::new(),
        api,
        api_error: String::new(),
    }
}

async fn show(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let lists = super::read(&platform, page.caller.organization()).await?;
    let mut shown = networks_page(&page, lists.dashboard.texts().join("\n"), lists.api.texts().join("\n"));
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworksForm {
    #[serde(default)]
    dashboard: String,
    #[serde(default)]
    api: String,
}

fn list(text: &str) -> Result<Allowlist, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Allowlist::parse(lines).map_err(|(position, error)| format!("Entry {}: {error}.", position + 1))
}

async fn save(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<NetworksForm>,
) -> Result<Response, Problem> {
    let refusal = match (list(&form.dashboard), list(&form.api)) {
        (Ok(dashboard), Ok(api)) => {
            match super::replace(&platform, &page.caller, &Allowlists { dashboard, api }).await {
                Ok(()) => return Ok(Redirect::to(&Done::address(HERE, "saved")).into_response()),
                Err(error @ Error::ShutsOutTheCaller(_)) => {
                    (StatusCode::CONFLICT, error.to_string(), String::new(), String::new())
                }
                Err(other) => return Err(other.into()),
            }
        }
        (dashboard, api) => {
            let (dashboard, api) = (dashboard.err().unwrap_or_default(), api.err().unwrap_or_default());
            (StatusCode::UNPROCESSABLE_ENTITY, "Nothing was changed.".to_owned(), dashboard, api)
        }
    };
    let mut again = networks_page(&page, form.dashboard, form.api);
    (again.dashboard_error, again.api_error) = (refusal.2, refusal.3);
    again.shell = again.shell.refusing(refusal.1);
    Ok((refusal.0, Html(again)).into_response())
}
