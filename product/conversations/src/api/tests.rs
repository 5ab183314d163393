//! The API through the router: who may, what comes, what is refused.

use std::sync::Arc;

use agents::profile::sample;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use compliance::dialing::DialingPolicy;
use edge::limits::{LimitSettings, Limits};
use http_body_util::BodyExt as _;
use identity::Role;
use identity::testing::{TestPlatform, platform};
use serde_json::{Value, json};
use storage::{OrganizationId, Schema};
use tower::ServiceExt as _;
use uuid::Uuid;
use web::live::Live;
use web::{Gate, SessionCookie};

use super::*;
use crate::answers::NoDocuments;
use crate::door::{Channel, Input, OpenRequest};

struct Site {
    test: TestPlatform,
    conversations: Conversations,
    organization: OrganizationId,
    router: Router,
    id: Uuid,
}

impl Site {
    async fn new() -> Site {
        let parts = Schema::new()
            .with(web::TABLES, web::STATEMENTS)
            .with(agents::TABLES, agents::STATEMENTS)
            .with(contacts::TABLES, contacts::STATEMENTS)
            .with(compliance::TABLES, compliance::STATEMENTS)
            .with(crate::TABLES, crate::STATEMENTS);
        let test = platform(parts).await;
        let organization = test.organization("lindenhof").await.organization;
        let owner = test.member(organization, Role::Owner).await.caller;
        let agent = agents::store::create(&test.platform, &owner, sample()).await.expect("an agent");
        agents::store::publish(&test.platform, &owner, agent.id, &agent.draft_hash).await.expect("published");
        let live = Live::new(test.platform.entropy.as_ref());
        let dialing = DialingPolicy::default();
        let conversations = Conversations::new(test.platform.clone(), live, Arc::new(NoDocuments), dialing);
        let limits = Limits::new(&LimitSettings::default(), test.platform.clock.clone());
        let gate = Gate::new(test.platform.clone(), limits, SessionCookie::OnLoopback);
        let router = routes().into_router(conversations.clone(), &gate);
        let request = OpenRequest {
            organization,
            agent_id: agent.id,
            channel: Channel::Chat { page: None },
            contact_id: None,
            address: None,
        };
        let id = conversations.open(request).await.expect("opened").conversation_id;
        Site { test, conversations, organization, router, id }
    }

    async fn key(&self, organization: OrganizationId, role: Role) -> String {
        self.test.key(organization, role).await.reveal().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("answered");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn strangers_viewers_and_other_organizations_are_refused() {
    let site = Site::new().await;
    let path = format!("/v1/conversations/{}", site.id);
    let (status, _) = site.ask(Method::GET, &path, None, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let viewer = site.key(site.organization, Role::Viewer).await;
    let (status, _) = site.ask(Method::PUT, &format!("{path}/person"), Some(&viewer), None).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a viewer cannot answer");
    let other = site.test.organization("other").await.organization;
    let stranger = site.key(other, Role::Owner).await;
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::GET, format!("{path}/events"), None),
        (Method::GET, format!("{path}/replay"), None),
        (Method::PUT, format!("{path}/person"), None),
        (Method::DELETE, format!("{path}/person"), None),
        (Method::POST, format!("{path}/messages"), Some(json!({ "text": "x" }))),
    ] {
        let (status, _) = site.ask(method.clone(), &path, Some(&stranger), body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let (_, list) = site.ask(Method::GET, "/v1/conversations", Some(&stranger), None).await;
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn a_person_answers_over_the_api() {
    let site = Site::new().await;
    let key = site.key(site.organization, Role::Owner).await;
    let path = format!("/v1/conversations/{}", site.id);
    let messages = format!("{path}/messages");
    let text = || Some(json!({ "text": "How can I help?", "client_id": "m1" }));
    let (status, _) = site.ask(Method::POST, &messages, Some(&key), text()).await;
    assert_eq!(status, StatusCode::CONFLICT, "join first");
    let wish = Input::Words { text: "I want to talk to a person".to_owned(), client_id: None };
    site.conversations.handle(site.organization, site.id, wish).await.expect("taken");
    let (_, waiting) = site.ask(Method::GET, "/v1/conversations?state=waiting", Some(&key), None).await;
    assert_eq!(waiting["data"][0]["id"], json!(site.id));
    let (status, _) = site.ask(Method::PUT, &format!("{path}/person"), Some(&key), None).await;
    assert_eq!(status, StatusCode::OK);
    let other = site.key(site.organization, Role::Owner).await;
    let (status, _) = site.ask(Method::POST, &messages, Some(&other), text()).await;
    assert_eq!(status, StatusCode::CONFLICT, "another key is another person");
    let (status, first) = site.ask(Method::POST, &messages, Some(&key), text()).await;
    assert_eq!((status, &first["duplicate"]), (StatusCode::CREATED, &json!(false)));
    let (_, second) = site.ask(Method::POST, &messages, Some(&key), text()).await;
    assert_eq!((&second["duplicate"], &second["sequence"]), (&json!(true), &first["sequence"]));
    let (status, _) = site.ask(Method::DELETE, &format!("{path}/person?end=true"), Some(&key), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, lines) = site.ask(Method::GET, &format!("{path}/events"), Some(&key), None).await;
    let by: Vec<&str> = lines.as_array().expect("lines").iter().filter_map(|line| line["by"].as_str()).collect();
    assert_eq!(by, ["agent", "visitor", "agent", "agent", "person", "agent"]);
    let (_, replay) = site.ask(Method::GET, &format!("{path}/replay"), Some(&key), None).await;
    assert_eq!(replay["same"], json!(true));
    let (_, gone) = site.ask(Method::GET, &path, Some(&key), None).await;
    assert_eq!((&gone["state"], &gone["end_reason"]), (&json!("ended"), &json!("person")));
}

#[tokio::test]
async fn malformed_requests_are_named() {
    let site = Site::new().await;
    let key = site.key(site.organization, Role::Owner).await;
    for (path, status) in [
        ("/v1/conversations?limit=0", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/conversations?limit=101", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/conversations?state=asleep", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/conversations?colour=red", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/conversations/not-an-id", StatusCode::NOT_FOUND),
        ("/v1/conversations/00000000-0000-0000-0000-000000000000", StatusCode::NOT_FOUND),
    ] {
        let (got, _) = site.ask(Method::GET, path, Some(&key), None).await;
        let refused = got == status || (status == StatusCode::UNPROCESSABLE_ENTITY && got == StatusCode::BAD_REQUEST);
        assert!(refused, "{path}: {got}");
    }
    let (got, _) = site.ask(Method::GET, "/v1/conversations?limit=100", Some(&key), None).await;
    assert_eq!(got, StatusCode::OK);
}
