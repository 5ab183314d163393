//! The commit of one input: its events, what they caused, and the row, in one transaction.

use std::sync::PoisonError;

use agents::compose;
use agents::reply::ReplyPlan;
use aws_lc_rs::digest::{SHA256, digest};
use compliance::consent::{Consent, ConsentGrant, Decision, Means, Purpose};
use compliance::dialing::may_dial;
use identity::Permission;
use serde::{Deserialize, Serialize};
use storage::jobs::{self, Job};
use storage::{Transaction, Value};

use vault::Field;
use web::live::LiveEvent;

use super::read::lines_of;
use super::run::{Act, Run};
use super::tables::{CLAIM, CLOSE_HANDOFF, CONVERSATION, CONVERSATION_EVENT, HANDOFF, KNOWLEDGE_GAP};
use super::tools::Work;
use super::wake::{WAKE_JOB, payload};
use crate::door::{ChannelAction, Heard, Outcome, Said};
use crate::engine::{ConsentMeans, Effect, EndReason, Event, HandoffOutcome, HandoffReason, Phase};
use crate::error::Error;

/// Tools that one input may run: a time that was taken is offered again, not booked again, so two are more than enough.
const ACTS_MAX: usize = 2;

/// What is to be committed.
pub(super) struct Commit {
    pub work: Work,
    /// A tool that is to act first.
    pub act: Option<Act>,
    /// The sender's own id of the input.
    pub client_id: Option<String>,
    /// Whether watchers are told: the input did not come from the channel itself.
    pub tell: bool,
}

/// An event as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub event: Event,
    pub effects: Vec<Effect>,
    /// SHA-256 of the effects' JSON, in hexadecimal: what a replay is compared with.
    pub effects_hash: String,
}

impl Stored {
    pub fn new(event: Event, effects: Vec<Effect>) -> Stored {
        let effects_hash = hash(&effects);
        Stored { event, effects, effects_hash }
    }
}

/// The hash of effects.
pub(super) fn hash(effects: &[Effect]) -> String {
    let text = serde_json::to_vec(effects).expect("effects are plain data with text keys");
    hex::encode(digest(&SHA256, &text))
}

