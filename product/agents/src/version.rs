//! Versions of an agent: one draft that may change, and published ones that never do.
//!
//! What is published is exactly what was looked at: publishing names the hash of the draft, and is refused when the draft
//! has changed since. Conversations pin the version that they began with.

use std::sync::Arc;

use storage::Timestamp;
use uuid::Uuid;

use crate::profile::Profile;

/// Agents that one organization may have.
pub const AGENTS_MAX: i64 = 50;

/// An agent with its draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Identifier.
    pub id: Uuid,
    /// What the next version may become.
    pub draft: Profile,
    /// Hash of the draft.
    pub draft_hash: String,
    /// When the draft was saved last.
    pub draft_saved_at: Timestamp,
    /// The version that answers now, if any.
    pub published: Option<Published>,
    /// When the agent was made.
    pub created_at: Timestamp,
}

/// Which version answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The version.
    pub version_id: Uuid,
    /// Its number, from 1.
    pub number: i64,
    /// Hash of its profile.
    pub hash: String,
}

/// A published version. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentVersion {
    /// Identifier.
    pub id: Uuid,
    /// The agent.
    pub agent_id: Uuid,
    /// Its number, from 1.
    pub number: i64,
    /// Hash of its profile (SHA-256 of the canonical text).
    pub hash: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// What it says and does.
    pub profile: Arc<Profile>,
}
