//! Keys: rotation with its overlap, owners, and what a report of a leak does.

use identity::api_key::{
    self, DEFAULT_OVERLAP_SECONDS, EXPIRY_WARNING_SECONDS, MAXIMUM_OVERLAP_SECONDS, NewKey, State,
};
use identity::leak::{self, Report};
use identity::member::standing;
use identity::testing::{TestPlatform, platforms};
use identity::token::KeyText;
use identity::{Caller, Environment, Error, Permission, Role, alert};
use storage::{Schema, Timestamp};
use uuid::Uuid;

use crate::{audited, by_key, founder, membership};

async fn make(test: &TestPlatform, caller: &Caller, role: Role, life: Option<i64>) -> (api_key::ApiKey, KeyText) {
    let expires_at = life.map(|life| test.platform.now().plus_seconds(life));
    let new = NewKey { name: "Sync", environment: Environment::Live, role, expires_at };
    api_key::create(&test.platform, caller, &new).await.expect("made")
}

async fn reported(test: &TestPlatform, texts: &[String]) {
    let report = Report { texts, source: "a public repository", address: "192.0.2.9".parse().ok() };
    leak::report(&test.platform, &report).await.expect("taken");
}

#[tokio::test]
async fn a_rotated_key_works_until_its_cut_off_and_not_a_moment_longer() {
    for test in platforms(Schema::new()).await {
        let (_, owner) = founder(&test, "harbour").await;
        let (old, old_text) = make(&test, &owner, Role::Manager, Some(90 * 86_400)).await;
        test.clock.advance_seconds(1000);
        let (new, new_text) = api_key::rotate(&test.platform, &owner, old.id, 3600).await.expect("rotated");
        assert_ne!(old_text, new_text, "{}", test.name);
        assert_eq!(
            (new.name.as_str(), new.role, new.environment, new.replaces),
            ("Sync", old.role, old.environment, Some(old.id))
        );
        assert_eq!(new.expires_at, old.expires_at.map(|end| end.plus_seconds(1000)), "as long a life, from now");
        assert_eq!(new.created_by, owner.user());
        assert!(by_key(&test, new_text.reveal()).await.is_some(), "the new one at once");
        test.clock.advance_seconds(3599);
        assert!(by_key(&test, old_text.reveal()).await.is_some(), "the old one in its last second");
        let listed = api_key::get(&test.platform, &owner, old.id).await.expect("read").expect("there");
        assert_eq!(listed.state(test.platform.now()), State::Ending);
        test.clock.advance_seconds(1);
        assert!(by_key(&test, old_text.reveal()).await.is_none(), "{}: and then no more", test.name);
        assert!(by_key(&test, new_text.reveal()).await.is_some());
        assert_eq!(listed.state(test.platform.now()), State::Revoked);
        assert_eq!(audited(&test, &owner).await[..2], ["key.rotate", "key.create"]);
    }
}

#[tokio::test]
async fn an_overlap_has_its_limits_and_can_be_cut_short() {
    for test in platforms(Schema::new()).await {
        let (_, owner) = founder(&test, "harbour").await;
        let (key, _) = make(&test, &owner, Role::Viewer, None).await;
        for wrong in [-1, MAXIMUM_OVERLAP_SECONDS + 1, i64::MAX, i64::MIN] {
            let refused = api_key::rotate(&test.platform, &owner, key.id, wrong).await;
            assert!(matches!(refused, Err(Error::Invalid { field: "overlap_seconds", .. })), "{wrong}");
        }
        let (second, second_text) =
            api_key::rotate(&test.platform, &owner, key.id, MAXIMUM_OVERLAP_SECONDS).await.expect("the longest");
        let again = api_key::rotate(&test.platform, &owner, key.id, 0).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "a key has one successor: {again:?}");
        assert!(api_key::revoke(&test.platform, &owner, key.id, None).await.expect("asked"), "cut short");
        let cut = api_key::get(&test.platform, &owner, key.id).await.expect("read").expect("there");
        assert_eq!(cut.state(test.platform.now()), State::Revoked, "{}", test.name);
        let (third, _) = api_key::rotate(&test.platform, &owner, second.id, 0).await.expect("without overlap");
        assert!(by_key(&test, second_text.reveal()).await.is_none(), "stopped now");
        assert_eq!(third.expires_at, None);
        let unknown = api_key::rotate(&test.platform, &owner, Uuid::from_u128(7), 0).await;
        assert!(matches!(unknown, Err(Error::NotFound)));
        let (_, other) = founder(&test, "elsewhere").await;
        let foreign = api_key::rotate(&test.platform, &other, third.id, 0).await;
        assert!(matches!(foreign, Err(Error::NotFound)), "{}: another organization's key", test.name);
        assert!((0..=MAXIMUM_OVERLAP_SECONDS).contains(&DEFAULT_OVERLAP_SECONDS));
    }
}

