//! Changing passwords, and the organization's rules for them.

use identity::Role;
use identity::member::joining::{self, Newcomer};
use identity::user::EmailAddress;

use crate::fixture::{FORM, Service, password};
use crate::second_factors::Browser;

async fn signs_in(service: &Service, email: &str, password: &str) -> bool {
    let body = format!("email={}&password={}", email.replace('@', "%40"), password.replace(' ', "+"));
    service.ask("POST", "/sign-in", &FORM, &body).await.status == 303
}

#[tokio::test]
async fn a_changed_password_does_not_come_back() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Manager).await;
    let mut browser = Browser::with(&service, &persona.session);
    let other = Browser::by_password(&service, &persona.email).await;
    let page = browser.get("/settings/password").await;
    assert!(page.status == 200 && page.body.contains("At least 15 characters"), "{page:?}");
    let wrong = browser.post("/settings/password", "current=guess&password=violet+engine+ten+birch").await;
    assert!(wrong.status == 422 && wrong.body.contains("not your present password"), "{wrong:?}");
    let same = format!("current={}&password={}", password(), password());
    assert!(browser.post("/settings/password", &same).await.body.contains("had this password before"));
    let weak = format!("current={}&password=passwordpassword", password());
    assert_eq!(browser.post("/settings/password", &weak).await.status, 422);
    let good = format!("current={}&password=violet+engine+ten+birch", password());
    let changed = browser.post("/settings/password", &good).await;
    assert_eq!((changed.status, changed.header("location")), (303, "/settings/sign-in?done=password"));
    assert!(browser.is_in().await && !other.is_in().await, "other browsers are signed out");
    assert!(!signs_in(&service, &persona.email, identity::testing::PASSWORD).await);
    assert!(signs_in(&service, &persona.email, "violet engine ten birch").await);
    let back = format!("current=violet+engine+ten+birch&password={}", password());
    assert!(browser.post("/settings/password", &back).await.body.contains("had this password before"));
}

#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_chosen() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Manager).await;
    let folder = service.test.database.folder();
    let (source, set) = (folder.join("source.txt"), &service.test.platform.breached);
    // The SHA-1 of `violet engine ten birch`, beside one of nobody's.
    let hash = "E1D2F67B07599423991042A41FBAC022BD3A6365";
    std::fs::write(&source, format!("{}:1\n{hash}:2\n", "0".repeat(40))).expect("written");
    set.import(&source, 0, service.test.platform.now()).expect("imported");
    let mut browser = Browser::with(&service, &persona.session);
    let chosen = format!("current={}&password=violet+engine+ten+birch", password());
    let refused = browser.post("/settings/password", &chosen).await;
    assert!(refused.status == 422 && refused.body.contains("leaked somewhere"), "{refused:?}");
    let token = identity::one_time::issue_owner_token(&service.test.platform).await.expect("issued");
    let first = format!(
        "token={}&organization=Mill&name=Olive&email=olive%40mill.example&password=violet+engine+ten+birch",
        token.reveal()
    );
    let refused = service.ask("POST", "/first-owner", &FORM, &first).await;
    assert!(refused.status == 422 && refused.body.contains("leaked somewhere"), "{refused:?}");
    // Somebody whom a directory added, and who chooses a first one by a link.
    let owner = service.test.member(founded.organization, Role::Owner).await.caller;
    let address = EmailAddress::parse("vera@harbour.example").expect("an address");
    let newcomer = Newcomer { email: &address, name: "Vera", role: Role::Viewer, maximum_members: 100 };
    let mut change = owner.change(&service.test.platform, "test.add").await.expect("begun");
    let joined = joining::join(&mut change, &newcomer).await.expect("joined");
    change.commit("membership", Some(joined.membership), Vec::new()).await.expect("committed");
    let made = identity::invitation::create_for(&service.test.platform, &owner, joined.membership).await;
    let token = made.expect("made").1;
    let first = format!("token={}&name=&email=vera%40harbour.example&password=violet+engine+ten+birch", token.reveal());
    let refused = service.ask("POST", "/invitation", &FORM, &first).await;
    assert!(refused.status == 422 && refused.body.contains("leaked somewhere"), "{refused:?}");
    // A set that was cut short lets nothing pass unlooked at.
    let path = folder.join("breached-passwords.bin");
    let whole = std::fs::read(&path).expect("read");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("cut");
    let other = format!("current={}&password=umber+engine+ten+birch", password());
    assert_eq!(browser.post("/settings/password", &other).await.status, 503);
    std::fs::write(&path, whole).expect("mended");
    assert_eq!(browser.post("/settings/password", &other).await.status, 303);
}

#[tokio::test]
async fn the_rules_of_the_organization_count() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let manager = service.test.member(founded.organization, Role::Manager).await;
    let mut owner = Browser::with(&service, &owner.session);
    let rules = "password_length=20&password_history=0&require_second_factor=yes";
    assert_eq!(owner.post("/settings/sign-in-rules", rules).await.status, 303);
    let page = owner.get("/settings/sign-in-rules").await;
    assert!(page.body.contains("value=\"20\"") && page.body.contains(" checked"), "{page:?}");
    let by_password = Browser::by_password(&service, &manager.email).await;
    assert!(!by_password.is_in().await, "everybody needs a second factor now");
    let mut manager = Browser::with(&service, &manager.session);
    assert_eq!(manager.post("/settings/sign-in-rules", rules).await.status, 403, "a Manager sets no rules");
    assert!(manager.is_in().await, "whoever has shown two factors goes on");
    let short = format!("current={}&password=violet+engine+ten+b", password());
    let refused = manager.post("/settings/password", &short).await;
    assert!(refused.status == 422 && refused.body.contains("at least 20 characters"), "{refused:?}");
    let long = format!("current={}&password=violet+engine+ten+birch", password());
    assert_eq!(manager.post("/settings/password", &long).await.status, 303);
    let back = format!("current=violet+engine+ten+birch&password={}", password());
    assert_eq!(manager.post("/settings/password", &back).await.status, 303, "21 characters, and no history is kept");
    for edge in [
        "password_length=7&password_history=0",
        "password_length=65&password_history=0",
        "password_length=8&password_history=25",
    ] {
        assert_eq!(owner.post("/settings/sign-in-rules", edge).await.status, 422, "{edge}");
    }
    let headers =
        [("cookie", owner.session.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
    let body = r#"{"password_length":8,"require_second_factor":false,"password_history":3}"#;
    assert_eq!(service.ask("PUT", "/v1/sign-in-policy", &headers, body).await.json()["password_history"], 3);
    let read = service.ask("GET", "/v1/sign-in-policy", &headers, "").await;
    assert_eq!(read.json(), serde_json::from_str::<serde_json::Value>(body).expect("JSON"));
}
