//! The page of the trunk: how the way to the telephone network stands, and what to do when it does not.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use web::chip::{Chip, Tone};
use web::shell::{Html, Nav, Shell};
use web::{PageContext, Problem};

use super::{Standing, Trunk};
use crate::api::Telephony;

#[derive(Template)]
#[template(path = "trunk.html")]
struct TrunkPage {
    shell: Shell,
    state: Chip,
    standing: Standing,
}

/// The state as a chip.
pub(crate) fn chip(standing: &Standing) -> Chip {
    match standing.state {
        "none" => Chip::new(Tone::Draft, "No trunk"),
        "not_registered" => Chip::new(Tone::Done, "Without registration"),
        "trying" => Chip::new(Tone::Wait, "Registering"),
        "registered" => Chip::new(Tone::Good, "Registered"),
        "no_password" => Chip::new(Tone::Bad, "No password"),
        "unreachable" => Chip::new(Tone::Bad, "Cannot be reached"),
        _ => Chip::new(Tone::Bad, "Refused"),
    }
}

pub(crate) async fn show(State(telephony): State<Telephony>, page: PageContext) -> Result<Response, Problem> {
    let standing = Trunk::standing(telephony.attendant.trunk.as_ref());
    let shown = TrunkPage { shell: page.shell("Trunk", Nav::Calls), state: chip(&standing), standing };
    Ok(Html(shown).into_response())
}
