//! The operator plane through its own door: nobody without a second factor, nobody without training, no content for anybody,
//! and support only by grant.

use audit::{ActorKind, Outcome};
use axum::body::Body;
use edge::limits::LimitSettings;
use edge::{ClientAddress, Limits};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use identity::support::{self, NewGrant, Scope};
use identity::testing::{PASSWORD, TestPlatform, platform, platforms};
use identity::{Authenticator, Permission, Presented, Role};
use operator::account::NewAccount;
use operator::store::trainings::{self, Attestation};
use operator::store::{accounts, sessions};
use operator::{Figure, OperatorAccess, OperatorPermission, OperatorRole, Plane, Standing, allows, session, training};
use sign_in::totp::SharedSecret;
use storage::Schema;
use tower::ServiceExt as _;
use uuid::Uuid;
use web::live::Live;
use web::{Audited, FormToken, Gate, SessionCookie};

#[path = "plane/guessing.rs"]
mod guessing;
#[path = "plane/installation.rs"]
mod installation;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const YEAR_SECONDS: i64 = training::VALID_DAYS * 86_400;

fn schema() -> Schema {
    Schema::new().with(web::TABLES, web::STATEMENTS).with(operator::TABLES, operator::STATEMENTS)
}

struct Service {
    test: TestPlatform,
    live: Live,
    router: axum::Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().expect("text"))
    }

    /// The cookie's value that signs a browser in.
    fn token(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().expect("text");
        let (name, rest) = set.split_once('=').expect("a cookie");
        assert_eq!(name, session::COOKIE);
        assert!(set.ends_with("Path=/; HttpOnly; SameSite=Strict"), "{set}");
        rest.split(';').next().expect("a value").to_owned()
    }
}

impl Service {
    fn on(test: TestPlatform) -> Self {
        let limits = Limits::new(&LimitSettings::default(), test.platform.clock.clone());
        let gate = Gate::new(test.platform.clone(), limits, SessionCookie::OnLoopback);
        let live = Live::new(test.platform.entropy.as_ref());
        let figures = || vec![Figure { name: "Calls in progress", value: "0".into() }];
        let plane = Plane {
            gate,
            live: live.clone(),
            base_url: "http://127.0.0.1:8080".into(),
            figures: std::sync::Arc::new(figures),
        };
        Self { test, live, router: operator::router(&plane) }
    }

    async fn start() -> Self {
        Self::on(platform(schema()).await)
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:9090");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).expect("a request");
        request.extensions_mut().insert(ClientAddress(Some("127.0.0.1".parse().expect("an address"))));
        let answer = self.router.clone().oneshot(request).await.expect("a router answers");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.send("GET", path, &[("cookie", &format!("{}={token}", session::COOKIE))], "").await
    }

    async fn post(&self, token: &str, path: &str, body: &str) -> Answer {
        let cookie = format!("{}={token}", session::COOKIE);
        let field = format!("form_token={}", FormToken::of_session(token).as_str());
        let body = if body.is_empty() { field } else { format!("{field}&{body}") };
        self.send("POST", path, &[("cookie", &cookie), SAME, FORM], &body).await
    }

    /// A password only.
    async fn half(&self, email: &str) -> String {
        let body = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.send("POST", "/sign-in", &[SAME, FORM], &body).await;
        assert_eq!((answer.status, answer.location()), (303, "/second-factor"), "{}", answer.body);
        answer.token()
    }

    /// An operator of this role, with a training of today.
    async fn operator(&self, role: OperatorRole) -> (Uuid, String) {
        let (id, email) = self.untrained(role).await;
        self.train(id).await;
        (id, email)
    }

    async fn untrained(&self, role: OperatorRole) -> (Uuid, String) {
        let email = format!("{}@operators.example", role.as_str());
        let new = NewAccount { name: "Ida Engineer", email: &email, password: PASSWORD, role };
        (accounts::create(&self.test.platform, &new).await.expect("made"), email)
    }

    async fn train(&self, operator: Uuid) {
        let platform = &self.test.platform;
        let new = Attestation { operator, course: "Handling data", attested_at: platform.now() };
        trainings::attest_by_machine(platform, &new).await.expect("attested");
    }

