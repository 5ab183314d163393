//! The way to an organization's provider and back, and what the provider itself tells.
//!
//! Nothing here says which organizations there are: a short name is chosen by its organization, says nothing about it, and
//! one that is not known looks like one that is switched off.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use edge::{ClientAddress, RateClass};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use identity::Caller;
use identity::external_identity::{self, Subject};
use identity::provider_session::{self, SignedOut};
use serde::Deserialize;
use storage::OrganizationId;
use uuid::Uuid;
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Shell};
use web::{Form, Gate, Nonce, PageContext, Path, Problem, Query, SessionCookie, destination};

use super::arrival::{self, Answer, Arrived, Departure, Returning};
use super::claims::{SKEW_SECONDS, TOKEN_BYTES};
use super::store::{self, Purpose, Stored};
use super::{ATTEMPT_SECONDS, PAGE, Refusal, settings};
use crate::pages::{FORM_BYTES, device, end_former, signed_in};
use crate::{Error, SignIn, single_sign_on};

/// A form of a provider that holds a logout token has at most this many bytes.
const LOGOUT_BYTES: usize = TOKEN_BYTES + 1024;
const NOT_KNOWN: &str = "Nobody signs in under this name here. Ask your organization which name it chose.";
const OTHER_HOST: &str = "Open this server under the address that your organization gave you, and begin again there.";

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let stranger = Access::Public("whoever signs in is a stranger until then");
    let departure = Audited::No("a way to somewhere else; what comes back counts");
    let remove = Audited::Change("external_identity.remove");
    Routes::new()
        .get(PAGE, stranger, Audited::No("an empty form"), show)
        .free_text(&["name"])
        .post(PAGE, stranger, departure, leave)
        .free_text(&["name", "next"])
        .before_second_factor()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .get("/sign-in/single-sign-on/{id}/callback", stranger, Audited::Change("session.start"), come_back)
        .free_text(&["code", "state", "iss", "error", "error_description", "error_uri", "session_state", "scope"])
        .before_second_factor()
        .rate(RateClass::Write)
        .post(
            "/sign-in/single-sign-on/{id}/back-channel-logout",
            Access::Public("an organization's provider, known by its signature"),
            Audited::Change("session.end_by_provider"),
            take_logout,
        )
        .free_text(&["logout_token"])
        .from_other_sites("no browser sends it: the provider's signature is what counts")
        .body_bytes(LOGOUT_BYTES)
        .post("/sign-in/single-sign-on/confirmation", Access::Member, departure, leave_to_confirm)
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .post("/sign-in/single-sign-on/connection", Access::Member, departure, leave_to_connect)
        .step_up()
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
        .post("/sign-in/single-sign-on/connections/{id}/removal", Access::Member, remove, remove_connection)
        .step_up()
        .body_bytes(FORM_BYTES)
}

#[derive(Template)]
#[template(path = "single_sign_on.html")]
struct StartPage {
    shell: Shell,
    name: String,
    next: String,
    error: String,
}

/// What a browser sees for a moment on its way: a form may not lead to another site, a page may.
#[derive(Template)]
#[template(path = "single_sign_on_leave.html")]
struct LeavePage {
    shell: Shell,
    host: String,
    address: String,
}

