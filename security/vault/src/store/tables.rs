//! The tables of keys and their statements.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// The installation's keys, each wrapped with the root key. The id of a row says what the key is for and its number.
pub static INSTALLATION_KEY: Table = Table {
    name: "installation_key",
    owner: Owner::Installation,
    columns: &[
        Column::text("purpose"),
        Column::integer("number"),
        // What the data is: `production`, `development` or `demo`. The key does not open under another word.
        Column::text("stamp"),
        Column::text("root_fingerprint"),
        Column::bytes("wrapped"),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("random keys, wrapped; they say nothing of a person"),
};

/// The keys of each organization, wrapped with the installation's. The id of a row says what the key is for and its number.
pub static ORGANIZATION_KEY: Table = Table {
    name: "organization_key",
    owner: Owner::Organization,
    columns: &[
        Column::text("purpose"),
        Column::integer("number"),
        Column::time("created_at"),
        Column::bytes("wrapped"),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};

/// How the keys of each organization (and, under the zero id, of the installation) stand: so that every process sees at
/// once what another one sealed or rotated.
pub static KEY_OWNER: Table = Table {
    name: "key_owner",
    owner: Owner::Installation,
    columns: &[
        // Counts every change of the owner's keys: rotations, sealing, unsealing.
        Column::integer("generation"),
        Column::time("sealed_at").nullable(),
        // Since when it can be read: its making, or its last unsealing. Nobody knows it of the installation.
        Column::time("readable_since").nullable(),
        Column::time("changed_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["changed_at"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("says when keys were changed"),
};

/// The key of each person, sealed with the organization's key. The id of a row is the person's.
pub static PERSON_KEY: Table = Table {
    name: "person_key",
    owner: Owner::Organization,
    columns: &[
        Column::time("created_at"),
        Column::integer("number"),
        Column::sealed("wrapped", SealedWith::Organization),
        // The key before, while a rotation seals anew what it had sealed.
        Column::sealed("previous", SealedWith::Organization).nullable(),
    ],
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

/// Secrets that an organization gave and that nobody reads back, as the password of a trunk.
pub static ORGANIZATION_SECRET: Table = Table {
    name: "organization_secret",
    owner: Owner::Organization,
    columns: &[
        Column::text("name"),
        Column::sealed("value", SealedWith::Organization),
        Column::time("created_at"),
        Column::time("set_at"),
    ],
    references: &[],
    unique: &[&["name"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::WithOrganization,
};

/// Walks over everything sealed: rotations and scrubs, those that run and those that are over.
pub static VAULT_SWEEP: Table = Table {
    name: "vault_sweep",
    owner: Owner::Installation,
    columns: &[
        // The zero id for the installation's own values.
        Column::uuid("organization_id"),
        Column::text("kind"),
        Column::integer("pass"),
        // Where it stands: the table, and the row (or object) that comes next.
        Column::text("place"),
        Column::uuid("next_id"),
        Column::integer("done"),
        Column::integer("expected"),
        Column::integer("changed"),
        Column::integer("damaged"),
        Column::time("started_at"),
        Column::time("updated_at"),
        Column::time("finished_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["organization_id", "kind"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("counts and identifiers of tables and rows"),
};

/// What scrubs found damaged and nobody has mended yet.
pub static DAMAGE: Table = Table {
    name: "damage",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        // `object`, or the table and column of a field.
        Column::text("place"),
        Column::uuid("object_id"),
        Column::text("reason"),
        Column::time("found_at"),
        Column::time("seen_at"),
    ],
    references: &[],
    unique: &[&["organization_id", "place", "object_id"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("names a damaged row or object, not what was in it"),
};

/// Every table of the vault.
pub const TABLES: &[&Table] = &[
    &INSTALLATION_KEY,
    &ORGANIZATION_KEY,
    &KEY_OWNER,
    &PERSON_KEY,
    &RECORDING_KEY,
    &ORGANIZATION_SECRET,
    &VAULT_SWEEP,
    &DAMAGE,
];

pub(super) static INSTALLATION_KEYS: Statement = Statement::installation(
    "vault.installation_keys",
    "select id, purpose, number, stamp, root_fingerprint, wrapped from installation_key order by id",
);

pub(super) static ORGANIZATION_KEYS: Statement = Statement::organization(
    "vault.organization_keys",
    "select id, purpose, number, wrapped from organization_key where organization_id = $1 order by id",
);

/// The owners that are organizations, in the order of their ids.
pub(super) static OWNERS_FROM: Statement =
    Statement::installation("vault.owners_from", "select id from key_owner where id > $1 order by id limit $2");

/// The owners whose keys were changed lately.
pub(super) static OWNERS_CHANGED: Statement = Statement::installation(
    "vault.owners_changed",
    "select id, generation, sealed_at from key_owner where changed_at >= $1 order by id",
);

/// One further change of an owner's keys.
pub(super) static OWNER_CHANGE: Statement = Statement::installation(
    "vault.owner_change",
    "update key_owner set generation = generation + 1, changed_at = $2 where id = $1 returning generation",
);

pub(super) static OWNER_SEAL: Statement = Statement::installation(
    "vault.owner_seal",
    "update key_owner set generation = generation + 1, changed_at = $2, sealed_at = $2
     where id = $1 and sealed_at is null returning generation",
);

pub(super) static OWNER_UNSEAL: Statement = Statement::installation(
    "vault.owner_unseal",
    "update key_owner set generation = generation + 1, changed_at = $2, readable_since = $2, sealed_at = null
     where id = $1 and sealed_at is not null returning generation",
);

pub(super) static SECRETS: Statement = Statement::organization(
    "vault.secrets",
    "select id, name, created_at, set_at from organization_secret where organization_id = $1 and name > $2
     order by name limit $3",
);

pub(super) static SECRET_BY_NAME: Statement = Statement::organization(
    "vault.secret_by_name",
    "select id, name, value, created_at, set_at from organization_secret where organization_id = $1 and name = $2",
);

pub(super) static SECRETS_COUNT: Statement = Statement::organization(
    "vault.secrets_count",
    "select count(*) as secrets from organization_secret where organization_id = $1",
);

/// Every statement of the vault.
pub const STATEMENTS: &[&Statement] = &[
    &INSTALLATION_KEYS,
    &ORGANIZATION_KEYS,
    &OWNERS_FROM,
    &OWNERS_CHANGED,
    &OWNER_CHANGE,
    &OWNER_SEAL,
    &OWNER_UNSEAL,
    &SECRETS,
    &SECRET_BY_NAME,
    &SECRETS_COUNT,
    &super::sweeps::SWEEP_RUNNING,
    &super::sweeps::SWEEP_LAST,
    &super::sweeps::SCRUBBED_LAST,
    &super::sweeps::SWEEPS_RECENT,
    &super::sweeps::SWEEPS_FORGET,
    &super::damage::DAMAGE_OF,
    &super::damage::DAMAGE_AT,
    &super::damage::DAMAGE_MENDED,
    &super::damage::DAMAGE_COUNT,
];
