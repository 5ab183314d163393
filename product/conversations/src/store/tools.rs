//! Tools: what a flow ends in. Each acts inside the transaction of the event that asked for it.

use std::ops::{Deref, DerefMut};

use agents::command::SlotValue;
use agents::profile::{SlotKind, ToolKind};
use contacts::Details;
use identity::Change;
use storage::{Entropy, Transaction, Value};
use uuid::Uuid;
use vault::Field;
use web::live::LiveEvent;

use super::run::{Act, Run, Step};
use super::tables::{BOOKING, FREE_CELLS, HOLD_CELL, LEAD, TICKET};
use crate::calendar;
use crate::engine::{Argument, Effect, Event};
use crate::error::Error;

/// Letters and digits of references that cannot be mistaken for each other when spelled out.
const REFERENCE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a reference.
const REFERENCE_LENGTH: usize = 6;

/// The transaction of one input.
pub(super) enum Work {
    /// Words only.
    Plain(Transaction),
    /// Something more: it commits with an entry in the audit log.
    Audited(Change),
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
            ToolKind::TellHours => "conversation.hours",
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

/// A reference that can be spelled out.
pub(super) fn reference(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; REFERENCE_LENGTH];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(REFERENCE_ALPHABET[usize::from(byte % 32)])).collect()
}

fn value_of(arguments: &[Argument], kind: SlotKind) -> Option<&SlotValue> {
    arguments.iter().find(|argument| argument.kind == kind).map(|argument| &argument.value)
}

impl Run<'_> {
    /// Runs a tool; its answer is the next event.
    pub(super) async fn act(&self, work: &mut Work, act: &Act) -> Result<Event, Error> {
        self.learn(work, &act.arguments).await?;
        match act.tool {
            ToolKind::Book => self.book(work, &act.arguments).await,
            ToolKind::TakeLead => self.take_lead(work, &act.arguments).await,
            ToolKind::OpenTicket => self.open_ticket(work, "problem", &act.arguments).await,
            ToolKind::TakeMessage => self.open_ticket(work, "message", &act.arguments).await,
            ToolKind::TellHours => Ok(Event::ToolFailed),
        }
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

    fn sealed(&self, table: &'static storage::Table, id: Uuid, arguments: &[Argument]) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(arguments).map_err(|_| Error::Unreadable(self.loaded.id))?;
        Ok(self.loaded.key.seal(Field::new(table, "details", id), &text)?)
    }

    /// Books, unless the time was taken in the meantime: the calendar is looked at again inside the transaction, and the cells
    /// refuse what it could not see.
    async fn book(&self, work: &mut Work, arguments: &[Argument]) -> Result<Event, Error> {
        let profile = &self.loaded.version.profile;
        let (Some(SlotValue::Service(service)), Some(SlotValue::Day(day)), Some(SlotValue::Time(time))) = (
            value_of(arguments, SlotKind::Service),
            value_of(arguments, SlotKind::Day),
            value_of(arguments, SlotKind::FreeTime),
        ) else {
            return Ok(Event::ToolFailed);
        };
        let Some(service) = profile.service(service) else { return Ok(Event::ToolFailed) };
        let Some(span) = calendar::span(profile, service, *day, *time) else { return Ok(Event::TimeTaken) };
        let taken = self.taken(calendar::whole_day(profile, *day), Some(work)).await?;
        if !calendar::free_times(profile, service, *day, self.now, &taken).contains(time) {
            return Ok(Event::TimeTaken);
        }
        let platform = &self.shared.platform;
        let (id, reference) = (platform.identifiers.next(), reference(platform.entropy.as_ref()));
        let row: [(&str, Value); 11] = [
            ("id", id.into()),
            ("conversation_id", self.loaded.id.into()),
            ("contact_id", self.loaded.contact_id.into()),
            ("agent_id", self.loaded.agent_id.into()),
            ("service", service.key.as_str().into()),
            ("starts_at", span.from.into()),
            ("ends_at", span.until.into()),
            ("state", "booked".into()),
            ("reference", reference.as_str().into()),
            ("details", self.sealed(&BOOKING, id, arguments)?.into()),
            ("created_at", self.now.into()),
        ];
        work.insert(&BOOKING, &row).await?;
        for cell in span.cells() {
            let arguments = [platform.identifiers.next().into(), id.into(), self.loaded.agent_id.into(), cell.into()];
            if work.execute(&HOLD_CELL, &arguments).await? == 0 {
                work.execute(&FREE_CELLS, &[id.into()]).await?;
                work.delete(&BOOKING, id).await?;
                return Ok(Event::TimeTaken);
            }
        }
        self.tell_live(work, "booking", identity::Permission::BookingRead, id);
        Ok(Event::Done { reference })
    }

    async fn take_lead(&self, work: &mut Work, arguments: &[Argument]) -> Result<Event, Error> {
        let platform = &self.shared.platform;
        let id = platform.identifiers.next();
        let row: [(&str, Value); 7] = [
            ("id", id.into()),
            ("conversation_id", self.loaded.id.into()),
            ("contact_id", self.loaded.contact_id.into()),
            ("state", "new".into()),
            ("details", self.sealed(&LEAD, id, arguments)?.into()),
            ("created_at", self.now.into()),
            ("updated_at", self.now.into()),
        ];
        work.insert(&LEAD, &row).await?;
        self.tell_live(work, "lead", identity::Permission::LeadRead, id);
        Ok(Event::Done { reference: reference(platform.entropy.as_ref()) })
    }

    async fn open_ticket(&self, work: &mut Work, kind: &str, arguments: &[Argument]) -> Result<Event, Error> {
        let platform = &self.shared.platform;
        let (id, reference) = (platform.identifiers.next(), reference(platform.entropy.as_ref()));
        let row: [(&str, Value); 10] = [
            ("id", id.into()),
            ("conversation_id", self.loaded.id.into()),
            ("contact_id", self.loaded.contact_id.into()),
            ("kind", kind.into()),
            ("state", "open".into()),
            ("reference", reference.as_str().into()),
            ("assigned_to", Value::Null),
            ("details", self.sealed(&TICKET, id, arguments)?.into()),
            ("created_at", self.now.into()),
            ("updated_at", self.now.into()),
        ];
        work.insert(&TICKET, &row).await?;
        self.tell_live(work, "ticket", identity::Permission::TicketRead, id);
        Ok(Event::Done { reference })
    }

    fn tell_live(&self, work: &mut Work, kind: &'static str, permission: identity::Permission, subject: Uuid) {
        let (live, organization) = (self.shared.live.clone(), self.database.id());
        let data = serde_json::json!({ "conversation_id": self.loaded.id });
        work.on_commit(move || live.publish(organization, LiveEvent::new(kind, permission, subject, data)));
    }
}
