//! Where a second factor is shown, confirmed, set up and managed. Whoever still lacks one reaches the first four pages only.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use edge::{Nonce, RateClass};
use http::{HeaderValue, StatusCode, header};
use identity::notice::{self, Notice};
use identity::{Caller, Outstanding, session};
use serde::Deserialize;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::destination;
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, FormToken, PageContext, Path, Problem, Query};

use super::{Added, Kind, Pending, SecondFactor};
use crate::pages::{FORM_BYTES, signed_in};
use crate::passkey::Possible;
use crate::qr::Qr;
use crate::single_sign_on::pages::{ConnectionLine, connections};
use crate::single_sign_on::{self, arrival};
use crate::{Error, SignIn, backup_code, second_factor};

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let own = Audited::No("one's own factors, without their secrets");
    let (show, add) = (Audited::Change("session.strengthen"), Audited::Change("second_factor.add"));
    Routes::new()
        .get("/sign-in/second-factor", Access::Member, Audited::No("an empty form"), show_second_factor)
        .before_second_factor()
        .post("/sign-in/second-factor", Access::Member, show, take_second_factor)
        .free_text(&["password"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/sign-in/confirm", Access::Member, Audited::No("an empty form"), show_confirm)
        .post("/sign-in/confirm", Access::Member, show, take_confirm)
        .free_text(&["password"])
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/second-factors/required", Access::Member, Audited::No("a choice"), show_required)
        .while_enrolling()
        .post("/second-factors/app", Access::Member, Audited::Change("second_factor.begin"), begin_app)
        .while_enrolling()
        .step_up()
        .get("/second-factors/app", Access::Member, own, show_app)
        .while_enrolling()
        .step_up()
        .post("/second-factors/app/confirmation", Access::Member, add, confirm_app)
        .free_text(&["name"])
        .while_enrolling()
        .step_up()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/settings/sign-in", Access::Member, own, show_own)
        .post("/second-factors/{id}/removal", Access::Member, Audited::Change("second_factor.remove"), remove)
        .free_text(&["password"])
        .step_up()
        .body_bytes(FORM_BYTES)
        .post("/second-factors/codes", Access::Member, Audited::Change("backup_codes.renew"), renew_codes)
        .step_up()
        .answers_secret()
        .post("/second-factors/codes/file", Access::Member, Audited::No("what the reader sees, as a file"), codes_file)
        .body_bytes(FORM_BYTES)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    #[serde(default)]
    pub(crate) next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Attempts of one account are counted together, wherever they come from.
pub(crate) async fn throttle(state: &SignIn, caller: &Caller) -> Result<(), Problem> {
    let Some(user) = caller.user() else { return Ok(()) };
    let mut key = [0; 32];
    key[..16].copy_from_slice(user.as_bytes());
    state.gate.count_attempt(key).await
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    error: String,
    next: String,
    has_app: bool,
    passkey: Option<Possible>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    shell: Shell,
    error: String,
    next: String,
    by_password: bool,
    by_provider: bool,
    passkey: Option<Possible>,
}

async fn show_second_factor(
    State(state): State<SignIn>,
    page: PageContext,
    Query(wanted): Query<Next>,
) -> Result<Response, Problem> {
    if page.caller.outstanding() != Some(Outstanding::SecondFactor) {
        return Ok(Redirect::to(&destination::checked(&wanted.next)).into_response());
    }
    Ok(Html(second_factor_page(&state, &page, wanted.next, String::new()).await?).into_response())
}

async fn second_factor_page(
    state: &SignIn,
    page: &PageContext,
    next: String,
    error: String,
) -> Result<SecondFactorPage, Problem> {
    let factors = second_factor::list(&state.gate.platform, &page.caller).await?;
    let has_app = factors.iter().any(|factor| factor.kind == Kind::App);
    let has_passkey = factors.iter().any(|factor| factor.kind == Kind::Passkey);
    let passkey = has_passkey.then(|| state.passkeys.possible());
    Ok(SecondFactorPage { shell: page.alone("Second factor"), error, next, has_app, passkey })
}

async fn take_second_factor(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    throttle(&state, &page.caller).await?;
    match second_factor::show_code(&state.gate.platform, &page.caller, &form.code).await {
        Ok(token) => Ok(signed_in(&state.gate, &token, &destination::checked(&form.next))),
        Err(error @ (Error::WrongCode | Error::TooManyWrongCodes)) => {
            let page = second_factor_page(&state, &page, form.next, error.to_string()).await?;
            Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn confirm_page(state: &SignIn, page: &PageContext, next: String, error: String) -> Result<ConfirmPage, Problem> {
    let factors = second_factor::list(&state.gate.platform, &page.caller).await?;
    let has_passkey = factors.iter().any(|factor| factor.kind == Kind::Passkey);
    let passkey = has_passkey.then(|| state.passkeys.possible());
    let shell = page.shell("Confirm that it is you", Nav::Settings);
    let by_provider = arrival::may_confirm(&page.caller).is_ok();
    Ok(ConfirmPage { shell, error, next, by_password: factors.is_empty(), by_provider, passkey })
}

async fn show_confirm(
    State(state): State<SignIn>,
    page: PageContext,
    Query(wanted): Query<Next>,
) -> Result<Response, Problem> {
    Ok(Html(confirm_page(&state, &page, wanted.next, String::new()).await?).into_response())
}

async fn take_confirm(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    throttle(&state, &page.caller).await?;
    let platform = &state.gate.platform;
    let shown = if form.password.is_empty() {
        second_factor::show_code(platform, &page.caller, &form.code).await
    } else {
        second_factor::show_password(platform, &page.caller, &form.password).await
    };
    match shown {
        Ok(token) => Ok(signed_in(&state.gate, &token, &destination::checked(&form.next))),
        Err(error @ (Error::WrongCode | Error::TooManyWrongCodes | Error::WrongPassword)) => {
            let page = confirm_page(&state, &page, form.next, error.to_string()).await?;
            Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "required.html")]
struct RequiredPage {
    shell: Shell,
    organization: String,
    replaces: bool,
    passkey: Possible,
    next: String,
}

async fn show_required(State(state): State<SignIn>, page: PageContext, Query(wanted): Query<Next>) -> Response {
    if page.caller.outstanding().is_none() {
        return Redirect::to(&destination::checked(&wanted.next)).into_response();
    }
    let organization = page.caller.organization_name().to_owned();
    let shell = page.alone("Set up a second factor");
    let (replaces, passkey) = (second_factor::replaces_all(&page.caller), state.passkeys.possible());
    Html(RequiredPage { shell, organization, replaces, passkey, next: wanted.next }).into_response()
}

async fn begin_app(State(state): State<SignIn>, caller: Caller) -> Result<Redirect, Problem> {
    second_factor::begin_app(&state.gate.platform, &caller).await?;
    Ok(Redirect::to("/second-factors/app"))
}

#[derive(Template)]
#[template(path = "app.html")]
struct AppPage {
    shell: Shell,
    error: String,
    name: String,
    qr: Option<Qr>,
    secret: String,
    account: String,
}

fn app_page(page: &PageContext, pending: &Pending, name: String, error: String) -> AppPage {
    AppPage {
        shell: page.alone("Authenticator app"),
        error,
        name,
        qr: Qr::of(&pending.secret.address(&pending.account)),
        secret: pending.secret.grouped_text(),
        account: pending.account.clone(),
    }
}

async fn show_app(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let pending = second_factor::pending_app(&state.gate.platform, &page.caller).await?;
    let Some(pending) = pending else { return Ok(Redirect::to("/settings/sign-in").into_response()) };
    Ok(Html(app_page(&page, &pending, String::new(), String::new())).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmAppForm {
    code: String,
    #[serde(default)]
    name: String,
}

async fn confirm_app(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<ConfirmAppForm>,
) -> Result<Response, Problem> {
    throttle(&state, &page.caller).await?;
    let platform = &state.gate.platform;
    match second_factor::confirm_app(platform, &page.caller, &form.name, &form.code).await {
        Ok(added) => added_answer(&state, &page.caller, page.nonce.clone(), added).await,
        Err(error @ Error::WrongCode) => {
            let pending = second_factor::pending_app(platform, &page.caller).await?;
            let pending = pending.ok_or(Error::NotNow("No app is being set up. Begin again."))?;
            let page = app_page(&page, &pending, form.name, error.to_string());
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
    other_sessions: usize,
}

/// After a factor was added: the session's new token, and the backup codes, if they are new.
pub(crate) async fn added_answer(
    state: &SignIn,
    caller: &Caller,
    nonce: Nonce,
    added: Added,
) -> Result<Response, Problem> {
    if added.codes.is_empty() {
        return Ok(signed_in(&state.gate, &added.token, "/settings/sign-in?done=factor"));
    }
    let token = FormToken::of_session(added.token.reveal());
    let mut page = codes_page(caller, nonce, token, added.codes);
    page.other_sessions = session::count_others(&state.gate.platform, caller).await?;
    Ok(([(header::SET_COOKIE, state.gate.cookie.set(&added.token))], Html(page)).into_response())
}

fn codes_page(caller: &Caller, nonce: Nonce, token: FormToken, codes: Vec<String>) -> CodesPage {
    let organization = caller.organization_name();
    let shell = Shell::new("Backup codes", Nav::Settings, nonce, organization, caller.display_name());
    CodesPage { shell: shell.with_form_token(Some(token)), codes, other_sessions: 0 }
}

struct FactorLine {
    id: Uuid,
    name: String,
    kind: &'static str,
    since: Moment,
    used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "own.html")]
struct OwnPage {
    shell: Shell,
    connections: Vec<ConnectionLine>,
    may_connect: bool,
    factors: Vec<FactorLine>,
    codes_left: usize,
    is_last: bool,
    is_demanded: bool,
    passkey: Possible,
    state: Chip,
    shown: String,
    since: Moment,
    other_sessions: usize,
    notices: Vec<NoticeLine>,
}

struct NoticeLine {
    words: &'static str,
    at: Moment,
    address: String,
}

fn line(factor: SecondFactor) -> FactorLine {
    FactorLine {
        id: factor.id,
        name: factor.name,
        kind: match factor.kind {
            Kind::App => "Authenticator app",
            Kind::Passkey => "Passkey",
        },
        since: Moment::day(factor.created_at),
        used: factor.used_at.map(Moment::new),
    }
}

fn notice_line(notice: &Notice) -> NoticeLine {
    NoticeLine {
        words: notice.kind.words(),
        at: Moment::new(notice.at),
        address: notice.address.map_or_else(String::new, |address| address.to_string()),
    }
}

async fn show_own(
    State(state): State<SignIn>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let platform = &state.gate.platform;
    let signed_in = page.caller.signed_in().ok_or_else(|| {
        Problem::from(Error::NotNow("This page is about people; a key has no password and no second factor."))
    })?;
    let factors = second_factor::list(platform, &page.caller).await?;
    let words: Vec<&str> = signed_in.factors.iter().map(|factor| factor.words()).collect();
    let provider = single_sign_on::of(platform, page.caller.organization()).await?;
    let own = OwnPage {
        shell: done.told(page.shell("Your sign-in", Nav::Settings)),
        connections: connections(&state, &page.caller).await?,
        may_connect: provider.is_some_and(|stored| stored.is_open()),
        codes_left: second_factor::codes_left(platform, &page.caller).await?,
        is_last: factors.len() == 1,
        is_demanded: signed_in.is_demanded,
        passkey: state.passkeys.possible(),
        state: if factors.is_empty() {
            Chip::new(Tone::Wait, "One factor")
        } else {
            Chip::new(Tone::Good, "Two factors")
        },
        shown: words.join(", "),
        since: Moment::new(signed_in.authenticated_at),
        factors: factors.into_iter().map(line).collect(),
        other_sessions: session::count_others(platform, &page.caller).await?,
        notices: notice::list(platform, &page.caller).await?.iter().map(notice_line).collect(),
    };
    Ok(Html(own).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveForm {
    #[serde(default)]
    password: String,
}

async fn remove(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Form(form): Form<RemoveForm>,
) -> Result<Redirect, Problem> {
    if !form.password.is_empty() {
        throttle(&state, &caller).await?;
    }
    second_factor::remove(&state.gate.platform, &caller, id, &form.password).await?;
    Ok(Redirect::to(&Done::address("/settings/sign-in", "factor")))
}

async fn renew_codes(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let codes = second_factor::new_codes(&state.gate.platform, &page.caller).await?;
    let other_sessions = session::count_others(&state.gate.platform, &page.caller).await?;
    let shell = page.shell("Backup codes", Nav::Settings);
    Ok(Html(CodesPage { shell, codes, other_sessions }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesForm {
    codes: String,
}

/// The codes that stand on the page, back as a file: they are stored hashed, so only the page still knows them.
async fn codes_file(caller: Caller, Form(form): Form<CodesForm>) -> Result<Response, Problem> {
    let codes: Vec<String> = form.codes.split(' ').map(str::to_owned).collect();
    let right = codes.len() <= backup_code::CODES && codes.iter().all(|code| backup_code::typed(code).is_some());
    if !right {
        return Err(Problem::field("codes", "These are no backup codes."));
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"ringfence-backup-codes.txt\"")),
    ];
    Ok((headers, backup_code::file(&codes, caller.organization_name())).into_response())
}
