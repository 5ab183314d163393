//! The two engines behind one face.

use crate::error::Result;
use crate::identifier::OrganizationId;
use crate::operation::Operation;
use crate::postgres::driver::{Postgres, PostgresTransaction};
use crate::row::Row;
use crate::schema::{Dialect, Schema};
use crate::sqlite::driver::{Sqlite, SqliteTransaction};
use crate::statement::Statement;

/// An open database of either kind.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Engine {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs one reading statement; `reach` says whose rows PostgreSQL may show.
    pub async fn read(&self, operation: Operation, reach: Reach) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(operation).await,
            Self::Postgres(postgres) => postgres.read(operation, reach).await,
        }
    }

    /// Begins a transaction.
    pub async fn begin(&self, reach: Reach) -> Result<EngineTransaction> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin().await.map(EngineTransaction::Sqlite),
            Self::Postgres(postgres) => {
                postgres.begin(reach).await.map(|transaction| EngineTransaction::Postgres(Box::new(transaction)))
            }
        }
    }

    /// Prepares a statement as it would run, without running it.
    pub async fn prepare(&self, statement: &'static Statement) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.prepare(statement.name, statement.sql).await,
            Self::Postgres(postgres) if statement.locks_rows => {
                postgres.prepare(statement.name, &format!("{} for update", statement.sql)).await
            }
            Self::Postgres(postgres) => postgres.prepare(statement.name, statement.sql).await,
        }
    }

    /// Looks whether the engine's own walls stand: see [`crate::Database::check_walls`].
    pub async fn check_walls(&self, schema: &Schema) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.check_walls().await,
            Self::Postgres(postgres) => postgres.check_walls(schema).await,
        }
    }

    /// See [`crate::Database::observed_tls`].
    pub async fn observed_tls(&self) -> Result<Option<String>> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(postgres) => postgres.observed_tls().await,
        }
    }

    /// See [`crate::Database::sync`]; PostgreSQL does so at every commit.
    pub async fn sync(&self) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.sync().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close(),
        }
    }
}

/// Whose rows of organizations' tables can be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Organization(OrganizationId),
    Installation,
    /// Every organization's, for reading.
    AcrossOrganizations,
}

/// An open transaction of either kind. Dropping it rolls back.
pub(crate) enum EngineTransaction {
    Sqlite(SqliteTransaction),
    Postgres(Box<PostgresTransaction>),
}

impl EngineTransaction {
    pub async fn query(&self, operation: Operation) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(transaction) => transaction.query(operation).await,
            Self::Postgres(transaction) => transaction.query(operation).await,
        }
    }

    pub async fn execute(&self, operation: Operation) -> Result<u64> {
        match self {
            Self::Sqlite(transaction) => transaction.execute(operation).await,
            Self::Postgres(transaction) => transaction.execute(operation).await,
        }
    }

    pub async fn batch(&self, words: String) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.batch(words).await,
            Self::Postgres(transaction) => transaction.batch(words).await,
        }
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
