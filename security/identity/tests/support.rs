//! Support access on both databases: only by a grant, only as far as it reaches, only as long as it holds.

use audit::{ActorKind, Outcome};
use identity::support::{self, MAXIMUM_GRANTS, NewGrant, Operator, SESSION_SECONDS, Scope};
use identity::testing::{START, TestPlatform, platforms};
use identity::{Authenticator, Caller, Credential, Error, Permission, Presented, Role};
use storage::{Schema, Timestamp};
use uuid::Uuid;

const LISTEN: &[Permission] = &[Permission::CallRead, Permission::RecordingListen];
const FOREVER: Timestamp = Timestamp(i64::MAX);

fn operator(id: u128) -> Operator<'static> {
    Operator { id: Uuid::from_u128(id), name: "Sam Support", address: None, until: FOREVER }
}

fn wish(hours: i64, permissions: &[Permission]) -> NewGrant<'static> {
    NewGrant { scope: Scope::new(permissions, &[]).expect("grantable"), hours, reason: "The sound is choppy" }
}

async fn by(test: &TestPlatform, token: &str) -> Option<Caller> {
    let bearer = Presented { bearer: Some(token), ..Presented::default() };
    let cookie = Presented { session: Some(token), ..Presented::default() };
    let judge = Authenticator::new(test.platform.clone());
    let (by_key, by_session) = (judge.authenticate(bearer).await, judge.authenticate(cookie).await);
    let (by_key, by_session) = (by_key.expect("asked"), by_session.expect("asked"));
    assert_eq!(by_key.is_some(), by_session.is_some());
    by_key
}

async fn opened(test: &TestPlatform, grant: Uuid) -> Option<String> {
    support::open(&test.platform, operator(7), grant).await.expect("asked").map(|(token, _)| token)
}

#[tokio::test]
async fn a_grant_opens_what_it_says_and_nothing_else() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let admin = test.member(founded.organization, Role::Admin).await.caller;
        let grant = support::grant(platform, &admin, &wish(4, LISTEN)).await.expect("granted");
        let (token, whose) = support::open(platform, operator(7), grant.id).await.expect("asked").expect("open");
        assert_eq!((whose.organization, whose.organization_name.as_str()), (founded.organization, "harbour"));
        let looking = by(&test, &token).await.expect("let in");
        assert_eq!(looking.organization(), founded.organization);
        assert!(matches!(looking.credential(), Credential::Support { grant: by, .. } if by == grant.id));
        assert_eq!((looking.role(), looking.user(), looking.display_name()), (None, None, "Sam Support"));
        for permission in Permission::ALL {
            assert_eq!(looking.permits(permission), LISTEN.contains(&permission), "{}: {permission:?}", test.name);
        }
        let refused = looking.change(platform, "agent.create").await;
        assert!(matches!(refused, Err(Error::SupportOnlyLooks)), "support changes nothing, whatever a handler forgot");
        assert_eq!(Authenticator::new(platform.clone()).standing(&looking).await.expect("asked"), None);
        assert!(by(&test, &format!("{token}0")).await.is_none());
        assert!(opened(&test, Uuid::from_u128(1)).await.is_none(), "no such grant");
    }
}

#[tokio::test]
async fn it_ends_when_revoked_when_over_and_with_the_operator() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let grant = support::grant(platform, &owner, &wish(2, LISTEN)).await.expect("granted");
        let token = opened(&test, grant.id).await.expect("open");
        test.clock.advance_seconds(SESSION_SECONDS - 1);
        assert!(by(&test, &token).await.is_some());
        test.clock.advance_seconds(1);
        assert!(by(&test, &token).await.is_none(), "a session of support is over after an hour");
        let again = opened(&test, grant.id).await.expect("the grant still holds");
        test.clock.advance_seconds(2 * 3600 - SESSION_SECONDS - 1);
        assert!(by(&test, &again).await.is_some());
        test.clock.advance_seconds(1);
        assert!(by(&test, &again).await.is_none() && opened(&test, grant.id).await.is_none(), "the grant is over");
        assert!(!support::revoke(platform, &owner, grant.id).await.expect("asked"), "what is over is over");

        let grant = support::grant(platform, &owner, &wish(2, LISTEN)).await.expect("granted");
        let token = opened(&test, grant.id).await.expect("open");
        assert!(support::revoke(platform, &owner, grant.id).await.expect("revoked"));
        assert!(by(&test, &token).await.is_none() && opened(&test, grant.id).await.is_none());

        let grant = support::grant(platform, &owner, &wish(2, LISTEN)).await.expect("granted");
        let token = opened(&test, grant.id).await.expect("open");
        let mut transaction = platform.database.installation().begin().await.expect("begun");
        let ended = support::end_sessions_of(&mut transaction, Uuid::from_u128(7), platform.now()).await;
        transaction.commit().await.expect("committed");
        assert!(ended.expect("ended") >= 1 && by(&test, &token).await.is_none(), "with the operator's standing");
        let until = platform.now().plus_seconds(60);
        let brief = Operator { until, ..operator(8) };
        let (token, _) = support::open(platform, brief, grant.id).await.expect("asked").expect("open");
        test.clock.advance_seconds(60);
        assert!(by(&test, &token).await.is_none(), "an operator's own end ends it, too");
        let over = Operator { until: START, ..operator(8) };
        assert!(support::open(platform, over, grant.id).await.expect("asked").is_none());
    }
}

