//! `/v1/single-sign-on`.

use axum::extract::State;
use http::StatusCode;
use identity::{Caller, Permission, Role};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use web::routes::{Access, Audited, Routes};
use web::{Json, Problem};
use zeroize::Zeroizing;

use super::{Settings, Wish};
use crate::SignIn;
use crate::single_sign_on::{self, Stored};

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let read = Access::Permission(Permission::SettingsRead);
    let write = Access::Permission(Permission::SingleSignOnWrite);
    Routes::new()
        .get("/v1/single-sign-on", read, Audited::No("settings, nobody's data, and no secret"), get_settings)
        .put("/v1/single-sign-on", write, Audited::Change("single_sign_on.change"), put_settings)
        .free_text(&["short_name", "issuer", "client_id", "client_secret", "domains.*", "two_factor_words.*"])
        .step_up_people_only()
        .delete("/v1/single-sign-on", write, Audited::Change("single_sign_on.remove"), delete_settings)
        .step_up_people_only()
        .post("/v1/single-sign-on/trial", write, Audited::Read("single_sign_on.try"), try_settings)
        .rate(edge::RateClass::Heavy)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(get_settings, put_settings, delete_settings, try_settings))]
pub struct Description;

/// What a provider can make of those whom nobody invited.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewMemberRole {
    /// Figures only.
    Viewer,
    /// The daily work.
    Manager,
    /// Nearly everything.
    Admin,
}

impl NewMemberRole {
    fn of(role: Role) -> Option<Self> {
        match role {
            Role::Owner => None,
            Role::Admin => Some(Self::Admin),
            Role::Manager => Some(Self::Manager),
            Role::Viewer => Some(Self::Viewer),
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Manager => Role::Manager,
            Self::Admin => Role::Admin,
        }
    }
}

/// How an organization signs its members in with its own OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct SingleSignOnView {
    /// What members type to be led to their provider.
    short_name: String,
    /// The provider's address, exactly as it writes it itself.
    issuer: String,
    /// What the provider calls this server.
    client_id: String,
    /// Domains of e-mail addresses that the provider may vouch for.
    domains: Vec<String>,
    /// The role of those whom the provider brings and nobody invited; null when they are not let in.
    new_member_role: Option<NewMemberRole>,
    /// Whether it is the only way in for all but the owners.
    required: bool,
    /// Words of `acr` and `amr` in the provider's answers that mean two factors.
    two_factor_words: Vec<String>,
    /// Whether it is switched on.
    enabled: bool,
    /// Where the provider sends people back; to be registered there to the letter.
    redirect_uri: String,
    /// Where the provider tells that somebody has signed out (OpenID Connect Back-Channel Logout 1.0).
    back_channel_logout_uri: String,
    /// When it was set last.
    #[serde(serialize_with = "web::instant::serialize")]
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// What to set. The client secret can be written and never read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SingleSignOnWish {
    /// 3 to 40 small letters, digits and hyphens that begin with a letter; one organization of a server has it.
    #[schema(min_length = 3, max_length = 40, pattern = r"^\s*[A-Za-z][A-Za-z0-9-]{1,38}[A-Za-z0-9]\s*$")]
    short_name: String,
    /// The provider's address, exactly as it writes it itself: https, without query and fragment.
    #[schema(max_length = 500)]
    issuer: String,
    /// What the provider calls this server.
    #[schema(min_length = 1, max_length = 500, pattern = r"^\s*[!-~](?:[ -~]*[!-~])?\s*$")]
    client_id: String,
    /// What this server shows to the provider. Left out, the one that was set stays, unless the provider or the client is
    /// another one.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500, pattern = r"^\s*[!-~](?:[ -~]*[!-~])?\s*$")]
    client_secret: Option<String>,
    /// Domains of e-mail addresses that the provider may vouch for; at most 20.
    #[serde(default)]
    #[schema(max_items = 20)]
    domains: Vec<String>,
    /// The role of those whom the provider brings and nobody invited; null when they are not let in.
    #[serde(default)]
    new_member_role: Option<NewMemberRole>,
    /// Whether it is the only way in for all but the owners.
    #[serde(default)]
    required: bool,
    /// Words of `acr` and `amr` in the provider's answers that mean two factors; at most 10.
    #[serde(default)]
    #[schema(max_items = 10)]
    two_factor_words: Vec<String>,
    /// Whether it is switched on.
    enabled: bool,
}

