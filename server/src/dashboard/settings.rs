//! Settings: the organization, and the reader's own sessions.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::member::{self, Organization};
use identity::{Platform, Role, session};
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{PageContext, Path, Problem, Query};

pub(super) fn routes() -> Routes<Platform> {
    let own = Audited::No("a person looks at their own sessions");
    Routes::new()
        .get("/settings", Access::Member, Audited::No("the organization's name and the reader's role"), organization)
        .get("/settings/sessions", Access::Member, own, sessions)
        .post("/settings/sessions/{id}/end", Access::Member, Audited::Change("session.revoke"), end_session)
        .step_up()
        .post("/settings/sessions/end-others", Access::Member, Audited::Change("session.revoke_others"), end_others)
        .step_up()
}

#[derive(Template)]
#[template(path = "organization.html")]
struct OrganizationPage {
    shell: Shell,
    organization: Organization,
    since: Moment,
    role: &'static str,
}

async fn organization(State(platform): State<Platform>, page: PageContext) -> Result<Response, Problem> {
    let organization = member::organization(&platform, &page.caller).await?.ok_or_else(Problem::not_found)?;
    let role = page.caller.role().map_or("none", Role::as_str);
    let since = Moment::day(organization.created_at);
    let shell = page.shell("Settings", Nav::Settings);
    Ok(Html(OrganizationPage { shell, organization, since, role }).into_response())
}

struct SessionLine {
    id: Uuid,
    device: String,
    address: String,
    since: Moment,
    seen: Moment,
    ends: Moment,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    shell: Shell,
    sessions: Vec<SessionLine>,
    current: Chip,
}

/// Browser and system in two words out of a user agent's hundred; the rest is history.
fn device_words(agent: &str) -> String {
    let browsers =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, word)| *word);
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Another browser".to_owned(),
    }
}

async fn sessions(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let line = |session: session::Session| SessionLine {
        id: session.id,
        device: device_words(&session.device.agent),
        address: session.device.address.map_or_else(|| "not known".to_owned(), |address| address.to_string()),
        since: Moment::new(session.created_at),
        seen: Moment::new(session.seen_at),
        ends: Moment::new(session.expires_at),
        is_current: session.is_current,
    };
    let sessions = session::list(&platform, &page.caller).await?.into_iter().map(line).collect();
    let shell = done.told(page.shell("Sessions", Nav::Settings));
    Ok(Html(SessionsPage { shell, sessions, current: Chip::new(Tone::Live, "This browser") }).into_response())
}

async fn end_session(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
) -> Result<Redirect, Problem> {
    if session::revoke(&platform, &page.caller, id).await? {
        Ok(Redirect::to("/settings/sessions?done=ended"))
    } else {
        Err(Problem::not_found())
    }
}

async fn end_others(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    session::revoke_others(&platform, &page.caller).await?;
    Ok(Redirect::to("/settings/sessions?done=ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_browser_and_system() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        let safari =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1";
        assert_eq!(device_words(chrome), "Chrome on Linux");
        assert_eq!(device_words(&format!("{chrome} Edg/140.0")), "Edge on Linux");
        assert_eq!(device_words(safari), "Safari on iPhone");
        assert_eq!(device_words("curl/8"), "Another browser");
    }
}
