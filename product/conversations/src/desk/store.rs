//! What the stores of bookings, leads and tickets share: readers, origins and sealed details.

use audit::Actor;
use identity::{Caller, Platform};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::{OrganizationDb, Row, Statement, Table, Transaction, Value};
use uuid::Uuid;
use vault::{Field, Keyring, PersonKey};

use super::{By, Error, Given, Origin, kind_name};
use crate::reference;

/// From where the calendar is read: within a transaction, which sees its own changes, or from the organization's door.
pub enum Reader<'a> {
    /// Within a transaction.
    Within(&'a mut Transaction),
    /// What is committed.
    Outside(&'a OrganizationDb),
}

impl<'a> From<&'a mut Transaction> for Reader<'a> {
    fn from(transaction: &'a mut Transaction) -> Reader<'a> {
        Reader::Within(transaction)
    }
}

impl<'a> From<&'a OrganizationDb> for Reader<'a> {
    fn from(database: &'a OrganizationDb) -> Reader<'a> {
        Reader::Outside(database)
    }
}

impl Reader<'_> {
    pub(crate) async fn query(&mut self, statement: &'static Statement, values: &[Value]) -> Result<Vec<Row>, Error> {
        match self {
            Reader::Within(transaction) => Ok(transaction.query(statement, values).await?),
            Reader::Outside(database) => Ok(database.query(statement, values).await?),
        }
    }
}

/// A reference that no other row of its kind has; `statement` finds the rows of a reference.
pub(crate) async fn fresh_reference(
    transaction: &mut Transaction,
    platform: &Platform,
    statement: &'static Statement,
) -> Result<String, Error> {
    for _ in 0..reference::DRAWS_MAX {
        let reference = reference::draw(platform.entropy.as_ref());
        if transaction.query(statement, &[reference.as_str().into()]).await?.is_empty() {
            return Ok(reference);
        }
    }
    Err(Error::NoReference)
}

/// The columns that say where a new row comes from.
pub(crate) fn origin_fields(origin: &Origin, contact: Uuid) -> [(&'static str, Value); 7] {
    let kind = kind_name(origin.actor.kind);
    [
        ("agent_id", origin.agent_id.into()),
        ("contact_id", contact.into()),
        ("conversation_id", origin.conversation_id.into()),
        ("made_by", kind.into()),
        ("made_by_id", origin.actor.id.into()),
        ("changed_by", kind.into()),
        ("changed_by_id", origin.actor.id.into()),
    ]
}

/// The columns that say who changed a row.
pub(crate) fn changed_fields(actor: &Actor) -> [(&'static str, Value); 2] {
    [("changed_by", kind_name(actor.kind).into()), ("changed_by_id", actor.id.into())]
}

/// Who stands in a row.
pub(crate) fn by(row: &Row, kind: &str, id: &str) -> Result<By, Error> {
    Ok(By { kind: row.text(kind)?, id: row.optional_uuid(id)? })
}

/// Details sealed for their row.
pub(crate) fn seal(
    key: &PersonKey,
    table: &'static Table,
    id: Uuid,
    details: &impl Serialize,
) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_string(details).map_err(|_| Error::Unreadable(table.name))?;
    Ok(key.seal_text(Field::new(table, "details", id), &text)?)
}

/// The details of rows; each person's key is fetched once in a row of rows.
pub(crate) struct Opener {
    database: OrganizationDb,
    keyring: Keyring,
    last: Option<(Uuid, Option<PersonKey>)>,
}

impl Opener {
    pub(crate) async fn new(platform: &Platform, caller: &Caller) -> Result<Opener, Error> {
        Ok(Opener { database: caller.database(platform), keyring: caller.keyring(platform).await?, last: None })
    }

    /// What a person gave; nothing once they are erased.
    pub(crate) async fn given(&mut self, table: &'static Table, row: &Row) -> Result<Given, Error> {
        Ok(self.open(table, row).await?.unwrap_or_else(Given::erased))
    }

    /// The details of a row; none once the person is erased.
    pub(crate) async fn open<T: DeserializeOwned>(
        &mut self,
        table: &'static Table,
        row: &Row,
    ) -> Result<Option<T>, Error> {
        let person = row.uuid("contact_id")?;
        if self.last.as_ref().is_none_or(|(last, _)| *last != person) {
            let key = match self.keyring.person_key(&self.database, person).await {
                Ok(key) => Some(key),
                Err(vault::Error::NoKey { .. }) => None,
                Err(other) => return Err(other.into()),
            };
            self.last = Some((person, key));
        }
        let Some((_, Some(key))) = &self.last else { return Ok(None) };
        let text = key.open_text(Field::new(table, "details", row.uuid("id")?), &row.bytes("details")?)?;
        serde_json::from_str(&text).map(Some).map_err(|_| Error::Unreadable(table.name))
    }
}
