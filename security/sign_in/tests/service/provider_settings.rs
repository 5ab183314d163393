//! What owners set about their provider, what of it others see, how it is asked, and how far its word reaches.

use identity::testing::works_too;
use identity::{MembershipState, Role};
use serde_json::json;
use sign_in::single_sign_on::logout_token::TYPE;

use crate::fixture::{Answer, FORM, Service, session_of};
use crate::provider::{Provider, SECRET, Signed, token};
use crate::second_factors::Browser;
use crate::single_sign_on::{Harbour, refused};

#[tokio::test]
async fn a_name_that_is_not_known_looks_like_one_that_is_switched_off() {
    let harbour = Harbour::start().await;
    let ask = async |name: &str| {
        harbour.service.ask("POST", "/sign-in/single-sign-on", &FORM, &format!("name={name}&next=")).await
    };
    assert_eq!(harbour.set(&json!({ "enabled": false })).await.status, 200);
    let (off, unknown) = (ask("harbour").await, ask("harbor1").await);
    assert_eq!((off.status, unknown.status), (422, 422));
    let plain = |answer: &Answer, name: &str| {
        let body = answer.body.replace(&format!("value=\"{name}\""), "");
        let (start, _) = body.split_once("<head>").expect("a page");
        let (_, main) = body.split_once("<main").expect("a page");
        (start.to_owned(), main.to_owned())
    };
    assert_eq!(plain(&off, "harbour"), plain(&unknown, "harbor1"));
    assert!(!ask("%3Cscript%3Ealert(1)").await.body.contains("<script>alert"));
    assert_eq!(harbour.set(&json!({})).await.status, 200);
    assert_eq!(ask("+HARBOUR+").await.status, 200, "names are typed in any case");
    let cross = harbour.service.ask("POST", "/sign-in/single-sign-on", &[FORM[0]], "name=harbour&next=").await;
    assert!(cross.is_problem("cross-site"), "no other site sends somebody to sign in: {cross:?}");
}

