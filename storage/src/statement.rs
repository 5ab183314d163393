//! Hand-written SQL, one text for both engines, with a name and a scope. Every part lists its statements, and
//! [`crate::registry::check`] prepares each on both engines and holds it to its scope.
//!
//! The common language: arguments are `$1`, `$2`, …; the types are those of [`crate::Value`]; sums are cast
//! (`cast(sum(x) as bigint)`); where nulls may be sorted, say `nulls first` or `nulls last`.

/// Who may run a statement, and what `$1` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Runs inside one organization, whose id the door binds to `$1`.
    Organization,
    /// Runs on the installation's tables only.
    Installation,
    /// Reads organizations' tables across organizations; the reason says why it must.
    AcrossOrganizations(&'static str),
}

/// A named statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `part.what_it_does`, unique in the house; errors and metrics carry it.
    pub name: &'static str,
    /// The text.
    pub sql: &'static str,
    /// Who may run it.
    pub scope: Scope,
    /// Lock the rows read until the transaction ends? (PostgreSQL; on SQLite the one writer holds the lock anyway.)
    pub locks_rows: bool,
}

impl Statement {
    const fn new(name: &'static str, sql: &'static str, scope: Scope) -> Self {
        Self { name, sql, scope, locks_rows: false }
    }

    /// A statement inside one organization: `$1` is always the organization and is bound by the door, the caller's arguments
    /// start at `$2`. Every organizations' table it names needs `organization_id = $1`.
    pub const fn organization(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, Scope::Organization)
    }

    /// A statement on the installation's tables; the caller's arguments start at `$1`.
    pub const fn installation(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, sql, Scope::Installation)
    }

    /// A reading statement over all organizations, for sweeps by workers that then enter each organization by its own door. Keep
    /// these few: a house test lists them.
    pub const fn across_organizations(name: &'static str, sql: &'static str, reason: &'static str) -> Self {
        Self::new(name, sql, Scope::AcrossOrganizations(reason))
    }

    /// The same, locking the rows it reads until the transaction ends (`for update` on PostgreSQL). For use in transactions.
    pub const fn locking(self) -> Self {
        Self { locks_rows: true, ..self }
    }
}
