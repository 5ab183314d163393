//! `/v1/access-reviews`: the quarterly review of who and what is let in.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity::access_review::{self, Decision, Item, Review, Standing, export};
use identity::{Caller, Permission, member};
use serde::{Deserialize, Serialize};
use storage::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::guard::Gate;
use crate::instant::to_rfc3339;
use crate::routes::{Access, Audited, Routes};
use crate::{Json, Page, PageQuery, Path, Problem, Query};

/// Members whose names are looked up for an export.
const NAMES_READ: i64 = access_review::MAXIMUM_ITEMS as i64;

pub(super) fn routes() -> Routes<Gate> {
    let (read, write) = (Access::Permission(Permission::MemberRead), Access::Permission(Permission::MemberWrite));
    Routes::new()
        .get("/v1/access-reviews", read, Audited::Read("access_review.list"), list_reviews)
        .post("/v1/access-reviews", write, Audited::Change("access_review.start"), start_review)
        .get("/v1/access-reviews/standing", read, Audited::No("two dates"), get_standing)
        .get("/v1/access-reviews/{id}", read, Audited::Read("access_review.read"), get_review)
        .get("/v1/access-reviews/{id}/export", read, Audited::Read("access_review.export"), export_review)
        .step_up()
        // The button of the page: who has to confirm first comes back to it.
        .post("/settings/review/{id}/export", read, Audited::Read("access_review.export"), export_review)
        .step_up()
        .post("/v1/access-reviews/{id}/decisions", write, Audited::Change("access_review.decide"), decide)
        .step_up()
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_reviews, start_review, get_standing, get_review, export_review, decide))]
pub(super) struct Description;

/// A review.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewView {
    id: Uuid,
    started_by: Option<Uuid>,
    /// The lines stand as they were then.
    #[schema(format = DateTime)]
    started_at: String,
    completed_by: Option<Uuid>,
    /// When the last line was signed off.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> Self {
        Self {
            id: review.id,
            started_by: review.started_by,
            started_at: to_rfc3339(review.started_at),
            completed_by: review.completed_by,
            completed_at: review.completed_at.map(to_rfc3339),
        }
    }
}

/// A line of a review.
#[derive(Serialize, ToSchema)]
pub struct ReviewItemView {
    id: Uuid,
    /// `member`, `key`, `widget` …
    kind: String,
    /// The membership, key or widget.
    subject: Uuid,
    /// The person whom it is about or who answers for it.
    user_id: Option<Uuid>,
    name: String,
    email: Option<String>,
    role: Option<String>,
    state: Option<String>,
    /// Does the person use a second factor?
    second_factor: Option<bool>,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    used_at: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// `keep` or `remove`.
    decision: Option<&'static str>,
    decided_by: Option<Uuid>,
    #[schema(format = DateTime)]
    decided_at: Option<String>,
}

storage::debug_shows!(struct ReviewItemView { id, kind, subject, user_id, role, state, decision, decided_by, decided_at });

fn written(seconds: i64) -> String {
    to_rfc3339(Timestamp::from_seconds(seconds))
}

impl From<Item> for ReviewItemView {
    fn from(item: Item) -> Self {
        let facts = item.facts;
        Self {
            id: item.id,
            kind: item.kind,
            subject: item.subject,
            user_id: item.user,
            name: facts.name,
            email: facts.email,
            role: facts.role,
            state: facts.state,
            second_factor: facts.second_factor,
            created_at: facts.created_at.map(written),
            used_at: facts.used_at.map(written),
            expires_at: facts.expires_at.map(written),
            decision: item.decision.map(Decision::as_str),
            decided_by: item.decided_by,
            decided_at: item.decided_at.map(to_rfc3339),
        }
    }
}

/// A review with its lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeReview {
    #[serde(flatten)]
    review: ReviewView,
    items: Vec<ReviewItemView>,
}

