//! A small schema that the contract is tested on, and what tests need to use it.

use storage::testing::TestDatabase;
use storage::{
    Column, Erasure, Identifiers, OrganizationId, Owner, Reference, Retention, Row, Schema, SealedWith, Statement,
    Table, Value,
};
use uuid::Uuid;

pub static TENANT: Table = Table {
    name: "tenant",
    owner: Owner::Installation,
    columns: &[Column::text("name")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("names no person"),
};

pub static CONTACT: Table = Table {
    name: "contact",
    owner: Owner::Organization,
    columns: &[
        Column::bytes("email_index"),
        Column::sealed("email", SealedWith::Person),
        Column::text("name"),
        Column::integer("visits"),
        Column::time("created_at"),
        Column::boolean("blocked"),
        Column::text("note").nullable(),
        Column::uuid("merged_into").nullable(),
    ],
    references: &[Reference::to("merged_into", "contact")],
    unique: &[&["email_index"]],
    indexes: &[&["created_at"]],
    retention: Retention::Class("contacts"),
    erasure: Erasure::PersonKey("id"),
};

pub static BOOKING: Table = Table {
    name: "booking",
    owner: Owner::Organization,
    columns: &[Column::uuid("contact_id"), Column::time("starts_at")],
    references: &[Reference::to("contact_id", "contact")],
    unique: &[],
    indexes: &[&["starts_at"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::DeleteRow("contact_id"),
};

pub static COUNTER: Table = Table {
    name: "counter",
    owner: Owner::Organization,
    columns: &[Column::integer("total")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("a number"),
};

pub const TABLES: &[&Table] = &[&TENANT, &BOOKING, &CONTACT, &COUNTER];

pub const BY_NAME_AND_VISITS: Statement = Statement::organization(
    "contacts.by_name_and_visits",
    "select id, name, visits from contact where visits >= $3 and name = $2 and organization_id = $1",
);
pub const ALL: Statement =
    Statement::organization("contacts.all", "select * from contact where organization_id = $1 order by created_at, id");
pub const SUM: Statement = Statement::organization(
    "contacts.sum",
    "select cast(sum(visits) as bigint) as total, count(*) as rows from contact where organization_id = $1",
);
pub const EXISTS: Statement = Statement::organization(
    "contacts.exists",
    "select exists (select 1 from contact where organization_id = $1 and name = $2) as found",
);
pub const LITERAL: Statement = Statement::organization(
    "contacts.literal",
    "select '$2 ? '' $9' as literal, name from contact where organization_id = $1 and name <> '$3' and name = $2",
);
pub const NAMES: Statement =
    Statement::organization("contacts.names", "select name from contact where organization_id = $1 order by name");
pub const LIKE: Statement =
    Statement::organization("contacts.like", "select name from contact where organization_id = $1 and name like $2");
pub const ADD_VISITS: Statement = Statement::organization(
    "contacts.add_visits",
    "update contact set visits = visits + $2 where organization_id = $1 returning id, visits",
);
pub const ADD_TOTAL: Statement =
    Statement::organization("counters.add", "update counter set total = $3 where organization_id = $1 and id = $2");
pub const TOTAL: Statement =
    Statement::organization("counters.total", "select total from counter where organization_id = $1 and id = $2")
        .locking();
pub const UPSERT: Statement = Statement::organization(
    "counters.upsert",
    "insert into counter (organization_id, id, total) values ($1, $2, $3)
     on conflict (organization_id, id) do update set total = counter.total + excluded.total",
);
pub const DUE: Statement = Statement::across_organizations(
    "bookings.due",
    "select organization_id, id from booking where starts_at <= $1 order by organization_id, id",
    "the reminder worker enters each organization that has something due",
);
pub const TENANTS: Statement = Statement::installation("tenants.all", "select id, name from tenant order by name");

pub const STATEMENTS: &[&Statement] = &[
    &BY_NAME_AND_VISITS,
    &ALL,
    &SUM,
    &EXISTS,
    &LITERAL,
    &NAMES,
    &LIKE,
    &ADD_VISITS,
    &ADD_TOTAL,
    &TOTAL,
    &UPSERT,
    &DUE,
    &TENANTS,
];

pub fn schema() -> Schema {
    Schema::new().with(TABLES, STATEMENTS)
}

pub async fn databases() -> Vec<TestDatabase> {
    storage::testing::databases(schema()).await
}

pub fn id() -> Uuid {
    Identifiers::system().next()
}

pub fn organization() -> OrganizationId {
    OrganizationId(id())
}

/// The fields of a contact of this name, otherwise plain.
pub fn contact(contact: Uuid, name: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("id", contact.into()),
        ("email_index", contact.as_bytes().into()),
        ("email", b"sealed".into()),
        ("name", name.into()),
        ("visits", 0_i64.into()),
        ("created_at", 1_i64.into()),
        ("blocked", false.into()),
    ]
}

pub fn with(
    mut fields: Vec<(&'static str, Value)>,
    column: &'static str,
    value: impl Into<Value>,
) -> Vec<(&'static str, Value)> {
    fields.retain(|(name, _)| *name != column);
    fields.push((column, value.into()));
    fields
}

/// Adds one row and commits.
pub async fn add(
    test: &TestDatabase,
    organization: OrganizationId,
    table: &'static Table,
    fields: &[(&str, Value)],
) -> storage::Result<()> {
    let mut transaction = test.database.organization(organization).begin().await?;
    transaction.insert(table, fields).await?;
    transaction.commit().await
}

pub fn texts(rows: &[Row], column: &str) -> Vec<String> {
    rows.iter().map(|row| row.text(column).expect("text")).collect()
}