    /// Signs in whole; enrols on the first time. Time moves on, so that the next code is a fresh one.
    async fn whole(&self, email: &str) -> (String, SharedSecret) {
        let half = self.half(email).await;
        let page = self.get(&half, "/second-factor").await;
        let letters = page.body.split("id=\"letters\">").nth(1).and_then(|rest| rest.split('<').next());
        let secret = SharedSecret::parse(letters.expect("letters to enrol")).expect("a secret");
        let answer = self.post(&half, "/second-factor", &format!("code={}", self.code(&secret))).await;
        assert_eq!((answer.status, answer.location()), (303, "/me"), "{}", answer.body);
        assert_eq!(self.get(&half, "/me").await.status, 401, "the half session's token is gone");
        self.test.clock.advance_seconds(30);
        (answer.token(), secret)
    }

    fn code(&self, secret: &SharedSecret) -> String {
        secret.code_at(self.test.platform.now())
    }

    /// What the installation's log says: action, outcome, actor.
    async fn log(&self) -> Vec<(String, Outcome, Option<Uuid>)> {
        let entries = self.test.platform.audit.installation_entries(None, 100).await.expect("read");
        let records = entries.into_iter().map(|entry| entry.record.expect("intact"));
        records.map(|record| (record.action, record.outcome, record.actor.id)).collect()
    }
}

#[tokio::test]
async fn nobody_works_with_a_password_alone() {
    let service = Service::start().await;
    let (operator, email) = service.operator(OperatorRole::Administrator).await;
    for (email, password) in [(email.as_str(), "wrong"), ("nobody@operators.example", "wrong"), ("", "")] {
        let body = format!("email={email}&password={password}");
        let answer = service.send("POST", "/sign-in", &[SAME, FORM], &body).await;
        assert_eq!(answer.status, 401, "{email}");
    }
    let half = service.half(&email).await;
    for rule in operator::table() {
        if matches!(rule.access, OperatorAccess::Public(_) | OperatorAccess::Unfinished) {
            continue;
        }
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let answer = match rule.method.as_str() {
            "GET" => service.get(&half, &path).await,
            _ => service.post(&half, &path, "").await,
        };
        assert_eq!(answer.status, 403, "{} {path} without a second factor", rule.method);
        assert!(answer.body.contains("second factor"), "{}", answer.body);
    }
    let (token, secret) = service.whole(&email).await;
    assert_eq!(service.get(&token, "/organizations").await.status, 200);
    let log = service.log().await;
    assert!(log.contains(&("operator.refuse".into(), Outcome::Refused, Some(operator))), "{log:?}");
    assert!(
        log.iter().filter(|(action, outcome, _)| action == "operator.sign_in" && *outcome == Outcome::Refused).count()
            >= 3
    );

    let again = service.half(&email).await;
    let page = service.get(&again, "/second-factor").await;
    assert!(!page.body.contains("letters"), "a confirmed secret is shown no more");
    let code = service.code(&secret);
    for wrong in ["000000", "", "12345", "abcdef"] {
        assert_eq!(service.post(&again, "/second-factor", &format!("code={wrong}")).await.status, 422, "{wrong}");
    }
    assert_eq!(service.post(&again, "/second-factor", &format!("code={code}")).await.status, 303);
    let replayed = service.half(&email).await;
    assert_eq!(service.post(&replayed, "/second-factor", &format!("code={code}")).await.status, 422, "once only");
}

#[tokio::test]
async fn a_proposed_second_factor_counts_only_once_confirmed() {
    let service = Service::start().await;
    let (_, email) = service.operator(OperatorRole::Engineer).await;
    let (first, second) = (service.half(&email).await, service.half(&email).await);
    let letters = |page: &str| {
        page.split("id=\"letters\">").nth(1).and_then(|rest| rest.split('<').next()).and_then(SharedSecret::parse)
    };
    let (one, two) = (service.get(&first, "/second-factor").await, service.get(&second, "/second-factor").await);
    assert_eq!(letters(&one.body), letters(&two.body), "asked twice it is the same secret");
    let secret = letters(&one.body).expect("letters");
    let code = service.code(&secret);
    assert_eq!(service.post(&first, "/second-factor", &format!("code={code}")).await.status, 303);
    let late = service.get(&second, "/second-factor").await;
    assert!(!late.body.contains("letters"));
    assert_eq!(service.post(&second, "/second-factor", &format!("code={code}")).await.status, 422);
    let id = accounts::find(&service.test.platform, &email).await.expect("asked").expect("there");
    accounts::forget_factor(&service.test.platform, id).await.expect("forgotten");
    let anew = service.half(&email).await;
    let fresh = letters(&service.get(&anew, "/second-factor").await.body).expect("letters");
    assert_ne!(fresh, secret, "a lost factor is replaced, not shown again");
}

