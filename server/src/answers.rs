//! The knowledge of the agents, as conversations ask it.

use agents::knowledge::Knowledge;
use conversations::answers::{Answering, Answers, Unavailable};
use conversations::engine::Answer;
use storage::OrganizationId;
use uuid::Uuid;

/// Answers from the documents of the agent.
pub struct FromKnowledge(pub Knowledge);

impl Answers for FromKnowledge {
    fn answer<'a>(&'a self, organization: OrganizationId, agent_id: Uuid, question: &'a str) -> Answering<'a> {
        Box::pin(async move {
            let database = self.0.platform().database.organization(organization);
            let found = self.0.find(&database, agent_id, question, 1).await.map_err(|error| {
                tracing::error!(%error, agent = %agent_id, "the knowledge could not be searched");
                Unavailable
            })?;
            Ok(found.into_iter().next().map(|best| Answer { passage: best.passage, quote: best.quote }))
        })
    }
}
