//! The tables and statements of the log.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};
use uuid::Uuid;

use crate::log::Node;

/// The id of tables that have one row.
pub(crate) const ONLY_ROW: Uuid = Uuid::nil();

/// The id of an entry's row, and of a checkpoint's: its index, or its size.
pub(crate) const fn entry_row(index: u64) -> Uuid {
    Uuid::from_u128(index as u128)
}

/// The id of a node's row: its level, then its index. A leaf has the id of its entry.
pub(crate) const fn node_row(node: Node) -> Uuid {
    Uuid::from_u128((node.level as u128) << 64 | node.index as u128)
}

/// Entries of organizations. The record is the text that the tree holds; the other columns repeat it for look-ups.
pub(crate) static AUDIT_ENTRY: Table = Table {
    name: "audit_entry",
    owner: Owner::Organization,
    columns: &[
        Column::integer("position"),
        Column::uuid("actor_id").nullable(),
        Column::uuid("object_id").nullable(),
        Column::text("action"),
        Column::text("record"),
        Column::sealed("personal", SealedWith::Organization).nullable(),
    ],
    references: &[],
    unique: &[&["position"]],
    indexes: &[&["object_id", "position"], &["action", "position"], &["actor_id"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::None(
        "records hold ids only; personal values are sealed beside them and erased by actor, while the tree keeps a salted commitment",
    ),
};

/// Entries of the installation.
pub(crate) static AUDIT_INSTALLATION_ENTRY: Table = Table {
    name: "audit_installation_entry",
    owner: Owner::Installation,
    columns: &[
        Column::integer("position"),
        Column::uuid("actor_id").nullable(),
        Column::uuid("object_id").nullable(),
        Column::text("action"),
        Column::text("record"),
        Column::sealed("personal", SealedWith::Installation).nullable(),
    ],
    references: &[],
    unique: &[&["position"]],
    indexes: &[&["actor_id"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::None(
        "records hold ids only; personal values are sealed beside them and erased by actor, while the tree keeps a salted commitment",
    ),
};

/// The complete subtrees of the tree: hashes, and which leaf completed them.
pub(crate) static AUDIT_NODE: Table = Table {
    name: "audit_node",
    owner: Owner::Installation,
    columns: &[Column::integer("level"), Column::integer("completed_by"), Column::bytes("hash")],
    references: &[],
    unique: &[],
    indexes: &[&["completed_by", "level"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("hashes of records that hold ids only"),
};

/// The right edge of the tree. One row, which appenders lock.
pub(crate) static AUDIT_HEAD: Table = Table {
    name: "audit_head",
    owner: Owner::Installation,
    columns: &[Column::integer("size"), Column::bytes("peaks")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("hashes of records that hold ids only"),
};

/// Signed checkpoints.
pub(crate) static AUDIT_CHECKPOINT: Table = Table {
    name: "audit_checkpoint",
    owner: Owner::Installation,
    columns: &[Column::integer("size"), Column::time("at"), Column::text("note")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("hashes of records that hold ids only"),
};

/// The key that signs checkpoints. One row.
pub(crate) static AUDIT_KEY: Table = Table {
    name: "audit_key",
    owner: Owner::Installation,
    columns: &[Column::text("origin"), Column::text("verifier_key"), Column::sealed("seed", SealedWith::Installation)],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("a key of the installation"),
};

/// Every table of the log.
pub const TABLES: &[&Table] =
    &[&AUDIT_ENTRY, &AUDIT_INSTALLATION_ENTRY, &AUDIT_NODE, &AUDIT_HEAD, &AUDIT_CHECKPOINT, &AUDIT_KEY];

pub(super) static LOCK_HEAD: Statement =
    Statement::installation("audit.lock_head", "select size, peaks from audit_head where id = $1").locking();

pub(super) static LAST_CHECKPOINT: Statement = Statement::installation(
    "audit.last_checkpoint",
    "select size, note from audit_checkpoint order by size desc limit 1",
);

pub(crate) static CHECKPOINT_NOTES: Statement =
    Statement::installation("audit.checkpoint_notes", "select size, note from audit_checkpoint order by size");

pub(super) static LEAF_HASHES: Statement = Statement::installation(
    "audit.leaf_hashes",
    "select hash from audit_node where level = 0 and completed_by >= $1 and completed_by < $2 order by completed_by",
);

pub(super) static ERASE_ACTOR: Statement = Statement::organization(
    "audit.erase_actor",
    "update audit_entry set personal = null where organization_id = $1 and actor_id = $2 and personal is not null",
);

pub(super) static ERASE_INSTALLATION_ACTOR: Statement = Statement::installation(
    "audit.erase_installation_actor",
    "update audit_installation_entry set personal = null where actor_id = $1 and personal is not null",
);

pub(super) static PAGE: Statement = Statement::organization(
    "audit.page",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.position < $2 order by e.position desc limit $3",
);

pub(super) static PAGE_OF_OBJECT: Statement = Statement::organization(
    "audit.page_of_object",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.position < $2 and e.object_id = $4 order by e.position desc limit $3",
);

pub(super) static PAGE_OF_ACTION: Statement = Statement::organization(
    "audit.page_of_action",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.position < $2 and e.action = $4 order by e.position desc limit $3",
);

pub(super) static PAGE_OF_OBJECT_AND_ACTION: Statement = Statement::organization(
    "audit.page_of_object_and_action",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.position < $2 and e.object_id = $4 and e.action = $5
     order by e.position desc limit $3",
);

pub(super) static PAGE_OF_ACTOR: Statement = Statement::organization(
    "audit.page_of_actor",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.actor_id = $2 order by e.position desc limit $3",
);

pub(super) static FORWARD_PAGE: Statement = Statement::organization(
    "audit.forward_page",
    "select e.position, e.record, e.personal, n.hash from audit_entry e left join audit_node n on n.id = e.id
     where e.organization_id = $1 and e.position >= $2 and e.position < $3 order by e.position limit $4",
);

pub(super) static INSTALLATION_PAGE: Statement = Statement::installation(
    "audit.installation_page",
    "select e.position, e.record, e.personal, n.hash from audit_installation_entry e
     left join audit_node n on n.id = e.id where e.position < $1 order by e.position desc limit $2",
);

pub(crate) static ENTRIES_FROM: Statement = Statement::across_organizations(
    "audit.entries_from",
    "select position, organization_id, actor_id, object_id, action, record from audit_entry
     where position >= $1 and position < $2 order by position",
    "the log is one for the installation, and its verification recomputes every leaf",
);

pub(crate) static INSTALLATION_ENTRIES_FROM: Statement = Statement::installation(
    "audit.installation_entries_from",
    "select position, actor_id, object_id, action, record from audit_installation_entry
     where position >= $1 and position < $2 order by position",
);

pub(crate) static EXTRA_ENTRIES: Statement = Statement::across_organizations(
    "audit.extra_entries",
    "select position from audit_entry where position >= $1 or position < 0
     union all select position from audit_installation_entry where position >= $1 or position < 0
     order by position limit 1",
    "verification finds entries that no leaf of the tree stands for",
);

pub(crate) static NODES_FROM: Statement = Statement::installation(
    "audit.nodes_from",
    "select id, completed_by, hash from audit_node where completed_by >= $1 and completed_by < $2",
);

/// Every statement of the log.
pub const STATEMENTS: &[&Statement] = &[
    &LOCK_HEAD,
    &LAST_CHECKPOINT,
    &CHECKPOINT_NOTES,
    &LEAF_HASHES,
    &ERASE_ACTOR,
    &ERASE_INSTALLATION_ACTOR,
    &PAGE,
    &PAGE_OF_OBJECT,
    &PAGE_OF_ACTION,
    &PAGE_OF_OBJECT_AND_ACTION,
    &PAGE_OF_ACTOR,
    &FORWARD_PAGE,
    &INSTALLATION_PAGE,
    &ENTRIES_FROM,
    &INSTALLATION_ENTRIES_FROM,
    &EXTRA_ENTRIES,
    &NODES_FROM,
];
