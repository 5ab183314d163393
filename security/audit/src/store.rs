//! The stored log: entries, the nodes of the tree, its edge, the signing key and the checkpoints.
//!
//! An entry is appended in the transaction of the change that it records: both happen or neither does. Appenders wait for
//! each other on the one row that holds the tree's edge, so append last and commit at once.

mod reading;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use storage::{Database, Entropy, OrganizationId, Row, Timestamp, Transaction, Value};
use uuid::Uuid;
use vault::{Field, Vault};
use zeroize::Zeroizing;

use crate::{
    checkpoint::{Checkpoint, Signer, VerifierKey, driver},
    entry::{Entry, Personal, Record, record_hash},
    error::{Error, Result},
    log::{Edge, HASH_LENGTH, Hash, Node, consistency_path, nodes, subtree_hash, verify_consistency},
};
pub use reading::{EntryQuery, InclusionProof, MAXIMUM_PAGE_LENGTH, PersonalValues, StoredEntry};
use tables::{
    AUDIT_CHECKPOINT, AUDIT_ENTRY, AUDIT_INSTALLATION_ENTRY, AUDIT_NODE, ERASE_ACTOR, ERASE_INSTALLATION_ACTOR,
    LAST_CHECKPOINT, LEAF_HASHES, LOCK_HEAD, entry_row,
};
pub(crate) use tables::{
    AUDIT_HEAD, AUDIT_KEY, CHECKPOINT_NOTES, ENTRIES_FROM, EXTRA_ENTRIES, INSTALLATION_ENTRIES_FROM, NODES_FROM,
    ONLY_ROW, node_row,
};
pub use tables::{STATEMENTS, TABLES};

/// Leaf hashes that are copied to the folder at a time.
const LEAVES_AT_A_TIME: u64 = 1_000;

/// The audit log of the installation. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    parts: Arc<Parts>,
}

struct Parts {
    database: Database,
    vault: Vault,
    entropy: Arc<dyn Entropy>,
    signer: Signer,
    /// Outside the database; none when checkpoints are kept in the database alone.
    folder: Option<PathBuf>,
    /// The newest checkpoint that this process has signed or found in the folder.
    newest: Mutex<Option<Checkpoint>>,
}

