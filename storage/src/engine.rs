//! The two engines behind one face.

use crate::error::Result;
use crate::identifier::OrganizationId;
use crate::operation::Operation;
use crate::row::Row;
use crate::schema::Dialect;
use crate::sqlite::driver::{Sqlite, SqliteTransaction};

/// An open database of either kind.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
}

impl Engine {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs one reading statement; `reach` says whose rows PostgreSQL may show.
    pub async fn read(&self, operation: Operation, _reach: Reach) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(operation).await,
        }
    }

    /// Begins a transaction.
    pub async fn begin(&self, _reach: Reach) -> Result<EngineTransaction> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin().await.map(EngineTransaction::Sqlite),
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
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
}

impl EngineTransaction {
    pub async fn query(&self, operation: Operation) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(transaction) => transaction.query(operation).await,
        }
    }

    pub async fn execute(&self, operation: Operation) -> Result<u64> {
        match self {
            Self::Sqlite(transaction) => transaction.execute(operation).await,
        }
    }

    pub async fn batch(&self, words: String) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.batch(words).await,
        }
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
        }
    }
}
