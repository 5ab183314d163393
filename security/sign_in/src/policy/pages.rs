//! The page of the organization's rules for signing in.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use identity::Permission;
use identity::sign_in_policy::{self, Policy};
use serde::Deserialize;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Problem, Query};

use crate::SignIn;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let (read, write) = (Access::Permission(Permission::SettingsRead), Access::Permission(Permission::SettingsWrite));
    Routes::new()
        .get("/settings/sign-in-rules", read, Audited::No("rules, nobody's data"), show)
        .post("/settings/sign-in-rules", write, Audited::Change("sign_in_policy.change"), take)
        .step_up()
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    shell: Shell,
    policy: Policy,
}

async fn show(State(state): State<SignIn>, page: PageContext, Query(done): Query<Done>) -> Result<Response, Problem> {
    let policy = sign_in_policy::get(&state.gate.platform, page.caller.organization()).await?;
    let shell = done.told(page.shell("Rules for signing in", Nav::Settings));
    Ok(Html(RulesPage { shell, policy }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesForm {
    password_length: i64,
    password_history: i64,
    #[serde(default)]
    require_second_factor: Option<String>,
}

async fn take(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<RulesForm>,
) -> Result<Redirect, Problem> {
    let policy = Policy {
        password_length: form.password_length,
        require_second_factor: form.require_second_factor.is_some(),
        password_history: form.password_history,
    };
    sign_in_policy::set(&state.gate.platform, &page.caller, policy).await?;
    Ok(Redirect::to(&Done::address("/settings/sign-in-rules", "saved")))
}
