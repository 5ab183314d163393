//! Who is stopped while a request of theirs is on its way changes nothing any more: the caller stands from before, the change does not.

use identity::api_key::{self, NewKey};
use identity::member::standing;
use identity::support::{self, MAXIMUM_GRANTS, NewGrant, Scope};
use identity::testing::{TestPlatform, platforms};
use identity::{Caller, Environment, Error, Permission, Role, incident, leak, session};
use storage::{OrganizationId, Schema};
use tokio::task::JoinSet;

use crate::{by_key, founder, membership};

const NEW: NewKey<'static> =
    NewKey { name: "successor", environment: Environment::Live, role: Role::Viewer, expires_at: None };

/// An admin by session and by key, from before anything happens to them.
struct Held {
    by_session: Caller,
    by_key: Caller,
    key: identity::token::KeyText,
    membership: uuid::Uuid,
}

async fn held(test: &TestPlatform, owner: &Caller, organization: OrganizationId) -> Held {
    let admin = test.member(organization, Role::Admin).await;
    let new = NewKey { role: Role::Admin, ..NEW };
    let (_, key) = api_key::create(&test.platform, &admin.caller, &new).await.expect("made");
    let known = by_key(test, key.reveal()).await.expect("let in");
    let membership = membership(test, owner, &admin).await.id;
    Held { by_session: admin.caller, by_key: known, key, membership }
}

async fn is_stopped(test: &TestPlatform, caller: &Caller) -> bool {
    match api_key::create(&test.platform, caller, &NEW).await {
        Ok(_) => false,
        Err(Error::Stopped) => true,
        Err(other) => panic!("{}: {other}", test.name),
    }
}

async fn keys(test: &TestPlatform, owner: &Caller) -> usize {
    api_key::list(&test.platform, owner, None, 100).await.expect("listed").len()
}

#[tokio::test]
async fn a_stopped_key_makes_no_successor() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let (revoked, leaked) = (held(&test, &owner, organization).await, held(&test, &owner, organization).await);
        assert!(api_key::revoke(platform, &owner, revoked.key.id, None).await.expect("revoked"));
        let texts = [leaked.key.reveal().to_owned()];
        let report = leak::Report { texts: &texts, source: "a public repository", address: None };
        leak::report(platform, &report).await.expect("taken");
        let before = keys(&test, &owner).await;
        assert!(is_stopped(&test, &revoked.by_key).await && is_stopped(&test, &leaked.by_key).await, "{}", test.name);
        assert_eq!(keys(&test, &owner).await, before);
        assert!(!is_stopped(&test, &revoked.by_session).await, "the person is still there");
    }
}

#[tokio::test]
async fn who_is_suspended_demoted_or_signed_out_changes_nothing() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let suspended = held(&test, &owner, organization).await;
        standing::suspend(platform, &owner, suspended.membership).await.expect("suspended");
        for caller in [&suspended.by_session, &suspended.by_key] {
            assert!(is_stopped(&test, caller).await, "{}", test.name);
            let again = standing::reinstate(platform, caller, suspended.membership).await;
            assert!(matches!(again, Err(Error::Stopped)), "nobody lets themselves in again: {again:?}");
        }
        let demoted = held(&test, &owner, organization).await;
        standing::change_role(platform, &owner, demoted.membership, Role::Viewer).await.expect("demoted");
        assert!(is_stopped(&test, &demoted.by_session).await && is_stopped(&test, &demoted.by_key).await);
        let signed_out = held(&test, &owner, organization).await;
        session::sign_out(platform, &signed_out.by_session).await.expect("signed out");
        assert!(is_stopped(&test, &signed_out.by_session).await && !is_stopped(&test, &signed_out.by_key).await);
    }
}

#[tokio::test]
async fn nothing_changes_once_the_organization_is_locked() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let held = held(&test, &owner, organization).await;
        incident::lock(&test.platform, &owner, "a key was seen in public").await.expect("locked");
        for caller in [&held.by_session, &held.by_key, &owner] {
            assert!(is_stopped(&test, caller).await, "{}", test.name);
        }
    }
}

/// Counting and adding are one step: however many ask at once, the bound holds.
#[tokio::test]
async fn bounds_hold_when_many_ask_at_once() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (_, owner) = founder(&test, "harbour").await;
        let scope = Scope::new(&[Permission::CallRead], &[]).expect("grantable");
        let grant = || {
            let (platform, owner, scope) = (platform.clone(), owner.clone(), scope.clone());
            async move {
                let new = NewGrant { scope, hours: 1, reason: "Choppy sound" };
                support::grant(&platform, &owner, &new).await.is_ok()
            }
        };
        for _ in 1..MAXIMUM_GRANTS {
            assert!(grant().await, "there is room");
        }
        let asked: JoinSet<bool> = (0..8).map(|_| grant()).collect();
        let granted = asked.join_all().await.into_iter().filter(|granted| *granted).count();
        assert_eq!(granted, 1, "{}", test.name);
    }
}
