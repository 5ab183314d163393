//! Brings a database to its schema: new tables are created, stored ones compared with their declarations and extended where a
//! running system can take it, and numbered migrations run for everything else. All in one transaction, which on PostgreSQL
//! begins with a lock, so that many processes may start at once.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};

use super::definition::Definition;
use super::{Dialect, Schema, creation};
use crate::engine::{Engine, EngineTransaction, Reach};
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::row::Row;
use crate::value::Value;

/// A change that no declaration can express. Once released, an entry never changes: a hash kept in every database would refuse it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// From 1, without gaps.
    pub number: i64,
    /// What it does.
    pub name: &'static str,
    /// Words for SQLite.
    pub sqlite: &'static [&'static str],
    /// Words for PostgreSQL.
    pub postgres: &'static [&'static str],
    /// Tables that have the shape of today's declarations afterwards.
    pub redefines: &'static [&'static str],
    /// Tables that are gone afterwards.
    pub removes: &'static [&'static str],
}

/// All migrations, oldest first; append only. A new database is made from the declarations and starts with all of them done.
pub(crate) const MIGRATIONS: &[Migration] = &[];

/// Serialises starting processes on PostgreSQL (any constant number would do).
const STARTING_LOCK: i64 = 0x5269_6e67_6665_6e63;

/// What a database says about itself.
struct Stored {
    tables: HashMap<String, Definition>,
    migrations: Vec<(i64, String)>,
}

/// What is to be done and recorded.
#[derive(Debug, Default)]
struct Plan {
    words: Vec<String>,
    definitions: Vec<(&'static str, String)>,
    removed: Vec<&'static str>,
    migrations: Vec<Migration>,
}

/// Brings the database to the schema or refuses it, changing nothing.
pub(crate) async fn apply(engine: &Engine, schema: &Schema, migrations: &[Migration]) -> Result<()> {
    let dialect = engine.dialect();
    let transaction = engine.begin(Reach::Installation).await?;
    if dialect == Dialect::Postgres {
        // Another node may be starting with a long migration: wait for it, however long.
        let patience = "set local lock_timeout = 0; set local statement_timeout = 0";
        transaction.batch(format!("{patience}; select pg_advisory_xact_lock({STARTING_LOCK})")).await?;
    }
    let stored = read(&transaction, dialect).await?;
    let plan = plan(&stored, schema, migrations, dialect)?;
    for words in plan.words {
        transaction.batch(words).await?;
    }
    let replace = "insert into schema_table (name, definition) values ($1, $2)
         on conflict (name) do update set definition = excluded.definition";
    for (name, definition) in plan.definitions {
        run(&transaction, replace, vec![name.into(), definition.into()]).await?;
    }
    for name in plan.removed {
        run(&transaction, "delete from schema_table where name = $1", vec![name.into()]).await?;
    }
    for migration in plan.migrations {
        let record = "insert into schema_migration (number, name, hash) values ($1, $2, $3)";
        let arguments = vec![migration.number.into(), migration.name.into(), hash(&migration).into()];
        run(&transaction, record, arguments).await?;
    }
    transaction.commit().await
}

fn operation(sql: &'static str, arguments: Vec<Value>) -> Operation {
    Operation { name: "schema", sql: sql.into(), locks_rows: false, arguments }
}

async fn run(transaction: &EngineTransaction, sql: &'static str, arguments: Vec<Value>) -> Result<()> {
    transaction.execute(operation(sql, arguments)).await.map(drop)
}

async fn read(transaction: &EngineTransaction, dialect: Dialect) -> Result<Stored> {
    let (integer, strict) = if dialect == Dialect::Sqlite { ("integer", " strict") } else { ("bigint", "") };
    let tables = format!(
        "create table if not exists schema_table (name text not null primary key, definition text not null){strict};
         create table if not exists schema_migration (number {integer} not null primary key, name text not null,
           hash text not null){strict}"
    );
    transaction.batch(tables).await?;
    let table = |row: &Row| {
        let name = row.text("name")?;
        Definition::from_text(&name, &row.text("definition")?).map(|definition| (name.clone(), definition))
    };
    let rows = transaction.query(operation("select name, definition from schema_table", vec![])).await?;
    let tables = rows.iter().map(table).collect::<Result<_>>()?;
    let rows =
        transaction.query(operation("select number, hash from schema_migration order by number", vec![])).await?;
    let migration = |row: &Row| Ok((row.integer("number")?, row.text("hash")?));
    Ok(Stored { tables, migrations: rows.iter().map(migration).collect::<Result<_>>()? })
}

fn hash(migration: &Migration) -> String {
    let text = format!("{migration:?}");
    hex::encode(digest(&SHA256, text.as_bytes()))
}

fn plan(stored: &Stored, schema: &Schema, migrations: &[Migration], dialect: Dialect) -> Result<Plan> {
    let refuse = |why: String| Err(Error::Schema(why));
    if migrations.iter().zip(1..).any(|(migration, number)| migration.number != number) {
        return refuse("migrations are not numbered 1, 2, 3, …".to_owned());
    }
    if stored.migrations.len() > migrations.len() {
        return refuse("the database was made by a later version of this program".to_owned());
    }
    for ((number, done), migration) in stored.migrations.iter().zip(migrations) {
        if *number != migration.number || *done != hash(migration) {
            return refuse(format!("migration {number} is not the one this database ran"));
        }
    }
    let pending = &migrations[stored.migrations.len()..];
    let mut plan = Plan { migrations: pending.to_vec(), ..Plan::default() };
    let is_new = stored.tables.is_empty();
    let (mut redefined, mut removed): (Vec<&str>, Vec<&'static str>) = (Vec::new(), Vec::new());
    for migration in pending.iter().filter(|_| !is_new) {
        let words = if dialect == Dialect::Sqlite { migration.sqlite } else { migration.postgres };
        plan.words.extend(words.iter().map(|&words| words.to_owned()));
        redefined.extend(migration.redefines);
        removed.extend(migration.removes);
    }
    for table in &schema.tables {
        let definition = Definition::of(table);
        match stored.tables.get(table.name) {
            _ if redefined.contains(&table.name) => {}
            None => plan.words.extend(creation(table, schema, dialect)),
            Some(known) if *known == definition => continue,
            Some(known) => plan.words.extend(known.changes(table, dialect)?),
        }
        plan.definitions.push((table.name, definition.to_text()));
    }
    for name in stored.tables.keys() {
        if schema.table(name).is_none() && !removed.contains(&name.as_str()) {
            return refuse(format!(
                "table {name}: it is in the database but not declared; a later version may have made it"
            ));
        }
    }
    plan.removed = removed;
    Ok(plan)
}

#[cfg(test)]
mod tests;
