//! Every refusal on the way in, on both databases.

use identity::Role;
use identity::testing::{Persona, TestPlatform, platforms};

use super::*;
use crate::embed_token::Quota;
use crate::visitor::PASS_ABSOLUTE_SECONDS;
use crate::widget::{self, NewWidget, Widget};

const SHOP: &str = "https://shop.example";

struct House {
    test: TestPlatform,
    owner: Persona,
    agent_id: Uuid,
}

async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for test in platforms(crate::testing::parts()).await {
        let founded = test.organization("practice").await;
        let owner = test.member(founded.organization, Role::Owner).await;
        let profile = agents::profile::sample();
        let agent_id = agents::store::create(&test.platform, &owner.caller, profile).await.expect("an agent").id;
        houses.push(House { test, owner, agent_id });
    }
    houses
}

impl House {
    async fn widget(&self, origins: &[&str], quota: Quota) -> Widget {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let new = NewWidget { name: "Home page", agent_id: self.agent_id, origins: &origins, expires_at: None, quota };
        widget::create(&self.test.platform, &self.owner.caller, &new).await.expect("made")
    }

    async fn admit(&self, text: &str, origin: &str) -> std::result::Result<Admission, Refusal> {
        match admit(&self.test.platform, text, origin, None).await {
            Ok(admission) => Ok(admission),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{}: {other}", self.test.name),
        }
    }

    async fn pass(&self, widget: &Widget) -> PassText {
        let admission = self.admit(&widget.text, SHOP).await.expect("admitted");
        issue(&self.test.platform, &admission, Uuid::from_u128(77)).await.expect("issued").0
    }

    async fn present(&self, pass: &str) -> Result<Present> {
        present(&self.test.platform, pass, None).await
    }
}

fn refusal(found: std::result::Result<Admission, Refusal>) -> Option<Refusal> {
    found.err()
}

#[tokio::test]
async fn a_listed_origin_is_let_in_and_another_refused() {
    for house in houses().await {
        let widget = house.widget(&[SHOP], Quota::default()).await;
        assert!(house.admit(&widget.text, SHOP).await.is_ok(), "{}", house.test.name);
        for origin in ["https://evil.example", "https://shop.example.evil.example", "", "null"] {
            assert_eq!(refusal(house.admit(&widget.text, origin).await), Some(Refusal::Origin), "{origin}");
        }
        let unknown = TokenText::generate(house.owner.caller.organization(), house.test.platform.entropy.as_ref());
        assert_eq!(refusal(house.admit(unknown.as_str(), SHOP).await), Some(Refusal::Unknown));
        assert_eq!(refusal(house.admit("rf_embed_nonsense", SHOP).await), Some(Refusal::Unknown));
        let nobody = house.widget(&[], Quota::default()).await;
        assert_eq!(refusal(house.admit(&nobody.text, SHOP).await), Some(Refusal::Origin), "an empty list means deny");
    }
}

#[tokio::test]
async fn rotation_leaves_a_day_and_revocation_leaves_nothing() {
    for house in houses().await {
        let (platform, caller) = (&house.test.platform, &house.owner.caller);
        let old = house.widget(&[SHOP], Quota::default()).await;
        let new = widget::rotate(platform, caller, old.token.id).await.expect("rotated");
        assert_ne!(old.text, new.text);
        assert!(house.admit(&old.text, SHOP).await.is_ok() && house.admit(&new.text, SHOP).await.is_ok());
        house.test.clock.advance_seconds(crate::embed_token::ROTATION_OVERLAP_SECONDS);
        assert_eq!(refusal(house.admit(&old.text, SHOP).await), Some(Refusal::Unknown));
        let pass = house.pass(&new).await;
        widget::revoke(platform, caller, new.token.id).await.expect("revoked");
        assert_eq!(refusal(house.admit(&new.text, SHOP).await), Some(Refusal::Revoked));
        assert!(matches!(house.present(pass.reveal()).await, Err(Error::Refused(Refusal::Revoked))));
        assert!(matches!(widget::rotate(platform, caller, new.token.id).await, Err(Error::Revoked)));
    }
}

