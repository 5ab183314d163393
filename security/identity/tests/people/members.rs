//! Invitations, roles, and leaving: everything of a leaver is refused at the next request.

use identity::api_key::{self, NewKey};
use identity::invitation::{self, Acceptance, DEFAULT_ROLE, LIFE_SECONDS};
use identity::member::{leaving, standing};
use identity::session::Device;
use identity::testing::{PASSWORD, TestPlatform, platforms};
use identity::{Belonging, Caller, Environment, Error, MembershipState, Role, member, one_time, sign_in};
use storage::{Column, Erasure, Owner, Retention, Schema, SealedWith, Statement, Table};
use uuid::Uuid;
use vault::Field;

use crate::{audited, by_key, by_session, founder, membership};

/// Something that a part above would have.
static LANTERN: Table = Table {
    name: "lantern",
    owner: Owner::Organization,
    columns: &[
        Column::sealed("name", SealedWith::Organization),
        Column::uuid("created_by").nullable(),
        Column::time("created_at"),
        Column::time("revoked_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("made up for a test"),
};
static LISTED: Statement = Statement::organization(
    "test.lanterns",
    "select id, name, created_by, created_at from lantern \
     where organization_id = $1 and created_at <= $2 and revoked_at is null order by id limit $3",
);
static REVOKE: Statement = Statement::organization(
    "test.lantern_revoke",
    "update lantern set revoked_at = $3 where organization_id = $1 and id = $2 and revoked_at is null",
);
static REVOKE_OF_MAKER: Statement = Statement::organization(
    "test.lanterns_revoke_of_maker",
    "update lantern set revoked_at = $3 where organization_id = $1 and created_by = $2 and revoked_at is null",
);
static BELONGINGS: [Belonging; 1] = [Belonging {
    kind: "lantern",
    table: &LANTERN,
    listed: &LISTED,
    revoke: &REVOKE,
    revoke_of_maker: &REVOKE_OF_MAKER,
}];

/// Platforms with lanterns.
pub async fn with_lanterns() -> Vec<TestPlatform> {
    let schema = Schema::new().with(&[&LANTERN], &[&LISTED, &REVOKE, &REVOKE_OF_MAKER]);
    let mut platforms = platforms(schema).await;
    for test in &mut platforms {
        test.platform.belongings = &BELONGINGS;
    }
    platforms
}

/// Makes a lantern of this caller's.
pub async fn lantern(test: &TestPlatform, caller: &Caller) -> Uuid {
    let id = test.platform.identifiers.next();
    let keyring = caller.keyring(&test.platform).await.expect("open");
    let mut change = caller.change(&test.platform, "lantern.make").await.expect("begun");
    let fields = [
        ("id", id.into()),
        ("name", keyring.seal_text(Field::new(&LANTERN, "name", id), "Lantern").expect("sealed").into()),
        ("created_by", caller.user().into()),
        ("created_at", test.platform.now().into()),
    ];
    change.insert(&LANTERN, &fields).await.expect("inserted");
    change.commit("lantern", Some(id), Vec::new()).await.expect("committed");
    id
}

/// Is this lantern out?
pub async fn is_out(test: &TestPlatform, caller: &Caller, id: Uuid) -> bool {
    let row = caller.database(&test.platform).get(&LANTERN, id).await.expect("read").expect("there");
    row.optional_timestamp("revoked_at").expect("a time").is_some()
}

fn acceptance<'a>(token: &'a str, email: &'a str, password: &'a str) -> Acceptance<'a> {
    Acceptance { token, name: "Nadia New", email, password, address: None }
}

