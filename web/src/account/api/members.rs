//! `/v1/members`, `/v1/invitations` and `/v1/access-settings`: who works here, as what, and how they come and go.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity::invitation::{self, Invitation};
use identity::member::{self, Member, leaving, standing};
use identity::reset::{self, What};
use identity::{Caller, MembershipState, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::RoleName;
use crate::guard::Gate;
use crate::instant::to_rfc3339;
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, PageQuery, Path, Problem, Query};

pub(super) fn routes() -> Routes<Gate> {
    let (read, write) = (Access::Permission(Permission::MemberRead), Access::Permission(Permission::MemberWrite));
    Routes::new()
        .get("/v1/members", read, Audited::Read("member.list"), list_members)
        .get("/v1/members/{id}", read, Audited::Read("member.read"), get_member)
        .patch("/v1/members/{id}", write, Audited::Change("member.role"), change_member)
        .step_up()
        .delete("/v1/members/{id}", write, Audited::Change("member.remove"), remove_member)
        .step_up()
        .post("/v1/members/{id}/resets", write, Audited::Change("member.reset"), reset_member)
        .free_text(&["vouched"])
        .answers_secret()
        .step_up_people_only()
        .post("/v1/membership/leave", Access::Member, Audited::Change("member.leave"), leave)
        .step_up()
        .get("/v1/invitations", read, Audited::Read("invitation.list"), list_invitations)
        .post("/v1/invitations", write, Audited::Change("invitation.create"), create_invitation)
        .free_text(&["note"])
        .answers_secret()
        .step_up()
        .delete("/v1/invitations/{id}", write, Audited::Change("invitation.revoke"), revoke_invitation)
        .get("/v1/access-settings", read, Audited::No("two numbers"), get_settings)
        .put(
            "/v1/access-settings",
            Access::Permission(Permission::SettingsWrite),
            Audited::Change("access_setting.update"),
            put_settings,
        )
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(
    list_members,
    get_member,
    change_member,
    remove_member,
    reset_member,
    leave,
    list_invitations,
    create_invitation,
    revoke_invitation,
    get_settings,
    put_settings
))]
pub(super) struct Description;

/// A member of the organization.
#[derive(Serialize, ToSchema)]
pub struct MemberView {
    /// The membership.
    id: Uuid,
    /// The person.
    user_id: Uuid,
    name: String,
    email: String,
    /// `owner`, `admin`, `manager` or `viewer`.
    role: &'static str,
    /// `active`, `invited`, `suspended` or `left`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    /// The last request of a browser of theirs, to the minute.
    #[schema(format = DateTime)]
    seen_at: Option<String>,
}

storage::debug_shows!(struct MemberView { id, user_id, role, state, created_at });

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        let state: MembershipState = member.state;
        Self {
            id: member.id,
            user_id: member.user,
            name: member.name,
            email: member.email,
            role: member.role.as_str(),
            state: state.as_str(),
            created_at: to_rfc3339(member.created_at),
            seen_at: member.seen_at.map(to_rfc3339),
        }
    }
}

/// The members of the organization.
#[utoipa::path(get, path = "/v1/members", tag = "members", params(PageQuery), responses((status = 200, body = Page<MemberView>)))]
async fn list_members(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let members = member::list(&gate.platform, &caller, query.after(), query.fetch()).await?;
    Ok(Json(Page::of(members, &query, |member| member.id).map(MemberView::from)))
}

/// One member.
#[utoipa::path(get, path = "/v1/members/{id}", tag = "members", params(("id" = Uuid, Path)), responses((status = 200, body = MemberView)))]
async fn get_member(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<MemberView>, Problem> {
    let member = member::get(&gate.platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(member.into()))
}

/// What becomes of a member. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// What they are from now on; never more than you are.
    role: Option<RoleName>,
    /// `suspended` stops them for now, `active` lets them in again.
    state: Option<StandingName>,
}

/// Where a membership can be put.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingName {
    Active,
    Suspended,
}

/// Changes a member's role, or stops them for now. The last active owner stays one.
#[utoipa::path(patch, path = "/v1/members/{id}", tag = "members", params(("id" = Uuid, Path)), request_body = MemberChange, responses((status = 200, body = MemberView), (status = 409, description = "The last owner, or somebody who has left")))]
async fn change_member(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<MemberChange>,
) -> Result<Json<MemberView>, Problem> {
    let platform = &gate.platform;
    member::get(platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    match wanted.state {
        Some(StandingName::Suspended) => standing::suspend(platform, &caller, id).await?,
        Some(StandingName::Active) => standing::reinstate(platform, &caller, id).await?,
        None => {}
    }
    if let Some(role) = wanted.role {
        standing::change_role(platform, &caller, id, role.into()).await?;
    }
    let member = member::get(platform, &caller, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(member.into()))
}

/// What ended with a membership.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedView {
    /// Signed-in browsers.
    sessions: u64,
    /// API keys that they answered for.
    keys: u64,
    /// Invitations that they had open.
    invitations: u64,
    /// One-time links about them.
    links: u64,
    /// Widgets that they made.
    widgets: u64,
}

/// Ends a membership. The person's sessions, keys, widgets, invitations and one-time links end with it, at once.
#[utoipa::path(delete, path = "/v1/members/{id}", tag = "members", params(("id" = Uuid, Path)), responses((status = 200, body = EndedView), (status = 409, description = "The last owner, or somebody who has left")))]
async fn remove_member(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<EndedView>, Problem> {
    let ended = leaving::remove(&gate.platform, &caller, id).await?;
    Ok(Json(EndedView {
        sessions: ended.sessions,
        keys: ended.keys,
        invitations: ended.invitations,
        links: ended.links,
        widgets: ended.belongings,
    }))
}

/// What is set anew.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetName {
    Password,
    SecondFactor,
}

