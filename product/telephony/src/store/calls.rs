//! Calls and their timelines.

use audit::{Actor, ActorKind};
use identity::{Caller, Environment, Platform};
use storage::{OrganizationDb, OrganizationId, Row, Statement, Timestamp, Transaction, Value};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::{CALL, CALL_EVENT, word};
use crate::Error;
use crate::call::{CallEnd, EndedBy};
use crate::line::Travelled;
use crate::record::{Call, CallEvent, CallState, Direction};

/// A page of calls, newest first.
pub static PAGE: Statement = Statement::organization(
    "telephony.calls_page",
    "select * from call where organization_id = $1 and id < $2 and environment in ($3, $4) order by id desc limit $5",
);

/// Calls that are going on.
pub static LIVE: Statement = Statement::organization(
    "telephony.calls_live",
    "select * from call where organization_id = $1 and state <> 'ended' order by started_at desc limit $2",
);

/// The timeline of a call.
pub static EVENTS: Statement = Statement::organization(
    "telephony.call_events",
    "select sequence, at, kind from call_event where organization_id = $1 and call_id = $2 order by sequence",
);

/// The next place in a timeline.
pub static NEXT_SEQUENCE: Statement = Statement::organization(
    "telephony.call_next_sequence",
    "select coalesce(max(sequence), 0) + 1 as next from call_event where organization_id = $1 and call_id = $2",
);

/// Open calls of nodes that are gone.
pub static ABANDONED: Statement = Statement::across_organizations(
    "telephony.calls_abandoned",
    "select organization_id, id, node_id from call where state <> 'ended'
     and not exists (select 1 from node where node.id = call.node_id and node.lease_until > $1)
     order by started_at limit $2",
    "what a node that is gone left open is closed by another, whosever it is",
);

/// Takes an open call over from another node.
pub static ADOPT: Statement = Statement::organization(
    "telephony.call_adopt",
    "update call set node_id = $4 where organization_id = $1 and id = $2 and node_id = $3 and state <> 'ended'",
);

/// Most calls that are shown as live at once.
pub const LIVE_MAX: i64 = 200;

/// On whose behalf a call writes its records: the phone line of this organization.
pub fn channel(organization: OrganizationId) -> Caller {
    Caller::for_channel(organization, Actor { kind: ActorKind::PhoneCaller, id: None, address: None })
}

/// A call as it begins.
#[derive(Clone)]
pub struct NewCall {
    /// Identifier.
    pub id: Uuid,
    /// The node that holds it.
    pub node_id: Uuid,
    /// The agent that answers or calls.
    pub agent_id: Uuid,
    /// Who began it.
    pub direction: Direction,
    /// Our own number or the address that was dialled.
    pub own_number: String,
    /// Whether it is simulated.
    pub environment: Environment,
}

storage::debug_shows!(struct NewCall { id, node_id, agent_id, direction, environment });

/// Writes the first row of a call; the audit log calls it `action`.
///
/// # Errors
/// When the database refuses.
pub async fn begin(platform: &Platform, caller: &Caller, action: &'static str, call: &NewCall) -> Result<(), Error> {
    let keyring = caller.keyring(platform).await?;
    let own_number = keyring.seal_text(Field::new(&CALL, "own_number", call.id), &call.own_number)?;
    let now = platform.clock.now();
    let mut change = caller.change(platform, action).await?;
    let row = [
        ("id", call.id.into()),
        ("agent_id", call.agent_id.into()),
        ("node_id", call.node_id.into()),
        ("direction", call.direction.as_str().into()),
        ("state", CallState::Ringing.as_str().into()),
        ("environment", call.environment.as_str().into()),
        ("own_number", own_number.into()),
        ("started_at", now.into()),
    ];
    change.insert(&CALL, &row).await?;
    note(&mut change, platform, call.id, "ringing", now).await?;
    change
        .commit(
            "call",
            Some(call.id),
            vec![
                ("direction", call.direction.as_str().to_owned()),
                ("environment", call.environment.as_str().to_owned()),
            ],
        )
        .await?;
    Ok(())
}