#[tokio::test]
async fn everything_of_a_leaver_is_refused_at_the_next_request() {
    for test in with_lanterns().await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let leaver = test.member(organization, Role::Admin).await;
        let stayer = test.member(organization, Role::Admin).await;
        let new = NewKey { name: "Sync", environment: Environment::Live, role: Role::Admin, expires_at: None };
        let (_, key) = api_key::create(platform, &leaver.caller, &new).await.expect("made");
        let by_their_key = by_key(&test, key.reveal()).await.expect("let in");
        let (_, second_key) = api_key::create(platform, &by_their_key, &new).await.expect("made");
        let (_, stayers_key) = api_key::create(platform, &stayer.caller, &new).await.expect("made");
        let (_, invitation) = invitation::create(platform, &leaver.caller, DEFAULT_ROLE, "Nadia").await.expect("made");
        let link = one_time::issue_sign_in_link(platform, organization, leaver.user).await.expect("issued");
        let (theirs, others) = (lantern(&test, &leaver.caller).await, lantern(&test, &stayer.caller).await);
        let id = membership(&test, &owner, &leaver).await.id;

        let ended = leaving::remove(platform, &owner, id).await.expect("removed");
        let expected = leaving::Ended { sessions: 1, keys: 2, invitations: 1, links: 1, belongings: 1 };
        assert_eq!(ended, expected, "{}", test.name);
        assert!(by_session(&test, leaver.session.reveal()).await.is_none(), "{}: the session", test.name);
        assert!(by_key(&test, key.reveal()).await.is_none(), "the key");
        assert!(by_key(&test, second_key.reveal()).await.is_none(), "the key that the key made");
        assert!(sign_in::with_link(platform, link.reveal(), &Device::default()).await.is_err(), "the link");
        let joined = invitation::accept(platform, &acceptance(invitation.reveal(), "n@new.example", PASSWORD)).await;
        assert!(matches!(joined, Err(Error::TokenRefused)), "the invitation: {joined:?}");
        assert!(is_out(&test, &owner, theirs).await, "the widget");
        let signed_in = sign_in::with_password(platform, &leaver.email, PASSWORD, &Device::default()).await;
        assert!(matches!(signed_in, Ok(None)), "the password");
        assert!(by_session(&test, stayer.session.reveal()).await.is_some(), "who stays, stays");
        assert!(by_key(&test, stayers_key.reveal()).await.is_some());
        assert!(!is_out(&test, &owner, others).await);
        assert_eq!(membership(&test, &owner, &leaver).await.state, MembershipState::Left, "the line stays");
        assert_eq!(audited(&test, &owner).await[0], "member.remove");
        let again = leaving::remove(platform, &owner, id).await;
        assert!(matches!(again, Err(Error::Conflict(_))));
    }
}

#[tokio::test]
async fn a_removal_that_fails_ends_nothing() {
    for mut test in with_lanterns().await {
        static BROKEN: Statement = Statement::organization("test.broken", "select id from lantern where nonsense = $1");
        static WITH_BROKEN: [Belonging; 1] = [Belonging { revoke_of_maker: &BROKEN, ..BELONGINGS[0] }];
        let (organization, owner) = founder(&test, "harbour").await;
        let member = test.member(organization, Role::Manager).await;
        let id = membership(&test, &owner, &member).await.id;
        test.platform.belongings = &WITH_BROKEN;
        assert!(leaving::remove(&test.platform, &owner, id).await.is_err(), "{}", test.name);
        assert!(by_session(&test, member.session.reveal()).await.is_some(), "{}: one transaction or none", test.name);
        assert_eq!(membership(&test, &owner, &member).await.state, MembershipState::Active);
    }
}

