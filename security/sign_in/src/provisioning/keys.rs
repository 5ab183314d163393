//! `/v1/provisioning`: the address for a directory, its keys, and links for people whom it added.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use identity::api_key::{self, ApiKey};
use identity::{Caller, Permission, invitation};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::{from_rfc3339, to_rfc3339};
use web::routes::{Access, Audited, Routes};
use web::{Json, Path, Problem};

use super::PREFIX;
use crate::SignIn;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let (read, write) = (Permission::KeyRead, Permission::ProvisioningWrite);
    Routes::new()
        .get("/v1/provisioning", Access::Permission(read), Audited::No("an address and keys without secrets"), show)
        .post("/v1/provisioning/keys", Access::Permission(write), Audited::Change("key.create"), create_key)
        .free_text(&["name"])
        .answers_secret()
        .step_up_people_only()
        .post(
            "/v1/provisioning/people/{id}/invitation",
            Access::Permission(Permission::MemberWrite),
            Audited::Change("invitation.create"),
            invite,
        )
        .answers_secret()
        .step_up()
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(show, create_key, invite))]
pub struct Description;

/// A key of a directory, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectoryKey {
    /// The key's id: rotate it at `/v1/keys/{id}/rotate`, revoke it at `/v1/keys/{id}`.
    id: Uuid,
    /// Which directory has it.
    name: String,
    /// Where it stands, as at `/v1/keys`.
    state: &'static str,
    /// The Owner who answers for it. It ends when they are an Owner no more.
    created_by: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The last request with it, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
}

impl DirectoryKey {
    fn of(key: ApiKey, now: Timestamp) -> Self {
        Self {
            state: key.state(now).as_str(),
            id: key.id,
            name: key.name,
            created_by: key.created_by,
            created_at: to_rfc3339(key.created_at),
            expires_at: key.expires_at.map(to_rfc3339),
            used_at: key.used_at.map(to_rfc3339),
        }
    }
}

/// How a directory reaches this organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProvisioningView {
    /// The address to give to the directory.
    address: String,
    /// Its keys, the newest first.
    keys: Vec<DirectoryKey>,
}

/// The address for a directory, and its keys.
#[utoipa::path(get, path = "/v1/provisioning", tag = "provisioning", responses((status = 200, body = ProvisioningView)))]
async fn show(State(state): State<SignIn>, caller: Caller) -> Result<Json<ProvisioningView>, Problem> {
    let platform = &state.gate.platform;
    let now = platform.now();
    let keys = api_key::for_provisioning(platform, &caller).await?;
    let address = format!("{}{PREFIX}", state.base_url);
    Ok(Json(ProvisioningView { address, keys: keys.into_iter().map(|key| DirectoryKey::of(key, now)).collect() }))
}

/// A new key for a directory.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryKeyRequest {
    /// Which directory will have it.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// When it stops by itself.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedDirectoryKey {
    #[serde(flatten)]
    key: DirectoryKey,
    /// The whole key. It is stored nowhere: give it to the directory now.
    secret: String,
}

/// Makes a key with which a directory provisions people; it can do nothing else. For Owners who have just confirmed who they
/// are, and for no program.
#[utoipa::path(post, path = "/v1/provisioning/keys", operation_id = "createDirectoryKey", tag = "provisioning", request_body = DirectoryKeyRequest, responses((status = 201, body = CreatedDirectoryKey)))]
async fn create_key(
    State(state): State<SignIn>,
    caller: Caller,
    Json(wanted): Json<DirectoryKeyRequest>,
) -> Result<Response, Problem> {
    let platform = &state.gate.platform;
    let expires_at = wanted.expires_at.as_deref().map(|text| {
        from_rfc3339(text).ok_or_else(|| Problem::field("expires_at", "Give a time as in 2026-12-24T18:00:00Z."))
    });
    let (key, text) =
        api_key::create_for_provisioning(platform, &caller, &wanted.name, expires_at.transpose()?).await?;
    let created = CreatedDirectoryKey { key: DirectoryKey::of(key, platform.now()), secret: text.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// A link for one person, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct PersonalInvitation {
    /// The invitation.
    id: Uuid,
    /// The link, from this server's address on: hand it to the person. It works once, for seven days.
    path: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a link with which somebody whom a directory added chooses their first password. Needless where people come in by
/// single sign-on. Links for the same person from before end.
#[utoipa::path(post, path = "/v1/provisioning/people/{id}/invitation", tag = "provisioning", params(("id" = Uuid, Path, description = "The membership, which is the SCIM id")), responses((status = 201, body = PersonalInvitation), (status = 409, description = "They have a password, or are stopped")))]
async fn invite(State(state): State<SignIn>, caller: Caller, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let (made, token) = invitation::create_for(&state.gate.platform, &caller, id).await?;
    let path = invitation::address("", &token);
    let made = PersonalInvitation { id: made.id, path, expires_at: to_rfc3339(made.expires_at) };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}
