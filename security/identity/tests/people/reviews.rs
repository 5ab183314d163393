//! The review of access: what it lists, what signing off does, and when the next one is due.

use identity::access_review::{self, DUE_DAYS, Decision, Item};
use identity::api_key::{self, NewKey};
use identity::testing::platforms;
use identity::{Environment, Error, MembershipState, Role};
use storage::Schema;
use uuid::Uuid;

use crate::members::{is_out, lantern, with_lanterns};
use crate::{audited, by_key, by_session, founder, membership};

fn line(items: &[Item], kind: &str, subject: Uuid) -> Item {
    let found = items.iter().find(|item| item.kind == kind && item.subject == subject);
    found.unwrap_or_else(|| panic!("no {kind} among {items:?}")).clone()
}

#[tokio::test]
async fn every_member_key_and_widget_is_signed_off_and_what_is_removed_ends() {
    for test in with_lanterns().await {
        let platform = &test.platform;
        let (organization, owner) = founder(&test, "harbour").await;
        let member = test.member(organization, Role::Manager).await;
        let gone = test.member(organization, Role::Admin).await;
        let new = NewKey { name: "Sync", environment: Environment::Test, role: Role::Manager, expires_at: None };
        let (kept, kept_text) = api_key::create(platform, &owner, &new).await.expect("made");
        let (ended, ended_text) = api_key::create(platform, &owner, &new).await.expect("made");
        let lamp = lantern(&test, &owner).await;
        let revoked = api_key::create(platform, &owner, &new).await.expect("made").0.id;
        api_key::revoke(platform, &owner, revoked, None).await.expect("revoked");

        let review = access_review::start(platform, &owner).await.expect("started");
        assert!(matches!(access_review::start(platform, &owner).await, Err(Error::Conflict(_))), "one at a time");
        let (_, items) = access_review::get(platform, &owner, review.id).await.expect("read");
        assert_eq!(items.len(), 6, "{}: three members, two keys, one lantern: {items:?}", test.name);
        let gone_member = membership(&test, &owner, &gone).await;
        let key = line(&items, "key", kept.id);
        assert_eq!((key.facts.name.as_str(), key.facts.role.as_deref()), ("Sync", Some("manager (test)")));
        let person = line(&items, "member", gone_member.id);
        assert_eq!(person.facts.email.as_ref(), Some(&gone.email));

        let decide = |item: Uuid, decision| access_review::decide(platform, &owner, review.id, item, decision);
        decide(person.id, Decision::Remove).await.expect("removed");
        assert!(by_session(&test, gone.session.reveal()).await.is_none(), "{}", test.name);
        assert_eq!(membership(&test, &owner, &gone).await.state, MembershipState::Left);
        assert!(matches!(decide(person.id, Decision::Keep).await, Err(Error::Conflict(_))), "not undone by a click");
        decide(line(&items, "key", ended.id).id, Decision::Remove).await.expect("removed");
        assert!(by_key(&test, ended_text.reveal()).await.is_none());
        decide(line(&items, "lantern", lamp).id, Decision::Remove).await.expect("removed");
        assert!(is_out(&test, &owner, lamp).await);
        decide(key.id, Decision::Keep).await.expect("kept");
        assert!(by_key(&test, kept_text.reveal()).await.is_some());
        let own = items.iter().find(|item| item.kind == "member" && item.user == owner.user()).expect("the owner");
        let last = decide(own.id, Decision::Remove).await;
        assert!(matches!(last, Err(Error::Conflict(_))), "the last owner stays: {last:?}");
        decide(own.id, Decision::Keep).await.expect("kept");
        let open = decide(membership_line(&items, member.user), Decision::Keep).await.expect("the last line");
        assert_eq!((open.completed_by, open.completed_at), (owner.user(), Some(platform.now())), "{}", test.name);
        assert!(matches!(decide(key.id, Decision::Remove).await, Err(Error::Conflict(_))), "it is complete");
        let (_, items) = access_review::get(platform, &owner, review.id).await.expect("read");
        assert!(items.iter().all(|item| item.decided_by == owner.user() && item.decided_at.is_some()));
        assert_eq!(audited(&test, &owner).await[0], "access_review.decide");
        assert!(access_review::start(platform, &owner).await.is_ok(), "and the next can begin");
    }
}

fn membership_line(items: &[Item], user: Uuid) -> Uuid {
    items.iter().find(|item| item.kind == "member" && item.user == Some(user)).expect("a line").id
}

#[tokio::test]
async fn a_review_is_due_after_ninety_two_days_and_only_a_complete_one_counts() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (_, owner) = founder(&test, "harbour").await;
        let seconds = DUE_DAYS * 86_400;
        test.clock.advance_seconds(seconds - 1);
        assert!(!access_review::standing(platform, &owner).await.expect("asked").is_overdue);
        assert_eq!(access_review::overdue(platform).await.expect("asked"), (1, 0));
        test.clock.advance_seconds(1);
        let standing = access_review::standing(platform, &owner).await.expect("asked");
        assert!(standing.is_overdue && standing.reviewed_at.is_none(), "{}", test.name);
        assert_eq!(access_review::overdue(platform).await.expect("asked"), (1, 1));
        let review = access_review::start(platform, &owner).await.expect("started");
        assert!(access_review::standing(platform, &owner).await.expect("asked").is_overdue, "begun is not done");
        let (_, items) = access_review::get(platform, &owner, review.id).await.expect("read");
        access_review::decide(platform, &owner, review.id, items[0].id, Decision::Keep).await.expect("kept");
        let standing = access_review::standing(platform, &owner).await.expect("asked");
        assert!(!standing.is_overdue && standing.open.is_none());
        assert_eq!(standing.due_at, platform.now().plus_seconds(seconds), "{}", test.name);
        assert_eq!(access_review::overdue(platform).await.expect("asked"), (1, 0));
    }
}

#[tokio::test]
async fn another_organization_has_no_part_in_it() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let ((_, owner), (_, other)) = (founder(&test, "harbour").await, founder(&test, "elsewhere").await);
        let review = access_review::start(platform, &owner).await.expect("started");
        let (_, items) = access_review::get(platform, &owner, review.id).await.expect("read");
        assert!(matches!(access_review::get(platform, &other, review.id).await, Err(Error::NotFound)));
        let decided = access_review::decide(platform, &other, review.id, items[0].id, Decision::Remove).await;
        assert!(matches!(decided, Err(Error::NotFound)), "{}", test.name);
        assert!(access_review::list(platform, &other, Uuid::max(), 10).await.expect("listed").is_empty());
        assert_eq!(access_review::list(platform, &owner, Uuid::max(), 10).await.expect("listed").len(), 1);
    }
}
