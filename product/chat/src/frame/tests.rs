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
        ["frame.js", "stream.js", "frame.css"].iter().map(|name| gzipped(text(name).as_bytes())).sum::<Option<usize>>(),
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

    use axum::body::Body;
    use axum::http::Request;
    use edge::limits::{LimitSettings, Limits};
    use identity::Role;
    use identity::testing::TestPlatform;
    use storage::Schema;
    use tower::ServiceExt as _;
    use uuid::Uuid;
    use web::{Gate, SessionCookie};

    use super::super::*;
    use crate::embed_token::Quota;
    use crate::widget::{self, NewWidget};

    struct Site {
        test: TestPlatform,
        owner: identity::Caller,
        router: axum::Router,
    }

    async fn site() -> Site {
        let test = identity::testing::platform(
            Schema::new().with(agents::TABLES, agents::STATEMENTS).with(crate::TABLES, crate::STATEMENTS),
        )
        .await;
        let founded = test.organization("practice").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let state = ChatState { platform: test.platform.clone(), base_url: "http://127.0.0.1:1".into() };
        let limits = Limits::new(&LimitSettings::default(), test.platform.clock.clone());
        let gate = Gate::new(test.platform.clone(), limits, SessionCookie::OnLoopback);
        Site { owner, router: crate::routes().into_router(state, &gate), test }
    }

    impl Site {
        async fn get(&self, path: &str) -> Response {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            self.router.clone().oneshot(request).await.expect("axum answers")
        }

        async fn token(&self, origins: &[&str]) -> (Uuid, String) {
            let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            let profile = agents::profile::sample();
            let platform = &self.test.platform;
            let agent_id = agents::store::create(platform, &self.owner, profile).await.expect("an agent").id;
            let new =
                NewWidget { name: "Home", agent_id, origins: &origins, expires_at: None, quota: Quota::default() };
            let widget = widget::create(&self.test.platform, &self.owner, &new).await.expect("made");
            (widget.token.id, widget.text)
        }
    }

    fn policy(response: &Response) -> &str {
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text")
    }

    #[tokio::test]
    async fn the_frame_names_exactly_the_tokens_origins_and_sets_no_cookie() {
        let site = site().await;
        let (_, token) = site.token(&["https://shop.example", "http://localhost:8080"]).await;
        let response = site.get(&format!("/widget/frame?token={token}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let policy = policy(&response);
        assert!(policy.contains("frame-ancestors http://localhost:8080 https://shop.example;"), "{policy}");
        assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        let page = String::from_utf8(body.to_vec()).expect("text");
        let (notice, input) = (page.find(NOTICE).expect("a notice"), page.find("<textarea").expect("an input"));
        assert!(notice < input, "the notice stands before the first input");
    }

    #[tokio::test]
    async fn no_origin_means_nobody_and_no_token_means_nothing() {
        let site = site().await;
        let (id, token) = site.token(&[]).await;
        let response = site.get(&format!("/widget/frame?token={token}")).await;
        assert!(policy(&response).contains("frame-ancestors 'none'"));
        widget::revoke(&site.test.platform, &site.owner, id).await.expect("revoked");
        for path in [format!("/widget/frame?token={token}"), "/widget/frame?token=rf_embed_x".to_owned()] {
            assert_eq!(site.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_loader_is_for_other_sites_and_the_assets_for_ever() {
        let site = site().await;
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
