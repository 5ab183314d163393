//! The person's side: joining, writing, leaving.

use identity::Caller;
use uuid::Uuid;

use super::commit::Commit;
use super::run::Conversations;
use super::tables::{CONVERSATION, EVENT_OF_CLIENT, HANDOFF, OPEN_HANDOFF};
use super::tools::Work;
use crate::card;
use crate::door::{CLIENT_ID_MAX, Leave, Outcome, WORDS_MAX};
use crate::engine::{Event, Phase};
use crate::error::Error;

/// Characters of the name under which a person joins.
const DISPLAY_NAME_MAX: usize = 80;

impl Conversations {
    /// A member joins a chat; the agent is silent from then on. Joining again is no error.
    ///
    /// # Errors
    /// [`Error::NotNow`] for phone calls, ended conversations, and when somebody else has joined.
    pub async fn person_joins(&self, caller: &Caller, id: Uuid) -> Result<Outcome, Error> {
        let lock = self.lock(id);
        let _held = lock.lock().await;
        let mut run = self.load(caller.organization(), id, Some(caller)).await?;
        let row = run.database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
        match run.loaded.state.phase {
            Phase::Person if row.optional_uuid("joined_by")? == caller.actor().id => {
                let last = i64::try_from(run.loaded.state.sequence).unwrap_or(i64::MAX);
                return run.again(last).await;
            }
            Phase::Person => return Err(Error::NotNow("another person has joined")),
            Phase::Agent | Phase::Waiting if run.loaded.state.channel == agents::turn::ChannelKind::Chat => {}
            Phase::Ended => return Err(Error::Ended),
            _ => return Err(Error::NotNow("a person can join a chat only; calls are transferred")),
        }
        let mut change = caller.change(self.platform(), "handoff.join").await?;
        let open = change.query(&OPEN_HANDOFF, &[id.into()]).await?;
        let joined = [("state", "joined".into()), ("user_id", caller.actor().id.into()), ("joined_at", run.now.into())];
        if let Some(row) = open.first() {
            change.update(&HANDOFF, row.uuid("id")?, &joined).await?;
        } else {
            let asked = [
                ("id", self.platform().identifiers.next().into()),
                ("conversation_id", id.into()),
                ("reason", "joined".into()),
                ("asked_at", run.now.into()),
            ];
            change.insert(&HANDOFF, &[&asked[..], &joined[..]].concat()).await?;
        }
        let display_name: String = caller.display_name().chars().take(DISPLAY_NAME_MAX).collect();
        run.take(Event::PersonJoined { display_name });
        run.commit(Commit { work: Work::Audited(Box::new(change)), act: None, client_id: None, tell: true }).await
    }

    /// The person who joined writes.
    ///
    /// # Errors
    /// [`Error::NotNow`] for everybody else.
    pub async fn person_says(
        &self,
        caller: &Caller,
        id: Uuid,
        text: &str,
        client_id: Option<&str>,
    ) -> Result<Outcome, Error> {
        if text.trim().is_empty() {
            return Err(Error::Empty);
        }
        if text.chars().count() > WORDS_MAX {
            return Err(Error::TooLong { field: "text", most: WORDS_MAX });
        }
        if client_id.is_some_and(|id| id.chars().count() > CLIENT_ID_MAX) {
            return Err(Error::TooLong { field: "client_id", most: CLIENT_ID_MAX });
        }
        // A person's ids must not meet a visitor's.
        let client_id = client_id.map(|client| format!("person:{client}"));
        let lock = self.lock(id);
        let _held = lock.lock().await;
        let mut run = self.load(caller.organization(), id, Some(caller)).await?;
        self.require_joined(caller, &run.database, id, run.loaded.state.phase).await?;
        if let Some(client_id) = &client_id {
            let arguments = [id.into(), client_id.as_str().into()];
            let rows = run.database.query(&EVENT_OF_CLIENT, &arguments).await?;
            if let Some(row) = rows.first() {
                return run.again(row.integer("turn")?).await;
            }
        }
        let change = caller.change(self.platform(), "conversation.answer").await?;
        let display_name: String = caller.display_name().chars().take(DISPLAY_NAME_MAX).collect();
        run.take(Event::PersonSaid { display_name, text: card::masked(text) });
        run.commit(Commit { work: Work::Audited(Box::new(change)), act: None, client_id, tell: true }).await
    }

    /// The person who joined leaves.
    ///
    /// # Errors
    /// [`Error::NotNow`] for everybody else.
    pub async fn person_leaves(&self, caller: &Caller, id: Uuid, leave: Leave) -> Result<Outcome, Error> {
        let lock = self.lock(id);
        let _held = lock.lock().await;
        let mut run = self.load(caller.organization(), id, Some(caller)).await?;
        self.require_joined(caller, &run.database, id, run.loaded.state.phase).await?;
        let change = caller.change(self.platform(), "handoff.leave").await?;
        run.take(Event::PersonLeft { end: leave == Leave::End });
        run.commit(Commit { work: Work::Audited(Box::new(change)), act: None, client_id: None, tell: true }).await
    }

    async fn require_joined(
        &self,
        caller: &Caller,
        database: &storage::OrganizationDb,
        id: Uuid,
        phase: Phase,
    ) -> Result<(), Error> {
        let row = database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
        let joined = phase == Phase::Person && row.optional_uuid("joined_by")? == caller.actor().id;
        if joined { Ok(()) } else { Err(Error::NotNow("join the conversation first")) }
    }
}
