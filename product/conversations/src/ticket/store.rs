//! Tickets in the database.

use identity::{Caller, MembershipState, Permission, member};
use storage::{Column, Erasure, Owner, Reference, Retention, Row, SealedWith, Statement, Table, Transaction, Value};
use uuid::Uuid;
use vault::PersonKey;

use super::{Assignee, Ticket, TicketChange, TicketKind, TicketState};
use crate::desk::store::{Opener, by, changed_fields, fresh_reference, origin_fields, seal};
use crate::desk::{Desk, Error, Given, News, Origin};

/// Tickets.
pub static TICKET: Table = Table {
    name: "ticket",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::uuid("contact_id"),
        Column::uuid("conversation_id").nullable(),
        Column::text("reference"),
        Column::text("kind"),
        Column::text("state"),
        Column::uuid("assignee").nullable(),
        Column::sealed("details", SealedWith::Person),
        Column::text("made_by"),
        Column::uuid("made_by_id").nullable(),
        Column::text("changed_by"),
        Column::uuid("changed_by_id").nullable(),
        Column::time("created_at"),
        Column::time("updated_at"),
    ],
    references: &[
        Reference::to("agent_id", "agent"),
        Reference::to("contact_id", "contact"),
        Reference::to("conversation_id", "conversation"),
    ],
    unique: &[&["reference"]],
    indexes: &[&["state"]],
    retention: Retention::Class("tickets"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// Members looked through at once for an assignee.
const MEMBERS_AT_ONCE: i64 = 100;

/// Tickets of a reference.
pub static REFERENCES: Statement = Statement::organization(
    "tickets.references",
    "select id from ticket where organization_id = $1 and reference = $2",
);
/// One ticket, locked.
pub static LOCK: Statement =
    Statement::organization("tickets.lock", "select * from ticket where organization_id = $1 and id = $2").locking();
/// A page of tickets, the last opened first.
pub static LIST: Statement = Statement::organization(
    "tickets.list",
    "select * from ticket where organization_id = $1 and id < $2 and ($3 = '' or state = $3) \
     and ($4 = '' or kind = $4) and ($5 = '' or reference = $5) order by id desc limit $6",
);

/// Which tickets a list shows.
#[derive(Clone, Debug, Default)]
pub struct TicketFilter {
    /// Those in this state.
    pub state: Option<TicketState>,
    /// Those of this kind.
    pub kind: Option<TicketKind>,
    /// The one with this reference.
    pub reference: Option<String>,
}

impl Desk {
    /// Opens a ticket of the person whose key it is.
    ///
    /// # Errors
    /// [`Error::Invalid`], or when it cannot be stored.
    pub async fn open_ticket(
        &self,
        transaction: &mut Transaction,
        key: &PersonKey,
        origin: &Origin,
        kind: TicketKind,
        given: Given,
    ) -> Result<Ticket, Error> {
        let given = given.checked()?;
        let (id, now) = (self.platform.identifiers.next(), self.platform.now());
        let reference = fresh_reference(transaction, &self.platform, &REFERENCES).await?;
        let mut fields: Vec<(&str, Value)> = origin_fields(origin, key.person()).into();
        fields.extend([
            ("id", id.into()),
            ("reference", reference.into()),
            ("kind", kind.name().into()),
            ("state", TicketState::Open.name().into()),
            ("details", seal(key, &TICKET, id, &given)?.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
        ]);
        transaction.insert(&TICKET, &fields).await?;
        let row = transaction.get(&TICKET, id).await?.ok_or(Error::NotFound)?;
        let ticket = ticket(&row, given)?;
        self.tell_ticket(transaction, "ticket.opened", &ticket);
        Ok(ticket)
    }

    /// Changes where a ticket stands and who sees to it; whoever takes up one that is nobody's sees to it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::State`], [`Error::Invalid`] when the assignee is no active member.
    pub async fn change_ticket(&self, caller: &Caller, id: Uuid, wanted: TicketChange) -> Result<Ticket, Error> {
        if let Some(Assignee::Member(user)) = wanted.assignee
            && !self.is_member(caller, user).await?
        {
            return Err(Error::Invalid { field: "assignee", reason: "is no active member".to_owned() });
        }
        let mut change = caller.change(&self.platform, "ticket.change").await?;
        let rows = change.query(&LOCK, &[id.into()]).await?;
        let before = ticket(rows.first().ok_or(Error::NotFound)?, Given::default())?;
        let state = wanted.state.unwrap_or(before.state);
        if before.state != state && !before.state.may_become(state) {
            return Err(Error::State { from: before.state.name(), to: state.name() });
        }
        let taken_by = caller.user().filter(|_| state == TicketState::InProgress);
        let assignee = wanted.assignee.map_or(before.assignee.or(taken_by), Assignee::member);
        let mut fields: Vec<(&str, Value)> = changed_fields(caller.actor()).into();
        fields.extend([
            ("state", state.name().into()),
            ("assignee", assignee.into()),
            ("updated_at", self.platform.now().into()),
        ]);
        change.update(&TICKET, id, &fields).await?;
        self.tell_ticket(&mut change, "ticket.changed", &Ticket { state, ..before });
        let assignee = assignee.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
        change.commit("ticket", Some(id), vec![("state", state.name().to_owned()), ("assignee", assignee)]).await?;
        self.ticket(caller, id).await
    }

    /// Whether this person is an active member of the caller's organization.
    async fn is_member(&self, caller: &Caller, user: Uuid) -> Result<bool, Error> {
        let mut after = None;
        loop {
            let members = member::list(&self.platform, caller, after, MEMBERS_AT_ONCE).await?;
            if members.iter().any(|member| member.user == user && member.state == MembershipState::Active) {
                return Ok(true);
            }
            let Some(last) = members.last().filter(|_| i64::try_from(members.len()) == Ok(MEMBERS_AT_ONCE)) else {
                return Ok(false);
            };
            after = Some(last.id);
        }
    }

    fn tell_ticket(&self, transaction: &mut Transaction, kind: &'static str, ticket: &Ticket) {
        let news = News {
            kind,
            permission: Permission::TicketRead,
            subject: ticket.id,
            conversation_id: ticket.conversation_id,
            state: ticket.state.name(),
        };
        self.tell(transaction, news);
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the organization has no such ticket.
    pub async fn ticket(&self, caller: &Caller, id: Uuid) -> Result<Ticket, Error> {
        let row = caller.database(&self.platform).get(&TICKET, id).await?.ok_or(Error::NotFound)?;
        let given = Opener::new(&self.platform, caller).await?.given(&TICKET, &row).await?;
        ticket(&row, given)
    }

    /// Tickets, the last opened first, before the given one; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tickets(
        &self,
        caller: &Caller,
        filter: &TicketFilter,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<Ticket>, Error> {
        let values = [
            before.into(),
            filter.state.map_or("", TicketState::name).into(),
            filter.kind.map_or("", TicketKind::name).into(),
            filter.reference.clone().unwrap_or_default().into(),
            limit.into(),
        ];
        let rows = caller.database(&self.platform).query(&LIST, &values).await?;
        let mut opener = Opener::new(&self.platform, caller).await?;
        let mut tickets = Vec::with_capacity(rows.len());
        for row in &rows {
            tickets.push(ticket(row, opener.given(&TICKET, row).await?)?);
        }
        Ok(tickets)
    }
}

fn ticket(row: &Row, given: Given) -> Result<Ticket, Error> {
    Ok(Ticket {
        id: row.uuid("id")?,
        reference: row.text("reference")?,
        kind: TicketKind::named(&row.text("kind")?).ok_or(Error::Unreadable(TICKET.name))?,
        state: TicketState::named(&row.text("state")?).ok_or(Error::Unreadable(TICKET.name))?,
        assignee: row.optional_uuid("assignee")?,
        agent_id: row.uuid("agent_id")?,
        contact_id: row.uuid("contact_id")?,
        conversation_id: row.optional_uuid("conversation_id")?,
        given,
        made_by: by(row, "made_by", "made_by_id")?,
        changed_by: by(row, "changed_by", "changed_by_id")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}
