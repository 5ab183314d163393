//! Keys, members, alerts and reviews as programs and browsers use them.

use crate::fixture::{Answer, Service, bearer, cookie};
use identity::api_key::{self, NewKey};
use identity::token::KeyText;
use identity::token::pattern::REGEX;
use identity::{Caller, Environment, Role};
use storage::OrganizationId;
use uuid::Uuid;
use web::{Access, RouteRule};

const JSON: (&str, &str) = ("content-type", "application/json");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn key(service: &Service, caller: &Caller, environment: Environment, role: Role) -> KeyText {
    let new = NewKey { name: "a test", environment, role, expires_at: None };
    api_key::create(&service.test.platform, caller, &new).await.expect("made").1
}

/// An owner's session as a cookie, and their caller.
async fn owner(service: &Service, organization: OrganizationId) -> (String, Caller) {
    let persona = service.test.member(organization, Role::Owner).await;
    (cookie(persona.session.reveal()), persona.caller)
}

async fn is_let_in(service: &Service, key: &str) -> bool {
    match service.ask("GET", "/v1/organization", &[("authorization", &bearer(key))], "").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_test_key_is_refused_wherever_it_is_not_declared_harmless() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (_, caller) = owner(&service, founded.organization).await;
    let live = bearer(key(&service, &caller, Environment::Live, Role::Owner).await.reveal());
    let test = bearer(key(&service, &caller, Environment::Test, Role::Owner).await.reveal());
    let mut open = Vec::new();
    let guarded = |rule: &&RouteRule| matches!(rule.access, Access::Permission(_) | Access::Member);
    for rule in service.table.iter().filter(guarded) {
        let path = rule.path.replace("{id}", &Uuid::nil().to_string());
        let refused = service.ask(rule.method.as_str(), &path, &[("authorization", &test), SAME], "").await;
        if rule.test_keys.is_none() {
            assert!(refused.is_problem("test-key"), "{} {path}: {refused:?}", rule.method);
        } else {
            assert_ne!(refused.status, 403, "{} {path}: {refused:?}", rule.method);
            open.push(format!("{} {}", rule.method, rule.path));
        }
        // A stream of events that lets a live key in has no end.
        if rule.path != "/live" {
            let answer = service.ask(rule.method.as_str(), &path, &[("authorization", &live), SAME], "").await;
            assert!(!(answer.status == 403 && answer.is_problem("test-key")), "{} {path}: {answer:?}", rule.method);
        }
    }
    // Adding to this list is a decision: whoever finds a test key in a repository can do this.
    assert_eq!(open, ["GET /v1/organization"]);
}

#[tokio::test]
async fn a_key_is_rotated_over_http_and_the_old_one_ends_at_its_cut_off() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (session, caller) = owner(&service, founded.organization).await;
    let old = key(&service, &caller, Environment::Live, Role::Manager).await;
    let path = format!("/v1/keys/{}/rotate", old.id);
    let headers = [("cookie", session.as_str()), JSON, SAME];
    for wrong in [r#"{"overlap_seconds":-1}"#, r#"{"overlap_seconds":604801}"#, r#"{"overlap":1}"#] {
        assert!(service.ask("POST", &path, &headers, wrong).await.is_problem("unprocessable"), "{wrong}");
    }
    let rotated = service.ask("POST", &path, &headers, r#"{"overlap_seconds":60}"#).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let new = rotated.json()["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(rotated.json()["replaces"], old.id.to_string());
    assert!(is_let_in(&service, old.reveal()).await && is_let_in(&service, &new).await);
    let listed = service.ask("GET", &format!("/v1/keys/{}", old.id), &headers[..1], "").await;
    assert_eq!(listed.json()["state"], "ending");
    service.test.clock.advance_seconds(60);
    assert!(!is_let_in(&service, old.reveal()).await && is_let_in(&service, &new).await);
    let again = service.ask("POST", &path, &headers, "{}").await;
    assert!(again.is_problem("conflict"), "{again:?}");
}

