//! Calls, recordings and numbers on both databases.

use identity::Role;
use identity::testing::{TestPlatform, platforms};
use storage::Schema;
use storage::nodes::{LEASE_SECONDS, Nodes};
use uuid::Uuid;
use vault::SealedWriter;

use super::*;
use crate::Error;
use crate::call::{CallEnd, EndReason, EndedBy};
use crate::record::{CallState, Direction, RecordingKind, RecordingState};
use crate::recovery::{Mender, Recovered, recover};
use calls::{Answered, NewCall};
use recordings::NewRecording;

/// The node that holds the calls of these tests.
const HERE: Uuid = Uuid::from_u128(0x0001);
/// The one that comes after it.
const NEXT: Mender = Mender { node_id: Uuid::from_u128(0x0002), former_id: Some(HERE), others: true };

async fn houses() -> Vec<TestPlatform> {
    platforms(Schema::new().with(crate::TABLES, crate::STATEMENTS).with(agents::TABLES, agents::STATEMENTS)).await
}

async fn caller(house: &TestPlatform, name: &str) -> identity::Caller {
    let founded = house.organization(name).await;
    house.member(founded.organization, Role::Admin).await.caller
}

fn hung_up() -> CallEnd {
    CallEnd { by: EndedBy::Caller, status: sip::Status::OK, reason: EndReason::HungUp, detail: String::new() }
}

/// A call that was answered by an agent; gives its id and the contact's.
async fn answered(house: &TestPlatform, caller: &identity::Caller) -> (Uuid, Uuid) {
    let platform = &house.platform;
    let (id, person_id) = (platform.identifiers.next(), platform.identifiers.next());
    let new = NewCall {
        id,
        node_id: HERE,
        agent_id: platform.identifiers.next(),
        direction: Direction::Inbound,
        own_number: "practice".to_owned(),
        environment: identity::Environment::Live,
    };
    calls::begin(platform, caller, "call.receive", &new).await.expect("begun");
    let mut change = caller.change(platform, "contact.create").await.expect("a change");
    let keyring = caller.keyring(platform).await.expect("keys");
    keyring.create_person_key(&mut change, person_id, platform.now()).await.expect("a key");
    change.commit("contact", Some(person_id), Vec::new()).await.expect("committed");
    let answered = Answered {
        conversation_id: platform.identifiers.next(),
        person_id,
        other_number: Some("+441174960999".into()),
    };
    calls::answer(platform, caller, id, &answered).await.expect("answered");
    (id, person_id)
}

#[tokio::test]
async fn every_statement_is_prepared_and_bound_to_its_organization() {
    for house in houses().await {
        let schema = house.database.database.schema().clone();
        storage::registry::check(&schema, &house.database.database).await.expect("prepared and in scope");
    }
}

#[tokio::test]
async fn a_call_is_written_from_its_first_ring_to_its_end() {
    for house in houses().await {
        let (platform, us) = (&house.platform, caller(&house, "Ours").await);
        let (id, person_id) = answered(&house, &us).await;
        assert_eq!(calls::live(platform, &us).await.expect("read").len(), 1, "{}", house.name);
        house.clock.advance_seconds(30);
        calls::end(platform, &us, id, &hung_up(), None).await.expect("ended");
        let call = calls::get(platform, &us, id).await.expect("read");
        assert_eq!(
            (call.state, call.from.as_deref(), call.to.as_str()),
            (CallState::Ended, Some("+441174960999"), "practice")
        );
        assert_eq!((call.end_reason.as_deref(), call.sip_status), (Some("hung_up"), Some(200)));
        assert_eq!(call.ended_at.expect("ended").seconds() - call.answered_at.expect("answered").seconds(), 30);
        let events = calls::events(platform, &us, id).await.expect("read");
        assert_eq!(
            events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
            ["ringing", "answered", "ended"]
        );
        assert!(calls::live(platform, &us).await.expect("read").is_empty());
        let mut change = us.change(platform, "contact.erase").await.expect("a change");
        let keyring = us.keyring(platform).await.expect("keys");
        keyring.destroy_person_key(&mut change, person_id).await.expect("destroyed");
        change.commit("contact", Some(person_id), Vec::new()).await.expect("committed");
        assert_eq!(calls::get(platform, &us, id).await.expect("the call stays").from, None, "who it was does not");
    }
}

