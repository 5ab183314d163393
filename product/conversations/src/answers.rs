//! Where answers come from: the port to the knowledge of an agent.

use std::future::Future;
use std::pin::Pin;

use agents::knowledge::Knowledge;
use storage::OrganizationDb;
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
    /// The best passage of the agent's documents, in the organization of this door, for a question, and the words of it to quote.
    fn answer<'a>(&'a self, database: &'a OrganizationDb, agent_id: Uuid, question: &'a str) -> Answering<'a>;
}

/// An agent without documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDocuments;

impl Answers for NoDocuments {
    fn answer<'a>(&'a self, _database: &'a OrganizationDb, _agent_id: Uuid, _question: &'a str) -> Answering<'a> {
        Box::pin(async { Ok(None) })
    }
}

/// The documents of an agent, as they were read and indexed.
#[derive(Clone)]
pub struct Documents(Knowledge);

impl Documents {
    /// Answers from this knowledge.
    pub fn new(knowledge: Knowledge) -> Documents {
        Documents(knowledge)
    }
}

impl Answers for Documents {
    fn answer<'a>(&'a self, database: &'a OrganizationDb, agent_id: Uuid, question: &'a str) -> Answering<'a> {
        Box::pin(async move {
            let found = self.0.find(database, agent_id, question, 1).await.map_err(|error| {
                // Errors of knowledge name tables and ids, never words.
                tracing::warn!(%error, "the knowledge could not be searched");
                Unavailable
            })?;
            Ok(found.into_iter().next().map(|best| Answer { passage: best.passage, quote: best.quote }))
        })
    }
}
