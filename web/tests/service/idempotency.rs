//! The same work asked for twice is done once, on both databases.

use std::time::Duration;

use crate::fixture::{Answer, Service, bearer, schema};
use identity::Role;
use identity::testing::platforms;

async fn post(service: &Service, path: &str, credential: &str, key: &str, name: &str) -> Answer {
    let headers = [("authorization", credential), ("content-type", "application/json"), ("idempotency-key", key)];
    service.ask("POST", path, &headers, &format!(r#"{{"name":"{name}"}}"#)).await
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_for_a_day() {
    for test in platforms(schema()).await {
        let service = Service::on(test);
        let founded = service.test.organization("harbour").await;
        let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
        let first = post(&service, "/v1/counted", &key, "k-1", "a").await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""), "{}", service.test.name);
        let again = post(&service, "/v1/counted", &key, "k-1", "a").await;
        assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (201, &first.body, "true"));
        assert_eq!(again.header("content-type"), "application/json");
        assert_ne!(post(&service, "/v1/counted", &key, "k-2", "a").await.body, first.body, "another key");
        assert!(post(&service, "/v1/counted", &key, "k-1", "b").await.is_problem("unprocessable"), "another body");
        assert!(post(&service, "/v1/counted", &key, "a b", "a").await.is_problem("bad-request"), "no key");
        let other = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
        assert_ne!(post(&service, "/v1/counted", &other, "k-1", "a").await.body, first.body, "another credential");
        service.test.clock.advance_seconds(web::idempotency::KEPT_SECONDS - 1);
        assert_eq!(post(&service, "/v1/counted", &key, "k-1", "a").await.body, first.body);
        service.test.clock.advance_seconds(1);
        assert_ne!(post(&service, "/v1/counted", &key, "k-1", "a").await.body, first.body, "after a day");
    }
}

#[tokio::test]
async fn of_two_at_once_one_works_and_a_failure_frees_the_key() {
    for test in platforms(schema()).await {
        let service = Service::on(test);
        let founded = service.test.organization("harbour").await;
        let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
        let (one, two) =
            tokio::join!(post(&service, "/v1/counted", &key, "k", "a"), post(&service, "/v1/counted", &key, "k", "a"));
        let mut both = [one.status, two.status];
        both.sort_unstable();
        assert_eq!(both, [201, 409], "{}", service.test.name);
        assert_eq!(post(&service, "/v1/counted", &key, "f", "fails").await.status, 409);
        assert_eq!(post(&service, "/v1/counted", &key, "f", "now").await.status, 201, "what failed may be tried again");
        assert!(post(&service, "/v1/counted", &key, "l", &"a".repeat(60)).await.is_problem("too-large"));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_finds_its_answer_when_it_comes_back() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let patience = Duration::from_millis(400);
    let lost = tokio::time::timeout(patience, post(&service, "/v1/counted", &key, "k", "slow")).await;
    assert!(lost.is_err(), "gone before the answer");
    let again = loop {
        let again = post(&service, "/v1/counted", &key, "k", "slow").await;
        if again.status != 409 {
            break again;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
}

#[tokio::test]
async fn a_secret_is_not_kept_for_repetition() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = bearer(service.test.key(founded.organization, Role::Owner).await.reveal());
    let headers = [("authorization", key.as_str()), ("content-type", "application/json"), ("idempotency-key", "k")];
    let body = r#"{"name":"Sync","role":"viewer"}"#;
    assert_eq!(service.ask("POST", "/v1/keys", &headers, body).await.status, 201);
    assert!(service.ask("POST", "/v1/keys", &headers, body).await.is_problem("conflict"));
    let list = service.ask("GET", "/v1/keys", &headers[..1], "").await.json();
    assert_eq!(list["data"].as_array().expect("rows").iter().filter(|key| key["name"] == "Sync").count(), 1);
}

#[tokio::test]
async fn every_statement_of_identity_and_web_is_prepared_on_both_engines() {
    for test in platforms(schema()).await {
        let all = identity::testing::schema(&schema());
        storage::registry::check(&all, &test.platform.database).await.expect("each in its scope");
    }
}