#[tokio::test]
async fn every_page_obeys_the_matrix() {
    let service = Service::start().await;
    for role in OperatorRole::ALL {
        let (id, email) = service.operator(role).await;
        let (token, _) = service.whole(&email).await;
        for standing in [Standing::Good, Standing::Untrained] {
            let token = if standing == Standing::Good {
                token.clone()
            } else {
                service.test.clock.advance_seconds(YEAR_SECONDS);
                whole_session(&service, &email, id).await
            };
            for rule in operator::table() {
                if rule.path == "/sign-out" {
                    continue;
                }
                let path = rule.path.replace("{id}", &Uuid::nil().to_string());
                let answer = match rule.method.as_str() {
                    "GET" => service.get(&token, &path).await,
                    _ => service.post(&token, &path, "").await,
                };
                let permitted = match rule.access {
                    OperatorAccess::Permission(permission) => allows(role, standing, permission),
                    _ => true,
                };
                assert_eq!(answer.status == 403, !permitted, "{role:?} {standing:?} {} {path}", rule.method);
                assert!(answer.status < 500, "{role:?} {} {path}: {}", rule.method, answer.body);
            }
        }
    }
}

/// The stored secret, as the vault gives it.
async fn factor_of(service: &Service, operator: Uuid) -> SharedSecret {
    let platform = &service.test.platform;
    let table = &operator::store::OPERATOR_ACCOUNT;
    let row = platform.database.installation().get(table, operator).await.expect("read").expect("there");
    let sealed = row.bytes("factor").expect("sealed");
    let opened = platform.vault.installation_keyring().open(vault::Field::new(table, "factor", operator), &sealed);
    SharedSecret::from_bytes(&opened.expect("opened")).expect("20 bytes")
}

#[tokio::test]
async fn missing_or_expired_training_suspends_the_role() {
    let service = Service::start().await;
    let (id, email) = service.untrained(OperatorRole::Administrator).await;
    let (token, _) = service.whole(&email).await;
    assert_eq!(service.get(&token, "/organizations").await.status, 403, "no training yet");
    let me = service.get(&token, "/me").await;
    assert!(me.status == 200 && me.body.contains("Your role is suspended"), "{}", me.body);
    let own = format!("/operators/{id}/training");
    assert_eq!(service.post(&token, &own, "course=Mine&date=2027-01-15").await.status, 403);
    service.train(id).await;
    assert_eq!(service.get(&token, "/organizations").await.status, 200, "from the next request");
    let answer = service.post(&token, &own, "course=Mine&date=2027-01-15").await;
    assert_eq!(answer.status, 409, "nobody attests themselves");

    let until = trainings::of(&service.test.platform, id).await.expect("read")[0].valid_until;
    service.test.clock.advance_seconds(until.seconds() - service.test.platform.now().seconds() - 1);
    let token = whole_session(&service, &email, id).await;
    assert_eq!(service.get(&token, "/organizations").await.status, 200, "the last second of the year");
    service.test.clock.advance_seconds(1);
    assert_eq!(service.get(&token, "/organizations").await.status, 403, "the training is over");
    assert_eq!(service.get(&token, "/me").await.status, 200);
}

async fn whole_session(service: &Service, email: &str, id: Uuid) -> String {
    let half = service.half(email).await;
    let platform = &service.test.platform;
    let caller = sessions::authenticate(platform, &half, None).await.expect("asked").expect("half");
    let code = service.code(&factor_of(service, id).await);
    sessions::finish(platform, &caller, &code).await.expect("asked").expect("the code is right")
}

