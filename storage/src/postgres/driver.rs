//! The connections to PostgreSQL. Every read runs as `begin read only`, the organization's setting, the statement and `commit` in one
//! round trip; all four are handed to the connection at once, so a cancelled caller cannot leave a transaction open. A write
//! transaction that is dropped sends its `rollback` before its connection can serve anyone else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures_util::FutureExt;
use futures_util::future::join3;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Statement};

use super::{check_arguments, check_link, check_types, connector, from_engine, read_address, read_rows};
use crate::database::PostgresLink;
use crate::engine::Reach;
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::row::Row;
use crate::schema::{Schema, constraint_labels};
use crate::value::Value;

/// Connections of one process.
pub const CONNECTIONS: usize = 20;
/// How long a caller waits for a free connection before [`Error::Busy`], and for a new one to open.
pub const CONNECTION_WAIT_SECONDS: u64 = 10;
/// How long a statement may run before [`Error::Busy`].
pub const STATEMENT_SECONDS: u64 = 30;
/// How long a statement waits for a row that another transaction holds before [`Error::Busy`].
pub const LOCK_SECONDS: u64 = 10;
/// The server ends a transaction that does nothing for so long.
pub const IDLE_TRANSACTION_SECONDS: u64 = 60;

/// An open PostgreSQL database.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    labels: Arc<HashMap<String, String>>,
}

impl Postgres {
    /// Connects and refuses roles that row-level security does not bind.
    pub async fn open(url: &str, link: &PostgresLink, schema: &Schema) -> Result<Self> {
        Self::open_waiting(url, link, schema, Duration::from_secs(CONNECTION_WAIT_SECONDS)).await
    }

