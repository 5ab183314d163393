//! Calls that are refused before a conversation begins, over real SIP on loopback.

use std::time::Duration;

use agents::profile::sample;
use compliance::dialing::DialingPolicy;
use conversations::Conversations;
use conversations::answers::NoDocuments;
use identity::testing::{TestPlatform, platform};
use identity::{Caller, Role};
use storage::{Schema, SystemEntropy};
use tokio_util::sync::CancellationToken;
use web::live::Live;

use super::super::{REFUSALS_AT_ONCE, SETUP_WITHIN, SETUPS_AT_ONCE};
use super::*;
use crate::line::LineConfig;
use crate::record::{Call, CallState};
use crate::softphone::{self, Options, Outcome};
use crate::voice::Voice;

/// A practice that answers its phone.
struct Practice {
    test: TestPlatform,
    owner: Caller,
    attendant: Arc<Attendant>,
    line: Line,
}

impl Practice {
    async fn open() -> Self {
        let schema = Schema::new()
            .with(crate::TABLES, crate::STATEMENTS)
            .with(agents::TABLES, agents::STATEMENTS)
            .with(contacts::TABLES, contacts::STATEMENTS)
            .with(compliance::TABLES, compliance::STATEMENTS)
            .with(conversations::TABLES, conversations::STATEMENTS);
        let test = platform(schema).await;
        let organization = test.organization("lindenhof").await.organization;
        let owner = test.member(organization, Role::Owner).await.caller;
        let platform = test.platform.clone();
        let agent = agents::store::create(&platform, &owner, sample()).await.expect("an agent");
        agents::store::publish(&platform, &owner, agent.id, &agent.draft_hash).await.expect("published");
        numbers::connect(&platform, &owner, "practice", agent.id).await.expect("connected");
        let live = Live::new(platform.entropy.as_ref());
        let dialing = DialingPolicy::default();
        let conversations = Conversations::new(platform.clone(), live.clone(), Arc::new(NoDocuments), dialing);
        let (node, shutdown) = (Uuid::from_u128(1), CancellationToken::new());
        let attendant = Attendant::new(platform, conversations, Voice::new(None), live, None, node, shutdown);
        let line = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line");
        tokio::spawn(attend(attendant.clone(), line.clone()));
        Self { test, owner, attendant, line }
    }

    async fn call(&self, user: &str) -> Outcome {
        let address = format!("sip:{user}@{}", self.line.address());
        softphone::place(&address, &Options::default(), Arc::new(SystemEntropy)).await.expect("a phone")
    }

    /// Every call there is a record of, once so many are over.
    async fn records(&self, ended: usize) -> Vec<Call> {
        let platform = &self.test.platform;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            let calls = calls::page(platform, &self.owner, Uuid::max(), 100).await.expect("calls");
            if calls.iter().filter(|call| call.state == CallState::Ended).count() >= ended {
                return calls;
            }
            assert!(tokio::time::Instant::now() < deadline, "{calls:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn who_finds_no_place_is_told_to_come_back_and_its_record_says_why() {
    let practice = Practice::open().await;
    let all = u32::try_from(SETUPS_AT_ONCE).expect("few");
    let places = practice.attendant.setups.clone().acquire_many_owned(all).await.expect("open");
    // A number that leads nowhere is refused at once, and nobody's list of calls has it.
    let begun = tokio::time::Instant::now();
    assert_eq!(practice.call("nobody").await.end.status, sip::Status::NOT_FOUND);
    assert!(begun.elapsed() < SETUP_WITHIN);
    let shed = practice.call("practice").await;
    assert!(!shed.answered && shed.end.status == sip::Status::SERVICE_UNAVAILABLE, "{:?}", shed.end);
    let records = practice.records(1).await;
    assert_eq!(records.len(), 1);
    let call = &records[0];
    assert_eq!((call.sip_status, call.conversation_id, call.to.as_str()), (Some(503), None, "practice"));
    let events = calls::events(&practice.test.platform, &practice.owner, call.id).await.expect("a timeline");
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["ringing", "too_many_calls", "ended"]);

    // So many are being written down that this one is only refused: a flood is not answered with work.
    let few = u32::try_from(REFUSALS_AT_ONCE).expect("few");
    let writing = practice.attendant.refusals.clone().acquire_many_owned(few).await.expect("open");
    assert_eq!(practice.call("practice").await.end.status, sip::Status::SERVICE_UNAVAILABLE);
    assert_eq!(practice.records(1).await.len(), 1);
    drop((writing, places));
    practice.line.shutdown().await;
}
