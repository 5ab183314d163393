//! Identity on both databases: founding, signing in, sessions, keys, and what ends them.

use identity::api_key::{self, MAXIMUM_KEYS, NewKey};
use identity::founding::{self, Founding};
use identity::one_time::{self, OWNER_TOKEN_SECONDS, Purpose, SIGN_IN_LINK_SECONDS};
use identity::session::{self, ABSOLUTE_SECONDS, Device, IDLE_SECONDS, MAXIMUM_PER_USER};
use identity::testing::{PASSWORD, TestPlatform, platforms};
use identity::token::{KeyText, Secret};
use identity::{
    Authenticator, Caller, Credential, Environment, Error, MembershipState, Outstanding, Permission, Presented, Role,
    member, sign_in,
};
use storage::Schema;
use uuid::Uuid;

async fn by_session(test: &TestPlatform, session: &str) -> Option<Caller> {
    let presented = Presented { session: Some(session), ..Presented::default() };
    Authenticator::new(test.platform.clone()).authenticate(presented).await.expect("asked")
}

async fn by_key(test: &TestPlatform, key: &str) -> Option<Caller> {
    let presented = Presented { bearer: Some(key), ..Presented::default() };
    Authenticator::new(test.platform.clone()).authenticate(presented).await.expect("asked")
}

async fn audited(test: &TestPlatform, caller: &Caller) -> Vec<String> {
    let database = caller.database(&test.platform);
    let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 100 };
    let entries = test.platform.audit.entries(&database, &query).await.expect("read");
    entries.into_iter().map(|entry| entry.record.expect("intact").action).collect()
}

fn founding<'a>(name: &'a str, email: &'a str) -> Founding<'a> {
    Founding { organization_name: name, name: "Olive Owner", email, password: PASSWORD }
}

#[tokio::test]
async fn the_first_owner_uses_the_printed_token_once() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        assert!(founding::is_needed(platform).await.expect("asked"), "{}", test.name);
        let withdrawn = one_time::issue_owner_token(platform).await.expect("issued");
        let token = one_time::issue_owner_token(platform).await.expect("issued");
        let device = Device::new(Some("192.0.2.7".parse().expect("an address")), "Firefox");
        let first = founding("Harbour Dental", "olive@harbour.example");
        let refused = founding::found_with_token(platform, withdrawn.reveal(), &first, &device).await;
        assert!(matches!(refused, Err(Error::TokenRefused)), "an earlier token is withdrawn");
        let weak = Founding { password: "harbour dental 1", ..founding("Harbour Dental", "olive@harbour.example") };
        let refused = founding::found_with_token(platform, token.reveal(), &weak, &device).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "password", .. })), "and the token is still good");
        let (founded, session) =
            founding::found_with_token(platform, token.reveal(), &first, &device).await.expect("founded");
        let caller = by_session(&test, session.reveal()).await.expect("signed in");
        assert_eq!((caller.organization(), caller.user()), (founded.organization, Some(founded.owner)));
        assert_eq!((caller.organization_name(), caller.display_name()), ("Harbour Dental", "Olive Owner"));
        assert_eq!(caller.outstanding(), Some(Outstanding::Enrolment), "an owner sets up a second factor first");
        assert!(!caller.permits(Permission::BillingWrite), "and may nothing before");
        let second = founding("Second", "second@harbour.example");
        let again = founding::found_with_token(platform, token.reveal(), &second, &device).await;
        assert!(matches!(again, Err(Error::TokenRefused)), "used up");
        assert!(!founding::is_needed(platform).await.expect("asked"));
        let taken = founding::found(platform, &founding("Third", "OLIVE@harbour.example")).await;
        assert!(matches!(taken, Err(Error::EmailTaken)), "{}", test.name);
        assert_eq!(audited(&test, &caller).await, ["organization.found"]);
    }
}