#[tokio::test]
async fn nobody_rotates_a_key_above_their_own_role() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let admin = test.member(organization, Role::Admin).await;
        let (key, text) = make(&test, &owner, Role::Owner, None).await;
        let refused = api_key::rotate(&test.platform, &admin.caller, key.id, 0).await;
        assert!(matches!(refused, Err(Error::BeyondOwnRole)), "{}: it would be shown to them", test.name);
        assert!(by_key(&test, text.reveal()).await.is_some());
    }
}

#[tokio::test]
async fn a_key_warns_before_its_end() {
    for test in platforms(Schema::new()).await {
        let (_, owner) = founder(&test, "harbour").await;
        let (key, _) = make(&test, &owner, Role::Viewer, Some(EXPIRY_WARNING_SECONDS + 1)).await;
        let state = || key.state(test.platform.now());
        assert_eq!(state(), State::Works);
        test.clock.advance_seconds(1);
        assert_eq!(state(), State::ExpiresSoon);
        test.clock.advance_seconds(EXPIRY_WARNING_SECONDS);
        assert_eq!(state(), State::Expired, "{}", test.name);
        assert!(State::ExpiresSoon.works() && State::Ending.works() && !State::Expired.works());
        assert_eq!(key.state(Timestamp(0)), State::Works);
    }
}

#[tokio::test]
async fn a_key_shrinks_and_ends_with_its_owner() {
    for test in platforms(Schema::new()).await {
        let (organization, owner) = founder(&test, "harbour").await;
        let admin = test.member(organization, Role::Admin).await;
        let (first, first_text) = make(&test, &admin.caller, Role::Admin, None).await;
        let by_first = by_key(&test, first_text.reveal()).await.expect("let in");
        let (second, second_text) = make(&test, &by_first, Role::Manager, None).await;
        assert_eq!(
            (first.created_by, second.created_by),
            (Some(admin.user), Some(admin.user)),
            "keys that keys made, too"
        );
        let id = membership(&test, &owner, &admin).await.id;
        standing::change_role(&test.platform, &owner, id, Role::Viewer).await.expect("demoted");
        for text in [&first_text, &second_text] {
            let caller = by_key(&test, text.reveal()).await.expect("still let in");
            assert_eq!(caller.role(), Some(Role::Viewer), "{}", test.name);
            assert!(!caller.permits(Permission::KeyWrite));
        }
        standing::change_role(&test.platform, &owner, id, Role::Owner).await.expect("promoted");
        let caller = by_key(&test, second_text.reveal()).await.expect("let in");
        assert_eq!(caller.role(), Some(Role::Manager), "a key never grows above what it was made for");
        standing::suspend(&test.platform, &owner, id).await.expect("suspended");
        assert!(by_key(&test, first_text.reveal()).await.is_none(), "{}", test.name);
        assert!(by_key(&test, second_text.reveal()).await.is_none());
        standing::reinstate(&test.platform, &owner, id).await.expect("reinstated");
        assert!(by_key(&test, first_text.reveal()).await.is_some());
    }
}

