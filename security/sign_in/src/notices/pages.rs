//! The two answers to a notice: it was me, or it was not.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, header};
use identity::{Caller, incident, notice};
use web::routes::{Access, Audited, Routes};
use web::shell::{Html, Shell};
use web::{PageContext, Problem, destination};

use crate::SignIn;
use crate::pages::FORM_BYTES;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let acknowledge = Audited::Change("account_notice.acknowledge");
    Routes::new()
        .post("/settings/notices/acknowledged", Access::Member, acknowledge, take_acknowledged)
        .body_bytes(FORM_BYTES)
        // In a hurry nobody should have to look for their phone first; all it does is end what can be made anew.
        .post("/settings/account-lock", Access::Member, Audited::Change("account.lock"), take_lock)
        .body_bytes(FORM_BYTES)
}

async fn take_acknowledged(
    State(state): State<SignIn>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Redirect, Problem> {
    notice::acknowledge(&state.gate.platform, &caller).await?;
    Ok(Redirect::to(&destination::of_referer(&headers)))
}

#[derive(Template)]
#[template(path = "account_locked.html")]
struct AccountLockedPage {
    shell: Shell,
    sessions: u64,
    keys: u64,
}

async fn take_lock(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let ended = incident::lock_own(&state.gate.platform, &page.caller).await?.ended;
    let shell = Shell::alone("Locked", page.nonce.clone());
    let locked = AccountLockedPage { shell, sessions: ended.sessions, keys: ended.keys };
    Ok(([(header::SET_COOKIE, state.gate.cookie.clear())], Html(locked)).into_response())
}