/// What becomes known when a call is answered.
#[derive(Clone)]
pub struct Answered {
    /// The conversation that begins.
    pub conversation_id: Uuid,
    /// The contact on the other side.
    pub person_id: Uuid,
    /// Their number, unless it was withheld.
    pub other_number: Option<String>,
}

storage::debug_shows!(struct Answered { conversation_id, person_id });

/// Marks a call as answered.
///
/// # Errors
/// When the database refuses or the person's key is gone.
pub async fn answer(platform: &Platform, caller: &Caller, call_id: Uuid, answered: &Answered) -> Result<(), Error> {
    let keyring = caller.keyring(platform).await?;
    let sealed = match &answered.other_number {
        None => None,
        Some(number) => {
            let key = keyring.person_key(&caller.database(platform), answered.person_id).await?;
            Some(key.seal_text(Field::new(&CALL, "other_number", call_id), number)?)
        }
    };
    let now = platform.clock.now();
    let mut change = caller.change(platform, "call.answer").await?;
    let columns = [
        ("conversation_id", answered.conversation_id.into()),
        ("person_id", answered.person_id.into()),
        ("other_number", sealed.into()),
        ("state", CallState::Live.as_str().into()),
        ("answered_at", now.into()),
    ];
    change.update(&CALL, call_id, &columns).await?;
    note(&mut change, platform, call_id, "answered", now).await?;
    change.commit("call", Some(call_id), Vec::new()).await?;
    Ok(())
}

/// Marks a call as over.
///
/// # Errors
/// When the database refuses.
pub async fn end(
    platform: &Platform,
    caller: &Caller,
    call_id: Uuid,
    end: &CallEnd,
    media: Option<&Travelled>,
) -> Result<(), Error> {
    let now = platform.clock.now();
    let mut change = caller.change(platform, "call.end").await?;
    let count = |value: Option<u64>| -> Value { value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)).into() };
    let columns = [
        ("state", CallState::Ended.as_str().into()),
        ("ended_at", now.into()),
        ("ended_by", ended_by(end.by).into()),
        ("end_reason", end.reason.name().into()),
        ("sip_status", i64::from(end.status.code()).into()),
        ("transport", media.map(|media| media.transport.to_string()).into()),
        ("sound", media.map(|media| if media.sound.protected { "srtp" } else { "rtp" }).into()),
        ("packets_sent", count(media.map(|media| media.sound.packets_sent))),
        ("packets_received", count(media.map(|media| media.sound.packets_received))),
        ("packets_lost", count(media.map(|media| media.sound.packets_lost))),
    ];
    change.update(&CALL, call_id, &columns).await?;
    note(&mut change, platform, call_id, "ended", now).await?;
    let facts = vec![("reason", end.reason.name().to_owned()), ("status", end.status.code().to_string())];
    change.commit("call", Some(call_id), facts).await?;
    Ok(())
}

/// Adds a line to a timeline, within the caller's transaction.
///
/// # Errors
/// When the database refuses.
pub async fn note(
    transaction: &mut Transaction,
    platform: &Platform,
    call_id: Uuid,
    kind: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let rows = transaction.query(&NEXT_SEQUENCE, &[call_id.into()]).await?;
    let sequence = rows.first().map(|row| row.integer("next")).transpose()?.unwrap_or(1);
    let row = [
        ("id", platform.identifiers.next().into()),
        ("call_id", call_id.into()),
        ("sequence", sequence.into()),
        ("at", at.into()),
        ("kind", kind.into()),
    ];
    transaction.insert(&CALL_EVENT, &row).await?;
    Ok(())
}

/// Adds a line to a timeline on its own.
///
/// # Errors
/// When the database refuses.
pub async fn note_alone(platform: &Platform, caller: &Caller, call_id: Uuid, kind: &str) -> Result<(), Error> {
    let mut transaction = caller.database(platform).begin().await?;
    note(&mut transaction, platform, call_id, kind, platform.clock.now()).await?;
    transaction.commit().await?;
    Ok(())
}

