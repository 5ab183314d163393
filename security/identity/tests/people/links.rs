//! Links by which one member vouches for another: worth what their maker could grant, to whoever the other is by now.

use identity::invitation::{self, Acceptance};
use identity::member::{joining, leaving, standing};
use identity::notice::{self, Kind};
use identity::reset::{self, What};
use identity::session::Device;
use identity::testing::{PASSWORD, Persona, TestPlatform, platforms};
use identity::token::Secret;
use identity::user::EmailAddress;
use identity::{Caller, Error, Result, Role, SECOND_FACTOR, sign_in};
use storage::{Schema, Statement, Value};
use uuid::Uuid;

use crate::{by_session, founder, membership};

const VOUCHED: &str = "called back on the number in their file";
const CHOSEN: &str = "violet engine ten birch";

/// A role and a standing that are changed without anything else that such a change does.
static MADE_OWNER: Statement =
    Statement::installation("test.made_owner", "update membership set role = 'owner' where user_id = $1");
static STOPPED: Statement =
    Statement::installation("test.stopped", "update membership set state = 'suspended' where user_id = $1");

async fn tested() -> Vec<TestPlatform> {
    platforms(Schema::new().with(&[], &[&MADE_OWNER, &STOPPED])).await
}

async fn make_owner_quietly(test: &TestPlatform, user: Uuid) {
    quietly(test, &MADE_OWNER, user).await;
}

async fn stop_quietly(test: &TestPlatform, user: Uuid) {
    quietly(test, &STOPPED, user).await;
}

async fn quietly(test: &TestPlatform, statement: &'static Statement, user: Uuid) {
    let mut transaction = test.platform.database.installation().begin().await.expect("begun");
    assert_eq!(transaction.execute(statement, &[user.into()]).await.expect("run"), 1);
    transaction.commit().await.expect("committed");
}

/// Somebody whom a directory added: the membership and the person.
async fn added(test: &TestPlatform, owner: &Caller, email: &str) -> (Uuid, Uuid) {
    let email = EmailAddress::parse(email).expect("an address");
    let newcomer = joining::Newcomer { email: &email, name: "Vera", role: Role::Viewer, maximum_members: 100 };
    let mut change = owner.change(&test.platform, "test.add").await.expect("begun");
    let joined = joining::join(&mut change, &newcomer).await.expect("joined");
    change.commit("membership", Some(joined.membership), Vec::new()).await.expect("committed");
    (joined.membership, joined.user)
}

async fn choose_first(test: &TestPlatform, link: &Secret, email: &str) -> Result<Uuid> {
    let acceptance = Acceptance { token: link.reveal(), name: "", email, password: CHOSEN, address: None };
    invitation::accept(&test.platform, &acceptance).await.map(|(_, user)| user)
}

#[tokio::test]
async fn no_first_password_is_chosen_for_somebody_who_has_become_more() {
    for test in tested().await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let admin = test.member(organization, Role::Admin).await.caller;
        let (id, _) = added(&test, &owner, "vera@harbour.example").await;
        let link = invitation::create_for(platform, &admin, id).await.expect("made").1;
        standing::change_role(platform, &owner, id, Role::Owner).await.expect("promoted");
        let taken = choose_first(&test, &link, "vera@harbour.example").await;
        assert!(matches!(taken, Err(Error::TokenRefused)), "{}: {taken:?}", test.name);
        let above = invitation::create_for(platform, &admin, id).await;
        assert!(matches!(above, Err(Error::BeyondOwnRole)), "nor is another link made");

        // The rule holds by itself, whatever else a change of role ends.
        let (id, user) = added(&test, &owner, "paul@harbour.example").await;
        let link = invitation::create_for(platform, &admin, id).await.expect("made").1;
        make_owner_quietly(&test, user).await;
        let taken = choose_first(&test, &link, "paul@harbour.example").await;
        assert!(matches!(taken, Err(Error::TokenRefused)), "{}: {taken:?}", test.name);
        let own = invitation::create_for(platform, &owner, id).await.expect("an owner may").1;
        assert_eq!(choose_first(&test, &own, "paul@harbour.example").await.expect("chosen"), user);
        let session = sign_in::with_password(platform, "paul@harbour.example", CHOSEN, &Device::default()).await;
        let caller = by_session(&test, session.expect("asked").expect("in").reveal()).await.expect("let in");
        let told = notice::list(platform, &caller).await.expect("listed");
        assert_eq!(told.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [Kind::FirstPassword], "and is told");
    }
}

/// An app of this person's, as if it was set up.
async fn has_app(test: &TestPlatform, person: &Persona) {
    let id = test.platform.identifiers.next();
    let now = test.platform.now();
    let fields = [
        ("id", id.into()),
        ("user_id", person.user.into()),
        ("kind", "totp".into()),
        ("name", Vec::<u8>::new().into()),
        ("secret", Vec::<u8>::new().into()),
        ("credential_hash", Value::Null),
        ("last_step", Value::Null),
        ("failures", 0_i64.into()),
        ("created_at", now.into()),
        ("confirmed_at", now.into()),
        ("used_at", Value::Null),
    ];
    let mut change = person.caller.change(&test.platform, "test.app").await.expect("begun");
    change.insert(&SECOND_FACTOR, &fields).await.expect("inserted");
    change.commit("second_factor", Some(id), Vec::new()).await.expect("committed");
}