impl AuditLog {
    /// Opens the log; makes its key at the very first start. Checkpoints, the key to check them with and the hashes of all
    /// leaves are also written to `folder`, which should not be where the database is: whoever changes the log must change
    /// the folder, too, and cannot sign. A folder of another log, or one that knows of more entries than the database, is
    /// refused.
    pub async fn open(
        database: &Database,
        vault: &Vault,
        entropy: Arc<dyn Entropy>,
        folder: Option<PathBuf>,
    ) -> Result<Self> {
        let signer = signer(database, vault, entropy.as_ref()).await?;
        let mut newest = None;
        if let Some(folder) = &folder {
            let evidence = driver::prepare(folder.clone(), signer.verifier_key().clone()).await?;
            newest = evidence.newest(signer.verifier_key());
        }
        let parts = Parts {
            database: database.clone(),
            vault: vault.clone(),
            entropy,
            signer,
            folder,
            newest: Mutex::new(newest),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// The key that checkpoints are checked with. Keep a copy of its text elsewhere: it is what an outside check rests on.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.parts.signer.verifier_key()
    }

    /// Appends an entry in the caller's transaction and gives its index. The entry belongs to the transaction's
    /// organization, or to the installation. In a sealed organization there is no key for personal values, so the entry
    /// stands without them.
    pub async fn append(&self, transaction: &mut Transaction, now: Timestamp, entry: &Entry) -> Result<u64> {
        let parts = &self.parts;
        let organization = transaction.organization();
        let mut personal = Personal::of(entry, parts.entropy.as_ref())?;
        let keyring = match &personal {
            Some(_) => match parts.vault.keyring_in(transaction).await {
                Err(vault::Error::Sealed) => None,
                keyring => Some(keyring?),
            },
            None => None,
        };
        if keyring.is_none() {
            personal = None;
        }
        let mut edge = locked_edge(transaction).await?;
        let index = edge.size();
        let text = Record::of(entry, organization, now, index, personal.as_ref())?.text();
        let table = if organization.is_some() { &AUDIT_ENTRY } else { &AUDIT_INSTALLATION_ENTRY };
        let row = entry_row(index);
        let sealed = match (personal, keyring) {
            (Some(personal), Some(keyring)) => {
                Some(keyring.seal(Field::new(table, "personal", row), &personal.to_bytes())?)
            }
            _ => None,
        };
        let values = [
            ("id", row.into()),
            ("position", (index as i64).into()),
            ("actor_id", entry.actor.id.into()),
            ("object_id", entry.object_id.into()),
            ("action", entry.action.into()),
            ("record", text.as_str().into()),
            ("personal", sealed.into()),
        ];
        transaction.insert(table, &values).await?;
        let leaf = record_hash(&text);
        insert_node(transaction, Node { level: 0, index }, leaf, index).await?;
        for (node, hash) in edge.append(leaf) {
            insert_node(transaction, node, hash, index).await?;
        }
        let head = [("size", Value::from(edge.size() as i64)), ("peaks", edge.peaks().into())];
        transaction.update(&AUDIT_HEAD, ONLY_ROW, &head).await?;
        Ok(index)
    }

    /// Signs the tree as it is now, when it has grown since the last checkpoint, and writes the checkpoint to the folder
    /// and the database. Refused when the tree does not contain what was signed before.
    pub async fn checkpoint(&self, now: Timestamp) -> Result<String> {
        let mut transaction = self.parts.database.installation().begin().await?;
        let edge = locked_edge(&mut transaction).await?;
        let last = transaction.query(&LAST_CHECKPOINT, &[]).await?;
        let (size, root) = (edge.size(), edge.root());
        if let Some(row) = last.first() {
            let note = row.text("note")?;
            let signed = self.verifier_key().open(&note).map_err(|_| Error::Damaged { what: "a checkpoint" })?;
            require_consistent(&mut transaction, &signed, size, &root).await?;
            if signed.size == size && self.newest().is_none_or(|newest| newest.size <= size) {
                return Ok(note);
            }
        }
        if let Some(newest) = self.newest() {
            require_consistent(&mut transaction, &newest, size, &root).await?;
        }
        let note = self.parts.signer.sign(size, root);
        if let Some(folder) = &self.parts.folder {
            self.copy_leaves(&mut transaction, folder, size).await?;
            driver::append_note(folder.clone(), note.clone()).await?;
        }
        let values = [
            ("id", entry_row(size).into()),
            ("size", (size as i64).into()),
            ("at", now.into()),
            ("note", note.as_str().into()),
        ];
        if transaction.get(&AUDIT_CHECKPOINT, entry_row(size)).await?.is_none() {
            transaction.insert(&AUDIT_CHECKPOINT, &values).await?;
        }
        transaction.commit().await?;
        let origin = self.verifier_key().name().to_owned();
        *self.parts.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Checkpoint { origin, size, root });
        Ok(note)
    }

    /// Erases the personal values of every entry whose actor is this person. The records, with their commitments, stay,
    /// and the tree stays valid. Gives the number of entries.
    pub async fn erase_personal(&self, transaction: &mut Transaction, actor: Uuid) -> Result<u64> {
        let statement = if transaction.organization().is_some() { &ERASE_ACTOR } else { &ERASE_INSTALLATION_ACTOR };
        Ok(transaction.execute(statement, &[actor.into()]).await?)
    }

