//! Settings: provisioning. The address and the keys for a directory, what it did last, and links for people whom it added.

use std::collections::HashMap;

use askama::Template;
use audit::{Outcome, StoredEntry};
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use identity::api_key::{self, ApiKey, State as KeyState};
use identity::{Error, Permission, Platform, invitation, member};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};

use super::PREFIX;
use super::store::Directory;
use crate::SignIn;

const ADDRESS: &str = "/settings/provisioning";
/// Keys whose last deeds are looked at, the newest first.
const KEYS_READ: usize = 5;
/// Deeds shown.
const DEEDS_SHOWN: usize = 25;
/// People without a password shown.
const PEOPLE_SHOWN: usize = 50;
/// Members whose names are looked up.
const MEMBERS_READ: i64 = 1000;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let read = Access::Permission(Permission::KeyRead);
    let (write, invite) =
        (Access::Permission(Permission::ProvisioningWrite), Access::Permission(Permission::MemberWrite));
    Routes::new()
        .get("/settings/provisioning", read, Audited::Read("provisioning.show"), show)
        .post("/settings/provisioning/keys", write, Audited::Change("key.create"), create_key)
        .free_text(&["name"])
        .answers_secret()
        .step_up_people_only()
        .post("/settings/provisioning/keys/{id}/rotation", write, Audited::Change("key.rotate"), rotate_key)
        .answers_secret()
        .step_up_people_only()
        .post("/settings/provisioning/keys/{id}/revocation", write, Audited::Change("key.revoke"), revoke_key)
        .post(
            "/settings/provisioning/people/{id}/invitation",
            invite,
            Audited::Change("invitation.create"),
            take_invite,
        )
        .answers_secret()
        .step_up()
}

struct KeyLine {
    id: Uuid,
    name: String,
    owner: String,
    made: Moment,
    used: Option<Moment>,
    ends: Option<Moment>,
    state: Chip,
    works: bool,
    may_be_rotated: bool,
}

struct Deed {
    at: Moment,
    words: &'static str,
    about: String,
    outcome: Chip,
}

struct Person {
    id: Uuid,
    name: String,
    email: String,
    since: Moment,
}

#[derive(Template)]
#[template(path = "provisioning.html")]
struct ProvisioningPage {
    shell: Shell,
    address: String,
    keys: Vec<KeyLine>,
    made: Option<String>,
    link: Option<String>,
    may_write: bool,
    may_invite: bool,
    deeds: Vec<Deed>,
    people: Vec<Person>,
    name: String,
    name_error: String,
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

fn line(key: &ApiKey, names: &HashMap<Uuid, String>, now: Timestamp) -> KeyLine {
    let state = key.state(now);
    let owner = key.created_by.and_then(|owner| names.get(&owner).cloned());
    KeyLine {
        id: key.id,
        name: key.name.clone(),
        owner: owner.unwrap_or_else(|| "somebody who left, so it is refused".to_owned()),
        made: Moment::day(key.created_at),
        used: key.used_at.map(Moment::new),
        ends: key.revoked_at.or(key.expires_at).map(Moment::new),
        works: state.works(),
        may_be_rotated: matches!(state, KeyState::Works | KeyState::ExpiresSoon),
        state: chip(state),
    }
}

/// An entry of the log in words; nothing for what is no deed of provisioning.
fn deed(entry: StoredEntry, names: &HashMap<Uuid, String>) -> Option<Deed> {
    let record = entry.record.filter(|_| entry.intact)?;
    let words = match record.action.as_str() {
        "provisioning.add" => "Added",
        "provisioning.change" => "Changed",
        "provisioning.remove" => "Removed",
        "provisioning.assign" => "Gave the role",
        _ => return None,
    };
    let fact = |name: &str| record.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let person = record.object.id.map(|id| names.get(&id).cloned().unwrap_or_else(|| "somebody who left".to_owned()));
    let state = fact("state").map(|state| format!(", now {state}")).unwrap_or_default();
    let about = match (person, fact("role"), fact("reason")) {
        (_, _, Some(reason)) => reason,
        (Some(person), ..) => format!("{person}{state}"),
        (None, Some(role), None) => role,
        (None, None, None) => String::new(),
    };
    let outcome = match record.outcome {
        Outcome::Done => Chip::new(Tone::Good, "Done"),
        Outcome::Refused => Chip::new(Tone::Wait, "Refused"),
        Outcome::Failed => Chip::new(Tone::Bad, "Failed"),
    };
    Some(Deed { at: Moment::exact(Timestamp(record.at)), words, about, outcome })
}

/// What the newest keys did last.
async fn deeds(
    platform: &Platform,
    page: &PageContext,
    keys: &[ApiKey],
    names: &HashMap<Uuid, String>,
) -> Result<Vec<Deed>, Problem> {
    let database = page.caller.database(platform);
    let mut entries = Vec::new();
    for key in keys.iter().take(KEYS_READ) {
        entries.extend(platform.audit.entries_of_actor(&database, key.id, DEEDS_SHOWN as u32).await?);
    }
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.index));
    Ok(entries.into_iter().filter_map(|entry| deed(entry, names)).take(DEEDS_SHOWN).collect())
}