/// A page of calls, newest first (identifiers are ordered by time), before the call `before`. A key for trying out sees
/// simulated calls only.
///
/// # Errors
/// When the database cannot be read.
pub async fn page(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Call>, Error> {
    let database = caller.database(platform);
    let also = if caller.environment() == Environment::Test { Environment::Test } else { Environment::Live };
    let environments = [Environment::Test.as_str(), also.as_str()];
    let arguments = [before.into(), environments[0].into(), environments[1].into(), limit.into()];
    let rows = database.query(&PAGE, &arguments).await?;
    opened(&database, &caller.keyring(platform).await?, &rows).await
}

/// The calls that are going on, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn live(platform: &Platform, caller: &Caller) -> Result<Vec<Call>, Error> {
    let database = caller.database(platform);
    let rows = database.query(&LIVE, &[LIVE_MAX.into()]).await?;
    opened(&database, &caller.keyring(platform).await?, &rows).await
}

/// One call.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such call, or a key for trying out asks for a real one.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Call, Error> {
    let database = caller.database(platform);
    let row = database.get(&CALL, id).await?.ok_or(Error::NotFound)?;
    let found = call(&database, &caller.keyring(platform).await?, &row).await?;
    let hidden = caller.environment() == Environment::Test && found.environment != Environment::Test.as_str();
    if hidden { Err(Error::NotFound) } else { Ok(found) }
}

/// The timeline of a call.
///
/// # Errors
/// When the database cannot be read.
pub async fn events(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Vec<CallEvent>, Error> {
    let rows = caller.database(platform).query(&EVENTS, &[id.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(CallEvent { sequence: row.integer("sequence")?, at: row.timestamp("at")?, kind: row.text("kind")? })
        })
        .collect()
}

async fn opened(database: &OrganizationDb, keyring: &Keyring, rows: &[Row]) -> Result<Vec<Call>, Error> {
    let mut calls = Vec::with_capacity(rows.len());
    for row in rows {
        calls.push(call(database, keyring, row).await?);
    }
    Ok(calls)
}

async fn call(database: &OrganizationDb, keyring: &Keyring, row: &Row) -> Result<Call, Error> {
    let id = row.uuid("id")?;
    let from = match (row.optional_bytes("other_number")?, row.optional_uuid("person_id")?) {
        (Some(sealed), Some(person)) => match keyring.person_key(database, person).await {
            Ok(key) => Some(key.open_text(Field::new(&CALL, "other_number", id), &sealed)?),
            // The person was erased: the call stays, who it was does not.
            Err(vault::Error::NoKey { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    Ok(Call {
        id,
        conversation_id: row.optional_uuid("conversation_id")?,
        agent_id: row.uuid("agent_id")?,
        direction: word(row, &CALL, "direction", Direction::from_stored)?,
        state: word(row, &CALL, "state", CallState::from_stored)?,
        environment: row.text("environment")?,
        from,
        to: keyring.open_text(Field::new(&CALL, "own_number", id), &row.bytes("own_number")?)?,
        started_at: row.timestamp("started_at")?,
        answered_at: row.optional_timestamp("answered_at")?,
        ended_at: row.optional_timestamp("ended_at")?,
        ended_by: row.optional_text("ended_by")?,
        end_reason: row.optional_text("end_reason")?,
        sip_status: row.optional_integer("sip_status")?.and_then(|status| u16::try_from(status).ok()),
        transport: row.optional_text("transport")?,
        sound: row.optional_text("sound")?,
        packets_sent: row.optional_integer("packets_sent")?,
        packets_received: row.optional_integer("packets_received")?,
        packets_lost: row.optional_integer("packets_lost")?,
    })
}

fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Caller => "caller",
        EndedBy::Us => "us",
        EndedBy::Network => "network",
        EndedBy::Nobody => "nobody",
    }
}
