//! Settings: support access. And the page where a support session begins: its token stands in the fragment of the address,
//! which browsers send to no server.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use edge::{ClientAddress, Nonce, RateClass};
use http::{HeaderValue, StatusCode, header};
use identity::support::{self, Grant, Looking, NewGrant, SESSION_SECONDS, Scope, USUAL_HOURS, is_grantable};
use identity::{Caller, Permission, Presented};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};

use super::{SupportAccess, api};

/// Grants shown; older ones stand in the audit log.
const GRANTS_SHOWN: i64 = 100;
/// Bytes of a form.
const FORM_BYTES: usize = 16 * 1024;
/// How long a grant may be asked for in the form, in hours.
const HOURS: [i64; 5] = [1, 4, 12, 24, 72];
const USED_UP: &str = "This support session is over, or was never opened. Open another by the grant.";

pub(super) fn routes() -> Routes<SupportAccess> {
    let (read, write) = (Access::Permission(Permission::SupportRead), Access::Permission(Permission::SupportWrite));
    let stranger = Access::Public("a support session is a stranger until its token was shown");
    Routes::new()
        .get("/settings/support", read, Audited::No("what was granted stands in the log already"), show)
        .post("/settings/support", write, Audited::Change("support.grant"), grant)
        .free_text(&["reason"])
        .step_up()
        .body_bytes(FORM_BYTES)
        .post("/settings/support/{id}/revocation", write, Audited::Change("support.revoke"), revoke)
        .post("/settings/support/sessions/{id}/end", write, Audited::Change("support.end"), end)
        .get("/support", stranger, Audited::No("an empty form, or what the reader may look at"), begin)
        .post("/support", stranger, Audited::No("opening was written down; so is every look"), take)
        .rate(RateClass::SignIn)
        .body_bytes(FORM_BYTES)
}

struct GrantLine {
    id: Uuid,
    permissions: String,
    objects: usize,
    reason: String,
    since: Moment,
    until: Moment,
    state: Chip,
    is_good: bool,
}

fn grant_line(grant: Grant, now: Timestamp) -> GrantLine {
    let state = match grant.revoked_at {
        Some(_) => Chip::new(Tone::Done, "Revoked"),
        None if grant.is_good(now) => Chip::new(Tone::Live, "Open"),
        None => Chip::new(Tone::Done, "Over"),
    };
    let names: Vec<String> = grant.scope.permissions().iter().map(|permission| permission.dotted()).collect();
    GrantLine {
        id: grant.id,
        permissions: names.join(", "),
        objects: grant.scope.objects().len(),
        is_good: grant.is_good(now),
        since: Moment::new(grant.created_at),
        until: Moment::new(grant.expires_at),
        reason: grant.reason,
        state,
    }
}

struct LookingLine {
    id: Uuid,
    name: String,
    since: Moment,
    until: Moment,
}

impl From<Looking> for LookingLine {
    fn from(looking: Looking) -> Self {
        Self {
            id: looking.session,
            name: looking.operator_name,
            since: Moment::new(looking.since),
            until: Moment::new(looking.until),
        }
    }
}

/// One box of the form.
struct Choice {
    name: String,
    words: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "support_access.html")]
struct SupportPage {
    shell: Shell,
    grants: Vec<GrantLine>,
    looking: Vec<LookingLine>,
    may_write: bool,
    choices: Vec<Choice>,
    hours: [i64; 5],
    chosen_hours: i64,
    reason: String,
    objects: String,
    error: String,
}