#[tokio::test]
async fn quotas_end_the_day_and_begin_anew() {
    for house in houses().await {
        let quota = Quota { conversations_per_day: 2, messages_per_day: 1, ..Quota::default() };
        let widget = house.widget(&[SHOP], quota).await;
        let pass = house.pass(&widget).await;
        assert!(house.admit(&widget.text, SHOP).await.is_ok());
        assert_eq!(refusal(house.admit(&widget.text, SHOP).await), Some(Refusal::Quota(Limit::ConversationsOfDay)));
        let present = house.present(pass.reveal()).await.expect("a good pass");
        present.count_message(&house.test.platform).await.expect("the first message");
        let second = present.count_message(&house.test.platform).await;
        assert!(matches!(second, Err(Error::Refused(Refusal::Quota(Limit::MessagesOfDay)))));
        let seen = widget::get(&house.test.platform, &house.owner.caller, widget.token.id).await.expect("there");
        assert_eq!((seen.used.conversations_today, seen.used.messages_today), (2, 1), "{}", house.test.name);
        house.test.clock.advance_seconds(24 * 3600);
        assert!(house.admit(&widget.text, SHOP).await.is_ok());
    }
}

#[tokio::test]
async fn an_hour_and_a_conversation_have_their_own_quotas() {
    for house in houses().await {
        let platform = &house.test.platform;
        let quota = Quota { conversations_per_hour: 1, messages_per_conversation: 2, ..Quota::default() };
        let widget = house.widget(&[SHOP], quota).await;
        let pass = house.pass(&widget).await;
        let hour_is_over = Some(Refusal::Quota(Limit::ConversationsOfHour));
        assert_eq!(refusal(house.admit(&widget.text, SHOP).await), hour_is_over, "{}", house.test.name);
        let present = house.present(pass.reveal()).await.expect("a good pass");
        for _ in 0..2 {
            present.count_message(platform).await.expect("within the quota");
        }
        let third = present.count_message(platform).await;
        assert!(matches!(third, Err(Error::Refused(Refusal::Quota(Limit::MessagesOfConversation)))));
        house.test.clock.advance_seconds(3600);
        assert!(house.admit(&widget.text, SHOP).await.is_ok(), "{}: a new hour", house.test.name);
        let seen = widget::get(platform, &house.owner.caller, widget.token.id).await.expect("there");
        assert_eq!((seen.used.conversations_this_hour, seen.used.conversations_today), (1, 2), "{}", house.test.name);
        let more = widget::Bounds { conversations_per_hour: Some(2), ..widget::Bounds::default() };
        let changed = widget::change(platform, &house.owner.caller, widget.token.id, &more).await.expect("changed");
        assert_eq!(changed.token.quota, Quota { conversations_per_hour: 2, ..quota });
        assert!(house.admit(&widget.text, SHOP).await.is_ok());
    }
}

#[tokio::test]
async fn the_organization_is_told_once_when_a_quota_is_used_up() {
    for house in houses().await {
        let platform = &house.test.platform;
        let widget = house.widget(&[SHOP], Quota { conversations_per_hour: 1, ..Quota::default() }).await;
        let live = Live::new(platform.entropy.as_ref());
        let admission = house.admit(&widget.text, SHOP).await.expect("the first");
        for _ in 0..3 {
            admission.tell(platform, &live, Limit::ConversationsOfHour).await.expect("told");
        }
        let query = audit::EntryQuery { before: None, object_id: Some(widget.token.id), action: None, limit: 10 };
        let entries = platform.audit.entries(&house.owner.caller.database(platform), &query).await.expect("read");
        let records = entries.iter().map(|entry| entry.record.as_ref().expect("intact"));
        let told: Vec<_> = records.filter(|record| record.action == "widget.quota").collect();
        assert_eq!(told.len(), 1, "{}: once in an hour", house.test.name);
        assert_eq!(told[0].facts, [("quota".to_owned(), "conversations_per_hour".to_owned())]);
    }
}

