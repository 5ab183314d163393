//! Where answers come from: the port to the knowledge of an agent.

use std::future::Future;
use std::pin::Pin;

use storage::OrganizationId;
use uuid::Uuid;

use crate::engine::Answer;

/// An answer on its way. `Ok(None)` is an answer too: nothing is known.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Option<Answer>, Unavailable>> + Send + 'a>>;

/// The knowledge could not be asked. The agent says so and offers a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the knowledge could not be searched")]
pub struct Unavailable;

/// Knowledge that can be asked.
pub trait Answers: Send + Sync {
    /// The best passage of the agent's documents for a question, and the words of it to quote.
    fn answer<'a>(&'a self, organization: OrganizationId, agent_id: Uuid, question: &'a str) -> Answering<'a>;
}

/// An agent without documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDocuments;

impl Answers for NoDocuments {
    fn answer<'a>(&'a self, _organization: OrganizationId, _agent_id: Uuid, _question: &'a str) -> Answering<'a> {
        Box::pin(async { Ok(None) })
    }
}
