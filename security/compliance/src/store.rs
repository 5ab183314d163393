//! Where consents are kept: one row for each answer, never changed.

use storage::{Column, Erasure, Owner, Retention, Statement, Table, Transaction, Value};
use uuid::Uuid;

use crate::consent::Consent;

/// Answers to notices. No personal data: the conversation says whose it was, and its key erases that.
pub static CONSENT: Table = Table {
    name: "consent",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("conversation_id"),
        Column::text("purpose"),
        Column::text("decision"),
        Column::text("means"),
        Column::text("notice_version"),
        Column::time("at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["conversation_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("names no person; the conversation it points to is erased by its own key"),
};

/// Tables of this part.
pub const TABLES: &[&Table] = &[&CONSENT];
/// Statements of this part.
pub const STATEMENTS: &[&Statement] = &[];

pub(crate) async fn insert(
    transaction: &mut Transaction,
    identifier: Uuid,
    consent: &Consent,
) -> Result<(), storage::Error> {
    let fields: [(&str, Value); 7] = [
        ("id", identifier.into()),
        ("conversation_id", consent.conversation.into()),
        ("purpose", consent.purpose.name().into()),
        ("decision", consent.decision.name().into()),
        ("means", consent.means.name().into()),
        ("notice_version", consent.purpose.notice().version.into()),
        ("at", consent.at.into()),
    ];
    transaction.insert(&CONSENT, &fields).await
}
