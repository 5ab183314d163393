//! The embedded engine: values and errors of SQLite in the terms of the door. `sqlite/driver.rs` holds the threads.

use std::sync::Arc;

use rusqlite::ffi;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::row::Row;
use crate::schema::constraint_label;
use crate::value::Value;

pub(crate) mod driver;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Boolean(boolean) => ValueRef::Integer(i64::from(*boolean)),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        }))
    }
}

/// The numbers of the `$n` in the order of SQLite's places. (SQLite itself numbers `$2, $1` by first appearance, so binding in order
/// would swap them silently.)
fn places(statement: &rusqlite::Statement<'_>, name: &'static str) -> Result<Vec<usize>> {
    let refused = |problem: &str| Error::Engine { statement: name, problem: problem.to_owned() };
    let number = |place| statement.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
    let places = 1..=statement.parameter_count();
    let numbers = places.map(|place| number(place).filter(|number| *number > 0)).collect::<Option<Vec<usize>>>();
    let numbers = numbers.ok_or_else(|| refused("arguments are written $1, $2, …"))?;
    // Names are distinct, so as many places as the highest number means that none is missing between.
    if numbers.iter().max().is_some_and(|highest| *highest != numbers.len()) {
        return Err(refused("a number of an argument is left out"));
    }
    Ok(numbers)
}

/// Binds by the digits of `$n`; every argument must be asked for, and every `$n` given.
fn bind(statement: &mut rusqlite::Statement<'_>, operation: &Operation) -> Result<()> {
    operation.check_arguments()?;
    let numbers = places(statement, operation.name)?;
    let (given, expected) = (operation.arguments.len(), numbers.len());
    if given != expected {
        return Err(Error::Arguments { statement: operation.name, given, expected });
    }
    for (index, number) in numbers.into_iter().enumerate() {
        let bound = statement.raw_bind_parameter(index + 1, &operation.arguments[number - 1]);
        bound.map_err(|error| from_engine(operation.name, &error))?;
    }
    Ok(())
}

fn read_value(name: &'static str, value: ValueRef<'_>) -> Result<Value> {
    let problem = |problem: &str| Error::Engine { statement: name, problem: problem.to_owned() };
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(_) => return Err(problem("gives a floating-point number; cast it to bigint")),
        ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.to_vec()).map_err(|_| problem("gives text that is not UTF-8"))?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

/// Runs a statement and reads all its rows.
pub(crate) fn query(connection: &rusqlite::Connection, operation: &Operation) -> Result<Vec<Row>> {
    let failed = |error: rusqlite::Error| from_engine(operation.name, &error);
    let mut statement = connection.prepare_cached(&operation.sql).map_err(failed)?;
    bind(&mut statement, operation)?;
    let mut columns: Option<Arc<[Box<str>]>> = None;
    let mut rows = Vec::new();
    let mut cursor = statement.raw_query();
    while let Some(row) = cursor.next().map_err(failed)? {
        // Read after the first step: SQLite may have prepared the text anew there, with a column that another process added.
        let columns = columns.get_or_insert_with(|| row.as_ref().column_names().map(Box::from).collect());
        let field = |index| row.get_ref(index).map_err(failed).and_then(|value| read_value(operation.name, value));
        let values = (0..columns.len()).map(field).collect::<Result<Vec<_>>>()?;
        rows.push(Row::new(columns.clone(), values));
    }
    Ok(rows)
}

/// Runs a statement to its end and gives the number of rows it changed.
pub(crate) fn execute(connection: &rusqlite::Connection, operation: &Operation) -> Result<u64> {
    let failed = |error: rusqlite::Error| from_engine(operation.name, &error);
    let mut statement = connection.prepare_cached(&operation.sql).map_err(failed)?;
    bind(&mut statement, operation)?;
    if statement.column_count() > 0 {
        let mut cursor = statement.raw_query();
        let mut rows = 0;
        while cursor.next().map_err(failed)?.is_some() {
            rows += 1;
        }
        return Ok(rows);
    }
    let changed = statement.raw_execute().map_err(failed)?;
    Ok(changed as u64)
}

/// An engine's error in the terms of the door. SQLite's texts name tables and columns, never values.
pub(crate) fn from_engine(name: &'static str, error: &rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, text) = error else {
        return Error::Engine { statement: name, problem: error.to_string() };
    };
    let text = text.as_deref().unwrap_or("no further text");
    let rule = text.split_once("failed: ").map_or(text, |(_, rule)| rule);
    match (failure.code, failure.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            Error::Conflict { constraint: conflict_label(rule) }
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER) => Error::Reference,
        (rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TypeMismatch, _) => {
            Error::Constraint { statement: name, rule: rule.to_owned() }
        }
        (rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked, _) => Error::Busy,
        (_, code) => Error::Engine { statement: name, problem: format!("SQLite error {code}: {text}") },
    }
}

/// `contact.organization_id, contact.email` → `contact(email)`.
fn conflict_label(rule: &str) -> String {
    let mut columns = Vec::new();
    let mut table = "";
    for part in rule.split(", ") {
        let (owner, column) = part.split_once('.').unwrap_or(("", part));
        table = owner;
        columns.push(column);
    }
    constraint_label(table, &columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_named_by_table_and_columns() {
        assert_eq!(conflict_label("contact.organization_id, contact.email, contact.kind"), "contact(email,kind)");
        assert_eq!(conflict_label("organization.id"), "organization(id)");
        assert_eq!(conflict_label("odd"), "(odd)");
    }
}
