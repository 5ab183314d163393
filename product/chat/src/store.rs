//! The widget's tables and every SQL text about them.

use identity::Belonging;
use storage::{Column, Erasure, Owner, Reference, Retention, Row, SealedWith, Statement, Table};

use crate::embed_token::{EmbedToken, Quota};
use crate::origin::Origins;
use crate::visitor::Visitor;
use crate::{Error, Result};

/// The widgets of an organization: each is one embed token with its bounds.
pub static EMBED_TOKEN: Table = Table {
    name: "embed_token",
    owner: Owner::Organization,
    columns: &[
        Column::sealed("name", SealedWith::Organization),
        Column::uuid("agent_id"),
        // The list is public: browsers are told it in every answer's `frame-ancestors`.
        Column::text("origins"),
        Column::bytes("token_hash"),
        Column::sealed("token", SealedWith::Organization),
        Column::bytes("previous_hash").nullable(),
        Column::time("previous_until").nullable(),
        Column::integer("conversations_per_hour"),
        Column::integer("conversations_per_day"),
        Column::integer("messages_per_day"),
        Column::integer("messages_per_conversation"),
        // The person who answers for it; none when a program or the machine itself made it.
        Column::uuid("created_by").nullable(),
        Column::time("created_at"),
        Column::time("expires_at").nullable(),
        Column::time("revoked_at").nullable(),
    ],
    references: &[Reference::to("agent_id", "agent")],
    unique: &[&["token_hash"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("a widget belongs to a page, not to a person"),
};

/// How much came through one token in one hour or day.
pub static EMBED_USAGE: Table = Table {
    name: "embed_usage",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("embed_token_id"),
        // `hour` or `day`, and which one since 1970.
        Column::text("span"),
        Column::integer("number"),
        Column::integer("conversations"),
        Column::integer("messages"),
        // Whether the organization was told that a quota of this span is used up.
        Column::boolean("told"),
    ],
    references: &[Reference::to("embed_token_id", "embed_token").cascade()],
    unique: &[&["embed_token_id", "span", "number"]],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("sums, without persons"),
};

/// Passes of visitors: short-lived, and swept when they are over.
pub static VISITOR_PASS: Table = Table {
    name: "visitor_pass",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("embed_token_id"),
        Column::uuid("conversation_id"),
        Column::text("origin"),
        Column::bytes("pass_hash"),
        Column::integer("messages"),
        Column::time("created_at"),
        Column::time("expires_at"),
    ],
    references: &[Reference::to("embed_token_id", "embed_token").cascade()],
    unique: &[],
    indexes: &[&["expires_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("a hash and two ids, gone within a day"),
};

/// Puzzles that were solved and used, until they would have expired: none counts twice.
pub static SPENT_CHALLENGE: Table = Table {
    name: "spent_challenge",
    owner: Owner::Organization,
    columns: &[Column::bytes("nonce"), Column::time("expires_at")],
    references: &[],
    unique: &[&["nonce"]],
    indexes: &[&["expires_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("random bytes, gone within minutes"),
};

/// Every table of the widget.
pub const TABLES: &[&Table] = &[&EMBED_TOKEN, &EMBED_USAGE, &VISITOR_PASS, &SPENT_CHALLENGE];

/// The token that is presented, or the one before it within its day of grace.
pub(crate) const TOKEN_BY_HASH: Statement = Statement::organization(
    "chat.token_by_hash",
    "select * from embed_token where organization_id = $1 \
     and (token_hash = $2 or (previous_hash = $2 and previous_until > $3))",
);
/// The organization's widgets, newest first.
pub(crate) const TOKENS: Statement = Statement::organization(
    "chat.tokens",
    "select * from embed_token where organization_id = $1 and id < $2 order by id desc limit $3",
);
/// Those that work, for reviews of access.
pub(crate) const TOKENS_WORKING: Statement = Statement::organization(
    "chat.tokens_working",
    "select id, name, created_by, created_at from embed_token where organization_id = $1 and revoked_at is null \
     and (expires_at is null or expires_at > $2) order by id limit $3",
);
/// Takes one back.
pub(crate) const TOKEN_REVOKE: Statement = Statement::organization(
    "chat.token_revoke",
    "update embed_token set revoked_at = $3 where organization_id = $1 and id = $2 and revoked_at is null",
);
/// Takes back all that a person made.
pub(crate) const TOKENS_REVOKE_OF_MAKER: Statement = Statement::organization(
    "chat.tokens_revoke_of_maker",
    "update embed_token set revoked_at = $3 where organization_id = $1 and created_by = $2 and revoked_at is null",
);
/// What leaving members and reviews of access must know of widgets.
pub const BELONGING: Belonging = Belonging {
    kind: "widget",
    table: &EMBED_TOKEN,
    listed: &TOKENS_WORKING,
    revoke: &TOKEN_REVOKE,
    revoke_of_maker: &TOKENS_REVOKE_OF_MAKER,
};
/// How many are not revoked.
pub(crate) const TOKENS_COUNT: Statement = Statement::organization(
    "chat.tokens_count",
    "select count(*) as tokens from embed_token where organization_id = $1 and revoked_at is null",
);
/// The row of an hour or a day, unless there is one.
pub(crate) const USAGE_BEGIN: Statement = Statement::organization(
    "chat.usage_begin",
    "insert into embed_usage (organization_id, id, embed_token_id, span, number, conversations, messages, told) \
     values ($1, $2, $3, $4, $5, 0, 0, false) on conflict (organization_id, embed_token_id, span, number) do nothing",
);
/// One more conversation, unless that is too many.
pub(crate) const USAGE_CONVERSATION: Statement = Statement::organization(
    "chat.usage_conversation",
    "update embed_usage set conversations = conversations + 1 \
     where organization_id = $1 and embed_token_id = $2 and span = $3 and number = $4 and conversations < $5",
);
/// One more message, unless that is too many.
pub(crate) const USAGE_MESSAGE: Statement = Statement::organization(
    "chat.usage_message",
    "update embed_usage set messages = messages + 1 \
     where organization_id = $1 and embed_token_id = $2 and span = $3 and number = $4 and messages < $5",
);
/// One more message of one conversation, unless that is too many.
pub(crate) const PASS_MESSAGE: Statement = Statement::organization(
    "chat.pass_message",
    "update visitor_pass set messages = messages + 1 where organization_id = $1 and id = $2 and messages < $3",
);
/// The organization is told once for each hour or day.
pub(crate) const USAGE_TOLD: Statement = Statement::organization(
    "chat.usage_told",
    "update embed_usage set told = true \
     where organization_id = $1 and embed_token_id = $2 and span = $3 and number = $4 and told = false",
);
/// Hours that nobody looks at any more.
pub(crate) const USAGE_SWEEP: Statement = Statement::organization(
    "chat.usage_sweep",
    "delete from embed_usage where organization_id = $1 and span = $2 and number < $3",
);
/// Used puzzles that would have expired by now.
pub(crate) const CHALLENGES_SWEEP: Statement = Statement::organization(
    "chat.challenges_sweep",
    "delete from spent_challenge where organization_id = $1 and expires_at <= $2",
);
/// What the tokens were used for in this hour and on this day.
pub(crate) const USAGE_NOW: Statement = Statement::organization(
    "chat.usage_now",
    "select embed_token_id, span, conversations, messages from embed_usage \
     where organization_id = $1 and ((span = $2 and number = $3) or (span = $4 and number = $5))",
);
/// Passes that are over.
pub(crate) const PASSES_SWEEP: Statement = Statement::organization(
    "chat.passes_sweep",
    "delete from visitor_pass where organization_id = $1 and expires_at < $2",
);
/// A later end for a pass.
pub(crate) const PASS_RENEW: Statement = Statement::organization(
    "chat.pass_renew",
    "update visitor_pass set expires_at = $3 where organization_id = $1 and id = $2 and expires_at < $3",
);

/// Every statement of the widget.
pub const STATEMENTS: &[&Statement] = &[
    &TOKEN_BY_HASH,
    &TOKENS,
    &TOKENS_COUNT,
    &USAGE_BEGIN,
    &USAGE_CONVERSATION,
    &USAGE_MESSAGE,
    &PASS_MESSAGE,
    &USAGE_TOLD,
    &USAGE_SWEEP,
    &CHALLENGES_SWEEP,
    &USAGE_NOW,
    &PASSES_SWEEP,
    &PASS_RENEW,
    &TOKENS_WORKING,
    &TOKEN_REVOKE,
    &TOKENS_REVOKE_OF_MAKER,
];

/// An embed token from its row; the name is opened by the caller of this.
pub(crate) fn embed_token(row: &Row, name: String) -> Result<EmbedToken> {
    let stored = row.text("origins")?;
    let origins = Origins::parse(stored.split(' ').filter(|text| !text.is_empty()));
    Ok(EmbedToken {
        id: row.uuid("id")?,
        name,
        agent_id: row.uuid("agent_id")?,
        origins: origins.map_err(|_| Error::StoredOrigins)?,
        expires_at: row.optional_timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
        quota: Quota {
            conversations_per_hour: row.integer("conversations_per_hour")?,
            conversations_per_day: row.integer("conversations_per_day")?,
            messages_per_day: row.integer("messages_per_day")?,
            messages_per_conversation: row.integer("messages_per_conversation")?,
        },
        created_at: row.timestamp("created_at")?,
        previous_until: row.optional_timestamp("previous_until")?,
    })
}

/// A pass from its row.
pub(crate) fn visitor(row: &Row) -> Result<Visitor> {
    Ok(Visitor {
        id: row.uuid("id")?,
        conversation_id: row.uuid("conversation_id")?,
        embed_token_id: row.uuid("embed_token_id")?,
        origin: row.text("origin")?,
        hash: row.bytes("pass_hash")?,
        created_at: row.timestamp("created_at")?,
        expires_at: row.timestamp("expires_at")?,
    })
}