    fn newest(&self) -> Option<Checkpoint> {
        self.parts.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds the hashes of the leaves that the folder does not have yet.
    async fn copy_leaves(&self, transaction: &mut Transaction, folder: &std::path::Path, size: u64) -> Result<()> {
        let mut next = driver::leaf_count(folder.to_owned()).await?;
        if next > size {
            return Err(Error::Inconsistent { size: next });
        }
        while next < size {
            let end = size.min(next + LEAVES_AT_A_TIME);
            let range = [(next as i64).into(), (end as i64).into()];
            let rows = transaction.query(&LEAF_HASHES, &range).await?;
            let hashes = rows.iter().map(|row| stored_hash(row, "hash")).collect::<Result<Vec<_>>>()?;
            if hashes.len() as u64 != end - next {
                return Err(Error::Damaged { what: "the leaves of the tree" });
            }
            driver::append_leaves(folder.to_owned(), hashes.concat()).await?;
            next = end;
        }
        Ok(())
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AuditLog({})", self.verifier_key())
    }
}

/// The edge of the tree, locked until the transaction ends.
async fn locked_edge(transaction: &mut Transaction) -> Result<Edge> {
    let rows = transaction.query(&LOCK_HEAD, &[ONLY_ROW.into()]).await?;
    rows.first().map(stored_edge).transpose()?.flatten().ok_or(Error::Damaged { what: "the head of the tree" })
}

pub(crate) fn stored_edge(row: &Row) -> Result<Option<Edge>> {
    let size = u64::try_from(row.integer("size")?);
    Ok(size.ok().and_then(|size| row.bytes("peaks").ok().and_then(|peaks| Edge::from_parts(size, &peaks))))
}

fn stored_hash(row: &Row, column: &str) -> Result<Hash> {
    <[u8; HASH_LENGTH]>::try_from(row.bytes(column)?).map_err(|_| Error::Damaged { what: "a hash of the tree" })
}

async fn insert_node(transaction: &mut Transaction, node: Node, hash: Hash, completed_by: u64) -> Result<()> {
    let values = [
        ("id", node_row(node).into()),
        ("level", i64::from(node.level).into()),
        ("completed_by", (completed_by as i64).into()),
        ("hash", hash.into()),
    ];
    Ok(transaction.insert(&AUDIT_NODE, &values).await?)
}

/// Refuses a tree that does not begin with the signed one.
async fn require_consistent(transaction: &mut Transaction, signed: &Checkpoint, size: u64, root: &Hash) -> Result<()> {
    let inconsistent = Error::Inconsistent { size: signed.size };
    if signed.size > size {
        return Err(inconsistent);
    }
    let path = consistency_path(signed.size, size).unwrap_or_default();
    let mut stored = std::collections::HashMap::new();
    for node in path.iter().flat_map(nodes) {
        if let Some(row) = transaction.get(&AUDIT_NODE, node_row(node)).await? {
            stored.insert(node, stored_hash(&row, "hash")?);
        }
    }
    let proof: Option<Vec<Hash>> =
        path.iter().map(|leaves| subtree_hash(leaves, &|node| stored.get(&node).copied())).collect();
    let proven = proof.is_some_and(|proof| verify_consistency((signed.size, &signed.root), (size, root), &proof));
    if proven { Ok(()) } else { Err(inconsistent) }
}

/// The key that signs checkpoints: its seed is sealed with the installation's key. Made, with the empty tree, at the
/// first start.
async fn signer(database: &Database, vault: &Vault, entropy: &dyn Entropy) -> Result<Signer> {
    let row = match database.installation().get(&AUDIT_KEY, ONLY_ROW).await? {
        Some(row) => row,
        None => make_signer(database, vault, entropy).await?,
    };
    let seed = vault.installation_keyring().open(SEED, &row.bytes("seed")?)?;
    let signer = Signer::new(&row.text("origin")?, &seed).ok_or(Error::Damaged { what: "the signing key" })?;
    if row.text("verifier_key")? != signer.verifier_key().to_string() {
        return Err(Error::Damaged { what: "the verifier key" });
    }
    Ok(signer)
}

const SEED: Field = Field::new(&AUDIT_KEY, "seed", ONLY_ROW);

async fn make_signer(database: &Database, vault: &Vault, entropy: &dyn Entropy) -> Result<Row> {
    let (mut seed, mut name) = (Zeroizing::new([0; 32]), [0; 16]);
    entropy.fill(seed.as_mut());
    entropy.fill(&mut name);
    let origin = format!("ringfence/audit/{}", hex::encode(name));
    let signer = Signer::new(&origin, seed.as_ref()).ok_or(Error::Damaged { what: "the new signing key" })?;
    let sealed = vault.installation_keyring().seal(SEED, seed.as_ref())?;
    let mut transaction = database.installation().begin().await?;
    let key = [
        ("id", ONLY_ROW.into()),
        ("origin", origin.as_str().into()),
        ("verifier_key", signer.verifier_key().to_string().into()),
        ("seed", sealed.into()),
    ];
    let head = [("id", ONLY_ROW.into()), ("size", 0_i64.into()), ("peaks", Vec::new().into())];
    match transaction.insert(&AUDIT_KEY, &key).await {
        Ok(()) => {
            transaction.insert(&AUDIT_HEAD, &head).await?;
            transaction.commit().await?;
        }
        // Another node was first.
        Err(storage::Error::Conflict { .. }) => drop(transaction),
        Err(error) => return Err(error.into()),
    }
    let row = database.installation().get(&AUDIT_KEY, ONLY_ROW).await?;
    row.ok_or(Error::Damaged { what: "the signing key" })
}

/// The keyring and the table of an entry's personal values.
pub(crate) fn personal_field(organization: Option<OrganizationId>, index: u64) -> Field {
    let table = if organization.is_some() { &AUDIT_ENTRY } else { &AUDIT_INSTALLATION_ENTRY };
    Field::new(table, "personal", entry_row(index))
}
