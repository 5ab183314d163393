//! Conversations on both databases: what is stored, refused, repeated, replayed and erased.

use std::sync::Arc;

use agents::profile::sample;
use agents::reply::{Part, Passage};
use compliance::consent::Purpose;
use compliance::dialing::DialingPolicy;
use futures_util::StreamExt as _;
use identity::testing::{Persona, TestPlatform, platform, platforms, schema};
use identity::{Caller, Role};
use storage::jobs::Jobs;
use storage::{OrganizationDb, OrganizationId, Schema};
use uuid::Uuid;
use vault::Field;
use web::live::Live;

use super::commit::Stored;
use super::*;
use crate::answers::{Answering, Answers};
use crate::booking::{BookingState, store::BookingFilter};
use crate::desk;
use crate::door::{Channel, ChannelAction, Heard, Input, Leave, OpenRequest, Outcome, Speaker};
use crate::engine::{Answer, Effect, Event};
use crate::error::Error;

/// Documents that know one price.
struct Prices;

impl Answers for Prices {
    fn answer<'a>(&'a self, _database: &'a OrganizationDb, _agent: Uuid, question: &'a str) -> Answering<'a> {
        let quote = "A cleaning costs € 95.".to_owned();
        let passage = Passage {
            document_id: Uuid::from_u128(1),
            title: "Prices".to_owned(),
            section: vec![],
            text: quote.clone(),
            url: None,
            score_thousandths: 900,
        };
        let answer = question.contains("cost").then_some(Answer { passage, quote });
        Box::pin(async { Ok(answer) })
    }
}

fn parts() -> Schema {
    Schema::new()
        .with(agents::TABLES, agents::STATEMENTS)
        .with(contacts::TABLES, contacts::STATEMENTS)
        .with(compliance::TABLES, compliance::STATEMENTS)
        .with(TABLES, STATEMENTS)
}

struct Bench {
    test: TestPlatform,
    conversations: Conversations,
    organization: OrganizationId,
    owner: Persona,
    agent: Uuid,
}

impl Bench {
    async fn on(test: TestPlatform) -> Bench {
        let organization = test.organization("lindenhof").await.organization;
        let owner = test.member(organization, Role::Owner).await;
        let agent = agents::store::create(&test.platform, &owner.caller, sample()).await.expect("an agent");
        agents::store::publish(&test.platform, &owner.caller, agent.id, &agent.draft_hash).await.expect("published");
        let live = Live::new(test.platform.entropy.as_ref());
        let dialing = DialingPolicy { loopback_sip: true, ..DialingPolicy::default() };
        let conversations = Conversations::new(test.platform.clone(), live, Arc::new(Prices), dialing);
        Bench { test, conversations, organization, owner, agent: agent.id }
    }

    async fn each() -> Vec<Bench> {
        let mut benches = Vec::new();
        for test in platforms(parts()).await {
            benches.push(Bench::on(test).await);
        }
        benches
    }

    async fn open(&self, channel: Channel) -> crate::door::Opened {
        let request = OpenRequest {
            organization: self.organization,
            agent_id: self.agent,
            channel,
            contact_id: None,
            address: None,
        };
        self.conversations.open(request).await.expect("opened")
    }

    async fn chat(&self) -> Uuid {
        self.open(Channel::Chat { page: None }).await.conversation_id
    }

    async fn call(&self) -> crate::door::Opened {
        let from = Some("+49301234567".to_owned());
        self.open(Channel::Phone { call_id: "1@x".to_owned(), from, to: "100".to_owned(), reads_aloud: true }).await
    }

    async fn input(&self, id: Uuid, input: Input) -> Outcome {
        self.conversations.handle(self.organization, id, input).await.expect("taken")
    }

    async fn says(&self, id: Uuid, text: &str) -> Outcome {
        self.input(id, Input::Words { text: text.to_owned(), client_id: None }).await
    }

    /// A booking up to the question whether it is right; for the first time that is offered on the first day.
    async fn almost_booked(&self) -> Uuid {
        let id = self.chat().await;
        self.says(id, "I'd like to book a cleaning").await;
        self.input(id, Input::Choice { number: 1, client_id: None }).await;
        self.input(id, Input::Choice { number: 1, client_id: None }).await;
        self.says(id, "Ada Byron").await;
        let outcome = self.says(id, "+49 30 1112223").await;
        assert!(matches!(last_part(&outcome), Part::ConfirmFlow { .. }), "{:?}", outcome.replies);
        id
    }

