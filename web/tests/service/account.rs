//! The house's own routes, as browsers and programs use them: keys, members, live events, OpenAPI.

use crate::fixture::{Service, bearer, cookie};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use identity::{Permission, Role};
use std::time::Duration;
use uuid::Uuid;
use web::live::LiveEvent;
use web::{account, openapi};

#[tokio::test]
async fn keys_are_shown_once_listed_in_pages_and_revoked() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Owner).await.session.reveal());
    let json = [("cookie", session.as_str()), ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let body = r#"{"name":"Sync","role":"manager","environment":"test"}"#;
    let created = service.ask("POST", "/v1/keys", &json, body).await;
    assert_eq!(created.status, 201);
    let secret = created.json()["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("rf_test_"));
    let location = created.header("location").to_owned();
    let read = service.ask("GET", &location, &json[..1], "").await;
    assert_eq!(read.json()["name"], "Sync");
    assert!(!read.body.contains(&secret) && read.json().get("secret").is_none());
    for _ in 0..2 {
        assert_eq!(service.ask("POST", "/v1/keys", &json, r#"{"name":"More","role":"viewer"}"#).await.status, 201);
    }
    let first = service.ask("GET", "/v1/keys?limit=2", &json[..1], "").await.json();
    assert_eq!((first["data"].as_array().expect("rows").len(), &first["has_more"]), (2, &true.into()));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = service.ask("GET", &format!("/v1/keys?limit=2&after={cursor}"), &json[..1], "").await.json();
    assert_eq!((second["data"].as_array().expect("rows").len(), &second["has_more"]), (1, &false.into()));
    assert_eq!(service.ask("GET", "/v1/organization", &[("authorization", &bearer(&secret))], "").await.status, 200);
    assert_eq!(service.ask("DELETE", &location, &json, "").await.status, 204);
    assert_eq!(service.ask("DELETE", &location, &json, "").await.status, 204, "twice is no error");
    assert_eq!(service.ask("GET", "/v1/organization", &[("authorization", &bearer(&secret))], "").await.status, 401);
    let above = bearer(service.test.key(founded.organization, Role::Admin).await.reveal());
    let above = [("authorization", above.as_str()), ("content-type", "application/json")];
    assert!(service.ask("POST", "/v1/keys", &above, r#"{"name":"Up","role":"owner"}"#).await.is_problem("forbidden"));
}

/// Reads the stream's next pieces until `words` is among them.
async fn hear(body: &mut Body, words: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(words) {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("in time");
        let Some(frame) = frame else { return format!("{heard}(end)") };
        heard.push_str(&String::from_utf8_lossy(&frame.expect("a frame").into_data().expect("data")));
    }
    heard
}

async fn listen(service: &Service, session: &str, last_id: Option<&str>) -> Body {
    let mut request = Request::builder().uri("/live").header("host", "desk.example").header("cookie", cookie(session));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let response = service.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

#[tokio::test]
async fn live_events_reach_those_who_may_know_and_end_with_the_session() {
    let service = Service::start().await;
    let (harbour, other) = (service.test.organization("harbour").await, service.test.organization("other").await);
    let manager = service.test.member(harbour.organization, Role::Manager).await;
    let viewer = service.test.member(harbour.organization, Role::Viewer).await;
    let mut for_manager = listen(&service, manager.session.reveal(), None).await;
    let mut for_viewer = listen(&service, viewer.session.reveal(), None).await;
    let turn = |number| {
        let words = serde_json::json!({ "words": "my tooth hurts" });
        LiveEvent::new("conversation", Permission::ConversationRead, Uuid::from_u128(number), words)
    };
    let figure = || LiveEvent::new("figures", Permission::AnalyticsRead, Uuid::from_u128(99), serde_json::Value::Null);
    service.live.publish(other.organization, turn(7));
    service.live.publish(harbour.organization, turn(1));
    service.live.publish(harbour.organization, figure());
    let heard = hear(&mut for_manager, "figures").await;
    assert!(heard.contains("event: change") && heard.contains("my tooth hurts"), "{heard}");
    assert!(!heard.contains(&Uuid::from_u128(7).to_string()), "another organization's event");
    let heard = hear(&mut for_viewer, "figures").await;
    assert!(!heard.contains("tooth"), "{heard}");
    let id = heard.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    service.live.publish(harbour.organization, turn(2));
    let mut resumed = listen(&service, manager.session.reveal(), Some(&id)).await;
    assert!(hear(&mut resumed, "tooth").await.contains(&Uuid::from_u128(2).to_string()), "what was missed comes first");
    let mut foreign = listen(&service, manager.session.reveal(), Some("1234-5")).await;
    assert!(hear(&mut foreign, "reset").await.contains("event: reset"));
    identity::session::sign_out(&service.test.platform, &manager.caller).await.expect("signed out");
    service.live.publish(harbour.organization, turn(3));
    let heard = hear(&mut for_manager, &Uuid::from_u128(3).to_string()).await;
    assert!(heard.ends_with("(end)"), "a stream ends with its session: {heard}");
}

#[tokio::test]
async fn reports_of_browsers_are_taken_from_anywhere_and_bounded() {
    let service = Service::start().await;
    let report = r#"{"csp-report":{"effective-directive":"script-src-elem"}}"#;
    let headers = [("content-type", "application/csp-report"), ("sec-fetch-site", "cross-site")];
    assert_eq!(service.ask("POST", "/csp-report", &headers, report).await.status, 204);
    assert_eq!(service.ask("POST", "/csp-report", &headers, "not json").await.status, 204);
    assert!(service.ask("POST", "/csp-report", &headers, &"x".repeat(16 * 1024 + 1)).await.is_problem("too-large"));
}

#[test]
fn the_description_is_that_of_the_routes() {
    let table = account::routes().table();
    let document = openapi::assemble(vec![account::api::Description::openapi()], &table, "0.1.0");
    assert_eq!(openapi::differences(&document, &table), Vec::<String>::new());
    let json = serde_json::to_value(&document).expect("serializable");
    assert_eq!(json["openapi"], "3.1.0");
    let create = &json["paths"]["/v1/keys"]["post"];
    assert_eq!(create["security"][0]["api_key"], serde_json::json!([]));
    for status in ["400", "401", "403", "413", "415", "422", "429"] {
        assert!(create["responses"][status]["content"]["application/problem+json"].is_object(), "{status}");
    }
    assert!(json["components"]["schemas"]["Problem"]["properties"]["status"].is_object());
    assert!(json["components"]["schemas"]["FieldError"].is_object());
    let short = openapi::assemble(Vec::new(), &table, "0.1.0");
    assert!(openapi::differences(&short, &table).contains(&"not described: post /v1/keys".to_owned()));
}

#[tokio::test]
async fn ending_another_browser_asks_again_who_is_there() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Manager).await.session.reveal());
    let headers = [("cookie", session.as_str()), ("sec-fetch-site", "same-origin")];
    let listed = service.ask("GET", "/v1/sessions", &headers[..1], "").await.json();
    let path = format!("/v1/sessions/{}", listed["data"][0]["id"].as_str().expect("an id"));
    service.test.clock.advance_seconds(identity::STEP_UP_SECONDS);
    let refused = service.ask("DELETE", &path, &headers, "").await;
    assert!(refused.is_problem("step-up-required"), "{refused:?}");
    assert_eq!(service.ask("GET", "/v1/sessions", &headers[..1], "").await.status, 200, "looking goes on");
}

#[tokio::test]
async fn ending_a_browser_works_right_after_signing_in() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Manager).await.session.reveal());
    let headers = [("cookie", session.as_str()), ("sec-fetch-site", "same-origin")];
    let listed = service.ask("GET", "/v1/sessions", &headers[..1], "").await.json();
    let path = format!("/v1/sessions/{}", listed["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(service.ask("DELETE", &path, &headers, "").await.status, 204);
    assert_eq!(service.ask("GET", "/v1/sessions", &headers[..1], "").await.status, 401, "it was this one");
}

/// Who may act is asked when the head arrives; the body may take a minute. What is stopped meanwhile does nothing any more.
#[tokio::test]
async fn a_body_that_comes_after_the_key_was_stopped_changes_nothing() {
    let service = Service::start().await;
    let platform = service.test.platform.clone();
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await.caller;
    let key = service.test.key(founded.organization, Role::Admin).await;
    let (send_body, body) = tokio::sync::oneshot::channel::<&'static str>();
    let body = Body::from_stream(futures_util::stream::once(body));
    let request = Request::post("/v1/keys")
        .header("host", "desk.example")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", key.reveal()))
        .body(body)
        .expect("a request");
    let keys = async || identity::api_key::list(&platform, &owner, None, 100).await.expect("listed");
    let stop = async {
        // Its use is written down once it was let in.
        while keys().await.iter().all(|known| known.id != key.id || known.used_at.is_none()) {
            tokio::task::yield_now().await;
        }
        assert!(identity::api_key::revoke(&platform, &owner, key.id, None).await.expect("revoked"));
        send_body.send(r#"{"name":"successor","role":"admin"}"#).expect("somebody waits for it");
    };
    let before = keys().await.len();
    let (answer, ()) = tokio::join!(service.send(request), stop);
    assert_eq!(answer.status(), 401);
    assert_eq!(keys().await.len(), before, "no successor");
}
