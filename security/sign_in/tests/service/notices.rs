//! What people are told after a change of how they sign in, and what they can do about it.

use identity::testing::platforms;
use identity::{Role, incident, notice};
use storage::Schema;

use crate::fixture::{Service, password};
use crate::second_factors::Browser;

const NOTICE: &str = "id=\"account-notices\"";

#[tokio::test]
async fn every_session_shows_a_change_until_it_is_acknowledged_there() {
    for test in platforms(sign_in::extend(Schema::new().with(web::TABLES, web::STATEMENTS))).await {
        let service = Service::on(test);
        let founded = service.test.organization("harbour").await;
        let persona = service.test.member(founded.organization, Role::Viewer).await;
        let mut desk = Browser::with(&service, &persona.session);
        let (secret, codes) = desk.enrol().await;
        assert!(desk.get("/settings/sign-in").await.body.contains(NOTICE), "a cookie may be in two hands");
        assert_eq!(desk.post("/settings/notices/acknowledged", "").await.status, 303);
        assert!(!desk.get("/settings/sign-in").await.body.contains(NOTICE), "acknowledged");
        let mut phone = Browser::by_password(&service, &persona.email).await;
        assert_eq!(phone.post("/sign-in/second-factor", &format!("code={}", codes[0])).await.status, 303);
        let mut laptop = Browser::by_password(&service, &persona.email).await;
        assert_eq!(laptop.post("/sign-in/second-factor", &format!("code={}", codes[1])).await.status, 303);
        for browser in [&phone, &laptop] {
            let page = browser.get("/settings/sign-in").await;
            assert!(page.body.contains(NOTICE), "{}: {page:?}", service.test.name);
            assert!(page.body.contains("A second factor was added") && page.body.contains("from <span"), "{page:?}");
        }
        assert_eq!(phone.post("/settings/notices/acknowledged", "").await.status, 303);
        assert!(!phone.get("/settings/sign-in").await.body.contains(NOTICE), "acknowledged here");
        assert!(laptop.get("/settings/sign-in").await.body.contains(NOTICE), "and not there");
        service.test.clock.advance_seconds(60);
        assert_eq!(laptop.post("/second-factors/codes", "").await.status, 200);
        let page = phone.get("/settings/sign-in").await;
        assert!(page.body.contains(NOTICE) && page.body.contains("New backup codes"), "the next change: {page:?}");
        let own = [("cookie", phone.session.as_str())];
        let listed = service.ask("GET", "/v1/account-notices", &own, "").await.json();
        let kinds: Vec<&str> =
            listed["data"].as_array().expect("a list").iter().filter_map(|one| one["kind"].as_str()).collect();
        assert_eq!(kinds, ["codes_renewed", "factor_added"], "{}", service.test.name);
        let json = [own[0], ("sec-fetch-site", "same-origin")];
        assert_eq!(service.ask("POST", "/v1/account-notices/acknowledgement", &json, "").await.status, 204);
        assert!(!phone.get("/settings/sign-in").await.body.contains(NOTICE));

        service.test.clock.advance_seconds(notice::SHOWN_SECONDS);
        let mut later = Browser::by_password(&service, &persona.email).await;
        let code = secret.code_at(service.test.platform.now());
        assert_eq!(later.post("/sign-in/second-factor", &format!("code={code}")).await.status, 303);
        let page = later.get("/settings/sign-in").await;
        assert!(
            !page.body.contains(NOTICE) && page.body.contains("New backup codes"),
            "a week later it only stands in the list"
        );
        let stranger = service.test.member(founded.organization, Role::Viewer).await;
        let stranger = Browser::with(&service, &stranger.session);
        assert!(!stranger.get("/settings/sign-in").await.body.contains("New backup codes"), "nobody else's");
        service.test.clock.advance_seconds(notice::KEPT_SECONDS);
        notice::sweep(&service.test.platform).await.expect("swept");
        assert!(notice::list(&service.test.platform, &persona.caller).await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn each_change_of_a_factor_or_the_password_is_told_and_offers_to_end_the_other_sessions() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Viewer).await;
    let mut browser = Browser::with(&service, &persona.session);
    let last = async || {
        let told = notice::list(&service.test.platform, &persona.caller).await.expect("listed");
        told.first().map(|notice| notice.kind)
    };
    let other = Browser::by_password(&service, &persona.email).await;
    assert!(other.is_in().await);
    browser.post("/second-factors/app", "").await;
    let shown = browser.get("/second-factors/app").await;
    let text = shown.body.split("id=\"app-key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    let secret = sign_in::totp::SharedSecret::parse(text).expect("a secret");
    let code = secret.code_at(service.test.platform.now());
    let added = browser.post("/second-factors/app/confirmation", &format!("code={code}")).await;
    assert!(added.body.contains("Sign out all others"), "an added factor: {added:?}");
    assert_eq!(last().await, Some(notice::Kind::FactorAdded));
    service.test.clock.advance_seconds(1);
    let renewed = browser.post("/second-factors/codes", "").await;
    assert!(renewed.body.contains("Sign out all others"), "new codes: {renewed:?}");
    assert_eq!(last().await, Some(notice::Kind::CodesRenewed));
    let page = browser.get("/settings/sign-in").await;
    assert!(page.body.contains("action=\"/settings/sessions/end-others\""), "{page:?}");
    let id =
        page.body.split("/second-factors/").find_map(|rest| rest.split("/removal").next().filter(|id| id.len() == 36));
    let id = id.expect("a button").to_owned();
    service.test.clock.advance_seconds(1);
    let removed = browser.post(&format!("/second-factors/{id}/removal"), &format!("password={}", password())).await;
    assert_eq!(removed.header("location"), "/settings/sign-in?done=factor", "a removed factor");
    assert!(browser.get("/settings/sign-in?done=factor").await.body.contains("sign out your other browsers"));
    assert_eq!(last().await, Some(notice::Kind::FactorRemoved));
    service.test.clock.advance_seconds(1);
    let form = format!("current={}&password=violet+engine+ten+birch", password());
    assert_eq!(browser.post("/settings/password", &form).await.status, 303);
    assert_eq!(last().await, Some(notice::Kind::PasswordChanged));
    assert!(!other.is_in().await && browser.is_in().await, "a new password ends them by itself");
}

#[tokio::test]
async fn it_was_not_me_locks_the_account_at_once() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Viewer).await;
    let thief = Browser::by_password(&service, &persona.email).await;
    let mut browser = Browser::with(&service, &persona.session);
    service.test.clock.advance_seconds(identity::STEP_UP_SECONDS);
    let locked = browser.post("/settings/account-lock", "").await;
    assert!(locked.status == 200 && locked.body.contains("2 browsers were signed out"), "{locked:?}");
    let former = Browser::with(&service, &persona.session);
    assert!(!thief.is_in().await && !former.is_in().await);
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let incidents = incident::list(&service.test.platform, &owner.caller).await.expect("listed");
    assert_eq!((incidents.len(), incidents[0].person), (1, Some(persona.user)));
    let again = Browser::by_password(&service, &persona.email).await;
    assert!(again.get("/settings/sign-in").await.body.contains("Your account was locked"), "and it is told");
    let key = service.test.key(founded.organization, Role::Admin).await;
    let bearer = format!("Bearer {}", key.reveal());
    let program = service.ask("POST", "/settings/account-lock", &[("authorization", &bearer)], "").await;
    assert!(program.is_problem("conflict"), "{program:?}");
}
