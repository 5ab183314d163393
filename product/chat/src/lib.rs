//! The widget on a customer's page and the visitors behind it.
//!
//! A page names an embed token; the token's exact origins say whose pages those may be ([`origin`], an empty list means
//! nobody). A visitor gets a short-lived pass that opens one conversation ([`visitor`]); no cookie is ever set.

use std::sync::Arc;

use conversations::Conversations;
use edge::Pressure;
use identity::Platform;
use web::Routes;
use web::live::Live;

pub mod admission;
pub mod api;
pub mod challenge;
pub mod embed_token;
mod error;
pub mod frame;
pub mod message;
pub mod origin;
pub mod pages;
mod store;
#[cfg(test)]
mod testing;
pub mod visitor;
pub mod widget;

pub use error::{Error, Result};
pub use store::{BELONGING, EMBED_TOKEN, EMBED_USAGE, SPENT_CHALLENGE, STATEMENTS, TABLES, VISITOR_PASS};

/// What the routes of the chat stand on. Cheap to clone.
#[derive(Clone)]
pub struct ChatState {
    /// Database, keys, log, time.
    pub platform: Platform,
    /// The conversations themselves.
    pub conversations: Conversations,
    /// Who hears when a quota is used up.
    pub live: Live,
    /// When visitors' browsers must work before a conversation begins.
    pub pressure: Pressure,
    /// The server's own origin as browsers reach it, as in `https://agents.example`; no slash at the end.
    pub base_url: Arc<str>,
}

impl ChatState {
    /// What is pasted into a customer's page.
    pub fn snippet(&self, embed_token: &str) -> String {
        format!(r#"<script src="{}/widget.js" data-token="{embed_token}" async></script>"#, self.base_url)
    }
}

/// Every route of the chat.
pub fn routes() -> Routes<ChatState> {
    api::routes().merge(frame::routes()).merge(pages::routes())
}