/// Where the organization stands with its reviews.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingView {
    /// When the last one was complete.
    #[schema(format = DateTime)]
    reviewed_at: Option<String>,
    /// When the next one must be: 92 days later, or after the organization was founded.
    #[schema(format = DateTime)]
    due_at: String,
    is_overdue: bool,
    /// A review that was begun and is not complete.
    open: Option<Uuid>,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        Self {
            reviewed_at: standing.reviewed_at.map(to_rfc3339),
            due_at: to_rfc3339(standing.due_at),
            is_overdue: standing.is_overdue,
            open: standing.open,
        }
    }
}

/// The reviews, newest first.
#[utoipa::path(get, path = "/v1/access-reviews", tag = "access reviews", params(PageQuery), responses((status = 200, body = Page<ReviewView>)))]
async fn list_reviews(
    State(gate): State<Gate>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ReviewView>>, Problem> {
    let reviews = access_review::list(&gate.platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(reviews, &query, |review| review.id).map(ReviewView::from)))
}

/// Begins a review: a line for each member, key, widget and grant as they are now. One at a time.
#[utoipa::path(post, path = "/v1/access-reviews", tag = "access reviews", responses((status = 201, body = ReviewView), (status = 409, description = "One is going on")))]
async fn start_review(State(gate): State<Gate>, caller: Caller) -> Result<Response, Problem> {
    let review = access_review::start(&gate.platform, &caller).await?;
    let location = HeaderValue::try_from(format!("/v1/access-reviews/{}", review.id)).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(ReviewView::from(review))).into_response())
}

/// When the next review is due.
#[utoipa::path(get, path = "/v1/access-reviews/standing", tag = "access reviews", responses((status = 200, body = StandingView)))]
async fn get_standing(State(gate): State<Gate>, caller: Caller) -> Result<Json<StandingView>, Problem> {
    Ok(Json(access_review::standing(&gate.platform, &caller).await?.into()))
}

/// One review with all its lines.
#[utoipa::path(get, path = "/v1/access-reviews/{id}", tag = "access reviews", params(("id" = Uuid, Path)), responses((status = 200, body = WholeReview)))]
async fn get_review(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WholeReview>, Problem> {
    let (review, items) = access_review::get(&gate.platform, &caller, id).await?;
    Ok(Json(WholeReview { review: review.into(), items: items.into_iter().map(ReviewItemView::from).collect() }))
}

/// The lines as a table for spreadsheets. Cells that would be taken for formulas are marked as text.
#[utoipa::path(get, path = "/v1/access-reviews/{id}/export", tag = "access reviews", params(("id" = Uuid, Path)), responses((status = 200, body = String, content_type = "text/csv")))]
async fn export_review(State(gate): State<Gate>, caller: Caller, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let (_, items) = access_review::get(&gate.platform, &caller, id).await?;
    let members = member::list(&gate.platform, &caller, None, NAMES_READ).await?;
    let names: HashMap<Uuid, String> = members.into_iter().map(|member| (member.user, member.name)).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"access-review-{id}.csv\"")),
    ];
    Ok((headers, export::csv(&items, &names, written)).into_response())
}

/// A line, signed off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// The line.
    item_id: Uuid,
    /// `remove` ends the membership, key or widget at once.
    decision: DecisionName,
}

/// What is decided about a line.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionName {
    Keep,
    Remove,
}

/// Signs a line off. With the last one the review is complete.
#[utoipa::path(post, path = "/v1/access-reviews/{id}/decisions", tag = "access reviews", params(("id" = Uuid, Path)), request_body = DecisionRequest, responses((status = 200, body = ReviewView), (status = 409, description = "Complete, removed before, or the last owner")))]
async fn decide(
    State(gate): State<Gate>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<DecisionRequest>,
) -> Result<Json<ReviewView>, Problem> {
    let decision = match wanted.decision {
        DecisionName::Keep => Decision::Keep,
        DecisionName::Remove => Decision::Remove,
    };
    Ok(Json(access_review::decide(&gate.platform, &caller, id, wanted.item_id, decision).await?.into()))
}
