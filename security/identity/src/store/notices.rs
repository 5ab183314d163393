//! The table of what people were told about changes of their account, and every SQL text about it.

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// Notices of changes of how a person signs in.
pub static ACCOUNT_NOTICE: Table = Table {
    name: "account_notice",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("user_id"),
        Column::text("kind"),
        Column::sealed("address", SealedWith::Installation),
        Column::time("at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["user_id", "at"], &["at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

/// Every statement of this file.
pub(crate) const STATEMENTS: &[&Statement] = INSTALLATION_STATEMENTS;

statements! {
    /// What this session has not acknowledged; nothing when the session is gone.
    NOTICES_UNREAD = "identity.notices_unread",
        "select n.id, n.kind, n.address, n.at from account_notice n \
         join session s on s.id = $3 and s.user_id = n.user_id \
         where n.user_id = $1 and n.at > $2 and (s.notices_seen_at is null or n.at > s.notices_seen_at) \
         order by n.at desc, n.id desc limit $4";
    NOTICES_OF_USER = "identity.notices_of_user",
        "select id, kind, address, at from account_notice where user_id = $1 and at > $2 \
         order by at desc, id desc limit $3";
    NOTICES_ACKNOWLEDGE = "identity.notices_acknowledge",
        "update session set notices_seen_at = $3 where user_id = $1 and id = $2";
    NOTICES_SWEEP = "identity.notices_sweep", "delete from account_notice where at <= $1";
}
