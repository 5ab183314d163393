//! What browsers load: the loader for customers' pages, and the frame with its assets. All of it sits in the binary.
//!
//! The frame answers only to tokens that work, and tells browsers by `frame-ancestors` exactly which origins may show
//! it. Nothing here sets a cookie, and nothing here differs by who asks.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::{ClientAddress, Exposure};
use identity::{Platform, member};
use rust_embed::RustEmbed;
use serde::Deserialize;
use web::shell::Html;
use web::{Access, Audited, Nonce, Path, Problem, Query, Routes};

use crate::admission;
use crate::embed_token::TokenText;
use crate::message::MESSAGE_LENGTH_MAX;
use crate::{ChatState, Error};

/// The notice that every visitor meets before the first input.
const NOTICE: &str =
    "You are talking to an AI agent, not to a person. What you write is stored, so that it can be answered.";
/// Pages fetch the loader anew after so long, so that a fix reaches them the same hour.
const LOADER_CACHE: &str = "public, max-age=600";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/widget"]
struct Embedded;

/// The routes.
pub fn routes() -> Routes<ChatState> {
    let page = Access::Public("pages of customers load it");
    let same = Audited::No("the same bytes for everybody");
    Routes::new().get("/widget.js", page, same, loader).get("/widget/assets/{version}/{name}", page, same, asset).get(
        "/widget/frame",
        Access::Visitor("a working embed token"),
        Audited::No("nothing is read or begun"),
        frame,
    )
}

/// Hash over the frame's assets, for addresses that may be kept for ever.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(web::assets::version_of::<Embedded>);
    &VERSION
}

async fn loader(headers: HeaderMap) -> Response {
    let Some(file) = Embedded::get("widget.js") else { return StatusCode::NOT_FOUND.into_response() };
    let tag = format!("\"{}\"", version());
    let common = [(header::CACHE_CONTROL, LOADER_CACHE.to_owned()), (header::ETAG, tag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, Exposure::Resource, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (Exposure::Resource, common, kind, file.data.into_owned()).into_response()
}

async fn asset(Path((asked, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let file = if asked == version() { Embedded::get(&name) } else { None };
    let file = file.ok_or_else(Problem::not_found)?;
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    Ok(([(header::CACHE_CONTROL, FOR_EVER), (header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    token: String,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct FramePage {
    organization_name: String,
    assets: String,
    nonce: Nonce,
    embed_token: String,
    notice: &'static str,
    message_limit: usize,
}

async fn frame(
    State(state): State<ChatState>,
    ClientAddress(address): ClientAddress,
    nonce: Nonce,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let text = TokenText::parse(&asked.token).ok_or_else(Problem::not_found)?;
    let (organization_name, origins) = match shown(&state.platform, &text, address).await {
        Ok(shown) => shown,
        Err(Error::Refused(_)) => return Err(Problem::not_found()),
        Err(other) => return Err(other.into()),
    };
    let page = FramePage {
        organization_name,
        assets: format!("/widget/assets/{}", version()),
        nonce,
        embed_token: text.as_str().to_owned(),
        notice: NOTICE,
        message_limit: MESSAGE_LENGTH_MAX,
    };
    Ok((Exposure::Frame(origins), Html(page)).into_response())
}

/// The business's public name and the origins that may show the frame.
async fn shown(
    platform: &Platform,
    text: &TokenText,
    address: Option<std::net::IpAddr>,
) -> Result<(String, Vec<String>), Error> {
    let (caller, token) = admission::find(platform, text, address).await?;
    let organization = member::organization(platform, &caller).await?.ok_or(Error::NotFound)?;
    Ok((organization.name, token.origins.texts()))
}

#[cfg(test)]
mod tests;