    async fn same(&self, id: Uuid) {
        let report = self.conversations.replay(self.organization, id).await.expect("replayed");
        assert!(report.same(), "{}: {report:?}", self.test.name);
    }

    fn caller(&self) -> &Caller {
        &self.owner.caller
    }
}

fn last_part(outcome: &Outcome) -> &Part {
    outcome.replies.last().and_then(|said| said.plan.parts.last()).expect("something is said")
}

#[tokio::test]
async fn statements_are_in_scope_on_both_engines() {
    for test in platforms(parts()).await {
        storage::registry::check(&schema(&parts()), &test.platform.database).await.expect("prepared and in scope");
    }
}

#[tokio::test]
async fn a_chat_books_once_and_replays_to_the_same_bytes() {
    for bench in Bench::each().await {
        let id = bench.almost_booked().await;
        let outcome = bench.says(id, "yes").await;
        let Part::Booked { reference, .. } = last_part(&outcome) else { panic!("{:?}", outcome.replies) };
        let bookings = bench
            .conversations
            .desk()
            .bookings(bench.caller(), &BookingFilter::default(), Uuid::max(), 10)
            .await
            .expect("listed");
        assert_eq!(bookings.len(), 1, "{}", bench.test.name);
        assert_eq!(&bookings[0].reference, reference);
        assert_eq!(bookings[0].given.name.as_deref(), Some("Ada Byron"));
        let contact = contacts::store::get(&bench.test.platform, bench.caller(), bookings[0].contact_id).await;
        assert_eq!(contact.expect("the contact").details.phone.as_deref(), Some("+49301112223"));
        bench.same(id).await;
        let lines = bench.conversations.transcript(bench.organization, id, 0).await.expect("read");
        assert!(lines[0].text.starts_with("I am an AI agent"), "the notice is the first line");
        assert!(lines.iter().any(|line| line.speaker == Speaker::Visitor && line.text == "Ada Byron"));
    }
}

#[tokio::test]
async fn the_same_time_is_never_booked_twice() {
    for bench in Bench::each().await {
        let (first, second) = (bench.almost_booked().await, bench.almost_booked().await);
        let (one, two) = tokio::join!(bench.says(first, "yes"), bench.says(second, "yes"));
        let booked = |outcome: &Outcome| {
            outcome.replies.iter().flat_map(|said| &said.plan.parts).any(|part| matches!(part, Part::Booked { .. }))
        };
        let taken = |outcome: &Outcome| {
            outcome.replies.iter().flat_map(|said| &said.plan.parts).any(|part| matches!(part, Part::TimeTaken))
        };
        assert!(booked(&one) ^ booked(&two), "{}: exactly one is booked", bench.test.name);
        assert!(taken(&one) ^ taken(&two), "the other hears so and is offered other times");
        for id in [first, second] {
            bench.same(id).await;
        }
        let booking = bench
            .conversations
            .desk()
            .bookings(bench.caller(), &BookingFilter::default(), Uuid::max(), 10)
            .await
            .expect("listed")[0]
            .id;
        let cancelled = bench.conversations.desk().set_booking(bench.caller(), booking, BookingState::Cancelled).await;
        assert_eq!(cancelled.expect("cancelled").state, BookingState::Cancelled);
        let third = bench.almost_booked().await;
        assert!(booked(&bench.says(third, "yes").await), "its time is free again");
    }
}

#[tokio::test]
async fn a_message_that_comes_twice_is_taken_once() {
    for bench in Bench::each().await {
        let id = bench.chat().await;
        let words = || Input::Words { text: "What does a cleaning cost?".to_owned(), client_id: Some("a1".to_owned()) };
        let first = bench.input(id, words()).await;
        let second = bench.input(id, words()).await;
        assert!(!first.duplicate && second.duplicate);
        assert_eq!(first.replies, second.replies);
        assert_eq!(first.sequence, second.sequence);
        assert_eq!(first.replies[0].reply.sources[0].title, "Prices");
        let lines = bench.conversations.transcript(bench.organization, id, 0).await.expect("read");
        assert_eq!(lines.iter().filter(|line| line.speaker == Speaker::Visitor).count(), 1);
        let long = Input::Words { text: "x".repeat(2_001), client_id: None };
        let refused = bench.conversations.handle(bench.organization, id, long).await;
        assert!(matches!(refused, Err(Error::TooLong { field: "text", most: 2_000 })));
        let empty = Input::Words { text: "  ".to_owned(), client_id: None };
        assert!(matches!(bench.conversations.handle(bench.organization, id, empty).await, Err(Error::Empty)));
    }
}

