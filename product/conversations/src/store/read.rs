//! Reading conversations: transcripts, repeated answers, and replay.

use agents::compose;
use agents::profile::Profile;
use agents::reply::Choice;
use agents::turn::ChannelKind;
use identity::Caller;
use storage::{OrganizationDb, OrganizationId, Row, Timestamp};
use uuid::Uuid;
use vault::{Field, PersonKey};

use super::commit::{Stored, hash};
use super::run::{Conversations, Run};
use super::tables::{CONVERSATION_EVENT, EVENTS};
use crate::door::{Line, Outcome, Said, Speaker};
use crate::engine::{EVENTS_MAX, Effect, Event, State, step};
use crate::error::Error;

/// Events that are read at most: more than a conversation can have, since each may be followed by its tools' answers.
const READ_MAX: i64 = 4 * EVENTS_MAX.cast_signed();

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayReport {
    /// The conversation.
    pub conversation_id: Uuid,
    /// Events that were stepped again.
    pub events: u64,
    /// The first event whose effects came out differently, whose stored hash is not that of its effects, or that is missing.
    pub first_difference: Option<u64>,
    /// Whether the state after the last event is the stored one.
    pub state_agrees: bool,
}

impl ReplayReport {
    /// Whether everything came out the same.
    pub fn same(&self) -> bool {
        self.first_difference.is_none() && self.state_agrees
    }
}

/// One event as it is read: number, time, sender's id, event, effects.
pub(super) type Happened = (u64, Timestamp, Option<String>, Event, Vec<Effect>);

struct Read {
    sequence: u64,
    turn: i64,
    at: Timestamp,
    client_id: Option<String>,
    stored: Stored,
}

async fn events(database: &OrganizationDb, key: &PersonKey, id: Uuid, after: u64) -> Result<Vec<Read>, Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = database.query(&EVENTS, &[id.into(), after.into(), READ_MAX.into()]).await?;
    rows.iter().map(|row| event(key, id, row)).collect()
}

fn event(key: &PersonKey, conversation: Uuid, row: &Row) -> Result<Read, Error> {
    let payload = key.open(Field::new(&CONVERSATION_EVENT, "payload", row.uuid("id")?), &row.bytes("payload")?)?;
    Ok(Read {
        sequence: u64::try_from(row.integer("sequence")?).unwrap_or(0),
        turn: row.integer("turn")?,
        at: row.timestamp("at")?,
        client_id: row.optional_text("client_id")?,
        stored: serde_json::from_slice(&payload).map_err(|_| Error::Unreadable(conversation))?,
    })
}

/// The lines of one event. `choices` are those that stood offered before it.
pub(super) fn lines_of(profile: &Profile, choices: &[Choice], happened: Happened) -> Vec<Line> {
    let (sequence, at, client_id, event, effects) = happened;
    let line = |speaker, text: String| Line { sequence, at, speaker, text, reply: None, client_id: client_id.clone() };
    let mut lines = Vec::new();
    match event {
        Event::Turn { text, .. } => lines.push(line(Speaker::Visitor, text)),
        Event::Choice { number } => {
            let label = choices.iter().find(|choice| choice.number == number);
            let text = label.map_or_else(|| number.to_string(), |choice| compose::label(profile, &choice.label));
            lines.push(line(Speaker::Visitor, text));
        }
        Event::Digit { key } => lines.push(line(Speaker::Keys, key.to_string())),
        Event::PersonSaid { display_name, text } => lines.push(line(Speaker::Person { display_name }, text)),
        Event::MessageRecorded { seconds, .. } => {
            lines.push(line(Speaker::Event, format!("A message of {seconds} seconds was recorded.")));
        }
        Event::HungUp => lines.push(line(Speaker::Event, "The caller or visitor left.".to_owned())),
        Event::TransferEnded { connected: true } => {
            lines.push(line(Speaker::Event, "The call was transferred.".to_owned()));
        }
        Event::Idle => lines.push(line(Speaker::Event, "Nothing happened for long.".to_owned())),
        _ => {}
    }
    if let Some(Effect::Say { plan }) = effects.first() {
        let reply = compose::text(profile, plan);
        lines.push(Line {
            sequence,
            at,
            speaker: Speaker::Agent,
            text: reply.text.clone(),
            reply: Some(reply),
            client_id: None,
        });
    }
    lines
}

