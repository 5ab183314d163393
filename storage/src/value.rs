//! The five types that both engines store alike, and null. Text must not contain a zero character (PostgreSQL cannot hold one), so
//! both engines refuse it.

use std::fmt;

use uuid::Uuid;

use crate::identifier::OrganizationId;
use crate::time::Timestamp;

/// One argument or one field of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing; fits every nullable column.
    Null,
    /// A whole number, also an instant ([`Timestamp`]).
    Integer(i64),
    /// UTF-8 text without zero characters.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// True or false.
    Boolean(bool),
    /// An identifier.
    Uuid(Uuid),
}

impl Value {
    /// What kind of value this is, for errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Boolean(_) => "a boolean",
            Self::Uuid(_) => "a uuid",
        }
    }

    /// What no engine may be asked to store, if this is such a value.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Text(text) if text.contains('\0') => Some("is text with a zero character"),
            _ => None,
        }
    }
}

/// Content stays out of logs: text and bytes show their length only.
impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("Null"),
            Self::Integer(integer) => write!(formatter, "Integer({integer})"),
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(formatter, "Bytes({} bytes)", bytes.len()),
            Self::Boolean(boolean) => write!(formatter, "Boolean({boolean})"),
            Self::Uuid(uuid) => write!(formatter, "Uuid({uuid})"),
        }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(integer: $integer) -> Self {
                Self::Integer(i64::from(integer))
            }
        }
    )*};
}
integers!(i64, i32, i16, u32, u16, u8);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const LENGTH: usize> From<[u8; LENGTH]> for Value {
    fn from(bytes: [u8; LENGTH]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const LENGTH: usize> From<&[u8; LENGTH]> for Value {
    fn from(bytes: &[u8; LENGTH]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<Uuid> for Value {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl From<Timestamp> for Value {
    fn from(timestamp: Timestamp) -> Self {
        Self::Integer(timestamp.0)
    }
}

impl From<OrganizationId> for Value {
    fn from(organization: OrganizationId) -> Self {
        Self::Uuid(organization.0)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