#[tokio::test]
async fn one_of_many_at_once_gets_the_token() {
    for test in platforms(Schema::new()).await {
        let token = one_time::issue_owner_token(&test.platform).await.expect("issued");
        let attempts = (0..6).map(|number| {
            let (platform, token) = (test.platform.clone(), token.clone());
            tokio::spawn(async move {
                let email = format!("olive{number}@harbour.example");
                let device = Device::default();
                founding::found_with_token(&platform, token.reveal(), &founding("Harbour", &email), &device)
                    .await
                    .is_ok()
            })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            won += usize::from(attempt.await.expect("joined"));
        }
        assert_eq!(won, 1, "{}", test.name);
    }
}

#[tokio::test]
async fn a_password_alone_leaves_owners_and_admins_at_the_enrolment() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        for role in Role::ALL {
            let persona = test.member(founded.organization, role).await;
            assert_eq!(persona.caller.outstanding(), None, "two factors are enough for a {role:?}");
            let opened = sign_in::with_password(&test.platform, &persona.email, PASSWORD, &Device::default()).await;
            let session = opened.expect("asked").expect("signed in");
            let caller = by_session(&test, session.reveal()).await.expect("known");
            let is_held = matches!(role, Role::Owner | Role::Admin);
            let outstanding = is_held.then_some(Outstanding::Enrolment);
            assert_eq!(caller.outstanding(), outstanding, "{} {role:?}", test.name);
            assert_eq!(caller.permits(Permission::AnalyticsRead), !is_held, "{} {role:?}", test.name);
        }
    }
}

/// ASVS 6.2.10: nothing asks for another password because time has passed.
#[tokio::test]
async fn a_password_stays_good_however_old_it_is() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        let viewer = test.member(founded.organization, Role::Viewer).await;
        test.clock.advance_seconds(20 * 365 * 86_400);
        for email in ["owner@harbour.example", &viewer.email] {
            let opened = sign_in::with_password(&test.platform, email, PASSWORD, &Device::default()).await;
            let session = opened.expect("asked").expect("still good");
            let caller = by_session(&test, session.reveal()).await.expect("signed in");
            assert_ne!(caller.outstanding(), Some(Outstanding::NewPassword), "{}", test.name);
        }
    }
}

#[tokio::test]
async fn tokens_expire_at_their_edge() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let token = one_time::issue_owner_token(platform).await.expect("issued");
        test.clock.advance_seconds(OWNER_TOKEN_SECONDS);
        let late = founding("Harbour", "olive@harbour.example");
        let refused = founding::found_with_token(platform, token.reveal(), &late, &Device::default()).await;
        assert!(matches!(refused, Err(Error::TokenRefused)));
        let founded = test.organization("harbour").await;
        let link = one_time::issue_sign_in_link(platform, founded.organization, founded.owner).await.expect("issued");
        let address = Purpose::SignIn.address("http://127.0.0.1:8080/", &link);
        assert_eq!(address, format!("http://127.0.0.1:8080/sign-in/link#{}", link.reveal()));
        test.clock.advance_seconds(SIGN_IN_LINK_SECONDS - 1);
        let session = sign_in::with_link(platform, link.reveal(), &Device::default()).await.expect("the last second");
        assert!(by_session(&test, session.reveal()).await.is_some());
        let again = sign_in::with_link(platform, link.reveal(), &Device::default()).await;
        assert!(matches!(again, Err(Error::TokenRefused)), "used up");
        let owner = one_time::issue_owner_token(platform).await.expect("issued");
        let crossed = sign_in::with_link(platform, owner.reveal(), &Device::default()).await;
        assert!(matches!(crossed, Err(Error::TokenRefused)), "a token is good for its own purpose only");
    }
}

