//! Settings: the quarterly review of access. A list of everybody and everything that is let in, signed off line by line.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use identity::access_review::{self, DUE_DAYS, Decision, Item, Review};
use identity::{Caller, Permission, Platform, member};
use serde::Deserialize;
use storage::Timestamp;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::routes::{Access, Audited, Routes};
use web::shell::{Done, Html, Nav, Shell};
use web::{Form, PageContext, Path, Problem, Query};

/// Reviews shown besides the open one.
const REVIEWS_SHOWN: i64 = 20;
/// Members whose names are looked up.
const NAMES_READ: i64 = access_review::MAXIMUM_ITEMS as i64;
/// Where all of this stands.
const PAGE: &str = "/settings/review";

pub(super) fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::MemberRead), Access::Permission(Permission::MemberWrite));
    Routes::new()
        .get(PAGE, read, Audited::Read("access_review.list"), show)
        .post(PAGE, write, Audited::Change("access_review.start"), start)
        .get("/settings/review/{id}", read, Audited::Read("access_review.read"), show_one)
        .post("/settings/review/{id}", write, Audited::Change("access_review.decide"), decide)
        .step_up()
}

struct Line {
    id: Uuid,
    kind: String,
    name: String,
    what: String,
    factor: &'static str,
    used: Option<Moment>,
    decision: Option<Chip>,
    signed: String,
    is_removed: bool,
}

struct Earlier {
    id: Uuid,
    started: Moment,
    completed: Option<Moment>,
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    shell: Shell,
    due: Moment,
    is_overdue: bool,
    days: i64,
    shown: Option<Earlier>,
    lines: Vec<Line>,
    earlier: Vec<Earlier>,
    open: Option<Uuid>,
    may_write: bool,
}

fn earlier(review: &Review) -> Earlier {
    Earlier { id: review.id, started: Moment::new(review.started_at), completed: review.completed_at.map(Moment::new) }
}

fn line(item: Item, names: &HashMap<Uuid, String>) -> Line {
    let facts = item.facts;
    let words = [facts.email, facts.role, facts.state].into_iter().flatten().collect::<Vec<_>>();
    let signed = item.decided_by.zip(item.decided_at).map(|(by, at)| {
        let by = names.get(&by).cloned().unwrap_or_else(|| "somebody who left".to_owned());
        format!("{by}, {}", web::instant::to_rfc3339(at))
    });
    Line {
        id: item.id,
        kind: item.kind.replace('_', " "),
        name: facts.name,
        what: words.join(", "),
        factor: match facts.second_factor {
            Some(true) => "yes",
            Some(false) => "no",
            None => "–",
        },
        used: facts.used_at.map(|used| Moment::new(Timestamp::from_seconds(used))),
        is_removed: item.decision == Some(Decision::Remove),
        decision: item.decision.map(|decision| match decision {
            Decision::Keep => Chip::new(Tone::Good, "Stays"),
            Decision::Remove => Chip::new(Tone::Done, "Removed"),
        }),
        signed: signed.unwrap_or_default(),
    }
}

async fn page_of(platform: &Platform, page: &PageContext, wanted: Option<Uuid>) -> Result<ReviewPage, Problem> {
    let caller: &Caller = &page.caller;
    let standing = access_review::standing(platform, caller).await?;
    let mut lines = Vec::new();
    let mut shown = None;
    if let Some(id) = wanted.or(standing.open) {
        let members = member::list(platform, caller, None, NAMES_READ).await?;
        let names: HashMap<Uuid, String> = members.into_iter().map(|member| (member.user, member.name)).collect();
        let (review, items) = access_review::get(platform, caller, id).await?;
        shown = Some(earlier(&review));
        lines = items.into_iter().map(|item| line(item, &names)).collect();
    }
    let reviews = access_review::list(platform, caller, Uuid::max(), REVIEWS_SHOWN).await?;
    Ok(ReviewPage {
        due: Moment::day(standing.due_at),
        is_overdue: standing.is_overdue,
        days: DUE_DAYS,
        earlier: reviews.iter().map(earlier).collect(),
        open: standing.open,
        may_write: caller.permits(Permission::MemberWrite),
        shell: page.shell("Access review", Nav::Settings),
        shown,
        lines,
    })
}

async fn show(
    State(platform): State<Platform>,
    page: PageContext,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut review = page_of(&platform, &page, None).await?;
    review.shell = done.told(review.shell);
    Ok(Html(review).into_response())
}

async fn show_one(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let mut review = page_of(&platform, &page, Some(id)).await?;
    review.shell = done.told(review.shell);
    Ok(Html(review).into_response())
}

async fn start(State(platform): State<Platform>, page: PageContext) -> Result<Redirect, Problem> {
    access_review::start(&platform, &page.caller).await?;
    Ok(Redirect::to(PAGE))
}

#[derive(Deserialize)]
struct DecisionForm {
    item: Uuid,
    decision: String,
}

async fn decide(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<DecisionForm>,
) -> Result<Redirect, Problem> {
    let decision = match form.decision.as_str() {
        "keep" => Decision::Keep,
        "remove" => Decision::Remove,
        _ => return Err(Problem::field("decision", "A line is kept or removed.")),
    };
    access_review::decide(&platform, &page.caller, id, form.item, decision).await?;
    Ok(Redirect::to(&Done::address(&format!("{PAGE}/{id}"), "signed")))
}
