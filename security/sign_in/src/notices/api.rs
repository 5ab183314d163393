//! `/v1/account-notices`.

use axum::extract::State;
use http::StatusCode;
use identity::Caller;
use identity::notice::{self, Notice};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::routes::{Access, Audited, Routes};
use web::{Json, Page, Problem};

use crate::SignIn;

/// The routes.
pub fn routes() -> Routes<SignIn> {
    let acknowledge = Audited::Change("account_notice.acknowledge");
    Routes::new().get("/v1/account-notices", Access::Member, Audited::No("one's own"), list_notices).post(
        "/v1/account-notices/acknowledgement",
        Access::Member,
        acknowledge,
        acknowledge_notices,
    )
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_notices, acknowledge_notices))]
pub struct Description;

/// A change of how you sign in.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    id: Uuid,
    /// `password_changed`, `first_password`, `password_reset_begun`, `password_reset`, `factor_reset_begun`, `factors_replaced`,
    /// `factor_added`, `factor_removed`, `codes_renewed`, `address_changed`, `provider_changed`, `locked` or `two_places`.
    kind: &'static str,
    /// The same in words.
    words: &'static str,
    #[schema(format = DateTime)]
    at: String,
    /// From where, when it was you.
    address: Option<String>,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id,
            kind: notice.kind.as_str(),
            words: notice.kind.words(),
            at: to_rfc3339(notice.at),
            address: notice.address.map(|address| address.to_string()),
        }
    }
}

/// What changed lately about how you sign in, newest first, of 90 days; there are few, so there is one page. Programs have none.
#[utoipa::path(get, path = "/v1/account-notices", tag = "sessions", responses((status = 200, body = Page<NoticeView>)))]
async fn list_notices(State(state): State<SignIn>, caller: Caller) -> Result<Json<Page<NoticeView>>, Problem> {
    let notices = notice::list(&state.gate.platform, &caller).await?;
    let data = notices.into_iter().map(NoticeView::from).collect();
    Ok(Json(Page { data, has_more: false, next_cursor: None }))
}

/// You have read them in this browser; your other browsers go on showing them.
#[utoipa::path(post, path = "/v1/account-notices/acknowledgement", tag = "sessions", responses((status = 204)))]
async fn acknowledge_notices(State(state): State<SignIn>, caller: Caller) -> Result<StatusCode, Problem> {
    notice::acknowledge(&state.gate.platform, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