#[tokio::test]
async fn an_administrator_keeps_the_register_and_suspends_others() {
    let service = Service::start().await;
    let (admin, email) = service.operator(OperatorRole::Administrator).await;
    let (token, _) = service.whole(&email).await;
    let (support, support_email) = service.untrained(OperatorRole::Support).await;
    let path = format!("/operators/{support}/training");
    for wrong in
        ["course=&date=2027-01-15", "course=A&date=soon", "course=A&date=2020-01-01", "course=A&date=2099-01-01"]
    {
        assert_eq!(service.post(&token, &path, wrong).await.status, 422, "{wrong}");
    }
    assert_eq!(service.post(&token, &path, "course=Handling+data&date=2027-01-14").await.status, 303);
    assert!(service.get(&token, &path).await.body.contains("Handling data"));
    let (theirs, _) = service.whole(&support_email).await;
    assert_eq!(service.get(&theirs, "/grants").await.status, 200);
    assert_eq!(service.post(&token, &format!("/operators/{admin}/suspension"), "").await.status, 409, "not oneself");
    assert_eq!(service.post(&token, &format!("/operators/{support}/suspension"), "").await.status, 303);
    assert_eq!(service.get(&theirs, "/grants").await.status, 401, "signed out at once");
    let body = format!("email={support_email}&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(service.send("POST", "/sign-in", &[SAME, FORM], &body).await.status, 401);
    assert_eq!(service.post(&token, &format!("/operators/{support}/resumption"), "").await.status, 303);
    service.half(&support_email).await;
    assert_eq!(service.post(&token, &format!("/operators/{}/suspension", Uuid::nil()), "").await.status, 404);
}

#[tokio::test]
async fn support_opens_by_grant_and_both_logs_say_so() {
    let service = Service::start().await;
    let platform = service.test.platform.clone();
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await.caller;
    let (id, email) = service.operator(OperatorRole::Support).await;
    let (token, _) = service.whole(&email).await;
    assert_eq!(service.post(&token, &format!("/grants/{}/sessions", Uuid::nil()), "").await.status, 404);
    let scope = Scope::new(&[Permission::RecordingListen], &[]).expect("grantable");
    let new = NewGrant { scope, hours: 1, reason: "Choppy sound" };
    let grant = support::grant(&platform, &owner, &new).await.expect("granted");
    let mut hears = service.live.subscribe(founded.organization, None).expect("a seat");
    assert!(service.get(&token, "/grants").await.body.contains("Choppy sound"));
    let opened = service.post(&token, &format!("/grants/{}/sessions", grant.id), "").await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    let secret = opened.body.split("id=\"support-token\">").nth(1).and_then(|rest| rest.split('<').next());
    let presented = Presented { bearer: secret, ..Presented::default() };
    let looking = Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked").expect("let in");
    assert!(looking.permits(Permission::RecordingListen) && !looking.permits(Permission::TranscriptRead));
    let web::live::Heard::Event(heard) = hears.next().await else { panic!("the organization hears of it") };
    assert_eq!((heard.event.kind, heard.event.subject), ("support", grant.id));

    assert!(service.log().await.contains(&("support.open".into(), Outcome::Done, Some(id))));
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 10 };
    let entries = platform.audit.entries(&owner.database(&platform), &query).await.expect("read");
    let record = entries[0].record.clone().expect("intact");
    assert_eq!(
        (record.action.as_str(), record.actor.kind, record.actor.id),
        ("support.open", ActorKind::Operator, Some(id))
    );
    assert!(record.facts.contains(&("grant".to_owned(), grant.id.to_string())), "{record:?}");
    assert!(support::revoke(&platform, &owner, grant.id).await.expect("revoked"));
    assert_eq!(service.post(&token, &format!("/grants/{}/sessions", grant.id), "").await.status, 404);
}

#[tokio::test]
async fn an_organization_is_seen_from_outside_and_stopped_with_an_entry_in_its_own_log() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let (_, email) = service.operator(OperatorRole::Administrator).await;
    let (token, _) = service.whole(&email).await;
    let page = service.get(&token, "/organizations").await;
    assert!(
        page.body.contains("harbour") && !page.body.contains("Mika") && !page.body.contains("Olive"),
        "{}",
        page.body
    );
    let suspend = format!("/organizations/{}/suspension", founded.organization.0);
    assert_eq!(service.post(&token, &suspend, "").await.status, 303);
    let presented = Presented { session: Some(owner.session.reveal()), ..Presented::default() };
    let judge = Authenticator::new(service.test.platform.clone());
    assert!(judge.authenticate(presented).await.expect("asked").is_none());
    assert_eq!(service.post(&token, &suspend, "").await.status, 404, "stopped already");
    assert_eq!(
        service.post(&token, &format!("/organizations/{}/resumption", founded.organization.0), "").await.status,
        303
    );
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 2 };
    let database = owner.caller.database(&service.test.platform);
    let entries = service.test.platform.audit.entries(&database, &query).await.expect("read");
    let actions: Vec<String> = entries.into_iter().map(|entry| entry.record.expect("intact").action).collect();
    assert_eq!(actions, ["organization.resume", "organization.suspend"]);
}

