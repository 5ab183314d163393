//! Support access as organizations meet it: granted by form and by API, seen while it happens, begun by a link.

use axum::body::Body;
use edge::limits::LimitSettings;
use edge::{ClientAddress, Limits};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use identity::support::{self, Operator};
use identity::testing::{Persona, TestPlatform, platform};
use identity::{Permission, Role};
use operator::access::{self, SupportAccess};
use storage::{Schema, Timestamp};
use tower::ServiceExt as _;
use uuid::Uuid;
use web::live::{Heard, Live};
use web::{FormToken, Gate, RouteRule, SessionCookie, form_token};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

struct Service {
    test: TestPlatform,
    live: Live,
    table: Vec<RouteRule>,
    router: axum::Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Service {
    async fn start() -> Self {
        let schema = Schema::new().with(web::TABLES, web::STATEMENTS).with(operator::TABLES, operator::STATEMENTS);
        let test = platform(schema).await;
        let limits = Limits::new(&LimitSettings::default(), test.platform.clock.clone());
        let gate = Gate::new(test.platform.clone(), limits, SessionCookie::OnLoopback);
        let live = Live::new(test.platform.entropy.as_ref());
        let routes = access::routes().with_state(SupportAccess { gate: gate.clone(), live: live.clone() });
        let table = routes.table();
        Self { test, live, table, router: routes.into_router((), &gate) }
    }

    async fn ask(&self, method: &str, path: &str, cookie: &str, kind: (&str, &str), body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "desk.example");
        request = request.header("sec-fetch-site", "same-origin").header(kind.0, kind.1);
        if !cookie.is_empty() {
            request = request.header("cookie", format!("ringfence_session={cookie}"));
            request = request.header(form_token::HEADER, FormToken::of_session(cookie).as_str());
        }
        let mut request = request.body(Body::from(body.to_owned())).expect("a request");
        request.extensions_mut().insert(ClientAddress(Some("192.0.2.1".parse().expect("an address"))));
        let (parts, body) = self.router.clone().oneshot(request).await.expect("a router answers").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn people(&self) -> [Persona; 4] {
        let founded = self.test.organization("harbour").await;
        let member = |role| self.test.member(founded.organization, role);
        [member(Role::Owner).await, member(Role::Admin).await, member(Role::Manager).await, member(Role::Viewer).await]
    }

    /// A support session by this grant.
    async fn opened(&self, grant: &str) -> String {
        let until = Timestamp(i64::MAX);
        let operator = Operator { id: Uuid::from_u128(7), name: "Sam Support", address: None, until };
        let grant = grant.parse().expect("an id");
        support::open(&self.test.platform, operator, grant).await.expect("asked").expect("opened").0
    }
}

#[tokio::test]
async fn owners_and_admins_grant_by_api_and_nobody_else() {
    let service = Service::start().await;
    let wanted = r#"{"permissions":["recording.listen","call.read"],"hours":72,"reason":"The sound is choppy"}"#;
    for (persona, status) in service.people().await.iter().zip([201, 201, 403, 403]) {
        let session = persona.session.reveal();
        let answer = service.ask("POST", "/v1/support-grants", session, JSON, wanted).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 201 {
            assert_eq!(answer.json()["permissions"], serde_json::json!(["call.read", "recording.listen"]));
            let listed = service.ask("GET", "/v1/support-grants", session, JSON, "").await;
            assert_eq!(listed.json()["data"][0]["reason"], "The sound is choppy");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused_in_words() {
    let service = Service::start().await;
    let [owner, ..] = service.people().await;
    for (wanted, status) in [
        (r#"{"permissions":["member.read"],"hours":1,"reason":"a"}"#, 422),
        (r#"{"permissions":["call.place"],"hours":1,"reason":"a"}"#, 422),
        (r#"{"permissions":["no.such"],"hours":1,"reason":"a"}"#, 422),
        (r#"{"permissions":[],"hours":1,"reason":"a"}"#, 422),
        (r#"{"permissions":["call.read"],"hours":73,"reason":"a"}"#, 422),
        (r#"{"permissions":["call.read"],"hours":0,"reason":"a"}"#, 422),
        (r#"{"permissions":["call.read"],"hours":1,"reason":" "}"#, 422),
        (r#"{"permissions":["call.read"],"hours":1,"reason":"a","objects":["x"]}"#, 422),
        (r#"{"permissions":["call.read"],"hours":1,"reason":"a","more":1}"#, 422),
    ] {
        let answer = service.ask("POST", "/v1/support-grants", owner.session.reveal(), JSON, wanted).await;
        assert_eq!(answer.status, status, "{wanted}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_form_grants_keeps_what_was_typed_and_ends() {
    let service = Service::start().await;
    let [owner, _, manager, _] = service.people().await;
    let session = owner.session.reveal();
    let call = Uuid::from_u128(5);
    let page = service.ask("GET", &format!("/settings/support?objects={call},nonsense"), session, FORM, "").await;
    assert!(page.status == 200 && page.body.contains(&call.to_string()) && !page.body.contains("nonsense"));
    let wrong = "permission.call.read=on&hours=4&reason=&objects=";
    let again = service.ask("POST", "/settings/support", session, FORM, wrong).await;
    assert_eq!(again.status, 422);
    assert!(again.body.contains("role=\"alert\"") && again.body.contains("value=\"on\" checked"), "{}", again.body);
    let right = format!("permission.call.read=on&hours=4&reason=Choppy+sound&objects={call}");
    let done = service.ask("POST", "/settings/support", session, FORM, &right).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let grants = support::list(&service.test.platform, &owner.caller, None, 9).await.expect("listed");
    assert_eq!((grants.len(), grants[0].scope.objects()), (1, &[call][..]));
    assert_eq!(service.ask("GET", "/settings/support", manager.session.reveal(), FORM, "").await.status, 403);

    let token = service.opened(&grants[0].id.to_string()).await;
    let shown = service.ask("GET", "/settings/support", session, FORM, "").await;
    assert!(shown.body.contains("Sam Support") && shown.body.contains("Support is looking"), "{}", shown.body);
    let looking = service.ask("GET", "/v1/support-sessions", session, JSON, "").await.json();
    let id = looking["data"][0]["id"].as_str().expect("an id").to_owned();
    let mut hears = service.live.subscribe(owner.caller.organization(), None).expect("a seat");
    let ended = service.ask("POST", &format!("/settings/support/sessions/{id}/end"), session, FORM, "").await;
    assert_eq!(ended.status, 303);
    assert!(matches!(hears.next().await, Heard::Event(heard) if heard.event.kind == "support"));
    assert!(service.ask("GET", "/support", &token, FORM, "").await.body.contains("Support token"), "it is over");
    let revoked = format!("/settings/support/{}/revocation", grants[0].id);
    assert_eq!(service.ask("POST", &revoked, session, FORM, "").await.status, 303);
    assert_eq!(service.ask("POST", &revoked, session, FORM, "").await.status, 404);
}

#[tokio::test]
async fn a_support_session_begins_by_its_token_and_stays_within_its_scope() {
    let service = Service::start().await;
    let [owner, ..] = service.people().await;
    let wanted = r#"{"permissions":["call.read"],"hours":1,"reason":"a"}"#;
    let made = service.ask("POST", "/v1/support-grants", owner.session.reveal(), JSON, wanted).await.json();
    let token = service.opened(made["id"].as_str().expect("an id")).await;
    for wrong in ["nonsense", owner.session.reveal(), &token[..token.len() - 1]] {
        let refused = service.ask("POST", "/support", "", FORM, &format!("token={wrong}")).await;
        assert!(refused.status == 422 && !refused.headers.contains_key(header::SET_COOKIE), "{wrong}");
    }
    let begun = service.ask("POST", "/support", "", FORM, &format!("token={token}")).await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    let cookie = begun.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(cookie.starts_with(&format!("ringfence_session={token}; Max-Age=3600;")), "{cookie}");
    let page = service.ask("GET", "/support", &token, FORM, "").await;
    assert!(page.body.contains("harbour") && page.body.contains("href=\"/calls\"") && !page.body.contains("/contacts"));
    for rule in &service.table {
        if rule.path == "/support" {
            continue;
        }
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let answer = service.ask(rule.method.as_str(), &path, &token, JSON, "").await;
        assert_eq!(answer.status, 403, "support grants nothing to itself: {} {path}", rule.method);
    }
}

#[tokio::test]
async fn the_table_of_permissions_is_told_to_members() {
    let service = Service::start().await;
    let [.., viewer] = service.people().await;
    let table = service.ask("GET", "/v1/permissions", viewer.session.reveal(), JSON, "").await.json();
    let rows = table["data"].as_array().expect("rows");
    assert_eq!(rows.len(), Permission::ALL.len());
    let row = rows.iter().find(|row| row["name"] == "recording.listen").expect("there");
    assert_eq!(row["roles"], serde_json::json!(["owner", "admin", "manager"]));
    assert_eq!((&row["grantable"], &row["yours"]), (&true.into(), &false.into()));
}