#[tokio::test]
async fn a_stranger_hands_in_keys_and_learns_nothing_by_it() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (session, caller) = owner(&service, founded.organization).await;
    let good = key(&service, &caller, Environment::Live, Role::Manager).await;
    let unknown = KeyText::generate(Environment::Live, Uuid::from_u128(3), service.test.platform.entropy.as_ref());
    let pattern = service.ask("GET", "/v1/keys/pattern", &[], "").await.json();
    assert_eq!((pattern["regex"].as_str(), pattern["report_to"].as_str()), (Some(REGEX), Some("/v1/leaks")));
    let report = |text: &str| serde_json::json!({ "texts": [text], "source": "https://paste.example/1" }).to_string();
    let told = |answer: Answer| (answer.status, answer.body);
    let nothing = told(service.ask("POST", "/v1/leaks", &[JSON], &report("no key at all")).await);
    let stranger = told(service.ask("POST", "/v1/leaks", &[JSON], &report(unknown.reveal())).await);
    let found = told(service.ask("POST", "/v1/leaks", &[JSON], &report(good.reveal())).await);
    let again = told(service.ask("POST", "/v1/leaks", &[JSON], &report(good.reveal())).await);
    assert_eq!(nothing.0, 202);
    assert_eq!((&stranger, &found, &again), (&nothing, &nothing, &nothing), "nobody can tell a good key from another");
    assert!(!is_let_in(&service, good.reveal()).await, "but it stopped");
    let alerts = service.ask("GET", "/v1/alerts", &[("cookie", &session)], "").await.json();
    assert_eq!(alerts["data"][0]["kind"], "key_leaked");
    assert_eq!(alerts["data"][0]["facts"]["Found in"], "https://paste.example/1");
    for wrong in [r#"{"texts":[]}"#, r#"{"texts":"x"}"#, r#"{"texts":["x"],"who":"me"}"#] {
        assert!(service.ask("POST", "/v1/leaks", &[JSON], wrong).await.is_problem("unprocessable"), "{wrong}");
    }
    for _ in 0..20 {
        service.ask("POST", "/v1/leaks", &[JSON], &report("x")).await;
    }
    let slowed = service.ask("POST", "/v1/leaks", &[JSON], &report("x")).await;
    assert!(slowed.is_problem("too-many-requests") && !slowed.header("retry-after").is_empty(), "{slowed:?}");
}