/// What a grant of this opens, for people.
const fn words(permission: Permission) -> &'static str {
    match permission {
        Permission::RecordingListen => "Listen to recordings",
        Permission::TranscriptRead => "Read what was said",
        Permission::CallRead => "See calls: when, how long, which way",
        Permission::ConversationRead => "See conversations and their course",
        Permission::AgentRead => "See agents and their versions",
        Permission::KnowledgeRead => "See what agents know",
        Permission::ContactRead => "See contacts with names and numbers",
        Permission::LeadRead => "See leads",
        Permission::BookingRead => "See bookings",
        Permission::TicketRead => "See tickets",
        Permission::NumberRead => "See telephone numbers",
        Permission::WidgetRead => "See chat widgets",
        Permission::SettingsRead => "See settings",
        _ => "",
    }
}

#[derive(Deserialize)]
struct Asked {
    /// Objects to begin the form with, from the page of a call.
    objects: Option<String>,
}

async fn page(state: &SupportAccess, page: &PageContext) -> Result<SupportPage, Problem> {
    let (platform, caller) = (state.platform(), &page.caller);
    let now = platform.now();
    let grants = support::list(platform, caller, None, GRANTS_SHOWN).await?;
    let grantable = Permission::ALL.into_iter().filter(|permission| is_grantable(*permission));
    let choice = |permission: Permission| Choice { name: permission.dotted(), words: words(permission), chosen: false };
    Ok(SupportPage {
        shell: page.shell("Support access", Nav::Settings),
        grants: grants.into_iter().rev().map(|grant| grant_line(grant, now)).collect(),
        looking: support::looking(platform, caller.organization()).await?.into_iter().map(Into::into).collect(),
        may_write: caller.permits(Permission::SupportWrite),
        choices: grantable.map(choice).collect(),
        hours: HOURS,
        chosen_hours: USUAL_HOURS,
        reason: String::new(),
        objects: String::new(),
        error: String::new(),
    })
}

async fn show(
    State(state): State<SupportAccess>,
    context: PageContext,
    Query(done): Query<Done>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let mut shown = page(&state, &context).await?;
    let objects: Vec<&str> = asked.objects.iter().flat_map(|objects| objects.split([',', ' '])).collect();
    let known = objects.into_iter().filter(|object| Uuid::try_parse(object).is_ok());
    shown.objects = known.take(support::MAXIMUM_OBJECTS).collect::<Vec<_>>().join("\n");
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

/// The form: `permission.<dotted name>` for each box that is ticked, `hours`, `reason`, `objects`.
async fn grant(
    State(state): State<SupportAccess>,
    context: PageContext,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    match wish(&form).and_then(|wish| Ok((wish.scope()?, wish))) {
        Ok((scope, wish)) => {
            let new = NewGrant { scope, hours: wish.hours, reason: wish.reason };
            match state.grant(&context.caller, &new).await {
                Ok(_) => Ok(Redirect::to(&Done::address("/settings/support", "saved")).into_response()),
                Err(problem)
                    if [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT].contains(&problem.status()) =>
                {
                    again(&state, &context, &form, &problem).await
                }
                Err(other) => Err(other),
            }
        }
        Err(problem) => again(&state, &context, &form, &problem).await,
    }
}

struct Wish<'a> {
    permissions: Vec<&'a str>,
    objects: Vec<&'a str>,
    hours: i64,
    reason: &'a str,
}

fn wish(form: &BTreeMap<String, String>) -> Result<Wish<'_>, Problem> {
    let text = |name: &str| form.get(name).map_or("", String::as_str);
    let hours = text("hours").parse().map_err(|_| Problem::field("hours", "Choose how long."))?;
    Ok(Wish {
        permissions: form.keys().filter_map(|name| name.strip_prefix("permission.")).collect(),
        objects: text("objects").split_whitespace().collect(),
        hours,
        reason: text("reason"),
    })
}

impl Wish<'_> {
    fn scope(&self) -> Result<Scope, Problem> {
        let permissions = api::parse(self.permissions.iter().copied())?;
        let objects: Result<Vec<Uuid>, _> = self.objects.iter().map(|object| Uuid::try_parse(object)).collect();
        let objects = objects.map_err(|_| Problem::field("objects", "Give identifiers, one on a line."))?;
        Ok(Scope::new(&permissions, &objects)?)
    }
}

