//! Settings: widgets. Each shows the one line to paste, and whose pages may show it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use identity::Permission;
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::instant::{from_rfc3339, to_rfc3339};
use web::moment::Moment;
use web::shell::{Done, Html, Nav, Shell};
use web::{Access, Audited, Form, PageContext, Path, Problem, Query, Routes};

use crate::embed_token::Quota;
use crate::widget::{self, Bounds, End, NewWidget, Used, WIDGETS_MAX, Widget};
use crate::{ChatState, Error};

/// Agents that can be chosen.
const AGENTS_SHOWN: i64 = 50;
const HERE: &str = "/settings/widgets";
/// `2026-12-31`.
const DATE_LENGTH: usize = 10;

/// The routes.
pub fn routes() -> Routes<ChatState> {
    let (read, write) = (Access::Permission(Permission::WidgetRead), Access::Permission(Permission::WidgetWrite));
    let public = Audited::No("embed tokens are public: they stand in the pages of customers");
    Routes::new()
        .get("/settings/widgets", read, public, show)
        .post("/settings/widgets", write, Audited::Change("widget.create"), create)
        .free_text(&["name", "origins"])
        .post("/settings/widgets/{id}/origins", write, Audited::Change("widget.update"), set_origins)
        .free_text(&["origins"])
        .post("/settings/widgets/{id}/bounds", write, Audited::Change("widget.update"), set_bounds)
        .post("/settings/widgets/{id}/rotation", write, Audited::Change("widget.rotate"), rotate)
        .post("/settings/widgets/{id}/revocation", write, Audited::Change("widget.revoke"), revoke)
}

struct Line {
    id: Uuid,
    name: String,
    state: Chip,
    works: bool,
    origins: Vec<String>,
    snippet: String,
    used: Used,
    quota: Quota,
    made: Moment,
    ends: Option<Moment>,
    ends_on: String,
    former_until: Option<Moment>,
}

impl Line {
    /// Each quota: the field's name, its label, its value.
    fn quotas(&self) -> [(&'static str, &'static str, i64); 4] {
        [
            ("conversations_per_hour", "Conversations in an hour", self.quota.conversations_per_hour),
            ("conversations_per_day", "Conversations in a day", self.quota.conversations_per_day),
            ("messages_per_day", "Messages in a day", self.quota.messages_per_day),
            ("messages_per_conversation", "Messages in one conversation", self.quota.messages_per_conversation),
        ]
    }
}

/// Which quotas are used up at this moment, in words.
fn used_up(used: &Used, quota: &Quota) -> Option<&'static str> {
    if used.conversations_today >= quota.conversations_per_day || used.messages_today >= quota.messages_per_day {
        Some("Quota of today used up")
    } else if used.conversations_this_hour >= quota.conversations_per_hour {
        Some("Quota of this hour used up")
    } else {
        None
    }
}

fn line(widget: Widget, state: &ChatState, now: Timestamp) -> Line {
    let token = widget.token;
    let works = token.check_alive(now).is_ok();
    let chip = match (works, token.origins.is_empty(), token.revoked_at) {
        (true, false, _) => match used_up(&widget.used, &token.quota) {
            Some(words) => Chip::new(Tone::Bad, words),
            None => Chip::new(Tone::Good, "Works"),
        },
        (true, true, _) => Chip::new(Tone::Wait, "No page may show it"),
        (false, _, Some(_)) => Chip::new(Tone::Done, "Revoked"),
        (false, _, None) => Chip::new(Tone::Done, "Expired"),
    };
    Line {
        id: token.id,
        name: token.name,
        state: chip,
        works,
        origins: token.origins.texts(),
        snippet: state.snippet(&widget.text),
        used: widget.used,
        quota: token.quota,
        made: Moment::day(token.created_at),
        ends: token.expires_at.map(Moment::new),
        ends_on: token.expires_at.map(|end| to_rfc3339(end).chars().take(DATE_LENGTH).collect()).unwrap_or_default(),
        former_until: token.previous_until.filter(|until| *until > now).map(Moment::new),
    }
}

#[derive(Template)]
#[template(path = "widgets.html")]
struct WidgetsPage {
    shell: Shell,
    widgets: Vec<Line>,
    agents: Vec<(Uuid, String)>,
    may_write: bool,
    name: String,
    name_error: String,
    origins: String,
    origins_error: String,
}

