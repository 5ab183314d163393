//! In and out: a password, then a code. The first time, the code's secret is shown as a picture and as letters.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use edge::ClientAddress;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use sign_in::qr::Qr;
use web::shell::{Html, Shell};
use web::{Form, Nonce, Problem};

use super::OperatorPage;
use crate::account::SignIn;
use crate::store::{accounts, sessions};
use crate::{Error, Plane, session};

const WRONG: &str = "The e-mail address and the password do not belong together.";
const STOPPED: &str = "There were too many wrong codes, so this factor is not asked any more. Whoever runs the machine forgets it \
                      (ringfence operator forget-factor); then you enrol a new one.";
const WRONG_CODE: &str = "That code is not right, or was used before. Wait for the next one.";

#[derive(Template)]
#[template(path = "operator_sign_in.html")]
struct SignInPage {
    shell: Shell,
    email: String,
    error: &'static str,
}

#[derive(Template)]
#[template(path = "operator_factor.html")]
struct FactorPage {
    shell: Shell,
    /// The picture and the letters of a secret that is still to be confirmed.
    enrol: Option<(Qr, String)>,
    error: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInForm {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorForm {
    code: String,
}

pub(super) fn empty_sign_in(nonce: Nonce) -> Response {
    let shell = Shell::alone("Operators", nonce);
    Html(SignInPage { shell, email: String::new(), error: "" }).into_response()
}

pub(super) async fn show_sign_in(nonce: Nonce) -> Response {
    empty_sign_in(nonce)
}

pub(super) async fn take_sign_in(
    State(plane): State<Plane>,
    nonce: Nonce,
    address: ClientAddress,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    let platform = &plane.gate.platform;
    if let Some(account) = accounts::account_key(platform, &form.email) {
        plane.gate.count_attempt(account).await?;
    }
    let sign_in = SignIn { email: &form.email, password: &form.password, address: address.0 };
    if let Some(token) = sessions::open(platform, &sign_in).await? {
        return Ok(redirected("/second-factor", session::set(&token)));
    }
    let page = SignInPage { shell: Shell::alone("Operators", nonce), email: form.email, error: WRONG };
    Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
}

pub(super) async fn show_factor(State(plane): State<Plane>, page: OperatorPage) -> Result<Response, Problem> {
    Ok(factor_page(&plane, &page, "").await?.into_response())
}

async fn factor_page(plane: &Plane, page: &OperatorPage, error: &'static str) -> Result<Html<FactorPage>, Problem> {
    let enrol = if page.caller.is_enrolled() {
        None
    } else {
        let secret = sessions::proposed_factor(&plane.gate.platform, &page.caller).await?;
        Qr::of(&secret.address(page.caller.name())).map(|picture| (picture, secret.grouped_text()))
    };
    Ok(Html(FactorPage { shell: page.shell("Second factor"), enrol, error }))
}

pub(super) async fn take_factor(
    State(plane): State<Plane>,
    page: OperatorPage,
    Form(form): Form<FactorForm>,
) -> Result<Response, Problem> {
    // Attempts of one operator are counted together, in however many half sessions they are made.
    let mut account = [0; 32];
    account[..16].copy_from_slice(page.caller.operator().as_bytes());
    plane.gate.count_attempt(account).await?;
    let error = match sessions::finish(&plane.gate.platform, &page.caller, &form.code).await {
        Ok(Some(token)) => return Ok(redirected("/me", session::set(&token))),
        Ok(None) => WRONG_CODE,
        Err(Error::FactorStopped) => STOPPED,
        Err(other) => return Err(other.into()),
    };
    let again = factor_page(&plane, &page, error).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response())
}

pub(super) async fn sign_out(State(plane): State<Plane>, page: OperatorPage) -> Result<Response, Problem> {
    sessions::close(&plane.gate.platform, &page.caller).await?;
    Ok(redirected("/sign-in", session::clear()))
}

fn redirected(to: &'static str, cookie: HeaderValue) -> Response {
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, HeaderValue::from_static(to))];
    (StatusCode::SEE_OTHER, headers).into_response()
}
