//! A forgotten password and a lost second factor: an owner or admin vouches and hands a link over, which opens half of a sign-in.

use identity::reset::{self, What};
use identity::testing::{Persona, platforms, works_too};
use identity::{Error, MembershipState, Role, one_time};
use storage::{OrganizationId, Schema};
use uuid::Uuid;

use crate::fixture::{Answer, FORM, Service, password, session_of};
use crate::second_factors::Browser;

const VOUCHED: &str = "called back on the number in their file";

async fn membership(service: &Service, admin: &Persona, user: Uuid) -> Uuid {
    let members = identity::member::list(&service.test.platform, &admin.caller, None, 100).await.expect("listed");
    members.into_iter().find(|member| member.user == user).expect("a member").id
}

async fn begin(service: &Service, admin: &Persona, user: Uuid, what: What) -> Result<String, Error> {
    let id = membership(service, admin, user).await;
    let token = reset::begin(&service.test.platform, &admin.caller, id, what, VOUCHED).await?;
    Ok(token.reveal().to_owned())
}

async fn open<'a>(service: &'a Service, path: &str, body: &str) -> (Answer, Option<Browser<'a>>) {
    let answer = service.ask("POST", path, &FORM, body).await;
    let browser = (answer.status == 303).then(|| Browser { service, session: session_of(&answer) });
    (answer, browser)
}

async fn services() -> Vec<Service> {
    let all = platforms(sign_in::extend(Schema::new().with(web::TABLES, web::STATEMENTS))).await;
    all.into_iter().map(Service::on).collect()
}

async fn people(service: &Service) -> (OrganizationId, Persona, Persona) {
    let founded = service.test.organization("harbour").await;
    let admin = service.test.member(founded.organization, Role::Admin).await;
    (founded.organization, admin, service.test.member(founded.organization, Role::Manager).await)
}

#[tokio::test]
async fn a_link_for_the_password_asks_for_the_second_factor_and_the_person_chooses() {
    for service in services().await {
        let (_, admin, person) = people(&service).await;
        let mut before = Browser::with(&service, &person.session);
        let (secret, _) = before.enrol().await;
        let former = begin(&service, &admin, person.user, What::Password).await.expect("made");
        assert!(!before.is_in().await, "{}: signed out at once", service.test.name);
        let link = begin(&service, &admin, person.user, What::Password).await.expect("made");
        let (refused, _) = open(&service, "/sign-in/reset-password", &format!("token={former}")).await;
        assert!(refused.status == 401 && refused.body.contains("Ask for a new one"), "withdrawn: {refused:?}");
        let (wrong, _) =
            open(&service, "/sign-in/reset-factor", &format!("token={link}&password={}", password())).await;
        assert_eq!(wrong.status, 401, "a link is for one thing");
        let (_, browser) = open(&service, "/sign-in/reset-password", &format!("token={link}")).await;
        let mut browser = browser.expect("let in as far as that");
        assert!(open(&service, "/sign-in/reset-password", &format!("token={link}")).await.1.is_none(), "once");
        // Whoever made the link has no second factor of the person: nothing else opens, and no password can be set.
        assert!(!browser.is_in().await);
        let led = browser.get("/settings/sign-in").await;
        assert!(led.header("location").starts_with("/sign-in/second-factor"), "{led:?}");
        let early = browser.post("/sign-in/new-password", "password=violet+engine+ten+birch").await;
        assert!(early.header("location").starts_with("/sign-in/second-factor"), "{early:?}");
        assert!(!browser.post("/second-factors/app", "").await.header("location").starts_with("/second-factors/app"));
        service.test.clock.advance_seconds(30);
        let code = secret.code_at(service.test.platform.now());
        assert_eq!(browser.post("/sign-in/second-factor", &format!("code={code}")).await.status, 303);
        assert!(!browser.is_in().await, "still nothing but the new password");
        let led = browser.get("/settings/sign-in").await;
        assert!(led.header("location").starts_with("/sign-in/new-password"), "{led:?}");
        assert!(browser.get("/sign-in/new-password").await.body.contains("Choose a new password"));
        assert_eq!(browser.post("/sign-in/new-password", "password=short").await.status, 422);
        let set = browser.post("/sign-in/new-password", "password=violet+engine+ten+birch").await;
        assert_eq!((set.status, set.header("location")), (303, "/"));
        assert!(browser.is_in().await, "{}", service.test.name);
        assert!(browser.get("/settings/sign-in").await.body.contains("set anew by a reset link"), "and told so");
        let again = browser.post("/sign-in/new-password", "password=another+engine+ten+birch").await;
        assert_eq!(again.status, 409, "that was for once");
        let old = format!("email={}&password={}", person.email.replace('@', "%40"), password());
        assert_eq!(service.ask("POST", "/sign-in", &FORM, &old).await.status, 401, "the forgotten one is gone");
    }
}

