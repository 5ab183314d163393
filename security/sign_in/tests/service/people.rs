//! Signing in and out, as browsers do it: by password, by link, as the first owner.

use crate::fixture::{Answer, FORM, Service, password, session_of};
use identity::Role;
use identity::one_time;
use identity::testing::PASSWORD;

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    // A Manager: nobody asks for a second factor.
    let persona = service.test.member(founded.organization, Role::Manager).await;
    let body = format!("email={}&password={}", persona.email.replace('@', "%40"), password());
    let planted = "ringfence_session=0000000000000000000000000000000000000000000000000000";
    let came_from = ("referer", "http://desk.example/calls");
    let answer = service.ask("POST", "/sign-in", &[FORM[0], FORM[1], ("cookie", planted), came_from], &body).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/calls"));
    let session = session_of(&answer);
    assert_ne!(session, planted, "a planted token is not taken over");
    let organization = service.ask("GET", "/v1/organization", &[("cookie", &session)], "").await;
    assert_eq!(organization.json()["name"], "harbour");
    let again = service.ask("POST", "/sign-in", &[FORM[0], FORM[1], ("cookie", &session)], &body).await;
    let newer = session_of(&again);
    assert_ne!(newer, session);
    assert_eq!(service.ask("GET", "/v1/organization", &[("cookie", &session)], "").await.status, 401, "left behind");
    let out = service.ask("POST", "/sign-out", &[FORM[0], FORM[1], ("cookie", &newer)], "").await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(out.header("clear-site-data"), "\"cache\", \"storage\"", "what the browser kept goes as well");
    assert_eq!(service.ask("GET", "/v1/organization", &[("cookie", &newer)], "").await.status, 401);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_look_the_same() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let strip = |answer: Answer| {
        let body = answer.body.split("value=\"").next().expect("a start").to_owned();
        (answer.status, answer.header("set-cookie").to_owned(), body.contains("do not belong together"))
    };
    let known = service.ask("POST", "/sign-in", &FORM, "email=owner%40harbour.example&password=guess").await;
    let unknown = service.ask("POST", "/sign-in", &FORM, "email=nobody%40harbour.example&password=guess").await;
    let (known, unknown) = (strip(known), strip(unknown));
    assert_eq!(known, unknown);
    assert_eq!(known, (401, String::new(), true));
    let typed = service.ask("POST", "/sign-in", &FORM, "email=%22%3E%3Cscript%3Ealert(1)&password=x").await;
    assert!(!typed.body.contains("<script>alert"), "what was typed comes back escaped");
}

#[tokio::test]
async fn the_first_owner_comes_by_the_printed_token() {
    let service = Service::start().await;
    let token = one_time::issue_owner_token(&service.test.platform).await.expect("issued");
    let empty = service.ask("GET", "/first-owner", &[("accept", "text/html")], "").await;
    assert!(empty.status == 200 && empty.body.contains("data-from-fragment"), "{empty:?}");
    let form = |password: &str| {
        format!(
            "token={}&organization=Harbour&name=Olive&email=olive%40harbour.example&password={password}",
            token.reveal()
        )
    };
    let weak = service.ask("POST", "/first-owner", &FORM, &form("short")).await;
    assert!(weak.status == 422 && weak.body.contains("at least 15 characters"), "{weak:?}");
    assert!(weak.body.contains("value=\"Olive\"") && !weak.body.contains("short\""), "kept, but not the password");
    let answer = service.ask("POST", "/first-owner", &FORM, &form(&password())).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let session = session_of(&answer);
    let early = service.ask("GET", "/v1/sessions", &[("cookie", &session)], "").await;
    assert!(early.is_problem("second-factor-required"), "an owner needs a second factor first: {early:?}");
    let choice = service.ask("GET", "/second-factors/required", &[("cookie", &session)], "").await;
    assert!(choice.status == 200 && choice.body.contains("Set up a second factor"), "{choice:?}");
    let again = service.ask("POST", "/first-owner", &FORM, &form(&password())).await;
    assert!(again.status == 422 && again.header("set-cookie").is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let token = one_time::issue_sign_in_link(&service.test.platform, founded.organization, founded.owner)
        .await
        .expect("issued");
    let body = format!("token={}", token.reveal());
    let page = service.ask("GET", "/sign-in/link", &[("accept", "text/html")], "").await;
    assert!(page.body.contains("action=\"/sign-in/link\""), "{page:?}");
    let answer = service.ask("POST", "/sign-in/link", &FORM, &body).await;
    assert_eq!(answer.status, 303);
    assert_eq!(service.ask("GET", "/v1/organization", &[("cookie", &session_of(&answer))], "").await.status, 200);
    let again = service.ask("POST", "/sign-in/link", &FORM, &body).await;
    assert!(again.status == 401 && again.header("set-cookie").is_empty());
}

#[tokio::test]
async fn guessing_passwords_is_slowed_by_network_and_by_account() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let form = FORM;
    let mut answers = Vec::new();
    for _ in 0..11 {
        answers
            .push(service.ask("POST", "/sign-in", &form, "email=owner%40harbour.example&password=guess").await.status);
    }
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10], 429);
    let right = format!("email=owner%40harbour.example&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(service.ask("POST", "/sign-in", &form, &right).await.status, 429, "even with the right one");
    service.test.clock.advance_seconds(60);
    assert_eq!(service.ask("POST", "/sign-in", &form, &right).await.status, 303);
}

