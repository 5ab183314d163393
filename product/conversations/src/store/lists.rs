//! Lists for the dashboard and the API: conversations, bookings, leads, tickets.

use agents::command::SlotValue;
use agents::profile::SlotKind;
use identity::Caller;
use storage::{OrganizationDb, Row, Table, Timestamp, Value};
use uuid::Uuid;
use vault::{Field, Keyring};
use web::live::LiveEvent;

use super::run::Conversations;
use super::tables::{
    BOOKING, BOOKINGS, CONVERSATION, CONVERSATIONS, CONVERSATIONS_IN_STATE, COUNTS, FREE_CELLS, LEAD, LEADS, TICKET,
    TICKETS,
};
use crate::engine::{Argument, State};
use crate::error::Error;

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationSummary {
    /// Its id.
    pub id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// The agent.
    pub agent_id: Uuid,
    /// The version that it is held with.
    pub agent_version_id: Uuid,
    /// `chat` or `phone`.
    pub channel: String,
    /// `open`, `waiting` (for a person), `person` or `ended`.
    pub state: String,
    /// Who it is, as far as known: the caller's number; none when withheld, unknown or erased.
    pub who: Option<String>,
    /// The member who joined.
    pub joined_by: Option<Uuid>,
    /// Events so far.
    pub sequence: i64,
    /// When it began.
    pub opened_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
    /// The person was erased: nothing but these ids and times is left.
    pub erased: bool,
}

/// What a person gave in a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Their name.
    pub name: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their words.
    pub text: Option<String>,
    /// Their recorded message.
    pub recording: Option<Uuid>,
    /// The person was erased.
    pub erased: bool,
}

/// An appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id.
    pub id: Uuid,
    /// Where it was made.
    pub conversation_id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// The agent whose calendar it is in.
    pub agent_id: Uuid,
    /// Key of the service.
    pub service: String,
    /// Its beginning.
    pub starts_at: Timestamp,
    /// Its end.
    pub ends_at: Timestamp,
    /// `booked` or `cancelled`.
    pub state: String,
    /// A reference that can be spelled out.
    pub reference: String,
    /// What the person gave.
    pub given: Given,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Its id.
    pub id: Uuid,
    /// Where it was taken.
    pub conversation_id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// `new`, `contacted`, `won` or `lost`.
    pub state: String,
    /// What the person gave.
    pub given: Given,
    /// When it was taken.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A ticket or a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: Uuid,
    /// Where it was opened.
    pub conversation_id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// `problem` or `message`.
    pub kind: String,
    /// Its state.
    pub state: TicketState,
    /// A reference that can be spelled out.
    pub reference: String,
    /// The member who sees to it.
    pub assigned_to: Option<Uuid>,
    /// What the person gave.
    pub given: Given,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The life of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Nobody sees to it yet.
    Open,
    /// Somebody does.
    InProgress,
    /// Done.
    Solved,
    /// Put away.
    Closed,
}

impl TicketState {
    /// Every state.
    pub const ALL: [TicketState; 4] =
        [TicketState::Open, TicketState::InProgress, TicketState::Solved, TicketState::Closed];

    /// Its stable name in rows and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            TicketState::Open => "open",
            TicketState::InProgress => "in_progress",
            TicketState::Solved => "solved",
            TicketState::Closed => "closed",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<TicketState> {
        TicketState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it may become `next`: a closed ticket is opened again only as open.
    pub fn may_become(self, next: TicketState) -> bool {
        self != TicketState::Closed || matches!(next, TicketState::Open | TicketState::Closed)
    }
}

/// States of a lead.
pub const LEAD_STATES: [&str; 4] = ["new", "contacted", "won", "lost"];

struct Reader {
    database: OrganizationDb,
    keyring: Keyring,
}

impl Reader {
    /// What a person gave; empty when they were erased.
    async fn given(&self, table: &'static Table, row: &Row) -> Result<Given, Error> {
        let id = row.uuid("id")?;
        let key = match self.keyring.person_key(&self.database, row.uuid("contact_id")?).await.map_err(Error::from) {
            Err(Error::Erased) => return Ok(Given { erased: true, ..Given::default() }),
            key => key?,
        };
        let text = key.open(Field::new(table, "details", id), &row.bytes("details")?)?;
        let arguments: Vec<Argument> = serde_json::from_slice(&text).map_err(|_| Error::Unreadable(id))?;
        let mut given = Given::default();
        for argument in arguments {
            match (argument.kind, argument.value) {
                (SlotKind::PersonName, SlotValue::PersonName(name)) => given.name = Some(name),
                (SlotKind::PhoneNumber, SlotValue::PhoneNumber(phone)) => given.phone = Some(phone),
                (SlotKind::Email, SlotValue::Email(email)) => given.email = Some(email),
                (_, SlotValue::Text(text)) => given.text = Some(text),
                (_, SlotValue::Recording(recording)) => given.recording = Some(recording),
                _ => {}
            }
        }
        Ok(given)
    }

