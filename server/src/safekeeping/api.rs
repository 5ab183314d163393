//! `/v1/vault` and `/v1/secrets`: the keys of an organization, and secrets that go in and never come out.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Caller, Permission, Platform};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use vault::{Damage, StoredSecret, Sweep, SweepKind, secrets};
use web::routes::{Access, Audited, Routes};
use web::{Json, Page, Path, Problem};

use super::Level;

/// Damages that one answer shows.
pub const DAMAGES_SHOWN: i64 = 100;
/// Bytes of a body with a secret: the longest value, each byte of it escaped.
const SECRET_BODY_BYTES: usize = 6 * vault::MAXIMUM_SECRET_LENGTH + 1024;

/// The routes.
pub fn routes() -> Routes<Platform> {
    let read = Access::Permission(Permission::SettingsRead);
    let (settings, keys) = (Access::Permission(Permission::SettingsWrite), Access::Permission(Permission::VaultWrite));
    Routes::new()
        .get("/v1/vault", read, Audited::No("how the keys stand; no key in it"), get_vault)
        .while_sealed("it says that the organization is sealed")
        .post("/v1/vault/rotations", keys, Audited::Change("vault.rotate"), rotate)
        .step_up()
        .post("/v1/vault/scrubs", settings, Audited::Change("vault.scrub"), scrub)
        .post("/v1/vault/seal", keys, Audited::Change("organization.seal"), seal)
        .step_up()
        .while_sealed("sealing twice is sealing once")
        .post("/v1/vault/unseal", keys, Audited::Change("organization.unseal"), unseal)
        .step_up_people_only()
        .while_sealed("the way out")
        .get("/v1/secrets", read, Audited::No("names and times; never a value"), list_secrets)
        .get("/v1/secrets/{name}", read, Audited::No("a name and times; never a value"), get_secret)
        .put("/v1/secrets/{name}", settings, Audited::Change("secret.set"), set_secret)
        .free_text(&["value"])
        .body_bytes(SECRET_BODY_BYTES)
        .delete("/v1/secrets/{name}", settings, Audited::Change("secret.delete"), delete_secret)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(get_vault, rotate, scrub, seal, unseal, list_secrets, get_secret, set_secret, delete_secret))]
pub struct Description;

/// A walk over everything that is sealed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepView {
    id: Uuid,
    /// `rotation` (a new key of the organization), `person_rotation` (a new key for each person) or `scrub` (a look whether
    /// everything opens).
    kind: &'static str,
    /// `running` or `finished`.
    state: &'static str,
    /// How much is done, in hundredths.
    percent: i64,
    /// Values sealed anew.
    sealed_anew: i64,
    /// Values and objects that did not open.
    damaged: i64,
    /// Whether the older keys have ended. They stay when something did not open, for what a backup may bring back.
    old_keys_ended: bool,
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[serde(serialize_with = "web::instant::serialize_optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

impl From<Sweep> for SweepView {
    fn from(sweep: Sweep) -> Self {
        Self {
            id: sweep.id,
            kind: sweep.kind.as_str(),
            state: if sweep.finished_at.is_some() { "finished" } else { "running" },
            percent: sweep.percent(),
            sealed_anew: sweep.changed,
            damaged: sweep.damaged,
            old_keys_ended: sweep.ended_old_keys(),
            started_at: sweep.started_at,
            finished_at: sweep.finished_at,
        }
    }
}

/// Something sealed that does not open.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamageView {
    /// `object` (the sound of a recording), or table and column of a field.
    place: String,
    /// The recording, or the row.
    object_id: Uuid,
    /// What was seen.
    reason: String,
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    found_at: Timestamp,
}

impl From<Damage> for DamageView {
    fn from(damage: Damage) -> Self {
        Self { place: damage.place, object_id: damage.object, reason: damage.reason, found_at: damage.found_at }
    }
}

/// How the keys of an organization stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct VaultView {
    /// Since when the organization is sealed; absent when it is not.
    #[serde(serialize_with = "web::instant::serialize_optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    sealed_since: Option<Timestamp>,
    /// The last rotation of the organization's key.
    rotation: Option<SweepView>,
    /// The last rotation of the keys of persons.
    person_rotation: Option<SweepView>,
    /// The last look whether everything opens.
    scrub: Option<SweepView>,
    /// What does not open, the newest finding first; at most 100.
    damages: Vec<DamageView>,
}

/// Which keys are to be rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotationRequest {
    level: Level,
}

