//! Settings: API keys. A key is shown once, on the answer to the form that made or rotated it.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::api_key::{self, ApiKey, NewKey, State as KeyState};
use identity::{Environment, Permission, Platform, Role, member};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};

/// Keys shown: an organization has at most so many that work.
const KEYS_SHOWN: i64 = api_key::MAXIMUM_KEYS;
/// Members whose names are looked up.
const MEMBERS_READ: i64 = 1000;

pub(super) fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::KeyRead), Access::Permission(Permission::KeyWrite));
    Routes::new()
        .get("/settings/keys", read, Audited::No("names of keys; never a key"), list)
        .post("/settings/keys", write, Audited::Change("key.create"), create)
        .free_text(&["name"])
        .answers_secret()
        .step_up()
        .post("/settings/keys/{id}/rotation", write, Audited::Change("key.rotate"), rotate)
        .answers_secret()
        .step_up()
        .post("/settings/keys/{id}/revocation", write, Audited::Change("key.revoke"), revoke)
}

struct Line {
    id: Uuid,
    name: String,
    environment: &'static str,
    role: &'static str,
    owner: String,
    made: Moment,
    used: Option<Moment>,
    ends: Option<Moment>,
    state: Chip,
    works: bool,
    may_be_rotated: bool,
}

fn chip(state: KeyState) -> Chip {
    match state {
        KeyState::Works => Chip::new(Tone::Good, "Works"),
        KeyState::ExpiresSoon => Chip::new(Tone::Wait, "Expires soon"),
        KeyState::Ending => Chip::new(Tone::Wait, "Ends: rotated"),
        KeyState::Expired => Chip::new(Tone::Done, "Expired"),
        KeyState::Revoked => Chip::new(Tone::Done, "Revoked"),
        KeyState::Leaked => Chip::new(Tone::Bad, "Leaked, stopped"),
    }
}

fn line(key: ApiKey, names: &HashMap<Uuid, String>, now: Timestamp) -> Line {
    let state = key.state(now);
    let owner = match key.created_by {
        Some(owner) => names.get(&owner).cloned().unwrap_or_else(|| "somebody who left".to_owned()),
        None => "the machine itself".to_owned(),
    };
    Line {
        id: key.id,
        name: key.name,
        environment: key.environment.as_str(),
        role: key.role.as_str(),
        owner,
        made: Moment::day(key.created_at),
        used: key.used_at.map(Moment::new),
        ends: key.revoked_at.or(key.expires_at).map(Moment::new),
        works: state.works(),
        may_be_rotated: matches!(state, KeyState::Works | KeyState::ExpiresSoon),
        state: chip(state),
    }
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    keys: Vec<Line>,
    made: Option<String>,
    may_write: bool,
    roles: Vec<Role>,
    name: String,
    name_error: String,
}

async fn keys_page(platform: &Platform, page: &PageContext) -> Result<KeysPage, Problem> {
    let (caller, now) = (&page.caller, platform.now());
    let keys = api_key::list(platform, caller, None, KEYS_SHOWN).await?;
    let mut names = HashMap::new();
    if caller.permits(Permission::MemberRead) {
        let members = member::list(platform, caller, None, MEMBERS_READ).await?;
        names.extend(members.into_iter().map(|member| (member.user, member.name)));
    }
    let grantable = |role: &Role| caller.role().is_some_and(|own| own.may_grant(*role));
    Ok(KeysPage {
        shell: page.shell("API keys", Nav::Settings),
        keys: keys.into_iter().rev().map(|key| line(key, &names, now)).collect(),
        made: None,
        may_write: caller.permits(Permission::KeyWrite),
        // The smallest role first: what is chosen without thinking should do the least.
        roles: Role::ALL.into_iter().rev().filter(grantable).collect(),
        name: String::new(),
        name_error: String::new(),
    })
}

async fn list(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut keys = keys_page(&platform, &page).await?;
    keys.shell = done.told(keys.shell);
    Ok(Html(keys).into_response())
}

#[derive(Deserialize)]
struct NewKeyForm {
    name: String,
    role: String,
    environment: String,
    days: i64,
}

async fn create(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<NewKeyForm>,
) -> Result<Response, Problem> {
    let role = Role::parse(&form.role).ok_or_else(|| Problem::field("role", "There is no such role."))?;
    let expires_at = Some(api_key::expiry_in_days(platform.now(), form.days));
    let environment = Environment::parse(&form.environment);
    let environment = environment.ok_or_else(|| Problem::field("environment", "A key is live or test."))?;
    let new = NewKey { name: &form.name, environment, role, expires_at };
    match api_key::create(&platform, &page.caller, &new).await {
        Ok((_, text)) => {
            let made = Some(text.reveal().to_owned());
            Ok(Html(KeysPage { made, ..keys_page(&platform, &page).await? }).into_response())
        }
        Err(identity::Error::Invalid { field: "name", reason }) => {
            let again = KeysPage { name: form.name, name_error: reason, ..keys_page(&platform, &page).await? };
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(full @ identity::Error::Conflict(_)) => {
            let name_error = full.to_string();
            let again = KeysPage { name: form.name, name_error, ..keys_page(&platform, &page).await? };
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize)]
struct RotationForm {
    overlap_seconds: i64,
}

async fn rotate(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<RotationForm>,
) -> Result<Response, Problem> {
    let (_, text) = api_key::rotate(&platform, &page.caller, id, form.overlap_seconds).await?;
    let made = Some(text.reveal().to_owned());
    Ok(Html(KeysPage { made, ..keys_page(&platform, &page).await? }).into_response())
}

async fn revoke(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    if api_key::revoke(&platform, &page.caller, id, None).await? {
        Ok(Redirect::to("/settings/keys?done=revoked"))
    } else {
        Err(Problem::not_found())
    }
}
