//! Settings: the people. Who works here and as what; inviting, changing, suspending and removing them; leaving.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use identity::invitation::{self, Invitation};
use identity::member::standing::{self, Privileged};
use identity::member::{self, Member, leaving};
use identity::reset::{self, What};
use identity::{Caller, MembershipState, Permission, Platform, Role, api_key};
use serde::Deserialize;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};

/// Members shown; an organization with more is managed by the API.
const MEMBERS_SHOWN: i64 = 200;
/// What to say about a link for the password.
const PASSWORD_LINK: &str = "Hand it to the person yourself; no mail is sent. It works once, for an hour, and asks for their second \
     factor, if they have one. They choose the password; you never learn it. They are signed out.";
/// And about one for the second factor.
const FACTOR_LINK: &str = "Hand it to the person yourself; no mail is sent. It works once, for an hour, and asks for their password. \
     The old factors count until a new one is set up. They are signed out.";
/// Where all of this stands.
const PAGE: &str = "/settings/members";

pub(super) fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::MemberRead), Access::Permission(Permission::MemberWrite));
    Routes::new()
        .get(PAGE, read, Audited::Read("member.list"), show)
        .post("/settings/members/{id}/role", write, Audited::Change("member.role"), change_role)
        .step_up()
        .post("/settings/members/{id}/suspension", write, Audited::Change("member.suspend"), suspend)
        .post("/settings/members/{id}/reinstatement", write, Audited::Change("member.reinstate"), reinstate)
        .step_up()
        .post("/settings/members/{id}/removal", write, Audited::Change("member.remove"), remove)
        .step_up()
        .post("/settings/members/{id}/reset", write, Audited::Change("member.reset"), reset_member)
        .free_text(&["vouched"])
        .answers_secret()
        .step_up_people_only()
        .post("/settings/invitations", write, Audited::Change("invitation.create"), invite)
        .free_text(&["note"])
        .answers_secret()
        .step_up()
        .post("/settings/invitations/{id}/withdrawal", write, Audited::Change("invitation.revoke"), withdraw)
        .post(
            "/settings/access-limit",
            Access::Permission(Permission::SettingsWrite),
            Audited::Change("access_setting.update"),
            set_limit,
        )
        .post("/settings/leave", Access::Member, Audited::Change("member.leave"), leave)
        .step_up()
}

struct Line {
    id: Uuid,
    name: String,
    email: String,
    role: Role,
    state: Chip,
    since: Moment,
    seen: Option<Moment>,
    keys: usize,
    is_reader: bool,
    is_suspended: bool,
    may_be_changed: bool,
}

fn state_chip(state: MembershipState) -> Chip {
    match state {
        MembershipState::Active => Chip::new(Tone::Good, "Active"),
        MembershipState::Invited => Chip::new(Tone::Wait, "Invited"),
        MembershipState::Suspended => Chip::new(Tone::Bad, "Suspended"),
        MembershipState::Left => Chip::new(Tone::Done, "Left"),
    }
}

fn line(member: Member, caller: &Caller, keys: &HashMap<Uuid, usize>) -> Line {
    let below = caller.role().is_some_and(|own| own.may_grant(member.role));
    let is_reader = caller.user() == Some(member.user);
    Line {
        id: member.id,
        name: member.name,
        email: member.email,
        role: member.role,
        state: state_chip(member.state),
        since: Moment::day(member.created_at),
        seen: member.seen_at.map(Moment::new),
        keys: keys.get(&member.user).copied().unwrap_or_default(),
        is_reader,
        is_suspended: member.state == MembershipState::Suspended,
        may_be_changed: below
            && !is_reader
            && caller.permits(Permission::MemberWrite)
            && member.state != MembershipState::Left,
    }
}

struct OpenInvitation {
    id: Uuid,
    note: String,
    role: Role,
    until: Moment,
}

#[derive(Template)]
#[template(path = "members.html")]
struct PeoplePage {
    shell: Shell,
    members: Vec<Line>,
    invitations: Vec<OpenInvitation>,
    roles: Vec<Role>,
    privileged: Privileged,
    may_write: bool,
    may_set: bool,
    link: Option<NewLink>,
}

/// A link that is shown once, and what to say about it.
struct NewLink {
    address: String,
    words: &'static str,
}

