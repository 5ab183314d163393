//! The lock: one press stops everything of an organization and of no other, and only the machine's link opens it again.

use identity::testing::platforms;
use identity::{Role, incident, one_time};
use storage::Schema;

use crate::fixture::{FORM, Service};
use crate::second_factors::Browser;

#[tokio::test]
async fn one_press_stops_everything_and_a_link_opens_it_again() {
    for test in platforms(sign_in::extend(Schema::new().with(web::TABLES, web::STATEMENTS))).await {
        let service = Service::on(test);
        let founded = service.test.organization("harbour").await;
        let other = service.test.organization("beacon").await;
        let persona = service.test.member(founded.organization, Role::Admin).await;
        let mut admin = Browser::with(&service, &persona.session);
        let stranger = service.test.member(other.organization, Role::Owner).await;
        let stranger = Browser::with(&service, &stranger.session);
        let viewer = service.test.member(founded.organization, Role::Viewer).await;
        let mut viewer = Browser::with(&service, &viewer.session);
        let key = service.test.key(founded.organization, Role::Manager).await;
        let bearer = format!("Bearer {}", key.reveal());
        let by_key = async || service.ask("GET", "/v1/organization", &[("authorization", &bearer)], "").await.status;
        let platform = &service.test.platform;
        let link = one_time::issue_sign_in_link(platform, founded.organization, founded.owner).await.expect("issued");
        assert_eq!(by_key().await, 200);
        assert_eq!(viewer.post("/settings/compromise", "reason=x").await.status, 403, "a Viewer locks nothing");
        assert!(admin.get("/settings/compromise").await.body.contains("Lock everything now"));
        let former = admin.session.clone();
        let locked = admin.post("/settings/compromise", "reason=a+stolen+laptop").await;
        assert!(locked.status == 200 && locked.body.contains("Everything is locked"), "{locked:?}");
        for session in [&former, &viewer.session] {
            let dead = Browser { service: &service, session: session.clone() };
            assert!(!dead.is_in().await, "{}", service.test.name);
        }
        assert_eq!(by_key().await, 401);
        let linked = service.ask("POST", "/sign-in/link", &FORM, &format!("token={}", link.reveal())).await;
        assert_eq!(linked.status, 401, "links from before are dead");
        assert!(!incident::is_open(platform, founded.organization).await.expect("asked"));
        assert!(stranger.is_in().await, "no other organization is touched");
        assert!(incident::issue_unlock_link(platform, other.organization).await.is_err(), "it is not locked");

        let unlock = incident::issue_unlock_link(platform, founded.organization).await.expect("issued");
        let page = service.ask("GET", "/sign-in/unlock", &[("accept", "text/html")], "").await;
        assert!(page.body.contains("data-from-fragment"), "{page:?}");
        let form = |password: &str| format!("token={}&password={password}", unlock.reveal());
        let weak = service.ask("POST", "/sign-in/unlock", &FORM, &form("short")).await;
        assert!(weak.status == 422 && weak.body.contains("characters"), "{weak:?}");
        let by_link = service.ask("POST", "/sign-in/link", &FORM, &format!("token={}", unlock.reveal())).await;
        assert_eq!(by_link.status, 401, "it opens nothing else");
        let opened = service.ask("POST", "/sign-in/unlock", &FORM, &form("violet+engine+ten+birch")).await;
        assert_eq!(opened.status, 303, "{opened:?}");
        let owner = Browser { service: &service, session: crate::fixture::session_of(&opened) };
        assert!(owner.is_in().await);
        assert_eq!(by_key().await, 401, "keys stay revoked");
        assert!(!Browser { service: &service, session: former }.is_in().await, "sessions stay ended");
        let again = service.ask("POST", "/sign-in/unlock", &FORM, &form("violet+engine+ten+birch")).await;
        assert_eq!(again.status, 422, "once");
        let incidents = service.ask("GET", "/v1/incidents", &[("cookie", &owner.session)], "").await.json();
        let kept = &incidents["data"][0];
        assert_eq!((kept["reason"].as_str(), kept["keys"].as_i64()), (Some("a stolen laptop"), Some(1)));
        assert!(kept["sessions"].as_i64() >= Some(2) && kept["closed_at"].is_string(), "{kept}");
    }
}

#[tokio::test]
async fn a_program_reports_and_locks_itself_out() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let key = service.test.key(founded.organization, Role::Admin).await;
    let bearer = format!("Bearer {}", key.reveal());
    let json = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(incident::MAXIMUM_REASON_LENGTH + 1));
    assert_eq!(service.ask("POST", "/v1/incidents", &json, &long).await.status, 422);
    let most = format!(r#"{{"reason":"{}"}}"#, "x".repeat(incident::MAXIMUM_REASON_LENGTH));
    assert_eq!(service.ask("POST", "/v1/incidents", &json, &most).await.status, 201);
    assert_eq!(service.ask("GET", "/v1/incidents", &json, "").await.status, 401);
}
