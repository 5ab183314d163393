//! What the browser loads: sizes, what the scripts may not use, and what the frame's answer says.

use std::io::Write as _;

use super::*;

fn text(name: &str) -> String {
    String::from_utf8(Embedded::get(name).expect("the asset exists").data.into_owned()).expect("text")
}

/// Bytes after gzip, measured by the machine's own `gzip`; `None` where there is none.
fn gzipped(content: &[u8]) -> Option<usize> {
    let mut child = std::process::Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(content).ok()?;
    child.wait_with_output().ok().map(|output| output.stdout.len())
}

#[test]
fn the_loader_fits_in_3_kilobytes_and_the_frame_in_15() {
    let (Some(loader), Some(frame)) = (
        gzipped(text("widget.js").as_bytes()),
        ["frame.js", "solve.js", "stream.js", "frame.css"]
            .iter()
            .map(|name| gzipped(text(name).as_bytes()))
            .sum::<Option<usize>>(),
    ) else {
        println!("not measured: the_loader_fits_in_3_kilobytes_and_the_frame_in_15: there is no gzip");
        return;
    };
    assert!(loader <= 3 * 1024, "the loader has {loader} bytes after gzip");
    assert!(frame <= 15 * 1024, "the frame has {frame} bytes after gzip");
}

#[test]
fn scripts_set_text_only_and_no_cookie() {
    for name in ["widget.js", "frame.js", "stream.js"] {
        let source = text(name);
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "document.cookie",
            "localStorage",
            ".style.",
        ] {
            assert!(!source.contains(forbidden), "{name} uses {forbidden}");
        }
        assert!(
            !source.contains("postMessage({ ringfence: \"hello\" }, \"*\")") && !source.contains(", \"*\")"),
            "{name}: exact origins only"
        );
    }
}

mod answers {
    //! The same through the whole guard, on SQLite.

    use super::super::*;
    use crate::testing::{Site, text};
    use crate::widget;

    fn policy(response: &Response) -> &str {
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text")
    }

    #[tokio::test]
    async fn the_frame_names_exactly_the_tokens_origins_and_sets_no_cookie() {
        let site = Site::open().await;
        let token = site.widget(&["https://shop.example", "http://localhost:8080"]).await.text;
        let response = site.get(&format!("/widget/frame?token={token}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let policy = policy(&response);
        assert!(policy.contains("frame-ancestors http://localhost:8080 https://shop.example;"), "{policy}");
        assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        let page = text(response).await;
        let (notice, input) = (page.find(NOTICE).expect("a notice"), page.find("<textarea").expect("an input"));
        assert!(notice < input, "the notice stands before the first input");
    }

    #[tokio::test]
    async fn no_origin_means_nobody_and_no_token_means_nothing() {
        let site = Site::open().await;
        let made = site.widget(&[]).await;
        let (id, token) = (made.token.id, made.text);
        let response = site.get(&format!("/widget/frame?token={token}")).await;
        assert!(policy(&response).contains("frame-ancestors 'none'"));
        widget::revoke(&site.test.platform, &site.owner, id).await.expect("revoked");
        for path in [format!("/widget/frame?token={token}"), "/widget/frame?token=rf_embed_x".to_owned()] {
            assert_eq!(site.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_loader_is_for_other_sites_and_the_assets_for_ever() {
        let site = Site::open().await;
        let loader = site.get("/widget.js").await;
        assert_eq!(loader.headers()["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(loader.headers()[header::CACHE_CONTROL], LOADER_CACHE);
        let asset = site.get(&format!("/widget/assets/{}/frame.js", version())).await;
        assert_eq!(asset.headers()[header::CACHE_CONTROL], FOR_EVER);
        for path in ["/widget/assets/0/frame.js".to_owned(), format!("/widget/assets/{}/no.js", version())] {
            assert_eq!(site.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
