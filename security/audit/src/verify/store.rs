//! Reads the log for its verification, a thousand entries at a time, without any key.

use std::collections::{BTreeMap, HashMap};

use storage::{Database, OrganizationId, Row, Statement, Value};

use super::{Checker, Evidence, Fault, Report, StoredRow};
use crate::{
    checkpoint::{Checkpoint, VerifierKey},
    error::{Error, Result},
    log::{Edge, HASH_LENGTH, Hash, Node},
    store::{
        AUDIT_HEAD, AUDIT_KEY, CHECKPOINT_NOTES, ENTRIES_FROM, EXTRA_ENTRIES, INSTALLATION_ENTRIES_FROM, NODES_FROM,
        ONLY_ROW, stored_edge,
    },
};

/// Entries that are read at a time.
const STEP: u64 = 1_000;

/// How often the end of a log that grows is looked at; each time everything seen before was found to be counted.
const LOOKS_AT_THE_END: usize = 100;

/// Verifies the whole log of a database against the evidence from outside it. Reads only; entries that are appended
/// meanwhile are left for the next time.
pub async fn verify(database: &Database, evidence: &Evidence) -> Result<Report> {
    let mut report = Report { pinned: evidence.verifier_key.is_some(), ..Report::default() };
    let key = trusted_key(database, evidence, &mut report).await?;
    // Checkpoints first, then the size: every checkpoint that is met is then one of entries that must be there.
    let checkpoints = match key {
        Some(key) => signed_checkpoints(database, evidence, &key, &mut report).await?,
        None => Vec::new(),
    };
    let head = database.installation().get(&AUDIT_HEAD, ONLY_ROW).await?;
    let size = head.as_ref().and_then(|row| row.integer("size").ok()).and_then(|size| u64::try_from(size).ok());
    let head: Option<Edge> = head.as_ref().map(stored_edge).transpose()?.flatten();
    let size = size.unwrap_or_default();
    let mut checker = Checker::new(evidence, checkpoints, report);
    for start in (0..size).step_by(STEP as usize) {
        let end = size.min(start + STEP);
        let mut rows: BTreeMap<u64, Vec<StoredRow>> = BTreeMap::new();
        read_rows(database, &ENTRIES_FROM, start..end, &mut rows).await?;
        read_rows(database, &INSTALLATION_ENTRIES_FROM, start..end, &mut rows).await?;
        let nodes = read_nodes(database, start..end).await?;
        for position in start..end {
            checker.take(rows.get(&position).map_or(&[], Vec::as_slice), &nodes);
        }
    }
    let extra = unknown_entry(database, size).await?;
    Ok(checker.finish(head.as_ref(), extra))
}

/// The first entry from `size` on that the tree does not know. An entry is written together with the head that counts it, so
/// whatever the head counts after the entry was seen has been appended meanwhile, and is left for the next time.
async fn unknown_entry(database: &Database, mut size: u64) -> Result<Option<u64>> {
    for _ in 0..LOOKS_AT_THE_END {
        let rows = database.installation().query(&EXTRA_ENTRIES, &[Value::from(size as i64)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let position = u64::try_from(row.integer("position")?).unwrap_or_default();
        let head = database.installation().get(&AUDIT_HEAD, ONLY_ROW).await?;
        let counted = head.and_then(|row| row.integer("size").ok()).and_then(|size| u64::try_from(size).ok());
        match counted {
            Some(counted) if counted > position => size = counted,
            _ => return Ok(Some(position)),
        }
    }
    Ok(None)
}

/// The key from outside; failing that, the database's own.
async fn trusted_key(database: &Database, evidence: &Evidence, report: &mut Report) -> Result<Option<VerifierKey>> {
    let row = database.installation().get(&AUDIT_KEY, ONLY_ROW).await?;
    let stored = row.map(|row| row.text("verifier_key")).transpose()?;
    let stored = stored.and_then(|text| text.parse::<VerifierKey>().ok());
    if let Some(key) = &evidence.verifier_key
        && stored.as_ref() != Some(key)
    {
        report.find(None, Fault::OtherKey);
    }
    Ok(evidence.verifier_key.clone().or(stored))
}

/// All checkpoints whose signature is good; the others are findings.
async fn signed_checkpoints(
    database: &Database,
    evidence: &Evidence,
    key: &VerifierKey,
    report: &mut Report,
) -> Result<Vec<Checkpoint>> {
    let rows = database.installation().query(&CHECKPOINT_NOTES, &[]).await?;
    let mut notes = rows.iter().map(|row| row.text("note")).collect::<std::result::Result<Vec<_>, _>>()?;
    notes.extend(evidence.notes.iter().cloned());
    notes.sort_unstable();
    notes.dedup();
    let mut checkpoints = Vec::new();
    for note in notes {
        match key.open(&note) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(_) => report.find(None, Fault::Checkpoint),
        }
    }
    report.checkpoints = checkpoints.len() as u64;
    Ok(checkpoints)
}

async fn read_rows(
    database: &Database,
    statement: &'static Statement,
    positions: std::ops::Range<u64>,
    into: &mut BTreeMap<u64, Vec<StoredRow>>,
) -> Result<()> {
    let arguments = [(positions.start as i64).into(), (positions.end as i64).into()];
    for row in database.installation().query(statement, &arguments).await? {
        let position = u64::try_from(row.integer("position")?).map_err(|_| Error::Damaged { what: "a position" })?;
        let of_organization = row.columns().any(|column| column == "organization_id");
        let organization = if of_organization { Some(OrganizationId(row.uuid("organization_id")?)) } else { None };
        into.entry(position).or_default().push(StoredRow {
            organization,
            actor_id: row.optional_uuid("actor_id")?,
            object_id: row.optional_uuid("object_id")?,
            action: row.text("action")?,
            text: row.text("record")?,
        });
    }
    Ok(())
}

/// The stored nodes that these leaves completed. What is no node of theirs is left out, and so found missing.
async fn read_nodes(database: &Database, positions: std::ops::Range<u64>) -> Result<HashMap<Node, Hash>> {
    let arguments = [(positions.start as i64).into(), (positions.end as i64).into()];
    let rows: Vec<Row> = database.installation().query(&NODES_FROM, &arguments).await?;
    let mut nodes = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.uuid("id")?.as_u128();
        let node = Node { level: (id >> 64) as u8, index: id as u64 };
        let Ok(hash) = <[u8; HASH_LENGTH]>::try_from(row.bytes("hash")?) else { continue };
        let whole = id >> 72 == 0 && node.level < 62 && node.index < 1 << (62 - node.level);
        if whole && row.integer("completed_by")? == (node.leaves().end - 1) as i64 {
            nodes.insert(node, hash);
        }
    }
    Ok(nodes)
}
