//! The page on which an Owner connects the organization's provider.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use edge::RateClass;
use http::StatusCode;
use identity::{Permission, Role};
use serde::Deserialize;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Problem, Query};
use zeroize::Zeroizing;

use super::{Settings, Wish};
use crate::pages::FORM_BYTES;
use crate::single_sign_on::client::Finding;
use crate::single_sign_on::{self, Addresses, PAGE};
use crate::{Error, SignIn};

/// The address of the page.
const ADDRESS: &str = "/settings/single-sign-on";

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let read = Access::Permission(Permission::SettingsRead);
    let write = Access::Permission(Permission::SingleSignOnWrite);
    Routes::new()
        .get(ADDRESS, read, Audited::No("settings, nobody's data, and no secret"), show)
        .post(ADDRESS, write, Audited::Change("single_sign_on.change"), take)
        .free_text(&["short_name", "issuer", "client_id", "client_secret", "domains", "two_factor_words"])
        .step_up_people_only()
        .body_bytes(FORM_BYTES)
        .post("/settings/single-sign-on/removal", write, Audited::Change("single_sign_on.remove"), remove)
        .step_up_people_only()
        .post("/settings/single-sign-on/trial", write, Audited::Read("single_sign_on.try"), try_out)
        .rate(RateClass::Heavy)
}

/// The page. `error` stands at the field that it is about.
#[derive(Template)]
#[template(path = "single_sign_on_settings.html")]
struct SettingsPage {
    shell: Shell,
    wish: Wish,
    is_set: bool,
    may_change: bool,
    error: (String, String),
    roles: [Role; 3],
    addresses: Addresses,
    start: String,
    finding: Option<Finding>,
}

impl SettingsPage {
    fn error_of(&self, field: &str) -> &str {
        if self.error.0 == field { &self.error.1 } else { "" }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsForm {
    short_name: String,
    issuer: String,
    client_id: String,
    client_secret: String,
    domains: String,
    new_member_role: String,
    two_factor_words: String,
    #[serde(default)]
    required: Option<String>,
    #[serde(default)]
    enabled: Option<String>,
}

async fn show(State(state): State<SignIn>, page: PageContext, Query(done): Query<Done>) -> Result<Response, Problem> {
    let mut answer = settings_page(&state, &page, None).await?;
    answer.shell = done.told(answer.shell);
    Ok(Html(answer).into_response())
}

async fn settings_page(state: &SignIn, page: &PageContext, wish: Option<Wish>) -> Result<SettingsPage, Problem> {
    let organization = page.caller.organization();
    let stored = single_sign_on::of(&state.gate.platform, organization).await?;
    let is_set = stored.is_some();
    let wish = wish.or_else(|| stored.map(|stored| wish_of(&stored.settings))).unwrap_or_default();
    Ok(SettingsPage {
        shell: page.shell("Single sign-on", Nav::Settings),
        start: format!("{PAGE}?name={}", wish.short_name),
        wish,
        is_set,
        may_change: page.caller.permits(Permission::SingleSignOnWrite),
        error: Default::default(),
        roles: [Role::Viewer, Role::Manager, Role::Admin],
        addresses: state.addresses(organization),
        finding: None,
    })
}

fn wish_of(settings: &Settings) -> Wish {
    Wish {
        short_name: settings.short_name.clone(),
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        domains: settings.domains.join(" "),
        new_member_role: settings.new_member_role.map_or("", Role::as_str).to_owned(),
        is_required: settings.is_required,
        two_factor_words: settings.two_factor_words.join(" "),
        is_on: settings.is_on,
    }
}

async fn take(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<SettingsForm>,
) -> Result<Response, Problem> {
    let secret = Zeroizing::new(form.client_secret);
    let secret = (!secret.trim().is_empty()).then_some(secret);
    let wish = Wish {
        short_name: form.short_name,
        issuer: form.issuer,
        client_id: form.client_id,
        domains: form.domains,
        new_member_role: form.new_member_role,
        is_required: form.required.is_some(),
        two_factor_words: form.two_factor_words,
        is_on: form.enabled.is_some(),
    };
    let saved = match Settings::of(&wish, state.providers.reach()) {
        Ok(settings) => {
            state.providers.forget(&settings.issuer);
            single_sign_on::save(&state.gate.platform, &page.caller, &settings, secret).await
        }
        Err(error) => Err(error.into()),
    };
    match saved {
        Ok(()) => Ok(Redirect::to(&Done::address(ADDRESS, "saved")).into_response()),
        Err(Error::Identity(identity::Error::Invalid { field, reason })) => {
            let mut answer = settings_page(&state, &page, Some(wish)).await?;
            answer.error = (field.to_owned(), reason);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(answer)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn remove(State(state): State<SignIn>, page: PageContext) -> Result<Redirect, Problem> {
    single_sign_on::remove(&state.gate.platform, &page.caller).await?;
    Ok(Redirect::to(&Done::address(ADDRESS, "removed")))
}

async fn try_out(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let stored = single_sign_on::of(&state.gate.platform, page.caller.organization()).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    let redirect = state.addresses(stored.organization).redirect;
    let finding = state.providers.try_out(&stored, &redirect).await;
    let mut answer = settings_page(&state, &page, None).await?;
    answer.finding = Some(finding);
    Ok(Html(answer).into_response())
}