    async fn summary(&self, row: &Row) -> Result<ConversationSummary, Error> {
        let (id, contact_id) = (row.uuid("id")?, row.uuid("contact_id")?);
        let key = self.keyring.person_key(&self.database, contact_id).await.map_err(Error::from);
        let (who, erased) = match key {
            Err(Error::Erased) => (None, true),
            key => {
                let text = key?.open(Field::new(&CONVERSATION, "snapshot", id), &row.bytes("snapshot")?)?;
                let state: State = serde_json::from_slice(&text).map_err(|_| Error::Unreadable(id))?;
                (state.caller_number, false)
            }
        };
        Ok(ConversationSummary {
            id,
            contact_id,
            agent_id: row.uuid("agent_id")?,
            agent_version_id: row.uuid("agent_version_id")?,
            channel: row.text("channel")?,
            state: row.text("state")?,
            who,
            joined_by: row.optional_uuid("joined_by")?,
            sequence: row.integer("sequence")?,
            opened_at: row.timestamp("opened_at")?,
            updated_at: row.timestamp("updated_at")?,
            ended_at: row.optional_timestamp("ended_at")?,
            end_reason: row.optional_text("end_reason")?,
            erased,
        })
    }

    async fn booking(&self, row: &Row) -> Result<Booking, Error> {
        Ok(Booking {
            id: row.uuid("id")?,
            conversation_id: row.uuid("conversation_id")?,
            contact_id: row.uuid("contact_id")?,
            agent_id: row.uuid("agent_id")?,
            service: row.text("service")?,
            starts_at: row.timestamp("starts_at")?,
            ends_at: row.timestamp("ends_at")?,
            state: row.text("state")?,
            reference: row.text("reference")?,
            given: self.given(&BOOKING, row).await?,
            created_at: row.timestamp("created_at")?,
        })
    }

    async fn lead(&self, row: &Row) -> Result<Lead, Error> {
        Ok(Lead {
            id: row.uuid("id")?,
            conversation_id: row.uuid("conversation_id")?,
            contact_id: row.uuid("contact_id")?,
            state: row.text("state")?,
            given: self.given(&LEAD, row).await?,
            created_at: row.timestamp("created_at")?,
            updated_at: row.timestamp("updated_at")?,
        })
    }

    async fn ticket(&self, row: &Row) -> Result<Ticket, Error> {
        let id = row.uuid("id")?;
        Ok(Ticket {
            id,
            conversation_id: row.uuid("conversation_id")?,
            contact_id: row.uuid("contact_id")?,
            kind: row.text("kind")?,
            state: TicketState::named(&row.text("state")?).ok_or(Error::Unreadable(id))?,
            reference: row.text("reference")?,
            assigned_to: row.optional_uuid("assigned_to")?,
            given: self.given(&TICKET, row).await?,
            created_at: row.timestamp("created_at")?,
            updated_at: row.timestamp("updated_at")?,
        })
    }
}

impl Conversations {
    async fn reader(&self, caller: &Caller) -> Result<Reader, Error> {
        Ok(Reader { database: caller.database(self.platform()), keyring: caller.keyring(self.platform()).await? })
    }

    /// Conversations, newest first, before the given one; of one state when it is given; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        caller: &Caller,
        state: Option<&str>,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<ConversationSummary>, Error> {
        let reader = self.reader(caller).await?;
        let rows = match state {
            Some(state) => {
                let arguments = [before.into(), limit.into(), state.into()];
                reader.database.query(&CONVERSATIONS_IN_STATE, &arguments).await?
            }
            None => reader.database.query(&CONVERSATIONS, &[before.into(), limit.into()]).await?,
        };
        let mut summaries = Vec::with_capacity(rows.len());
        for row in &rows {
            summaries.push(reader.summary(row).await?);
        }
        Ok(summaries)
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn summary(&self, caller: &Caller, id: Uuid) -> Result<ConversationSummary, Error> {
        let reader = self.reader(caller).await?;
        let row = reader.database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
        reader.summary(&row).await
    }

    /// Conversations that wait for a person, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn waiting(&self, caller: &Caller) -> Result<Vec<ConversationSummary>, Error> {
        self.list(caller, Some("waiting"), Uuid::max(), 100).await
    }

    /// How many conversations began since `since`, by state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn counts(&self, caller: &Caller, since: Timestamp) -> Result<Vec<(String, i64)>, Error> {
        let rows = caller.database(self.platform()).query(&COUNTS, &[since.into()]).await?;
        rows.iter().map(|row| Ok((row.text("state")?, row.integer("conversations")?))).collect()
    }

