//! The tables and the statements.

use storage::{Column, Erasure, Owner, Reference, Retention, SealedWith, Statement, Table};

use crate::booking::store as booking;
use crate::lead::store as lead;
use crate::ticket::store as ticket;

/// Conversations: one row each, with the state after the last event.
pub static CONVERSATION: Table = Table {
    name: "conversation",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("contact_id"),
        Column::uuid("agent_id"),
        Column::uuid("agent_version_id"),
        Column::text("channel"),
        Column::text("state"),
        Column::integer("sequence"),
        Column::sealed("snapshot", SealedWith::Person),
        Column::sealed("details", SealedWith::Person),
        Column::uuid("joined_by").nullable(),
        Column::time("opened_at"),
        Column::time("updated_at"),
        Column::time("ended_at").nullable(),
        Column::text("end_reason").nullable(),
    ],
    references: &[
        Reference::to("contact_id", "contact"),
        Reference::to("agent_id", "agent"),
        Reference::to("agent_version_id", "agent_version"),
    ],
    unique: &[],
    indexes: &[&["state"]],
    retention: Retention::Class("conversations"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// Events: what happened, in order, with the effects that it had.
pub static CONVERSATION_EVENT: Table = Table {
    name: "conversation_event",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("conversation_id"),
        Column::uuid("contact_id"),
        Column::integer("sequence"),
        Column::integer("turn"),
        Column::text("client_id").nullable(),
        Column::sealed("payload", SealedWith::Person),
        Column::time("at"),
    ],
    references: &[Reference::to("conversation_id", "conversation").cascade()],
    unique: &[&["conversation_id", "sequence"], &["conversation_id", "client_id"]],
    indexes: &[],
    retention: Retention::Class("conversations"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// Hand-overs to people.
pub static HANDOFF: Table = Table {
    name: "handoff",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("conversation_id"),
        Column::text("state"),
        Column::text("reason"),
        Column::uuid("user_id").nullable(),
        Column::time("asked_at"),
        Column::time("joined_at").nullable(),
        Column::time("ended_at").nullable(),
    ],
    references: &[Reference::to("conversation_id", "conversation").cascade()],
    unique: &[],
    indexes: &[&["state"]],
    retention: Retention::Class("conversations"),
    erasure: Erasure::None("states and times; the conversation it points to is erased by its own key"),
};

/// Questions that nothing answered.
pub static KNOWLEDGE_GAP: Table = Table {
    name: "knowledge_gap",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("conversation_id"),
        Column::uuid("contact_id"),
        Column::uuid("agent_id"),
        Column::sealed("question", SealedWith::Person),
        Column::time("asked_at"),
    ],
    references: &[Reference::to("conversation_id", "conversation").cascade()],
    unique: &[],
    indexes: &[&["agent_id"]],
    retention: Retention::Class("conversations"),
    erasure: Erasure::PersonKey("contact_id"),
};

/// Holds the row while an event is written, if it still stands where it was read.
pub(super) static CLAIM: Statement = Statement::organization(
    "conversations.claim",
    "update conversation set updated_at = $4 where organization_id = $1 and id = $2 and sequence = $3",
);
pub(super) static EVENT_OF_CLIENT: Statement = Statement::organization(
    "conversations.event_of_client",
    "select turn from conversation_event where organization_id = $1 and conversation_id = $2 and client_id = $3",
);
pub(super) static EVENTS: Statement = Statement::organization(
    "conversations.events",
    "select id, sequence, turn, client_id, payload, at from conversation_event
     where organization_id = $1 and conversation_id = $2 and sequence > $3 order by sequence limit $4",
);
pub(super) static CLOSE_HANDOFF: Statement = Statement::organization(
    "conversations.close_handoff",
    "update handoff set state = $3, ended_at = $4
     where organization_id = $1 and conversation_id = $2 and ended_at is null",
);
pub(super) static OPEN_HANDOFF: Statement = Statement::organization(
    "conversations.open_handoff",
    "select id, asked_at from handoff where organization_id = $1 and conversation_id = $2 and ended_at is null
     order by asked_at desc limit 1",
);
pub(super) static CONVERSATIONS: Statement = Statement::organization(
    "conversations.list",
    "select id, contact_id, agent_id, agent_version_id, channel, state, sequence, snapshot, details, joined_by, opened_at, updated_at, ended_at,
     end_reason from conversation where organization_id = $1 and id < $2 order by id desc limit $3",
);
pub(super) static CONVERSATIONS_IN_STATE: Statement = Statement::organization(
    "conversations.list_in_state",
    "select id, contact_id, agent_id, agent_version_id, channel, state, sequence, snapshot, details, joined_by, opened_at, updated_at, ended_at,
     end_reason from conversation where organization_id = $1 and state = $4 and id < $2 order by id desc limit $3",
);
pub(super) static COUNTS: Statement = Statement::organization(
    "conversations.counts",
    "select state, count(*) as conversations from conversation where organization_id = $1 and opened_at >= $2
     group by state order by state",
);
/// Tables of this part.
pub const TABLES: &[&Table] = &[
    &CONVERSATION,
    &CONVERSATION_EVENT,
    &HANDOFF,
    &KNOWLEDGE_GAP,
    &booking::BOOKING,
    &booking::BOOKING_CELL,
    &lead::LEAD,
    &ticket::TICKET,
];
/// Statements of this part.
pub const STATEMENTS: &[&Statement] = &[
    &CLAIM,
    &EVENT_OF_CLIENT,
    &EVENTS,
    &CLOSE_HANDOFF,
    &OPEN_HANDOFF,
    &CONVERSATIONS,
    &CONVERSATIONS_IN_STATE,
    &COUNTS,
    &booking::TAKEN,
    &booking::HOLD_ONE,
    &booking::HOLD_FIVE,
    &booking::LET_GO,
    &booking::SWEEP,
    &booking::REFERENCES,
    &booking::LOCK,
    &booking::LIST,
    &booking::UPCOMING,
    &booking::PAST,
    &lead::REFERENCES,
    &lead::LOCK,
    &lead::LIST,
    &ticket::REFERENCES,
    &ticket::LOCK,
    &ticket::LIST,
];