/// What was found by trying.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialView {
    /// Whether signing in can work, as far as that can be seen without a person.
    works: bool,
    /// What was found, or what is wrong, in sentences.
    findings: Vec<String>,
}

fn view(state: &SignIn, stored: Stored) -> SingleSignOnView {
    let addresses = state.addresses(stored.organization);
    let Settings { short_name, issuer, client_id, domains, new_member_role, is_required, two_factor_words, is_on } =
        stored.settings;
    SingleSignOnView {
        short_name,
        issuer,
        client_id,
        domains,
        new_member_role: new_member_role.and_then(NewMemberRole::of),
        required: is_required,
        two_factor_words,
        enabled: is_on,
        redirect_uri: addresses.redirect,
        back_channel_logout_uri: addresses.back_channel_logout,
        changed_at: stored.changed_at,
    }
}

async fn stored(state: &SignIn, caller: &Caller) -> Result<Stored, Problem> {
    let stored = single_sign_on::of(&state.gate.platform, caller.organization()).await?;
    stored.ok_or_else(Problem::not_found)
}

/// How members sign in with the organization's own provider. 404 while nothing is set.
#[utoipa::path(get, path = "/v1/single-sign-on", operation_id = "getSingleSignOn", tag = "sign-in", responses((status = 200, body = SingleSignOnView), (status = 404, body = Problem)))]
async fn get_settings(State(state): State<SignIn>, caller: Caller) -> Result<Json<SingleSignOnView>, Problem> {
    let stored = stored(&state, &caller).await?;
    Ok(Json(view(&state, stored)))
}

/// Sets it. People only, who confirm first who they are: no key of a program can change who signs in.
#[utoipa::path(put, path = "/v1/single-sign-on", operation_id = "putSingleSignOn", tag = "sign-in", request_body = SingleSignOnWish, responses((status = 200, body = SingleSignOnView)))]
async fn put_settings(
    State(state): State<SignIn>,
    caller: Caller,
    Json(wish): Json<SingleSignOnWish>,
) -> Result<Json<SingleSignOnView>, Problem> {
    let secret = wish.client_secret.map(Zeroizing::new);
    let wish = Wish {
        short_name: wish.short_name,
        issuer: wish.issuer,
        client_id: wish.client_id,
        domains: wish.domains.join(" "),
        new_member_role: wish.new_member_role.map_or("", |role| role.role().as_str()).to_owned(),
        is_required: wish.required,
        two_factor_words: wish.two_factor_words.join(" "),
        is_on: wish.enabled,
    };
    let settings = Settings::of(&wish, state.providers.reach())?;
    single_sign_on::save(&state.gate.platform, &caller, &settings, secret).await?;
    state.providers.forget(&settings.issuer);
    let stored = stored(&state, &caller).await?;
    Ok(Json(view(&state, stored)))
}

/// Takes the settings away. Whoever signed in by the provider is signed out.
#[utoipa::path(delete, path = "/v1/single-sign-on", tag = "sign-in", responses((status = 204), (status = 404, body = Problem)))]
async fn delete_settings(State(state): State<SignIn>, caller: Caller) -> Result<StatusCode, Problem> {
    single_sign_on::remove(&state.gate.platform, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the provider for its description and its keys, and whether it takes the client secret; says plainly what is wrong.
#[utoipa::path(post, path = "/v1/single-sign-on/trial", tag = "sign-in", responses((status = 200, body = TrialView), (status = 404, body = Problem)))]
async fn try_settings(State(state): State<SignIn>, caller: Caller) -> Result<Json<TrialView>, Problem> {
    let stored = stored(&state, &caller).await?;
    let redirect = state.addresses(stored.organization).redirect;
    let finding = state.providers.try_out(&stored, &redirect).await;
    Ok(Json(TrialView { works: finding.works, findings: finding.words }))
}
