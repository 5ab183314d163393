//! Stylesheets and modules, inside the binary, under addresses that carry their content: `/assets/{version}/{name}`.
//!
//! The version is a hash over all of them, so relative imports between modules stay right, and a browser may keep
//! each answer for ever (RFC 8246, `immutable`). Any other version answers 404: an old page never mixes with new files.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::routes::{Access, Audited, Routes};

/// Hexadecimal digits of the version.
const VERSION_DIGITS: usize = 16;
/// Keep for a year, ask never again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Embedded;

/// The version of this build's assets: 16 hexadecimal digits over names and contents.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(version_of::<Embedded>);
    &VERSION
}

/// The version of any folder of embedded files.
pub fn version_of<Folder: RustEmbed>() -> String {
    // FNV-1a over the files' SHA-256: not a secret, only a name that changes when a content does.
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut names: Vec<_> = Folder::iter().collect();
    names.sort();
    for name in names {
        let content = Folder::get(&name).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
        for byte in name.bytes().chain(content) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{state:0VERSION_DIGITS$x}")
}

/// Address of one asset, for templates.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", version())
}

async fn serve(Path((asked, name)): Path<(String, String)>) -> Response {
    let file = if asked == version() { Embedded::get(&name) } else { None };
    let Some(file) = file else { return StatusCode::NOT_FOUND.into_response() };
    let kind = mime_guess::from_path(&name).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, FOR_EVER.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, file.data.into_owned()).into_response()
}

/// The route of the assets; they are public and the same for everybody.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Routes<S> {
    let access = Access::Public("stylesheets and modules are the same for everybody, signed in or not");
    Routes::new().get("/assets/{version}/{name}", access, Audited::No("public files"), serve)
}

#[cfg(test)]
mod tests;
