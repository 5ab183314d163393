//! `ringfence openapi`: the description of the API, the same that a running node gives at `/openapi.json`.

use super::{Answer, say};
use crate::api;

pub(super) fn print() -> anyhow::Result<Answer> {
    say(&serde_json::to_string_pretty(&api::description())?);
    Ok(Answer::Good)
}