#[tokio::test]
async fn a_link_for_the_second_factor_asks_for_the_password_and_replaces_all() {
    for service in services().await {
        let (_, admin, person) = people(&service).await;
        let (lost, codes) = Browser::with(&service, &person.session).enrol().await;
        let link = begin(&service, &admin, person.user, What::SecondFactor).await.expect("made");
        let guess = format!("token={link}&password=guess");
        let (wrong, _) = open(&service, "/sign-in/reset-factor", &guess).await;
        assert!(
            wrong.status == 401 && wrong.body.contains("not your password"),
            "the link alone is nothing: {wrong:?}"
        );
        let right = format!("token={link}&password={}", password());
        let (_, browser) = open(&service, "/sign-in/reset-factor", &right).await;
        let mut browser = browser.expect("let in as far as that");
        assert!(!browser.is_in().await);
        let page = browser.get("/second-factors/required").await;
        assert!(page.body.contains("Your lost factors and backup codes end"), "{page:?}");
        // Until then the old ones hold: a password that was stolen, too, opens nothing new.
        let mut meanwhile = Browser::by_password(&service, &person.email).await;
        assert!(!meanwhile.is_in().await, "{}", service.test.name);
        assert_eq!(meanwhile.post("/sign-in/second-factor", &format!("code={}", codes[1])).await.status, 303);
        assert!(meanwhile.is_in().await, "whoever found the codes, with the password");
        let (fresh, new_codes) = browser.enrol().await;
        assert_eq!(new_codes.len(), 10, "new codes with it");
        assert!(browser.is_in().await, "{}", service.test.name);
        assert!(!meanwhile.is_in().await, "{}: and out with the lost factor", service.test.name);
        service.test.clock.advance_seconds(60);
        let mut by_password = Browser::by_password(&service, &person.email).await;
        let now = service.test.platform.now();
        for gone in [lost.code_at(now), codes[2].clone()] {
            assert_eq!(by_password.post("/sign-in/second-factor", &format!("code={gone}")).await.status, 401, "{gone}");
        }
        let code = fresh.code_at(now);
        assert_eq!(by_password.post("/sign-in/second-factor", &format!("code={code}")).await.status, 303);
        let told = by_password.get("/settings/sign-in").await.body;
        assert!(told.contains("Your second factors were replaced by a reset link"), "{told}");
        assert!(open(&service, "/sign-in/reset-factor", &right).await.1.is_none(), "once");
    }
}

#[tokio::test]
async fn who_may_help_whom_and_for_how_long() {
    for service in services().await {
        let (organization, admin, person) = people(&service).await;
        let (platform, own) = (&service.test.platform, membership(&service, &admin, admin.user).await);
        let owner = service.test.member(organization, Role::Owner).await;
        let above = begin(&service, &admin, owner.user, What::Password).await;
        assert!(matches!(above, Err(Error::BeyondOwnRole)), "an Admin does not reset an Owner: {above:?}");
        let oneself = reset::begin(platform, &admin.caller, own, What::Password, VOUCHED).await;
        assert!(matches!(oneself, Err(Error::Conflict(_))));
        let none = begin(&service, &admin, person.user, What::SecondFactor).await;
        assert!(matches!(none, Err(Error::Conflict(_))), "no factor that could be lost: {none:?}");
        let id = membership(&service, &admin, person.user).await;
        let edge = "x".repeat(reset::MINIMUM_VOUCHED_LENGTH - 1);
        for vouched in ["", &edge, &"x".repeat(reset::MAXIMUM_VOUCHED_LENGTH + 1)] {
            let silent = reset::begin(platform, &admin.caller, id, What::Password, vouched).await;
            assert!(matches!(silent, Err(Error::Invalid { field: "vouched", .. })), "{vouched}");
        }
        let longest = "x".repeat(reset::MAXIMUM_VOUCHED_LENGTH);
        reset::begin(platform, &admin.caller, id, What::Password, &longest).await.expect("made");
        let elsewhere = service.test.organization("mill").await;
        let stranger = service.test.member(elsewhere.organization, Role::Owner).await;
        let foreign = reset::begin(platform, &stranger.caller, id, What::Password, VOUCHED).await;
        assert!(matches!(foreign, Err(Error::NotFound)), "{foreign:?}");

        let link = begin(&service, &admin, person.user, What::Password).await.expect("made");
        service.test.clock.advance_seconds(one_time::RESET_LINK_SECONDS);
        assert!(open(&service, "/sign-in/reset-password", &format!("token={link}")).await.1.is_none(), "an hour");
        let link = begin(&service, &admin_again(&service, organization).await, person.user, What::Password)
            .await
            .expect("made");
        service.test.clock.advance_seconds(one_time::RESET_LINK_SECONDS - 1);
        let (_, browser) = open(&service, "/sign-in/reset-password", &format!("token={link}")).await;
        let mut browser = browser.expect("the last second");
        // Nobody asked this account for a second factor, so there is none to show.
        assert_eq!(browser.post("/sign-in/new-password", "password=violet+engine+ten+birch").await.status, 303);
        assert!(browser.is_in().await, "{}", service.test.name);
    }
}

