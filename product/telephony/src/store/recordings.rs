//! Recordings: their rows, and what a crash left unfinished.

use identity::{Caller, Platform};
use storage::{OrganizationDb, Row, Statement, Timestamp};
use uuid::Uuid;
use vault::{Field, ObjectContext, RecordingKey};

use super::{RECORDING, calls, word};
use crate::Error;
use crate::record::{Recording, RecordingKind, RecordingState};

/// The recordings of a call.
pub static OF_CALL: Statement = Statement::organization(
    "telephony.recordings_of_call",
    "select * from recording where organization_id = $1 and call_id = $2 order by started_at, id",
);

/// A page of recordings, newest first.
pub static PAGE: Statement = Statement::organization(
    "telephony.recordings_page",
    "select * from recording where organization_id = $1 and id < $2 order by id desc limit $3",
);

/// Recordings that nodes that are gone were writing.
pub static ABANDONED: Statement = Statement::across_organizations(
    "telephony.recordings_abandoned",
    "select organization_id, id, node_id from recording where state = 'writing'
     and not exists (select 1 from node where node.id = recording.node_id and node.lease_until > $1)
     order by started_at limit $2",
    "what a node that is gone was writing is made whole by another, whosever it is",
);

/// Takes an open recording over from another node.
pub static ADOPT: Statement = Statement::organization(
    "telephony.recording_adopt",
    "update recording set node_id = $4 where organization_id = $1 and id = $2 and node_id = $3 and state = 'writing'",
);

/// A recording as it begins. `consented_at` and `notice_version` come from the consent grant.
#[derive(Clone, Debug)]
pub struct NewRecording {
    /// Identifier.
    pub id: Uuid,
    /// The call.
    pub call_id: Uuid,
    /// The node that writes it.
    pub node_id: Uuid,
    /// The conversation.
    pub conversation_id: Uuid,
    /// The contact who is heard.
    pub person_id: Uuid,
    /// What it is of.
    pub kind: RecordingKind,
    /// Version of the notice that was given.
    pub notice_version: String,
    /// When consent was given.
    pub consented_at: Timestamp,
}

impl NewRecording {
    /// Channels of the sound.
    pub fn channels(&self) -> u8 {
        match self.kind {
            RecordingKind::Call => 2,
            RecordingKind::Voicemail => 1,
        }
    }
}

/// Writes the first row of a recording and makes its key.
///
/// # Errors
/// When the database refuses.
pub async fn begin(platform: &Platform, caller: &Caller, new: &NewRecording) -> Result<RecordingKey, Error> {
    let keyring = caller.keyring(platform).await?;
    let now = platform.clock.now();
    let mut change = caller.change(platform, "recording.begin").await?;
    let key = keyring.create_recording_key(&mut change, new.id, now).await?;
    let row = [
        ("id", new.id.into()),
        ("call_id", new.call_id.into()),
        ("node_id", new.node_id.into()),
        ("conversation_id", new.conversation_id.into()),
        ("person_id", new.person_id.into()),
        ("kind", new.kind.as_str().into()),
        ("state", RecordingState::Writing.as_str().into()),
        ("object", object_name(new.id).into()),
        ("channels", i64::from(new.channels()).into()),
        ("milliseconds", 0_i64.into()),
        ("notice_version", new.notice_version.as_str().into()),
        ("consented_at", new.consented_at.into()),
        ("started_at", now.into()),
    ];
    change.insert(&RECORDING, &row).await?;
    calls::note(&mut change, platform, new.call_id, "recording_started", now).await?;
    change.commit("recording", Some(new.id), vec![("kind", new.kind.as_str().to_owned())]).await?;
    Ok(key)
}

/// Marks a recording as whole (or as interrupted) with its length and picture.
///
/// # Errors
/// When the database refuses.
pub async fn finish(
    platform: &Platform,
    caller: &Caller,
    id: Uuid,
    key: &RecordingKey,
    state: RecordingState,
    milliseconds: i64,
    waveform: &[u8],
) -> Result<(), Error> {
    let sealed = key.seal(Field::new(&RECORDING, "waveform", id), waveform)?;
    let now = platform.clock.now();
    let mut change = caller.change(platform, "recording.finish").await?;
    let Some(row) = change.get(&RECORDING, id).await? else { return Err(Error::NotFound) };
    let columns = [
        ("state", state.as_str().into()),
        ("milliseconds", milliseconds.into()),
        ("finished_at", now.into()),
        ("waveform", sealed.into()),
    ];
    change.update(&RECORDING, id, &columns).await?;
    calls::note(&mut change, platform, row.uuid("call_id")?, "recording_ended", now).await?;
    change.commit("recording", Some(id), vec![("state", state.as_str().to_owned())]).await?;
    Ok(())
}

/// The name of a recording's sealed object.
pub fn object_name(id: Uuid) -> String {
    format!("recording-{}", id.simple())
}

/// What a recording's object is bound to.
pub fn object_context(id: Uuid) -> ObjectContext {
    ObjectContext::new("recording", id)
}

/// One recording.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such recording.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Recording, Error> {
    let row = caller.database(platform).get(&RECORDING, id).await?.ok_or(Error::NotFound)?;
    recording(&row)
}

/// Whether the organization has this recording and nobody is writing it any more: then all of it must open.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_finished(database: &OrganizationDb, id: Uuid) -> storage::Result<bool> {
    let Some(row) = database.get(&RECORDING, id).await? else { return Ok(false) };
    Ok(row.text("state")? != RecordingState::Writing.as_str())
}

/// The recordings of a call, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn of_call(platform: &Platform, caller: &Caller, call_id: Uuid) -> Result<Vec<Recording>, Error> {
    let rows = caller.database(platform).query(&OF_CALL, &[call_id.into()]).await?;
    rows.iter().map(recording).collect()
}

/// A page of recordings, newest first (identifiers are ordered by time), before the recording `before`.
///
/// # Errors
/// When the database cannot be read.
pub async fn page(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Recording>, Error> {
    let rows = caller.database(platform).query(&PAGE, &[before.into(), limit.into()]).await?;
    rows.iter().map(recording).collect()
}

/// The picture of a recording, opened with its key; empty while it is being written.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such recording.
pub async fn waveform(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Vec<u8>, Error> {
    let database = caller.database(platform);
    let row = database.get(&RECORDING, id).await?.ok_or(Error::NotFound)?;
    let Some(sealed) = row.optional_bytes("waveform")? else { return Ok(Vec::new()) };
    let key = caller.keyring(platform).await?.recording_key(&database, id).await?;
    Ok(key.open(Field::new(&RECORDING, "waveform", id), &sealed)?.to_vec())
}

fn recording(row: &Row) -> Result<Recording, Error> {
    Ok(Recording {
        id: row.uuid("id")?,
        call_id: row.uuid("call_id")?,
        kind: word(row, &RECORDING, "kind", RecordingKind::from_stored)?,
        state: word(row, &RECORDING, "state", RecordingState::from_stored)?,
        channels: u8::try_from(row.integer("channels")?).unwrap_or(1),
        milliseconds: row.integer("milliseconds")?,
        notice_version: row.text("notice_version")?,
        consented_at: row.timestamp("consented_at")?,
        started_at: row.timestamp("started_at")?,
    })
}