#[tokio::test]
async fn only_owners_set_it_and_the_secret_is_never_read() {
    let harbour = Harbour::start().await;
    let test = &harbour.service.test;
    let here = harbour.founded.organization;
    let admin = test.member(here, Role::Admin).await;
    let admin = format!("ringfence_session={}", admin.session.reveal());
    let json = [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", &*admin)];
    let wish = harbour.wish(&json!({})).to_string();
    assert_eq!(harbour.service.ask("PUT", "/v1/single-sign-on", &json, &wish).await.status, 403);
    assert_eq!(harbour.service.ask("DELETE", "/v1/single-sign-on", &json, "").await.status, 403);
    let seen = harbour.service.ask("GET", "/v1/single-sign-on", &[("cookie", &admin)], "").await;
    assert_eq!(seen.json()["issuer"], harbour.provider.issuer);
    assert!(seen.json()["redirect_uri"].as_str().is_some_and(|uri| uri.ends_with("/callback")), "{seen:?}");
    assert!(!seen.body.contains(SECRET) && !seen.body.contains("client_secret"));
    let key = test.key(here, Role::Owner).await;
    let bearer = format!("Bearer {}", key.reveal());
    let by_key = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    assert_eq!(harbour.service.ask("PUT", "/v1/single-sign-on", &by_key, &wish).await.status, 403, "people only");

    // A secret is not shown to another provider than the one that it was given for.
    let elsewhere = Provider::start().await;
    let moved = harbour.set(&json!({ "issuer": elsewhere.issuer, "client_secret": null })).await;
    assert!(moved.status == 422 && moved.body.contains("client_secret"), "{moved:?}");
    assert_eq!(harbour.set(&json!({ "client_secret": null, "required": false })).await.status, 200, "kept");
    assert_eq!(harbour.sign_in(&json!({})).await.status, 303, "and still good");

    let beacon = test.organization("beacon").await;
    let other = test.member(beacon.organization, Role::Owner).await;
    let other = format!("ringfence_session={}", other.session.reveal());
    let theirs = [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", &*other)];
    let taken = harbour.service.ask("PUT", "/v1/single-sign-on", &theirs, &wish).await;
    assert!(taken.status == 422 && taken.body.contains("short_name"), "{taken:?}");
    assert_eq!(harbour.service.ask("GET", "/v1/single-sign-on", &theirs, "").await.status, 404);
}

#[tokio::test]
async fn switching_it_off_or_away_signs_out_whoever_came_by_it() {
    let harbour = Harbour::start().await;
    let enter = async || Browser { service: &harbour.service, session: session_of(&harbour.sign_in(&json!({})).await) };
    let one = enter().await;
    assert_eq!(harbour.set(&json!({ "domains": ["harbour.example"] })).await.status, 200);
    assert!(one.is_in().await, "a change of something else ends nothing");
    assert_eq!(harbour.set(&json!({ "enabled": false })).await.status, 200);
    assert!(!one.is_in().await);
    assert_eq!(harbour.set(&json!({})).await.status, 200);
    let (two, trip) = (enter().await, harbour.leave().await);
    let owner = harbour.owner().await;
    let headers = [("sec-fetch-site", "same-origin"), ("cookie", &*owner)];
    assert_eq!(harbour.service.ask("DELETE", "/v1/single-sign-on", &headers, "").await.status, 204);
    assert!(!two.is_in().await);
    refused(&harbour.back(&trip, &json!({})).await, "not switched on");
    assert_eq!(harbour.service.ask("DELETE", "/v1/single-sign-on", &headers, "").await.status, 404);
}

#[tokio::test]
async fn trying_it_says_plainly_what_is_wrong() {
    let harbour = Harbour::start().await;
    let owner = harbour.owner().await;
    let headers = [("sec-fetch-site", "same-origin"), ("cookie", &*owner)];
    let attempt = async || {
        let answer = harbour.service.ask("POST", "/v1/single-sign-on/trial", &headers, "").await;
        (answer.json()["works"].as_bool().expect("said"), answer.json()["findings"].to_string())
    };
    let (works, words) = attempt().await;
    assert!(works && words.contains("takes the client secret"), "{words}");
    for (description, words) in [
        (json!({ "issuer": "https://another.example" }), "calls itself"),
        (json!({ "jwks_uri": null }), "answered something else"),
        (json!({ "token_endpoint": "https://169.254.169.254/token" }), "does not lead to the public internet"),
        (json!({ "id_token_signing_alg_values_supported": ["HS256"] }), "signs with nothing"),
        (json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] }), "takes no client secret"),
    ] {
        harbour.provider.describes(description);
        let (works, found) = attempt().await;
        assert!(!works && found.contains(words), "{words}: {found}");
    }
    harbour.provider.describes(json!({}));
    harbour.provider.shows_keys(&[]);
    assert!(attempt().await.1.contains("no key that can be used"));
    harbour.provider.shows_keys(&[1]);
    assert_eq!(harbour.set(&json!({ "client_secret": "wrong" })).await.status, 200);
    assert!(attempt().await.1.contains("does not take the client id and the client secret"));
    let mut browser = Browser { service: &harbour.service, session: owner };
    let page = browser.post("/settings/single-sign-on/trial", "").await;
    assert!(page.status == 200 && page.body.contains("It does not work yet"), "{page:?}");
}

