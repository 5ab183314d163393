//! Tools: what a flow ends in. Each acts inside the transaction of the event that asked for it.

use std::ops::{Deref, DerefMut};

use agents::command::SlotValue;
use agents::profile::{SlotKind, ToolKind};
use contacts::Details;
use identity::Change;
use storage::Transaction;
use uuid::Uuid;

use super::run::{Act, Run, Step};
use crate::booking::NewBooking;
use crate::desk::{self, Given, Origin};
use crate::engine::{Argument, Effect, Event};
use crate::error::Error;
use crate::ticket::TicketKind;

/// The transaction of one input.
pub(super) enum Work {
    /// Words only.
    Plain(Transaction),
    /// Something more: it commits with an entry in the audit log.
    Audited(Box<Change>),
}

impl Deref for Work {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        match self {
            Work::Plain(transaction) => transaction,
            Work::Audited(change) => change,
        }
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut Transaction {
        match self {
            Work::Plain(transaction) => transaction,
            Work::Audited(change) => change,
        }
    }
}

impl Work {
    pub async fn commit(self, conversation: Uuid, facts: Vec<(&'static str, String)>) -> Result<(), Error> {
        match self {
            Work::Plain(transaction) => Ok(transaction.commit().await?),
            Work::Audited(change) => Ok(change.commit("conversation", Some(conversation), facts).await?),
        }
    }
}

/// The name under which the audit log hears of an input; none when only words were said.
pub(super) fn action_of(steps: &[Step], act: Option<&Act>) -> Option<&'static str> {
    if let Some(act) = act {
        return Some(match act.tool {
            ToolKind::Book => "booking.make",
            ToolKind::TakeLead => "lead.take",
            ToolKind::OpenTicket => "ticket.open",
            ToolKind::TakeMessage => "message.take",
            // These end in words and leave nothing behind; the engine never asks for them as tools.
            ToolKind::TellHours | ToolKind::AnswerQuestions => "conversation.tell",
        });
    }
    steps.iter().flat_map(|step| &step.effects).find_map(|effect| match effect {
        Effect::StartRecording { .. } | Effect::TakeVoicemail { .. } => Some("consent.give"),
        Effect::StopRecording { withdrawn: true, .. } => Some("consent.withdraw"),
        Effect::StopRecording { withdrawn: false, .. } => Some("consent.refuse"),
        Effect::CallPerson { .. } => Some("handoff.ask"),
        Effect::Transfer { .. } => Some("call.transfer"),
        Effect::End { .. } => Some("conversation.end"),
        Effect::CloseHandoff { .. } => Some("handoff.close"),
        _ => None,
    })
}

fn value_of(arguments: &[Argument], kind: SlotKind) -> Option<&SlotValue> {
    arguments.iter().find(|argument| argument.kind == kind).map(|argument| &argument.value)
}

/// What a flow asked for, as a booking; none when a part is missing.
fn booking(arguments: &[Argument], given: Given) -> Option<NewBooking> {
    match (
        value_of(arguments, SlotKind::Service)?,
        value_of(arguments, SlotKind::Day)?,
        value_of(arguments, SlotKind::FreeTime)?,
    ) {
        (SlotValue::Service(service), SlotValue::Day(day), SlotValue::Time(time)) => {
            Some(NewBooking { service: service.clone(), day: *day, time: *time, given })
        }
        _ => None,
    }
}

/// What the person gave in a flow. Where a flow asks for several texts, each is a paragraph.
fn given(arguments: &[Argument]) -> Given {
    let mut given = Given::default();
    for argument in arguments {
        match (argument.kind, &argument.value) {
            (SlotKind::PersonName, SlotValue::PersonName(name)) => given.name = Some(name.clone()),
            (SlotKind::PhoneNumber, SlotValue::PhoneNumber(phone)) => given.phone = Some(phone.clone()),
            (SlotKind::Email, SlotValue::Email(email)) => given.email = Some(email.clone()),
            (_, SlotValue::Text(text)) => {
                given.text = Some(given.text.take().map_or_else(|| text.clone(), |before| format!("{before}\n{text}")));
            }
            (_, SlotValue::Recording(recording)) => given.recording = Some(*recording),
            _ => {}
        }
    }
    given
}

/// An error of the desk that is not the tool's to answer.
pub(super) fn below(error: desk::Error, conversation: Uuid) -> Error {
    match error {
        desk::Error::Storage(error) => error.into(),
        desk::Error::Vault(error) => error.into(),
        desk::Error::Identity(error) => error.into(),
        desk::Error::Contacts(error) => error.into(),
        desk::Error::Agents(error) => error.into(),
        desk::Error::NotFound => Error::NotFound,
        _ => Error::Unreadable(conversation),
    }
}

impl Run<'_> {
    /// Runs a tool; its answer is the next event.
    pub(super) async fn act(&self, work: &mut Work, act: &Act) -> Result<Event, Error> {
        self.learn(work, &act.arguments).await?;
        let desk = &self.shared.desk;
        let (key, origin, given) = (&self.loaded.key, self.origin(), given(&act.arguments));
        let done = match act.tool {
            ToolKind::Book => {
                let Some(new) = booking(&act.arguments, given) else { return Ok(Event::ToolFailed) };
                desk.book(work, key, &self.loaded.version.profile, &origin, new).await.map(|booking| booking.reference)
            }
            ToolKind::TakeLead => desk.take_lead(work, key, &origin, given).await.map(|lead| lead.reference),
            ToolKind::OpenTicket => {
                let opened = desk.open_ticket(work, key, &origin, TicketKind::Problem, given).await;
                opened.map(|ticket| ticket.reference)
            }
            ToolKind::TakeMessage => {
                let opened = desk.open_ticket(work, key, &origin, TicketKind::Message, given).await;
                opened.map(|ticket| ticket.reference)
            }
            ToolKind::TellHours | ToolKind::AnswerQuestions => return Ok(Event::ToolFailed),
        };
        match done {
            Ok(reference) => Ok(Event::Done { reference }),
            // Offered a while ago and over since, or taken: either way other times are offered.
            Err(desk::Error::Taken | desk::Error::NotOffered) => Ok(Event::TimeTaken),
            Err(desk::Error::NoService | desk::Error::Invalid { .. } | desk::Error::NoReference) => {
                Ok(Event::ToolFailed)
            }
            Err(other) => Err(below(other, self.loaded.id)),
        }
    }

    fn origin(&self) -> Origin {
        let (agent_id, conversation_id) = (self.loaded.agent_id, Some(self.loaded.id));
        Origin { agent_id, conversation_id, actor: *self.caller.actor() }
    }

    /// What the person said of themselves is kept with the contact.
    async fn learn(&self, work: &mut Work, arguments: &[Argument]) -> Result<(), Error> {
        let text = |kind| match value_of(arguments, kind) {
            Some(SlotValue::PersonName(text) | SlotValue::PhoneNumber(text) | SlotValue::Email(text)) => {
                Some(text.clone())
            }
            _ => None,
        };
        let learned = Details {
            name: text(SlotKind::PersonName),
            phone: text(SlotKind::PhoneNumber),
            email: text(SlotKind::Email),
        };
        contacts::store::learn(work, &self.keyring, &self.loaded.key, &learned, false, self.now).await?;
        Ok(())
    }
}
