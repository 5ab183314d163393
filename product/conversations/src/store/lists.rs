//! Lists of conversations for the dashboard and the API.

use identity::Caller;
use storage::{OrganizationDb, Row, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::run::Conversations;
use super::tables::{CONVERSATION, CONVERSATIONS, CONVERSATIONS_IN_STATE, COUNTS};
use crate::desk::Desk;
use crate::engine::State;
use crate::error::Error;

/// A conversation in a list.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// Its id.
    pub id: Uuid,
    /// The person.
    pub contact_id: Uuid,
    /// The agent.
    pub agent_id: Uuid,
    /// The version that it is held with.
    pub agent_version_id: Uuid,
    /// `chat` or `phone`.
    pub channel: String,
    /// `open`, `waiting` (for a person), `person` or `ended`.
    pub state: String,
    /// Who it is, as far as known: the caller's number; none when withheld, unknown or erased.
    pub who: Option<String>,
    /// The member who joined.
    pub joined_by: Option<Uuid>,
    /// Events so far.
    pub sequence: i64,
    /// When it began.
    pub opened_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
    /// The person was erased: nothing but these ids and times is left.
    pub erased: bool,
}

storage::debug_shows!(struct ConversationSummary { id, contact_id, agent_id, channel, state, sequence, end_reason, erased });

struct Reader {
    database: OrganizationDb,
    keyring: Keyring,
}

impl Reader {
    async fn summary(&self, row: &Row) -> Result<ConversationSummary, Error> {
        let (id, contact_id) = (row.uuid("id")?, row.uuid("contact_id")?);
        let key = self.keyring.person_key(&self.database, contact_id).await.map_err(Error::from);
        let (who, erased) = match key {
            Err(Error::Erased) => (None, true),
            key => {
                let text = key?.open(Field::new(&CONVERSATION, "snapshot", id), &row.bytes("snapshot")?)?;
                let state: State = serde_json::from_slice(&text).map_err(|_| Error::Unreadable(id))?;
                (state.caller_number, false)
            }
        };
        Ok(ConversationSummary {
            id,
            contact_id,
            agent_id: row.uuid("agent_id")?,
            agent_version_id: row.uuid("agent_version_id")?,
            channel: row.text("channel")?,
            state: row.text("state")?,
            who,
            joined_by: row.optional_uuid("joined_by")?,
            sequence: row.integer("sequence")?,
            opened_at: row.timestamp("opened_at")?,
            updated_at: row.timestamp("updated_at")?,
            ended_at: row.optional_timestamp("ended_at")?,
            end_reason: row.optional_text("end_reason")?,
            erased,
        })
    }
}

impl Conversations {
    async fn reader(&self, caller: &Caller) -> Result<Reader, Error> {
        Ok(Reader { database: caller.database(self.platform()), keyring: caller.keyring(self.platform()).await? })
    }

    /// Conversations, newest first, before the given one; of one state when it is given; at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        caller: &Caller,
        state: Option<&str>,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<ConversationSummary>, Error> {
        let reader = self.reader(caller).await?;
        let rows = match state {
            Some(state) => {
                let arguments = [before.into(), limit.into(), state.into()];
                reader.database.query(&CONVERSATIONS_IN_STATE, &arguments).await?
            }
            None => reader.database.query(&CONVERSATIONS, &[before.into(), limit.into()]).await?,
        };
        let mut summaries = Vec::with_capacity(rows.len());
        for row in &rows {
            summaries.push(reader.summary(row).await?);
        }
        Ok(summaries)
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn summary(&self, caller: &Caller, id: Uuid) -> Result<ConversationSummary, Error> {
        let reader = self.reader(caller).await?;
        let row = reader.database.get(&CONVERSATION, id).await?.ok_or(Error::NotFound)?;
        reader.summary(&row).await
    }

    /// Conversations that wait for a person, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn waiting(&self, caller: &Caller) -> Result<Vec<ConversationSummary>, Error> {
        self.list(caller, Some("waiting"), Uuid::max(), 100).await
    }

    /// How many conversations began since `since`, by state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn counts(&self, caller: &Caller, since: Timestamp) -> Result<Vec<(String, i64)>, Error> {
        let rows = caller.database(self.platform()).query(&COUNTS, &[since.into()]).await?;
        rows.iter().map(|row| Ok((row.text("state")?, row.integer("conversations")?))).collect()
    }

    /// Bookings, leads and tickets.
    pub fn desk(&self) -> &Desk {
        &self.shared.desk
    }
}
