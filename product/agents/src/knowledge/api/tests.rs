//! The handlers behind a router with a signed-in caller; who may call them at all is the guard's part and tested there.

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get as reads, post as posts};
use axum::{Extension, Router};
use http::Request;
use http_body_util::BodyExt;
use identity::Role;
use identity::testing::{TestPlatform, platform};
use storage::Schema;
use tower::ServiceExt;
use web::live::Live;

use super::*;
use crate::knowledge::{Reach, Settings};

struct Api {
    _test: TestPlatform,
    router: Router,
    knowledge: Knowledge,
    base: String,
}

impl Api {
    async fn start() -> Self {
        let test = platform(Schema::new().with(crate::TABLES, crate::STATEMENTS)).await;
        let settings = Settings { reach: Reach::PublicOnly, program: PathBuf::from("/nonexistent") };
        let live = Live::new(test.platform.entropy.as_ref());
        let knowledge = Knowledge::new(test.platform.clone(), live, settings);
        let organization = test.organization("practice").await.organization;
        let caller = test.member(organization, Role::Manager).await.caller;
        let agent = test.platform.identifiers.next();
        let mut transaction = caller.database(&test.platform).begin().await.expect("begun");
        let fields = [
            ("id", agent.into()),
            ("draft", vec![0_u8].into()),
            ("draft_hash", "".into()),
            ("draft_saved_at", test.platform.now().into()),
            ("published_version_id", storage::Value::Null),
            ("created_at", test.platform.now().into()),
        ];
        transaction.insert(&crate::store::AGENT, &fields).await.expect("inserted");
        transaction.commit().await.expect("committed");
        let router = Router::new()
            .route("/v1/agents/{agent_id}/knowledge", reads(list))
            .route("/v1/agents/{agent_id}/knowledge/uploads", posts(upload))
            .route("/v1/agents/{agent_id}/knowledge/urls", posts(add_url))
            .route("/v1/agents/{agent_id}/knowledge/texts", posts(add_text))
            .route("/v1/agents/{agent_id}/knowledge/answers", reads(answers))
            .route("/v1/agents/{agent_id}/knowledge/{id}", reads(get).delete(delete))
            .route("/v1/agents/{agent_id}/knowledge/{id}/sync", posts(sync))
            .route("/v1/agents/{agent_id}/knowledge/{id}/sections", reads(sections))
            .with_state(knowledge.clone())
            .layer(Extension(caller))
            .layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX + MULTIPART_FRAME_BYTES));
        Self { _test: test, router, knowledge, base: format!("/v1/agents/{agent}/knowledge") }
    }

    async fn ask(&self, method: &str, path: &str, media_type: &str, body: Vec<u8>) -> (u16, serde_json::Value) {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = request.header("content-type", media_type).body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("a router answers");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn read(&self, path: &str) -> (u16, serde_json::Value) {
        self.ask("GET", path, "text/plain", Vec::new()).await
    }

    async fn json(&self, path: &str, body: &str) -> (u16, serde_json::Value) {
        self.ask("POST", path, "application/json", body.as_bytes().to_vec()).await
    }

    async fn form(&self, parts: &[(&str, Option<&str>, &[u8])]) -> (u16, serde_json::Value) {
        let mut body = Vec::new();
        for (name, file_name, content) in parts {
            let file_name = file_name.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
            body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n").bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        self.ask("POST", "/uploads", "multipart/form-data; boundary=b", body).await
    }
}

#[tokio::test]
async fn a_file_goes_in_and_an_answer_comes_out() {
    let api = Api::start().await;
    let (status, added) = api
        .form(&[
            ("attested", None, b"true"),
            ("file", Some("C:\\docs\\prices.md"), b"# Prices\n\nA cleaning costs $90."),
        ])
        .await;
    assert_eq!((status, &added["state"], &added["title"]), (202, &"queued".into(), &"prices.md".into()), "{added}");
    while api.knowledge.work_once().await.expect("worked") {}
    let id = added["id"].as_str().expect("an id").to_owned();
    let (status, seen) = api.read(&format!("/{id}")).await;
    assert_eq!(
        (status, &seen["state"], &seen["sections"], &seen["version"]),
        (200, &"ready".into(), &1.into(), &1.into())
    );
    let (_, found) = api.read("/answers?question=How%20much%20is%20a%20cleaning%3F").await;
    assert_eq!(found["answers"][0]["quote"], "A cleaning costs $90.");
    assert_eq!(found["answers"][0]["document_id"], added["id"]);
    let (_, none) = api.read("/answers?question=Who%20invented%20the%20telescope%3F").await;
    assert_eq!(none["answers"], serde_json::json!([]));
    let (_, sections) = api.read(&format!("/{id}/sections")).await;
    assert_eq!(sections["data"][0]["text"], "A cleaning costs $90.");
    assert_eq!(sections["has_more"], false);
    let (_, listed) = api.read("").await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(api.json(&format!("/{id}/sync"), "").await.0, 409);
    assert_eq!(api.ask("DELETE", &format!("/{id}"), "text/plain", Vec::new()).await.0, 204);
    assert_eq!(api.read(&format!("/{id}")).await.0, 404);
}

#[tokio::test]
async fn no_attestation_is_422_and_nothing_is_kept() {
    let api = Api::start().await;
    let file: (&str, Option<&str>, &[u8]) = ("file", Some("a.md"), b"text");
    for parts in
        [vec![file], vec![("attested", None, b"false".as_slice()), file], vec![("attested", None, b"yes"), file]]
    {
        let (status, problem) = api.form(&parts).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &"attested".into()), "{problem}");
    }
    assert_eq!(api.json("/urls", r#"{"url":"https://practice.example/"}"#).await.0, 422);
    assert_eq!(api.json("/urls", r#"{"url":"https://practice.example/","attested":false}"#).await.0, 422);
    assert_eq!(api.json("/texts", r#"{"title":"t","text":"x"}"#).await.0, 422);
    assert_eq!(api.read("").await.1["data"], serde_json::json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_said_by_field_and_status() {
    let api = Api::start().await;
    let attested: (&str, Option<&str>, &[u8]) = ("attested", None, b"true");
    let upload = async |name: &str, bytes: &[u8]| api.form(&[attested, ("file", Some(name), bytes)]).await.0;
    assert_eq!(upload("run.pdf", b"MZ\x90").await, 422);
    assert_eq!(upload("prices.docx", b"PK\x03\x04 garbage").await, 422);
    assert_eq!(upload("a.md", b"").await, 422);
    assert_eq!(upload("a.txt", &vec![b'a'; TEXT_BYTES_MAX + 1]).await, 413);
    assert_eq!(upload("a.pdf", &vec![b'a'; UPLOAD_BYTES_MAX + MULTIPART_FRAME_BYTES + 1]).await, 413);
    assert_eq!(api.form(&[attested]).await.0, 422);
    assert_eq!(api.form(&[attested, ("file", Some("a.md"), b"x"), ("file", Some("b.md"), b"y")]).await.0, 422);
    assert_eq!(api.form(&[attested, ("extra", None, b"x")]).await.0, 422);
    assert_eq!(api.ask("POST", "/uploads", "multipart/form-data; boundary=b", b"--b garbage".to_vec()).await.0, 400);
    assert_eq!(api.ask("POST", "/uploads", "text/plain", b"x".to_vec()).await.0, 415);
    assert_eq!(api.json("/urls", r#"{"url":"http://169.254.169.254/","attested":true}"#).await.0, 422);
    assert_eq!(api.json("/urls", r#"{"url":"x","attested":true,"more":1}"#).await.0, 422);
    assert_eq!(api.json("/texts", "{").await.0, 400);
    assert_eq!(api.read("/not-an-id").await.0, 404);
    assert_eq!(api.read(&format!("/{}", Uuid::max())).await.0, 404);
    assert_eq!(api.read("/answers?question=").await.0, 422);
    assert_eq!(api.read(&format!("/answers?question={}", "a".repeat(QUESTION_CHARACTERS_MAX))).await.0, 200);
    assert_eq!(api.read(&format!("/answers?question={}", "a".repeat(QUESTION_CHARACTERS_MAX + 1))).await.0, 422);
}

#[test]
fn routes_and_description_agree_and_live_beside_the_agents() {
    let table = routes().table();
    let document = web::openapi::assemble(vec![Description::openapi()], &table, "0");
    assert_eq!(web::openapi::differences(&document, &table), Vec::<String>::new());
    let mut router: Router<()> = Router::new();
    for rule in table.iter().chain(&crate::api::routes().table()) {
        router = router.route(
            rule.path,
            axum::routing::on(
                axum::routing::MethodFilter::try_from(rule.method.clone()).expect("a method"),
                || async {},
            ),
        );
    }
    drop(router);
}
