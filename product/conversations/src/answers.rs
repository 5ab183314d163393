//! Where answers come from: the port to the knowledge of an agent.

use std::future::Future;
use std::pin::Pin;

use agents::knowledge::Knowledge;
use storage::{Database, OrganizationId};
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

/// The documents of an agent, as they were read and indexed.
#[derive(Clone)]
pub struct Documents {
    knowledge: Knowledge,
    database: Database,
}

impl Documents {
    /// Answers from this knowledge, in this database.
    pub fn new(knowledge: Knowledge, database: Database) -> Documents {
        Documents { knowledge, database }
    }
}

impl Answers for Documents {
    fn answer<'a>(&'a self, organization: OrganizationId, agent_id: Uuid, question: &'a str) -> Answering<'a> {
        Box::pin(async move {
            let database = self.database.organization(organization);
            let found = self.knowledge.find(&database, agent_id, question, 1).await.map_err(|error| {
                // Errors of knowledge name tables and ids, never words.
                tracing::warn!(%error, "the knowledge could not be searched");
                Unavailable
            })?;
            Ok(found.into_iter().next().map(|best| Answer { passage: best.passage, quote: best.quote }))
        })
    }
}
