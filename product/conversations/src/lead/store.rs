//! Leads in the database.

use identity::{Caller, Permission};
use storage::{Column, Erasure, Owner, Reference, Retention, Row, SealedWith, Statement, Table, Transaction, Value};
use uuid::Uuid;
use vault::PersonKey;

use super::{Lead, LeadState};
use crate::desk::store::{Opener, by, changed_fields, fresh_reference, origin_fields, seal};
use crate::desk::{Desk, Error, Given, News, Origin};

/// Leads.
pub static LEAD: Table = Table {
    name: "lead",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::uuid("contact_id"),
        Column::uuid("conversation_id").nullable(),
        Column::text("reference"),
        Column::text("state"),
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
    retention: Retention::Class("leads"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// Leads of a reference.
pub static REFERENCES: Statement =
    Statement::organization("leads.references", "select id from lead where organization_id = $1 and reference = $2");
/// One lead, locked.
pub static LOCK: Statement =
    Statement::organization("leads.lock", "select * from lead where organization_id = $1 and id = $2").locking();
/// A page of leads, the last taken first.
pub static LIST: Statement = Statement::organization(
    "leads.list",
    "select * from lead where organization_id = $1 and id < $2 and ($3 = '' or state = $3) \
     and ($4 = '' or reference = $4) order by id desc limit $5",
);

/// Which leads a list shows.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    /// Those in this state.
    pub state: Option<LeadState>,
    /// The one with this reference.
    pub reference: Option<String>,
}

impl Desk {
    /// Takes a lead of the person whose key it is.
    ///
    /// # Errors
    /// [`Error::Invalid`], or when it cannot be stored.
    pub async fn take_lead(
        &self,
        transaction: &mut Transaction,
        key: &PersonKey,
        origin: &Origin,
        given: Given,
    ) -> Result<Lead, Error> {
        let given = given.checked()?;
        let (id, now) = (self.platform.identifiers.next(), self.platform.now());
        let reference = fresh_reference(transaction, &self.platform, &REFERENCES).await?;
        let mut fields: Vec<(&str, Value)> = origin_fields(origin, key.person()).into();
        fields.extend([
            ("id", id.into()),
            ("reference", reference.into()),
            ("state", LeadState::New.name().into()),
            ("details", seal(key, &LEAD, id, &given)?.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
        ]);
        transaction.insert(&LEAD, &fields).await?;
        let row = transaction.get(&LEAD, id).await?.ok_or(Error::NotFound)?;
        let lead = lead(&row, given)?;
        self.tell_lead(transaction, "lead.taken", &lead);
        Ok(lead)
    }

    /// Sets the state of a lead. Setting the state that it has changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_lead(&self, caller: &Caller, id: Uuid, state: LeadState) -> Result<Lead, Error> {
        let mut change = caller.change(&self.platform, "lead.change").await?;
        let rows = change.query(&LOCK, &[id.into()]).await?;
        let before = lead(rows.first().ok_or(Error::NotFound)?, Given::default())?;
        if before.state == state {
            return self.lead(caller, id).await;
        }
        let mut fields: Vec<(&str, Value)> = changed_fields(caller.actor()).into();
        fields.extend([("state", state.name().into()), ("updated_at", self.platform.now().into())]);
        change.update(&LEAD, id, &fields).await?;
        self.tell_lead(&mut change, "lead.changed", &Lead { state, ..before });
        change.commit("lead", Some(id), vec![("state", state.name().to_owned())]).await?;
        self.lead(caller, id).await
    }

    fn tell_lead(&self, transaction: &mut Transaction, kind: &'static str, lead: &Lead) {
        let news = News {
            kind,
            permission: Permission::LeadRead,
            subject: lead.id,
            conversation_id: lead.conversation_id,
            state: lead.state.name(),
        };
        self.tell(transaction, news);
    }

    /// One lead.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the organization has no such lead.
    pub async fn lead(&self, caller: &Caller, id: Uuid) -> Result<Lead, Error> {
        let row = caller.database(&self.platform).get(&LEAD, id).await?.ok_or(Error::NotFound)?;
        let given = Opener::new(&self.platform, caller).await?.given(&LEAD, &row).await?;
        lead(&row, given)
    }

    /// Leads, the last taken first, before the given one; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn leads(
        &self,
        caller: &Caller,
        filter: &LeadFilter,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<Lead>, Error> {
        let values = [
            before.into(),
            filter.state.map_or("", LeadState::name).into(),
            filter.reference.clone().unwrap_or_default().into(),
            limit.into(),
        ];
        let rows = caller.database(&self.platform).query(&LIST, &values).await?;
        let mut opener = Opener::new(&self.platform, caller).await?;
        let mut leads = Vec::with_capacity(rows.len());
        for row in &rows {
            leads.push(lead(row, opener.given(&LEAD, row).await?)?);
        }
        Ok(leads)
    }
}

fn lead(row: &Row, given: Given) -> Result<Lead, Error> {
    Ok(Lead {
        id: row.uuid("id")?,
        reference: row.text("reference")?,
        state: LeadState::named(&row.text("state")?).ok_or(Error::Unreadable(LEAD.name))?,
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
