//! The tables of knowledge and every SQL text about them. Titles, addresses, original files and sections are sealed with
//! the organization's key; what stands in clear are ids, states, counts and times.

use storage::{
    Column, Erasure, OrganizationDb, OrganizationId, Owner, Reference, Retention, Row, SealedWith, Statement, Table,
    Timestamp, Transaction, Value,
};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::chunk::Section;
use super::error::{Error, Result};
use super::source::{Document, SourceKind, State};

/// Documents: each the source of many sections.
pub static DOCUMENT: Table = Table {
    name: "document",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::text("source"),
        Column::sealed("title", SealedWith::Organization),
        Column::sealed("url", SealedWith::Organization).nullable(),
        Column::text("kind"),
        Column::text("state"),
        Column::text("failure").nullable(),
        Column::integer("pages_read"),
        Column::integer("pages_waiting"),
        Column::integer("sections"),
        Column::integer("version"),
        // Keyed with the organization's key: equal content is known again, but says nothing to others.
        Column::bytes("content_index").nullable(),
        Column::uuid("attested_by").nullable(),
        Column::time("attested_at"),
        Column::time("created_at"),
        // When the state last changed.
        Column::time("state_at"),
        // When what can be quoted last changed: part of the stamp that tells searches of stale indexes.
        Column::time("changed_at"),
        Column::time("read_at").nullable(),
    ],
    references: &[Reference::to("agent_id", "agent").cascade()],
    unique: &[],
    indexes: &[&["agent_id"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::WithOrganization,
};

/// Original bytes between upload and reading; deleted once read, because only the sections are needed.
pub static DOCUMENT_CONTENT: Table = Table {
    name: "document_content",
    owner: Owner::Organization,
    columns: &[Column::uuid("document_id"), Column::sealed("content", SealedWith::Organization)],
    references: &[Reference::to("document_id", "document").cascade()],
    unique: &[&["document_id"]],
    indexes: &[],
    retention: Retention::UntilDeleted,
    erasure: Erasure::WithOrganization,
};

/// Sections: what search finds and replies quote.
pub static PASSAGE: Table = Table {
    name: "passage",
    owner: Owner::Organization,
    columns: &[
        Column::uuid("agent_id"),
        Column::uuid("document_id"),
        Column::integer("place"),
        // Title, headings, text and address as one JSON value.
        Column::sealed("content", SealedWith::Organization),
    ],
    references: &[Reference::to("document_id", "document").cascade()],
    unique: &[],
    indexes: &[&["agent_id"], &["document_id", "place"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::WithOrganization,
};

/// A page of an agent's documents, newest first.
pub static DOCUMENTS: Statement = Statement::organization(
    "knowledge.documents",
    "select * from document where organization_id = $1 and agent_id = $2 and id < $3 order by id desc limit $4",
);
/// How many documents an agent has.
pub static DOCUMENTS_COUNT: Statement = Statement::organization(
    "knowledge.documents_count",
    "select count(*) as documents from document where organization_id = $1 and agent_id = $2",
);
/// What changes whenever an agent's knowledge does.
pub static STAMP: Statement = Statement::organization(
    "knowledge.stamp",
    "select count(*) as documents, cast(coalesce(sum(version), 0) as bigint) as versions, \
     cast(coalesce(max(changed_at), 0) as bigint) as changed_at \
     from document where organization_id = $1 and agent_id = $2",
);
/// The original bytes of a document.
pub static CONTENT: Statement = Statement::organization(
    "knowledge.content",
    "select * from document_content where organization_id = $1 and document_id = $2",
);
/// Deletes them.
pub static FORGET_CONTENT: Statement = Statement::organization(
    "knowledge.forget_content",
    "delete from document_content where organization_id = $1 and document_id = $2",
);
/// Sections of an agent, by id.
pub static PASSAGES_OF_AGENT: Statement = Statement::organization(
    "knowledge.passages_of_agent",
    "select * from passage where organization_id = $1 and agent_id = $2 and id > $3 order by id limit $4",
);
/// Sections of a document, in order.
pub static PASSAGES_OF_DOCUMENT: Statement = Statement::organization(
    "knowledge.passages_of_document",
    "select * from passage where organization_id = $1 and document_id = $2 and place > $3 order by place limit $4",
);
/// How many sections the agent's other documents have.
pub static OTHER_PASSAGES_COUNT: Statement = Statement::organization(
    "knowledge.other_passages_count",
    "select count(*) as passages from passage where organization_id = $1 and agent_id = $2 and document_id <> $3",
);
/// Deletes the sections of a document.
pub static FORGET_PASSAGES: Statement = Statement::organization(
    "knowledge.forget_passages",
    "delete from passage where organization_id = $1 and document_id = $2",
);

/// Rows that are fetched at a time when an index is built.
const FETCH_ROWS: i64 = 2_000;

/// What tells one state of an agent's knowledge from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    documents: i64,
    versions: i64,
    changed_at: i64,
}

/// What a new document needs to be written.
#[derive(Clone, Debug)]
pub struct NewDocument<'a> {
    /// Its id.
    pub id: Uuid,
    /// The agent.
    pub agent_id: Uuid,
    /// Where it comes from.
    pub source: SourceKind,
    /// What it is called.
    pub title: &'a str,
    /// The address of a site.
    pub url: Option<&'a str>,
    /// The kind of file.
    pub kind: &'a str,
    /// Who vouched for it.
    pub attested_by: Option<Uuid>,
    /// The original bytes, unless it is a site.
    pub content: Option<(Uuid, &'a [u8])>,
}

/// Writes a new document, queued, and its original bytes.
pub async fn insert(
    transaction: &mut Transaction,
    keyring: &Keyring,
    new: &NewDocument<'_>,
    now: Timestamp,
) -> Result<()> {
    let field = |column| Field::new(&DOCUMENT, column, new.id);
    let url = new.url.map(|url| keyring.seal_text(field("url"), url)).transpose()?;
    let fields = [
        ("id", new.id.into()),
        ("agent_id", new.agent_id.into()),
        ("source", new.source.name().into()),
        ("title", keyring.seal_text(field("title"), new.title)?.into()),
        ("url", url.into()),
        ("kind", new.kind.into()),
        ("state", State::Queued.name().into()),
        ("failure", Value::Null),
        ("pages_read", 0_i64.into()),
        ("pages_waiting", 0_i64.into()),
        ("sections", 0_i64.into()),
        ("version", 0_i64.into()),
        ("content_index", Value::Null),
        ("attested_by", new.attested_by.into()),
        ("attested_at", now.into()),
        ("created_at", now.into()),
        ("state_at", now.into()),
        ("changed_at", now.into()),
        ("read_at", Value::Null),
    ];
    transaction.insert(&DOCUMENT, &fields).await?;
    if let Some((content_id, bytes)) = new.content {
        let sealed = keyring.seal(Field::new(&DOCUMENT_CONTENT, "content", content_id), bytes)?;
        let fields = [("id", content_id.into()), ("document_id", new.id.into()), ("content", sealed.into())];
        transaction.insert(&DOCUMENT_CONTENT, &fields).await?;
    }
    Ok(())
}

/// One document of an agent.
pub async fn get(database: &OrganizationDb, keyring: &Keyring, agent_id: Uuid, id: Uuid) -> Result<Document> {
    let row = database.get(&DOCUMENT, id).await?.ok_or(Error::NotFound)?;
    let document = read(database.id(), keyring, &row)?;
    if document.agent_id == agent_id { Ok(document) } else { Err(Error::NotFound) }
}

/// One document by its id alone, for the worker.
pub async fn find(database: &OrganizationDb, keyring: &Keyring, id: Uuid) -> Result<Option<Document>> {
    database.get(&DOCUMENT, id).await?.map(|row| read(database.id(), keyring, &row)).transpose()
}

/// Documents of an agent, newest first, older than `before`.
pub async fn list(
    database: &OrganizationDb,
    keyring: &Keyring,
    agent_id: Uuid,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Document>> {
    let rows = database.query(&DOCUMENTS, &[agent_id.into(), before.into(), limit.into()]).await?;
    rows.iter().map(|row| read(database.id(), keyring, row)).collect()
}

/// How many documents the agent has.
pub async fn count(transaction: &mut Transaction, agent_id: Uuid) -> Result<i64> {
    one_integer(&transaction.query(&DOCUMENTS_COUNT, &[agent_id.into()]).await?, "documents")
}

/// The present stamp of an agent's knowledge.
pub async fn stamp(database: &OrganizationDb, agent_id: Uuid) -> Result<Stamp> {
    let rows = database.query(&STAMP, &[agent_id.into()]).await?;
    let row = rows.first().ok_or(Error::Stored("no stamp"))?;
    Ok(Stamp {
        documents: row.integer("documents")?,
        versions: row.integer("versions")?,
        changed_at: row.integer("changed_at")?,
    })
}

/// The original bytes of a document, while they wait to be read.
pub async fn content(database: &OrganizationDb, keyring: &Keyring, document_id: Uuid) -> Result<Option<Vec<u8>>> {
    let rows = database.query(&CONTENT, &[document_id.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let field = Field::new(&DOCUMENT_CONTENT, "content", row.uuid("id")?);
    Ok(Some(keyring.open(field, &row.bytes("content")?)?.to_vec()))
}

/// Sealed sections of an agent as they lie in the database, in the order of documents and places.
pub async fn sealed_passages(database: &OrganizationDb, agent_id: Uuid, most: usize) -> Result<Vec<Row>> {
    let mut found: Vec<(Uuid, i64, Row)> = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let rows = database.query(&PASSAGES_OF_AGENT, &[agent_id.into(), after.into(), FETCH_ROWS.into()]).await?;
        let full = rows.len() as i64 == FETCH_ROWS;
        for row in rows {
            after = row.uuid("id")?;
            found.push((row.uuid("document_id")?, row.integer("place")?, row));
        }
        if !full || found.len() >= most {
            break;
        }
    }
    found.sort_unstable_by_key(|(document, place, _)| (*document, *place));
    found.truncate(most);
    Ok(found.into_iter().map(|(_, _, row)| row).collect())
}

/// Sections of one document from a place on.
pub async fn passages(
    database: &OrganizationDb,
    keyring: &Keyring,
    document_id: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Section)>> {
    let rows = database.query(&PASSAGES_OF_DOCUMENT, &[document_id.into(), after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.integer("place")?, open_passage(keyring, row)?))).collect()
}

/// Opens one sealed section.
pub fn open_passage(keyring: &Keyring, row: &Row) -> Result<Section> {
    let id = row.uuid("id")?;
    let opened = keyring.open(Field::new(&PASSAGE, "content", id), &row.bytes("content")?)?;
    let content: Content = serde_json::from_slice(&opened).map_err(|_| Error::Stored("a section"))?;
    Ok(Section {
        id,
        document_id: row.uuid("document_id")?,
        title: content.title,
        path: content.path,
        text: content.text,
        url: content.url,
    })
}

/// What a sealed section holds.
#[derive(serde::Serialize, serde::Deserialize)]
struct Content {
    title: String,
    path: Vec<String>,
    text: String,
    url: Option<String>,
}

/// Sections of the agent's other documents.
pub async fn count_other_passages(transaction: &mut Transaction, agent_id: Uuid, document_id: Uuid) -> Result<i64> {
    let rows = transaction.query(&OTHER_PASSAGES_COUNT, &[agent_id.into(), document_id.into()]).await?;
    one_integer(&rows, "passages")
}

/// Replaces the sections of a document.
pub async fn replace_passages(
    transaction: &mut Transaction,
    keyring: &Keyring,
    agent_id: Uuid,
    document_id: Uuid,
    sections: &[Section],
) -> Result<()> {
    transaction.execute(&FORGET_PASSAGES, &[document_id.into()]).await?;
    for (place, section) in sections.iter().enumerate() {
        let content = Content {
            title: section.title.clone(),
            path: section.path.clone(),
            text: section.text.clone(),
            url: section.url.clone(),
        };
        let json = serde_json::to_vec(&content).map_err(|_| Error::Stored("a section"))?;
        let fields = [
            ("id", section.id.into()),
            ("agent_id", agent_id.into()),
            ("document_id", document_id.into()),
            ("place", (place as i64).into()),
            ("content", keyring.seal(Field::new(&PASSAGE, "content", section.id), &json)?.into()),
        ];
        transaction.insert(&PASSAGE, &fields).await?;
    }
    Ok(())
}

/// Deletes the original bytes of a document.
pub async fn forget_content(transaction: &mut Transaction, document_id: Uuid) -> Result<()> {
    transaction.execute(&FORGET_CONTENT, &[document_id.into()]).await?;
    Ok(())
}

fn one_integer(rows: &[Row], column: &str) -> Result<i64> {
    Ok(rows.first().map_or(Ok(0), |row| row.integer(column))?)
}

fn read(organization: OrganizationId, keyring: &Keyring, row: &Row) -> Result<Document> {
    let id = row.uuid("id")?;
    let open = |column, sealed: Vec<u8>| keyring.open_text(Field::new(&DOCUMENT, column, id), &sealed);
    Ok(Document {
        id,
        organization,
        agent_id: row.uuid("agent_id")?,
        source: SourceKind::named(&row.text("source")?).ok_or(Error::Stored("its source"))?,
        title: open("title", row.bytes("title")?)?,
        url: row.optional_bytes("url")?.map(|sealed| open("url", sealed)).transpose()?,
        kind: row.text("kind")?,
        state: State::named(&row.text("state")?).ok_or(Error::Stored("its state"))?,
        failure: row.optional_text("failure")?,
        pages_read: row.integer("pages_read")?,
        pages_waiting: row.integer("pages_waiting")?,
        sections: row.integer("sections")?,
        version: row.integer("version")?,
        attested_by: row.optional_uuid("attested_by")?,
        attested_at: row.timestamp("attested_at")?,
        created_at: row.timestamp("created_at")?,
        read_at: row.optional_timestamp("read_at")?,
    })
}