#[tokio::test]
async fn no_other_site_signs_somebody_in() {
    let service = Service::start().await;
    let sign_in = service
        .ask("POST", "/sign-in", &[("content-type", "application/x-www-form-urlencoded")], "email=a&password=b")
        .await;
    assert!(sign_in.is_problem("cross-site"), "nor may another site sign somebody in: {sign_in:?}");
}

#[tokio::test]
async fn password_fields_hide_what_is_typed_and_let_managers_help() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Viewer).await;
    let session = format!("ringfence_session={}", persona.session.reveal());
    let mut seen = 0;
    for path in [
        "/sign-in",
        "/first-owner",
        "/sign-in/unlock",
        "/sign-in/reset-factor",
        "/settings/password",
        "/sign-in/confirm",
        "/settings/sign-in",
    ] {
        let page = service.ask("GET", path, &[("accept", "text/html"), ("cookie", &session)], "").await;
        assert_eq!(page.status, 200, "{path}");
        for field in page.body.split("<input ").skip(1).filter_map(|rest| rest.split('>').next()) {
            let word = |name: &str| field.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            if !["password", "current"].contains(&word("name").unwrap_or_default()) {
                continue;
            }
            seen += 1;
            assert_eq!(word("type"), Some("password"), "{path}: {field}");
            let help = word("autocomplete");
            assert!(matches!(help, Some("current-password" | "new-password")), "{path}: {field}");
            let longest: usize = word("maxlength").and_then(|length| length.parse().ok()).unwrap_or(usize::MAX);
            assert!(longest >= 64 && !field.contains("readonly"), "{path}: {field}");
        }
    }
    assert!(seen >= 7, "{seen} fields");
    // No script of ours listens to what is pasted.
    let scripts = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/assets")).expect("a folder");
    for script in scripts.map(|entry| entry.expect("an entry").path()) {
        if script.extension().is_some_and(|kind| kind == "js") {
            let text = std::fs::read_to_string(&script).expect("text");
            assert!(!text.contains("paste"), "{}", script.display());
        }
    }
}

#[tokio::test]
async fn every_page_of_somebody_signed_in_has_the_way_out() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Owner).await;
    let whole = crate::second_factors::Browser::with(&service, &persona.session);
    let early = crate::second_factors::Browser::by_password(&service, &format!("owner@{}.example", "harbour")).await;
    let mut begun = crate::second_factors::Browser::with(&service, &persona.session);
    begun.post("/second-factors/app", "").await;
    let mut looked = 0;
    for rule in &service.table {
        let is_page = rule.method == http::Method::GET && !rule.path.starts_with("/v1/") && !rule.path.contains('{');
        if !is_page || matches!(rule.access, web::Access::Public(_) | web::Access::Visitor(_)) {
            continue;
        }
        for browser in [&whole, &early] {
            let page = browser.get(rule.path).await;
            if page.status == 200 && page.header("content-type").starts_with("text/html") {
                assert!(page.body.contains("action=\"/sign-out\""), "{}", rule.path);
                looked += 1;
            }
        }
    }
    assert!(looked >= 7, "{looked} pages");
}
