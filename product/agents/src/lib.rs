//! Agents: what a business decides about its agent (profile, flows, wording), how the agent understands words,
//! how it words a reply, and what it knows.
//!
//! Everything here is decided *before* a conversation begins or is a pure function of the conversation so far; the
//! conversation itself lives in part `conversations`.

pub mod command;
pub mod compose;
pub mod knowledge;
pub mod profile;
pub mod prompt;
pub mod reply;
pub mod turn;
