//! The newest list that was believed, kept so that no older one is believed after it.

use storage::{Column, Database, Erasure, Identifiers, Owner, Retention, Statement, Table};

use crate::Error;

/// One row for each key: the newest list of it.
pub static TRUST_RELEASE_LIST: Table = Table {
    name: "trust_release_list",
    owner: Owner::Installation,
    columns: &[
        // The key, in the text form of the specification.
        Column::text("key_text"),
        Column::integer("serial"),
        Column::text("note"),
    ],
    references: &[],
    unique: &[&["key_text"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("news about versions; it holds nothing about persons"),
};

/// Of two nodes that read at the same time, the newer list stays.
pub(crate) static KEEP: Statement = Statement::installation(
    "trust.release_list_keep",
    "insert into trust_release_list (id, key_text, serial, note) values ($1, $2, $3, $4) \
     on conflict (key_text) do update set serial = excluded.serial, note = excluded.note \
     where trust_release_list.serial <= excluded.serial",
);

pub(crate) static NEWEST: Statement =
    Statement::installation("trust.release_list", "select serial, note from trust_release_list where key_text = $1");

/// The newest list that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed {
    /// Its serial.
    pub serial: i64,
    /// The note as it came.
    pub note: String,
}

/// The newest list of this key, if one was ever believed.
///
/// # Errors
/// When the database cannot be read.
pub async fn newest(database: &Database, key: &str) -> Result<Option<Believed>, Error> {
    let rows = database.installation().query(&NEWEST, &[key.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Believed { serial: row.integer("serial")?, note: row.text("note")? }))
}

/// Keeps a list unless a newer one is there.
///
/// # Errors
/// When the database cannot be written.
pub async fn keep(database: &Database, identifiers: &Identifiers, key: &str, list: &Believed) -> Result<(), Error> {
    let arguments = [identifiers.next().into(), key.into(), list.serial.into(), list.note.as_str().into()];
    let mut transaction = database.installation().begin().await?;
    transaction.execute(&KEEP, &arguments).await?;
    Ok(transaction.commit().await?)
}
