//! The guard of every route: strangers, roles, organizations, other sites, limits, bodies and headers.

use crate::fixture::{Answer, Service, bearer, cookie};
use http::Method;
use identity::Role;
use uuid::Uuid;
use web::form_token::HEADER;
use web::{Access, Audited, FormToken, StepUp};

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

fn concrete(path: &str) -> String {
    path.replace("{id}", &Uuid::nil().to_string())
}

#[tokio::test]
async fn strangers_get_401_everywhere_but_at_the_listed_doors() {
    let service = Service::start().await;
    let mut open = Vec::new();
    for rule in &service.table {
        let path = concrete(rule.path);
        for credential in ["", "Bearer rf_live_nonsense", "Basic b2xpdmU6cGFzcw==", "Bearer "] {
            let headers: &[(&str, &str)] =
                if credential.is_empty() { &[SAME] } else { &[SAME, ("authorization", credential)] };
            let answer = service.ask(rule.method.as_str(), &path, headers, "").await;
            match rule.access {
                Access::Permission(_) | Access::Member => {
                    assert!(answer.is_problem("unauthorized"), "{} {path}: {answer:?}", rule.method);
                    assert!(answer.header("www-authenticate").starts_with("Bearer"));
                }
                Access::Public(_) | Access::Visitor(_) => open.push(format!("{} {path}", rule.method)),
            }
        }
    }
    open.dedup();
    let doors = [
        "GET /v1/keys/pattern",
        "POST /v1/leaks",
        "GET /invitation",
        "POST /invitation",
        "POST /csp-report",
        "GET /hello",
        "POST /visit",
        "POST /visit-sealed",
    ];
    assert_eq!(open, doors, "the list of open doors");
}

#[tokio::test]
async fn visitors_of_a_sealed_organization_learn_only_that_nobody_answers() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let visitor = service.ask("POST", "/visit-sealed", &[], "").await;
    assert!(visitor.is_problem("unavailable") && visitor.status == 503, "{visitor:?}");
    assert!(!visitor.header("retry-after").is_empty(), "{visitor:?}");
    for word in ["seal", "owner", "vault", "Encryption", "ringfence vault"] {
        assert!(!visitor.body.contains(word), "{word}: {visitor:?}");
    }
    let session = cookie(service.test.member(founded.organization, Role::Viewer).await.session.reveal());
    let member = service.ask("GET", "/v1/sealed", &[("cookie", &session)], "").await;
    assert!(member.is_problem("organization-sealed") && member.status == 423, "who works there is told: {member:?}");
}

#[tokio::test]
async fn strangers_cannot_tell_what_exists() {
    let service = Service::start().await;
    let known = service.ask("GET", "/v1/keys", &[], "").await;
    for (method, path) in
        [("GET", "/v1/unknown"), ("GET", "/nowhere"), ("PUT", "/v1/keys"), ("GET", "/v1"), ("GET", "/.env")]
    {
        let answer = service.ask(method, path, &[], "").await;
        assert_eq!((answer.status, &answer.body), (401, &known.body), "{method} {path}");
        assert_eq!(answer.header("allow"), "", "{method} {path}");
    }
}

#[tokio::test]
async fn members_are_told_what_is_missing_and_what_a_route_takes() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = bearer(service.test.key(founded.organization, Role::Admin).await.reveal());
    let auth = ("authorization", key.as_str());
    assert!(service.ask("GET", "/v1/unknown", &[auth], "").await.is_problem("not-found"));
    let answer = service.ask("PUT", "/v1/keys", &[auth], "").await;
    assert!(answer.is_problem("method-not-allowed"), "{answer:?}");
    let mut allowed: Vec<_> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let public = service.ask("DELETE", "/hello", &[], "").await;
    assert!(public.is_problem("method-not-allowed") && public.header("allow").contains("GET"), "{public:?}");
    assert!(service.ask("GET", "/v1/things/not-an-id", &[auth], "").await.is_problem("not-found"));
    assert_eq!(service.ask("HEAD", "/v1/organization", &[auth], "").await.status, 200);
}

