//! Secrets of an organization that go in and never come out again, as the password of a trunk. People and
//! programs see names and times; only the product itself opens a value, at the moment it uses it.

use storage::{OrganizationDb, Row, Timestamp, Transaction};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::ORGANIZATION_SECRET;
use super::tables::{SECRET_BY_NAME, SECRETS, SECRETS_COUNT};
use crate::{
    envelope::Field,
    error::{Error, Result},
    keyring::Keyring,
};

/// Secrets of one organization, at most.
pub const MAXIMUM_SECRETS: i64 = 100;
/// Longest value, in bytes.
pub const MAXIMUM_SECRET_LENGTH: usize = 8 * 1024;
/// Longest name, in characters.
const MAXIMUM_NAME_LENGTH: usize = 64;

/// What is shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its name: 1 to 64 of a-z, 0-9, `-`, `_` and `.`.
    pub name: String,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub set_at: Timestamp,
}

impl StoredSecret {
    fn of(row: &Row) -> Result<Self> {
        let (created_at, set_at) = (row.timestamp("created_at")?, row.timestamp("set_at")?);
        Ok(Self { name: row.text("name")?, created_at, set_at })
    }
}

/// Refuses a name that cannot stand in an address.
///
/// # Errors
/// In words for whoever chose it.
pub fn checked_name(name: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MAXIMUM_NAME_LENGTH || !name.bytes().all(fits) || name.starts_with('.') {
        return Err(Error::Secret("The name of a secret is 1 to 64 of a-z, 0-9, - _ and ., as in trunk-password."));
    }
    Ok(())
}

impl Keyring {
    /// Sets a secret, a new one or another value for one that is there. `id` is for a new one. True when it is new.
    pub async fn set_secret(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        name: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<bool> {
        checked_name(name)?;
        if value.is_empty() || value.len() > MAXIMUM_SECRET_LENGTH {
            return Err(Error::Secret("The value of a secret has 1 to 8192 bytes."));
        }
        let known = transaction.query(&SECRET_BY_NAME, &[name.into()]).await?;
        let id = known.first().map_or(Ok(id), |row| row.uuid("id"))?;
        let sealed = self.seal_text(Field::new(&ORGANIZATION_SECRET, "value", id), value)?;
        if !known.is_empty() {
            let values = [("value", sealed.into()), ("set_at", now.into())];
            transaction.update(&ORGANIZATION_SECRET, id, &values).await?;
            return Ok(false);
        }
        let count = transaction.query(&SECRETS_COUNT, &[]).await?;
        if count.first().map_or(Ok(0), |row| row.integer("secrets"))? >= MAXIMUM_SECRETS {
            return Err(Error::SecretsFull);
        }
        let values = [
            ("id", id.into()),
            ("name", name.into()),
            ("value", sealed.into()),
            ("created_at", now.into()),
            ("set_at", now.into()),
        ];
        transaction.insert(&ORGANIZATION_SECRET, &values).await?;
        Ok(true)
    }

    /// Deletes a secret; false when there is none of this name.
    pub async fn delete_secret(&self, transaction: &mut Transaction, name: &str) -> Result<bool> {
        let known = transaction.query(&SECRET_BY_NAME, &[name.into()]).await?;
        let Some(row) = known.first() else { return Ok(false) };
        Ok(transaction.delete(&ORGANIZATION_SECRET, row.uuid("id")?).await?)
    }

    /// Opens a secret for the product's own use: never for an answer, a page or a log. None when there is none of this name.
    pub async fn use_secret(&self, database: &OrganizationDb, name: &str) -> Result<Option<Zeroizing<String>>> {
        let rows = database.query(&SECRET_BY_NAME, &[name.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let field = Field::new(&ORGANIZATION_SECRET, "value", row.uuid("id")?);
        Ok(Some(Zeroizing::new(self.open_text(field, &row.bytes("value")?)?)))
    }
}

/// The secrets of an organization by name, from after the given one; at most `limit`. Names and times only.
pub async fn list(database: &OrganizationDb, after: &str, limit: i64) -> Result<Vec<StoredSecret>> {
    database.query(&SECRETS, &[after.into(), limit.into()]).await?.iter().map(StoredSecret::of).collect()
}

/// One of them; none when there is none of this name.
pub async fn find(database: &OrganizationDb, name: &str) -> Result<Option<StoredSecret>> {
    database.query(&SECRET_BY_NAME, &[name.into()]).await?.first().map(StoredSecret::of).transpose()
}

#[cfg(test)]
mod tests;
