//! The page where people change their password: with the present one, and only after they confirmed lately who they are.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use edge::RateClass;
use http::StatusCode;
use identity::sign_in_policy::{self, Policy};
use identity::{password_change, sign_in};
use serde::Deserialize;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Problem};

use crate::pages::FORM_BYTES;
use crate::second_factor::pages::throttle;
use crate::{SignIn, second_factor};

/// The routes.
pub fn routes() -> Routes<SignIn> {
    Routes::new()
        .get("/settings/password", Access::Member, Audited::No("an empty form"), show)
        .post("/settings/password", Access::Member, Audited::Change("password.change"), take)
        .free_text(&["current", "password"])
        .step_up()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    shell: Shell,
    hint: String,
    current_error: String,
    password_error: String,
}

async fn password_page(state: &SignIn, page: &PageContext) -> Result<PasswordPage, Problem> {
    let platform = &state.gate.platform;
    let user = second_factor::person(&page.caller)?;
    let policy: Policy = sign_in_policy::of_user(platform, user).await?;
    let least = policy.minimum_length(sign_in::has_second_factor(platform, user).await?);
    let hint = format!("At least {least} characters; a few unrelated words are best. No other rules.");
    let shell = page.shell("Password", Nav::Settings);
    Ok(PasswordPage { shell, hint, current_error: String::new(), password_error: String::new() })
}

async fn show(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    Ok(Html(password_page(&state, &page).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    current: String,
    password: String,
}

async fn take(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    throttle(&state, &page.caller).await?;
    let changed = password_change::change_own(&state.gate.platform, &page.caller, &form.current, &form.password).await;
    match changed {
        Ok(()) => Ok(Redirect::to(&Done::address("/settings/sign-in", "password")).into_response()),
        Err(identity::Error::Invalid { field, reason }) => {
            let mut page = password_page(&state, &page).await?;
            if field == "current" {
                page.current_error = reason;
            } else {
                page.password_error = reason;
            }
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}