#[tokio::test]
async fn every_route_obeys_the_matrix_for_a_key_of_every_role() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    for role in Role::ALL {
        let key = bearer(service.test.key(founded.organization, role).await.reveal());
        for rule in &service.table {
            if ["/live", "/v1/panic"].contains(&rule.path) {
                continue; // endless, and made to fail; they have their own tests
            }
            let answer =
                service.ask(rule.method.as_str(), &concrete(rule.path), &[("authorization", &key), SAME], "").await;
            let comes_in =
                rule.access.is_open_to(role) || matches!(rule.access, Access::Public(_) | Access::Visitor(_));
            let permitted = comes_in && rule.step_up != StepUp::PeopleOnly;
            let refused = answer.status == 403;
            assert_eq!(refused, !permitted, "{} {} as {role:?}: {answer:?}", rule.method, rule.path);
            assert_ne!(answer.status, 500, "{} {}: {answer:?}", rule.method, rule.path);
        }
    }
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    let service = Service::start().await;
    let (harbour, other) = (service.test.organization("harbour").await, service.test.organization("other").await);
    let kept = service.test.key(harbour.organization, Role::Admin).await;
    let own = bearer(service.test.key(harbour.organization, Role::Admin).await.reveal());
    let theirs = bearer(service.test.key(other.organization, Role::Admin).await.reveal());
    let path = format!("/v1/keys/{}", kept.id);
    let unknown = format!("/v1/keys/{}", Uuid::from_u128(1));
    for method in ["GET", "DELETE"] {
        let theirs_at_it = service.ask(method, &path, &[("authorization", &theirs)], "").await;
        let nobody_there = service.ask(method, &unknown, &[("authorization", &theirs)], "").await;
        assert_eq!((theirs_at_it.status, &theirs_at_it.body), (404, &nobody_there.body), "{method}");
    }
    assert_eq!(service.ask("GET", &path, &[("authorization", &own)], "").await.status, 200);
    let list = service.ask("GET", "/v1/members", &[("authorization", &theirs)], "").await;
    assert!(!list.body.contains("harbour"), "{list:?}");
}

