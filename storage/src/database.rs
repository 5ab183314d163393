//! The doors of a database: [`Database`] opens it, [`OrganizationDb`] reaches one organization's rows and no others,
//! [`InstallationDb`] the tables that belong to no organization.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use crate::engine::{Engine, Reach};
use crate::error::{Error, Result};
use crate::identifier::OrganizationId;
use crate::operation::Operation;
use crate::postgres::driver::Postgres;
use crate::row::Row;
use crate::schema::Schema;
use crate::sqlite::driver::Sqlite;
use crate::statement::{Scope, Statement};
use crate::table::Table;
use crate::transaction::Transaction;

/// Where the data lives.
#[derive(Clone)]
pub enum DatabaseConfig {
    /// One file, embedded; created with mode 0600 when missing.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://role:password@host/database`; never shown in logs or errors.
        url: String,
        /// What protects the connections to it.
        link: PostgresLink,
    },
}

/// What protects the connections to PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PostgresLink {
    /// Nothing needs to: it runs on this machine (a unix socket or a loopback address); others are refused.
    #[default]
    ThisMachine,
    /// TLS, with a certificate that an authority signed for the name in the address (`verify-full`).
    Verified {
        /// The authorities, in PEM form.
        authorities: Vec<u8>,
        /// The oldest version that is spoken.
        oldest: OldestTls,
    },
    /// Nothing, and the operator says so: clear text over a network.
    InClear,
}

/// The oldest version of TLS that is spoken to PostgreSQL. The newest that both ends know is spoken either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldestTls {
    /// TLS 1.2 (RFC 5246) with modern suites, for a server that knows nothing newer.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[default]
    Tls13,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(formatter, "Sqlite({})", path.display()),
            Self::Postgres { .. } => formatter.write_str("Postgres(…)"),
        }
    }
}

/// An open database with its schema brought up to date. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    schema: Arc<Schema>,
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Database({:?}, {} tables)", self.engine.dialect(), self.schema.tables.len())
    }
}

impl Database {
    /// Opens the database, creates or extends its tables, and refuses one that this program does not fit. Several processes may
    /// open the same PostgreSQL database at once.
    pub async fn open(config: &DatabaseConfig, schema: Schema) -> Result<Self> {
        let schema = Arc::new(schema.checked()?);
        let engine = match config {
            DatabaseConfig::Sqlite { path } => Engine::Sqlite(Sqlite::open(path).await?),
            DatabaseConfig::Postgres { url, link } => Engine::Postgres(Postgres::open(url, link, &schema).await?),
        };
        crate::schema::store::apply(&engine, &schema, crate::schema::store::MIGRATIONS).await?;
        engine.check_walls(&schema).await?;
        Ok(Self { engine, schema })
    }

    /// The door to one organization's rows.
    pub fn organization(&self, organization: OrganizationId) -> OrganizationDb {
        OrganizationDb { engine: self.engine.clone(), organization }
    }

    /// The door to the tables that belong to no organization.
    pub fn installation(&self) -> InstallationDb {
        InstallationDb { engine: self.engine.clone() }
    }

    /// Does the data lie in a file of this process, or with a PostgreSQL server?
    pub fn is_embedded(&self) -> bool {
        self.engine.dialect() == crate::schema::Dialect::Sqlite
    }

    /// The tables and statements, storage's own included.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Waits until everything committed so far survives a power cut. A commit alone survives the end of the process; on SQLite
    /// (`synchronous = normal`) a power cut may take back the last ones. Before telling the outside world something final.
    pub async fn sync(&self) -> Result<()> {
        self.engine.sync().await
    }

    /// Looks at the engine itself, now, for what keeps organizations apart: on PostgreSQL a role that row-level security binds, and
    /// forced policies on every organizations' table; on SQLite enforced foreign keys and overwritten deletions. Done at every
    /// opening; the security page repeats it.
    pub async fn check_walls(&self) -> Result<()> {
        self.engine.check_walls(&self.schema).await
    }

    /// The version of TLS that this very connection to the database is spoken over, as the server sees it; `None` when it is not
    /// encrypted, or when there is no connection (embedded).
    pub async fn observed_tls(&self) -> Result<Option<String>> {
        self.engine.observed_tls().await
    }