#[tokio::test]
async fn the_right_password_opens_a_new_session_and_nothing_else_does() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let device = Device::new(Some("192.0.2.7".parse().expect("an address")), "Firefox");
        let attempt = |email: &'static str, password: &'static str| {
            let device = device.clone();
            async move { sign_in::with_password(platform, email, password, &device).await.expect("asked") }
        };
        let first = attempt(" Owner@HARBOUR.example ", PASSWORD).await.expect("signed in");
        let second = attempt("owner@harbour.example", PASSWORD).await.expect("signed in");
        assert_ne!(first, second, "a new token at every sign-in");
        assert!(attempt("owner@harbour.example", "kettle moss lantern 5").await.is_none());
        assert!(attempt("nobody@harbour.example", PASSWORD).await.is_none());
        assert!(attempt("no address", PASSWORD).await.is_none());
        assert!(attempt("owner@harbour.example", "").await.is_none());
        let caller = by_session(&test, first.reveal()).await.expect("signed in");
        assert_eq!(caller.organization(), founded.organization);
        assert_eq!(member::only_organization(platform, &[]).await.expect("one"), founded.organization);
        let mut actions = audited(&test, &caller).await;
        actions.sort();
        let started = vec!["session.start"; 4];
        assert_eq!(actions, [vec!["organization.found"], started].concat(), "two good, two refused");
        let strangers = platform.audit.installation_entries(None, 100).await.expect("read");
        assert_eq!(strangers.len(), 2, "an unknown and an unreadable address, with the installation");
        assert!(strangers.iter().all(|entry| !entry.text.contains("nobody")));
    }
}

#[tokio::test]
async fn sessions_end_when_idle_when_old_and_when_revoked() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        let persona = test.member(founded.organization, Role::Manager).await;
        let session = persona.session.reveal();
        test.clock.advance_seconds(IDLE_SECONDS - 1);
        assert!(by_session(&test, session).await.is_some(), "the last second before idle, and it counts as life");
        test.clock.advance_seconds(IDLE_SECONDS);
        assert!(by_session(&test, session).await.is_none(), "idle");

        let persona = test.member(founded.organization, Role::Manager).await;
        let mut lived = 0;
        while lived + IDLE_SECONDS / 2 < ABSOLUTE_SECONDS {
            test.clock.advance_seconds(IDLE_SECONDS / 2);
            lived += IDLE_SECONDS / 2;
            assert!(by_session(&test, persona.session.reveal()).await.is_some(), "after {lived} s");
        }
        test.clock.advance_seconds(ABSOLUTE_SECONDS - lived);
        assert!(by_session(&test, persona.session.reveal()).await.is_none(), "old, however lively");

        let persona = test.member(founded.organization, Role::Viewer).await;
        session::sign_out(&test.platform, &persona.caller).await.expect("signed out");
        assert!(by_session(&test, persona.session.reveal()).await.is_none());
        let planted = Secret::generate(test.platform.entropy.as_ref());
        assert!(by_session(&test, planted.reveal()).await.is_none(), "nobody's token");
        session::sweep(&test.platform).await.expect("swept");
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        let other = test.member(founded.organization, Role::Admin).await;
        let device = Device::new(Some("192.0.2.7".parse().expect("an address")), "Firefox");
        let mut tokens = Vec::new();
        for _ in 0..=MAXIMUM_PER_USER {
            test.clock.advance_seconds(1);
            let opened = sign_in::with_password(&test.platform, "owner@harbour.example", PASSWORD, &device).await;
            tokens.push(opened.expect("asked").expect("signed in"));
        }
        assert!(by_session(&test, tokens[0].reveal()).await.is_none(), "one beyond the most ends the oldest");
        let caller = by_session(&test, tokens[1].reveal()).await.expect("signed in");
        let sessions = session::list(&test.platform, &caller).await.expect("listed");
        assert_eq!(sessions.len(), usize::try_from(MAXIMUM_PER_USER).expect("small"));
        assert_eq!(sessions.iter().filter(|session| session.is_current).count(), 1);
        assert_eq!(sessions[0].device.agent, "Firefox");
        let Credential::Session(theirs) = other.caller.credential() else { panic!("a session") };
        assert!(!session::revoke(&test.platform, &caller, theirs).await.expect("asked"), "not one's own");
        assert!(by_session(&test, other.session.reveal()).await.is_some());
        let newest = sessions.iter().find(|session| !session.is_current).expect("another").id;
        assert!(session::revoke(&test.platform, &caller, newest).await.expect("asked"));
        let ended = session::revoke_others(&test.platform, &caller).await.expect("asked");
        assert_eq!(ended, u64::try_from(MAXIMUM_PER_USER).expect("small") - 2);
        assert!(by_session(&test, tokens[1].reveal()).await.is_some(), "this one stays");
        assert!(by_session(&test, tokens[5].reveal()).await.is_none());
    }
}