/// How the keys of your organization stand: sealed or not, rotations, and what is damaged.
#[utoipa::path(get, path = "/v1/vault", tag = "vault", operation_id = "getVault", responses((status = 200, body = VaultView)))]
async fn get_vault(State(platform): State<Platform>, caller: Caller) -> Result<Json<VaultView>, Problem> {
    let (vault, organization) = (&platform.vault, Some(caller.organization()));
    let last = async |kind| vault.last_sweep(organization, kind).await.map(|sweep| sweep.map(SweepView::from));
    Ok(Json(VaultView {
        sealed_since: vault.sealed_since(caller.organization()).await?,
        rotation: last(SweepKind::Rotation).await?,
        person_rotation: last(SweepKind::PersonRotation).await?,
        scrub: last(SweepKind::Scrub).await?,
        damages: vault.damages(organization, DAMAGES_SHOWN).await?.into_iter().map(DamageView::from).collect(),
    }))
}

async fn begun(platform: &Platform, id: Uuid) -> Result<(StatusCode, Json<SweepView>), Problem> {
    let sweep = platform.vault.sweep(id).await?.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(sweep.into())))
}

/// Makes a new key. It seals what is new at once; what the older one sealed is sealed anew in the background, then the
/// older one ends.
#[utoipa::path(post, path = "/v1/vault/rotations", tag = "vault", operation_id = "rotateKeys", request_body = KeyRotationRequest, responses((status = 202, body = SweepView)))]
async fn rotate(
    State(platform): State<Platform>,
    caller: Caller,
    Json(wanted): Json<KeyRotationRequest>,
) -> Result<(StatusCode, Json<SweepView>), Problem> {
    begun(&platform, super::rotate(&platform, &caller, wanted.level).await?).await
}

/// Has everything that is sealed looked through now, rather than when its week is over.
#[utoipa::path(post, path = "/v1/vault/scrubs", tag = "vault", operation_id = "scrub", responses((status = 202, body = SweepView)))]
async fn scrub(State(platform): State<Platform>, caller: Caller) -> Result<(StatusCode, Json<SweepView>), Problem> {
    begun(&platform, super::scrub(&platform, &caller).await?).await
}

/// Seals your organization: nothing of it can be read, by anybody, until it is unsealed. The phone and the widget do not
/// answer, jobs wait, nothing is lost. Sealing twice is sealing once.
#[utoipa::path(post, path = "/v1/vault/seal", tag = "vault", operation_id = "sealOrganization", responses((status = 204)))]
async fn seal(State(platform): State<Platform>, caller: Caller) -> Result<StatusCode, Problem> {
    super::seal(&platform, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unseals your organization. No key of a program can do this: an owner signs in and confirms.
#[utoipa::path(post, path = "/v1/vault/unseal", tag = "vault", operation_id = "unsealOrganization", responses((status = 204)))]
async fn unseal(State(platform): State<Platform>, caller: Caller) -> Result<StatusCode, Problem> {
    super::unseal(&platform, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret, without its value, which nobody gets back.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretView {
    name: String,
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its value was last set.
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    set_at: Timestamp,
}

impl From<StoredSecret> for SecretView {
    fn from(secret: StoredSecret) -> Self {
        Self { name: secret.name, created_at: secret.created_at, set_at: secret.set_at }
    }
}

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRequest {
    /// 1 to 8192 bytes.
    #[schema(min_length = 1, max_length = 8192)]
    value: String,
}

/// The secrets of your organization, by name. There are at most 100, so there is one page.
#[utoipa::path(get, path = "/v1/secrets", tag = "secrets", operation_id = "listSecrets", responses((status = 200, body = Page<SecretView>)))]
async fn list_secrets(State(platform): State<Platform>, caller: Caller) -> Result<Json<Page<SecretView>>, Problem> {
    let data = super::list_secrets(&platform, &caller).await?.into_iter().map(SecretView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// When a secret was set. Its value is given to nobody.
#[utoipa::path(get, path = "/v1/secrets/{name}", tag = "secrets", operation_id = "getSecret", params(("name" = String, Path, pattern = "^[a-z0-9_-][a-z0-9._-]{0,63}$")), responses((status = 200, body = SecretView)))]
async fn get_secret(
    State(platform): State<Platform>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<SecretView>, Problem> {
    let found = secrets::find(&caller.database(&platform), &name).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// Sets a secret, a new one or another value for one that is there.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "secrets", operation_id = "setSecret", request_body = SecretRequest, params(("name" = String, Path, pattern = "^[a-z0-9_-][a-z0-9._-]{0,63}$")), responses((status = 201), (status = 204)))]
async fn set_secret(
    State(platform): State<Platform>,
    caller: Caller,
    Path(name): Path<String>,
    Json(wanted): Json<SecretRequest>,
) -> Result<StatusCode, Problem> {
    let value = zeroize::Zeroizing::new(wanted.value);
    let is_new = super::set_secret(&platform, &caller, &name, &value).await?;
    Ok(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT })
}

/// Deletes a secret.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "secrets", operation_id = "deleteSecret", params(("name" = String, Path, pattern = "^[a-z0-9_-][a-z0-9._-]{0,63}$")), responses((status = 204)))]
async fn delete_secret(
    State(platform): State<Platform>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let deleted = super::delete_secret(&platform, &caller, &name).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