#[tokio::test]
async fn words_at_once_are_taken_one_after_the_other() {
    for bench in Bench::each().await {
        let id = bench.chat().await;
        let says = |number: usize| {
            let text = format!("What does number {number} cost?");
            bench.input(id, Input::Words { text, client_id: Some(number.to_string()) })
        };
        let outcomes = futures_util::future::join_all((0..10).map(says)).await;
        let mut sequences: Vec<u64> = outcomes.iter().map(|outcome| outcome.input_sequence).collect();
        sequences.sort_unstable();
        sequences.dedup();
        assert_eq!(sequences.len(), 10, "{}", bench.test.name);
        bench.same(id).await;
    }
}

#[tokio::test]
async fn a_call_gives_a_grant_only_after_a_heard_notice_and_a_one() {
    for bench in Bench::each().await {
        let opened = bench.call().await;
        let id = opened.conversation_id;
        let early = bench.input(id, Input::Digit('1')).await;
        assert!(early.actions.is_empty(), "{}: {:?}", bench.test.name, early.actions);
        let sequence = early.replies[0].sequence;
        bench.input(id, Input::Spoken { sequence, whole: true, milliseconds: 9_000 }).await;
        let yes = bench.input(id, Input::Digit('1')).await;
        let [ChannelAction::StartRecording(grant)] = &yes.actions[..] else { panic!("{:?}", yes.actions) };
        assert_eq!((grant.conversation(), grant.purpose()), (id, Purpose::Record));
        assert_eq!(grant.organization(), bench.organization);
        let stop = bench.input(id, Input::Digit('8')).await;
        assert!(matches!(stop.actions[..], [ChannelAction::StopRecording]));
        let again = bench.call().await;
        assert_eq!(again.contact_id, opened.contact_id, "the caller is known by number");
        bench.same(id).await;
    }
}

#[tokio::test]
async fn a_transfer_that_may_not_be_dialled_becomes_a_message() {
    for bench in Bench::each().await {
        let mut profile = sample();
        for (target, allowed) in [("112", false), ("+1 900 555 0100", false), ("sip:desk@127.0.0.1", true)] {
            profile.handoff.transfer_to = Some(target.to_owned());
            let (platform, caller) = (&bench.test.platform, bench.caller());
            agents::store::save_draft(platform, caller, bench.agent, &profile, None).await.expect("saved");
            agents::store::publish(platform, caller, bench.agent, &profile.hash()).await.expect("published");
            let id = bench.call().await.conversation_id;
            bench.input(id, Input::Digit('2')).await;
            let outcome = bench.input(id, Input::Digit('0')).await;
            let transfers = outcome.actions.iter().any(|action| matches!(action, ChannelAction::Transfer { .. }));
            assert_eq!(transfers, allowed, "{target}");
            assert_eq!(matches!(last_part(&outcome), Part::OfferMessage), !allowed, "{target}");
        }
    }
}

