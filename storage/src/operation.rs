//! What a door hands to an engine: a text, its name for errors, and its arguments in order.

use std::borrow::Cow;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::identifier::OrganizationId;
use crate::schema::texts;
use crate::statement::{Scope, Statement};
use crate::table::Table;
use crate::value::Value;

/// One statement with its arguments, the organization included.
#[derive(Debug)]
pub(crate) struct Operation {
    pub name: &'static str,
    pub sql: Cow<'static, str>,
    pub locks_rows: bool,
    pub arguments: Vec<Value>,
}

impl Operation {
    /// A statement of the registry. `organization` is that of the door, if it has one.
    pub fn statement(
        statement: &'static Statement,
        organization: Option<OrganizationId>,
        given: &[Value],
    ) -> Result<Self> {
        let mut arguments = Vec::with_capacity(given.len() + 1);
        match (statement.scope, organization) {
            (Scope::Organization, Some(organization)) => arguments.push(organization.into()),
            (Scope::Organization, None) => return refuse(statement.name, "needs an organization's door"),
            (Scope::Installation | Scope::AcrossOrganizations(_), _) => {}
        }
        arguments.extend_from_slice(given);
        Ok(Self {
            name: statement.name,
            sql: Cow::Borrowed(statement.sql),
            locks_rows: statement.locks_rows,
            arguments,
        })
    }

    /// The row of this id.
    pub fn get(table: &'static Table, organization: Option<OrganizationId>, id: Uuid) -> Result<Self> {
        Self::row(table, organization, texts::get(table), [id.into()])
    }

    /// A new row; `fields` name `id` too.
    pub fn insert(
        table: &'static Table,
        organization: Option<OrganizationId>,
        fields: &[(&str, Value)],
    ) -> Result<Self> {
        check_fields(table, fields, true)?;
        let sql = texts::insert(table, fields.iter().map(|(column, _)| *column));
        Self::row(table, organization, sql, fields.iter().map(|(_, value)| value.clone()))
    }

    /// New values in the row of this id.
    pub fn update(
        table: &'static Table,
        organization: Option<OrganizationId>,
        id: Uuid,
        fields: &[(&str, Value)],
    ) -> Result<Self> {
        check_fields(table, fields, false)?;
        let sql = texts::update(table, fields.iter().map(|(column, _)| *column));
        let values = [id.into()].into_iter().chain(fields.iter().map(|(_, value)| value.clone()));
        Self::row(table, organization, sql, values)
    }

    /// New values in the row of this id, provided that a column still holds what it held.
    pub fn replace(
        table: &'static Table,
        organization: Option<OrganizationId>,
        id: Uuid,
        (column, old): (&str, &Value),
        fields: &[(&str, Value)],
    ) -> Result<Self> {
        check_fields(table, fields, false)?;
        check_fields(table, &[(column, Value::Null)], false)?;
        let sql = texts::replace(table, column, fields.iter().map(|(column, _)| *column));
        let values = [id.into(), old.clone()].into_iter().chain(fields.iter().map(|(_, value)| value.clone()));
        Self::row(table, organization, sql, values)
    }

    /// Some columns of up to `limit` rows, in the order of their ids, from one on. The id comes first.
    pub fn page(
        table: &'static Table,
        organization: Option<OrganizationId>,
        columns: &[&str],
        from: Uuid,
        limit: u32,
    ) -> Result<Self> {
        for column in columns {
            check_fields(table, &[(column, Value::Null)], false)?;
        }
        let sql = texts::page(table, ["id"].into_iter().chain(columns.iter().copied()));
        Self::row(table, organization, sql, [from.into(), limit.into()])
    }

    /// How many rows there are.
    pub fn count(table: &'static Table, organization: Option<OrganizationId>) -> Result<Self> {
        Self::row(table, organization, texts::count(table), [])
    }

    /// The row of this id gone.
    pub fn delete(table: &'static Table, organization: Option<OrganizationId>, id: Uuid) -> Result<Self> {
        Self::row(table, organization, texts::delete(table), [id.into()])
    }

    fn row(
        table: &'static Table,
        organization: Option<OrganizationId>,
        sql: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Self> {
        let mut arguments = Vec::with_capacity(8);
        match (table.is_organizations(), organization) {
            (true, Some(organization)) => arguments.push(organization.into()),
            (true, None) => return refuse(table.name, "belongs to organizations: enter by an organization's door"),
            (false, _) => {}
        }
        arguments.extend(values);
        Ok(Self { name: table.name, sql: Cow::Owned(sql), locks_rows: false, arguments })
    }

    /// Refuses arguments that no engine may store, with the same error on both.
    pub fn check_arguments(&self) -> Result<()> {
        for (index, argument) in self.arguments.iter().enumerate() {
            if let Some(problem) = argument.problem() {
                return Err(Error::Argument { statement: self.name, position: index + 1, problem });
            }
        }
        Ok(())
    }
}

fn refuse<T>(statement: &'static str, problem: &'static str) -> Result<T> {
    Err(Error::Scope { statement, problem })
}

/// Only declared columns go into a text; `id` may be set when a row is made and never again.
fn check_fields(table: &'static Table, fields: &[(&str, Value)], with_id: bool) -> Result<()> {
    if fields.is_empty() {
        return refuse(table.name, "no columns are named");
    }
    for (position, (column, _)) in fields.iter().enumerate() {
        let known = table.column(column).is_some() || (with_id && *column == "id");
        if !known {
            return Err(Error::NoColumn { column: format!("{}.{column}", table.name) });
        }
        if fields[..position].iter().any(|(earlier, _)| earlier == column) {
            return refuse(table.name, "a column is named twice");
        }
    }
    Ok(())
}