#[tokio::test]
async fn only_active_members_are_let_in() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        for state in MembershipState::ALL {
            let persona = test.member_in(founded.organization, Role::Owner, state).await;
            assert_eq!(persona.is_some(), state == MembershipState::Active, "{state:?}");
        }
    }
}

#[tokio::test]
async fn a_key_works_until_it_ends_and_never_for_another_world() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let expires_at = Some(platform.now().plus_seconds(100));
        let new = NewKey { name: "Booking sync", environment: Environment::Test, role: Role::Manager, expires_at };
        let (key, text) = api_key::create(platform, &owner, &new).await.expect("made");
        let caller = by_key(&test, text.reveal()).await.expect("known");
        assert_eq!(caller.organization(), founded.organization);
        assert_eq!((caller.role(), caller.environment()), (Some(Role::Manager), Environment::Test));
        assert_eq!(caller.display_name(), "Booking sync");
        let forged = KeyText::generate(Environment::Test, key.id, platform.entropy.as_ref());
        assert!(by_key(&test, forged.reveal()).await.is_none(), "the right id with another secret");
        let unknown = KeyText::generate(Environment::Test, Uuid::from_u128(7), platform.entropy.as_ref());
        assert!(by_key(&test, unknown.reveal()).await.is_none());
        assert!(by_key(&test, "rf_live_x").await.is_none() && by_key(&test, &"x".repeat(10_000)).await.is_none());
        test.clock.advance_seconds(99);
        assert!(by_key(&test, text.reveal()).await.is_some());
        test.clock.advance_seconds(1);
        assert!(by_key(&test, text.reveal()).await.is_none(), "expired to the second");
    }
}

#[tokio::test]
async fn keys_are_rotated_with_an_overlap_and_revoked_at_once() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let (old, new) =
            (test.key(founded.organization, Role::Admin).await, test.key(founded.organization, Role::Admin).await);
        let cut_off = platform.now().plus_seconds(3600);
        assert!(api_key::revoke(platform, &owner, old.id, Some(cut_off)).await.expect("asked"));
        test.clock.advance_seconds(3599);
        assert!(by_key(&test, old.reveal()).await.is_some() && by_key(&test, new.reveal()).await.is_some());
        test.clock.advance_seconds(1);
        assert!(by_key(&test, old.reveal()).await.is_none(), "until the cut-off, then not");
        assert!(api_key::revoke(platform, &owner, new.id, None).await.expect("asked"));
        assert!(by_key(&test, new.reveal()).await.is_none());
        assert!(!api_key::revoke(platform, &owner, new.id, None).await.expect("asked"), "twice changes nothing");
        let stranger = test.organization("other").await;
        let stranger = test.member(stranger.organization, Role::Owner).await.caller;
        let kept = test.key(founded.organization, Role::Viewer).await;
        assert!(!api_key::revoke(platform, &stranger, kept.id, None).await.expect("asked"), "another organization's");
        assert!(api_key::get(platform, &stranger, kept.id).await.expect("asked").is_none());
        assert!(by_key(&test, kept.reveal()).await.is_some());
        assert!(api_key::list(platform, &stranger, None, 100).await.expect("listed").is_empty());
        assert_eq!(api_key::list(platform, &owner, None, 100).await.expect("listed").len(), 3);
    }
}