#[tokio::test]
async fn changes_by_cookie_carry_the_token_of_their_session() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Owner).await;
    let other = service.test.member(founded.organization, Role::Owner).await;
    let session = cookie(persona.session.reveal());
    let token = |secret: &str| FormToken::of_session(secret).as_str().to_owned();
    let (own, foreign) = (token(persona.session.reveal()), token(other.session.reveal()));
    let path = "/v1/things";
    for (presented, passes) in [(own.as_str(), true), (foreign.as_str(), false), ("", false), ("x", false)] {
        let headers = [SAME, ("cookie", session.as_str()), ("content-type", "application/json"), (HEADER, presented)];
        let answer = service.ask("POST", path, &headers, r#"{"name":"a"}"#).await;
        assert_eq!(answer.status == 200, passes, "{presented}: {answer:?}");
        assert!(passes || answer.is_problem("form-token"), "{presented}: {answer:?}");
    }
    let form = [SAME, ("cookie", session.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    for (body, status) in
        [(format!("form_token={foreign}"), 403), (String::new(), 403), (format!("form_token={own}"), 200)]
    {
        let request = form
            .iter()
            .fold(http::Request::post("/v1/heavy").header("host", "desk.example"), |request, (name, value)| {
                request.header(*name, *value)
            });
        let answer = service.send(request.body(axum::body::Body::from(body.clone())).expect("a request")).await;
        assert_eq!(answer.status(), status, "{body}");
    }
}

#[tokio::test]
async fn changes_by_cookie_come_from_our_own_pages_only() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Owner).await;
    let session = cookie(persona.session.reveal());
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[SAME], true),
        (&[("origin", "http://desk.example")], true),
        (&[SAME, ("origin", "http://desk.example")], true),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://desk.example")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("origin", "http://evil.example")], false),
        (&[("origin", "null")], false),
        (&[], false),
    ];
    for (headers, passes) in cases {
        let mut all = vec![("cookie", session.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let answer = service.ask("POST", "/v1/things", &all, r#"{"name":"a"}"#).await;
        assert_eq!(answer.status == 200, *passes, "{headers:?}: {answer:?}");
        assert!(*passes || answer.is_problem("cross-site"), "{headers:?}: {answer:?}");
    }
    let reading =
        service.ask("GET", "/v1/organization", &[("cookie", &session), ("origin", "http://evil.example")], "").await;
    assert_eq!(reading.status, 200, "reading changes nothing, and the other site cannot see the answer");
    assert_eq!(reading.header("access-control-allow-origin"), "");
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let by_key = [("authorization", key.as_str()), ("content-type", "application/json")];
    assert_eq!(
        service.ask("POST", "/v1/things", &by_key, r#"{"name":"a"}"#).await.status,
        200,
        "no browser sends a key by itself"
    );
    for wrong in ["Bearer rf_live_x", "Basic b2xpdmU6cGFzcw==", "Bearer", ""] {
        let both = [("authorization", wrong), ("cookie", session.as_str()), SAME];
        let answer = service.ask("GET", "/v1/organization", &both, "").await;
        assert_eq!(answer.status, 401, "{wrong:?} is not made good by a cookie");
    }
    let twice = [("authorization", key.as_str()), ("authorization", key.as_str())];
    assert_eq!(service.ask("GET", "/v1/organization", &twice, "").await.status, 401, "two of a kind are none");
}

#[tokio::test]
async fn bodies_are_bounded_and_refused_as_problems() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let json = [("authorization", key.as_str()), ("content-type", "application/json")];
    let of_length = |length: usize| format!(r#"{{"name":"{}"}}"#, "a".repeat(length - 11));
    assert_eq!(service.ask("POST", "/v1/things", &json, &of_length(64)).await.status, 200);
    assert!(service.ask("POST", "/v1/things", &json, &of_length(65)).await.is_problem("too-large"));
    let lied = [json[0], json[1], ("content-length", "65")];
    assert!(service.ask("POST", "/v1/things", &lied, "{}").await.is_problem("too-large"), "before a byte is read");
    assert!(service.ask("POST", "/v1/things", &json, "{").await.is_problem("bad-request"));
    assert!(service.ask("POST", "/v1/things", &json, r#"{"name":"a","x":1}"#).await.is_problem("unprocessable"));
    assert!(service.ask("POST", "/v1/things", &json[..1], "{}").await.is_problem("unsupported-media-type"));
    assert!(service.ask("GET", "/v1/keys?limit=101", &json[..1], "").await.is_problem("unprocessable"));
    assert!(service.ask("GET", "/v1/keys?page=2", &json[..1], "").await.is_problem("unprocessable"));
}

#[tokio::test]
async fn too_often_is_429_with_the_time_to_come_back() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (key, other) = (
        service.test.key(founded.organization, Role::Viewer).await,
        service.test.key(founded.organization, Role::Viewer).await,
    );
    let key = bearer(key.reveal());
    for left in (0..30).rev() {
        let answer = service.ask("POST", "/v1/heavy", &[("authorization", &key)], "").await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").starts_with(&format!("\"default\";r={left};t=")), "{answer:?}");
    }
    let refused = service.ask("POST", "/v1/heavy", &[("authorization", &key)], "").await;
    assert!(refused.is_problem("too-many-requests"), "{refused:?}");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-policy")), ("2", "\"default\";q=30;w=60"));
    assert_eq!(service.ask("POST", "/v1/heavy", &[("authorization", &bearer(other.reveal()))], "").await.status, 200);
    service.test.clock.advance_seconds(2);
    assert_eq!(service.ask("POST", "/v1/heavy", &[("authorization", &key)], "").await.status, 200);
}

/// How many of these requests to the heavy route pass, and what the first refusal says.
async fn passing(service: &Service, key: &str, requests: u32) -> (u32, Option<Answer>) {
    let (mut passed, mut refused) = (0, None);
    for _ in 0..requests {
        let answer = service.ask("POST", "/v1/heavy", &[("authorization", key)], "").await;
        if answer.status == 200 {
            passed += 1;
        } else {
            refused.get_or_insert(answer);
        }
    }
    (passed, refused)
}

