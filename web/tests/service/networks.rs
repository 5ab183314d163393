//! From where an organization may be reached: who is shut out, who cannot shut themselves out, and what is told.

use identity::Role;

use crate::fixture::{Answer, Service, bearer, cookie};

const LISTS: &str = "/v1/settings/allowlist";
/// Requests of the fixture come from 192.0.2.1.
const HERE: &str = "192.0.2.0/24";
const ELSEWHERE: &str = "203.0.113.0/24";

async fn put(service: &Service, credential: (&str, &str), dashboard: &[&str], api: &[&str]) -> Answer {
    let body = serde_json::json!({ "dashboard": dashboard, "api": api }).to_string();
    let headers = [credential, ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    service.ask("PUT", LISTS, &headers, &body).await
}

#[tokio::test]
async fn listed_networks_get_in_and_others_are_told_why_not() {
    let service = Service::start().await;
    let (here, there) = (service.test.organization("harbour").await, service.test.organization("mill").await);
    let owner = service.test.member(here.organization, Role::Owner).await;
    let session = cookie(owner.session.reveal());
    let key = bearer(service.test.key(here.organization, Role::Owner).await.reveal());
    let other = bearer(service.test.key(there.organization, Role::Owner).await.reveal());
    let (by_session, by_key) = (("cookie", session.as_str()), ("authorization", key.as_str()));
    let set = put(&service, by_session, &[HERE], &[ELSEWHERE]).await;
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(set.json()["your_address"], "192.0.2.1");
    assert_eq!(service.ask("GET", "/things", &[by_session], "").await.status, 200, "people are let in from here");
    for (method, path) in [("GET", "/v1/organization"), ("GET", LISTS), ("POST", "/v1/heavy"), ("GET", "/live")] {
        let refused = service.ask(method, path, &[by_key], "").await;
        assert!(refused.is_problem("address-not-allowed"), "{method} {path}: {refused:?}");
        assert!(refused.body.contains("192.0.2.1") && !refused.body.contains("203.0.113"), "{refused:?}");
    }
    assert_eq!(service.ask("GET", "/v1/organization", &[("authorization", &other)], "").await.status, 200);
    assert_eq!(service.ask("GET", "/hello", &[by_key], "").await.status, 200, "what is public stays public");
    let platform = &service.test.platform;
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 20 };
    let entries = platform.audit.entries(&owner.caller.database(platform), &query).await.expect("read");
    let records = entries.iter().map(|entry| entry.record.as_ref().expect("intact"));
    assert_eq!(records.filter(|record| record.action == "access.refuse").count(), 4, "each refusal is written down");
}

#[tokio::test]
async fn nobody_shuts_themselves_out() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Owner).await.session.reveal());
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let (by_session, by_key) = (("cookie", session.as_str()), ("authorization", key.as_str()));
    for (credential, dashboard, api, status) in [
        (by_session, &[ELSEWHERE][..], &[][..], 409),
        (by_key, &[][..], &[ELSEWHERE][..], 409),
        (by_session, &[ELSEWHERE, "192.0.2.1"][..], &[][..], 200),
        (by_session, &[][..], &[ELSEWHERE][..], 200),
        (by_session, &["192.0.2.1/24"][..], &[][..], 422),
        (by_session, &["::/0"][..], &[][..], 422),
        (by_session, &[][..], &[][..], 200),
    ] {
        let answer = put(&service, credential, dashboard, api).await;
        assert_eq!(answer.status, status, "{dashboard:?} {api:?}: {answer:?}");
        assert!(status != 409 || answer.body.contains("192.0.2.1"), "{answer:?}");
        assert!(status != 422 || answer.json()["errors"][0]["field"] == "dashboard.0", "{answer:?}");
    }
    let viewer = bearer(service.test.key(founded.organization, Role::Viewer).await.reveal());
    assert!(put(&service, ("authorization", &viewer), &[], &[]).await.is_problem("forbidden"));
}

#[tokio::test]
async fn a_change_asks_again_who_is_there() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Owner).await.session.reveal());
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let by_session = ("cookie", session.as_str());
    service.test.clock.advance_seconds(identity::STEP_UP_SECONDS - 1);
    assert_eq!(put(&service, by_session, &[HERE], &[]).await.status, 200, "the last second");
    service.test.clock.advance_seconds(1);
    let refused = put(&service, by_session, &[], &[]).await;
    assert!(refused.is_problem("step-up-required"), "{refused:?}");
    let form = [
        by_session,
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("accept", "text/html"),
        ("referer", "http://desk.example/settings/networks"),
    ];
    let led = service.ask("POST", "/settings/networks", &form, "dashboard=&api=").await;
    let confirm = "/sign-in/confirm?next=%2Fsettings%2Fnetworks";
    assert_eq!((led.status, led.header("location")), (303, confirm), "and back to the page with the form");
    let lists = service.ask("GET", LISTS, &[by_session], "").await.json();
    assert_eq!(lists["dashboard"][0], HERE, "nothing was changed; reading goes on");
    assert_eq!(put(&service, ("authorization", &key), &[], &[]).await.status, 200, "a program has no such moment");
}

#[tokio::test]
async fn the_page_keeps_what_was_typed_and_says_what_is_wrong() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let session = cookie(service.test.member(founded.organization, Role::Owner).await.session.reveal());
    let headers = [
        ("cookie", session.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("accept", "text/html"),
    ];
    let page = service.ask("GET", "/settings/networks", &headers, "").await;
    assert!(page.status == 200 && page.body.contains("192.0.2.1"), "{page:?}");
    let wrong = service.ask("POST", "/settings/networks", &headers, "dashboard=the+office&api=").await;
    assert!(wrong.status == 422 && wrong.body.contains(">the office</textarea>"), "{wrong:?}");
    assert!(wrong.body.contains("Entry 1: write an address"), "{wrong:?}");
    let locking = service.ask("POST", "/settings/networks", &headers, "dashboard=203.0.113.7&api=").await;
    assert!(locking.status == 409 && locking.body.contains("would shut out 192.0.2.1"), "{locking:?}");
    let good = service.ask("POST", "/settings/networks", &headers, "dashboard=192.0.2.1%0D%0A10.0.0.0%2F8&api=").await;
    assert_eq!((good.status, good.header("location")), (303, "/settings/networks?done=saved"));
}
