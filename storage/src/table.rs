//! Declarations of tables: the one list from which both engines' tables, the walls between organizations, export, erasure,
//! retention and backup are made. A declaration is plain constant data; [`crate::Schema`] checks it when a database opens.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// An identifier.
    Uuid,
    /// UTF-8 text, compared and sorted by its bytes on both engines.
    Text,
    /// A signed 64-bit number.
    Integer,
    /// An instant ([`crate::Timestamp`]).
    Time,
    /// Bytes.
    Bytes,
    /// True or false.
    Boolean,
}

/// Which key seals a column; storage only records it, `vault` seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedWith {
    /// The organization's key.
    Organization,
    /// The key of the person whom the row is about.
    Person,
    /// The key of the recording.
    Recording,
    /// The installation's key, in installation's tables.
    Installation,
}

/// One column. All columns are `not null` unless [`Column::nullable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Lower-case name.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// May it be null?
    pub nullable: bool,
    /// Which key seals it, if any; sealed columns hold bytes.
    pub sealed: Option<SealedWith>,
}

impl Column {
    const fn new(name: &'static str, column_type: ColumnType) -> Self {
        Self { name, column_type, nullable: false, sealed: None }
    }

    /// A column of identifiers.
    pub const fn uuid(name: &'static str) -> Self {
        Self::new(name, ColumnType::Uuid)
    }

    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, ColumnType::Text)
    }

    /// A column of whole numbers.
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, ColumnType::Integer)
    }

    /// A column of instants.
    pub const fn time(name: &'static str) -> Self {
        Self::new(name, ColumnType::Time)
    }

    /// A column of bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self::new(name, ColumnType::Bytes)
    }

    /// A column of true and false.
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, ColumnType::Boolean)
    }

    /// A column of sealed bytes.
    pub const fn sealed(name: &'static str, with: SealedWith) -> Self {
        Self { sealed: Some(with), ..Self::new(name, ColumnType::Bytes) }
    }

    /// Which key seals it, if any.
    pub const fn sealed_with(&self) -> Option<SealedWith> {
        self.sealed
    }

    /// The same column, which may be null.
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// Whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Organizations': every row carries `organization_id`; entered through [`crate::OrganizationDb`] only.
    Organization,
    /// The installation's: read before an organization is known, or about all of them. Keep these few.
    Installation,
}

/// A column that holds the `id` of a row in another table (or the same). Between tables of organizations the key is
/// `(organization_id, column)` → `(organization_id, id)`, so no row can point into another organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The column here; `organization_id` may point to an installation's table of organizations.
    pub column: &'static str,
    /// The table it points into.
    pub table: &'static str,
    /// Delete this row with the row it points to? Otherwise that deletion is refused.
    pub cascade: bool,
}

impl Reference {
    /// A reference that forbids deleting the row pointed to.
    pub const fn to(column: &'static str, table: &'static str) -> Self {
        Self { column, table, cascade: false }
    }

    /// The same, but this row goes with the row pointed to.
    pub const fn cascade(self) -> Self {
        Self { cascade: true, ..self }
    }
}

/// How long rows stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// As long as the organization.
    WithOrganization,
    /// Until somebody deletes them.
    UntilDeleted,
    /// By the named class of the organization's retention settings.
    Class(&'static str),
    /// By the rule for security logs.
    SecurityLog,
}

/// How a person's data in the table is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// With the organization's key.
    WithOrganization,
    /// By destroying the key of the person that this column names.
    PersonKey(&'static str),
    /// By deleting the rows of the person that this column names.
    DeleteRow(&'static str),
    /// By destroying the recording's key.
    RecordingKey,
    /// Not needed, and why.
    None(&'static str),
}

/// A table. `id uuid` is implied and comes first; tables of organizations also get `organization_id`, and their primary key is
/// `(organization_id, id)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Lower-case singular name, not a reserved word of either engine.
    pub name: &'static str,
    /// Whose rows.
    pub owner: Owner,
    /// Columns besides `id` and `organization_id`.
    pub columns: &'static [Column],
    /// Columns that point to other rows.
    pub references: &'static [Reference],
    /// Sets of columns that no two rows (of one organization) share.
    pub unique: &'static [&'static [&'static str]],
    /// Sets of columns to find rows by; `organization_id` leads them by itself.
    pub indexes: &'static [&'static [&'static str]],
    /// How long rows stay.
    pub retention: Retention,
    /// How persons are erased from it.
    pub erasure: Erasure,
}

impl Table {
    /// Does every row carry `organization_id`?
    pub fn is_organizations(&self) -> bool {
        self.owner == Owner::Organization
    }

    /// All column names in the order of the stored table: `organization_id` (organizations' tables), `id`, then the declared ones.
    pub fn column_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let organization = self.is_organizations().then_some("organization_id");
        organization.into_iter().chain(["id"]).chain(self.columns.iter().map(|column| column.name))
    }

    /// The declared column of this name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
