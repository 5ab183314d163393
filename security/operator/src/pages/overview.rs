//! The node itself: its figures of this moment.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use web::shell::{Html, Shell};

use super::{Frame, OperatorPage};
use crate::{Figure, Plane};

#[derive(Template)]
#[template(path = "operator_overview.html")]
struct OverviewPage {
    shell: Shell,
    frame: Frame,
    figures: Vec<Figure>,
}

pub(super) async fn show(State(plane): State<Plane>, page: OperatorPage) -> Response {
    let figures = (plane.figures)();
    Html(OverviewPage { shell: page.shell("Installation"), frame: page.frame("/"), figures }).into_response()
}
