//! What people see of provisioning: the page, links for those without a password, and where the limits are.

use crate::fixture::{Answer, FORM, Service, password, session_of};
use edge::limits::LimitSettings;
use identity::api_key::{self, NewKey};
use identity::{Authenticator, Environment, Presented, Role, incident, member, notice};
use serde_json::json;
use sign_in::provisioning::refusal::Refusal;
use sign_in::provisioning::store;

use super::{Directory, owner, services};

#[tokio::test]
async fn somebody_without_a_password_chooses_one_by_a_link_of_their_own() {
    for service in services().await {
        let (_, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let id = directory.add("mia@harbour.example").await;
        let sign_in = format!("email=mia%40harbour.example&password={}", password());
        assert_eq!(service.ask("POST", "/sign-in", &FORM, &sign_in).await.status, 401, "no password lets them in");
        assert_eq!(service.ask("POST", "/sign-in", &FORM, "email=mia%40harbour.example&password=").await.status, 401);
        let cookie = format!("ringfence_session={}", owner.session.reveal());
        let headers =
            [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", cookie.as_str())];
        let page =
            service.ask("GET", "/settings/provisioning", &[("cookie", &cookie), ("accept", "text/html")], "").await;
        assert!(page.body.contains("mia@harbour.example") && page.body.contains("Make a link"), "{page:?}");
        let made = service.ask("POST", &format!("/v1/provisioning/people/{id}/invitation"), &headers, "").await;
        assert_eq!(made.status, 201, "{made:?}");
        let path = made.json()["path"].as_str().expect("a link").to_owned();
        let token = path.split('#').nth(1).expect("a token");
        let accept = |email: &str| {
            let password = password();
            format!("token={token}&name=&email={}&password={password}", email.replace('@', "%40"))
        };
        let other = service.ask("POST", "/invitation", &FORM, &accept("kai@harbour.example")).await;
        assert!(other.status == 422 && other.body.contains("another address"), "{other:?}");
        let taken = service.ask("POST", "/invitation", &FORM, &accept("mia@harbour.example")).await;
        assert_eq!((taken.status, taken.header("location")), (303, "/sign-in"), "{taken:?}");
        let signed_in = service.ask("POST", "/sign-in", &FORM, &sign_in).await;
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Mia Berg"}]);
        assert_eq!(directory.patch(&format!("/Users/{id}"), rename).await.status, 200);
        let cookie = session_of(&signed_in);
        let presented = Presented { session: cookie.split('=').nth(1), ..Presented::default() };
        let platform = &service.test.platform;
        let mia = Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked").expect("let in");
        assert_eq!(mia.display_name(), "Mia Berg");
        let told = notice::list(platform, &mia).await.expect("read");
        assert!(told.iter().any(|one| one.kind == notice::Kind::AddressChanged), "she learns of it: {told:?}");
        let again = service.ask("POST", "/invitation", &FORM, &accept("mia@harbour.example")).await;
        assert_eq!(again.status, 422, "a link works once");
        let more = service.ask("POST", &format!("/v1/provisioning/people/{id}/invitation"), &headers, "").await;
        assert!(more.is_problem("conflict"), "{more:?}");
    }
}

#[tokio::test]
async fn the_page_makes_rotates_and_revokes_keys_and_tells_what_was_done() {
    let service = Service::start().await;
    let (_, owner) = owner(&service, "harbour").await;
    let cookie = format!("ringfence_session={}", owner.session.reveal());
    let form = [FORM[0], FORM[1], ("cookie", cookie.as_str()), ("accept", "text/html")];
    let key_in = |page: &Answer| {
        let start = page.body.find("rf_live_").unwrap_or_else(|| panic!("no key: {page:?}"));
        page.body[start..start + 94].to_owned()
    };
    let made = service.ask("POST", "/settings/provisioning/keys", &form, "name=Okta&days=90").await;
    let directory = Directory { service: &service, key: key_in(&made) };
    directory.add("mia@harbour.example").await;
    let read = [("cookie", cookie.as_str()), ("accept", "text/html")];
    let page = service.ask("GET", "/settings/provisioning", &read, "").await;
    assert!(page.body.contains("http://127.0.0.1:8080/scim/v2") && page.body.contains("Added"), "{page:?}");
    assert!(!page.body.contains(&directory.key), "shown once");
    let id = service.ask("GET", "/v1/provisioning", &read, "").await.json()["keys"][0]["id"].clone();
    let path = format!("/settings/provisioning/keys/{}", id.as_str().expect("an id"));
    service.test.clock.advance_seconds(1);
    let rotated = service.ask("POST", &format!("{path}/rotation"), &form, "overlap_seconds=0").await;
    let newer = Directory { service: &service, key: key_in(&rotated) };
    assert_eq!((directory.get("/Users").await.status, newer.get("/Users").await.status), (401, 200));
    let id = service.ask("GET", "/v1/provisioning", &read, "").await.json()["keys"][0]["id"].clone();
    let path = format!("/settings/provisioning/keys/{}", id.as_str().expect("an id"));
    assert_eq!(service.ask("POST", &format!("{path}/revocation"), &form, "").await.status, 303);
    assert_eq!(newer.get("/Users").await.status, 401);
    for count in 1..=identity::api_key::MAXIMUM_PROVISIONING_KEYS + 1 {
        let made = service.ask("POST", "/settings/provisioning/keys", &form, "name=Okta&days=90").await;
        let expected = if count > identity::api_key::MAXIMUM_PROVISIONING_KEYS { 422 } else { 200 };
        assert_eq!(made.status, expected, "{count}");
    }
}

#[tokio::test]
async fn people_have_a_limit_and_looking_at_all_of_them_is_heavy_work() {
    let service = Service::start().await;
    let (_, owner) = owner(&service, "harbour").await;
    let directory = Directory::of(&service, &owner).await;
    let presented = Presented { bearer: Some(&directory.key), ..Presented::default() };
    let platform = &service.test.platform;
    let caller = Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked").expect("let in");
    // The founder and one more owner are there already.
    let store = store::Directory::open(platform, &caller, "").await.expect("opened").with_maximum_members(201);
    for number in 3..=201 {
        let user = json!({"userName": format!("person{number}@harbour.example")});
        store.add(user.as_object().expect("an object")).await.expect("added");
    }
    let full = store.add(json!({"userName": "late@harbour.example"}).as_object().expect("an object")).await;
    assert!(matches!(full, Err(Refusal::Identity(identity::Error::Conflict(_)))), "{full:?}");
    let page = directory.get("/Users?startIndex=200").await.json();
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]),
        (&json!(201), &json!(2), &json!(200))
    );
    assert_eq!(directory.get("/Users").await.json()["itemsPerPage"], 200);
    let mut answered = 0;
    let refused = loop {
        let answer = directory.get("/Users?filter=displayName%20co%20%22person7%22").await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
    };
    assert!(refused.status == 429 && !refused.header("retry-after").is_empty(), "{refused:?}");
    assert_eq!(answered, LimitSettings::default().heavy.requests);
    let lookup = directory.get("/Users?filter=userName%20eq%20%22person7@harbour.example%22").await;
    assert_eq!((lookup.status, lookup.json()["totalResults"].clone()), (200, json!(1)));
}

