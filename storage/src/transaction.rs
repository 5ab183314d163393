//! A transaction: reads and writes that happen together or not at all. Dropping it rolls back. After a failed or cancelled step
//! only rolling back is possible, on both engines (PostgreSQL demands it; SQLite would let half a change be committed).

use std::fmt;

use uuid::Uuid;

use crate::engine::EngineTransaction;
use crate::error::{Error, Result};
use crate::identifier::OrganizationId;
use crate::operation::Operation;
use crate::row::Row;
use crate::statement::{Scope, Statement};
use crate::table::Table;
use crate::value::Value;

type Hook = Box<dyn FnOnce() + Send>;

/// An open transaction of one organization, or of the installation. On SQLite it holds the one writer: keep it short, never wait
/// for the network in it, and never begin a second one inside it.
pub struct Transaction {
    engine: EngineTransaction,
    organization: Option<OrganizationId>,
    /// False while a step runs and after one failed or was cancelled.
    sound: bool,
    hooks: Vec<Hook>,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Transaction({:?}, sound: {})", self.organization, self.sound)
    }
}

impl Transaction {
    pub(crate) fn new(engine: EngineTransaction, organization: Option<OrganizationId>) -> Self {
        Self { engine, organization, sound: true, hooks: Vec::new() }
    }

    /// Whose rows it reaches; `None` for the installation's.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    /// The row of this id, as this transaction sees it.
    pub async fn get(&mut self, table: &'static Table, id: Uuid) -> Result<Option<Row>> {
        let operation = Operation::get(table, self.organization, id);
        Ok(self.rows(operation).await?.pop())
    }

    /// Runs a statement and reads its rows (also those of `returning`).
    pub async fn query(&mut self, statement: &'static Statement, arguments: &[Value]) -> Result<Vec<Row>> {
        let operation = self.operation(statement, arguments);
        self.rows(operation).await
    }

    /// Runs a statement and gives the number of rows it changed.
    pub async fn execute(&mut self, statement: &'static Statement, arguments: &[Value]) -> Result<u64> {
        let operation = self.operation(statement, arguments);
        self.change(operation).await
    }

    /// Adds a row. `fields` name its `id` and every column that is not nullable; `organization_id` is added by the door.
    pub async fn insert(&mut self, table: &'static Table, fields: &[(&str, Value)]) -> Result<()> {
        let operation = Operation::insert(table, self.organization, fields);
        self.change(operation).await.map(drop)
    }

    /// Sets columns of the row of this id; false when there is no such row (in this organization).
    pub async fn update(&mut self, table: &'static Table, id: Uuid, fields: &[(&str, Value)]) -> Result<bool> {
        let operation = Operation::update(table, self.organization, id, fields);
        Ok(self.change(operation).await? > 0)
    }

    /// Sets columns of the row of this id if `column` still holds `old`; false when it does not, or when there is no such
    /// row. What was read may so be replaced without a lock.
    pub async fn replace(
        &mut self,
        table: &'static Table,
        id: Uuid,
        held: (&str, &Value),
        fields: &[(&str, Value)],
    ) -> Result<bool> {
        let operation = Operation::replace(table, self.organization, id, held, fields);
        Ok(self.change(operation).await? > 0)
    }

    /// Deletes the row of this id; false when there is no such row (in this organization).
    pub async fn delete(&mut self, table: &'static Table, id: Uuid) -> Result<bool> {
        let operation = Operation::delete(table, self.organization, id);
        Ok(self.change(operation).await? > 0)
    }

    /// Runs `hook` right after the commit, in order; never when the transaction does not commit. For waking workers and telling
    /// watchers; it must not block.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Makes everything durable, then runs the hooks. Once begun, the commit goes on even if the caller is cancelled. An error
    /// means that it did not commit, except [`Error::Closed`], after which that is not known.
    pub async fn commit(self) -> Result<()> {
        if !self.sound {
            return Err(Error::Aborted);
        }
        let Self { engine, hooks, .. } = self;
        let committing = tokio::spawn(async move {
            engine.commit().await?;
            for hook in hooks {
                hook();
            }
            Ok(())
        });
        committing.await.map_err(|_| Error::Closed("the program is ending".to_owned()))?
    }

    fn operation(&self, statement: &'static Statement, arguments: &[Value]) -> Result<Operation> {
        if let Scope::AcrossOrganizations(_) = statement.scope {
            let problem = "reads across organizations, which no transaction may";
            return Err(Error::Scope { statement: statement.name, problem });
        }
        Operation::statement(statement, self.organization, arguments)
    }

    async fn rows(&mut self, operation: Result<Operation>) -> Result<Vec<Row>> {
        let operation = self.step(operation)?;
        let rows = self.engine.query(operation).await?;
        self.sound = true;
        Ok(rows)
    }

    async fn change(&mut self, operation: Result<Operation>) -> Result<u64> {
        let operation = self.step(operation)?;
        let changed = self.engine.execute(operation).await?;
        self.sound = true;
        Ok(changed)
    }

    /// Marks the transaction unsound until the step has ended well.
    fn step(&mut self, operation: Result<Operation>) -> Result<Operation> {
        if !std::mem::replace(&mut self.sound, false) {
            return Err(Error::Aborted);
        }
        operation
    }
}
