//! Nodes: the processes that serve one database together. Each holds a lease on its own row and renews it while it lives, so the
//! others can tell a node that works from one that is gone, and how many they are.
//!
//! A node is one life of a process: whoever starts again is a new node. What only one process can be in the middle of (a call, a
//! recording that is being written) names the node that holds it; others take it over by compare-and-set once that node's lease
//! has lapsed. Leases are compared with the clock of whoever looks, so the clocks of nodes must agree within
//! [`CLOCK_DIFFERENCE_SECONDS`].

use uuid::Uuid;

use crate::statement::Statement;
use crate::table::{Column, Erasure, Owner, Retention, Table};
use crate::time::Timestamp;

mod store;
#[cfg(test)]
mod tests;

pub use store::Nodes;

/// How long a lease holds.
pub const LEASE_SECONDS: i64 = 30;
/// How often a node renews its lease: two renewals may fail before it lapses.
pub const RENEW_SECONDS: u64 = 8;
/// How far the clocks of two nodes may differ.
pub const CLOCK_DIFFERENCE_SECONDS: i64 = LEASE_SECONDS - 3 * RENEW_SECONDS as i64;
/// How long a lapsed row is kept, for an operator who looks for a node that went away.
pub const KEPT_SECONDS: i64 = 24 * 3600;

/// The table of nodes. The id of a row is the node's.
pub static NODE: Table = Table {
    name: "node",
    owner: Owner::Installation,
    columns: &[Column::time("started_at"), Column::time("lease_until")],
    references: &[],
    unique: &[],
    indexes: &[&["lease_until"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("says which processes serve, nothing about anybody"),
};

/// A node that comes back after its lease lapsed is there again.
pub(crate) const HOLD: Statement = Statement::installation(
    "nodes.hold",
    "insert into node (id, started_at, lease_until) values ($1, $2, $3)
     on conflict (id) do update set lease_until = excluded.lease_until",
);
pub(crate) const END: Statement = Statement::installation("nodes.end", "delete from node where id = $1");
pub(crate) const LIVE: Statement = Statement::installation(
    "nodes.live",
    "select id, started_at, lease_until from node where lease_until > $1 order by started_at, id",
);
pub(crate) const FORGET: Statement = Statement::installation("nodes.forget", "delete from node where lease_until < $1");

/// A node whose lease holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveNode {
    /// Its identifier.
    pub id: Uuid,
    /// Since when it serves.
    pub started_at: Timestamp,
    /// Until when its lease holds.
    pub lease_until: Timestamp,
}