/// A member with an app, and links of both kinds for them that an Admin made.
struct Vouched {
    admin: Persona,
    person: Persona,
    password: Secret,
    factor: Secret,
}

impl Vouched {
    async fn by_admin(test: &TestPlatform, owner: &Caller) -> Self {
        let admin = test.member(owner.organization(), Role::Admin).await;
        let person = test.member(owner.organization(), Role::Viewer).await;
        has_app(test, &person).await;
        let id = membership(test, owner, &person).await.id;
        let begin = async |what| reset::begin(&test.platform, &admin.caller, id, what, VOUCHED).await.expect("made");
        let (password, factor) = (begin(What::Password).await, begin(What::SecondFactor).await);
        Self { admin, person, password, factor }
    }

    async fn by_password_link(&self, test: &TestPlatform) -> Result<Secret> {
        reset::enter_for_password(&test.platform, self.password.reveal(), &Device::default()).await
    }

    async fn by_factor_link(&self, test: &TestPlatform) -> Result<Secret> {
        reset::enter_for_factor(&test.platform, self.factor.reveal(), PASSWORD, &Device::default()).await
    }

    async fn assert_refused(&self, test: &TestPlatform, why: &str) {
        for (kind, outcome) in
            [("password", self.by_password_link(test).await), ("factor", self.by_factor_link(test).await)]
        {
            assert!(matches!(outcome, Err(Error::TokenRefused)), "{}: {kind}: {why}: {outcome:?}", test.name);
        }
    }
}

#[tokio::test]
async fn nobody_is_let_back_in_as_more_than_whoever_vouched_could_grant() {
    for test in tested().await {
        let (_, owner) = founder(&test, "harbour").await;
        let vouched = Vouched::by_admin(&test, &owner).await;
        let id = membership(&test, &owner, &vouched.person).await.id;
        standing::change_role(&test.platform, &owner, id, Role::Owner).await.expect("promoted");
        vouched.assert_refused(&test, "promoted").await;

        // What was opened before the promotion goes as well.
        let vouched = Vouched::by_admin(&test, &owner).await;
        let opened = vouched.by_password_link(&test).await.expect("a Viewer's");
        assert!(by_session(&test, opened.reveal()).await.is_some());
        let id = membership(&test, &owner, &vouched.person).await.id;
        standing::change_role(&test.platform, &owner, id, Role::Viewer).await.expect("as before");
        assert!(by_session(&test, opened.reveal()).await.is_some(), "nothing changed");
        standing::change_role(&test.platform, &owner, id, Role::Owner).await.expect("promoted");
        assert!(by_session(&test, opened.reveal()).await.is_none(), "{}: half a sign-in", test.name);
    }
}

#[tokio::test]
async fn a_link_that_helps_back_in_is_worth_what_its_maker_may_do_now() {
    for test in tested().await {
        let (_, owner) = founder(&test, "harbour").await;
        let vouched = Vouched::by_admin(&test, &owner).await;
        make_owner_quietly(&test, vouched.person.user).await;
        vouched.assert_refused(&test, "the person is more than the maker may grant").await;

        let vouched = Vouched::by_admin(&test, &owner).await;
        stop_quietly(&test, vouched.admin.user).await;
        vouched.assert_refused(&test, "the maker is stopped").await;

        // Suspending ends them for good, and what they have let in.
        let vouched = Vouched::by_admin(&test, &owner).await;
        let opened = vouched.by_password_link(&test).await.expect("while the maker works here");
        let id = membership(&test, &owner, &vouched.admin).await.id;
        standing::suspend(&test.platform, &owner, id).await.expect("suspended");
        assert!(by_session(&test, opened.reveal()).await.is_none(), "{}: half a sign-in", test.name);
        vouched.assert_refused(&test, "the maker is suspended").await;
        standing::reinstate(&test.platform, &owner, id).await.expect("let in again");
        vouched.assert_refused(&test, "and the links do not come back").await;

        let vouched = Vouched::by_admin(&test, &owner).await;
        let id = membership(&test, &owner, &vouched.admin).await.id;
        standing::change_role(&test.platform, &owner, id, Role::Viewer).await.expect("demoted");
        vouched.assert_refused(&test, "the maker is a Viewer").await;

        let vouched = Vouched::by_admin(&test, &owner).await;
        let opened = vouched.by_password_link(&test).await.expect("while the maker works here");
        let id = membership(&test, &owner, &vouched.admin).await.id;
        leaving::remove(&test.platform, &owner, id).await.expect("removed");
        assert!(by_session(&test, opened.reveal()).await.is_none(), "{}: the maker has left", test.name);
        vouched.by_factor_link(&test).await.expect_err("nor another");

        let vouched = Vouched::by_admin(&test, &owner).await;
        vouched.by_password_link(&test).await.expect("while the maker works here");
        vouched.by_factor_link(&test).await.expect("while the maker works here");
    }
}