async fn provisioning_page(state: &SignIn, page: &PageContext) -> Result<ProvisioningPage, Problem> {
    let (platform, caller, now) = (&state.gate.platform, &page.caller, state.gate.platform.now());
    let keys = api_key::for_provisioning(platform, caller).await?;
    let members = member::list(platform, caller, None, MEMBERS_READ).await?;
    let mut names = HashMap::new();
    for member in &members {
        names.insert(member.user, member.name.clone());
        names.insert(member.id, member.name.clone());
    }
    let directory = Directory::open(platform, caller, &state.base_url).await.map_err(problem)?;
    let people = directory.without_password(PEOPLE_SHOWN).await.map_err(problem)?;
    let person = |user: super::user::User| Person {
        id: user.id,
        name: user.name,
        email: user.email,
        since: Moment::day(user.created_at),
    };
    Ok(ProvisioningPage {
        shell: page.shell("Provisioning", Nav::Settings),
        address: format!("{}{PREFIX}", state.base_url),
        deeds: deeds(platform, page, &keys, &names).await?,
        keys: keys.iter().map(|key| line(key, &names, now)).collect(),
        made: None,
        link: None,
        may_write: caller.permits(Permission::ProvisioningWrite),
        may_invite: caller.permits(Permission::MemberWrite),
        people: people.into_iter().map(person).collect(),
        name: String::new(),
        name_error: String::new(),
    })
}

fn problem(refusal: super::refusal::Refusal) -> Problem {
    match refusal {
        super::refusal::Refusal::Identity(error) => error.into(),
        other => Problem::conflict(other.to_string()),
    }
}

async fn show(State(state): State<SignIn>, page: PageContext, Query(done): Query<Done>) -> Result<Response, Problem> {
    let mut shown = provisioning_page(&state, &page).await?;
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeyForm {
    name: String,
    days: i64,
}

async fn create_key(
    State(state): State<SignIn>,
    page: PageContext,
    Form(form): Form<NewKeyForm>,
) -> Result<Response, Problem> {
    let platform = &state.gate.platform;
    let expires_at = Some(api_key::expiry_in_days(platform.now(), form.days));
    match api_key::create_for_provisioning(platform, &page.caller, &form.name, expires_at).await {
        Ok((_, text)) => {
            let made = Some(text.reveal().to_owned());
            Ok(Html(ProvisioningPage { made, ..provisioning_page(&state, &page).await? }).into_response())
        }
        Err(Error::Invalid { field: "name", reason }) => {
            let again = provisioning_page(&state, &page).await?;
            let again = ProvisioningPage { name: form.name, name_error: reason, ..again };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(full @ Error::Conflict(_)) => {
            let name_error = full.to_string();
            let again = ProvisioningPage { name: form.name, name_error, ..provisioning_page(&state, &page).await? };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotationForm {
    overlap_seconds: i64,
}

async fn rotate_key(
    State(state): State<SignIn>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<RotationForm>,
) -> Result<Response, Problem> {
    let platform = &state.gate.platform;
    of_directory(platform, &page, id).await?;
    let (_, text) = api_key::rotate(platform, &page.caller, id, form.overlap_seconds).await?;
    let made = Some(text.reveal().to_owned());
    Ok(Html(ProvisioningPage { made, ..provisioning_page(&state, &page).await? }).into_response())
}

async fn revoke_key(State(state): State<SignIn>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    let platform = &state.gate.platform;
    of_directory(platform, &page, id).await?;
    if api_key::revoke(platform, &page.caller, id, None).await? {
        Ok(Redirect::to(&Done::address(ADDRESS, "revoked")))
    } else {
        Err(Problem::not_found())
    }
}

/// This page is about keys of directories; other keys have one of their own.
async fn of_directory(platform: &Platform, page: &PageContext, id: Uuid) -> Result<(), Problem> {
    let keys = api_key::for_provisioning(platform, &page.caller).await?;
    if keys.iter().any(|key| key.id == id) { Ok(()) } else { Err(Problem::not_found()) }
}

async fn take_invite(
    State(state): State<SignIn>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let (_, token) = invitation::create_for(&state.gate.platform, &page.caller, id).await?;
    let link = Some(invitation::address(&state.base_url, &token));
    Ok(Html(ProvisioningPage { link, ..provisioning_page(&state, &page).await? }).into_response())
}
