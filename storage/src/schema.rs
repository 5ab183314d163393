//! All declarations of one database: checked against each other, ordered so that references point backwards, and turned into the
//! words of both engines. Pure; `schema/store.rs` compares them with what a database holds.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::error::{Error, Result};
use crate::statement::Statement;
use crate::table::{Column, ColumnType, Owner, Reference, Table};

pub(crate) mod definition;
pub(crate) mod store;
#[cfg(test)]
mod tests;

/// The longest name of a table or column, so that made-up constraint names stay below PostgreSQL's 63 bytes.
pub const MAXIMUM_NAME_LENGTH: usize = 40;

/// Which engine words are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The tables and statements of one database. Every part exports `TABLES` and `STATEMENTS`; storage adds its own by itself.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<&'static Table>,
    /// The statements.
    pub statements: Vec<&'static Statement>,
}

impl Schema {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the tables and statements of one part.
    pub fn with(mut self, tables: &[&'static Table], statements: &[&'static Statement]) -> Self {
        self.tables.extend_from_slice(tables);
        self.statements.extend_from_slice(statements);
        self
    }

    /// The declared table of this name.
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().copied().find(|table| table.name == name)
    }

    /// Adds storage's own, drops repetitions, orders tables by their references and refuses declarations that do not fit.
    pub(crate) fn checked(self) -> Result<Self> {
        let all = self.with(crate::TABLES, crate::STATEMENTS);
        let statements = without_repetitions(all.statements, |statement| statement.name)?;
        let tables = without_repetitions(all.tables, |table| table.name)?;
        for table in &tables {
            check_table(table, &tables).map_err(|problem| Error::Schema(format!("table {}: {problem}", table.name)))?;
        }
        let tables = in_order_of_references(tables)?;
        Ok(Self { tables, statements })
    }
}

fn without_repetitions<T: PartialEq>(all: Vec<&'static T>, name: fn(&T) -> &'static str) -> Result<Vec<&'static T>> {
    let mut seen: HashMap<&'static str, &'static T> = HashMap::new();
    let mut kept = Vec::with_capacity(all.len());
    for declared in all {
        match seen.insert(name(declared), declared) {
            None => kept.push(declared),
            Some(earlier) if earlier == declared => {}
            Some(_) => return Err(Error::Schema(format!("{} is declared twice, differently", name(declared)))),
        }
    }
    Ok(kept)
}

fn check_name(name: &str) -> std::result::Result<(), String> {
    let lower = |byte: u8| byte.is_ascii_lowercase();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let fits = name.len() <= MAXIMUM_NAME_LENGTH && name.bytes().next().is_some_and(lower) && name.bytes().all(inner);
    if fits { Ok(()) } else { Err(format!("the name {name:?} is not 1 to {MAXIMUM_NAME_LENGTH} of a-z, 0-9 and _")) }
}

