//! The check of all statements: each is prepared on the engine, and held to its scope by reading its text. A statement of an
//! organization must bind every organizations' table it names by `organization_id = $1`; one of the installation names none.
//! The reader knows the common SQL of the house and refuses what it does not know, so it can be trusted where it says yes.
//! On PostgreSQL row-level security stands behind it; on SQLite this check and the doors are the wall.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::statement::{Scope, Statement};

mod bindings;
mod tokens;

#[cfg(test)]
mod tests;

/// Checks every statement of the schema against its scope, and prepares it on this database. The error names all that fail, one a
/// line.
pub async fn check(schema: &Schema, database: &Database) -> Result<()> {
    let schema = schema.clone().checked()?;
    let mut problems = problems(&schema);
    for statement in &schema.statements {
        if let Err(error) = database.engine().prepare(statement).await {
            problems.push(format!("{}: {error}", statement.name));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Schema(problems.join("\n"))) }
}

/// What is wrong with the statements of a schema by their texts alone, one a line.
pub fn problems(schema: &Schema) -> Vec<String> {
    let judge = |statement: &&'static Statement| {
        judge(statement, schema).err().map(|problem| format!("{}: {problem}", statement.name))
    };
    schema.statements.iter().filter_map(judge).collect()
}

fn judge(statement: &Statement, schema: &Schema) -> std::result::Result<(), String> {
    let nodes = tokens::read(statement.sql)?;
    let first = nodes.first().and_then(tokens::Node::word).unwrap_or_default();
    let reads = matches!(first, "select" | "with");
    if !reads && !matches!(first, "insert" | "update" | "delete") {
        return Err("does not begin with select, with, insert, update or delete".to_owned());
    }
    let found = bindings::read(&nodes, schema)?;
    match statement.scope {
        Scope::Organization => match found.unbound.first() {
            Some(table) => {
                Err(format!("{table} is not bound by organization_id = $1 (insert: first column and value)"))
            }
            None if !tokens::uses_first_argument(&nodes) => Err("does not use $1, the organization".to_owned()),
            None => Ok(()),
        },
        Scope::Installation => match found.organizations.first() {
            Some(table) => Err(format!("is the installation's but names {table}, which belongs to organizations")),
            None => Ok(()),
        },
        Scope::AcrossOrganizations("") => Err("reads across organizations without a reason".to_owned()),
        Scope::AcrossOrganizations(_) if !reads || found.writes || statement.locks_rows => {
            Err("reads across organizations, so it may neither write nor lock".to_owned())
        }
        Scope::AcrossOrganizations(_) => Ok(()),
    }
}