#[tokio::test]
async fn how_a_call_travelled_stands_in_its_record() {
    use crate::line::Travelled;
    use crate::media_session::MediaStatistics;
    use crate::signalling::Transport;
    for house in houses().await {
        let (platform, us) = (&house.platform, caller(&house, "Ours").await);
        let (id, _) = answered(&house, &us).await;
        let sound = MediaStatistics { protected: true, packets_sent: 7, ..MediaStatistics::default() };
        let travelled = Travelled { transport: Transport::Tls, sound };
        calls::end(platform, &us, id, &hung_up(), Some(&travelled)).await.expect("ended");
        let call = calls::get(platform, &us, id).await.expect("read");
        assert_eq!((call.transport.as_deref(), call.sound.as_deref()), (Some("tls"), Some("srtp")), "{}", house.name);
        assert_eq!((call.packets_sent, call.environment.as_str()), (Some(7), "live"));
    }
}

#[tokio::test]
async fn another_organization_finds_nothing_of_it() {
    for house in houses().await {
        let (platform, us, them) = (&house.platform, caller(&house, "Ours").await, caller(&house, "Theirs").await);
        let (id, _) = answered(&house, &us).await;
        assert!(matches!(calls::get(platform, &them, id).await, Err(Error::NotFound)), "{}", house.name);
        assert!(calls::page(platform, &them, Uuid::max(), 10).await.expect("read").is_empty());
        assert!(calls::events(platform, &them, id).await.expect("read").is_empty());
        assert!(recordings::of_call(platform, &them, id).await.expect("read").is_empty());
    }
}

#[tokio::test]
async fn an_interrupted_recording_is_made_whole_at_the_next_start() {
    for house in houses().await {
        let (platform, us) = (&house.platform, caller(&house, "Ours").await);
        let (call_id, person_id) = answered(&house, &us).await;
        let new = NewRecording {
            id: platform.identifiers.next(),
            call_id,
            node_id: HERE,
            conversation_id: platform.identifiers.next(),
            person_id,
            kind: RecordingKind::Call,
            notice_version: "1".to_owned(),
            consented_at: platform.now(),
        };
        let key = recordings::begin(platform, &us, &new).await.expect("begun");
        let (name, context) = (recordings::object_name(new.id), recordings::object_context(new.id));
        let mut writer = SealedWriter::create(&platform.objects, &name, &key, context).await.expect("made");
        // Two seconds of two channels; the writer is dropped without `finish`, as a killed process would leave it.
        writer.write(&vec![7; 64_000]).await.expect("written");
        drop(writer);
        let nodes = Nodes::new(&platform.database);
        nodes.hold(HERE, platform.now()).await.expect("held");
        assert_eq!(recover(platform, NEXT).await.expect("looked"), Recovered::default(), "its node lives");
        let elsewhere = Mender { former_id: None, ..NEXT };
        nodes.end(HERE).await.expect("ended");
        let recovered = recover(platform, elsewhere).await.expect("recovered");
        assert_eq!((recovered.recordings, recovered.calls), (1, 1), "{}", house.name);
        let recording = recordings::get(platform, &us, new.id).await.expect("read");
        assert_eq!(recording.state, RecordingState::Interrupted);
        assert!((1_488..=2_000).contains(&recording.milliseconds), "{} ms", recording.milliseconds);
        let picture = recordings::waveform(platform, &us, new.id).await.expect("read");
        assert_eq!(crate::waveform::channels(&picture).len(), 2);
        assert_eq!(calls::get(platform, &us, call_id).await.expect("read").end_reason.as_deref(), Some("shutdown"));
        assert_eq!(recover(platform, NEXT).await.expect("again"), Recovered::default());
    }
}

