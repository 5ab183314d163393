//! The pages that let people in and out: by password, by a link from the machine, as the first owner.
//!
//! Tokens that work once arrive in the fragment of the address; a few lines of script put them into the form, which needs
//! one press of a button: nothing that merely fetches a link uses it up.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use edge::{ClientAddress, Nonce, RateClass};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity::founding::Founding;
use identity::session::Device;
use identity::token::Secret;
use identity::{Caller, Error, founding, session, sign_in};
use serde::Deserialize;
use web::destination;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Shell, SignInPage};
use web::{Form, Gate, Problem};

use crate::SignIn;

/// A form with a password or token has at most this many bytes.
pub(crate) const FORM_BYTES: usize = 8 * 1024;
const WRONG: &str = "The e-mail address and the password do not belong together.";
const USED_UP: &str = "This link was used already or has expired. Ask for a new one.";

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let stranger = Access::Public("whoever signs in is a stranger until then");
    Routes::new()
        .get("/sign-in", stranger, Audited::No("an empty form"), show_sign_in)
        .post("/sign-in", stranger, Audited::Change("session.start"), take_sign_in)
        .free_text(&["password"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/sign-in/link", stranger, Audited::No("an empty form"), show_link)
        .post("/sign-in/link", stranger, Audited::Change("session.start"), take_link)
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/first-owner", stranger, Audited::No("an empty form"), show_first_owner)
        .post("/first-owner", stranger, Audited::Change("organization.found"), take_first_owner)
        .free_text(&["organization", "name", "password"])
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .post("/sign-out", Access::Member, Audited::Change("session.end"), sign_out)
        .before_second_factor()
        .body_bytes(FORM_BYTES)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkForm {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstOwnerForm {
    token: String,
    organization: String,
    name: String,
    email: String,
    password: String,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    shell: Shell,
    error: String,
}

/// The page where the one-time token becomes the first owner. Each `…_error` is empty or says what to change.
#[derive(Template)]
#[template(path = "first_owner.html")]
struct FirstOwnerPage {
    shell: Shell,
    error: String,
    organization: String,
    organization_error: String,
    name: String,
    name_error: String,
    email: String,
    email_error: String,
    password_error: String,
}

pub(crate) fn device(address: ClientAddress, headers: &HeaderMap) -> Device {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Device::new(address.0, agent.unwrap_or_default())
}

/// Signs the browser in: a fresh cookie, and on to the page that was wanted.
pub(crate) fn signed_in(gate: &Gate, token: &Secret, next: &str) -> Response {
    let next = HeaderValue::try_from(next).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let headers = [(header::SET_COOKIE, gate.cookie.set(token)), (header::LOCATION, next)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

async fn show_sign_in(nonce: Nonce) -> Response {
    let shell = Shell::alone("Sign in", nonce);
    Html(SignInPage { shell, email: String::new(), error: String::new() }).into_response()
}

async fn take_sign_in(
    State(SignIn { gate, .. }): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    if let Some(account) = sign_in::account_key(&gate.platform, &form.email)? {
        gate.count_attempt(account).await?;
    }
    let device = device(address, &headers);
    let (token, error) = match sign_in::with_password(&gate.platform, &form.email, &form.password, &device).await {
        Ok(token) => (token, WRONG.to_owned()),
        // Said only to those who know the password.
        Err(error @ Error::SingleSignOnRequired) => (None, error.to_string()),
        Err(other) => return Err(other.into()),
    };
    let Some(token) = token else {
        let page = SignInPage { shell: Shell::alone("Sign in", nonce), email: form.email, error };
        return Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response());
    };
    end_former(&gate, former).await?;
    Ok(signed_in(&gate, &token, &destination::of_referer(&headers)))
}

/// Who signs in anew leaves the session from before.
pub(crate) async fn end_former(gate: &Gate, former: Option<Caller>) -> Result<(), Problem> {
    match former {
        Some(former) => Ok(session::sign_out(&gate.platform, &former).await?),
        None => Ok(()),
    }
}

async fn show_link(nonce: Nonce) -> Response {
    Html(LinkPage { shell: Shell::alone("Sign in", nonce), error: String::new() }).into_response()
}

async fn take_link(
    State(SignIn { gate, .. }): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<LinkForm>,
) -> Result<Response, Problem> {
    match sign_in::with_link(&gate.platform, &form.token, &device(address, &headers)).await {
        Ok(token) => {
            end_former(&gate, former).await?;
            Ok(signed_in(&gate, &token, "/"))
        }
        Err(Error::TokenRefused) => {
            let page = LinkPage { shell: Shell::alone("Sign in", nonce), error: USED_UP.to_owned() };
            Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn show_first_owner(nonce: Nonce) -> Response {
    Html(first_owner_page(nonce, None)).into_response()
}

async fn take_first_owner(
    State(SignIn { gate, .. }): State<SignIn>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<FirstOwnerForm>,
) -> Result<Response, Problem> {
    let founding = Founding {
        organization_name: &form.organization,
        name: &form.name,
        email: &form.email,
        password: &form.password,
    };
    let device = device(address, &headers);
    match founding::found_with_token(&gate.platform, &form.token, &founding, &device).await {
        Ok((_, token)) => Ok(signed_in(&gate, &token, "/")),
        Err(Error::Invalid { field, reason }) => {
            let mut page = first_owner_page(nonce, Some(&form));
            match field {
                "organization" => page.organization_error = reason,
                "name" => page.name_error = reason,
                "email" => page.email_error = reason,
                "password" => page.password_error = reason,
                _ => page.error = reason,
            }
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
        }
        Err(error @ (Error::TokenRefused | Error::EmailTaken)) => {
            let mut page = first_owner_page(nonce, Some(&form));
            page.error = error.to_string();
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

fn first_owner_page(nonce: Nonce, form: Option<&FirstOwnerForm>) -> FirstOwnerPage {
    let text = |field: fn(&FirstOwnerForm) -> &String| form.map(field).cloned().unwrap_or_default();
    FirstOwnerPage {
        shell: Shell::alone("Become the first owner", nonce),
        error: String::new(),
        organization: text(|form| &form.organization),
        organization_error: String::new(),
        name: text(|form| &form.name),
        name_error: String::new(),
        email: text(|form| &form.email),
        email_error: String::new(),
        password_error: String::new(),
    }
}

async fn sign_out(State(SignIn { gate, .. }): State<SignIn>, caller: Caller) -> Result<Response, Problem> {
    session::sign_out(&gate.platform, &caller).await?;
    let headers = [
        (header::SET_COOKIE, gate.cookie.clear()),
        (header::LOCATION, HeaderValue::from_static("/sign-in")),
        // What the browser still holds of the pages goes as well.
        (header::HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\"")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