    async fn open_waiting(url: &str, link: &PostgresLink, schema: &Schema, wait: Duration) -> Result<Self> {
        let mut config = read_address(url)?;
        check_link(&mut config, link)?;
        let options = format!(
            "{} -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={}",
            config.get_options().unwrap_or_default(),
            STATEMENT_SECONDS * 1000,
            LOCK_SECONDS * 1000,
            IDLE_TRANSACTION_SECONDS * 1000
        );
        config.options(options.trim_start()).application_name("ringfence");
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match link {
            PostgresLink::Verified { authorities, oldest } => {
                Manager::from_config(config, connector(authorities, *oldest)?, settings)
            }
            PostgresLink::ThisMachine | PostgresLink::InClear => Manager::from_config(config, NoTls, settings),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait.max(Duration::from_secs(1))))
            .build()
            .map_err(|_| Error::Configuration("the pool of connections cannot be made".to_owned()))?;
        let postgres = Self { pool, labels: Arc::new(constraint_labels(schema)) };
        // Before any table is made by a role that must not own one.
        postgres.check_role().await?;
        Ok(postgres)
    }

    /// Row-level security is a wall only for a role that cannot step over it.
    async fn check_role(&self) -> Result<()> {
        let sql = "select rolsuper or rolbypassrls as above, current_setting('server_encoding') as encoding
                   from pg_roles where rolname = current_user";
        let operation = Operation { name: "postgres.role", sql: sql.into(), locks_rows: false, arguments: vec![] };
        let rows = self.read(operation, Reach::Installation).await?;
        let Some(role) = rows.first() else {
            return Err(Error::Configuration("the PostgreSQL role cannot be looked up".to_owned()));
        };
        if role.boolean("above")? {
            return Err(Error::Configuration(
                "the PostgreSQL role is a superuser or bypasses row-level security, so the walls between organizations \
                 would not hold; use a role with nosuperuser nobypassrls that owns the database"
                    .to_owned(),
            ));
        }
        if role.text("encoding")? != "UTF8" {
            return Err(Error::Configuration("the PostgreSQL database must have the encoding UTF8".to_owned()));
        }
        Ok(())
    }

    /// Does the role stay below row-level security, and is every organizations' table behind its two policies, by force?
    pub async fn check_walls(&self, schema: &Schema) -> Result<()> {
        self.check_role().await?;
        let sql = "select relname as name, relrowsecurity and relforcerowsecurity as forced,
                     (select count(*) from pg_policy where polrelid = pg_class.oid and
                       (polcmd = '*' and pg_get_expr(polqual, polrelid) like '%app.organization%'
                          and pg_get_expr(polwithcheck, polrelid) like '%app.organization%'
                        or polcmd = 'r' and pg_get_expr(polqual, polrelid) like '%app.across%')) as own,
                     (select count(*) from pg_policy where polrelid = pg_class.oid) as policies
                   from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace";
        let operation = Operation { name: "postgres.walls", sql: sql.into(), locks_rows: false, arguments: vec![] };
        let stands =
            |row: &Row| Ok(row.boolean("forced")? && row.integer("own")? == 2 && row.integer("policies")? == 2);
        let rows = self.read(operation, Reach::Installation).await?;
        let tables = rows.iter().map(|row| Ok((row.text("name")?, stands(row)?))).collect::<Result<HashMap<_, _>>>()?;
        for table in schema.tables.iter().filter(|table| table.is_organizations()) {
            if tables.get(table.name) != Some(&true) {
                let why = "row-level security is not forced by exactly its two policies";
                return Err(Error::Schema(format!("table {}: {why}", table.name)));
            }
        }
        Ok(())
    }

    /// The version of TLS of a connection of the pool, as the server sees it.
    pub async fn observed_tls(&self) -> Result<Option<String>> {
        let sql = "select coalesce(version, '') as version from pg_stat_ssl where pid = pg_backend_pid() and ssl";
        let operation = Operation { name: "postgres.tls", sql: sql.into(), locks_rows: false, arguments: vec![] };
        let rows = self.read(operation, Reach::Installation).await?;
        rows.first().map(|row| row.text("version")).transpose()
    }

    async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(_) => Error::Busy,
            PoolError::Backend(error) => from_engine("connecting", &self.labels, &error),
            PoolError::Closed => Error::Closed("it was closed".to_owned()),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Error::Closed("no runtime".to_owned()),
        })
    }

    /// Runs a reading statement in its own transaction, in one round trip once it is prepared.
    pub async fn read(&self, operation: Operation, reach: Reach) -> Result<Vec<Row>> {
        let connection = self.connection().await?;
        let failed = |error: tokio_postgres::Error| from_engine(operation.name, &self.labels, &error);
        let begin = beginning("begin read only", reach);
        let arguments = arguments(&operation.arguments);
        let mut fresh = false;
        loop {
            let statement = prepared(&connection, &operation).await.map_err(failed)?;
            check_arguments(&operation, &statement)?;
            // Polled in this order, and each is sent when first polled: no cancellation can fall between them.
            let (begun, rows, ended) = join3(
                connection.batch_execute(&begin),
                connection.query(&statement, &arguments),
                connection.batch_execute("commit"),
            )
            .await;
            begun.map_err(failed)?;
            match rows {
                Err(error) if is_outdated(&error) && !std::mem::replace(&mut fresh, true) => {
                    connection.statement_cache.clear();
                }
                rows => {
                    let rows = rows.map_err(failed)?;
                    ended.map_err(failed)?;
                    return read_rows(operation.name, &rows);
                }
            }
        }
    }

    /// Begins a transaction.
    pub async fn begin(&self, reach: Reach) -> Result<PostgresTransaction> {
        let connection = Some(self.connection().await?);
        let transaction = PostgresTransaction { connection, labels: self.labels.clone() };
        // From here on the guard's drop rolls back, so a caller that is cancelled while waiting leaves nothing open.
        transaction.batch(beginning("begin isolation level read committed", reach)).await?;
        Ok(transaction)
    }

    /// Prepares a statement without running it and holds it to the common types.
    pub async fn prepare(&self, name: &'static str, sql: &str) -> Result<()> {
        let connection = self.connection().await?;
        let statement = connection.prepare(sql).await.map_err(|error| from_engine(name, &self.labels, &error))?;
        check_types(name, &statement)
    }

    /// Closes the pool.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Was the statement prepared before another process added a column to its table?
fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().and_then(tokio_postgres::error::DbError::routine) == Some("RevalidateCachedQuery")
}

/// `begin` and whose rows row-level security shows until it ends.
fn beginning(begin: &str, reach: Reach) -> String {
    match reach {
        Reach::Organization(organization) => {
            format!("{begin}; select set_config('app.organization', '{organization}', true)")
        }
        Reach::Installation => begin.to_owned(),
        Reach::AcrossOrganizations => format!("{begin}; select set_config('app.across', 'on', true)"),
    }
}

