//! Where knowledge comes from: a document with its source, who vouched for the right to use it, and how far reading is.

use storage::{OrganizationId, Timestamp};
use uuid::Uuid;

/// What the one who adds material states; stored with the document, with who and when.
pub const ATTESTATION: &str = "I have the right to use this material for this agent.";
/// Documents of one agent at most.
pub const DOCUMENTS_MAX: i64 = 500;
/// Sections of one document at most (a site of many pages is one document).
pub const DOCUMENT_SECTIONS_MAX: usize = 5_000;
/// A title is at most this long, in characters.
pub const TITLE_CHARACTERS_MAX: usize = 200;

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file that was uploaded.
    Upload,
    /// A web site that is read again on demand.
    Url,
    /// Text that was typed.
    Text,
}

impl SourceKind {
    /// The name that is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Url => "url",
            Self::Text => "text",
        }
    }

    /// The source of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Upload, Self::Url, Self::Text].into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a document is. What was read before stays searchable while it is read again, and when that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a worker; nothing of it can be quoted yet (an upload lies in quarantine).
    Queued,
    /// A worker reads it.
    Reading,
    /// Can be quoted.
    Ready,
    /// Could not be read; `failure` says why.
    Failed,
}

impl State {
    /// The name that is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Reading => "reading",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Queued, Self::Reading, Self::Ready, Self::Failed].into_iter().find(|state| state.name() == name)
    }
}

/// The statement that the material may be used. It exists only when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attestation(());

impl Attestation {
    /// The attestation, when it was given.
    pub fn given(attested: bool) -> Option<Self> {
        attested.then_some(Self(()))
    }
}

/// A document of an agent's knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: Uuid,
    /// The organization.
    pub organization: OrganizationId,
    /// The agent that may quote it.
    pub agent_id: Uuid,
    /// Where it comes from.
    pub source: SourceKind,
    /// What it is called: the file's name, the typed title, or the site's address until it was read.
    pub title: String,
    /// The address of a site.
    pub url: Option<String>,
    /// The kind of file, once known (`pdf`, `docx`, `html`, `markdown`, `plain`, `site`).
    pub kind: String,
    /// How far it is.
    pub state: State,
    /// Why it could not be read, in words for its owner.
    pub failure: Option<String>,
    /// Pages read so far, in the current or last reading.
    pub pages_read: i64,
    /// Pages known and still waiting.
    pub pages_waiting: i64,
    /// Sections that can be quoted.
    pub sections: i64,
    /// Counts changes of content, from 1 with the first reading; 0 before.
    pub version: i64,
    /// Who vouched for the right to use it: a member or an API key.
    pub attested_by: Option<Uuid>,
    /// When.
    pub attested_at: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last read successfully.
    pub read_at: Option<Timestamp>,
}