#[tokio::test]
async fn a_solved_puzzle_counts_once_for_its_widget_and_origin_in_time() {
    for house in houses().await {
        let (platform, name) = (&house.test.platform, house.test.name);
        let widget = house.widget(&[SHOP, "https://other.example"], Quota::default()).await;
        let other = house.widget(&[SHOP], Quota::default()).await;
        let knocked = knock(platform, &widget.text, SHOP, None).await.expect("known");
        let issued = challenge::issue(platform, &knocked.caller, &knocked.token, SHOP).await.expect("issued");
        let (text, _) = issued.challenge.rsplit_once('.').expect("a mark");
        let puzzle = Challenge::parse(text).expect("its own text");
        let counter = (0..u32::MAX).find(|counter| puzzle.is_solved_by(*counter)).expect("solvable");
        let solution = challenge::Solution { challenge: issued.challenge.clone(), counter };
        let verdict = async |token: &EmbedToken, origin: &str, solution: &challenge::Solution| {
            challenge::check(platform, &knocked.caller, token, origin, solution).await.is_ok()
        };
        assert!(verdict(&knocked.token, SHOP, &solution).await, "{name}");
        assert!(!verdict(&other.token, SHOP, &solution).await, "{name}: another widget");
        assert!(!verdict(&knocked.token, "https://other.example", &solution).await, "{name}: another origin");
        let wrong = (0..u32::MAX).find(|counter| !puzzle.is_solved_by(*counter)).expect("most are wrong");
        assert!(!verdict(&knocked.token, SHOP, &challenge::Solution { counter: wrong, ..solution.clone() }).await);
        let easier = issued.challenge.replacen(".16.", ".1.", 1);
        for forged in [easier, text.to_owned(), format!("{text}.{}", "0".repeat(64)), String::new(), "1.2.3".to_owned()]
        {
            let solution = challenge::Solution { challenge: forged.clone(), counter };
            assert!(!verdict(&knocked.token, SHOP, &solution).await, "{name}: {forged}");
        }
        knocked.count(platform, Some(&puzzle)).await.expect("the first use");
        let again = knocked.count(platform, Some(&puzzle)).await;
        assert!(matches!(again, Err(Error::Refused(Refusal::Challenge))), "{name}: a second use");
        let seen = widget::get(platform, &house.owner.caller, widget.token.id).await.expect("there");
        assert_eq!(seen.used.conversations_today, 1, "{name}: and it counted nothing");
        house.test.clock.advance_seconds(edge::challenge::CHALLENGE_SECONDS);
        assert!(!verdict(&knocked.token, SHOP, &solution).await, "{name}: too late");
    }
}

#[tokio::test]
async fn a_pass_opens_its_conversation_until_its_end() {
    for house in houses().await {
        let widget = house.widget(&[SHOP], Quota::default()).await;
        let pass = house.pass(&widget).await;
        let present = house.present(pass.reveal()).await.expect("a good pass");
        assert_eq!((present.visitor.conversation_id, present.visitor.origin.as_str()), (Uuid::from_u128(77), SHOP));
        assert!(present.caller.role().is_none(), "a visitor holds no permission");
        let forged = PassText::generate(pass.organization, pass.id, house.test.platform.entropy.as_ref());
        for bad in ["", "rf_visitor_x", forged.reveal(), &widget.text] {
            assert!(matches!(house.present(bad).await, Err(Error::NoPass)), "{bad}");
        }
        house.test.clock.advance_seconds(PASS_SECONDS - 1);
        present.count_message(&house.test.platform).await.expect("counted");
        house.test.clock.advance_seconds(60);
        assert!(house.present(pass.reveal()).await.is_ok(), "a message renews it");
        house.test.clock.advance_seconds(PASS_SECONDS);
        assert!(matches!(house.present(pass.reveal()).await, Err(Error::NoPass)));
        house.test.clock.advance_seconds(PASS_ABSOLUTE_SECONDS);
        house.pass(&widget).await;
        let rows = house.owner.caller.database(&house.test.platform).get(&VISITOR_PASS, pass.id).await.expect("read");
        assert!(rows.is_none(), "passes that are over are swept");
    }
}

