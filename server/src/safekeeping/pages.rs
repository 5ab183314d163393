//! Settings, Encryption: sealing, rotation with its progress, what is damaged, and secrets that nobody reads back.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use identity::{Permission, Platform};
use serde::Deserialize;
use vault::{Sweep, SweepKind};
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};
use zeroize::Zeroizing;

use super::Level;
use super::api::DAMAGES_SHOWN;

/// Where the page is.
const PAGE: &str = "/settings/encryption";
const SEALED: &str = "the page from which an owner unseals";

/// The routes.
pub fn routes() -> Routes<Platform> {
    let read = Access::Permission(Permission::SettingsRead);
    let (settings, keys) = (Access::Permission(Permission::SettingsWrite), Access::Permission(Permission::VaultWrite));
    Routes::new()
        .get(PAGE, read, Audited::No("how the keys stand; neither a key nor a secret"), page)
        .while_sealed(SEALED)
        .post("/settings/encryption/rotation", keys, Audited::Change("vault.rotate"), rotate)
        .step_up()
        .post("/settings/encryption/scrub", settings, Audited::Change("vault.scrub"), scrub)
        .post("/settings/encryption/seal", keys, Audited::Change("organization.seal"), seal)
        .step_up()
        .post("/settings/encryption/unseal", keys, Audited::Change("organization.unseal"), unseal)
        .step_up_people_only()
        .while_sealed(SEALED)
        .post("/settings/encryption/secrets", settings, Audited::Change("secret.set"), set_secret)
        .free_text(&["value"])
        .post("/settings/encryption/secrets/{name}/deletion", settings, Audited::Change("secret.delete"), delete_secret)
}

/// The last walk of a kind, in words.
struct Line {
    name: &'static str,
    what: &'static str,
    state: Chip,
    percent: i64,
    is_running: bool,
    when: Option<Moment>,
    words: String,
}

struct DamageLine {
    place: String,
    object: String,
    reason: String,
    found: Moment,
}

struct SecretLine {
    name: String,
    set: Moment,
}

#[derive(Template)]
#[template(path = "encryption.html")]
struct EncryptionPage {
    shell: Shell,
    sealed: Option<Moment>,
    lines: Vec<Line>,
    damages: Vec<DamageLine>,
    secrets: Vec<SecretLine>,
    may_rotate: bool,
    may_write: bool,
    name: String,
    name_error: String,
}

fn line(name: &'static str, what: &'static str, sweep: Option<Sweep>) -> Line {
    let Some(sweep) = sweep else {
        let state = Chip::new(Tone::Draft, "Never");
        return Line { name, what, state, percent: 0, is_running: false, when: None, words: String::new() };
    };
    let looked_at = sweep.done;
    let (state, words) = match (sweep.finished_at, sweep.damaged, sweep.kind) {
        (None, ..) => (Chip::new(Tone::Live, "Running"), format!("{looked_at} looked at so far")),
        (Some(_), 0, SweepKind::Scrub) => (Chip::new(Tone::Good, "Whole"), format!("{looked_at} opened")),
        (Some(_), 0, _) => {
            (Chip::new(Tone::Good, "Done"), format!("{} sealed anew; the older key has ended", sweep.changed))
        }
        (Some(_), damaged, SweepKind::Scrub) => (Chip::new(Tone::Bad, "Damaged"), format!("{damaged} did not open")),
        (Some(_), damaged, _) => (Chip::new(Tone::Bad, "Older key kept"), format!("{damaged} did not open; see below")),
    };
    let when = Some(Moment::new(sweep.finished_at.unwrap_or(sweep.started_at)));
    Line { name, what, state, percent: sweep.percent(), is_running: sweep.finished_at.is_none(), when, words }
}

async fn shown(platform: &Platform, page: &PageContext) -> Result<EncryptionPage, Problem> {
    let (vault, caller) = (&platform.vault, &page.caller);
    let organization = Some(caller.organization());
    let last = async |kind| vault.last_sweep(organization, kind).await;
    let lines = vec![
        line(
            "Organization’s key",
            "seals its settings, and wraps the keys of people and recordings",
            last(SweepKind::Rotation).await?,
        ),
        line("Keys of people", "one for each caller, visitor and contact", last(SweepKind::PersonRotation).await?),
        line("Integrity", "everything sealed is opened once a week", last(SweepKind::Scrub).await?),
    ];
    let damage = |damage: vault::Damage| DamageLine {
        place: damage.place,
        object: damage.object.to_string(),
        reason: damage.reason,
        found: Moment::new(damage.found_at),
    };
    let sealed = vault.sealed_since(caller.organization()).await?;
    let secrets = super::list_secrets(platform, caller).await?;
    Ok(EncryptionPage {
        shell: page.shell("Encryption", Nav::Settings),
        sealed: sealed.map(Moment::new),
        lines,
        damages: vault.damages(organization, DAMAGES_SHOWN).await?.into_iter().map(damage).collect(),
        secrets: secrets
            .into_iter()
            .map(|secret| SecretLine { name: secret.name, set: Moment::new(secret.set_at) })
            .collect(),
        may_rotate: caller.permits(Permission::VaultWrite),
        may_write: caller.permits(Permission::SettingsWrite),
        name: String::new(),
        name_error: String::new(),
    })
}

async fn page(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut shown = shown(&platform, &page).await?;
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
struct RotationForm {
    level: Level,
}

async fn rotate(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<RotationForm>,
) -> Result<Redirect, Problem> {
    super::rotate(&platform, &page.caller, form.level).await?;
    Ok(Redirect::to(PAGE))
}

async fn scrub(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    super::scrub(&platform, &page.caller).await?;
    Ok(Redirect::to(PAGE))
}

async fn seal(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    super::seal(&platform, &page.caller).await?;
    Ok(Redirect::to(PAGE))
}

async fn unseal(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    super::unseal(&platform, &page.caller).await?;
    Ok(Redirect::to(PAGE))
}

#[derive(Deserialize)]
struct SecretForm {
    name: String,
    value: String,
}

async fn set_secret(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<SecretForm>,
) -> Result<Response, Problem> {
    let value = Zeroizing::new(form.value);
    match super::set_secret(&platform, &page.caller, &form.name, &value).await {
        Ok(_) => Ok(Redirect::to(&format!("{PAGE}?done=saved")).into_response()),
        Err(identity::Error::Vault(why @ (vault::Error::Secret(_) | vault::Error::SecretsFull))) => {
            let again =
                EncryptionPage { name: form.name, name_error: why.to_string(), ..shown(&platform, &page).await? };
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn delete_secret(
    State(platform): State<Platform>,
    page: PageContext,
    Path(name): Path<String>,
) -> Result<Redirect, Problem> {
    if super::delete_secret(&platform, &page.caller, &name).await? {
        Ok(Redirect::to(PAGE))
    } else {
        Err(Problem::not_found())
    }
}