#[tokio::test]
async fn an_account_that_works_elsewhere_too_is_nobodys_alone() {
    for service in services().await {
        let (organization, admin, person) = people(&service).await;
        let (platform, mill) = (&service.test.platform, service.test.organization("mill").await);
        // Who is suspended there may be let in again.
        works_too(platform, mill.organization, person.user, Role::Owner, MembershipState::Suspended).await;
        let shared = begin(&service, &admin, person.user, What::Password).await;
        assert!(matches!(shared, Err(Error::Conflict(_))), "{}: {shared:?}", service.test.name);

        // A link from before, used after somebody has begun to work elsewhere.
        let later = service.test.member(organization, Role::Manager).await;
        let link = begin(&service, &admin, later.user, What::Password).await.expect("works here only");
        works_too(platform, mill.organization, later.user, Role::Owner, MembershipState::Active).await;
        let (_, browser) = open(&service, "/sign-in/reset-password", &format!("token={link}")).await;
        let mut browser = browser.expect("let in as far as that");
        let set = browser.post("/sign-in/new-password", "password=violet+engine+ten+birch").await;
        assert!(set.status == 409 && set.body.contains("cannot be reset from here"), "{set:?}");
        assert!(!browser.is_in().await);

        let later = service.test.member(organization, Role::Manager).await;
        let (_, _) = Browser::with(&service, &later.session).enrol().await;
        let link = begin(&service, &admin, later.user, What::SecondFactor).await.expect("works here only");
        works_too(platform, mill.organization, later.user, Role::Viewer, MembershipState::Active).await;
        let right = format!("token={link}&password={}", password());
        let (refused, browser) = open(&service, "/sign-in/reset-factor", &right).await;
        assert!(refused.status == 401 && browser.is_none(), "{refused:?}");
        // A link for the password still asks for the second factor, which protects all, and so may be made.
        begin(&service, &admin, later.user, What::Password).await.expect("made");
    }
}

async fn admin_again(service: &Service, organization: OrganizationId) -> Persona {
    service.test.member(organization, Role::Admin).await
}

#[tokio::test]
async fn a_link_ends_with_whoever_made_it_and_the_log_says_who_vouched() {
    let service = Service::start().await;
    let (organization, admin, person) = people(&service).await;
    let owner = service.test.member(organization, Role::Owner).await;
    let link = begin(&service, &admin, person.user, What::Password).await.expect("made");
    let platform = &service.test.platform;
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 1 };
    let entry = platform.audit.entries(&owner.caller.database(platform), &query).await.expect("read").remove(0);
    let record = entry.record.expect("intact");
    assert_eq!((record.action.as_str(), record.actor.id), ("member.reset", Some(admin.user)));
    assert!(!entry.text.contains(VOUCHED), "how is personal, so it is sealed and stands in the tree as a commitment");
    assert_eq!(entry.personal, audit::PersonalValues::Values(vec![("vouched".to_owned(), VOUCHED.to_owned())]));
    let id = membership(&service, &owner, admin.user).await;
    identity::member::leaving::remove(platform, &owner.caller, id).await.expect("removed");
    assert!(
        open(&service, "/sign-in/reset-password", &format!("token={link}")).await.1.is_none(),
        "it ended with them"
    );
    let key = service.test.key(organization, Role::Owner).await;
    let caller = identity::Presented { bearer: Some(key.reveal()), ..identity::Presented::default() };
    let caller = identity::Authenticator::new(platform.clone()).authenticate(caller).await.expect("asked");
    let id = membership(&service, &owner, person.user).await;
    let program = reset::begin(platform, &caller.expect("a key"), id, What::Password, VOUCHED).await;
    assert!(matches!(program, Err(Error::Conflict(_))), "a program vouches for nobody: {program:?}");
}
