//! One pure engine for phone and chat, and what comes of it: bookings, leads, tickets, handovers.
//!
//! [`engine`] decides; the rest of this part stores what happened, runs the tools and hands words to the channels. Every event is
//! written, sealed with the person's key, in one transaction with what it caused, and is acknowledged only after the commit; a
//! stored conversation can be stepped again and gives the same effects.

pub mod answers;
pub mod api;
pub mod booking;
pub mod calendar;
pub mod card;
pub mod desk;
pub mod door;
pub mod engine;
mod error;
pub mod lead;
pub mod pages;
pub mod reference;
mod store;
pub mod ticket;

pub use self::api::{Description, routes};
pub use self::door::{Channel, ChannelAction, Heard, Input, Leave, Line, OpenRequest, Opened, Outcome, Said, Speaker};
pub use self::error::Error;
pub use self::store::{
    CONVERSATION, CONVERSATION_EVENT, ConversationSummary, Conversations, HANDOFF, KNOWLEDGE_GAP, ReplayReport,
    STATEMENTS, TABLES, WAKE_JOB,
};