/// The form as it was filled in, with what is wrong.
async fn again(
    state: &SupportAccess,
    context: &PageContext,
    form: &BTreeMap<String, String>,
    problem: &Problem,
) -> Result<Response, Problem> {
    let mut shown = page(state, context).await?;
    let text = |name: &str| form.get(name).cloned().unwrap_or_default();
    for choice in &mut shown.choices {
        choice.chosen = form.contains_key(&format!("permission.{}", choice.name));
    }
    shown.chosen_hours = text("hours").parse().unwrap_or(USUAL_HOURS);
    (shown.reason, shown.objects) = (text("reason"), text("objects"));
    shown.error = problem.errors().iter().map(|error| error.detail.clone()).collect::<Vec<_>>().join(" ");
    if shown.error.is_empty() {
        shown.error = problem.words();
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(shown)).into_response())
}

async fn revoke(
    State(state): State<SupportAccess>,
    context: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    if state.revoke(&context.caller, id).await? {
        Ok(Redirect::to(&Done::address("/settings/support", "revoked")))
    } else {
        Err(Problem::not_found())
    }
}

async fn end(
    State(state): State<SupportAccess>,
    context: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    if state.end(&context.caller, id).await? {
        Ok(Redirect::to(&Done::address("/settings/support", "ended")))
    } else {
        Err(Problem::not_found())
    }
}

/// What a support session may look at, as links.
struct Place {
    address: &'static str,
    word: &'static str,
}

#[derive(Template)]
#[template(path = "support_begin.html")]
struct BeginPage {
    shell: Shell,
    /// The organization and what it granted, once the token was shown.
    granted: Option<Granted>,
    error: &'static str,
}

struct Granted {
    organization: String,
    permissions: Vec<String>,
    objects: Vec<Uuid>,
    places: Vec<Place>,
}

fn granted(caller: &Caller) -> Option<Granted> {
    let scope = caller.support()?;
    let places = [
        ("/calls", "Calls", Permission::CallRead),
        ("/inbox", "Inbox", Permission::ConversationRead),
        ("/contacts", "Contacts", Permission::ContactRead),
        ("/agents", "Agents", Permission::AgentRead),
        ("/bookings", "Bookings", Permission::BookingRead),
        ("/leads", "Leads", Permission::LeadRead),
        ("/tickets", "Tickets", Permission::TicketRead),
    ];
    let reached = places.into_iter().filter(|(.., may)| scope.permits(*may) && scope.objects().is_empty());
    Some(Granted {
        organization: caller.organization_name().to_owned(),
        permissions: scope.permissions().iter().map(|permission| permission.dotted()).collect(),
        objects: scope.objects().to_vec(),
        places: reached.map(|(address, word, _)| Place { address, word }).collect(),
    })
}

async fn begin(caller: Option<Caller>, nonce: Nonce) -> Response {
    let granted = caller.as_ref().and_then(granted);
    Html(BeginPage { shell: Shell::alone("Support access", nonce), granted, error: "" }).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    token: String,
}

async fn take(
    State(state): State<SupportAccess>,
    nonce: Nonce,
    address: ClientAddress,
    Form(form): Form<TokenForm>,
) -> Result<Response, Problem> {
    let token = form.token.trim();
    let presented = Presented { session: Some(token), address: address.0, ..Presented::default() };
    let known = if token.starts_with(support::TOKEN_PREFIX) {
        state.gate.authenticator().authenticate(presented).await?
    } else {
        None
    };
    if known.is_none() {
        let page = BeginPage { shell: Shell::alone("Support access", nonce), granted: None, error: USED_UP };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response());
    }
    let headers = [
        (header::SET_COOKIE, state.gate.cookie.set_text(token, SESSION_SECONDS)),
        (header::LOCATION, HeaderValue::from_static("/support")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
