//! Agents and versions on both databases.

use identity::Role;
use identity::testing::platforms;
use storage::Schema;
use uuid::Uuid;

use super::*;
use crate::profile::sample;

fn schema() -> Schema {
    Schema::new().with(crate::TABLES, crate::STATEMENTS)
}

#[tokio::test]
async fn a_draft_becomes_a_version_that_never_changes() {
    for house in platforms(schema()).await {
        let platform = &house.platform;
        let founded = house.organization("Harbour").await;
        let caller = house.member(founded.organization, Role::Admin).await.caller;
        let agent = create(platform, &caller, sample()).await.expect("made");
        assert_eq!(get(platform, &caller, agent.id).await.expect("there"), agent, "{}", house.name);
        let (database, keyring) = (caller.database(platform), caller.keyring(platform).await.expect("keys"));
        assert!(published(&database, &keyring, agent.id).await.expect("read").is_none());
        let first = publish(platform, &caller, agent.id, &agent.draft_hash).await.expect("published");
        assert_eq!((first.number, first.hash.as_str()), (1, agent.draft_hash.as_str()));
        let again = publish(platform, &caller, agent.id, &agent.draft_hash).await;
        assert!(matches!(again, Err(Error::AlreadyPublished)), "{}", house.name);
        let changed = Profile { greeting: "Good day".into(), ..sample() };
        save_draft(platform, &caller, agent.id, &changed, Some(&agent.draft_hash)).await.expect("saved");
        assert_eq!(published(&database, &keyring, agent.id).await.expect("read"), Some(first.clone()));
        house.clock.advance_seconds(1);
        let second = publish(platform, &caller, agent.id, &changed.hash()).await.expect("published");
        assert_eq!(second.number, 2);
        assert_eq!(
            version_by_id(&database, &keyring, first.id).await.expect("kept").profile.greeting,
            sample().greeting
        );
        let listed = versions(platform, &caller, agent.id, Uuid::max(), 10).await.expect("listed");
        assert_eq!(listed.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 1]);
        let shown = list(platform, &caller, Uuid::max(), 10).await.expect("listed");
        assert_eq!(shown[0].published.as_ref().map(|published| published.number), Some(2));
    }
}

#[tokio::test]
async fn a_draft_that_moved_is_neither_published_nor_overwritten() {
    for house in platforms(schema()).await {
        let platform = &house.platform;
        let founded = house.organization("Harbour").await;
        let caller = house.member(founded.organization, Role::Admin).await.caller;
        let agent = create(platform, &caller, sample()).await.expect("made");
        let changed = Profile { name: "Nora".into(), ..sample() };
        save_draft(platform, &caller, agent.id, &changed, None).await.expect("saved");
        let publish = publish(platform, &caller, agent.id, &agent.draft_hash).await;
        assert!(matches!(publish, Err(Error::DraftMoved { current }) if current == changed.hash()));
        let save = save_draft(platform, &caller, agent.id, &sample(), Some(&agent.draft_hash)).await;
        assert!(matches!(save, Err(Error::DraftMoved { .. })));
        let broken = Profile { name: String::new(), ..sample() };
        assert!(
            matches!(create(platform, &caller, broken).await, Err(Error::Profile(problems)) if problems.len() == 1)
        );
    }
}

#[tokio::test]
async fn another_organization_sees_nothing_and_the_number_of_agents_is_limited() {
    for house in platforms(schema()).await {
        let platform = &house.platform;
        let (ours, theirs) = (house.organization("Ours").await, house.organization("Theirs").await);
        let caller = house.member(ours.organization, Role::Admin).await.caller;
        let stranger = house.member(theirs.organization, Role::Owner).await.caller;
        let agent = create(platform, &caller, sample()).await.expect("made");
        assert!(matches!(get(platform, &stranger, agent.id).await, Err(Error::NotFound)));
        assert!(matches!(publish(platform, &stranger, agent.id, &agent.draft_hash).await, Err(Error::NotFound)));
        assert!(list(platform, &stranger, Uuid::max(), 10).await.expect("listed").is_empty());
        for _ in 1..AGENTS_MAX {
            create(platform, &caller, sample()).await.expect("made");
        }
        assert!(matches!(create(platform, &caller, sample()).await, Err(Error::TooMany(AGENTS_MAX))));
    }
}