    /// Bookings, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn bookings(&self, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Booking>, Error> {
        let reader = self.reader(caller).await?;
        let rows = reader.database.query(&BOOKINGS, &[before.into(), limit.into()]).await?;
        let mut bookings = Vec::with_capacity(rows.len());
        for row in &rows {
            bookings.push(reader.booking(row).await?);
        }
        Ok(bookings)
    }

    /// One booking.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn booking(&self, caller: &Caller, id: Uuid) -> Result<Booking, Error> {
        let reader = self.reader(caller).await?;
        let row = reader.database.get(&BOOKING, id).await?.ok_or(Error::NotFound)?;
        reader.booking(&row).await
    }

    /// Cancels a booking: its time is free again. Cancelling twice changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn cancel_booking(&self, caller: &Caller, id: Uuid) -> Result<Booking, Error> {
        let mut change = caller.change(self.platform(), "booking.cancel").await?;
        let row = change.get(&BOOKING, id).await?.ok_or(Error::NotFound)?;
        if row.text("state")? == "booked" {
            change.update(&BOOKING, id, &[("state", "cancelled".into())]).await?;
            change.execute(&FREE_CELLS, &[id.into()]).await?;
        }
        self.tell(&mut change, "booking", identity::Permission::BookingRead, id);
        change.commit("booking", Some(id), Vec::new()).await?;
        self.booking(caller, id).await
    }

    /// Leads, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn leads(&self, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Lead>, Error> {
        let reader = self.reader(caller).await?;
        let rows = reader.database.query(&LEADS, &[before.into(), limit.into()]).await?;
        let mut leads = Vec::with_capacity(rows.len());
        for row in &rows {
            leads.push(reader.lead(row).await?);
        }
        Ok(leads)
    }

    /// One lead.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn lead(&self, caller: &Caller, id: Uuid) -> Result<Lead, Error> {
        let reader = self.reader(caller).await?;
        let row = reader.database.get(&LEAD, id).await?.ok_or(Error::NotFound)?;
        reader.lead(&row).await
    }

    /// Changes the state of a lead to one of [`LEAD_STATES`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotNow`] for an unknown state.
    pub async fn set_lead_state(&self, caller: &Caller, id: Uuid, state: &str) -> Result<Lead, Error> {
        if !LEAD_STATES.contains(&state) {
            return Err(Error::NotNow("the state must be new, contacted, won or lost"));
        }
        let mut change = caller.change(self.platform(), "lead.state").await?;
        let fields = [("state", state.into()), ("updated_at", self.platform().now().into())];
        if !change.update(&LEAD, id, &fields).await? {
            return Err(Error::NotFound);
        }
        self.tell(&mut change, "lead", identity::Permission::LeadRead, id);
        change.commit("lead", Some(id), vec![("state", state.to_owned())]).await?;
        self.lead(caller, id).await
    }

    /// Tickets and messages, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tickets(&self, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Ticket>, Error> {
        let reader = self.reader(caller).await?;
        let rows = reader.database.query(&TICKETS, &[before.into(), limit.into()]).await?;
        let mut tickets = Vec::with_capacity(rows.len());
        for row in &rows {
            tickets.push(reader.ticket(row).await?);
        }
        Ok(tickets)
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn ticket(&self, caller: &Caller, id: Uuid) -> Result<Ticket, Error> {
        let reader = self.reader(caller).await?;
        let row = reader.database.get(&TICKET, id).await?.ok_or(Error::NotFound)?;
        reader.ticket(&row).await
    }

    /// Changes the state of a ticket; whoever takes it in progress sees to it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotNow`] when the ticket may not become that.
    pub async fn set_ticket_state(&self, caller: &Caller, id: Uuid, state: TicketState) -> Result<Ticket, Error> {
        let mut change = caller.change(self.platform(), "ticket.state").await?;
        let row = change.get(&TICKET, id).await?.ok_or(Error::NotFound)?;
        let now = TicketState::named(&row.text("state")?).ok_or(Error::Unreadable(id))?;
        if !now.may_become(state) {
            return Err(Error::NotNow("a closed ticket must be opened again first"));
        }
        let mut fields: Vec<(&str, Value)> =
            vec![("state", state.name().into()), ("updated_at", self.platform().now().into())];
        if state == TicketState::InProgress {
            fields.push(("assigned_to", caller.user().into()));
        }
        change.update(&TICKET, id, &fields).await?;
        self.tell(&mut change, "ticket", identity::Permission::TicketRead, id);
        change.commit("ticket", Some(id), vec![("state", state.name().to_owned())]).await?;
        self.ticket(caller, id).await
    }

    fn tell(&self, change: &mut identity::Change, kind: &'static str, may: identity::Permission, subject: Uuid) {
        let (live, organization) = (self.shared.live.clone(), change.organization());
        let event = LiveEvent::new(kind, may, subject, serde_json::Value::Null);
        change.on_commit(move || {
            if let Some(organization) = organization {
                live.publish(organization, event);
            }
        });
    }
}
