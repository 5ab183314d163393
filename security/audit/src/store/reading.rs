//! Reading the log: pages of an organization's entries, proofs, and an export that others can check.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use storage::{OrganizationDb, OrganizationId, Row, Timestamp, Value};
use uuid::Uuid;
use vault::Keyring;

use super::{
    AuditLog, node_row, personal_field, stored_hash,
    tables::{
        AUDIT_NODE, FORWARD_PAGE, INSTALLATION_PAGE, LAST_CHECKPOINT, PAGE, PAGE_OF_ACTION, PAGE_OF_ACTOR,
        PAGE_OF_OBJECT, PAGE_OF_OBJECT_AND_ACTION, entry_row,
    },
};
use crate::{
    entry::{Personal, Record, record_hash},
    error::{Error, Result},
    log::{Hash, Node, inclusion_path, nodes, subtree_hash},
    verify::{Evidence, Report, verify},
};

/// A page has at most this many entries.
pub const MAXIMUM_PAGE_LENGTH: u32 = 500;
/// Entries that an export reads at a time.
const EXPORT_STEP: u32 = 500;

/// Which entries are wanted, newest first.
#[derive(Clone, Copy, Debug)]
pub struct EntryQuery<'a> {
    /// Only entries with a smaller index: the last index of the page before.
    pub before: Option<u64>,
    /// Only entries about this object.
    pub object_id: Option<Uuid>,
    /// Only entries of this action (`agent.publish`), written exactly so.
    pub action: Option<&'a str>,
    /// At most so many; capped at [`MAXIMUM_PAGE_LENGTH`].
    pub limit: u32,
}

/// The personal values of a stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonalValues {
    /// The entry has none.
    None,
    /// It had some; they were erased.
    Erased,
    /// Opened, and what the commitment in the record stands for.
    Values(Vec<(String, String)>),
    /// They do not open, or are not what the record commits to: somebody changed them.
    Changed,
}

/// An entry as stored.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its place in the log.
    pub index: u64,
    /// The text that the tree holds.
    pub text: String,
    /// The text, read; none when it is no record, which means that somebody changed it.
    pub record: Option<Record>,
    /// Its personal values.
    pub personal: PersonalValues,
    /// Whether the text is the one that its leaf was made of. False means that somebody changed it.
    pub intact: bool,
    opened: Option<Personal>,
}

impl StoredEntry {
    /// The id of its row, which is its index written as an id: what lists take for a cursor.
    pub const fn id(&self) -> Uuid {
        entry_row(self.index)
    }

    /// The index that such an id stands for; an id beyond every index stands for the largest.
    pub fn index_of(id: Uuid) -> u64 {
        u64::try_from(id.as_u128()).unwrap_or(u64::MAX)
    }
}

/// A proof that an entry is in the log, for whoever holds the log's verifier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry's place.
    pub index: u64,
    /// The hashes from the leaf up.
    pub hashes: Vec<Hash>,
    /// The signed note of the tree that they lead to.
    pub checkpoint: String,
}

impl InclusionProof {
    /// The proof as a C2SP tlog-proof file.
    pub fn text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        format!("c2sp.org/tlog-proof@v1\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }
}

impl AuditLog {
    /// A page of the organization's entries, newest first.
    pub async fn entries(&self, database: &OrganizationDb, query: &EntryQuery<'_>) -> Result<Vec<StoredEntry>> {
        let before = query.before.map_or(i64::MAX, |before| before.min(i64::MAX as u64) as i64);
        let limit = query.limit.min(MAXIMUM_PAGE_LENGTH);
        let mut arguments = vec![before.into(), limit.into()];
        arguments.extend(query.object_id.map(Value::from));
        arguments.extend(query.action.map(Value::from));
        let statement = match (query.object_id, query.action) {
            (None, None) => &PAGE,
            (Some(_), None) => &PAGE_OF_OBJECT,
            (None, Some(_)) => &PAGE_OF_ACTION,
            (Some(_), Some(_)) => &PAGE_OF_OBJECT_AND_ACTION,
        };
        let rows = database.query(statement, &arguments).await?;
        let keyring = self.parts.vault.keyring(database).await?;
        rows.iter().map(|row| stored_entry(row, &keyring)).collect()
    }