    /// Ends orderly: waits for running statements and closes the files or connections. Later use gives [`Error::Closed`].
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

fn refuse_locks(statement: &'static Statement) -> Result<()> {
    if statement.locks_rows {
        return Err(Error::Scope {
            statement: statement.name,
            problem: "locks rows, so it runs in a transaction only",
        });
    }
    Ok(())
}

fn first_count(rows: &[Row]) -> Result<i64> {
    rows.first().map_or(Ok(0), |row| row.integer("rows"))
}

/// The door to one organization's rows: every statement through it carries the organization, and PostgreSQL's row-level security
/// shows it nothing else.
#[derive(Clone)]
pub struct OrganizationDb {
    engine: Engine,
    organization: OrganizationId,
}

impl fmt::Debug for OrganizationDb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OrganizationDb({})", self.organization)
    }
}

impl OrganizationDb {
    /// Whose door this is.
    pub fn id(&self) -> OrganizationId {
        self.organization
    }

    /// The row of this id, or `None` when this organization has no such row.
    pub async fn get(&self, table: &'static Table, id: Uuid) -> Result<Option<Row>> {
        if !table.is_organizations() {
            return Err(Error::Scope { statement: table.name, problem: "belongs to the installation's door" });
        }
        let operation = Operation::get(table, Some(self.organization), id)?;
        Ok(self.engine.read(operation, Reach::Organization(self.organization)).await?.pop())
    }

    /// Runs a reading statement of this organization's scope. The organization is `$1`; `arguments` start at `$2`.
    pub async fn query(&self, statement: &'static Statement, arguments: &[crate::Value]) -> Result<Vec<Row>> {
        if statement.scope != Scope::Organization {
            return Err(Error::Scope { statement: statement.name, problem: "belongs to the installation's door" });
        }
        refuse_locks(statement)?;
        let operation = Operation::statement(statement, Some(self.organization), arguments)?;
        self.engine.read(operation, Reach::Organization(self.organization)).await
    }

    /// These columns (and the id) of up to `limit` rows of this organization, in the order of their ids, from one on: for
    /// sweeps over a whole table, whichever it is.
    pub async fn page(&self, table: &'static Table, columns: &[&str], from: Uuid, limit: u32) -> Result<Vec<Row>> {
        let operation = Operation::page(table, Some(self.organization), columns, from, limit)?;
        self.engine.read(operation, Reach::Organization(self.organization)).await
    }

    /// How many rows of this organization a table holds.
    pub async fn count(&self, table: &'static Table) -> Result<i64> {
        let operation = Operation::count(table, Some(self.organization))?;
        first_count(&self.engine.read(operation, Reach::Organization(self.organization)).await?)
    }

    /// Begins a transaction inside this organization. It may also use the installation's tables.
    pub async fn begin(&self) -> Result<Transaction> {
        let engine = self.engine.begin(Reach::Organization(self.organization)).await?;
        Ok(Transaction::new(engine, Some(self.organization)))
    }
}

/// The door to the installation's tables.
#[derive(Clone)]
pub struct InstallationDb {
    engine: Engine,
}

impl fmt::Debug for InstallationDb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InstallationDb")
    }
}

impl InstallationDb {
    /// The row of this id in an installation's table.
    pub async fn get(&self, table: &'static Table, id: Uuid) -> Result<Option<Row>> {
        let operation = Operation::get(table, None, id)?;
        Ok(self.engine.read(operation, Reach::Installation).await?.pop())
    }

    /// Runs a reading statement of the installation's scope, or one across organizations. Arguments start at `$1`.
    pub async fn query(&self, statement: &'static Statement, arguments: &[crate::Value]) -> Result<Vec<Row>> {
        refuse_locks(statement)?;
        let reach = match statement.scope {
            Scope::AcrossOrganizations(_) => Reach::AcrossOrganizations,
            Scope::Organization | Scope::Installation => Reach::Installation,
        };
        self.engine.read(Operation::statement(statement, None, arguments)?, reach).await
    }

    /// These columns (and the id) of up to `limit` rows of an installation's table, in the order of their ids, from one on.
    pub async fn page(&self, table: &'static Table, columns: &[&str], from: Uuid, limit: u32) -> Result<Vec<Row>> {
        let operation = Operation::page(table, None, columns, from, limit)?;
        self.engine.read(operation, Reach::Installation).await
    }

    /// How many rows an installation's table holds.
    pub async fn count(&self, table: &'static Table) -> Result<i64> {
        first_count(&self.engine.read(Operation::count(table, None)?, Reach::Installation).await?)
    }

    /// Begins a transaction on the installation's tables.
    pub async fn begin(&self) -> Result<Transaction> {
        Ok(Transaction::new(self.engine.begin(Reach::Installation).await?, None))
    }
}
