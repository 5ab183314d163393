//! Calls, recordings and numbers over REST.

mod calls;
mod numbers;
mod recordings;
mod trunk;

pub use recordings::{LINK_PURPOSE, Link, make_link};

use std::sync::Arc;

use compliance::dialing::DialingPolicy;
use conversations::Conversations;
use identity::{Permission, Platform};
use utoipa::OpenApi;
use web::problem::Problem;
use web::routes::{Access, Audited, Routes};

use crate::attendant::Attendant;
use crate::error::Error;
use crate::line::Line;

/// What the routes work with.
#[derive(Clone)]
pub struct Telephony {
    /// The platform.
    pub platform: Platform,
    /// Who holds the calls.
    pub attendant: Arc<Attendant>,
    /// The line that calls go out on; none when this node has no phone.
    pub line: Option<Line>,
    /// What may be dialled.
    pub dialing: DialingPolicy,
}

impl Telephony {
    /// The conversations that calls hold.
    pub fn conversations(&self) -> &Conversations {
        &self.attendant.conversations
    }
}

/// Why test keys may read calls.
const SIMULATED_ONLY: &str = "it shows them simulated calls only";

/// The routes of this part.
pub fn routes() -> Routes<Telephony> {
    let read = Access::Permission(Permission::CallRead);
    let listen = Access::Permission(Permission::RecordingListen);
    let number = Access::Permission(Permission::NumberWrite);
    let list = Audited::No("a list of what the caller may see anyway");
    Routes::new()
        .get("/v1/calls", read, list, calls::list)
        .test_keys(SIMULATED_ONLY)
        .post("/v1/calls", Access::Permission(Permission::CallPlace), Audited::Change("call.place"), calls::place)
        .test_keys("it reaches the sandbox carrier, never the trunk")
        .get("/v1/calls/{id}", read, Audited::Read("call.read"), calls::get)
        .test_keys(SIMULATED_ONLY)
        .get("/v1/calls/{id}/events", read, Audited::No("words of a timeline, no content"), calls::events)
        .test_keys(SIMULATED_ONLY)
        .get("/v1/calls/{id}/recordings", read, list, calls::recordings)
        .get("/v1/recordings", read, list, recordings::list)
        .get("/v1/recordings/{id}", read, Audited::No("length and state, no sound"), recordings::get)
        .post("/v1/recordings/{id}/links", listen, Audited::Change("recording.link"), recordings::link)
        .get(
            "/recordings/{token}",
            Access::Public(
                "the link itself is the credential: signed, short-lived, bound to the session that asked for it",
            ),
            Audited::No("written down by the handler under the organization that the link names"),
            recordings::play,
        )
        .get(
            "/v1/trunk",
            Access::Permission(Permission::NumberRead),
            Audited::No("how the way to the carrier stands, nothing about anybody"),
            trunk::get,
        )
        .get("/v1/numbers", Access::Permission(Permission::NumberRead), list, numbers::list)
        .post("/v1/numbers", number, Audited::Change("number.connect"), numbers::connect)
        .delete("/v1/numbers/{id}", number, Audited::Change("number.release"), numbers::release)
}

/// The description of the routes.
#[derive(OpenApi)]
#[openapi(paths(
    calls::list,
    calls::place,
    calls::get,
    calls::events,
    calls::recordings,
    recordings::list,
    recordings::get,
    recordings::link,
    numbers::list,
    numbers::connect,
    numbers::release,
    trunk::get
))]
pub struct Description;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::NotDialable => Self::field("called", error.to_string()),
            Error::NumberTaken | Error::NotPublished | Error::NoTrunk => Self::conflict(error.to_string()),
            Error::Refused(reason) => Self::field("to", reason),
            Error::Busy => Self::unavailable(error.to_string(), 30),
            Error::Vault(error) => error.into(),
            Error::Identity(error) => error.into(),
            other => Self::internal(other),
        }
    }
}
