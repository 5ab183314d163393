//! Agents: what a business decides about its agent (profile, flows, wording), how the agent understands words,
//! how it words a reply, and what it knows.
//!
//! Everything here is decided *before* a conversation begins or is a pure function of the conversation so far; the
//! conversation itself lives in part `conversations`.

pub mod api;
pub mod command;
pub mod compose;
pub mod english;
mod error;
pub mod knowledge;
pub mod pages;
pub mod profile;
pub mod prompt;
pub mod reply;
pub mod store;
pub mod turn;
pub mod understand;
pub mod version;

pub use error::Error;
pub use version::AgentVersion;

/// The tables of this part.
pub const TABLES: &[&storage::Table] = &[
    &store::AGENT,
    &store::AGENT_VERSION,
    &knowledge::store::DOCUMENT,
    &knowledge::store::DOCUMENT_CONTENT,
    &knowledge::store::PASSAGE,
];

/// The statements of this part.
pub const STATEMENTS: &[&storage::Statement] = &[
    &store::AGENTS,
    &store::AGENT_BY_ID,
    &store::AGENT_COUNT,
    &store::VERSIONS,
    &store::PUBLISHED,
    &store::NEXT_NUMBER,
    &knowledge::store::DOCUMENTS,
    &knowledge::store::DOCUMENTS_COUNT,
    &knowledge::store::STAMP,
    &knowledge::store::CONTENT,
    &knowledge::store::FORGET_CONTENT,
    &knowledge::store::PASSAGES_OF_AGENT,
    &knowledge::store::PASSAGES_OF_DOCUMENT,
    &knowledge::store::OTHER_PASSAGES_COUNT,
    &knowledge::store::FORGET_PASSAGES,
];
