//! The page that takes an invitation, and what browsers report by themselves.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use edge::{ClientAddress, Nonce, RateClass};
use http::StatusCode;
use identity::invitation::{self, Acceptance};
use identity::{Error, sign_in};
use serde::Deserialize;

use crate::guard::Gate;
use crate::routes::{Access, Audited, Routes};
use crate::shell::{Html, Shell};
use crate::{Form, Problem};

/// A form with a password and a token has at most this many bytes.
const FORM_BYTES: usize = 8 * 1024;

/// A browser's report of a policy violation has at most this many bytes.
const REPORT_BYTES: usize = 16 * 1024;

/// The routes.
pub fn routes() -> Routes<Gate> {
    let stranger = Access::Public("whoever is invited is a stranger until then");
    Routes::new()
        .get("/invitation", stranger, Audited::No("an empty form"), show_invitation)
        .post("/invitation", stranger, Audited::Change("member.join"), take_invitation)
        .free_text(&["name", "password"])
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .post(
            "/csp-report",
            Access::Public("browsers report by themselves, without credentials"),
            Audited::No("only counted"),
            take_report,
        )
        .from_other_sites("frames of other origins report here, and a report only raises a counter")
        .body_bytes(REPORT_BYTES)
        .unscreened_body("a browser's report of a blocked script, which is only counted")
}

/// Counted, and the directive logged; the rest of a report is what its sender likes it to be.
async fn take_report(State(gate): State<Gate>, body: axum::body::Bytes) -> StatusCode {
    gate.violations.count_one();
    let report: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let directive = report.as_ref().and_then(|report| report["csp-report"]["effective-directive"].as_str());
    let directive: String = directive.unwrap_or("unreadable").chars().filter(char::is_ascii_graphic).take(40).collect();
    tracing::warn!(directive, "a browser reported a violation of the content policy");
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationForm {
    token: String,
    name: String,
    email: String,
    password: String,
}

/// The page of an invitation. Each `…_error` is empty or says what to change.
#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    shell: Shell,
    error: String,
    name: String,
    name_error: String,
    email: String,
    email_error: String,
    password_error: String,
}

fn invitation_page(nonce: Nonce, name: &str, email: &str) -> InvitationPage {
    InvitationPage {
        shell: Shell::alone("Join", nonce),
        error: String::new(),
        name: name.to_owned(),
        name_error: String::new(),
        email: email.to_owned(),
        email_error: String::new(),
        password_error: String::new(),
    }
}

async fn show_invitation(nonce: Nonce) -> Response {
    Html(invitation_page(nonce, "", "")).into_response()
}

/// Makes the holder of the link a member and leads on to signing in, where everything that the organization asks of those
/// who sign in is asked.
async fn take_invitation(
    State(gate): State<Gate>,
    nonce: Nonce,
    address: ClientAddress,
    Form(form): Form<InvitationForm>,
) -> Result<Response, Problem> {
    // The password of an account that is there is asked for, so guessing is slowed as it is where people sign in.
    if let Some(account) = sign_in::account_key(&gate.platform, &form.email)? {
        gate.count_attempt(account).await?;
    }
    let acceptance = Acceptance {
        token: &form.token,
        name: &form.name,
        email: &form.email,
        password: &form.password,
        address: address.0,
    };
    let mut page = invitation_page(nonce, &form.name, &form.email);
    match invitation::accept(&gate.platform, &acceptance).await {
        Ok(_) => return Ok(Redirect::to("/sign-in").into_response()),
        Err(Error::Invalid { field, reason }) => match field {
            "name" => page.name_error = reason,
            "email" => page.email_error = reason,
            "password" => page.password_error = reason,
            _ => page.error = reason,
        },
        Err(error @ (Error::TokenRefused | Error::EmailTaken | Error::Conflict(_))) => page.error = error.to_string(),
        Err(other) => return Err(other.into()),
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
}
