//! The stored shape of a table as text that a database keeps beside the table, and the difference between two such shapes. Only
//! what a running system can take by itself is allowed: a new table, a new nullable column, a new index.

use serde::{Deserialize, Serialize};

use super::{Dialect, column_words, index_words};
use crate::error::{Error, Result};
use crate::table::{Column, Owner, Table};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredColumn {
    name: String,
    column_type: String,
    nullable: bool,
}

/// The shape of a table; what a declaration says beyond it (retention, sealing, erasure) changes without the database.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Definition {
    owner: String,
    columns: Vec<StoredColumn>,
    references: Vec<(String, String, bool)>,
    unique: Vec<Vec<String>>,
    indexes: Vec<Vec<String>>,
}

fn stored(column: &Column) -> StoredColumn {
    StoredColumn {
        name: column.name.to_owned(),
        column_type: format!("{:?}", column.column_type).to_lowercase(),
        nullable: column.nullable,
    }
}

fn owned(sets: &[&[&str]]) -> Vec<Vec<String>> {
    sets.iter().map(|columns| columns.iter().map(|&column| column.to_owned()).collect()).collect()
}

impl Definition {
    /// The shape that a declaration asks for.
    pub fn of(table: &Table) -> Self {
        let owner = match table.owner {
            Owner::Organization => "organization",
            Owner::Installation => "installation",
        };
        let reference = |reference: &crate::table::Reference| {
            (reference.column.to_owned(), reference.table.to_owned(), reference.cascade)
        };
        Self {
            owner: owner.to_owned(),
            columns: table.columns.iter().map(stored).collect(),
            references: table.references.iter().map(reference).collect(),
            unique: owned(table.unique),
            indexes: owned(table.indexes),
        }
    }

    /// As kept in the database.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain lists of text always serialise")
    }

    /// As read from the database.
    pub fn from_text(table: &str, text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|_| Error::Schema(format!("table {table}: its stored definition cannot be read")))
    }

    /// The words that bring a table of this shape to its declaration, or why that needs a numbered migration.
    pub fn changes(&self, table: &Table, dialect: Dialect) -> Result<Vec<String>> {
        let refused = |why: String| {
            Err(Error::Schema(format!("table {}: {why}; the stored table and the declaration differ", table.name)))
        };
        let wanted = Self::of(table);
        if self.owner != wanted.owner {
            return refused("its owner changed".to_owned());
        }
        if self.references != wanted.references {
            return refused("its references changed, which needs a numbered migration".to_owned());
        }
        for column in &self.columns {
            match wanted.columns.iter().find(|candidate| candidate.name == column.name) {
                Some(same) if same == column => {}
                Some(_) => return refused(format!("column {} changed its type or nullability", column.name)),
                None => return refused(format!("column {} is no longer declared", column.name)),
            }
        }
        let mut words = Vec::new();
        for column in table.columns {
            if self.columns.iter().any(|known| known.name == column.name) {
                continue;
            }
            if !column.nullable {
                return refused(format!("new column {} must be nullable", column.name));
            }
            words.push(format!("alter table {} add column {}", table.name, column_words(column, dialect)));
        }
        for (known, sets, unique) in [(&self.unique, table.unique, true), (&self.indexes, table.indexes, false)] {
            let wanted = owned(sets);
            if let Some(gone) = known.iter().find(|columns| !wanted.contains(columns)) {
                return refused(format!("index ({}) is no longer declared", gone.join(", ")));
            }
            let new = sets.iter().zip(&wanted).filter(|(_, columns)| !known.contains(columns));
            words.extend(new.map(|(columns, _)| index_words(table, columns, unique)));
        }
        Ok(words)
    }
}