#[tokio::test]
async fn a_list_that_shrinks_ends_the_passes_given_to_the_origin() {
    for house in houses().await {
        let widget = house.widget(&[SHOP], Quota::default()).await;
        let pass = house.pass(&widget).await;
        let other = ["https://other.example".to_owned()];
        let caller = &house.owner.caller;
        widget::set_origins(&house.test.platform, caller, widget.token.id, &other).await.expect("set");
        assert!(matches!(house.present(pass.reveal()).await, Err(Error::Refused(Refusal::Origin))));
    }
}

#[tokio::test]
async fn another_organization_finds_no_widget_and_its_token_opens_nothing_of_the_first() {
    for house in houses().await {
        let widget = house.widget(&[SHOP], Quota::default()).await;
        let founded = house.test.organization("rival").await;
        let rival = house.test.member(founded.organization, Role::Owner).await;
        let platform = &house.test.platform;
        assert!(matches!(widget::get(platform, &rival.caller, widget.token.id).await, Err(Error::NotFound)));
        assert!(matches!(widget::revoke(platform, &rival.caller, widget.token.id).await, Err(Error::NotFound)));
        assert!(widget::list(platform, &rival.caller, Uuid::max(), 10).await.expect("a list").is_empty());
        // The organization in a token is only where to look: with another's it is unknown there.
        let own = house.owner.caller.organization().0.simple().to_string();
        let moved = widget.text.replacen(&own, &founded.organization.0.simple().to_string(), 1);
        assert_eq!(refusal(house.admit(&moved, SHOP).await), Some(Refusal::Unknown));
    }
}

#[tokio::test]
async fn what_cannot_be_a_widget_is_refused_with_its_field() {
    let house = houses().await.remove(0);
    let (platform, caller) = (&house.test.platform, &house.owner.caller);
    let long = "x".repeat(81);
    let wrong = ["https://*.shop.example".to_owned()];
    let many: Vec<String> =
        (0..=crate::origin::ORIGINS_MAX).map(|number| format!("https://s{number}.example")).collect();
    let good = NewWidget {
        name: "Home page",
        agent_id: house.agent_id,
        origins: &[],
        expires_at: None,
        quota: Quota::default(),
    };
    let cases = [
        ("name", NewWidget { name: " ", ..good.clone() }),
        ("agent_id", NewWidget { agent_id: Uuid::from_u128(5), ..good.clone() }),
        ("name", NewWidget { name: &long, ..good.clone() }),
        ("origins", NewWidget { origins: &wrong, ..good.clone() }),
        ("origins", NewWidget { origins: &many, ..good.clone() }),
        ("expires_at", NewWidget { expires_at: Some(platform.now()), ..good.clone() }),
        ("messages_per_day", NewWidget { quota: Quota { messages_per_day: 0, ..Quota::default() }, ..good.clone() }),
        (
            "conversations_per_day",
            NewWidget {
                quota: Quota { conversations_per_day: crate::embed_token::QUOTA_MAX + 1, ..Quota::default() },
                ..good
            },
        ),
    ];
    for (expected, new) in cases {
        match widget::create(platform, caller, &new).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn widgets_are_bounded_until_one_is_revoked() {
    for house in houses().await {
        let mut last = None;
        for _ in 0..widget::WIDGETS_MAX {
            last = Some(house.widget(&[], Quota::default()).await);
        }
        let (platform, caller) = (&house.test.platform, &house.owner.caller);
        let new = NewWidget {
            name: "One more",
            agent_id: house.agent_id,
            origins: &[],
            expires_at: None,
            quota: Quota::default(),
        };
        let beyond = widget::create(platform, caller, &new).await;
        assert!(matches!(beyond, Err(Error::Full)), "{}", house.test.name);
        widget::revoke(platform, caller, last.expect("made").token.id).await.expect("revoked");
        widget::create(platform, caller, &new).await.expect("there is room again");
    }
}

#[tokio::test]
async fn every_statement_is_prepared_and_in_scope() {
    for house in houses().await {
        let extra = crate::testing::parts();
        let schema = identity::testing::schema(&extra);
        let database = &house.test.platform.database;
        storage::registry::check(&schema, database).await.expect("prepared and in scope");
    }
}
