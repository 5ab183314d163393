//! The tables of the operator plane and every SQL text about them. All belong to the installation; none names an
//! organization, and no organization's table is named here.

pub mod accounts;
pub mod sessions;
pub mod trainings;

use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};

/// Who runs the installation.
pub static OPERATOR_ACCOUNT: Table = Table {
    name: "operator_account",
    owner: Owner::Installation,
    columns: &[
        Column::sealed("email", SealedWith::Installation),
        Column::bytes("email_index"),
        Column::sealed("name", SealedWith::Installation),
        Column::sealed("password", SealedWith::Installation),
        Column::text("role"),
        // `active` or `suspended`.
        Column::text("state"),
        // The secret of the second factor; it counts from when a code of it was confirmed.
        Column::sealed("factor", SealedWith::Installation).nullable(),
        Column::time("factor_confirmed_at").nullable(),
        // The last step whose code was taken: each counts once.
        Column::integer("factor_step"),
        // Wrong codes since the last right one.
        Column::integer("factor_failures"),
        Column::time("created_at"),
    ],
    references: &[],
    unique: &[&["email_index"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("id"),
};

/// Operators' signed-in browsers.
pub static OPERATOR_SESSION: Table = Table {
    name: "operator_session",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("operator_id"),
        Column::bytes("token_hash"),
        Column::time("created_at"),
        Column::time("seen_at"),
        // When the second factor was given; without it the session permits nothing.
        Column::time("factor_at").nullable(),
    ],
    references: &[],
    unique: &[&["token_hash"]],
    indexes: &[&["operator_id"], &["seen_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("operator_id"),
};

/// The register of security training.
pub static OPERATOR_TRAINING: Table = Table {
    name: "operator_training",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("operator_id"),
        Column::text("course"),
        Column::time("attested_at"),
        Column::time("valid_until"),
        // The operator who attested; none when the machine's own command line did.
        Column::uuid("attested_by").nullable(),
        Column::time("created_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["operator_id"]],
    retention: Retention::SecurityLog,
    erasure: Erasure::DeleteRow("operator_id"),
};

/// Every table of the operator plane.
pub const TABLES: &[&Table] = &[&OPERATOR_ACCOUNT, &OPERATOR_SESSION, &OPERATOR_TRAINING];

macro_rules! statements {
    ($($(#[$note:meta])* $name:ident = $label:literal, $sql:literal;)*) => {
        $($(#[$note])* pub(crate) const $name: Statement = Statement::installation($label, $sql);)*
        /// Every statement of the operator plane.
        pub const STATEMENTS: &[&Statement] = &[$(&$name),*];
    };
}

statements! {
    ACCOUNT_BY_EMAIL = "operator.account_by_email",
        "select id, password, state from operator_account where email_index = $1";
    ACCOUNTS = "operator.accounts",
        "select a.id, a.email, a.name, a.role, a.state, a.factor_confirmed_at, a.created_at, \
         (select max(t.valid_until) from operator_training t where t.operator_id = a.id) as trained_until \
         from operator_account a where a.id > $1 order by a.id limit $2";
    ACCOUNT_SET_STATE = "operator.account_set_state",
        "update operator_account set state = $2 where id = $1 and state <> $2";
    FACTOR_PROPOSE = "operator.factor_propose",
        "update operator_account set factor = $2 where id = $1 and factor is null";
    /// A code counts once: of two that show it at once, one wins.
    FACTOR_TAKE = "operator.factor_take",
        "update operator_account set factor_step = $2, factor_confirmed_at = $3, factor_failures = 0 \
         where id = $1 and factor_step < $2 and factor_failures < $4";
    FACTOR_FAILED = "operator.factor_failed",
        "update operator_account set factor_failures = factor_failures + 1 where id = $1 and factor_failures < $2";
    FACTOR_FORGET = "operator.factor_forget",
        "update operator_account set factor = null, factor_confirmed_at = null, factor_step = 0, factor_failures = 0 \
         where id = $1";
    /// A session with everything that an operator's caller is made of.
    SESSION_BY_TOKEN = "operator.session_by_token",
        "select s.id, s.operator_id, s.created_at, s.seen_at, s.factor_at, a.name, a.role, a.state, \
         a.factor_confirmed_at, \
         (select max(t.valid_until) from operator_training t where t.operator_id = a.id) as trained_until \
         from operator_session s join operator_account a on a.id = s.operator_id where s.token_hash = $1";
    SESSION_SEEN = "operator.session_seen",
        "update operator_session set seen_at = $2 where id = $1 and seen_at < $2";
    SESSION_FINISH = "operator.session_finish",
        "update operator_session set token_hash = $2, factor_at = $3, seen_at = $3 where id = $1";
    SESSION_DELETE = "operator.session_delete", "delete from operator_session where id = $1";
    SESSIONS_DELETE_OF = "operator.sessions_delete_of", "delete from operator_session where operator_id = $1";
    SESSIONS_SWEEP = "operator.sessions_sweep",
        "delete from operator_session where created_at <= $1 or seen_at <= $2";
    TRAININGS_OF = "operator.trainings_of",
        "select id, operator_id, course, attested_at, valid_until from operator_training \
         where operator_id = $1 order by attested_at desc, id desc limit 50";
}
