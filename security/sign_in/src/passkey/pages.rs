//! What browsers exchange with passkeys: questions as JSON for our own module, answers as forms, so that what comes next is
//! an ordinary page.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use edge::{ClientAddress, RateClass};
use http::{HeaderMap, StatusCode};
use identity::Caller;
use serde::Deserialize;
use uuid::Uuid;
use web::destination;
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Shell, SignInPage};
use web::{Form, Json, Nonce, PageContext, Problem};

use super::Question;
use crate::pages::{device, end_former, signed_in};
use crate::second_factor::pages::{added_answer, throttle};
use crate::{Error, SignIn, passkey};

/// A passkey's answer has at most this many bytes: keys, a signature, and an attestation that nobody asked for.
const ANSWER_BYTES: usize = 32 * 1024;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let stranger = Access::Public("whoever signs in is a stranger until then");
    let question = Audited::No("a question; its answer is what counts");
    Routes::new()
        .post("/passkeys/registration", Access::Member, question, ask_registration)
        .while_enrolling()
        .step_up()
        .post("/passkeys/registration/answer", Access::Member, Audited::Change("second_factor.add"), take_registration)
        .free_text(&["credential", "name"])
        .while_enrolling()
        .step_up()
        .body_bytes(ANSWER_BYTES)
        .post("/passkeys/showing", Access::Member, question, ask_showing)
        .before_second_factor()
        .post("/passkeys/showing/answer", Access::Member, Audited::Change("session.strengthen"), take_showing)
        .free_text(&["credential", "name"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(ANSWER_BYTES)
        .post("/sign-in/passkey/question", stranger, question, ask_sign_in)
        .post("/sign-in/passkey", stranger, Audited::Change("session.start"), take_sign_in)
        .free_text(&["credential", "name"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(ANSWER_BYTES)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    ceremony: Uuid,
    credential: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

async fn ask_registration(State(state): State<SignIn>, caller: Caller) -> Result<Json<Question>, Problem> {
    Ok(Json(passkey::begin_registration(&state.gate.platform, &state.passkeys, &caller).await?))
}

async fn take_registration(
    State(state): State<SignIn>,
    page: PageContext,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let (platform, caller) = (&state.gate.platform, &page.caller);
    let Answer { ceremony, credential, name, .. } = answer;
    let added = passkey::finish_registration(platform, &state.passkeys, caller, ceremony, &name, &credential).await?;
    added_answer(&state, caller, page.nonce.clone(), added).await
}

async fn ask_showing(State(state): State<SignIn>, caller: Caller) -> Result<Json<Question>, Problem> {
    Ok(Json(passkey::begin_showing(&state.gate.platform, &state.passkeys, &caller).await?))
}

async fn take_showing(
    State(state): State<SignIn>,
    caller: Caller,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    throttle(&state, &caller).await?;
    let platform = &state.gate.platform;
    let token =
        passkey::finish_showing(platform, &state.passkeys, &caller, answer.ceremony, &answer.credential).await?;
    Ok(signed_in(&state.gate, &token, &destination::checked(&answer.next)))
}

async fn ask_sign_in(State(state): State<SignIn>) -> Result<Json<Question>, Problem> {
    Ok(Json(passkey::begin_sign_in(&state.gate.platform, &state.passkeys).await?))
}

async fn take_sign_in(
    State(state): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let (gate, device) = (&state.gate, device(address, &headers));
    let signed =
        passkey::finish_sign_in(&gate.platform, &state.passkeys, answer.ceremony, &answer.credential, &device).await;
    match signed {
        Ok(token) => {
            end_former(gate, former).await?;
            Ok(signed_in(gate, &token, &destination::of_referer(&headers)))
        }
        Err(error @ (Error::PasskeyRefused | Error::Identity(identity::Error::SingleSignOnRequired))) => {
            let shell = Shell::alone("Sign in", nonce);
            let page = SignInPage { shell, email: String::new(), error: error.to_string() };
            Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}