async fn prepared(connection: &Object, operation: &Operation) -> std::result::Result<Statement, tokio_postgres::Error> {
    if operation.locks_rows {
        return connection.prepare_cached(&format!("{} for update", operation.sql)).await;
    }
    connection.prepare_cached(&operation.sql).await
}

fn arguments(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// An open transaction and the connection it runs on. Dropping it rolls back.
pub(crate) struct PostgresTransaction {
    /// Present until the commit.
    connection: Option<Object>,
    labels: Arc<HashMap<String, String>>,
}

impl PostgresTransaction {
    fn connection(&self) -> Result<&Object> {
        self.connection.as_ref().ok_or(Error::Aborted)
    }

    /// An outdated statement ends the transaction, and the next attempt prepares it anew.
    fn failed(&self, name: &'static str, error: &tokio_postgres::Error) -> Error {
        match &self.connection {
            Some(connection) if is_outdated(error) => {
                connection.statement_cache.clear();
                Error::Busy
            }
            _ => from_engine(name, &self.labels, error),
        }
    }

    /// Runs a statement and reads its rows.
    pub async fn query(&self, operation: Operation) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        let failed = |error: tokio_postgres::Error| self.failed(operation.name, &error);
        let statement = prepared(connection, &operation).await.map_err(failed)?;
        check_arguments(&operation, &statement)?;
        let rows = connection.query(&statement, &arguments(&operation.arguments)).await.map_err(failed)?;
        read_rows(operation.name, &rows)
    }

    /// Runs a statement; gives the number of rows changed.
    pub async fn execute(&self, operation: Operation) -> Result<u64> {
        let connection = self.connection()?;
        let failed = |error: tokio_postgres::Error| self.failed(operation.name, &error);
        let statement = prepared(connection, &operation).await.map_err(failed)?;
        check_arguments(&operation, &statement)?;
        connection.execute(&statement, &arguments(&operation.arguments)).await.map_err(failed)
    }

    /// Runs words without arguments, such as `create table`.
    pub async fn batch(&self, words: String) -> Result<()> {
        let failed = |error: tokio_postgres::Error| from_engine("transaction", &self.labels, &error);
        self.connection()?.batch_execute(&words).await.map_err(failed)
    }

    /// Makes everything durable.
    pub async fn commit(mut self) -> Result<()> {
        self.batch("commit".to_owned()).await?;
        self.connection = None;
        Ok(())
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Polled once: that hands `rollback` to the connection ahead of whatever its next user sends. Its answer is not needed.
            let _ = connection.batch_execute("rollback").now_or_never();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::DatabaseConfig;

    #[tokio::test]
    async fn a_full_pool_is_busy_not_stuck() {
        let Some(test) = crate::testing::postgres(Schema::new()).await else { return };
        let DatabaseConfig::Postgres { url, link } = test.config() else { return };
        let postgres =
            Postgres::open_waiting(url, link, &Schema::new(), Duration::from_millis(50)).await.expect("opens");
        let mut open = Vec::new();
        for _ in 0..CONNECTIONS {
            open.push(postgres.begin(Reach::Installation).await.expect("begun"));
        }
        assert!(matches!(postgres.begin(Reach::Installation).await, Err(Error::Busy)));
        open.pop();
        postgres.begin(Reach::Installation).await.expect("a connection is free again");
    }

    #[tokio::test]
    async fn a_connection_that_the_server_ends_is_replaced() {
        let Some(test) = crate::testing::postgres(Schema::new()).await else { return };
        let DatabaseConfig::Postgres { url, link } = test.config() else { return };
        let postgres = Postgres::open(url, link, &Schema::new()).await.expect("opens");
        let ended = postgres.begin(Reach::Installation).await.expect("begun");
        let number = Operation {
            name: "test",
            sql: "select pg_terminate_backend(pg_backend_pid())".into(),
            locks_rows: false,
            arguments: vec![],
        };
        assert!(matches!(ended.query(number).await, Err(Error::Closed(_))));
        assert!(matches!(ended.commit().await, Err(Error::Closed(_))));
        postgres.check_role().await.expect("the next one gets a new connection");
    }
}
