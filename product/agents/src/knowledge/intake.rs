//! Adding, reading again and deleting documents. Nothing is taken without the statement of the right to use it, and what
//! is taken waits, sealed, until a worker has read it.

use identity::Caller;
use storage::jobs::{self, Job};
use storage::{OrganizationDb, Transaction, Value};
use uuid::Uuid;

use super::Found;
use super::chunk::Section;
use super::document::{Kind, ReadError, TEXT_BYTES_MAX, sniff};
use super::error::{Error, Result};
use super::search::Knowledge;
use super::source::{Attestation, DOCUMENTS_MAX, Document, SourceKind, State, TITLE_CHARACTERS_MAX};
use super::store::{self, DOCUMENT, NewDocument};
use super::worker::{ATTEMPTS, KIND};
use crate::store::AGENT;

/// After this long without news a document that is being read may be read again, in seconds.
pub const STUCK_SECONDS: i64 = 1_800;

impl Knowledge {
    /// Takes an uploaded file: told by its content, refused when it is a program or disguised, then queued.
    pub async fn add_upload(
        &self,
        caller: &Caller,
        agent_id: Uuid,
        attestation: Option<Attestation>,
        file_name: &str,
        bytes: &[u8],
    ) -> Result<Document> {
        let attestation = attestation.ok_or(Error::NotAttested)?;
        let kind = sniff(file_name, bytes)?;
        let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let title = checked_title("file", last)?;
        let new =
            Addition { agent_id, source: SourceKind::Upload, title, url: None, kind: kind.name(), bytes: Some(bytes) };
        self.add(caller, attestation, new).await
    }

