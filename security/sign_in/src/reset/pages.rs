//! The two links and the page where a new password is chosen. A link opens only the way to what it is for: the guard lets its
//! session reach nothing else until that is done.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use edge::{ClientAddress, Nonce, RateClass};
use http::{HeaderMap, StatusCode};
use identity::sign_in_policy;
use identity::{Caller, Error, Outstanding, reset, sign_in, token};
use serde::Deserialize;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Shell};
use web::{Form, PageContext, Problem};

use crate::pages::{FORM_BYTES, device, end_former, signed_in};
use crate::second_factor::pages::throttle;
use crate::{SignIn, second_factor};

/// Where a new password is chosen.
const NEW_PASSWORD: &str = web::destination::NEW_PASSWORD_PAGE;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let stranger = Access::Public("whoever was helped back in cannot sign in yet");
    let start = Audited::Change("session.start");
    Routes::new()
        .get("/sign-in/reset-password", stranger, Audited::No("an empty form"), show_password_link)
        .post("/sign-in/reset-password", stranger, start, take_password_link)
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/sign-in/reset-factor", stranger, Audited::No("an empty form"), show_factor_link)
        .post("/sign-in/reset-factor", stranger, start, take_factor_link)
        .free_text(&["password"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get(NEW_PASSWORD, Access::Member, Audited::No("an empty form"), show_new_password)
        .while_choosing_password()
        .post(NEW_PASSWORD, Access::Member, Audited::Change("password.reset"), take_new_password)
        .free_text(&["password"])
        .while_choosing_password()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
}

#[derive(Template)]
#[template(path = "reset_link.html")]
struct LinkPage {
    shell: Shell,
    for_factor: bool,
    error: String,
    password_error: String,
}

fn link_page(nonce: Nonce, for_factor: bool) -> LinkPage {
    let title = if for_factor { "Replace your second factor" } else { "Choose a new password" };
    LinkPage { shell: Shell::alone(title, nonce), for_factor, error: String::new(), password_error: String::new() }
}

async fn show_password_link(nonce: Nonce) -> Response {
    Html(link_page(nonce, false)).into_response()
}

async fn show_factor_link(nonce: Nonce) -> Response {
    Html(link_page(nonce, true)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordLinkForm {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactorLinkForm {
    token: String,
    password: String,
}

async fn take_password_link(
    State(state): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<PasswordLinkForm>,
) -> Result<Response, Problem> {
    let entered = reset::enter_for_password(&state.gate.platform, &form.token, &device(address, &headers)).await;
    answer(&state, former, link_page(nonce, false), NEW_PASSWORD, entered).await
}

async fn take_factor_link(
    State(state): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<FactorLinkForm>,
) -> Result<Response, Problem> {
    // Guesses at the password are counted by link, wherever they come from.
    state.gate.count_attempt(token::hash(form.token.trim())).await?;
    let (platform, device) = (&state.gate.platform, device(address, &headers));
    let entered = reset::enter_for_factor(platform, &form.token, &form.password, &device).await;
    answer(&state, former, link_page(nonce, true), web::destination::ENROLMENT_PAGE, entered).await
}

async fn answer(
    state: &SignIn,
    former: Option<Caller>,
    mut page: LinkPage,
    next: &str,
    entered: identity::Result<token::Secret>,
) -> Result<Response, Problem> {
    match entered {
        Ok(token) => {
            end_former(&state.gate, former).await?;
            return Ok(signed_in(&state.gate, &token, next));
        }
        Err(error @ Error::TokenRefused) => page.error = format!("{error}. Ask for a new one."),
        Err(Error::Invalid { reason, .. }) => page.password_error = reason,
        Err(other) => return Err(other.into()),
    }
    Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPasswordPage {
    shell: Shell,
    hint: String,
    password_error: String,
}

async fn new_password_page(state: &SignIn, page: &PageContext, error: String) -> Result<NewPasswordPage, Problem> {
    let platform = &state.gate.platform;
    let user = second_factor::person(&page.caller)?;
    let policy = sign_in_policy::of_user(platform, user).await?;
    let least = policy.minimum_length(sign_in::has_second_factor(platform, user).await?);
    let hint = format!("At least {least} characters; a few unrelated words are best. No other rules.");
    Ok(NewPasswordPage { shell: page.alone("Choose a new password"), hint, password_error: error })
}

async fn show_new_password(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    if page.caller.outstanding() != Some(Outstanding::NewPassword) {
        return Ok(Redirect::to("/settings/password").into_response());
    }
    Ok(Html(new_password_page(&state, &page, String::new()).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPasswordForm {
    password: String,
}

async fn take_new_password(
    State(state): State<SignIn>,
    page: PageContext,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<NewPasswordForm>,
) -> Result<Response, Problem> {
    throttle(&state, &page.caller).await?;
    let (platform, device) = (&state.gate.platform, device(address, &headers));
    match reset::choose_password(platform, &page.caller, &form.password, &device).await {
        Ok(token) => Ok(signed_in(&state.gate, &token, "/")),
        Err(Error::Invalid { reason, .. }) => {
            let page = new_password_page(&state, &page, reason).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}
