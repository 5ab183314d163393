//! Where calls, their timelines, recordings and numbers are kept.

pub mod abandoned;
pub mod calls;
pub mod numbers;
pub mod recordings;
mod tables;

pub use tables::{CALL, CALL_EVENT, PHONE_NUMBER, RECORDING};

use storage::{Row, Statement, Table};

/// The tables of this part.
pub const TABLES: &[&Table] = &[&PHONE_NUMBER, &CALL, &CALL_EVENT, &RECORDING];

/// The statements of this part.
pub const STATEMENTS: &[&Statement] = &[
    &calls::PAGE,
    &calls::LIVE,
    &calls::EVENTS,
    &calls::NEXT_SEQUENCE,
    &calls::ABANDONED,
    &calls::ADOPT,
    &numbers::BY_CALLED,
    &numbers::OF_ORGANIZATION,
    &recordings::OF_CALL,
    &recordings::PAGE,
    &recordings::ABANDONED,
    &recordings::ADOPT,
];

/// A word in the database that this version does not know.
fn unknown(table: &'static Table, column: &'static str) -> crate::Error {
    crate::Error::Stored { table: table.name, column }
}

/// Reads a word of a closed set.
fn word<T>(
    row: &Row,
    table: &'static Table,
    column: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<T, crate::Error> {
    read(&row.text(column)?).ok_or_else(|| unknown(table, column))
}

#[cfg(test)]
mod tests;