#[tokio::test]
async fn an_invitation_makes_a_viewer_once() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let (offer, token) =
            invitation::create(platform, &owner, DEFAULT_ROLE, "Nadia, front desk").await.expect("made");
        assert_eq!(offer.role, Role::Viewer, "the smallest role unless another is chosen");
        let address = invitation::address("https://desk.example/", &token);
        assert_eq!(address, format!("https://desk.example/invitation#{}", token.reveal()));
        let listed = invitation::list(platform, &owner, None, 10).await.expect("listed");
        assert_eq!((listed.len(), listed[0].note.as_str()), (1, "Nadia, front desk"));
        let weak = invitation::accept(platform, &acceptance(token.reveal(), "nadia@new.example", "short")).await;
        assert!(matches!(weak, Err(Error::Invalid { field: "password", .. })), "and the link is still good");
        let taken =
            invitation::accept(platform, &acceptance(token.reveal(), "owner@harbour.example", "a guess of mine 7"))
                .await;
        assert!(matches!(taken, Err(Error::Invalid { field: "password", .. })), "somebody else's address");
        test.clock.advance_seconds(LIFE_SECONDS - 1);
        let (joined, user) = invitation::accept(platform, &acceptance(token.reveal(), "nadia@new.example", PASSWORD))
            .await
            .expect("joined");
        assert_eq!(joined, organization);
        let session = sign_in::with_password(platform, "nadia@new.example", PASSWORD, &Device::default()).await;
        let caller = by_session(&test, session.expect("asked").expect("signed in").reveal()).await.expect("let in");
        assert_eq!(
            (caller.user(), caller.role(), caller.display_name()),
            (Some(user), Some(Role::Viewer), "Nadia New")
        );
        let again = invitation::accept(platform, &acceptance(token.reveal(), "n2@new.example", PASSWORD)).await;
        assert!(matches!(again, Err(Error::TokenRefused)), "{}: used up", test.name);
        assert!(invitation::list(platform, &owner, None, 10).await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn invitations_end_by_time_by_hand_and_with_the_rights_of_their_maker() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let admin = test.member(organization, Role::Admin).await;
        let above = invitation::create(platform, &admin.caller, Role::Owner, "too high").await;
        assert!(matches!(above, Err(Error::BeyondOwnRole)));
        let (late, late_token) = invitation::create(platform, &owner, Role::Viewer, "late").await.expect("made");
        let refused = |token: String| {
            let platform = platform.clone();
            async move {
                let accepted = invitation::accept(&platform, &acceptance(&token, "n@new.example", PASSWORD)).await;
                matches!(accepted, Err(Error::TokenRefused))
            }
        };
        test.clock.advance_seconds(LIFE_SECONDS);
        assert!(refused(late_token.reveal().to_owned()).await, "{}: over", test.name);
        assert!(matches!(invitation::revoke(platform, &owner, late.id).await, Err(Error::NotFound)));
        let (withdrawn, token) = invitation::create(platform, &owner, Role::Viewer, "withdrawn").await.expect("made");
        let (_, elsewhere) = founder(&test, "elsewhere").await;
        let foreign = invitation::revoke(platform, &elsewhere, withdrawn.id).await;
        assert!(matches!(foreign, Err(Error::NotFound)), "another organization's");
        invitation::revoke(platform, &owner, withdrawn.id).await.expect("withdrawn");
        assert!(refused(token.reveal().to_owned()).await, "withdrawn");
        let (_, token) = invitation::create(platform, &admin.caller, Role::Admin, "by an admin").await.expect("made");
        let id = membership(&test, &owner, &admin).await.id;
        standing::change_role(platform, &owner, id, Role::Viewer).await.expect("demoted");
        assert!(refused(token.reveal().to_owned()).await, "{}: its maker could not make it now", test.name);
        for wrong in ["", "nonsense", "é"] {
            assert!(refused(wrong.to_owned()).await, "{wrong}");
        }
    }
}

#[tokio::test]
async fn who_had_left_comes_back_with_their_old_password_and_a_suspended_member_does_not() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let member = test.member(organization, Role::Admin).await;
        let id = membership(&test, &owner, &member).await.id;
        standing::suspend(platform, &owner, id).await.expect("suspended");
        assert!(by_session(&test, member.session.reveal()).await.is_none());
        let (_, token) = invitation::create(platform, &owner, Role::Viewer, "Mika").await.expect("made");
        let back = |password: &'static str| {
            invitation::accept(
                platform,
                Box::leak(Box::new(Acceptance {
                    token: token.reveal(),
                    name: "",
                    email: &member.email,
                    password,
                    address: None,
                })),
            )
        };
        assert!(matches!(back(PASSWORD).await, Err(Error::TokenRefused)), "a link lifts no suspension");
        leaving::remove(platform, &owner, id).await.expect("removed");
        assert!(matches!(back("another password 9").await, Err(Error::Invalid { field: "password", .. })));
        let (_, user) = back(PASSWORD).await.expect("back");
        let now = membership(&test, &owner, &member).await;
        assert_eq!((user, now.id, now.role, now.state), (member.user, id, Role::Viewer, MembershipState::Active));
        assert!(by_session(&test, member.session.reveal()).await.is_none(), "{}: old sessions stay ended", test.name);
    }
}