impl Conversations {
    /// The lines of a conversation after an event, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Erased`].
    pub async fn transcript(
        &self,
        organization: OrganizationId,
        conversation_id: Uuid,
        after_sequence: u64,
    ) -> Result<Vec<Line>, Error> {
        let run = self.load(organization, conversation_id, None).await?;
        let profile = &run.loaded.version.profile;
        let mut choices: Vec<Choice> = Vec::new();
        let mut lines = Vec::new();
        for read in events(&run.database, &run.loaded.key, conversation_id, 0).await? {
            let Read { sequence, at, client_id, stored, .. } = read;
            let said = match stored.effects.first() {
                Some(Effect::Say { plan }) => Some(plan.clone()),
                _ => None,
            };
            if sequence > after_sequence {
                let first = lines.len();
                lines.extend(lines_of(profile, &choices, (sequence, at, client_id, stored.event, stored.effects)));
                // A call's transcript says what was spoken, which is not what a chat would have shown.
                if let (ChannelKind::Phone, Some(plan)) = (run.loaded.state.channel, &said) {
                    let spoken = lines[first..].iter_mut().filter(|line| line.speaker == Speaker::Agent);
                    let aloud = run.loaded.state.reads_aloud;
                    spoken.for_each(|line| line.text = compose::spoken(profile, plan, aloud));
                }
            }
            choices = said.map_or(choices, |plan| plan.choices);
        }
        Ok(lines)
    }

    /// Steps a stored conversation again from its first event and compares effects, hashes and the final state.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Erased`], [`Error::Unreadable`].
    pub async fn replay(&self, organization: OrganizationId, conversation_id: Uuid) -> Result<ReplayReport, Error> {
        let Run { database, loaded, .. } = self.load(organization, conversation_id, None).await?;
        let mut state = State::new();
        let mut report = ReplayReport { conversation_id, events: 0, first_difference: None, state_agrees: false };
        for (number, read) in (1_u64..).zip(events(&database, &loaded.key, conversation_id, 0).await?) {
            let (after, effects) = step(&loaded.version.profile, state, &read.stored.event, read.at);
            let again = hash(&effects);
            let same =
                read.sequence == number && again == read.stored.effects_hash && again == hash(&read.stored.effects);
            if !same && report.first_difference.is_none() {
                report.first_difference = Some(number);
            }
            report.events = number;
            state = after;
        }
        report.state_agrees = state == loaded.state;
        Ok(report)
    }

    /// The same for a member; the audit log hears of it.
    ///
    /// # Errors
    /// As [`Conversations::replay`].
    pub async fn replay_for(&self, caller: &Caller, conversation_id: Uuid) -> Result<ReplayReport, Error> {
        let report = self.replay(caller.organization(), conversation_id).await?;
        caller.note(self.platform(), "conversation.replay", "conversation", Some(conversation_id)).await?;
        Ok(report)
    }
}

impl Run<'_> {
    /// What was answered to an input that comes again. Nothing is done twice, so there are no actions.
    pub(super) async fn again(&self, turn: i64) -> Result<Outcome, Error> {
        let loaded = &self.loaded;
        let after = u64::try_from(turn).unwrap_or(1).saturating_sub(1);
        let mut replies = Vec::new();
        for read in events(&self.database, &loaded.key, loaded.id, after).await? {
            if let (true, Some(Effect::Say { plan })) = (read.turn == turn, read.stored.effects.first()) {
                let reply = compose::text(&loaded.version.profile, plan);
                replies.push(Said { sequence: read.sequence, plan: plan.clone(), reply });
            }
        }
        Ok(Outcome {
            conversation_id: loaded.id,
            sequence: loaded.state.sequence,
            input_sequence: after + 1,
            duplicate: true,
            replies,
            actions: Vec::new(),
            awaited: loaded.state.awaited.clone(),
            silence_seconds: loaded.state.silence_seconds(),
            ended: loaded.state.ended(),
        })
    }
}
