//! Two databases behind one door, sealed objects on disk, jobs, and the nodes that share a database.
//!
//! A part declares its tables ([`Table`]) and statements ([`Statement`]) once; [`Database`] makes them live on SQLite (embedded)
//! and PostgreSQL alike. An organization's rows are reached through [`OrganizationDb`] only: the door adds the organization to
//! every text, keys and references carry it, and PostgreSQL's row-level security refuses everything else. Time, randomness and
//! identifiers come in through [`Clock`], [`Entropy`] and [`Identifiers`].

mod database;
mod engine;
mod error;
mod identifier;
pub mod jobs;
pub mod nodes;
pub mod objects;
mod operation;
mod personal;
mod postgres;
pub mod registry;
mod row;
mod schema;
mod sqlite;
mod statement;
mod table;
pub mod testing;
mod time;
mod transaction;
mod value;

pub use database::{Database, DatabaseConfig, InstallationDb, OldestTls, OrganizationDb, PostgresLink};
pub use error::{Error, Result};
pub use identifier::{Entropy, Identifiers, OrganizationId, SeededEntropy, SystemEntropy};
pub use personal::Pii;
pub use row::Row;
pub use schema::{MAXIMUM_NAME_LENGTH, Schema};
pub use statement::{Scope, Statement};
pub use table::{Column, ColumnType, Erasure, Owner, Reference, Retention, SealedWith, Table};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use transaction::Transaction;
pub use value::Value;

/// Storage's own tables; [`Database::open`] adds them to every schema.
pub const TABLES: &[&Table] = &[&jobs::JOB, &jobs::JOB_HOLD, &nodes::NODE];
/// Storage's own statements; [`Database::open`] adds them to every schema.
pub const STATEMENTS: &[&Statement] = &[
    &jobs::DUE,
    &jobs::LEASE,
    &jobs::BURY_EXHAUSTED,
    &jobs::EXTEND,
    &jobs::COMPLETE,
    &jobs::FAIL,
    &jobs::DEAD,
    &jobs::REVIVE,
    &jobs::DISCARD,
    &jobs::FORGET,
    &jobs::COUNTS,
    &nodes::HOLD,
    &nodes::END,
    &nodes::LIVE,
    &nodes::FORGET,
];
