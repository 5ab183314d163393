//! The tables of the review of access, and every SQL text about them.

use storage::{Column, Erasure, Owner, Reference, Retention, SealedWith, Statement, Table};

/// Reviews: a list as it stood at one time, judged line by line.
pub static ACCESS_REVIEW: Table = Table {
    name: "access_review",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("started_by").nullable(),
        Column::time("started_at"),
        Column::uuid("completed_by").nullable(),
        Column::time("completed_at").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::SecurityLog,
    erasure: Erasure::None("two ids and two times; the lines below hold the names"),
};

/// The lines of a review: one for each member, key, widget and grant.
pub static ACCESS_REVIEW_ITEM: Table = Table {
    name: "access_review_item",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("access_review_id"),
        Column::text("kind"),
        Column::uuid("subject_id"),
        // The person whom it is about or who answers for it.
        Column::uuid("user_id").nullable(),
        Column::sealed("facts", SealedWith::Organization),
        Column::text("decision").nullable(),
        Column::uuid("decided_by").nullable(),
        Column::time("decided_at").nullable(),
    ],
    references: &[Reference::to("access_review_id", "access_review").cascade()],
    unique: &[&["access_review_id", "kind", "subject_id"]],
    indexes: &[&["user_id"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Every statement of this file.
pub(crate) const STATEMENTS: &[&Statement] = &ALL;
const LISTS: [&[&Statement]; 2] = [INSTALLATION_STATEMENTS, ORGANIZATION_STATEMENTS];
const ALL: [&Statement; INSTALLATION_STATEMENTS.len() + ORGANIZATION_STATEMENTS.len()] = super::joined(&LISTS);

statements! {
    ORGANIZATION_REVIEWED = "identity.organization_reviewed",
        "update organization set reviewed_at = $2 where id = $1";
    /// Businesses whose last review, or founding, is as old as this.
    REVIEWS_OVERDUE = "identity.reviews_overdue",
        "select count(*) as organizations, \
         cast(coalesce(sum(case when coalesce(reviewed_at, created_at) <= $1 then 1 else 0 end), 0) as bigint) \
         as overdue from organization where purpose = 'business' and state = 'active'";
}

organization_statements! {
    REVIEWS = "identity.reviews",
        "select id, started_by, started_at, completed_by, completed_at from access_review \
         where organization_id = $1 and id < $2 order by id desc limit $3";
    REVIEW_OPEN = "identity.review_open",
        "select id from access_review where organization_id = $1 and completed_at is null limit 1";
    REVIEW_ITEMS = "identity.review_items",
        "select id, kind, subject_id, user_id, facts, decision, decided_by, decided_at from access_review_item \
         where organization_id = $1 and access_review_id = $2 order by id limit $3";
    REVIEW_ITEM_DECIDE = "identity.review_item_decide",
        "update access_review_item set decision = $4, decided_by = $5, decided_at = $6 \
         where organization_id = $1 and access_review_id = $2 and id = $3";
    REVIEW_UNDECIDED = "identity.review_undecided",
        "select count(*) as items from access_review_item \
         where organization_id = $1 and access_review_id = $2 and decision is null";
    REVIEW_COMPLETE = "identity.review_complete",
        "update access_review set completed_by = $3, completed_at = $4 \
         where organization_id = $1 and id = $2 and completed_at is null";
}
