//! The pages of conversations: the inbox with its live transcript, and what came of conversations.

mod inbox;
mod outcomes;

use web::Routes;

use crate::Conversations;

/// Every page of this part.
pub fn routes() -> Routes<Conversations> {
    inbox::routes().merge(outcomes::routes())
}
