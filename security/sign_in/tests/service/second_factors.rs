//! Second factors over HTTP: what a password alone reaches, how an app is set up and shown, backup codes, confirmations.

use identity::member::standing::change_role;
use identity::session::Device;
use identity::testing::{platforms, works_too};
use identity::token::Secret;
use identity::{Factor, MembershipState, Role};
use sign_in::second_factor::{MAXIMUM_FAILURES, PENDING_SECONDS};
use sign_in::totp::SharedSecret;
use storage::Schema;

use crate::fixture::{Answer, FORM, Service, password, session_of};

const PAGE: (&str, &str) = ("accept", "text/html");

/// A browser that keeps its cookie.
pub struct Browser<'a> {
    pub service: &'a Service,
    pub session: String,
}

impl<'a> Browser<'a> {
    /// Signs in by password, wherever that leads.
    pub async fn by_password(service: &'a Service, email: &str) -> Browser<'a> {
        let body = format!("email={}&password={}", email.replace('@', "%40"), password());
        let answer = service.ask("POST", "/sign-in", &FORM, &body).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        Browser { service, session: session_of(&answer) }
    }

    pub fn with(service: &'a Service, session: &Secret) -> Browser<'a> {
        Browser { service, session: format!("ringfence_session={}", session.reveal()) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.service.ask("GET", path, &[PAGE, ("cookie", &self.session)], "").await
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        let headers = [FORM[0], FORM[1], PAGE, ("cookie", &self.session)];
        let answer = self.service.ask("POST", path, &headers, body).await;
        if !answer.header("set-cookie").is_empty() {
            self.session = session_of(&answer);
        }
        answer
    }

    /// Does this browser reach what members reach?
    pub async fn is_in(&self) -> bool {
        self.service.ask("GET", "/v1/organization", &[("cookie", &self.session)], "").await.status == 200
    }

    /// Sets an app up; gives its secret and the backup codes that were shown.
    pub async fn enrol(&mut self) -> (SharedSecret, Vec<String>) {
        assert_eq!(self.post("/second-factors/app", "").await.header("location"), "/second-factors/app");
        let secret = secret_on(&self.get("/second-factors/app").await);
        let code = secret.code_at(self.service.test.platform.now());
        let answer = self.post("/second-factors/app/confirmation", &format!("code={code}&name=my+phone")).await;
        assert!(answer.status == 200 || answer.status == 303, "{answer:?}");
        (secret, codes_on(&answer))
    }
}

/// The secret that the page shows as text.
fn secret_on(page: &Answer) -> SharedSecret {
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    let text = page.body.split("id=\"app-key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    SharedSecret::parse(text).expect("a secret as people type it")
}

fn codes_on(page: &Answer) -> Vec<String> {
    page.body
        .split("<li>")
        .skip(1)
        .filter_map(|rest| rest.split("</li>").next())
        .filter(|code| code.len() == 11)
        .map(str::to_owned)
        .collect()
}

async fn services() -> Vec<Service> {
    let all = platforms(sign_in::extend(Schema::new().with(web::TABLES, web::STATEMENTS))).await;
    all.into_iter().map(Service::on).collect()
}

#[tokio::test]
async fn owners_and_admins_with_a_password_alone_reach_nothing_but_the_enrolment() {
    for role in [Role::Owner, Role::Admin] {
        let service = Service::start().await;
        let founded = service.test.organization("harbour").await;
        let persona = service.test.member(founded.organization, role).await;
        let browser = Browser::by_password(&service, &persona.email).await;
        let mut asked = 0;
        for rule in &service.table {
            let open = matches!(rule.access, web::Access::Public(_) | web::Access::Visitor(_));
            if open || rule.early != web::Early::No {
                continue;
            }
            let path = rule.path.replace("{id}", "01890000-0000-7000-8000-000000000000");
            let headers = [FORM[1], ("cookie", browser.session.as_str())];
            let answer = service.ask(rule.method.as_str(), &path, &headers, "").await;
            // Directories read errors of another form.
            let told = answer.is_problem("second-factor-required") || rule.path.starts_with("/scim/");
            let refused = answer.status == 403 && answer.body.contains("urn:ringfence:problem:second-factor-required");
            assert!(told && refused, "{role:?}: {} {}: {answer:?}", rule.method, rule.path);
            asked += 1;
        }
        assert!(asked > 10, "{asked} routes");
        let led = browser.get("/settings/sign-in").await;
        let enrolment = "/second-factors/required?next=%2Fsettings%2Fsign-in";
        assert_eq!((led.status, led.header("location")), (303, enrolment), "{role:?}");
        assert_eq!(browser.get("/second-factors/required").await.status, 200, "{role:?}");
        service.test.clock.advance_seconds(identity::INCOMPLETE_SECONDS);
        assert_eq!(browser.get("/second-factors/required").await.status, 401, "{role:?}: and not for long");
    }
}

#[tokio::test]
async fn a_second_factor_is_demanded_of_owners_and_admins_only() {
    for service in services().await {
        let founded = service.test.organization("harbour").await;
        let owner = service.test.member(founded.organization, Role::Owner).await;
        for role in Role::ALL {
            let persona = service.test.member(founded.organization, role).await;
            let browser = Browser::by_password(&service, &persona.email).await;
            let is_held = matches!(role, Role::Owner | Role::Admin);
            assert_eq!(browser.is_in().await, !is_held, "{} {role:?}", service.test.name);
        }
        let viewer = service.test.member(founded.organization, Role::Viewer).await;
        let browser = Browser::by_password(&service, &viewer.email).await;
        assert!(browser.is_in().await, "{}", service.test.name);
        let platform = &service.test.platform;
        let members = identity::member::list(platform, &owner.caller, None, 100).await.expect("listed");
        let membership = members.iter().find(|member| member.user == viewer.user).expect("a member").id;
        change_role(platform, &owner.caller, membership, Role::Admin).await.expect("raised");
        assert!(!browser.is_in().await, "who becomes an Admin is held from the next request on");
    }
}

#[tokio::test]
async fn an_app_counts_from_its_first_code_and_no_code_twice() {
    for service in services().await {
        service.test.organization("harbour").await;
        let mut browser = Browser::by_password(&service, "owner@harbour.example").await;
        browser.post("/second-factors/app", "").await;
        let former = browser.session.clone();
        let wrong = browser.post("/second-factors/app/confirmation", "code=000000").await;
        assert!(wrong.status == 422 && wrong.body.contains("not right") && !browser.is_in().await, "{wrong:?}");
        let (secret, codes) = browser.enrol().await;
        assert_eq!(codes.len(), 10);
        assert_ne!(browser.session, former, "a new token with the second factor");
        assert!(browser.is_in().await, "{}", service.test.name);
        let stale = Browser { service: &service, session: former };
        assert_eq!(stale.get("/second-factors/required").await.status, 401, "the old token is worth nothing");

        let mut again = Browser::by_password(&service, "owner@harbour.example").await;
        assert!(!again.is_in().await);
        assert_eq!(again.get("/second-factors/app").await.status, 303, "a password alone adds no factor to an account");
        assert!(again.post("/passkeys/registration", "").await.status != 200);
        let used = secret.code_at(service.test.platform.now());
        let replayed = again.post("/sign-in/second-factor", &format!("code={used}")).await;
        assert!(replayed.status == 401 && !again.is_in().await, "the code of the enrolment was used");
        service.test.clock.advance_seconds(30);
        let fresh = secret.code_at(service.test.platform.now());
        let shown = again.post("/sign-in/second-factor", &format!("code={fresh}&next=%2Fcalls")).await;
        assert_eq!((shown.status, shown.header("location")), (303, "/calls"));
        assert!(again.is_in().await);
        let mut third = Browser::by_password(&service, "owner@harbour.example").await;
        assert_eq!(third.post("/sign-in/second-factor", &format!("code={fresh}")).await.status, 401, "nor twice");
    }
}

#[tokio::test]
async fn what_was_not_confirmed_is_not_asked_for() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let persona = service.test.member(founded.organization, Role::Viewer).await;
    let mut browser = Browser::with(&service, &persona.session);
    browser.post("/second-factors/app", "").await;
    let next = Browser::by_password(&service, &persona.email).await;
    assert!(next.is_in().await, "a Viewer without a confirmed factor signs in by password");
    let (_, codes) = browser.enrol().await;
    assert_eq!(codes.len(), 10);
    assert!(!next.is_in().await, "a session by password alone is not enough from then on");
    assert!(!Browser::by_password(&service, &persona.email).await.is_in().await);
}

#[tokio::test]
async fn an_app_is_confirmed_where_it_was_begun_and_not_later_than_in_fifteen_minutes() {
    for service in services().await {
        let founded = service.test.organization("harbour").await;
        let persona = service.test.member(founded.organization, Role::Manager).await;
        let mut browser = Browser::by_password(&service, &persona.email).await;
        browser.post("/second-factors/app", "").await;
        let secret = secret_on(&browser.get("/second-factors/app").await);
        let mut other = Browser::by_password(&service, &persona.email).await;
        let shown = other.get("/second-factors/app").await;
        assert_eq!((shown.status, shown.header("location")), (303, "/settings/sign-in"), "{}", service.test.name);
        let typed = |service: &Service| format!("code={}", secret.code_at(service.test.platform.now()));
        assert_eq!(other.post("/second-factors/app/confirmation", &typed(&service)).await.status, 409);
        // Who is there is confirmed meanwhile, so that it is the app's own time that ends.
        service.test.clock.advance_seconds(PENDING_SECONDS - 60);
        assert_eq!(browser.post("/sign-in/confirm", &format!("password={}", password())).await.status, 303);
        service.test.clock.advance_seconds(59);
        assert_eq!(browser.get("/second-factors/app").await.status, 200, "the last second");
        service.test.clock.advance_seconds(1);
        let over = browser.get("/second-factors/app").await;
        assert_eq!((over.status, over.header("location")), (303, "/settings/sign-in"), "{}", service.test.name);
        assert_eq!(browser.post("/second-factors/app/confirmation", &typed(&service)).await.status, 409);
        browser.enrol().await;
        assert!(browser.is_in().await && !other.is_in().await, "begun anew it counts");
    }
}

#[tokio::test]
async fn another_organizations_provider_does_not_finish_what_was_begun() {
    for service in services().await {
        let (here, mill) = (service.test.organization("harbour").await, service.test.organization("mill").await);
        let persona = service.test.member(here.organization, Role::Manager).await;
        let platform = &service.test.platform;
        Browser::by_password(&service, &persona.email).await.post("/second-factors/app", "").await;
        let factors = [Factor::SingleSignOnTwoFactors];
        let device = Device::default();
        let admitted = identity::sign_in::admit(platform, persona.user, Some(here.organization), &factors, &device);
        let mut by_provider = Browser::with(&service, &admitted.await.expect("asked").expect("let in"));
        assert_eq!(by_provider.get("/second-factors/app").await.header("location"), "/settings/sign-in", "not its own");
        assert_eq!(by_provider.post("/second-factors/app", "").await.status, 303, "while nobody else relies on it");
        let secret = secret_on(&by_provider.get("/second-factors/app").await);
        works_too(platform, mill.organization, persona.user, Role::Owner, MembershipState::Active).await;
        let code = secret.code_at(platform.now());
        let ceremony = "ceremony=01890000-0000-7000-8000-000000000000&name=&credential=%7B%7D";
        for refused in [
            by_provider.get("/second-factors/app").await,
            by_provider.post("/second-factors/app/confirmation", &format!("code={code}")).await,
            by_provider.post("/passkeys/registration/answer", ceremony).await,
        ] {
            let told = refused.status == 409 && refused.body.contains("belongs to other organizations");
            assert!(told, "{}: {refused:?}", service.test.name);
        }
        let has_factor = identity::sign_in::has_second_factor(platform, persona.user).await.expect("asked");
        assert!(!has_factor, "{}: no factor was added", service.test.name);
    }
}

#[tokio::test]
async fn each_backup_code_works_once_and_new_ones_end_the_old() {
    for service in services().await {
        service.test.organization("harbour").await;
        let mut owner = Browser::by_password(&service, "owner@harbour.example").await;
        let (_, codes) = owner.enrol().await;
        let file = owner.post("/second-factors/codes/file", &format!("codes={}", codes.join("+"))).await;
        assert!(file.header("content-disposition").starts_with("attachment") && file.body.contains(&codes[9]));
        let mut browser = Browser::by_password(&service, "owner@harbour.example").await;
        let typed = codes[3].to_uppercase().replace('-', "+");
        assert_eq!(browser.post("/sign-in/second-factor", &format!("code={typed}")).await.status, 303);
        assert!(browser.is_in().await, "{}", service.test.name);
        service.test.clock.advance_seconds(600);
        let mut again = Browser::by_password(&service, "owner@harbour.example").await;
        assert_eq!(again.post("/sign-in/second-factor", &format!("code={}", codes[3])).await.status, 401, "once");
        let renewed = codes_on(&owner.post("/second-factors/codes", "").await);
        assert_eq!(renewed.len(), 10);
        assert_eq!(again.post("/sign-in/second-factor", &format!("code={}", codes[4])).await.status, 401, "dead");
        assert_eq!(again.post("/sign-in/second-factor", &format!("code={}", renewed[0])).await.status, 303);
    }
}

#[tokio::test]
async fn guessing_codes_is_slowed_and_stopped() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let (secret, codes) = Browser::by_password(&service, "owner@harbour.example").await.enrol().await;
    let mut browser = Browser::by_password(&service, "owner@harbour.example").await;
    let mut slowed = false;
    for _ in 0..12 {
        slowed |= browser.post("/sign-in/second-factor", "code=000000").await.status == 429;
    }
    assert!(slowed, "ten in ten minutes");
    // The rest of the hundred, past the limits of rate, as a patient thief would.
    service.test.clock.advance_seconds(3_600);
    let persona = Browser::by_password(&service, "owner@harbour.example").await;
    let presented = identity::Presented {
        session: persona.session.strip_prefix("ringfence_session="),
        ..identity::Presented::default()
    };
    let platform = &service.test.platform;
    let caller = identity::Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked");
    let caller = caller.expect("a session");
    for _ in 0..MAXIMUM_FAILURES {
        assert!(sign_in::second_factor::show_code(platform, &caller, "000000").await.is_err());
    }
    let right = secret.code_at(platform.now());
    let stopped = sign_in::second_factor::show_code(platform, &caller, &right).await;
    assert!(matches!(stopped, Err(sign_in::Error::TooManyWrongCodes)), "even the right one");
    assert!(sign_in::second_factor::show_code(platform, &caller, &codes[0]).await.is_ok(), "a backup code helps");
    service.test.clock.advance_seconds(30);
    let mut browser = Browser::by_password(&service, "owner@harbour.example").await;
    let right = secret.code_at(platform.now());
    let shown = browser.post("/sign-in/second-factor", &format!("code={right}")).await;
    assert_eq!(shown.status, 303, "and the app is asked again: {shown:?}");
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn sensitive_acts_ask_again_who_is_there() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let mut browser = Browser::by_password(&service, "owner@harbour.example").await;
    let (secret, _) = browser.enrol().await;
    service.test.clock.advance_seconds(identity::STEP_UP_SECONDS - 1);
    assert_eq!(browser.post("/second-factors/codes", "").await.status, 200, "the last second");
    service.test.clock.advance_seconds(1);
    let headers = [FORM[0], FORM[1], ("cookie", browser.session.as_str())];
    let program = service.ask("POST", "/second-factors/codes", &headers, "").await;
    assert!(program.is_problem("step-up-required"), "{program:?}");
    let headers = [
        FORM[0],
        FORM[1],
        PAGE,
        ("cookie", browser.session.as_str()),
        ("referer", "http://desk.example/settings/sign-in"),
    ];
    let led = service.ask("POST", "/second-factors/codes", &headers, "").await;
    assert_eq!((led.status, led.header("location")), (303, "/sign-in/confirm?next=%2Fsettings%2Fsign-in"));
    assert!(browser.is_in().await, "everything else goes on");
    assert_eq!(browser.post("/sign-in/confirm", "code=000000").await.status, 401);
    assert!(browser.post("/sign-in/confirm", &format!("password={}", password())).await.status == 409, "not by less");
    let former = browser.session.clone();
    let code = secret.code_at(service.test.platform.now());
    let confirmed = browser.post("/sign-in/confirm", &format!("code={code}&next=%2Fsettings%2Fsign-in")).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/settings/sign-in"));
    assert_ne!(browser.session, former, "a new token with every confirmation");
    assert!(!Browser { service: &service, session: former }.is_in().await);
    assert_eq!(browser.post("/second-factors/codes", "").await.status, 200);
}

#[tokio::test]
async fn the_last_factor_stays_where_it_is_asked_for() {
    let service = Service::start().await;
    let founded = service.test.organization("harbour").await;
    let mut owner = Browser::by_password(&service, "owner@harbour.example").await;
    owner.enrol().await;
    let id = |page: &Answer| {
        page.body
            .split("/second-factors/")
            .find_map(|rest| rest.split("/removal").next().filter(|id| id.len() == 36))
            .map(str::to_owned)
    };
    assert_eq!(id(&owner.get("/settings/sign-in").await), None, "no button for it");
    let persona = service.test.member(founded.organization, Role::Viewer).await;
    let mut viewer = Browser::with(&service, &persona.session);
    viewer.enrol().await;
    let own = id(&viewer.get("/settings/sign-in").await).expect("a button");
    assert_eq!(owner.post(&format!("/second-factors/{own}/removal"), "").await.status, 409, "not another's");
    let path = format!("/second-factors/{own}/removal");
    assert_eq!(viewer.post(&path, "password=guess").await.status, 422);
    assert_eq!(viewer.post(&path, &format!("password={}", password())).await.status, 303);
    assert!(Browser::by_password(&service, &persona.email).await.is_in().await);
}

#[tokio::test]
async fn the_secret_is_stored_sealed_only() {
    let service = Service::start().await;
    service.test.organization("harbour").await;
    let (secret, codes) = Browser::by_password(&service, "owner@harbour.example").await.enrol().await;
    let holds = |bytes: &[u8]| {
        let files = std::fs::read_dir(service.test.database.folder()).expect("a folder");
        files.filter_map(Result::ok).filter(|entry| entry.path().is_file()).any(|entry| {
            let content = std::fs::read(entry.path()).expect("a file");
            content.windows(bytes.len()).any(|window| window == bytes)
        })
    };
    assert!(holds(b"second_factor"), "the right folder is searched");
    assert!(!holds(secret.as_bytes()) && !holds(secret.text().as_bytes()));
    assert!(codes.iter().all(|code| !holds(code.as_bytes()) && !holds(code.replace('-', "").as_bytes())));
}