#[tokio::test]
async fn the_organization_sees_who_looks_and_its_log_names_operator_and_grant() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let (founded, other) = (test.organization("harbour").await, test.organization("other").await);
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        let grant = support::grant(platform, &owner, &wish(2, LISTEN)).await.expect("granted");
        assert!(support::looking(platform, founded.organization).await.expect("read").is_empty());
        let token = opened(&test, grant.id).await.expect("open");
        let looking = by(&test, &token).await.expect("let in");
        looking.note_look(platform, "/v1/calls", None).await.expect("noted");
        looking.note_refusal(platform, "access.refuse", "KeyRead".to_owned()).await.expect("noted");
        let seen = support::looking(platform, founded.organization).await.expect("read");
        assert_eq!((seen.len(), seen[0].operator_name.as_str(), seen[0].grant), (1, "Sam Support", grant.id));
        assert!(support::looking(platform, other.organization).await.expect("read").is_empty());
        let stranger = test.member(other.organization, Role::Owner).await.caller;
        assert!(!support::end_session(platform, &stranger, seen[0].session).await.expect("asked"));
        assert!(!support::revoke(platform, &stranger, grant.id).await.expect("asked"));
        assert!(support::end_session(platform, &owner, seen[0].session).await.expect("ended"));
        assert!(by(&test, &token).await.is_none());

        let query = audit::EntryQuery { before: None, object_id: None, action: None, limit: 20 };
        let entries = platform.audit.entries(&owner.database(platform), &query).await.expect("read");
        let records: Vec<_> = entries.into_iter().map(|entry| entry.record.expect("intact")).collect();
        let actions: Vec<&str> = records.iter().map(|record| record.action.as_str()).take(5).collect();
        assert_eq!(actions, ["support.end", "access.refuse", "support.look", "support.open", "support.grant"]);
        for record in &records[1..4] {
            assert_eq!((record.actor.kind, record.actor.id), (ActorKind::Operator, Some(Uuid::from_u128(7))));
            assert_eq!(record.facts[0], ("grant".to_owned(), grant.id.to_string()), "{}", record.action);
        }
        assert_eq!(records[1].outcome, Outcome::Refused);
        let text = format!("{records:?}");
        assert!(!text.contains("Sam") && !text.contains("choppy"), "names and reasons are sealed: {text}");
    }
}

#[tokio::test]
async fn nobody_grants_more_than_they_hold_and_not_without_end() {
    for test in platforms(Schema::new()).await {
        let platform = &test.platform;
        let founded = test.organization("harbour").await;
        let viewer = test.member(founded.organization, Role::Viewer).await.caller;
        let refused = support::grant(platform, &viewer, &wish(1, LISTEN)).await;
        assert!(matches!(refused, Err(Error::BeyondOwnRole)));
        let owner = test.member(founded.organization, Role::Owner).await.caller;
        // As long as a reason may be, in letters of three bytes: it stands in the log, too.
        let reason = "声".repeat(support::MAXIMUM_REASON_LENGTH);
        let long = NewGrant { reason: &reason, ..wish(1, LISTEN) };
        assert_eq!(support::grant(platform, &owner, &long).await.expect("granted").reason, reason);
        for _ in 1..MAXIMUM_GRANTS {
            support::grant(platform, &owner, &wish(1, LISTEN)).await.expect("granted");
        }
        let refused = support::grant(platform, &owner, &wish(1, LISTEN)).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{}", test.name);
        let listed = support::list(platform, &owner, None, 100).await.expect("listed");
        assert_eq!(listed.len() as i64, MAXIMUM_GRANTS);
        assert_eq!(support::open_grants(platform, None, 100).await.expect("listed").len() as i64, MAXIMUM_GRANTS);
        test.clock.advance_seconds(3600);
        assert!(support::open_grants(platform, None, 100).await.expect("listed").is_empty());
        support::grant(platform, &owner, &wish(1, LISTEN)).await.expect("there is room again");
    }
}
