//! The pages of the operator plane.

mod entry;
mod grants;
mod incidents;
mod log;
mod organizations;
mod overview;
mod register;

use askama::Template;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use web::form_token::FormToken;
use web::shell::{Html, Shell};
use web::{Audited, Nonce, Problem};

use crate::caller::OperatorCaller;
use crate::door::{OperatorAccess, OperatorRoutes, nonce};
use crate::role::OperatorPermission as May;

/// Every page.
pub(crate) fn routes() -> OperatorRoutes {
    let stranger = OperatorAccess::Public("whoever signs in is a stranger until then");
    let half = OperatorAccess::Unfinished;
    let may = OperatorAccess::Permission;
    OperatorRoutes::default()
        .get("/sign-in", stranger, Audited::No("an empty form"), entry::show_sign_in)
        .post("/sign-in", stranger, Audited::No("half a sign-in; refusals are written down"), entry::take_sign_in)
        .get("/second-factor", half, Audited::No("a form"), entry::show_factor)
        .post("/second-factor", half, Audited::Change("operator.sign_in"), entry::take_factor)
        .post("/sign-out", half, Audited::Change("operator.sign_out"), entry::sign_out)
        .get("/me", OperatorAccess::Operator, Audited::No("one's own standing"), register::me)
        .get("/", may(May::InstallationRead), Audited::No("figures of the node"), overview::show)
        .get("/organizations", may(May::OrganizationRead), Audited::Read("organization.list"), organizations::list)
        .post(
            "/organizations/{id}/suspension",
            may(May::OrganizationSuspend),
            Audited::Change("organization.suspend"),
            organizations::suspend,
        )
        .post(
            "/organizations/{id}/resumption",
            may(May::OrganizationSuspend),
            Audited::Change("organization.resume"),
            organizations::resume,
        )
        .get("/incidents", may(May::IncidentRead), Audited::Read("incident.list"), incidents::list)
        .get("/log", may(May::LogRead), Audited::Read("audit.list"), log::list)
        .get("/log/verification", may(May::LogRead), Audited::Read("audit.verify"), log::verify)
        .get("/grants", may(May::GrantRead), Audited::Read("support.list"), grants::list)
        .post("/grants/{id}/sessions", may(May::GrantUse), Audited::Change("support.open"), grants::open)
        .get("/operators", may(May::OperatorRead), Audited::Read("operator.list"), register::operators)
        .post(
            "/operators/{id}/suspension",
            may(May::OperatorSuspend),
            Audited::Change("operator.suspend"),
            register::suspend,
        )
        .post(
            "/operators/{id}/resumption",
            may(May::OperatorSuspend),
            Audited::Change("operator.resume"),
            register::resume,
        )
        .get("/operators/{id}/training", may(May::TrainingRead), Audited::Read("training.list"), register::training)
        .post(
            "/operators/{id}/training",
            may(May::TrainingAttest),
            Audited::Change("training.attest"),
            register::attest,
        )
}

/// One page of the rail.
pub(crate) struct Place {
    /// Where it leads.
    pub address: &'static str,
    /// Its word.
    pub word: &'static str,
    /// Is it the page shown?
    pub current: bool,
}

/// The reader of a page: an operator with what forms and scripts need. A handler takes it as an argument.
pub(crate) struct OperatorPage {
    pub caller: OperatorCaller,
    nonce: Nonce,
    form_token: FormToken,
}

impl OperatorPage {
    /// The frame of a page.
    pub fn shell(&self, title: &str) -> Shell {
        Shell::alone(title, self.nonce.clone()).with_form_token(Some(self.form_token.clone()))
    }

    /// The rail: what this operator may see, the page at `current` marked.
    pub fn frame(&self, current: &'static str) -> Frame {
        let places = [
            ("/", "Installation", Some(May::InstallationRead)),
            ("/organizations", "Organizations", Some(May::OrganizationRead)),
            ("/incidents", "Incidents", Some(May::IncidentRead)),
            ("/log", "Log", Some(May::LogRead)),
            ("/grants", "Support access", Some(May::GrantRead)),
            ("/operators", "Operators", Some(May::OperatorRead)),
            ("/me", "Your standing", None),
        ];
        let seen = places.into_iter().filter(|(.., may)| may.is_none_or(|permission| self.caller.permits(permission)));
        Frame {
            name: self.caller.name().to_owned(),
            role: self.caller.role().as_str(),
            places: seen.map(|(address, word, _)| Place { address, word, current: address == current }).collect(),
        }
    }
}

/// The frame around every page of a signed-in operator.
pub(crate) struct Frame {
    pub name: String,
    pub role: &'static str,
    pub places: Vec<Place>,
}

impl<S: Send + Sync> FromRequestParts<S> for OperatorPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<OperatorCaller>().cloned().ok_or_else(Problem::unauthorized)?;
        let form_token = parts.extensions.get::<FormToken>().cloned().ok_or_else(Problem::unauthorized)?;
        let nonce = parts.extensions.get::<Nonce>().cloned();
        let nonce = nonce.ok_or_else(|| Problem::internal("a page was asked for without the header layer"))?;
        Ok(Self { caller, nonce, form_token })
    }
}

#[derive(Template)]
#[template(path = "operator_problem.html")]
struct RefusedPage {
    shell: Shell,
    status: u16,
    detail: String,
}

/// Middleware: every refusal leaves as a page; strangers get the form to sign in.
pub(crate) async fn problems(request: Request, next: Next) -> Response {
    let nonce = nonce(&request);
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let (Some(problem), Some(nonce)) = (problem, nonce) else { return response };
    let status = problem.status();
    let retry = response.headers().get(header::RETRY_AFTER).cloned();
    let mut page = if status == StatusCode::UNAUTHORIZED {
        (status, entry::empty_sign_in(nonce)).into_response()
    } else {
        let shell = Shell::alone(problem.title(), nonce);
        (status, Html(RefusedPage { shell, status: status.as_u16(), detail: problem.words() })).into_response()
    };
    if let Some(retry) = retry {
        page.headers_mut().insert(header::RETRY_AFTER, retry);
    }
    page
}