#[tokio::test]
async fn a_reported_key_stops_at_once_and_its_organization_is_told() {
    for test in platforms(Schema::new()).await {
        let (_, owner) = founder(&test, "harbour").await;
        let (key, text) = make(&test, &owner, Role::Manager, None).await;
        let (other, other_text) = make(&test, &owner, Role::Manager, None).await;
        let mut heard = test.platform.alerts.listen();
        reported(&test, &[format!("export KEY={}\n", text.reveal()), "nothing here".to_owned()]).await;
        assert!(by_key(&test, text.reveal()).await.is_none(), "{}", test.name);
        assert!(by_key(&test, other_text.reveal()).await.is_some(), "the one beside it works");
        let listed = api_key::get(&test.platform, &owner, key.id).await.expect("read").expect("there");
        assert_eq!(listed.state(test.platform.now()), State::Leaked);
        assert_eq!(audited(&test, &owner).await[..2], ["alert.raise", "key.leak"]);
        let alerts = alert::list(&test.platform, &owner, Uuid::max(), 10).await.expect("listed");
        assert_eq!((alerts.len(), alerts[0].kind, alerts[0].subject), (1, alert::Kind::KeyLeaked, key.id));
        assert_eq!(alerts[0].detail.facts[1].1, "a public repository");
        let raised = heard.try_recv().expect("told");
        assert_eq!((raised.organization, raised.alert), (owner.organization(), alerts[0].id));
        // The same again, and by a key in its overlap.
        reported(&test, &[text.reveal().to_owned()]).await;
        api_key::rotate(&test.platform, &owner, other.id, 3600).await.expect("rotated");
        reported(&test, &[other_text.reveal().to_owned()]).await;
        assert!(by_key(&test, other_text.reveal()).await.is_none(), "{}: an overlap is cut short", test.name);
        assert_eq!(alert::list(&test.platform, &owner, Uuid::max(), 10).await.expect("listed").len(), 2);
        alert::mark_seen(&test.platform, &owner, alerts[0].id).await.expect("seen");
        let again = alert::mark_seen(&test.platform, &owner, alerts[0].id).await;
        assert!(matches!(again, Err(Error::Conflict(_))));
    }
}

#[tokio::test]
async fn a_stranger_cannot_stop_a_key_without_knowing_all_of_it() {
    for test in platforms(Schema::new()).await {
        let (_, owner) = founder(&test, "harbour").await;
        let (key, text) = make(&test, &owner, Role::Manager, None).await;
        // The id of the key and a right checksum, but another secret: what somebody could make up from a list of keys.
        let forged = KeyText::generate(Environment::Live, key.id, test.platform.entropy.as_ref());
        let unknown = KeyText::generate(Environment::Live, Uuid::from_u128(9), test.platform.entropy.as_ref());
        reported(&test, &[forged.reveal().to_owned(), unknown.reveal().to_owned()]).await;
        assert!(by_key(&test, text.reveal()).await.is_some(), "{}", test.name);
        assert!(alert::list(&test.platform, &owner, Uuid::max(), 10).await.expect("listed").is_empty());
    }
}

#[tokio::test]
async fn a_report_has_its_limits() {
    let test = identity::testing::platform(Schema::new()).await;
    let report = |texts: Vec<String>, source: String| {
        let platform = test.platform.clone();
        async move { leak::report(&platform, &Report { texts: &texts, source: &source, address: None }).await }
    };
    let full = "x".repeat(leak::MAXIMUM_TEXT_BYTES);
    assert!(report(vec![full.clone()], "é".repeat(leak::MAXIMUM_SOURCE_LENGTH)).await.is_ok());
    assert!(report(vec![full, "x".to_owned()], String::new()).await.is_err());
    assert!(report(vec![String::new(); leak::MAXIMUM_TEXTS], String::new()).await.is_ok());
    assert!(report(vec![String::new(); leak::MAXIMUM_TEXTS + 1], String::new()).await.is_err());
    assert!(report(Vec::new(), "é".repeat(leak::MAXIMUM_SOURCE_LENGTH + 1)).await.is_err());
    assert!(report(Vec::new(), "two\nlines".to_owned()).await.is_err());
}