#[tokio::test]
async fn people_come_by_invitation_change_and_leave() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (session, _) = owner(&service, founded.organization).await;
    let headers = [("cookie", session.as_str()), JSON, SAME];
    let invited = service.ask("POST", "/v1/invitations", &headers, r#"{"note":"Nadia"}"#).await;
    assert_eq!((invited.status, invited.json()["role"].as_str()), (201, Some("viewer")), "{invited:?}");
    assert!(invited.json()["path"].as_str().expect("a path").starts_with("/invitation#"));
    let open = service.ask("GET", "/v1/invitations", &headers[..1], "").await;
    assert!(!open.body.contains("/invitation#"), "the link is shown once");
    assert_eq!(service.ask("DELETE", invited.header("location"), &headers, "").await.status, 204);
    let member = service.test.member(founded.organization, Role::Manager).await;
    let (theirs, their_key) =
        (cookie(member.session.reveal()), service.test.key(founded.organization, Role::Viewer).await);
    let members = service.ask("GET", "/v1/members", &headers[..1], "").await.json();
    let line =
        members["data"].as_array().expect("members").iter().find(|line| line["user_id"] == member.user.to_string());
    let path = format!("/v1/members/{}", line.expect("a line")["id"].as_str().expect("an id"));
    let suspended = service.ask("PATCH", &path, &headers, r#"{"state":"suspended"}"#).await;
    assert_eq!(suspended.json()["state"], "suspended", "{suspended:?}");
    assert_eq!(service.ask("GET", "/v1/organization", &[("cookie", &theirs)], "").await.status, 401);
    let changed = service.ask("PATCH", &path, &headers, r#"{"state":"active","role":"viewer"}"#).await;
    assert_eq!((changed.json()["state"].as_str(), changed.json()["role"].as_str()), (Some("active"), Some("viewer")));
    let gone = service.ask("DELETE", &path, &headers, "").await;
    assert_eq!((gone.status, gone.json()["sessions"].as_u64()), (200, Some(0)), "{gone:?}");
    assert!(service.ask("DELETE", &path, &headers, "").await.is_problem("conflict"));
    assert!(is_let_in(&service, their_key.reveal()).await, "another person's key");
    let above = bearer(service.test.key(founded.organization, Role::Admin).await.reveal());
    let above = [("authorization", above.as_str()), JSON];
    let refused = service.ask("POST", "/v1/invitations", &above, r#"{"note":"x","role":"owner"}"#).await;
    assert!(refused.is_problem("forbidden"), "{refused:?}");
    let settings = service.ask("PUT", "/v1/access-settings", &headers, r#"{"privileged_limit":1}"#).await;
    assert_eq!(settings.json()["too_many_privileged"], true, "{settings:?}");
    let program = service.ask("POST", "/v1/membership/leave", &above, "").await;
    assert!(program.is_problem("conflict"), "a program has no membership: {program:?}");
}

/// What the button of the page answers: the status, and where it leads.
async fn page_export(service: &Service, session: &str, path: &str) -> (u16, String) {
    let headers = [
        ("cookie", session),
        ("content-type", "application/x-www-form-urlencoded"),
        SAME,
        ("accept", "text/html"),
        ("referer", "http://desk.example/settings/review"),
    ];
    let path = format!("{}/export", path.replace("/v1/access-reviews", "/settings/review"));
    let answer = service.ask("POST", &path, &headers, "").await;
    assert!(answer.status != 200 || answer.header("content-disposition").starts_with("attachment"), "{answer:?}");
    (answer.status, answer.header("location").to_owned())
}

#[tokio::test]
async fn a_review_is_signed_off_line_by_line_and_exported() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (session, caller) = owner(&service, founded.organization).await;
    let new = NewKey {
        name: "=HYPERLINK(\"https://evil.example\")",
        environment: Environment::Live,
        role: Role::Viewer,
        expires_at: None,
    };
    let (doomed, text) = api_key::create(&service.test.platform, &caller, &new).await.expect("made");
    let headers = [("cookie", session.as_str()), JSON, SAME];
    let started = service.ask("POST", "/v1/access-reviews", &headers, "").await;
    assert_eq!(started.status, 201, "{started:?}");
    let path = started.header("location").to_owned();
    let whole = service.ask("GET", &path, &headers[..1], "").await.json();
    let items = whole["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 3, "two owners and a key: {items:?}");
    let export = service.ask("GET", &format!("{path}/export"), &headers[..1], "").await;
    assert!(
        export.header("content-type").starts_with("text/csv") && export.body.contains("\"'=HYPERLINK("),
        "{export:?}"
    );
    assert_eq!(page_export(&service, &session, &path).await.0, 200, "the button of the page gives the same");
    service.test.clock.advance_seconds(identity::STEP_UP_SECONDS);
    let late = service.ask("GET", &format!("{path}/export"), &headers[..1], "").await;
    assert!(late.is_problem("step-up-required"), "{late:?}");
    let (status, location) = page_export(&service, &session, &path).await;
    assert_eq!((status, location.as_str()), (303, "/sign-in/confirm?next=%2Fsettings%2Freview"));
    let (session, _) = owner(&service, founded.organization).await;
    let headers = [("cookie", session.as_str()), JSON, SAME];
    for item in &items {
        let decision = if item["subject"] == doomed.id.to_string() { "remove" } else { "keep" };
        let body = serde_json::json!({ "item_id": item["id"], "decision": decision }).to_string();
        let signed = service.ask("POST", &format!("{path}/decisions"), &headers, &body).await;
        assert_eq!(signed.status, 200, "{signed:?}");
    }
    assert!(!is_let_in(&service, text.reveal()).await);
    let standing = service.ask("GET", "/v1/access-reviews/standing", &headers[..1], "").await.json();
    assert_eq!((&standing["is_overdue"], &standing["open"]), (&false.into(), &serde_json::Value::Null));
    assert!(standing["reviewed_at"].is_string());
}
