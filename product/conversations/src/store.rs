//! Conversations in the database: events, and what came of them.
//!
//! Everything that a caller or visitor said or gave is sealed with their own key; in clear stand only what lists are made of: ids,
//! states and times.

mod commit;
mod lists;
mod person;
mod read;
mod run;
mod tables;
mod tools;
mod wake;

pub use self::lists::ConversationSummary;
pub use self::read::ReplayReport;
pub use self::run::Conversations;
pub use self::tables::{CONVERSATION, CONVERSATION_EVENT, HANDOFF, KNOWLEDGE_GAP, STATEMENTS, TABLES};
pub use self::wake::WAKE_JOB;

#[cfg(test)]
mod tests;