#[derive(Template)]
#[template(path = "single_sign_on_refused.html")]
struct RefusedPage {
    shell: Shell,
    reason: String,
    advice: &'static str,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartForm {
    name: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextForm {
    #[serde(default)]
    next: String,
}

/// Providers send more than is read.
#[derive(Deserialize)]
struct Callback {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

async fn show(nonce: Nonce, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Response {
    let name = settings::short_name(&wanted.name).unwrap_or_default();
    start_page(nonce, name, destination::of_referer(&headers), String::new()).into_response()
}

fn start_page(nonce: Nonce, name: String, next: String, error: String) -> Html<StartPage> {
    Html(StartPage { shell: Shell::alone("Single sign-on", nonce), name, next, error })
}

async fn leave(State(state): State<SignIn>, nonce: Nonce, Form(form): Form<StartForm>) -> Result<Response, Problem> {
    let platform = &state.gate.platform;
    let stored = match settings::short_name(&form.name) {
        Ok(name) => single_sign_on::named(platform, &name).await?,
        Err(_) => None,
    };
    let next = destination::checked(&form.next);
    let Some(stored) = stored else {
        let name: String = form.name.chars().take(*settings::SHORT_NAME_LENGTH.end()).collect();
        let page = start_page(nonce, name, next, NOT_KNOWN.to_owned());
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    depart(&state, nonce, &stored, (Purpose::SignIn, None), &next).await
}

async fn leave_to_confirm(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<NextForm>,
) -> Result<Response, Problem> {
    let stored = own(&state, &page.caller).await?;
    arrival::may_confirm(&page.caller)?;
    let next = destination::checked(&form.next);
    depart(&state, page.nonce, &stored, (Purpose::Confirm, Some(&page.caller)), &next).await
}

async fn leave_to_connect(State(state): State<SignIn>, page: PageContext) -> Result<Response, Problem> {
    let stored = own(&state, &page.caller).await?;
    depart(&state, page.nonce, &stored, (Purpose::Connect, Some(&page.caller)), "/settings/sign-in").await
}

/// The settings of the caller's own organization.
async fn own(state: &SignIn, caller: &Caller) -> Result<Stored, Problem> {
    let stored = single_sign_on::of(&state.gate.platform, caller.organization()).await?;
    Ok(stored.filter(Stored::is_open).ok_or(Error::SingleSignOn(Refusal::Off))?)
}

async fn depart(
    state: &SignIn,
    nonce: Nonce,
    stored: &Stored,
    whom: (Purpose, Option<&Caller>),
    next: &str,
) -> Result<Response, Problem> {
    let addresses = state.addresses(stored.organization);
    let platform = &state.gate.platform;
    let departure = arrival::depart(platform, &state.providers, stored, &addresses, whom, next).await;
    let Departure { address, browser } = match departure {
        Ok(departure) => departure,
        Err(Error::SingleSignOn(refusal)) => return Ok(refused(nonce, refusal)),
        Err(other) => return Err(other.into()),
    };
    let host = address.host_str().unwrap_or_default().to_owned();
    let page = LeavePage { shell: Shell::alone("To your provider", nonce), host, address: address.to_string() };
    let onward = HeaderValue::try_from(format!("0; url={address}"));
    let onward = onward.map_err(|_| Problem::internal("an address that is no header"))?;
    let headers = [
        (HeaderName::from_static("refresh"), onward),
        (header::SET_COOKIE, cookie(&state.gate, browser.reveal(), ATTEMPT_SECONDS)),
    ];
    Ok((headers, Html(page)).into_response())
}

async fn come_back(
    State(state): State<SignIn>,
    former: Option<Caller>,
    nonce: Nonce,
    address: ClientAddress,
    headers: HeaderMap,
    Path(organization): Path<Uuid>,
    Query(callback): Query<Callback>,
) -> Result<Response, Problem> {
    let (gate, device) = (&state.gate, device(address, &headers));
    let organization = OrganizationId(organization);
    let Some(stored) = single_sign_on::of(&gate.platform, organization).await? else {
        return Ok(refused(nonce, Refusal::Off));
    };
    let answer =
        Answer { state: callback.state, code: callback.code, issuer: callback.iss, is_error: callback.error.is_some() };
    let browser = cookie_of(gate, &headers).unwrap_or_default();
    let returning = Returning { browser, caller: former.as_ref(), device: &device };
    let addresses = state.addresses(organization);
    let arrived = arrival::arrive(&gate.platform, &state.providers, &stored, &addresses, &answer, &returning).await;
    let mut response = match arrived {
        Ok(Arrived::In(token, next)) => {
            end_former(gate, former).await?;
            signed_in(gate, &token, &next)
        }
        Ok(Arrived::Confirmed(token, next)) => signed_in(gate, &token, &next),
        Ok(Arrived::Connected) => Redirect::to(&Done::address("/settings/sign-in", "connected")).into_response(),
        Err(Error::SingleSignOn(refusal)) => refused(nonce, refusal),
        Err(other) => return Err(other.into()),
    };
    if let Ok(gone) = HeaderValue::try_from(cookie_text(gate, "", 0)) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

fn refused(nonce: Nonce, refusal: Refusal) -> Response {
    let advice = if refusal == Refusal::Stale { OTHER_HOST } else { "" };
    let page = RefusedPage { shell: Shell::alone("You are not signed in", nonce), reason: refusal.to_string(), advice };
    let status = match refusal {
        Refusal::Unreachable(_) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::FORBIDDEN,
    };
    (status, Html(page)).into_response()
}

/// Answers in the way of OpenID Connect Back-Channel Logout 1.0 section 2.8: 200, or 400 with the reason as a word.
async fn take_logout(
    State(state): State<SignIn>,
    address: ClientAddress,
    headers: HeaderMap,
    Path(organization): Path<Uuid>,
    Form(form): Form<LogoutForm>,
) -> Result<Response, Problem> {
    let (platform, organization) = (&state.gate.platform, OrganizationId(organization));
    let device = device(address, &headers);
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let stored = single_sign_on::of(platform, organization).await?;
    let judged = match &stored {
        Some(stored) => state.providers.signed_out(platform, stored, &form.logout_token).await,
        None => Err(Refusal::Off),
    };
    let (stored, logout) = match (stored, judged) {
        (Some(stored), Ok(logout)) => (stored, logout),
        (stored, judged) => {
            let why = judged.err().map_or("switched off", Refusal::word);
            if stored.is_some() {
                store::note_refusal(platform, organization, why, &device).await;
            }
            let body = web::Json(serde_json::json!({ "error": "invalid_request", "error_description": why }));
            return Ok((StatusCode::BAD_REQUEST, no_store, body).into_response());
        }
    };
    let issuer = stored.settings.issuer.as_str();
    let user = match &logout.subject {
        Some(subject) => external_identity::find(platform, organization, Subject { issuer, subject }).await?,
        None => None,
    };
    let signed_out = SignedOut {
        issuer,
        session: logout.session.as_deref(),
        user,
        until: logout.issued_at.plus_seconds(SKEW_SECONDS),
    };
    provider_session::end(platform, organization, signed_out, &device).await?;
    Ok((StatusCode::OK, no_store).into_response())
}

/// Who the person is at the organization's provider, as a line of their own page.
pub(crate) struct ConnectionLine {
    pub(crate) id: Uuid,
    pub(crate) issuer: String,
    pub(crate) since: Moment,
    pub(crate) used: Option<Moment>,
}

/// The lines of the person who asks.
pub(crate) async fn connections(state: &SignIn, caller: &Caller) -> Result<Vec<ConnectionLine>, Problem> {
    let Some(user) = caller.user() else { return Ok(Vec::new()) };
    let joined = external_identity::of_user(&state.gate.platform, caller.organization(), user).await?;
    let line = |joined: external_identity::Joined| ConnectionLine {
        id: joined.id,
        issuer: joined.issuer,
        since: Moment::day(joined.created_at),
        used: joined.used_at.map(Moment::new),
    };
    Ok(joined.into_iter().map(line).collect())
}

async fn remove_connection(
    State(state): State<SignIn>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    external_identity::remove_own(&state.gate.platform, &caller, id).await?;
    Ok(Redirect::to(&Done::address("/settings/sign-in", "removed")))
}

/// The cookie that binds a sign-in to the browser that began it. Another site's navigation brings it along (`Lax`): that is
/// what a provider's answer is.
const fn cookie_name(cookie: SessionCookie) -> &'static str {
    match cookie {
        SessionCookie::OverTls => "__Host-ringfence_single_sign_on",
        SessionCookie::OnLoopback => "ringfence_single_sign_on",
    }
}

fn cookie_text(gate: &Gate, value: &str, seconds: i64) -> String {
    let secure = if gate.cookie == SessionCookie::OverTls { "; Secure" } else { "" };
    format!("{}={value}; Max-Age={seconds}; Path=/{secure}; HttpOnly; SameSite=Lax", cookie_name(gate.cookie))
}

fn cookie(gate: &Gate, value: &str, seconds: i64) -> HeaderValue {
    let text = cookie_text(gate, value, seconds);
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What the browser kept. Two cookies of the name mean that somebody planted one: then none counts.
fn cookie_of<'a>(gate: &Gate, headers: &'a HeaderMap) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == cookie_name(gate.cookie)).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}