#[tokio::test]
async fn nobody_makes_a_key_above_themselves_or_beyond_the_most() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let admin = test.member(founded.organization, Role::Admin).await.caller;
        let new = |role| NewKey { name: "k", environment: Environment::Live, role, expires_at: None };
        let refused = api_key::create(platform, &admin, &new(Role::Owner)).await;
        assert!(matches!(refused, Err(Error::BeyondOwnRole)));
        let past = NewKey { expires_at: Some(platform.now()), ..new(Role::Viewer) };
        assert!(matches!(
            api_key::create(platform, &admin, &past).await,
            Err(Error::Invalid { field: "expires_at", .. })
        ));
        assert!(api_key::create(platform, &admin, &NewKey { name: " ", ..new(Role::Viewer) }).await.is_err());
        for _ in 0..MAXIMUM_KEYS {
            api_key::create(platform, &admin, &new(Role::Viewer)).await.expect("made");
        }
        let beyond = api_key::create(platform, &admin, &new(Role::Viewer)).await;
        assert!(matches!(beyond, Err(Error::Conflict(_))), "one beyond the most");
    }
}

#[tokio::test]
async fn members_are_those_of_the_organization() {
    for test in platforms(Schema::new()).await {
        let (harbour, other) = (test.organization("harbour").await, test.organization("other").await);
        let admin = test.member(harbour.organization, Role::Admin).await;
        test.member(other.organization, Role::Admin).await;
        let members = member::list(&test.platform, &admin.caller, None, 100).await.expect("listed");
        let mut emails: Vec<_> = members.iter().map(|member| member.email.clone()).collect();
        emails.sort();
        let mut expected = vec![admin.email.clone(), "owner@harbour.example".to_owned()];
        expected.sort();
        assert_eq!(emails, expected, "{}", test.name);
        let page = member::list(&test.platform, &admin.caller, Some(members[0].id), 100).await.expect("listed");
        assert_eq!(page.len(), 1);
        let found = member::find(&test.platform, harbour.organization, "OWNER@harbour.example").await.expect("asked");
        assert_eq!(found, Some(harbour.owner));
        let elsewhere = member::find(&test.platform, other.organization, "owner@harbour.example").await.expect("asked");
        assert_eq!(elsewhere, None);
        assert!(member::only_organization(&test.platform, &[]).await.is_err(), "there are two");
        let only =
            member::only_organization(&test.platform, &[other.organization]).await.expect("the other is set apart");
        assert_eq!(only, harbour.organization, "{}", test.name);
        assert!(member::only_organization(&test.platform, &[harbour.organization, other.organization]).await.is_err());
    }
}

#[tokio::test]
async fn a_change_that_is_dropped_leaves_neither_itself_nor_an_entry() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let before = audited(&test, &owner).await.len();
        drop(owner.change(&test.platform, "test.dropped").await.expect("begun"));
        owner.note(&test.platform, "test.read", "thing", None).await.expect("noted");
        let after = audited(&test, &owner).await;
        assert_eq!(after.len(), before + 1);
        assert!(after.contains(&"test.read".to_owned()) && !after.contains(&"test.dropped".to_owned()));
    }
}

#[tokio::test]
async fn a_stream_is_told_when_its_reader_may_no_longer_listen() {
    for test in platforms(Schema::new()).await {
        let founded = test.organization("harbour").await;
        let viewer = test.member(founded.organization, Role::Viewer).await.caller;
        let judge = Authenticator::new(test.platform.clone());
        assert_eq!(judge.standing(&viewer).await.expect("asked"), Some(Role::Viewer));
        session::sign_out(&test.platform, &viewer).await.expect("signed out");
        assert_eq!(judge.standing(&viewer).await.expect("asked"), None);
        let idle = test.member(founded.organization, Role::Manager).await.caller;
        test.clock.advance_seconds(IDLE_SECONDS);
        assert_eq!(judge.standing(&idle).await.expect("asked"), None, "an open stream is no sign of life");
    }
}

