//! A whole service in memory: the house's own routes, live events, and a few of a made-up part.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use edge::limits::LimitSettings;
use edge::{ClientAddress, Limits, RateClass};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use identity::testing::{TestPlatform, platform};
use identity::{Caller, Permission};
use serde::{Deserialize, Serialize};
use storage::Schema;
use tower::ServiceExt as _;
use uuid::Uuid;
use web::live::{Live, LiveState};
use web::{
    Access, Audited, FormToken, Gate, Json, PageContext, Path, Problem, RouteRule, Routes, SessionCookie, account,
    allowlist, live,
};

/// The service and what stands behind it.
pub struct Service {
    pub test: TestPlatform,
    pub live: Live,
    pub table: Vec<RouteRule>,
    router: axum::Router,
}

/// A thing of the made-up part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    name: String,
}

async fn read_thing(_caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Thing>, Problem> {
    if id == Uuid::nil() { Ok(Json(Thing { name: "nothing".to_owned() })) } else { Err(Problem::not_found()) }
}

async fn make_thing(_caller: Caller, Json(thing): Json<Thing>) -> Json<Thing> {
    Json(thing)
}

async fn show_page(page: PageContext) -> String {
    page.shell("Things", web::shell::Nav::Agents).title().to_owned()
}

async fn show_looking(page: PageContext) -> String {
    page.shell("Frame", web::shell::Nav::Agents).looking()
}

async fn greet(caller: Option<Caller>) -> String {
    caller.map_or_else(|| "stranger".to_owned(), |caller| caller.display_name().to_owned())
}

/// The tables of web, beside those below it.
pub fn schema() -> Schema {
    Schema::new().with(web::TABLES, web::STATEMENTS)
}

/// How often the counting route ran.
static COUNTED: AtomicU32 = AtomicU32::new(0);

/// Counts, after a moment, so that two at once meet.
async fn count(_caller: Caller, Json(thing): Json<Thing>) -> Result<(StatusCode, Json<serde_json::Value>), Problem> {
    let milliseconds = if thing.name == "slow" { 800 } else { 50 };
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    if thing.name == "fails" {
        return Err(Problem::conflict("made to fail"));
    }
    let ran = COUNTED.fetch_add(1, Ordering::SeqCst);
    Ok((StatusCode::CREATED, Json(serde_json::json!({ "ran": ran }))))
}

/// As every part answers whose keys do not open.
async fn sealed() -> Result<String, Problem> {
    Err(Problem::from(vault::Error::Sealed))
}

async fn panics(_caller: Caller) -> String {
    panic!("made to panic by a test with the secret word quince")
}

fn things() -> Routes<()> {
    let made_up = Audited::No("made up for a test");
    Routes::new()
        .get("/v1/things/{id}", Access::Permission(Permission::AgentRead), Audited::Read("thing.read"), read_thing)
        .post("/v1/things", Access::Permission(Permission::AgentWrite), made_up, make_thing)
        .body_bytes(64)
        .post("/v1/counted", Access::Permission(Permission::AgentWrite), made_up, count)
        .body_bytes(64)
        .post("/v1/heavy", Access::Member, made_up, || async { "done" })
        .rate(RateClass::Heavy)
        .get("/things", Access::Permission(Permission::AgentRead), made_up, show_page)
        .get("/frame", Access::Permission(Permission::AgentRead), made_up, show_looking)
        .get("/hello", Access::Public("a greeting"), made_up, greet)
        .get("/v1/panic", Access::Member, made_up, panics)
        .post("/visit", Access::Visitor("the handler of a test"), made_up, || async { "welcome" })
        .post("/visit-sealed", Access::Visitor("the handler of a test"), made_up, sealed)
        .get("/v1/sealed", Access::Member, made_up, sealed)
}

impl Service {
    /// The service on SQLite.
    pub async fn start() -> Self {
        Self::on(platform(schema()).await)
    }

    /// The service on this platform.
    pub fn on(test: TestPlatform) -> Self {
        let limits = Limits::new(&LimitSettings::default(), test.platform.clock.clone());
        let gate = Gate::new(test.platform.clone(), limits, SessionCookie::OnLoopback);
        let live = Live::new(test.platform.entropy.as_ref());
        let state = LiveState::of(live.clone(), &gate);
        let routes = account::routes()
            .with_state(gate.clone())
            .merge(live::routes().with_state(state))
            .merge(allowlist::routes().with_state(test.platform.clone()))
            .merge(things());
        let table = routes.table();
        Self { test, live, table, router: routes.into_router((), &gate) }
    }

    /// Sends a request from 192.0.2.1.
    pub async fn send(&self, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(ClientAddress(Some("192.0.2.1".parse().expect("an address"))));
        self.router.clone().oneshot(request).await.expect("a router answers")
    }

    /// Sends a request with these headers and body. A session's cookie brings the token of its pages along, as a script of
    /// theirs would, unless the test says something about the token itself.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "desk.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let secret = headers
            .iter()
            .find_map(|(name, value)| value.strip_prefix("ringfence_session=").filter(|_| *name == "cookie"));
        if let Some(secret) = secret.filter(|_| headers.iter().all(|(name, _)| *name != web::form_token::HEADER)) {
            request = request.header(web::form_token::HEADER, FormToken::of_session(secret).as_str());
        }
        let response = self.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
        Answer::read(response).await
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn is_problem(&self, kind: &str) -> bool {
        self.header("content-type") == "application/problem+json"
            && self.json()["type"] == format!("urn:ringfence:problem:{kind}")
            && self.json()["status"] == self.status
    }
}

/// The header of a key.
pub fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// The header of a session.
pub fn cookie(session: &str) -> String {
    format!("ringfence_session={session}")
}
