//! The widget on a customer's page and the visitors behind it.
//!
//! A page names an embed token; the token's exact origins say whose pages those may be ([`origin`], an empty list means
//! nobody). A visitor gets a short-lived pass that opens one conversation ([`visitor`]); no cookie is ever set.

pub mod admission;
pub mod embed_token;
mod error;
pub mod origin;
mod store;
pub mod visitor;
pub mod widget;

pub use error::{Error, Result};
pub use store::{EMBED_TOKEN, EMBED_USAGE, STATEMENTS, TABLES, VISITOR_PASS};
