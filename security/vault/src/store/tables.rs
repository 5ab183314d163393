//! The tables of keys and their statements.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// The installation's key, sealed with the root key. One row.
pub static INSTALLATION_KEY: Table = Table {
    name: "installation_key",
    owner: Owner::Installation,
    columns: &[Column::text("root_fingerprint"), Column::sealed("wrapped", SealedWith::Installation)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("a random key, sealed; it says nothing of a person"),
};

/// The keys of each organization, sealed with the installation's key. The id of a row is the number of the key.
pub static ORGANIZATION_KEY: Table = Table {
    name: "organization_key",
    owner: Owner::Organization,
    columns: &[Column::integer("number"), Column::time("created_at"), Column::bytes("wrapped")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};

/// The key of each person, sealed with the organization's key. The id of a row is the person's.
pub static PERSON_KEY: Table = Table {
    name: "person_key",
    owner: Owner::Organization,
    columns: &[Column::time("created_at"), Column::sealed("wrapped", SealedWith::Organization)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("id"),
};

/// The key of each recording, sealed with the organization's key. The id of a row is the recording's.
pub static RECORDING_KEY: Table = Table {
    name: "recording_key",
    owner: Owner::Organization,
    columns: &[Column::time("created_at"), Column::sealed("wrapped", SealedWith::Organization)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::RecordingKey,
};

/// Every table of the vault.
pub const TABLES: &[&Table] = &[&INSTALLATION_KEY, &ORGANIZATION_KEY, &PERSON_KEY, &RECORDING_KEY];

pub(super) static ORGANIZATION_KEYS: Statement = Statement::organization(
    "vault.organization_keys",
    "select number, wrapped from organization_key where organization_id = $1 order by number",
);

/// Every statement of the vault.
pub const STATEMENTS: &[&Statement] = &[&ORGANIZATION_KEYS];