async fn widgets_page(state: &ChatState, page: &PageContext) -> Result<WidgetsPage, Problem> {
    let (platform, caller) = (&state.platform, &page.caller);
    let widgets = widget::list(platform, caller, Uuid::max(), WIDGETS_MAX).await?;
    let agents = agents::store::list(platform, caller, Uuid::max(), AGENTS_SHOWN).await?;
    let now = platform.now();
    Ok(WidgetsPage {
        shell: page.shell("Widgets", Nav::Settings),
        widgets: widgets.into_iter().map(|widget| line(widget, state, now)).collect(),
        agents: agents.into_iter().map(|agent| (agent.id, agent.draft.name)).collect(),
        may_write: caller.permits(Permission::WidgetWrite),
        name: String::new(),
        name_error: String::new(),
        origins: String::new(),
        origins_error: String::new(),
    })
}

async fn show(
    State(state): State<ChatState>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut shown = widgets_page(&state, &page).await?;
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

/// One origin in each line of a text area.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewForm {
    name: String,
    agent_id: Uuid,
    #[serde(default)]
    origins: String,
}

async fn create(
    State(state): State<ChatState>,
    page: PageContext,
    Form(form): Form<NewForm>,
) -> Result<Response, Problem> {
    let origins = lines(&form.origins);
    let new = NewWidget {
        name: &form.name,
        agent_id: form.agent_id,
        origins: &origins,
        expires_at: None,
        quota: Quota::default(),
    };
    let (field, reason) = match widget::create(&state.platform, &page.caller, &new).await {
        Ok(_) => return Ok(Redirect::to(&Done::address(HERE, "created")).into_response()),
        Err(Error::Invalid { field, reason }) => (field, reason),
        Err(full @ Error::Full) => ("name", full.to_string()),
        Err(other) => return Err(other.into()),
    };
    let mut again = widgets_page(&state, &page).await?;
    (again.name, again.origins) = (form.name, form.origins);
    match field {
        "origins" => again.origins_error = reason,
        _ => again.name_error = reason,
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginsForm {
    #[serde(default)]
    origins: String,
}

async fn set_origins(
    State(state): State<ChatState>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<OriginsForm>,
) -> Result<Response, Problem> {
    match widget::set_origins(&state.platform, &page.caller, id, &lines(&form.origins)).await {
        Ok(_) => Ok(Redirect::to(&Done::address(HERE, "saved")).into_response()),
        Err(Error::Invalid { reason, .. }) => {
            let mut again = widgets_page(&state, &page).await?;
            again.shell = again.shell.refusing(format!("Origins not saved. {reason}"));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundsForm {
    /// The day at whose beginning (UTC) it stops, as in `2026-12-31`; empty means never.
    #[serde(default)]
    ends_on: String,
    conversations_per_hour: i64,
    conversations_per_day: i64,
    messages_per_day: i64,
    messages_per_conversation: i64,
}

async fn set_bounds(
    State(state): State<ChatState>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<BoundsForm>,
) -> Result<Response, Problem> {
    let day = form.ends_on.trim();
    let end = if day.is_empty() { Some(End::Never) } else { from_rfc3339(&format!("{day}T00:00:00Z")).map(End::At) };
    let bounds = Bounds {
        origins: None,
        end,
        conversations_per_hour: Some(form.conversations_per_hour),
        conversations_per_day: Some(form.conversations_per_day),
        messages_per_day: Some(form.messages_per_day),
        messages_per_conversation: Some(form.messages_per_conversation),
    };
    let changed = match end {
        Some(_) => widget::change(&state.platform, &page.caller, id, &bounds).await,
        None => Err(Error::Invalid { field: "ends_on", reason: "Write a day as in 2026-12-31.".to_owned() }),
    };
    match changed {
        Ok(_) => Ok(Redirect::to(&Done::address(HERE, "saved")).into_response()),
        Err(Error::Invalid { reason, .. }) => {
            let mut again = widgets_page(&state, &page).await?;
            again.shell = again.shell.refusing(format!("Nothing was changed. {reason}"));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

async fn rotate(State(state): State<ChatState>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    widget::rotate(&state.platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(HERE, "rotated")))
}

async fn revoke(State(state): State<ChatState>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    widget::revoke(&state.platform, &page.caller, id).await?;
    Ok(Redirect::to(&Done::address(HERE, "revoked")))
}