async fn people_page(platform: &Platform, page: &PageContext) -> Result<PeoplePage, Problem> {
    let (caller, now) = (&page.caller, platform.now());
    let mut keys: HashMap<Uuid, usize> = HashMap::new();
    if caller.permits(Permission::KeyRead) {
        let all = api_key::list(platform, caller, None, api_key::MAXIMUM_KEYS).await?;
        for owner in all.into_iter().filter(|key| key.state(now).works()).filter_map(|key| key.created_by) {
            *keys.entry(owner).or_default() += 1;
        }
    }
    let members = member::list(platform, caller, None, MEMBERS_SHOWN).await?;
    let open = invitation::list(platform, caller, None, invitation::MAXIMUM_OPEN).await?;
    let shown = |open: Invitation| OpenInvitation {
        id: open.id,
        note: open.note,
        role: open.role,
        until: Moment::new(open.expires_at),
    };
    let grantable = |role: &Role| caller.role().is_some_and(|own| own.may_grant(*role));
    Ok(PeoplePage {
        members: members.into_iter().map(|member| line(member, caller, &keys)).collect(),
        invitations: open.into_iter().map(shown).collect(),
        // The smallest first: an invitation that is sent without thinking should let do the least.
        roles: Role::ALL.into_iter().rev().filter(grantable).collect(),
        privileged: standing::privileged(platform, caller).await?,
        may_write: caller.permits(Permission::MemberWrite),
        may_set: caller.permits(Permission::SettingsWrite),
        link: None,
        shell: page.shell("People", Nav::Settings),
    })
}

async fn show(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut people = people_page(&platform, &page).await?;
    people.shell = done.told(people.shell);
    Ok(Html(people).into_response())
}

#[derive(Deserialize)]
struct RoleForm {
    role: String,
}

fn role(form: &RoleForm) -> Result<Role, Problem> {
    Role::parse(&form.role).ok_or_else(|| Problem::field("role", "There is no such role."))
}

async fn change_role(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<RoleForm>,
) -> Result<Redirect, Problem> {
    standing::change_role(&platform, &page.caller, id, role(&form)?).await?;
    Ok(Redirect::to(&Done::address(PAGE, "saved")))
}

async fn suspend(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    standing::suspend(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "suspended")))
}

async fn reinstate(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    standing::reinstate(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "saved")))
}

async fn remove(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    leaving::remove(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "left")))
}

#[derive(Deserialize)]
struct InvitationForm {
    note: String,
    role: String,
}

async fn invite(
    State(platform): State<Platform>,
    page: PageContext,
    headers: HeaderMap,
    Form(form): Form<InvitationForm>,
) -> Result<Response, Problem> {
    let role = role(&RoleForm { role: form.role })?;
    let (_, token) = invitation::create(&platform, &page.caller, role, &form.note).await?;
    // The guard has compared the origin with this server's own name; browsers send it with every form.
    let base = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let words = "Hand it to the person yourself; no mail is sent. It works once, for seven days.";
    let link = Some(NewLink { address: invitation::address(base, &token), words });
    Ok(Html(PeoplePage { link, ..people_page(&platform, &page).await? }).into_response())
}

#[derive(Deserialize)]
struct ResetForm {
    what: String,
    vouched: String,
}

async fn reset_member(
    State(platform): State<Platform>,
    page: PageContext,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
    Form(form): Form<ResetForm>,
) -> Result<Response, Problem> {
    let (what, words) = match form.what.as_str() {
        "password" => (What::Password, PASSWORD_LINK),
        "second_factor" => (What::SecondFactor, FACTOR_LINK),
        _ => return Err(Problem::field("what", "Say `password` or `second_factor`.")),
    };
    let token = reset::begin(&platform, &page.caller, id, what, &form.vouched).await?;
    let base = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let link = Some(NewLink { address: what.purpose().address(base, &token), words });
    Ok(Html(PeoplePage { link, ..people_page(&platform, &page).await? }).into_response())
}

async fn withdraw(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    invitation::revoke(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(PAGE, "withdrawn")))
}

#[derive(Deserialize)]
struct LimitForm {
    privileged_limit: i64,
}

async fn set_limit(
    State(platform): State<Platform>,
    page: PageContext,
    Form(form): Form<LimitForm>,
) -> Result<Redirect, Problem> {
    standing::set_privileged_limit(&platform, &page.caller, form.privileged_limit).await?;
    Ok(Redirect::to(&Done::address(PAGE, "saved")))
}

async fn leave(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    leaving::leave(&platform, &page.caller).await?;
    Ok(Redirect::to("/sign-in"))
}
