//! Support access that organizations granted, and opening a support session by it.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use identity::Permission;
use identity::support::{self, OpenGrant, Operator};
use uuid::Uuid;
use web::live::LiveEvent;
use web::moment::Moment;
use web::shell::{Html, Shell};
use web::{Path, Problem};

use super::{Frame, OperatorPage};
use crate::Plane;
use crate::role::OperatorPermission;

/// Grants shown at a time.
const GRANTS_SHOWN: i64 = 200;

struct Line {
    id: Uuid,
    organization: String,
    permissions: String,
    objects: usize,
    reason: String,
    until: Moment,
}

fn line(found: OpenGrant) -> Line {
    let permissions = found.grant.scope.permissions().iter().map(|permission| permission.dotted());
    Line {
        id: found.grant.id,
        organization: found.organization_name,
        permissions: permissions.collect::<Vec<_>>().join(", "),
        objects: found.grant.scope.objects().len(),
        reason: found.grant.reason,
        until: Moment::new(found.grant.expires_at),
    }
}

#[derive(Template)]
#[template(path = "operator_grants.html")]
struct GrantsPage {
    shell: Shell,
    frame: Frame,
    lines: Vec<Line>,
    may_use: bool,
    opened: Option<Opened>,
}

/// A support session, shown once.
struct Opened {
    organization: String,
    address: String,
    token: String,
}

pub(super) async fn list(State(plane): State<Plane>, page: OperatorPage) -> Result<Response, Problem> {
    show(&plane, &page, None).await
}

async fn show(plane: &Plane, page: &OperatorPage, opened: Option<Opened>) -> Result<Response, Problem> {
    let lines = support::open_grants(&plane.gate.platform, None, GRANTS_SHOWN).await?;
    Ok(Html(GrantsPage {
        shell: page.shell("Support access"),
        frame: page.frame("/grants"),
        lines: lines.into_iter().map(line).collect(),
        may_use: page.caller.permits(OperatorPermission::GrantUse),
        opened,
    })
    .into_response())
}

/// In the installation's log first, with operator and grant: there is no looking that is not written down on both sides.
pub(super) async fn open(
    State(plane): State<Plane>,
    page: OperatorPage,
    Path(grant): Path<Uuid>,
) -> Result<Response, Problem> {
    let (platform, caller) = (&plane.gate.platform, &page.caller);
    let until = caller.trained_until().ok_or_else(Problem::not_found)?;
    caller.change(platform, "support.open").await?.commit("support_grant", Some(grant), Vec::new()).await?;
    let operator = Operator { id: caller.operator(), name: caller.name(), address: caller.address(), until };
    let opened = support::open(platform, operator, grant).await?;
    let (token, whose) = opened.ok_or_else(Problem::not_found)?;
    let event = LiveEvent::new("support", Permission::AnalyticsRead, grant, serde_json::Value::Null);
    plane.live.publish(whose.organization, event);
    let address = format!("{}/support#{token}", plane.base_url.trim_end_matches('/'));
    show(&plane, &page, Some(Opened { organization: whose.organization_name, address, token })).await
}