/// A person who cannot get in, and how you know them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// `password`: the link asks for their second factor. `second_factor`: it asks for their password.
    what: ResetName,
    /// How you made sure that it is them; it stands in the audit log.
    #[schema(
        min_length = 10,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{8,}[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    vouched: String,
}

storage::debug_shows!(struct ResetRequest { what });

/// A link that helps somebody back in, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedReset {
    /// The link, from this server's address on: hand it to the person. It works once, for an hour.
    path: String,
}

/// Makes a link by which a member sets a new password, or replaces their second factors. It opens only half of a sign-in: whoever
/// makes it learns no password and sets none. The person is signed out and told. People only, after they confirmed who they are.
#[utoipa::path(post, path = "/v1/members/{id}/resets", tag = "members", params(("id" = Uuid, Path)), request_body = ResetRequest, responses((status = 201, body = CreatedReset), (status = 409, description = "Yourself, somebody who does not work here, or an account that cannot be reset from here")))]
async fn reset_member(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<ResetRequest>,
) -> Result<(StatusCode, Json<CreatedReset>), Problem> {
    let what = match wanted.what {
        ResetName::Password => What::Password,
        ResetName::SecondFactor => What::SecondFactor,
    };
    let token = reset::begin(&gate.platform, &caller, id, what, &wanted.vouched).await?;
    Ok((StatusCode::CREATED, Json(CreatedReset { path: what.purpose().address("", &token) })))
}

/// Ends your own membership. The last owner cannot leave.
#[utoipa::path(post, path = "/v1/membership/leave", operation_id = "leaveOrganization", tag = "members", responses((status = 204), (status = 409, description = "The last owner, or a program")))]
async fn leave(State(gate): State<Gate>, caller: Caller) -> Result<StatusCode, Problem> {
    leaving::leave(&gate.platform, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An invitation that nobody has used yet.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    id: Uuid,
    /// What the person will be.
    role: &'static str,
    /// For whom, in your words.
    note: String,
    /// Who invites.
    created_by: Option<Uuid>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

storage::debug_shows!(struct InvitationView { id, role, created_by, expires_at });

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            role: invitation.role.as_str(),
            note: invitation.note,
            created_by: invitation.created_by,
            created_at: to_rfc3339(invitation.created_at),
            expires_at: to_rfc3339(invitation.expires_at),
        }
    }
}

/// A new invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// What the person will be: `viewer` unless said otherwise, never more than you are.
    #[serde(default)]
    role: RoleName,
    /// For whom, in your words.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    note: String,
}

storage::debug_shows!(struct InvitationRequest { role });

/// A new invitation with its link, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedInvitation {
    #[serde(flatten)]
    invitation: InvitationView,
    /// The link, from this server's address on: hand it to the person. It works once, for seven days.
    path: String,
}

/// The open invitations.
#[utoipa::path(get, path = "/v1/invitations", tag = "members", params(PageQuery), responses((status = 200, body = Page<InvitationView>)))]
async fn list_invitations(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let open = invitation::list(&gate.platform, &caller, query.after(), query.fetch()).await?;
    Ok(Json(Page::of(open, &query, |invitation| invitation.id).map(InvitationView::from)))
}

/// Invites somebody. No mail is sent: the link in the answer is yours to hand over.
#[utoipa::path(post, path = "/v1/invitations", tag = "members", request_body = InvitationRequest, responses((status = 201, body = CreatedInvitation), (status = 409, description = "Too many are open")))]
async fn create_invitation(
    State(gate): State<Gate>,
    caller: Caller,
    Json(wanted): Json<InvitationRequest>,
) -> Result<Response, Problem> {
    let (made, token) = invitation::create(&gate.platform, &caller, wanted.role.into(), &wanted.note).await?;
    let location = HeaderValue::try_from(format!("/v1/invitations/{}", made.id)).map_err(Problem::internal)?;
    let created = CreatedInvitation { invitation: made.into(), path: invitation::address("", &token) };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

/// Withdraws an open invitation.
#[utoipa::path(delete, path = "/v1/invitations/{id}", tag = "members", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke_invitation(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    invitation::revoke(&gate.platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the organization decided about access, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessSettingsView {
    /// More owners and admins than this are too many.
    privileged_limit: i64,
    /// Active owners and admins.
    privileged_members: i64,
    /// Are they too many?
    too_many_privileged: bool,
}

/// How many owners and admins there are, and how many are wanted at most.
#[utoipa::path(get, path = "/v1/access-settings", tag = "members", responses((status = 200, body = AccessSettingsView)))]
async fn get_settings(State(gate): State<Gate>, caller: Caller) -> Result<Json<AccessSettingsView>, Problem> {
    let privileged = standing::privileged(&gate.platform, &caller).await?;
    Ok(Json(AccessSettingsView {
        privileged_limit: privileged.limit,
        privileged_members: privileged.members,
        too_many_privileged: privileged.is_too_many(),
    }))
}

/// New settings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessSettingsRequest {
    /// More owners and admins than this are too many: 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    privileged_limit: i64,
}

/// Sets how many owners and admins are wanted at most. Nobody is stopped by it; the members' page and this answer warn.
#[utoipa::path(put, path = "/v1/access-settings", tag = "members", request_body = AccessSettingsRequest, responses((status = 200, body = AccessSettingsView)))]
async fn put_settings(
    State(gate): State<Gate>,
    caller: Caller,
    Json(wanted): Json<AccessSettingsRequest>,
) -> Result<Json<AccessSettingsView>, Problem> {
    standing::set_privileged_limit(&gate.platform, &caller, wanted.privileged_limit).await?;
    get_settings(State(gate), caller).await
}
