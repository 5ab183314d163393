//! One row of a result, read by column name and type. SQLite keeps booleans as 0 or 1 and identifiers as 16 bytes; the typed
//! readers turn both back, so callers see no difference between the engines.

use std::sync::Arc;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::identifier::OrganizationId;
use crate::time::Timestamp;
use crate::value::Value;

/// One row. Reading a null with a plain reader is an error; the `optional_` readers give `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[Box<str>]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns, in the order of the result.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(AsRef::as_ref)
    }

    /// The field as the engine gave it.
    pub fn value(&self, column: &str) -> Result<&Value> {
        let position = self.columns.iter().position(|name| **name == *column);
        position
            .and_then(|position| self.values.get(position))
            .ok_or_else(|| Error::NoColumn { column: column.to_owned() })
    }

    fn read<T>(&self, column: &str, expected: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>> {
        let value = self.value(column)?;
        if *value == Value::Null {
            return Ok(None);
        }
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(Error::ColumnType { column: column.to_owned(), expected, found: value.kind() }),
        }
    }
}

fn present<T>(column: &str, expected: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::ColumnType { column: column.to_owned(), expected, found: "null" })
}

macro_rules! readers {
    ($($(#[$note:meta])* $plain:ident, $optional:ident, $kind:ty, $expected:literal, $read:expr;)*) => {
        impl Row {$(
            $(#[$note])*
            pub fn $plain(&self, column: &str) -> Result<$kind> {
                present(column, $expected, self.$optional(column)?)
            }

            /// The same, or `None` for null.
            pub fn $optional(&self, column: &str) -> Result<Option<$kind>> {
                self.read(column, $expected, $read)
            }
        )*}
    };
}

readers! {
    /// An integer.
    integer, optional_integer, i64, "an integer", |value| match value {
        Value::Integer(integer) => Some(*integer),
        _ => None,
    };
    /// An instant.
    timestamp, optional_timestamp, Timestamp, "an instant", |value| match value {
        Value::Integer(integer) => Some(Timestamp(*integer)),
        _ => None,
    };
    /// Text.
    text, optional_text, String, "text", |value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    /// Bytes.
    bytes, optional_bytes, Vec<u8>, "bytes", |value| match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    };
    /// True or false; SQLite gives 0 or 1.
    boolean, optional_boolean, bool, "a boolean", |value| match value {
        Value::Boolean(boolean) => Some(*boolean),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        _ => None,
    };
    /// An identifier; SQLite gives 16 bytes.
    uuid, optional_uuid, Uuid, "a uuid", |value| match value {
        Value::Uuid(uuid) => Some(*uuid),
        Value::Bytes(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    };
    /// The organization of the row.
    organization, optional_organization, OrganizationId, "a uuid", |value| match value {
        Value::Uuid(uuid) => Some(OrganizationId(*uuid)),
        Value::Bytes(bytes) => Uuid::from_slice(bytes).ok().map(OrganizationId),
        _ => None,
    };
}