#[tokio::test]
async fn an_owner_connects_the_provider_on_the_page() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let owner = service.test.member(founded.organization, Role::Owner).await;
    let mut browser = Browser::with(&service, &owner.session);
    let page = browser.get("/settings/single-sign-on").await;
    assert!(page.body.contains("/callback") && page.body.contains("name=\"client_secret\""), "{page:?}");
    let form = |issuer: &str| {
        format!(
            "short_name=harbour&issuer={issuer}&client_id=c&client_secret=s&domains=harbour.example&new_member_role=&two_factor_words=&enabled=yes"
        )
    };
    let wrong = browser.post("/settings/single-sign-on", &form("http%3A%2F%2Flogin.example")).await;
    assert!(wrong.status == 422 && wrong.body.contains("issuer-error"), "{wrong:?}");
    assert!(wrong.body.contains("value=\"harbour.example\""), "what was typed is kept");
    let saved = browser.post("/settings/single-sign-on", &form("https%3A%2F%2Flogin.example")).await;
    assert_eq!(saved.header("location"), "/settings/single-sign-on?done=saved", "{saved:?}");
    let page = browser.get("/settings/single-sign-on").await;
    assert!(page.body.contains("/sign-in/single-sign-on?name=harbour") && !page.body.contains("value=\"s\""));
    let admin = service.test.member(founded.organization, Role::Admin).await;
    let page = Browser::with(&service, &admin.session).get("/settings/single-sign-on").await;
    assert!(page.body.contains("Only owners change this") && !page.body.contains("client_secret"), "{page:?}");
    let gone = browser.post("/settings/single-sign-on/removal", "").await;
    assert_eq!(gone.header("location"), "/settings/single-sign-on?done=removed");
}

#[tokio::test]
async fn what_the_id_token_leaves_out_is_asked_for_and_must_be_about_the_same_person() {
    let harbour = Harbour::start().await;
    let bare = json!({ "email": null, "email_verified": null, "name": null });
    harbour.provider.tells(json!({ "sub": "somebody-else", "email": "ana@harbour.example", "email_verified": true }));
    refused(&harbour.sign_in(&bare).await, "does not hold");
    harbour.provider.tells(json!({ "sub": "ana", "email": "ana@harbour.example" }));
    refused(&harbour.sign_in(&bare).await, "does not say that it verified");
    harbour.provider.tells(json!({ "sub": "ana", "email": "ana@harbour.example", "email_verified": true }));
    assert_eq!(harbour.sign_in(&bare).await.status, 303);
}

#[tokio::test]
async fn a_provider_changes_nothing_that_signs_in_elsewhere() {
    let harbour = Harbour::start().await;
    let test = &harbour.service.test;
    assert_eq!(harbour.set(&json!({ "new_member_role": "manager" })).await.status, 200);
    let mut browser = Browser { service: &harbour.service, session: session_of(&harbour.sign_in(&json!({})).await) };
    let members = harbour.members().await;
    let ana = members.iter().find(|member| member.email == "ana@harbour.example").expect("a member");
    assert_eq!(browser.post("/second-factors/app", "").await.status, 303, "an account of this organization alone");
    // The same account begins to work elsewhere, too.
    let beacon = test.organization("beacon").await;
    works_too(&test.platform, beacon.organization, ana.user, Role::Manager, MembershipState::Active).await;
    for path in ["/second-factors/app", "/second-factors/codes", "/passkeys/registration"] {
        let answer = browser.post(path, "").await;
        assert!(answer.status == 409 && answer.body.contains("belongs to other organizations"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn new_keys_are_asked_for_when_they_are_needed_and_not_more_often() {
    let harbour = Harbour::start().await;
    assert_eq!(harbour.sign_in(&json!({})).await.status, 303);
    assert_eq!(harbour.provider.asked("keys"), 1);
    harbour.provider.signs(Signed::With(2));
    harbour.provider.shows_keys(&[1, 2]);
    assert_eq!(harbour.sign_in(&json!({})).await.status, 403, "asked a moment ago");
    harbour.service.test.clock.advance_seconds(60);
    assert_eq!(harbour.sign_in(&json!({})).await.status, 303, "a rotated key is found");
    assert_eq!(harbour.provider.asked("keys"), 2);
    harbour.provider.signs(Signed::With(9));
    for _ in 0..3 {
        assert_eq!(harbour.sign_in(&json!({})).await.status, 403);
        assert_eq!(harbour.logout(&token(Signed::With(9), Some(TYPE), &json!({}))).await.status, 400);
    }
    assert_eq!(harbour.provider.asked("keys"), 2, "made-up keys do not make us ask");
}