#[tokio::test]
async fn a_node_mends_what_others_left_once_their_leases_lapsed_and_only_what_it_can() {
    for house in houses().await {
        let (platform, us) = (&house.platform, caller(&house, "Ours").await);
        let nodes = Nodes::new(&platform.database);
        let (call_id, person_id) = answered(&house, &us).await;
        let new = NewRecording {
            id: platform.identifiers.next(),
            call_id,
            node_id: HERE,
            conversation_id: platform.identifiers.next(),
            person_id,
            kind: RecordingKind::Call,
            notice_version: "1".to_owned(),
            consented_at: platform.now(),
        };
        recordings::begin(platform, &us, &new).await.expect("begun");
        nodes.hold(HERE, platform.now()).await.expect("held");
        let one = Mender { former_id: None, ..NEXT };
        let other = Mender { node_id: Uuid::from_u128(3), ..one };
        house.clock.advance_seconds(LEASE_SECONDS - 1);
        assert_eq!(recover(platform, one).await.expect("looked"), Recovered::default(), "{}", house.name);
        house.clock.advance_seconds(1);
        let careful = Mender { others: false, ..one };
        assert_eq!(recover(platform, careful).await.expect("looked"), Recovered::default(), "its own only");
        let both = tokio::join!(recover(platform, one), recover(platform, other));
        let closed = [both.0.expect("recovered"), both.1.expect("recovered")];
        assert_eq!(closed.iter().map(|found| found.calls).sum::<usize>(), 1, "one of two closes it: {closed:?}");
        assert_eq!(closed.iter().map(|found| found.recordings).sum::<usize>(), 0, "its bytes are in another folder");
        let recording = recordings::get(platform, &us, new.id).await.expect("read");
        assert_eq!(recording.state, RecordingState::Writing, "whoever has the bytes mends it");
        let ends = calls::events(platform, &us, call_id).await.expect("read");
        assert_eq!(ends.iter().filter(|event| event.kind == "ended").count(), 1);
        assert_eq!(recover(platform, NEXT).await.expect("recovered").recordings, 1, "the folder's next owner");
    }
}

#[tokio::test]
async fn a_number_belongs_to_one_organization_and_is_found_by_what_is_dialled() {
    for house in houses().await {
        let (platform, us, them) = (&house.platform, caller(&house, "Ours").await, caller(&house, "Theirs").await);
        let agent = agents::store::create(platform, &us, agents::profile::sample()).await.expect("made");
        let (agent_id, nobody) = (agent.id, platform.identifiers.next());
        for (whose, id) in [(&us, agent_id), (&us, nobody), (&them, agent_id)] {
            let refused = numbers::connect(platform, whose, "+441174960123", id).await;
            assert!(matches!(refused, Err(Error::NotPublished)), "not published, unknown, another organization's");
        }
        agents::store::publish(platform, &us, agent_id, &agent.draft_hash).await.expect("published");
        assert!(matches!(numbers::connect(platform, &them, "+441174960123", agent_id).await, Err(Error::NotPublished)));
        let number = numbers::connect(platform, &us, "+441174960123", agent_id).await.expect("connected");
        let other = agents::store::create(platform, &them, agents::profile::sample()).await.expect("made");
        agents::store::publish(platform, &them, other.id, &other.draft_hash).await.expect("published");
        assert!(matches!(numbers::connect(platform, &them, "+441174960123", other.id).await, Err(Error::NumberTaken)));
        assert!(matches!(numbers::connect(platform, &us, "not dialable", agent_id).await, Err(Error::NotDialable)));
        let route = numbers::find(platform, "+441174960123").await.expect("read").expect("found");
        assert_eq!((route.organization, route.number.agent_id), (us.organization(), agent_id), "{}", house.name);
        assert!(matches!(numbers::release(platform, &them, number.id).await, Err(Error::NotFound)));
        numbers::release(platform, &us, number.id).await.expect("released");
        assert!(numbers::find(platform, "+441174960123").await.expect("read").is_none());
    }
}