#[tokio::test]
async fn nothing_personal_and_no_secret_is_stored_in_clear() {
    for test in platforms(Schema::new()).await.into_iter().filter(|test| test.name == "sqlite") {
        let founded = test.organization("harbour").await;
        let key = test.key(founded.organization, Role::Admin).await;
        let device = Device::new(Some("192.0.2.7".parse().expect("an address")), "Netscape Navigator");
        let session = sign_in::with_password(&test.platform, "owner@harbour.example", PASSWORD, &device).await;
        let session = session.expect("asked").expect("signed in");
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(test.database.folder()).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_file() && path.extension().is_none_or(|extension| extension != "key") {
                bytes.extend(std::fs::read(path).expect("read"));
            }
        }
        let found = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(found("harbour"), "the search itself works: the public name of the organization is there");
        for needle in [
            "owner@harbour",
            "Olive Owner",
            "argon2id",
            "Netscape",
            "192.0.2.7",
            key.reveal(),
            session.reveal(),
            PASSWORD,
        ] {
            assert!(!found(needle), "{needle}");
        }
    }
}

#[tokio::test]
async fn a_stopped_organization_lets_nobody_in() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let persona = test.member(founded.organization, Role::Owner).await;
        let key = test.key(founded.organization, Role::Owner).await;
        let link = one_time::issue_sign_in_link(platform, founded.organization, founded.owner).await.expect("issued");
        let mut transaction = platform.database.installation().begin().await.expect("begun");
        let stopped = [("state", "suspended".into())];
        assert!(transaction.update(&identity::ORGANIZATION, founded.organization.0, &stopped).await.expect("updated"));
        transaction.commit().await.expect("committed");
        assert!(by_session(&test, persona.session.reveal()).await.is_none());
        assert!(by_key(&test, key.reveal()).await.is_none());
        let device = Device::default();
        assert!(sign_in::with_link(platform, link.reveal(), &device).await.is_err());
        let password = sign_in::with_password(platform, "owner@harbour.example", PASSWORD, &device).await;
        assert!(password.expect("asked").is_none(), "{}", test.name);
        assert_eq!(Authenticator::new(platform.clone()).standing(&persona.caller).await.expect("asked"), None);
    }
}

#[tokio::test]
async fn a_changed_role_or_state_counts_from_the_next_request() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let persona = test.member(founded.organization, Role::Admin).await;
        let members = member::list(platform, &persona.caller, None, 100).await.expect("listed");
        let own = members.iter().find(|member| member.user == persona.user).expect("a member").id;
        for (fields, expected) in [
            ([("role", Role::Viewer.as_str().into())], Some(Role::Viewer)),
            ([("state", MembershipState::Suspended.as_str().into())], None),
            ([("state", MembershipState::Active.as_str().into())], Some(Role::Viewer)),
            ([("state", MembershipState::Left.as_str().into())], None),
        ] {
            let mut transaction = platform.database.installation().begin().await.expect("begun");
            assert!(transaction.update(&identity::MEMBERSHIP, own, &fields).await.expect("updated"));
            transaction.commit().await.expect("committed");
            let role = by_session(&test, persona.session.reveal()).await.and_then(|caller| caller.role());
            assert_eq!(role, expected, "{fields:?} on {}", test.name);
        }
    }
}

#[tokio::test]
async fn organizations_for_probes_do_not_count() {
    for test in identity::testing::platforms(storage::Schema::new()).await {
        let platform = &test.platform;
        let founding = founding::Founding {
            organization_name: "Probe",
            name: "Probe",
            email: "probe@probe.invalid",
            password: identity::testing::PASSWORD,
        };
        founding::found_for_probes(platform, &founding).await.expect("founded");
        assert!(founding::is_needed(platform).await.expect("asked"), "{}: the first owner's place is free", test.name);
        let business = test.organization("practice").await;
        assert_eq!(
            member::only_organization(platform, &[]).await.expect("one"),
            business.organization,
            "{}",
            test.name
        );
    }
}