#[tokio::test]
async fn a_directory_still_finds_somebody_who_was_locked() {
    for service in services().await {
        let (organization, owner) = owner(&service, "harbour").await;
        let directory = Directory::of(&service, &owner).await;
        let id = directory.add("mia@harbour.example").await;
        let platform = &service.test.platform;
        let members = member::list(platform, &owner.caller, None, 100).await.expect("listed");
        let user = members.iter().find(|member| member.id.to_string() == id).expect("a member").user;
        let factors = [identity::Factor::SingleSignOnTwoFactors];
        let device = identity::session::Device::default();
        let session = identity::sign_in::admit(platform, user, Some(organization), &factors, &device).await;
        let session = session.expect("asked").expect("let in");
        let presented = Presented { session: Some(session.reveal()), ..Presented::default() };
        let mia = Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked").expect("let in");
        incident::lock_own(platform, &mia).await.expect("locked");
        let search = "/Users?filter=externalId+eq+%22mia%40harbour.example%22";
        let found = directory.get(search).await;
        assert_eq!(found.json()["totalResults"], json!(1), "{}: {found:?}", service.test.name);
        assert_eq!(found.json()["Resources"][0]["id"], json!(id));
        assert_eq!(directory.ask("DELETE", &format!("/Users/{id}"), &json!(null)).await.status, 204);
        assert_eq!(directory.get(search).await.json()["totalResults"], json!(0), "it goes with the membership");
    }
}

#[tokio::test]
async fn the_form_says_when_the_organization_has_as_many_keys_as_it_can() {
    let service = Service::start().await;
    let (_, owner) = owner(&service, "harbour").await;
    let platform = &service.test.platform;
    let expires_at = Some(api_key::expiry_in_days(platform.now(), 90));
    let new = NewKey { name: "sync", environment: Environment::Live, role: Role::Viewer, expires_at };
    for _ in 0..api_key::MAXIMUM_KEYS {
        api_key::create(platform, &owner.caller, &new).await.expect("made");
    }
    let cookie = format!("ringfence_session={}", owner.session.reveal());
    let form = [FORM[0], FORM[1], ("cookie", cookie.as_str()), ("accept", "text/html")];
    let full = service.ask("POST", "/settings/provisioning/keys", &form, "name=Okta+for+all&days=90").await;
    assert_eq!(full.status, 422, "{full:?}");
    assert!(full.body.contains("value=\"Okta for all\"") && full.body.contains("keys"), "in the form: {full:?}");
}