    /// Takes typed text (Markdown is understood).
    pub async fn add_text(
        &self,
        caller: &Caller,
        agent_id: Uuid,
        attestation: Option<Attestation>,
        title: &str,
        text: &str,
    ) -> Result<Document> {
        let attestation = attestation.ok_or(Error::NotAttested)?;
        let title = checked_title("title", title)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(ReadError::TooLarge { limit: TEXT_BYTES_MAX }.into());
        }
        if text.trim().is_empty() {
            return Err(Error::invalid("text", "Write some text."));
        }
        let kind = Kind::Markdown.name();
        let bytes = Some(text.as_bytes());
        self.add(caller, attestation, Addition { agent_id, source: SourceKind::Text, title, url: None, kind, bytes })
            .await
    }

    /// Takes a site: the page at `address` and what it links to on the same host.
    pub async fn add_url(
        &self,
        caller: &Caller,
        agent_id: Uuid,
        attestation: Option<Attestation>,
        address: &str,
    ) -> Result<Document> {
        let attestation = attestation.ok_or(Error::NotAttested)?;
        let url = self.crawler().check(address).map_err(|error| Error::invalid("url", error.to_string()))?;
        let title = checked_title("url", url.host_str().unwrap_or_default())?;
        let url = Some(url.to_string());
        let new = Addition { agent_id, source: SourceKind::Url, title, url, kind: "site", bytes: None };
        self.add(caller, attestation, new).await
    }

    /// One document of an agent.
    pub async fn document(&self, caller: &Caller, agent_id: Uuid, id: Uuid) -> Result<Document> {
        let keyring = caller.keyring(self.platform()).await?;
        store::get(&caller.database(self.platform()), &keyring, agent_id, id).await
    }

    /// Documents of an agent, newest first, older than `before`.
    pub async fn documents(&self, caller: &Caller, agent_id: Uuid, before: Uuid, limit: i64) -> Result<Vec<Document>> {
        let database = caller.database(self.platform());
        require_agent(&database, agent_id).await?;
        let keyring = caller.keyring(self.platform()).await?;
        store::list(&database, &keyring, agent_id, before, limit).await
    }

    /// What was read of a document, from a place on: for people to review.
    pub async fn sections(
        &self,
        caller: &Caller,
        agent_id: Uuid,
        id: Uuid,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Section)>> {
        let document = self.document(caller, agent_id, id).await?;
        let keyring = caller.keyring(self.platform()).await?;
        store::passages(&caller.database(self.platform()), &keyring, document.id, after, limit).await
    }

    /// What the agent's documents answer, for members who try them out.
    pub async fn answers(&self, caller: &Caller, agent_id: Uuid, question: &str, limit: usize) -> Result<Vec<Found>> {
        let database = caller.database(self.platform());
        require_agent(&database, agent_id).await?;
        self.find(&database, agent_id, question, limit).await
    }

    /// Deletes a document with everything that was read of it.
    pub async fn delete(&self, caller: &Caller, agent_id: Uuid, id: Uuid) -> Result<()> {
        let document = self.document(caller, agent_id, id).await?;
        let mut change = caller.change(self.platform(), "knowledge.delete").await?;
        if !change.delete(&DOCUMENT, document.id).await? {
            return Err(Error::NotFound);
        }
        let facts = vec![("agent_id", agent_id.to_string()), ("source", document.source.name().to_owned())];
        change.commit("document", Some(id), facts).await?;
        self.announce(&document, "deleted");
        Ok(())
    }

    /// Has a site read again.
    pub async fn sync(&self, caller: &Caller, agent_id: Uuid, id: Uuid) -> Result<Document> {
        let document = self.document(caller, agent_id, id).await?;
        if document.source != SourceKind::Url {
            return Err(Error::NotASite);
        }
        let now = self.platform().now();
        let mut change = caller.change(self.platform(), "knowledge.sync").await?;
        let row = change.get(&DOCUMENT, id).await?.ok_or(Error::NotFound)?;
        let idle = matches!(State::named(&row.text("state")?), Some(State::Ready | State::Failed));
        if !idle && row.timestamp("state_at")?.plus_seconds(STUCK_SECONDS) > now {
            return Err(Error::Busy);
        }
        let fields = [("state", State::Queued.name().into()), ("failure", Value::Null), ("state_at", now.into())];
        change.update(&DOCUMENT, id, &fields).await?;
        self.enqueue(&mut change, caller, id).await?;
        change.commit("document", Some(id), vec![("agent_id", agent_id.to_string())]).await?;
        let document = self.document(caller, agent_id, id).await?;
        self.announce(&document, document.state.name());
        Ok(document)
    }

    async fn add(&self, caller: &Caller, _attestation: Attestation, new: Addition<'_>) -> Result<Document> {
        let platform = self.platform();
        let (id, now) = (platform.identifiers.next(), platform.now());
        let database = caller.database(platform);
        require_agent(&database, new.agent_id).await?;
        let keyring = caller.keyring(platform).await?;
        let mut change = caller.change(platform, "knowledge.add").await?;
        if store::count(&mut change, new.agent_id).await? >= DOCUMENTS_MAX {
            return Err(Error::Full(format!("This agent has {DOCUMENTS_MAX} documents already; delete some first.")));
        }
        let row = NewDocument {
            id,
            agent_id: new.agent_id,
            source: new.source,
            title: &new.title,
            url: new.url.as_deref(),
            kind: new.kind,
            attested_by: caller.user().or(caller.actor().id),
            content: new.bytes.map(|bytes| (platform.identifiers.next(), bytes)),
        };
        store::insert(&mut change, &keyring, &row, now).await?;
        self.enqueue(&mut change, caller, id).await?;
        let facts = vec![
            ("agent_id", new.agent_id.to_string()),
            ("source", new.source.name().to_owned()),
            ("kind", new.kind.to_owned()),
            ("bytes", new.bytes.map_or(0, <[u8]>::len).to_string()),
            ("attested", "true".to_owned()),
        ];
        change.commit("document", Some(id), facts).await?;
        let document = store::get(&database, &keyring, new.agent_id, id).await?;
        self.announce(&document, document.state.name());
        Ok(document)
    }

    async fn enqueue(&self, transaction: &mut Transaction, caller: &Caller, id: Uuid) -> Result<()> {
        let platform = self.platform();
        let job_id = platform.identifiers.next();
        let payload = id.as_bytes().to_vec();
        let mut job = Job::new(job_id, KIND, caller.organization(), payload, platform.now());
        job.maximum_attempts = ATTEMPTS;
        jobs::enqueue(transaction, job).await?;
        Ok(())
    }
}

struct Addition<'a> {
    agent_id: Uuid,
    source: SourceKind,
    title: String,
    url: Option<String>,
    kind: &'static str,
    bytes: Option<&'a [u8]>,
}

/// The agent must be one of this organization.
async fn require_agent(database: &OrganizationDb, agent_id: Uuid) -> Result<()> {
    database.get(&AGENT, agent_id).await?.map(|_| ()).ok_or(Error::NotFound)
}

fn checked_title(field: &'static str, text: &str) -> Result<String> {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let title = words.join(" ");
    match title.chars().count() {
        0 => Err(Error::invalid(field, "It needs a name.")),
        1..=TITLE_CHARACTERS_MAX => Ok(title),
        _ => Err(Error::invalid(field, format!("Its name may have {TITLE_CHARACTERS_MAX} characters."))),
    }
}