#[tokio::test]
async fn a_person_joins_writes_and_leaves_and_the_channel_hears_it() {
    for bench in Bench::each().await {
        let id = bench.chat().await;
        let mut heard = Box::pin(bench.conversations.watch(id));
        bench.says(id, "I want to talk to a person").await;
        let waiting = bench.conversations.waiting(bench.caller()).await.expect("listed");
        assert_eq!(waiting.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
        let early = bench.conversations.person_says(bench.caller(), id, "Hello", None).await;
        assert!(matches!(early, Err(Error::NotNow(_))));
        bench.conversations.person_joins(bench.caller(), id).await.expect("joined");
        let other = bench.test.member(bench.organization, Role::Manager).await;
        assert!(matches!(bench.conversations.person_joins(&other.caller, id).await, Err(Error::NotNow(_))));
        assert!(matches!(bench.conversations.person_says(&other.caller, id, "x", None).await, Err(Error::NotNow(_))));
        for _ in 0..2 {
            let says = bench.conversations.person_says(bench.caller(), id, "How can I help?", Some("p1"));
            says.await.expect("said");
        }
        let silent = bench.says(id, "When are you open?").await;
        assert_eq!(silent.replies, [], "the agent is silent");
        bench.conversations.person_leaves(bench.caller(), id, Leave::End).await.expect("left");
        let mut words = Vec::new();
        while let Some(next) = heard.next().await {
            match next {
                Heard::Line(line) => words.push(line.text),
                Heard::Ended => break,
                Heard::Missed => panic!("nothing was missed: {words:?}"),
            }
        }
        assert_eq!(words, ["Mika Member has joined the conversation.", "How can I help?", "Thank you. Goodbye."]);
        assert!(matches!(
            bench
                .conversations
                .handle(bench.organization, id, Input::Words { text: "x".to_owned(), client_id: None })
                .await,
            Err(Error::Ended)
        ));
        bench.same(id).await;
    }
}

#[tokio::test]
async fn whoever_listens_too_slowly_is_told_that_something_was_missed() {
    let bench = Bench::each().await.swap_remove(0);
    let id = bench.chat().await;
    bench.says(id, "I want to talk to a person").await;
    bench.conversations.person_joins(bench.caller(), id).await.expect("joined");
    let mut heard = Box::pin(bench.conversations.watch(id));
    for number in 0..70 {
        let words = format!("Line {number}");
        bench.conversations.person_says(bench.caller(), id, &words, None).await.expect("said");
    }
    let first = heard.next().await.expect("something");
    assert!(matches!(first, Heard::Missed), "lines were lost without a word: {first:?}");
    assert!(matches!(heard.next().await, Some(Heard::Line(_))), "and what is left is heard");
}

#[tokio::test]
async fn nobody_joins_in_time_and_an_idle_chat_ends() {
    for bench in Bench::each().await {
        let id = bench.chat().await;
        bench.says(id, "a person please").await;
        let jobs = Jobs::new(&bench.test.platform.database, bench.test.platform.identifiers.clone());
        bench.test.clock.advance_seconds(61);
        run_due(&bench, &jobs).await;
        let lines = bench.conversations.transcript(bench.organization, id, 0).await.expect("read");
        assert!(lines.last().expect("a line").text.contains("leave a message"), "{}", bench.test.name);
        bench.test.clock.advance_seconds(1_740);
        run_due(&bench, &jobs).await;
        let state = async || bench.conversations.summary(bench.caller(), id).await.expect("there").state;
        assert_eq!(state().await, "open", "something happened within the half hour");
        bench.test.clock.advance_seconds(61);
        run_due(&bench, &jobs).await;
        assert_eq!(state().await, "ended");
        bench.same(id).await;
    }
}

async fn run_due(bench: &Bench, jobs: &Jobs) {
    let now = bench.test.platform.now();
    for job in jobs.claim(WAKE_JOB, now, 60, 100).await.expect("claimed") {
        bench.conversations.run_job(&job).await.expect("run");
        bench.conversations.run_job(&job).await.expect("running it twice does nothing twice");
        jobs.complete(&job).await.expect("completed");
    }
}

#[tokio::test]
async fn an_erased_person_leaves_ids_and_times_only() {
    for bench in Bench::each().await {
        let id = bench.almost_booked().await;
        bench.says(id, "yes").await;
        let summary = bench.conversations.summary(bench.caller(), id).await.expect("there");
        contacts::store::erase(&bench.test.platform, bench.caller(), summary.contact_id).await.expect("erased");
        assert!(bench.conversations.summary(bench.caller(), id).await.expect("the row stays").erased);
        let transcript = bench.conversations.transcript(bench.organization, id, 0).await;
        assert!(matches!(transcript, Err(Error::Erased)), "{}", bench.test.name);
        let booking = &bench
            .conversations
            .desk()
            .bookings(bench.caller(), &BookingFilter::default(), Uuid::max(), 1)
            .await
            .expect("listed")[0];
        assert!(booking.given.erased && booking.given.name.is_none());
        let words = Input::Words { text: "hello".to_owned(), client_id: None };
        assert!(matches!(bench.conversations.handle(bench.organization, id, words).await, Err(Error::Erased)));
        let request = OpenRequest {
            organization: bench.organization,
            agent_id: bench.agent,
            channel: Channel::Chat { page: None },
            contact_id: Some(summary.contact_id),
            address: None,
        };
        let back = bench.conversations.open(request).await.expect("whoever comes back is let in");
        assert_ne!(back.contact_id, summary.contact_id, "as somebody new");
    }
}

#[tokio::test]
async fn another_organization_sees_nothing() {
    for bench in Bench::each().await {
        let id = bench.almost_booked().await;
        bench.says(id, "yes").await;
        let other = bench.test.organization("other").await.organization;
        let stranger = bench.test.member(other, Role::Owner).await.caller;
        let conversations = &bench.conversations;
        assert!(matches!(conversations.summary(&stranger, id).await, Err(Error::NotFound)));
        assert!(matches!(conversations.person_joins(&stranger, id).await, Err(Error::NotFound)));
        assert!(matches!(conversations.transcript(other, id, 0).await, Err(Error::NotFound)));
        assert!(matches!(conversations.handle(other, id, Input::Hangup).await, Err(Error::NotFound)));
        let booking = conversations
            .desk()
            .bookings(bench.caller(), &BookingFilter::default(), Uuid::max(), 1)
            .await
            .expect("listed")[0]
            .id;
        assert!(matches!(conversations.desk().booking(&stranger, booking).await, Err(desk::Error::NotFound)));
        let cancelled = conversations.desk().set_booking(&stranger, booking, BookingState::Cancelled).await;
        assert!(matches!(cancelled, Err(desk::Error::NotFound)));
        assert_eq!(conversations.list(&stranger, None, Uuid::max(), 10).await.expect("listed"), []);
        let request = OpenRequest {
            organization: other,
            agent_id: bench.agent,
            channel: Channel::Chat { page: None },
            contact_id: None,
            address: None,
        };
        assert!(matches!(conversations.open(request).await, Err(Error::NotPublished)));
    }
}

#[tokio::test]
async fn a_changed_effect_is_found_by_replay() {
    for bench in Bench::each().await {
        let id = bench.chat().await;
        bench.says(id, "What does a cleaning cost?").await;
        let database = bench.test.platform.database.organization(bench.organization);
        let keyring = bench.test.platform.vault.keyring(&database).await.expect("keys");
        let arguments = [id.into(), 0_i64.into(), 100_i64.into()];
        let rows = database.query(&super::tables::EVENTS, &arguments).await.expect("read");
        let row = rows[2].uuid("id").expect("an id");
        let contact = bench.conversations.summary(bench.caller(), id).await.expect("there").contact_id;
        let key = keyring.person_key(&database, contact).await.expect("a key");
        let field = || Field::new(&CONVERSATION_EVENT, "payload", row);
        let text = key.open(field(), &rows[2].bytes("payload").expect("sealed")).expect("opened");
        let stored: Stored = serde_json::from_slice(&text).expect("an event");
        assert!(matches!(stored.event, Event::Found { .. }));
        // Even with a hash that fits the changed effects.
        let forged = Stored::new(stored.event, vec![Effect::HangUp]);
        let sealed = key.seal(field(), &serde_json::to_vec(&forged).expect("plain")).expect("sealed");
        let mut transaction = database.begin().await.expect("begun");
        transaction.update(&CONVERSATION_EVENT, row, &[("payload", sealed.into())]).await.expect("updated");
        transaction.commit().await.expect("committed");
        let report = bench.conversations.replay(bench.organization, id).await.expect("replayed");
        assert_eq!(report.first_difference, Some(3), "{}", bench.test.name);
        assert!(!report.same());
    }
}

#[tokio::test]
async fn words_are_sealed_and_card_numbers_gone() {
    let bench = Bench::on(platform(parts()).await).await;
    let id = bench.chat().await;
    bench.says(id, "my card is 4111 1111 1111 1111, what does zebrafinch cost?").await;
    bench.says(id, "my name is Xanthippe Quillfeather").await;
    let lines = bench.conversations.transcript(bench.organization, id, 0).await.expect("read");
    let words: String = lines.iter().map(|line| line.text.as_str()).collect();
    assert!(words.contains("•••• •••• •••• 1111") && !words.contains("4111"), "{words}");
    bench.test.platform.database.sync().await.expect("written");
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(bench.test.database.folder()).expect("the folder").flatten() {
        if entry.path().is_file() {
            bytes.extend(std::fs::read(entry.path()).expect("readable"));
        }
    }
    assert!(bytes.len() > 10_000, "the database is among them");
    for needle in ["zebrafinch", "Quillfeather", "4111 1111"] {
        assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()), "{needle}");
    }
}
