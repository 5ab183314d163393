//! What can go wrong at the door of the database. No variant carries a stored value: names of tables, columns, statements and
//! engines' error codes only, so errors can be logged.

/// An error of the storage door. Callers usually act on [`Error::Conflict`], [`Error::Reference`] and [`Error::Busy`] only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another row already holds the same unique columns; `constraint` reads `table(column,column)` on both engines,
    /// without `organization_id`.
    #[error("another row already holds the same {constraint}")]
    Conflict {
        /// `table(column,column)`.
        constraint: String,
    },
    /// A row that is pointed to does not exist (in this organization), or a row to be deleted is still pointed to.
    #[error("a reference points to no row of this organization, or the row is still referred to")]
    Reference,
    /// The database could not be entered in time: another writer, a full pool or a lost race. Trying again is right.
    #[error("the database is busy; try again")]
    Busy,
    /// A value breaks a rule of its column (null, length, 0 or 1).
    #[error("{statement}: a value breaks a rule of its column ({rule})")]
    Constraint {
        /// The statement or table.
        statement: &'static str,
        /// Which rule, by its name or columns.
        rule: String,
    },
    /// The number of arguments is not the number of `$n` in the statement.
    #[error("{statement}: {given} arguments given, {expected} expected")]
    Arguments {
        /// The statement or table.
        statement: &'static str,
        /// How many were given, the organization included where the door adds it.
        given: usize,
        /// How many the text asks for.
        expected: usize,
    },
    /// An argument has a type or content that the column cannot hold.
    #[error("{statement}: argument ${position} {problem}")]
    Argument {
        /// The statement or table.
        statement: &'static str,
        /// Its number in the statement, from 1.
        position: usize,
        /// What is wrong with it, without its content.
        problem: &'static str,
    },
    /// The row has no such column.
    #[error("the row has no column {column}")]
    NoColumn {
        /// The column asked for.
        column: String,
    },
    /// The column holds another type, or null.
    #[error("column {column} is not {expected} but {found}")]
    ColumnType {
        /// The column asked for.
        column: String,
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A statement or table was used at a door that is not its own.
    #[error("{statement}: {problem}")]
    Scope {
        /// The statement or table.
        statement: &'static str,
        /// What the door refuses.
        problem: &'static str,
    },
    /// An earlier step of this transaction failed or was cancelled, so nothing more can be done in it but roll back.
    #[error("an earlier step of this transaction failed or was cancelled; begin again")]
    Aborted,
    /// The lease of a job has passed to another worker.
    #[error("the lease of this job has passed to another worker")]
    LeaseLost,
    /// The declarations or the stored schema do not fit.
    #[error("schema: {0}")]
    Schema(String),
    /// The settings of the database are not acceptable.
    #[error("database settings: {0}")]
    Configuration(String),
    /// The database is closed, or the connection was lost.
    #[error("the database is closed or out of reach: {0}")]
    Closed(String),
    /// The engine refused, by its code; the text holds no stored value.
    #[error("{statement}: {problem}")]
    Engine {
        /// The statement, table or step.
        statement: &'static str,
        /// The engine's code and, where it cannot hold a value, its text.
        problem: String,
    },
    /// There is no object of this name.
    #[error("there is no object {name}")]
    NoObject {
        /// The name asked for.
        name: String,
    },
    /// An object, its name or the bytes asked for exceed a limit.
    #[error("object {name}: {problem}")]
    ObjectLimit {
        /// The object, cut to the longest allowed name.
        name: String,
        /// The limit.
        problem: &'static str,
    },
    /// Reading or writing a file failed.
    #[error("{what}: {source}")]
    File {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Result of the storage door.
pub type Result<T> = std::result::Result<T, Error>;
