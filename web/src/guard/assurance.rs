//! Is the person behind a session known well enough for this route? Browsers that navigate are led to the page where they
//! can show more and come back from there; programs and scripts get a problem.

use axum::response::{IntoResponse as _, Redirect, Response};
use http::Method;
use http::request::Parts;
use identity::{Caller, Outstanding};
use storage::Timestamp;

use crate::destination::{self, CONFIRM_PAGE, ENROLMENT_PAGE, NEW_PASSWORD_PAGE, SECOND_FACTOR_PAGE};
use crate::present::wants_page;
use crate::problem::Problem;
use crate::routes::{Early, StepUp};

/// Does this session lack a factor that it should have shown before it comes here?
pub(super) fn is_too_early(early: Early, caller: &Caller) -> bool {
    match (caller.outstanding(), early) {
        (None, _)
        | (Some(_), Early::Always)
        | (Some(Outstanding::Enrolment), Early::Enrolling)
        | (Some(Outstanding::NewPassword), Early::NewPassword) => false,
        (Some(_), Early::No | Early::Enrolling | Early::NewPassword) => true,
    }
}

/// The refusal of a session that still lacks its second factor.
pub(super) fn lacking(outstanding: Outstanding, request: &Parts) -> Response {
    let (page, detail) = match outstanding {
        Outstanding::SecondFactor => (SECOND_FACTOR_PAGE, "Show your second factor first: /sign-in/second-factor."),
        Outstanding::NewPassword => (NEW_PASSWORD_PAGE, "Choose a new password first: /sign-in/new-password."),
        Outstanding::Enrolment => (
            ENROLMENT_PAGE,
            "Your role or your organization asks for a second factor. Set one up first: /second-factors/required.",
        ),
    };
    lead_to(page, request).unwrap_or_else(|| Problem::second_factor_required(detail).into_response())
}

/// The refusal of a sensitive act: it needs a sign-in or a confirmation that is not long ago. Keys of programs have no such moment.
pub(super) fn unconfirmed(step_up: StepUp, caller: &Caller, now: Timestamp, request: &Parts) -> Option<Response> {
    match (step_up, caller.signed_in()) {
        (StepUp::No, _) | (StepUp::People, None) => None,
        (StepUp::PeopleOnly, None) => Some(Problem::people_only().into_response()),
        // While something is outstanding the session is minutes old; the guard has checked that it may come here at all.
        (_, Some(signed_in)) if signed_in.is_fresh(now) || signed_in.outstanding.is_some() => None,
        (_, Some(_)) => {
            Some(lead_to(CONFIRM_PAGE, request).unwrap_or_else(|| Problem::step_up_required().into_response()))
        }
    }
}

/// Where a browser is sent that asked for a page; afterwards it comes back to the page, or to the one with the form.
fn lead_to(page: &str, request: &Parts) -> Option<Response> {
    if !wants_page(request.uri.path(), &request.headers) {
        return None;
    }
    let is_reading = request.method == Method::GET || request.method == Method::HEAD;
    let next =
        if is_reading { destination::of_request(&request.uri) } else { destination::of_referer(&request.headers) };
    Some(Redirect::to(&destination::with_next(page, &next)).into_response())
}