#[tokio::test]
async fn more_keys_give_an_organization_no_more_than_its_own_limit() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let (mut keys, mut passed) = (Vec::new(), 0);
    for _ in 0..6 {
        keys.push(bearer(service.test.key(founded.organization, Role::Viewer).await.reveal()));
    }
    // The first one asks on when it is refused: the others lose nothing by that.
    let (first, refused) = passing(&service, &keys[0], 60).await;
    assert!(first == 30 && refused.is_some_and(|answer| answer.is_problem("too-many-requests")), "{first}");
    for key in &keys[1..5] {
        let (own, refused) = passing(&service, key, 30).await;
        assert!(refused.is_none(), "{refused:?}");
        passed += own;
    }
    assert_eq!(first + passed, 150, "five times what one key may");
    let (sixth, refused) = passing(&service, &keys[5], 1).await;
    let refused = refused.expect("refused");
    assert!(sixth == 0 && refused.status == 429 && refused.is_problem("too-many-requests"), "{refused:?}");
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=150;w=60", "the organization's, not the key's");
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert_eq!(wait, 1, "150 a minute are one in 0.4 seconds");
    let read = service.ask("GET", "/v1/organization", &[("authorization", &keys[5])], "").await;
    assert_eq!(read.status, 200, "reading is another class");
    let other = service.test.organization("lighthouse").await;
    let other = bearer(service.test.key(other.organization, Role::Viewer).await.reveal());
    assert_eq!(passing(&service, &other, 30).await.0, 30, "another organization is untouched");
    service.test.clock.advance_seconds(wait);
    assert_eq!(passing(&service, &keys[5], 1).await.0, 1, "and it comes back as told");
}

#[tokio::test]
async fn people_get_pages_and_programs_get_documents() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Manager).await;
    let session = cookie(persona.session.reveal());
    let stranger = service.ask("GET", "/things", &[PAGE], "").await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.body.contains("action=\"/sign-in\"") && stranger.header("content-type").starts_with("text/html"));
    let page = service.ask("GET", "/things", &[PAGE, ("cookie", &session)], "").await;
    assert_eq!((page.status, page.body.as_str()), (200, "Things"));
    let missing = service.ask("GET", "/nothing", &[PAGE, ("cookie", &session)], "").await;
    assert_eq!(missing.status, 404);
    assert!(missing.header("content-type").starts_with("text/html"), "{missing:?}");
    let api = service.ask("GET", "/v1/nothing", &[PAGE, ("cookie", &session)], "").await;
    assert!(api.is_problem("not-found"), "never a page under /v1");
    assert_eq!(service.ask("GET", "/hello", &[("cookie", &session)], "").await.body, "Mika Member");
    assert_eq!(service.ask("GET", "/hello", &[("cookie", "ringfence_session=x")], "").await.body, "stranger");
    assert_eq!(service.ask("POST", "/visit", &[], "").await.body, "welcome", "its handler looks after itself");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Owner).await.session.reveal());
    let mut nonces = Vec::new();
    for (method, path) in
        [("GET", "/things"), ("GET", "/v1/organization"), ("GET", "/nowhere"), ("PUT", "/hello"), ("GET", "/sign-in")]
    {
        for headers in [&[PAGE][..], &[PAGE, ("cookie", session.as_str())][..]] {
            let answer = service.ask(method, path, headers, "").await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{method} {path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
            nonces.push(policy.to_owned());
            let nonce = policy.split("nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
            if answer.body.contains("<script") {
                assert_eq!(
                    answer.body.matches("<script").count(),
                    answer.body.matches(&format!("nonce=\"{nonce}\"")).count()
                );
            }
        }
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 10, "a fresh nonce each time");
}

#[tokio::test]
async fn looking_and_being_refused_are_written_down() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let viewer = bearer(service.test.key(founded.organization, Role::Viewer).await.reveal());
    let session = cookie(owner.session.reveal());
    let path = format!("/v1/things/{}", Uuid::nil());
    assert_eq!(service.ask("GET", &path, &[("cookie", &session)], "").await.status, 200);
    assert_eq!(service.ask("GET", &path, &[("authorization", &viewer)], "").await.status, 403);
    let missing = format!("/v1/things/{}", Uuid::from_u128(1));
    assert_eq!(service.ask("GET", &missing, &[("cookie", &session)], "").await.status, 404);
    let platform = &service.test.platform;
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 2 };
    let entries = platform.audit.entries(&owner.caller.database(platform), &query).await.expect("read");
    let records: Vec<_> = entries.into_iter().map(|entry| entry.record.expect("intact")).collect();
    assert_eq!((records[0].action.as_str(), records[0].outcome), ("access.refuse", audit::Outcome::Refused));
    assert_eq!(records[0].facts, [("reason".to_owned(), "AgentRead".to_owned())]);
    assert_eq!((records[1].action.as_str(), records[1].outcome), ("thing.read", audit::Outcome::Done));
}

