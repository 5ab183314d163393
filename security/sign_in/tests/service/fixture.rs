//! The routes of signing in beside the house's own, on a platform in memory whose clock moves when told.

use axum::body::Body;
use axum::response::Response;
use edge::limits::LimitSettings;
use edge::outgoing::{Outgoing, Reach};
use edge::{ClientAddress, Limits};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use identity::testing::{PASSWORD, TestPlatform, platform};
use sign_in::SignIn;
use storage::Schema;
use tower::ServiceExt as _;
use web::{FormToken, Gate, RouteRule, SessionCookie, account, form_token};

/// The headers of a form that a page of ours sent.
pub const FORM: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

/// The server's own address.
pub const BASE: &str = "http://127.0.0.1:8080";

/// The service and what stands behind it.
pub struct Service {
    pub test: TestPlatform,
    pub table: Vec<RouteRule>,
    router: axum::Router,
}

/// The tables of web and sign_in, beside those below them.
pub fn schema() -> Schema {
    sign_in::extend(Schema::new().with(web::TABLES, web::STATEMENTS))
}

/// What the browser keeps of an answer that signs it in.
pub fn session_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    set.split(';').next().expect("a cookie").to_owned()
}

/// The password of every persona, as a form sends it.
pub fn password() -> String {
    PASSWORD.replace(' ', "+")
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
        let state = SignIn::new(gate.clone(), BASE, Outgoing::new(Reach::PrivateToo, "RingfenceTest"));
        let routes = account::routes().with_state(gate.clone()).merge(sign_in::routes().with_state(state));
        let table = routes.table();
        Self { test, table, router: routes.into_router((), &gate) }
    }

    /// Sends a request from 192.0.2.1.
    pub async fn send(&self, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(ClientAddress(Some("192.0.2.1".parse().expect("an address"))));
        self.router.clone().oneshot(request).await.expect("a router answers")
    }

    /// Sends a request with these headers and body; a session's cookie brings the token of its pages along.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "desk.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let secret = headers.iter().find(|(name, _)| *name == "cookie").and_then(|(_, value)| value.split_once('='));
        if let Some((_, secret)) = secret.filter(|_| headers.iter().all(|(name, _)| *name != form_token::HEADER)) {
            request = request.header(form_token::HEADER, FormToken::of_session(secret).as_str());
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