#[tokio::test]
async fn nobody_acts_above_themselves_and_the_last_owner_stays() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let admin = test.member(organization, Role::Admin).await;
        let members = member::list(platform, &owner, None, 10).await.expect("listed");
        let owners = members.iter().find(|member| member.role == Role::Owner).expect("the owner").id;
        let admins = membership(&test, &owner, &admin).await.id;
        let refused = [
            standing::change_role(platform, &admin.caller, owners, Role::Viewer).await,
            standing::suspend(platform, &admin.caller, owners).await,
            leaving::remove(platform, &admin.caller, owners).await.map(drop),
            standing::change_role(platform, &admin.caller, admins, Role::Owner).await,
        ];
        for outcome in refused {
            assert!(matches!(outcome, Err(Error::BeyondOwnRole)), "{}: {outcome:?}", test.name);
        }
        let last = [
            standing::change_role(platform, &owner, owners, Role::Admin).await,
            standing::suspend(platform, &owner, owners).await,
            leaving::remove(platform, &owner, owners).await.map(drop),
            leaving::leave(platform, &owner).await.map(drop),
        ];
        for outcome in last {
            assert!(matches!(outcome, Err(Error::Conflict(_))), "{}: {outcome:?}", test.name);
        }
        standing::change_role(platform, &owner, admins, Role::Owner).await.expect("promoted");
        leaving::leave(platform, &owner).await.expect("one of two owners may go");
        assert!(
            by_session(&test, admin.session.reveal()).await.is_some_and(|caller| caller.role() == Some(Role::Owner))
        );
        let (_, stranger) = founder(&test, "elsewhere").await;
        let foreign = standing::change_role(platform, &stranger, admins, Role::Viewer).await;
        assert!(matches!(foreign, Err(Error::NotFound)), "another organization's member");
    }
}

#[tokio::test]
async fn two_owners_who_remove_each_other_do_not_both_succeed() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        for round in 0..5 {
            let organization = if round == 0 {
                founded.organization
            } else {
                test.organization(&format!("harbour{round}")).await.organization
            };
            let (one, other) =
                (test.member(organization, Role::Owner).await, test.member(organization, Role::Owner).await);
            let members = member::list(platform, &one.caller, None, 10).await.expect("listed");
            let founder = members.iter().find(|member| member.user != one.user && member.user != other.user);
            leaving::remove(platform, &one.caller, founder.expect("the founder").id).await.expect("removed");
            let id = |user: Uuid| members.iter().find(|member| member.user == user).expect("a member").id;
            let (first, second) = tokio::join!(
                leaving::remove(platform, &one.caller, id(other.user)),
                leaving::remove(platform, &other.caller, id(one.user))
            );
            let won = [first.is_ok(), second.is_ok()].into_iter().filter(|won| *won).count();
            assert_eq!(won, 1, "{} round {round}: {first:?} {second:?}", test.name);
        }
    }
}

#[tokio::test]
async fn many_owners_and_admins_are_counted_against_a_limit() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let privileged = standing::privileged(platform, &owner).await.expect("counted");
        assert_eq!((privileged.members, privileged.limit), (1, standing::PRIVILEGED_LIMIT));
        test.member(organization, Role::Admin).await;
        test.member(organization, Role::Owner).await;
        test.member(organization, Role::Manager).await;
        assert!(!standing::privileged(platform, &owner).await.expect("counted").is_too_many(), "at its edge");
        test.member(organization, Role::Admin).await;
        assert!(standing::privileged(platform, &owner).await.expect("counted").is_too_many(), "{}", test.name);
        for wrong in [0, -1, standing::MAXIMUM_PRIVILEGED_LIMIT + 1] {
            assert!(standing::set_privileged_limit(platform, &owner, wrong).await.is_err(), "{wrong}");
        }
        for limit in [1, standing::MAXIMUM_PRIVILEGED_LIMIT] {
            standing::set_privileged_limit(platform, &owner, limit).await.expect("set");
            assert_eq!(standing::privileged(platform, &owner).await.expect("counted").limit, limit);
        }
    }
}