    /// What one actor did in the organization, newest first.
    pub async fn entries_of_actor(
        &self,
        database: &OrganizationDb,
        actor: Uuid,
        limit: u32,
    ) -> Result<Vec<StoredEntry>> {
        let arguments = [actor.into(), limit.min(MAXIMUM_PAGE_LENGTH).into()];
        let rows = database.query(&PAGE_OF_ACTOR, &arguments).await?;
        let keyring = self.parts.vault.keyring(database).await?;
        rows.iter().map(|row| stored_entry(row, &keyring)).collect()
    }

    /// A page of the installation's own entries, newest first.
    pub async fn installation_entries(&self, before: Option<u64>, limit: u32) -> Result<Vec<StoredEntry>> {
        let before = before.map_or(i64::MAX, |before| before.min(i64::MAX as u64) as i64);
        let arguments = [before.into(), limit.min(MAXIMUM_PAGE_LENGTH).into()];
        let rows = self.parts.database.installation().query(&INSTALLATION_PAGE, &arguments).await?;
        let keyring = self.parts.vault.installation_keyring();
        rows.iter().map(|row| stored_entry(row, &keyring)).collect()
    }

    /// Checks the whole log, of every organization and the installation, against what was signed and what stands outside the
    /// database ([`crate::verify`]). The report names places, never what stands in them.
    pub async fn verify(&self) -> Result<Report> {
        let evidence = match &self.parts.folder {
            Some(folder) => Evidence::read(folder.clone()).await?,
            None => Evidence::default(),
        };
        verify(&self.parts.database, &evidence).await
    }

    /// Proves that one of the organization's entries is in the log. Signs a checkpoint when the newest does not cover it.
    pub async fn inclusion(&self, database: &OrganizationDb, index: u64, now: Timestamp) -> Result<InclusionProof> {
        let arguments = [(index as i64).into(), (index.saturating_add(1) as i64).into(), 1_u32.into()];
        if index >= i64::MAX as u64 || database.query(&FORWARD_PAGE, &arguments).await?.is_empty() {
            return Err(Error::NoEntry);
        }
        let newest = self.parts.database.installation().query(&LAST_CHECKPOINT, &[]).await?;
        let covers = |row: &&Row| row.integer("size").is_ok_and(|size| size > index as i64);
        let checkpoint = match newest.first().filter(covers) {
            Some(row) => row.text("note")?,
            None => self.checkpoint(now).await?,
        };
        let size = self.size_of(&checkpoint)?;
        let hashes = self.path(index, size, &mut HashMap::new()).await?;
        Ok(InclusionProof { index, hashes, checkpoint })
    }