impl Run<'_> {
    /// Writes everything and acknowledges.
    pub(super) async fn commit(mut self, commit: Commit) -> Result<Outcome, Error> {
        let Commit { mut work, mut act, client_id, tell } = commit;
        if self.expected > 0 {
            let arguments = [self.loaded.id.into(), sequence(self.expected), self.now.into()];
            if work.execute(&CLAIM, &arguments).await? == 0 {
                return Err(Error::Busy);
            }
        }
        for _ in 0..ACTS_MAX {
            let Some(acting) = act.take() else { break };
            let event = self.act(&mut work, &acting).await?;
            act = self.settle(event, Some(&mut work)).await?;
        }
        if act.is_some() {
            self.stop_asking("an input asked for more acts than one may");
        }
        self.insert_events(&mut work, client_id).await?;
        let actions = self.carry_out(&mut work).await?;
        self.update_conversation(&mut work).await?;
        let outcome = self.outcome(actions);
        self.tell(&mut work, &outcome, tell);
        let facts = vec![("sequence", self.loaded.state.sequence.to_string())];
        work.commit(self.loaded.id, facts).await?;
        Ok(outcome)
    }

    pub(super) async fn insert_conversation(
        &self,
        transaction: &mut Transaction,
        details: &serde_json::Value,
    ) -> Result<(), Error> {
        let loaded = &self.loaded;
        let details = loaded.key.seal_text(Field::new(&CONVERSATION, "details", loaded.id), &details.to_string())?;
        let channel = match loaded.state.channel {
            agents::turn::ChannelKind::Chat => "chat",
            agents::turn::ChannelKind::Phone => "phone",
        };
        let row: [(&str, Value); 11] = [
            ("id", loaded.id.into()),
            ("contact_id", loaded.contact_id.into()),
            ("agent_id", loaded.agent_id.into()),
            ("agent_version_id", loaded.version.id.into()),
            ("channel", channel.into()),
            ("state", "open".into()),
            ("sequence", 0_i64.into()),
            ("snapshot", self.snapshot()?.into()),
            ("details", details.into()),
            ("opened_at", self.now.into()),
            ("updated_at", self.now.into()),
        ];
        transaction.insert(&CONVERSATION, &row).await?;
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(&self.loaded.state).map_err(|_| Error::Unreadable(self.loaded.id))?;
        Ok(self.loaded.key.seal(Field::new(&CONVERSATION, "snapshot", self.loaded.id), &text)?)
    }

    async fn insert_events(&self, work: &mut Work, mut client_id: Option<String>) -> Result<(), Error> {
        for (number, step) in (self.expected + 1..).zip(&self.steps) {
            let id = self.shared.platform.identifiers.next();
            let stored = Stored::new(step.event.clone(), step.effects.clone());
            let text = serde_json::to_vec(&stored).map_err(|_| Error::Unreadable(self.loaded.id))?;
            let row: [(&str, Value); 8] = [
                ("id", id.into()),
                ("conversation_id", self.loaded.id.into()),
                ("contact_id", self.loaded.contact_id.into()),
                ("sequence", sequence(number)),
                ("turn", sequence(self.expected + 1)),
                ("client_id", client_id.take().into()),
                ("payload", self.loaded.key.seal(Field::new(&CONVERSATION_EVENT, "payload", id), &text)?.into()),
                ("at", self.now.into()),
            ];
            work.insert(&CONVERSATION_EVENT, &row).await?;
        }
        Ok(())
    }

    /// Effects that leave something behind or that the channel is to do.
    async fn carry_out(&self, work: &mut Work) -> Result<Vec<ChannelAction>, Error> {
        let mut actions = Vec::new();
        for effect in self.steps.iter().flat_map(|step| &step.effects) {
            match effect {
                Effect::StartRecording { means } => {
                    let grant = self.consent(work, Purpose::Record, Decision::Given, *means).await?;
                    actions.extend(grant.map(ChannelAction::StartRecording));
                }
                Effect::StopRecording { withdrawn, means } => {
                    let decision = if *withdrawn { Decision::Withdrawn } else { Decision::Refused };
                    self.consent(work, Purpose::Record, decision, *means).await?;
                    actions.push(ChannelAction::StopRecording);
                }
                Effect::TakeVoicemail { means, max_seconds } => {
                    let grant = self.consent(work, Purpose::Message, Decision::Given, *means).await?;
                    let take = |grant| ChannelAction::TakeVoicemail { grant, max_seconds: *max_seconds };
                    actions.extend(grant.map(take));
                }
                Effect::Transfer { target } => {
                    let permit = may_dial(target.address(), &self.shared.dialing).ok();
                    actions.extend(permit.map(|permit| ChannelAction::Transfer { permit }));
                }
                Effect::HangUp => actions.push(ChannelAction::HangUp),
                Effect::NoteGap { question } => self.note_gap(work, question).await?,
                Effect::CallPerson { reason } => self.ask_person(work, *reason).await?,
                Effect::CloseHandoff { outcome } => self.close_handoff(work, *outcome).await?,
                Effect::WakeIn { seconds, wake } => {
                    let platform = &self.shared.platform;
                    let run_at = self.now.plus_seconds(i64::from(*seconds));
                    let payload = payload(self.loaded.id, *wake);
                    let id = platform.identifiers.next();
                    jobs::enqueue(work, Job::new(id, WAKE_JOB, self.database.id(), payload, run_at)).await?;
                }
                _ => {}
            }
        }
        Ok(actions)
    }

    async fn consent(
        &self,
        work: &mut Work,
        purpose: Purpose,
        decision: Decision,
        means: ConsentMeans,
    ) -> Result<Option<ConsentGrant>, Error> {
        let means = match means {
            ConsentMeans::Key(key) => Means::Key(key),
            ConsentMeans::Words => Means::Words,
            ConsentMeans::Silence => Means::Silence,
        };
        let consent = Consent { conversation: self.loaded.id, purpose, decision, means, at: self.now };
        Ok(consent.write(work, self.shared.platform.identifiers.next()).await?)
    }

    async fn note_gap(&self, work: &mut Work, question: &str) -> Result<(), Error> {
        let id = self.shared.platform.identifiers.next();
        let sealed = self.loaded.key.seal_text(Field::new(&KNOWLEDGE_GAP, "question", id), question)?;
        let row: [(&str, Value); 6] = [
            ("id", id.into()),
            ("conversation_id", self.loaded.id.into()),
            ("contact_id", self.loaded.contact_id.into()),
            ("agent_id", self.loaded.agent_id.into()),
            ("question", sealed.into()),
            ("asked_at", self.now.into()),
        ];
        Ok(work.insert(&KNOWLEDGE_GAP, &row).await?)
    }

    async fn ask_person(&self, work: &mut Work, reason: HandoffReason) -> Result<(), Error> {
        let reason = match reason {
            HandoffReason::Asked => "asked",
            HandoffReason::Offered => "offered",
        };
        let row: [(&str, Value); 5] = [
            ("id", self.shared.platform.identifiers.next().into()),
            ("conversation_id", self.loaded.id.into()),
            ("state", "waiting".into()),
            ("reason", reason.into()),
            ("asked_at", self.now.into()),
        ];
        work.insert(&HANDOFF, &row).await?;
        let (live, organization, subject) = (self.shared.live.clone(), self.database.id(), self.loaded.id);
        let event = LiveEvent::new("handoff", Permission::ConversationRead, subject, serde_json::Value::Null);
        work.on_commit(move || live.publish(organization, event));
        Ok(())
    }

    async fn close_handoff(&self, work: &mut Work, outcome: HandoffOutcome) -> Result<(), Error> {
        let state = match outcome {
            HandoffOutcome::Withdrawn => "withdrawn",
            HandoffOutcome::Missed => "missed",
            HandoffOutcome::Finished => "finished",
        };
        work.execute(&CLOSE_HANDOFF, &[self.loaded.id.into(), state.into(), self.now.into()]).await?;
        Ok(())
    }

    async fn update_conversation(&self, work: &mut Work) -> Result<(), Error> {
        let state = &self.loaded.state;
        let mut fields: Vec<(&str, Value)> = vec![
            ("state", state_name(state.phase).into()),
            ("sequence", sequence(state.sequence)),
            ("snapshot", self.snapshot()?.into()),
            ("updated_at", self.now.into()),
        ];
        if let Some(reason) = self.end_reason() {
            fields.push(("ended_at", self.now.into()));
            fields.push(("end_reason", reason.name().into()));
        }
        match self.steps.first().map(|step| &step.event) {
            Some(Event::PersonJoined { .. }) => fields.push(("joined_by", self.caller.actor().id.into())),
            Some(Event::PersonLeft { .. }) => fields.push(("joined_by", Value::Null)),
            _ => {}
        }
        work.update(&CONVERSATION, self.loaded.id, &fields).await?;
        Ok(())
    }

    fn end_reason(&self) -> Option<EndReason> {
        self.steps.iter().flat_map(|step| &step.effects).find_map(|effect| match effect {
            Effect::End { reason } => Some(*reason),
            _ => None,
        })
    }

    fn outcome(&self, actions: Vec<ChannelAction>) -> Outcome {
        let said = |(number, plan): (u64, &ReplyPlan)| Said {
            sequence: number,
            plan: plan.clone(),
            reply: compose::text(&self.loaded.version.profile, plan),
        };
        let plans = (self.expected + 1..).zip(&self.steps).filter_map(|(number, step)| match step.effects.first() {
            Some(Effect::Say { plan }) => Some((number, plan)),
            _ => None,
        });
        let state = &self.loaded.state;
        Outcome {
            conversation_id: self.loaded.id,
            sequence: state.sequence,
            input_sequence: self.expected + 1,
            duplicate: false,
            replies: plans.map(said).collect(),
            actions,
            awaited: state.awaited.clone(),
            silence_seconds: state.silence_seconds(),
            ended: state.ended(),
        }
    }

    /// After the commit: pages hear that something changed, and watchers what it was.
    fn tell(&self, work: &mut Work, outcome: &Outcome, watchers: bool) {
        let (live, organization, id) = (self.shared.live.clone(), self.database.id(), self.loaded.id);
        let data = serde_json::json!({
            "sequence": outcome.sequence,
            "state": state_name(self.loaded.state.phase),
        });
        let event = LiveEvent::new("conversation", Permission::ConversationRead, id, data);
        work.on_commit(move || live.publish(organization, event));
        let sender = self.shared.watchers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let Some(sender) = sender.filter(|_| watchers) else { return };
        let profile = &self.loaded.version.profile;
        let mut lines = Vec::new();
        for (number, step) in (self.expected + 1..).zip(&self.steps) {
            let stored = (number, self.now, None, step.event.clone(), step.effects.clone());
            lines.extend(lines_of(profile, &[], stored));
        }
        let ended = outcome.ended;
        work.on_commit(move || {
            for line in lines {
                // Nobody listening is no failure.
                let _ = sender.send(Heard::Line(Box::new(line)));
            }
            if ended {
                let _ = sender.send(Heard::Ended);
            }
        });
    }
}

/// The state of a conversation as lists show it.
pub(super) fn state_name(phase: Phase) -> &'static str {
    match phase {
        Phase::New | Phase::Consent | Phase::Agent => "open",
        Phase::Waiting => "waiting",
        Phase::Person => "person",
        Phase::Ended => "ended",
    }
}

pub(super) fn sequence(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
