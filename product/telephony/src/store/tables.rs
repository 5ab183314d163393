//! The tables of calls.

use storage::{Column, Erasure, Owner, Reference, Retention, SealedWith, Table};

/// Numbers and SIP users that are answered here. Read before the organization is known, so it belongs to the installation.
pub static PHONE_NUMBER: Table = Table {
    name: "phone_number",
    owner: Owner::Installation,
    columns: &[
        Column::uuid("organization_id"),
        Column::uuid("agent_id"),
        Column::text("called"),
        Column::time("created_at"),
    ],
    references: &[],
    unique: &[&["called"]],
    indexes: &[&["organization_id"]],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("numbers of the business itself"),
};

/// Calls, one row each from the first ring on.
pub static CALL: Table = Table {
    name: "call",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        // The node that holds it, or that writes down how it ended.
        Column::uuid("node_id"),
        Column::uuid("conversation_id").nullable(),
        Column::uuid("person_id").nullable(),
        Column::text("direction"),
        Column::text("state"),
        Column::text("environment"),
        Column::sealed("other_number", SealedWith::Person).nullable(),
        Column::sealed("own_number", SealedWith::Organization),
        Column::time("started_at"),
        Column::time("answered_at").nullable(),
        Column::time("ended_at").nullable(),
        Column::text("ended_by").nullable(),
        Column::text("end_reason").nullable(),
        Column::integer("sip_status").nullable(),
        Column::text("transport").nullable(),
        Column::text("sound").nullable(),
        Column::integer("packets_sent").nullable(),
        Column::integer("packets_received").nullable(),
        Column::integer("packets_lost").nullable(),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["started_at"], &["conversation_id"], &["state"]],
    retention: Retention::Class("calls"),
    erasure: Erasure::PersonKey("person_id"),
};

/// The timeline of a call.
pub static CALL_EVENT: Table = Table {
    name: "call_event",
    owner: Owner::Organization,
    columns: &[Column::uuid("call_id"), Column::integer("sequence"), Column::time("at"), Column::text("kind")],
    references: &[Reference::to("call_id", "call").cascade()],
    unique: &[&["call_id", "sequence"]],
    indexes: &[],
    retention: Retention::Class("calls"),
    erasure: Erasure::None("says what happened, never who or what was said"),
};

/// Recordings; the sound itself is a sealed object under the recording's own key.
pub static RECORDING: Table = Table {
    name: "recording",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("call_id"),
        // The node that writes it, or that makes whole what another one left.
        Column::uuid("node_id"),
        Column::uuid("conversation_id"),
        Column::uuid("person_id"),
        Column::text("kind"),
        Column::text("state"),
        Column::text("object"),
        Column::integer("channels"),
        Column::integer("milliseconds"),
        Column::text("notice_version"),
        Column::time("consented_at"),
        Column::time("started_at"),
        Column::time("finished_at").nullable(),
        Column::sealed("waveform", SealedWith::Recording).nullable(),
    ],
    references: &[Reference::to("call_id", "call")],
    unique: &[],
    indexes: &[&["call_id"], &["started_at"], &["state"]],
    retention: Retention::Class("recordings"),
    erasure: Erasure::RecordingKey,
};
