//! The assets' addresses, and the promises that the stylesheet makes in its own words.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;

use super::*;

async fn answer(path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let router = axum::Router::new().route("/assets/{version}/{name}", axum::routing::get(serve));
    router.oneshot(request).await.expect("axum answers")
}

#[tokio::test]
async fn an_asset_is_kept_for_ever_under_its_version() {
    let response = answer(&address("tokens.css")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], FOR_EVER);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    let script = answer(&address("ringfence.js")).await;
    assert_eq!(script.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn another_version_an_unknown_name_and_a_climb_are_not_found() {
    for path in ["/assets/0000000000000000/tokens.css", &address("nothing.css"), &address("..%2FCargo.toml")] {
        assert_eq!(answer(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

fn text(name: &str) -> String {
    String::from_utf8(Embedded::get(name).expect("the asset exists").data.into_owned()).expect("text")
}

#[test]
fn modules_neither_evaluate_nor_write_markup_outside_the_one_policy() {
    for name in Embedded::iter().filter(|name| name.ends_with(".js")) {
        let source = text(&name);
        for forbidden in [
            "eval(",
            "new Function",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            ".style.",
            "http://",
            "https://",
        ] {
            assert!(!source.contains(forbidden), "{name} uses {forbidden}");
        }
        let sinks = source.matches("innerHTML").count();
        assert_eq!(sinks, usize::from(name == "swap.js"), "{name} writes markup {sinks} times");
    }
}

/// What comes from outside never names a property that is written, so no prototype can be reached by it (ASVS 15.3.6).
#[test]
fn modules_name_no_property_by_what_comes_from_outside() {
    for name in Embedded::iter().filter(|name| name.ends_with(".js")) {
        let source = text(&name);
        for forbidden in ["__proto__", "prototype", "Object.assign"] {
            let mut code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
            assert!(!code.any(|line| line.contains(forbidden)), "{name} uses {forbidden}");
        }
        for (at, _) in source.match_indices("] = ") {
            let (before, names) = source[..at].rsplit_once('[').unwrap_or_default();
            let is_unpacked = before.ends_with("const ") || before.ends_with("let ");
            // The parts of an answer of a passkey are a list of words in the module itself.
            assert!(is_unpacked || (name == "passkey.js" && names == "part"), "{name} writes [{names}]");
        }
    }
}

#[test]
fn modules_stay_small() {
    let lines: usize =
        Embedded::iter().filter(|name| name.ends_with(".js")).map(|name| text(&name).lines().count()).sum();
    // A third of them translate passkeys, which browsers speak in bytes and servers in JSON.
    assert!(lines <= 450, "{lines} lines of script: is the server still doing the work?");
}

#[test]
fn stylesheets_load_nothing_from_anywhere() {
    for name in Embedded::iter().filter(|name| name.ends_with(".css")) {
        let sheet = text(&name);
        for forbidden in ["url(", "@import", "http"] {
            let allowed = usize::from(name == "print.css" && forbidden == "http");
            assert_eq!(sheet.matches(forbidden).count(), allowed, "{name}: {forbidden}");
        }
    }
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |position: usize| {
        let value = u8::from_str_radix(&colour[position..position + 2], 16).expect("a hexadecimal colour");
        let share = f64::from(value) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The colours of `tokens.css` as (light, dark) by name.
fn tokens() -> HashMap<String, [String; 2]> {
    let sheet = text("tokens.css");
    let pairs = sheet.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
        let (light, dark) = rest.strip_suffix(");")?.split_once(", ")?;
        Some((name.to_owned(), [light.to_owned(), dark.to_owned()]))
    });
    pairs.collect()
}

#[test]
fn colours_keep_their_contrast_in_both_schemes() {
    let tokens = tokens();
    assert!(tokens.len() >= 12, "only {} colours were read", tokens.len());
    let text_on = ["ink", "ink-soft", "live", "good", "wait", "bad"];
    let grounds = ["paper", "sheet", "well"];
    for (scheme, scheme_name) in ["light", "dark"].into_iter().enumerate() {
        let check = |front: &str, ground: &str, least: f64| {
            let found = contrast(&tokens[front][scheme], &tokens[ground][scheme]);
            assert!(found >= least, "{front} on {ground} in {scheme_name}: {found:.2} is below {least}");
        };
        for ground in grounds {
            for front in text_on {
                check(front, ground, 4.5);
            }
        }
        check("ink", "live-wash", 4.5);
        check("ink-soft", "live-wash", 4.5);
        check("live", "live-wash", 4.5);
        check("bad", "bad-wash", 4.5);
        check("ink", "bad-wash", 4.5);
        check("control", "sheet", 3.0);
        check("control", "paper", 3.0);
    }
}