#[tokio::test]
async fn strangers_and_other_sites_get_nowhere() {
    let service = Service::start().await;
    for rule in operator::table() {
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let answer = service.send(rule.method.as_str(), &path, &[SAME, FORM], "").await;
        let open = matches!(rule.access, OperatorAccess::Public(_));
        assert_eq!(answer.status == 401, !open, "{} {path}: {}", rule.method, answer.status);
    }
    assert_eq!(service.send("GET", "/no-such-page", &[], "").await.status, 401);
    let (_, email) = service.operator(OperatorRole::Administrator).await;
    let (token, _) = service.whole(&email).await;
    let cookie = format!("{}={token}", session::COOKIE);
    assert_eq!(service.get(&token, "/no-such-page").await.status, 404);
    let other_site = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site"), FORM];
    assert_eq!(service.send("POST", "/sign-out", &other_site, "").await.status, 403);
    let without_token = [("cookie", cookie.as_str()), SAME, FORM];
    assert_eq!(service.send("POST", "/sign-out", &without_token, "").await.status, 403);
    assert_eq!(service.get(&token, "/me").await.status, 200, "nothing happened");
    assert_eq!(service.post(&token, "/sign-out", "").await.status, 303);
    assert_eq!(service.get(&token, "/me").await.status, 401);
}

#[tokio::test]
async fn guessing_is_slowed() {
    let service = Service::start().await;
    service.operator(OperatorRole::Engineer).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let body = "email=engineer%40operators.example&password=guess";
        statuses.push(service.send("POST", "/sign-in", &[SAME, FORM], body).await.status);
    }
    assert_eq!((statuses[0], *statuses.last().expect("some")), (401, 429), "{statuses:?}");
}

#[tokio::test]
async fn sessions_end_and_nothing_personal_is_stored_in_clear_on_both_databases() {
    for test in platforms(schema()).await {
        let service = Service::on(test);
        let platform = service.test.platform.clone();
        let (id, email) = service.operator(OperatorRole::Auditor).await;
        let (token, secret) = service.whole(&email).await;
        assert!(sessions::authenticate(&platform, &token, None).await.expect("asked").is_some());
        let twice = NewAccount { name: "Other", email: &email, password: PASSWORD, role: OperatorRole::Support };
        assert!(accounts::create(&platform, &twice).await.is_err(), "one account for an address");
        let weak = NewAccount { password: "short", email: "weak@operators.example", ..twice };
        assert!(accounts::create(&platform, &weak).await.is_err());
        let row = platform.database.installation().get(&operator::store::OPERATOR_ACCOUNT, id).await;
        let text = format!("{:?}", row.expect("read").expect("there"));
        for personal in [email.as_str(), "Ida Engineer", PASSWORD, &secret.text()] {
            assert!(!text.contains(personal), "{}: {personal}", service.test.name);
        }
        let listed = accounts::list(&platform, None, 10).await.expect("listed");
        assert_eq!((listed.len(), listed[0].name.as_str(), listed[0].is_enrolled), (1, "Ida Engineer", true));
        service.test.clock.advance_seconds(session::IDLE_SECONDS);
        assert!(sessions::authenticate(&platform, &token, None).await.expect("asked").is_none(), "idle");
        sessions::sweep(&platform).await.expect("swept");
        let half = service.half(&email).await;
        service.test.clock.advance_seconds(session::UNFINISHED_SECONDS);
        assert!(sessions::authenticate(&platform, &half, None).await.expect("asked").is_none(), "half a sign-in");
    }
}

#[test]
fn every_page_says_what_it_is() {
    for rule in operator::table() {
        let reads = rule.method == http::Method::GET;
        assert!(reads || !matches!(rule.audited, Audited::Read(_)), "{}", rule.path);
        let changes = matches!(rule.access, OperatorAccess::Permission(_)) && !reads;
        assert!(!changes || matches!(rule.audited, Audited::Change(_)), "{} {}", rule.method, rule.path);
    }
    assert!(OperatorPermission::ALL.into_iter().all(|permission| {
        operator::table().iter().any(|rule| rule.access == OperatorAccess::Permission(permission))
    }));
}