fn check_table(table: &Table, tables: &[&'static Table]) -> std::result::Result<(), String> {
    check_name(table.name)?;
    let mut names: HashSet<&str> = HashSet::from(["id"]);
    if table.is_organizations() {
        names.insert("organization_id");
    }
    for column in table.columns {
        check_name(column.name)?;
        if !names.insert(column.name) {
            return Err(format!("column {} is implied or declared twice", column.name));
        }
        if column.sealed.is_some() && column.column_type != ColumnType::Bytes {
            return Err(format!("column {} is sealed but does not hold bytes", column.name));
        }
    }
    let stored: HashSet<&str> = table.column_names().collect();
    let listed = table.unique.iter().chain(table.indexes).flat_map(|columns| columns.iter());
    for column in listed.copied().chain(table.references.iter().map(|reference| reference.column)) {
        if !stored.contains(column) {
            return Err(format!("no column {column}"));
        }
    }
    table.references.iter().try_for_each(|reference| check_reference(table, reference, tables))
}

fn check_reference(table: &Table, reference: &Reference, tables: &[&'static Table]) -> std::result::Result<(), String> {
    let Some(target) = tables.iter().find(|candidate| candidate.name == reference.table) else {
        return Err(format!("reference to {}, which is not declared", reference.table));
    };
    let column_type = table.column(reference.column).map_or(ColumnType::Uuid, |column| column.column_type);
    if column_type != ColumnType::Uuid {
        return Err(format!("reference {} is not a uuid", reference.column));
    }
    match (table.owner, target.owner) {
        (Owner::Installation, Owner::Organization) => {
            Err(format!("an installation's table cannot point into {}, which belongs to organizations", target.name))
        }
        (Owner::Organization, Owner::Organization) if reference.column == "organization_id" => {
            Err("organization_id points to an installation's table or nowhere".to_owned())
        }
        _ => Ok(()),
    }
}

fn in_order_of_references(tables: Vec<&'static Table>) -> Result<Vec<&'static Table>> {
    let mut placed: HashSet<&'static str> = HashSet::new();
    let mut ordered = Vec::with_capacity(tables.len());
    let mut waiting = tables;
    while !waiting.is_empty() {
        let ready = |table: &&'static Table| {
            table.references.iter().all(|reference| reference.table == table.name || placed.contains(reference.table))
        };
        let (now, later): (Vec<&'static Table>, Vec<&'static Table>) = waiting.iter().copied().partition(ready);
        if now.is_empty() {
            let names: Vec<_> = later.iter().map(|table| table.name).collect();
            return Err(Error::Schema(format!("references run in a circle among {}", names.join(", "))));
        }
        placed.extend(now.iter().map(|table| table.name));
        ordered.extend(now);
        waiting = later;
    }
    Ok(ordered)
}

/// The name of a column's type. Text sorts by bytes on both engines.
fn type_words(column_type: ColumnType, dialect: Dialect) -> &'static str {
    match (dialect, column_type) {
        (Dialect::Sqlite, ColumnType::Uuid | ColumnType::Bytes) => "blob",
        (Dialect::Sqlite, ColumnType::Text) => "text",
        (Dialect::Sqlite, ColumnType::Integer | ColumnType::Time | ColumnType::Boolean) => "integer",
        (Dialect::Postgres, ColumnType::Uuid) => "uuid",
        (Dialect::Postgres, ColumnType::Bytes) => "bytea",
        (Dialect::Postgres, ColumnType::Text) => "text collate \"C\"",
        (Dialect::Postgres, ColumnType::Integer | ColumnType::Time) => "bigint",
        (Dialect::Postgres, ColumnType::Boolean) => "boolean",
    }
}

/// One column with its rules, as in `create table` and `alter table … add column`.
pub(crate) fn column_words(column: &Column, dialect: Dialect) -> String {
    let mut words = format!("{} {}", column.name, type_words(column.column_type, dialect));
    if !column.nullable {
        words.push_str(" not null");
    }
    if dialect == Dialect::Sqlite {
        match column.column_type {
            ColumnType::Uuid => write_words(&mut words, format_args!(" check (length({}) = 16)", column.name)),
            ColumnType::Boolean => write_words(&mut words, format_args!(" check ({} in (0, 1))", column.name)),
            _ => {}
        }
    }
    words
}

fn write_words(words: &mut String, more: std::fmt::Arguments<'_>) {
    words.write_fmt(more).expect("writing to a string cannot fail");
}

/// `create table …` and its indexes, in the order to run them.
pub(crate) fn creation(table: &Table, schema: &Schema, dialect: Dialect) -> Vec<String> {
    let key = if table.is_organizations() { "organization_id, id" } else { "id" };
    let mut lines: Vec<String> = Vec::new();
    if table.is_organizations() {
        lines.push(column_words(&Column::uuid("organization_id"), dialect));
    }
    lines.push(column_words(&Column::uuid("id"), dialect));
    lines.extend(table.columns.iter().map(|column| column_words(column, dialect)));
    lines.push(format!("constraint {}_pkey primary key ({key})", table.name));
    lines.extend(table.references.iter().map(|reference| reference_words(table, reference, schema)));
    let strict = if dialect == Dialect::Sqlite { " strict" } else { "" };
    let mut words = vec![format!("create table {} (\n  {}\n){strict}", table.name, lines.join(",\n  "))];
    words.extend(table.unique.iter().map(|columns| index_words(table, columns, true)));
    words.extend(table.indexes.iter().map(|columns| index_words(table, columns, false)));
    words.extend(unindexed_references(table).map(|column| index_words(table, &[column], false)));
    if dialect == Dialect::Postgres && table.is_organizations() {
        words.extend(row_level_security(table));
    }
    words
}

/// Columns of references that no declared index leads with: without one, deleting the row they point to reads this whole table.
fn unindexed_references(table: &Table) -> impl Iterator<Item = &'static str> + use<'_> {
    let is_led = |column: &str| {
        let implied = column == "id" || (column == "organization_id" && table.is_organizations());
        implied || table.unique.iter().chain(table.indexes).any(|columns| columns.first() == Some(&column))
    };
    let columns = table.references.iter().map(|reference| reference.column);
    columns
        .enumerate()
        .filter(move |(position, column)| {
            !is_led(column) && !table.references[..*position].iter().any(|earlier| earlier.column == *column)
        })
        .map(|(_, column)| column)
}

fn reference_words(table: &Table, reference: &Reference, schema: &Schema) -> String {
    let target_is_organizations = schema.table(reference.table).is_some_and(Table::is_organizations);
    let (from, to) = if table.is_organizations() && target_is_organizations {
        (format!("organization_id, {}", reference.column), "organization_id, id")
    } else {
        (reference.column.to_owned(), "id")
    };
    let action = if reference.cascade { " on delete cascade" } else { "" };
    format!("foreign key ({from}) references {} ({to}){action}", reference.table)
}

/// The columns of an index as stored: the organization leads.
fn index_columns(table: &Table, columns: &[&'static str]) -> Vec<&'static str> {
    let leads = table.is_organizations() && columns.first() != Some(&"organization_id");
    leads.then_some("organization_id").into_iter().chain(columns.iter().copied()).collect()
}

/// The name of an index: its table and columns, or a hash of them where PostgreSQL would cut the name.
pub(crate) fn index_name(table: &Table, columns: &[&'static str], unique: bool) -> String {
    const LONGEST: usize = 63;
    let kind = if unique { "key" } else { "index" };
    let name = format!("{}_{}_{kind}", table.name, columns.join("_"));
    if name.len() <= LONGEST {
        return name;
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    format!("{}_{}_{kind}", table.name, hex::encode(&hash.as_ref()[..6]))
}

/// `create [unique] index …`.
pub(crate) fn index_words(table: &Table, columns: &[&'static str], unique: bool) -> String {
    // A plain index may be there already, made for a reference.
    let kind = if unique { "unique index" } else { "index if not exists" };
    let name = index_name(table, columns, unique);
    format!("create {kind} {name} on {} ({})", table.name, index_columns(table, columns).join(", "))
}

/// How [`Error::Conflict`] names a set of columns on both engines.
pub(crate) fn constraint_label(table: &str, columns: &[&str]) -> String {
    let columns: Vec<&str> = columns.iter().copied().filter(|column| *column != "organization_id").collect();
    format!("{table}({})", columns.join(","))
}

/// PostgreSQL's names of all unique constraints, and how [`Error::Conflict`] names them.
pub(crate) fn constraint_labels(schema: &Schema) -> HashMap<String, String> {
    let of_table = |table: &'static Table| {
        let keys = table
            .unique
            .iter()
            .map(move |columns| (index_name(table, columns, true), constraint_label(table.name, columns)));
        keys.chain([(format!("{}_pkey", table.name), constraint_label(table.name, &["id"]))])
    };
    schema.tables.iter().copied().flat_map(of_table).collect()
}

/// The walls of an organizations' table on PostgreSQL: rows of the transaction's organization only, for reading and writing, even
/// for the table's owner. Statements over all organizations may read (`app.across`), never write.
fn row_level_security(table: &Table) -> [String; 4] {
    let own = "organization_id = nullif(current_setting('app.organization', true), '')::uuid";
    let name = table.name;
    [
        format!("alter table {name} enable row level security"),
        format!("alter table {name} force row level security"),
        format!("create policy {name}_organization on {name} using ({own}) with check ({own})"),
        format!("create policy {name}_across on {name} for select using (current_setting('app.across', true) = 'on')"),
    ]
}

/// The texts that the doors make from a table.
pub(crate) mod texts {
    use super::Table;

    /// `$1` is the organization for organizations' tables; `id` comes next.
    fn predicate(table: &Table) -> &'static str {
        if table.is_organizations() { "organization_id = $1 and id = $2" } else { "id = $1" }
    }

    /// One row by its id.
    pub fn get(table: &Table) -> String {
        let columns: Vec<_> = table.column_names().collect();
        format!("select {} from {} where {}", columns.join(", "), table.name, predicate(table))
    }

    /// One row by its id gone.
    pub fn delete(table: &Table) -> String {
        format!("delete from {} where {}", table.name, predicate(table))
    }

    /// New values of the columns, which follow the id as arguments.
    pub fn update<'a>(table: &Table, columns: impl Iterator<Item = &'a str>) -> String {
        let first = if table.is_organizations() { 3 } else { 2 };
        let set: Vec<_> = columns.enumerate().map(|(index, column)| format!("{column} = ${}", first + index)).collect();
        format!("update {} set {} where {}", table.name, set.join(", "), predicate(table))
    }

    /// New values of the columns, which follow the id and the value that `compared` must still hold.
    pub fn replace<'a>(table: &Table, compared: &str, columns: impl Iterator<Item = &'a str>) -> String {
        let first = if table.is_organizations() { 4 } else { 3 };
        let set: Vec<_> = columns.enumerate().map(|(index, column)| format!("{column} = ${}", first + index)).collect();
        let (set, old) = (set.join(", "), first - 1);
        format!("update {} set {set} where {} and {compared} = ${old}", table.name, predicate(table))
    }

    /// Rows in the order of their ids, from one on; the id and so many rows at most come as arguments.
    pub fn page<'a>(table: &Table, columns: impl Iterator<Item = &'a str>) -> String {
        let columns: Vec<_> = columns.collect();
        let (scope, first) = if table.is_organizations() { ("organization_id = $1 and ", 2) } else { ("", 1) };
        let (columns, limit) = (columns.join(", "), first + 1);
        format!("select {columns} from {} where {scope}id >= ${first} order by id limit ${limit}", table.name)
    }

    /// How many rows there are.
    pub fn count(table: &Table) -> String {
        let scope = if table.is_organizations() { " where organization_id = $1" } else { "" };
        format!("select count(*) as rows from {}{scope}", table.name)
    }

    /// One new row; the organization comes first.
    pub fn insert<'a>(table: &Table, columns: impl Iterator<Item = &'a str>) -> String {
        let organization = table.is_organizations().then_some("organization_id");
        let columns: Vec<&str> = organization.into_iter().chain(columns).collect();
        let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
        format!("insert into {} ({}) values ({})", table.name, columns.join(", "), places.join(", "))
    }
}