    /// Every entry of the organization with its proof, oldest first, as lines of JSON that `verify.py` checks. Nothing of
    /// other organizations is in it but hashes. With `personal`, the personal values and their salts are in it, too.
    /// Each step is handed over as soon as it is read.
    pub async fn export(
        &self,
        database: &OrganizationDb,
        now: Timestamp,
        personal: bool,
        mut write: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64> {
        let checkpoint = self.checkpoint(now).await?;
        let size = self.size_of(&checkpoint)?;
        let keyring = self.parts.vault.keyring(database).await?;
        let mut line = |value: serde_json::Value| {
            let failed = |error: std::io::Error| Error::File { path: "export".to_owned(), reason: error.to_string() };
            write(&format!("{value}\n")).map_err(failed)
        };
        line(json!({
            "format": "ringfence-audit-export@v1",
            "verifier_key": self.verifier_key().to_string(),
            "checkpoint": checkpoint,
            "organization": database.id(),
        }))?;
        let (mut next, mut count) = (0, 0);
        loop {
            let arguments = [(next as i64).into(), (size as i64).into(), EXPORT_STEP.into()];
            let rows = database.query(&FORWARD_PAGE, &arguments).await?;
            let mut known = HashMap::new();
            for row in &rows {
                let entry = stored_entry(row, &keyring)?;
                let proof = self.path(entry.index, size, &mut known).await?;
                let opened = entry.opened.filter(|_| personal);
                line(json!({
                    "index": entry.index,
                    "record": entry.text,
                    "proof": proof.iter().map(|hash| STANDARD.encode(hash)).collect::<Vec<_>>(),
                    "personal": opened.map(|opened| json!({"salt": hex::encode(opened.salt()), "values": opened.values()})),
                }))?;
                (next, count) = (entry.index + 1, count + 1);
            }
            if rows.len() < EXPORT_STEP as usize {
                return Ok(count);
            }
        }
    }

    fn size_of(&self, note: &str) -> Result<u64> {
        let checkpoint = self.verifier_key().open(note).map_err(|_| Error::Damaged { what: "a checkpoint" })?;
        Ok(checkpoint.size)
    }

    /// The hashes of an inclusion proof; `known` keeps the nodes that were read.
    async fn path(&self, index: u64, size: u64, known: &mut HashMap<Node, Hash>) -> Result<Vec<Hash>> {
        let path = inclusion_path(index, size).ok_or(Error::NoEntry)?;
        let database = self.parts.database.installation();
        for node in path.iter().flat_map(nodes) {
            if known.contains_key(&node) {
                continue;
            }
            if let Some(row) = database.get(&AUDIT_NODE, node_row(node)).await? {
                known.insert(node, stored_hash(&row, "hash")?);
            }
        }
        let hashes: Option<Vec<Hash>> =
            path.iter().map(|leaves| subtree_hash(leaves, &|node| known.get(&node).copied())).collect();
        hashes.ok_or(Error::Damaged { what: "the nodes of the tree" })
    }
}

fn stored_entry(row: &Row, keyring: &Keyring) -> Result<StoredEntry> {
    let index = u64::try_from(row.integer("position")?).map_err(|_| Error::Damaged { what: "an entry's index" })?;
    let text = row.text("record")?;
    let record = Record::parse(&text);
    let organization = keyring.organization();
    let belongs = |record: &Record| record.index == index && record.organization == organization;
    let leaf = row.optional_bytes("hash")?;
    let intact = record.as_ref().is_some_and(belongs) && leaf.as_deref() == Some(&record_hash(&text)[..]);
    let commitment = record.as_ref().and_then(|record| record.commitment.as_deref());
    let opened = opened_personal(row, keyring, organization, index)?;
    let (personal, opened) = match (commitment, opened) {
        (None, Opened::Absent) => (PersonalValues::None, None),
        (Some(_), Opened::Absent) => (PersonalValues::Erased, None),
        (Some(commitment), Opened::Values(personal)) if personal.commitment() == commitment => {
            let pairs = personal.pairs().unwrap_or_default();
            (PersonalValues::Values(pairs), Some(personal))
        }
        _ => (PersonalValues::Changed, None),
    };
    Ok(StoredEntry { index, text, record, personal, intact, opened })
}

enum Opened {
    Absent,
    Values(Personal),
    Changed,
}

fn opened_personal(row: &Row, keyring: &Keyring, organization: Option<OrganizationId>, index: u64) -> Result<Opened> {
    let Some(sealed) = row.optional_bytes("personal")? else { return Ok(Opened::Absent) };
    match keyring.open(personal_field(organization, index), &sealed) {
        Ok(bytes) => Ok(Personal::from_bytes(&bytes).map_or(Opened::Changed, Opened::Values)),
        Err(vault::Error::NotAuthentic { .. } | vault::Error::UnknownFormat { .. }) => Ok(Opened::Changed),
        Err(error) => Err(error.into()),
    }
}
