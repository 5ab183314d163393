//! Settings: API keys. A key is shown once, on the answer to the form that made it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::api_key::{self, ApiKey, NewKey};
use identity::{Environment, Permission, Platform, Role};
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
const SECONDS_PER_DAY: i64 = 24 * 3600;

pub(super) fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::KeyRead), Access::Permission(Permission::KeyWrite));
    Routes::new()
        .get("/settings/keys", read, Audited::No("names of keys; never a key"), list)
        .post("/settings/keys", write, Audited::Change("key.create"), create)
        .post("/settings/keys/{id}/revocation", write, Audited::Change("key.revoke"), revoke)
}

struct Line {
    id: Uuid,
    name: String,
    environment: &'static str,
    role: &'static str,
    made: Moment,
    used: Option<Moment>,
    state: Chip,
    works: bool,
}

fn line(key: ApiKey, now: Timestamp) -> Line {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => Chip::new(Tone::Done, "Revoked"),
        (None, Some(end)) if end <= now => Chip::new(Tone::Done, "Expired"),
        _ => Chip::new(Tone::Good, "Works"),
    };
    Line {
        id: key.id,
        name: key.name,
        environment: key.environment.as_str(),
        role: key.role.as_str(),
        made: Moment::day(key.created_at),
        used: key.used_at.map(Moment::new),
        works: state.tone() == Tone::Good,
        state,
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
    let grantable = |role: &Role| caller.role().is_some_and(|own| own.may_grant(*role));
    Ok(KeysPage {
        shell: page.shell("API keys", Nav::Settings),
        keys: keys.into_iter().rev().map(|key| line(key, now)).collect(),
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
    days: i64,
}

async fn create(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<NewKeyForm>,
) -> Result<Response, Problem> {
    let role = Role::parse(&form.role).ok_or_else(|| Problem::field("role", "There is no such role."))?;
    let days = form.days.clamp(1, api_key::MAXIMUM_LIFE_DAYS);
    let expires_at = Some(platform.now().plus_seconds(days * SECONDS_PER_DAY - 1));
    let new = NewKey { name: &form.name, environment: Environment::Live, role, expires_at };
    match api_key::create(&platform, &page.caller, &new).await {
        Ok((_, text)) => {
            let made = Some(text.reveal().to_owned());
            Ok(Html(KeysPage { made, ..keys_page(&platform, &page).await? }).into_response())
        }
        Err(identity::Error::Invalid { field: "name", reason }) => {
            let again = KeysPage { name: form.name, name_error: reason, ..keys_page(&platform, &page).await? };
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
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