#[tokio::test]
async fn each_route_says_what_it_is() {
    let service = Service::start().await;
    for rule in &service.table {
        if edge::csrf::is_unsafe(&rule.method)
            && matches!(rule.access, Access::Permission(_) | Access::Member)
            && rule.path.starts_with("/v1/keys")
        {
            assert!(matches!(rule.audited, Audited::Change(_)), "{} {}", rule.method, rule.path);
        }
        assert!(rule.method != Method::GET || rule.body_bytes == 0, "{}", rule.path);
    }
    let text = web::routes::describe(&service.table);
    assert!(
        text.contains(
            "/v1/keys                                 POST    KeyWrite; change key.create; Write; 65536 bytes"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_panic_is_one_failed_request_and_says_nothing() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = bearer(service.test.key(founded.organization, Role::Viewer).await.reveal());
    let answer = service.ask("GET", "/v1/panic", &[("authorization", &key)], "").await;
    assert!(answer.is_problem("internal") && !answer.body.contains("quince"), "{answer:?}");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn the_firewall_refuses_in_fields_and_scores_free_text() {
    let service = Service::start().await;
    let attack = "%3Cscript%3Ealert(1)%3C/script%3E";
    let refused = service.ask("GET", &format!("/hello?x={attack}"), &[], "").await;
    assert!(refused.status == 403 && refused.is_problem("firewall"), "{refused:?}");
    assert!(refused.body.contains("reference") && !refused.body.contains("alert"), "{refused:?}");
    assert_eq!(service.ask("GET", "/hello?x=good%20morning", &[], "").await.status, 200);
    let json = [("content-type", "application/json")];
    let free = service.ask("POST", "/v1/leaks", &json, r#"{"texts":["<script>alert(1)</script>"],"source":"x"}"#).await;
    assert_ne!(free.status, 403, "{free:?}");
    let stranger = service.ask("GET", &format!("/v1/things/1?x={attack}"), &[], "").await;
    assert_eq!(stranger.status, 401, "strangers cost it nothing");
}

#[tokio::test]
async fn what_the_firewall_refuses_a_member_stands_in_the_audit_log() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let attack = format!("/v1/things/{}?x=%3Cscript%3Ealert(1)%3C/script%3E", Uuid::nil());
    let refused = service.ask("GET", &attack, &[("cookie", &cookie(owner.session.reveal()))], "").await;
    assert!(refused.is_problem("firewall"), "{refused:?}");
    let platform = &service.test.platform;
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 1 };
    let entries = platform.audit.entries(&owner.caller.database(platform), &query).await.expect("read");
    let record = entries.into_iter().next().and_then(|entry| entry.record).expect("an entry");
    assert_eq!((record.action.as_str(), record.outcome), ("firewall.refuse", audit::Outcome::Refused));
    let (name, reason) = &record.facts[0];
    let reference = reason.strip_prefix("reference ").expect("a reference");
    assert!(name == "reason" && refused.body.contains(reference), "{reason}: the same that the answer names");
    assert!(!format!("{:?}", record.facts).contains("alert"), "nothing of the attack itself");
}
