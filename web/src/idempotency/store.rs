//! The table of keys and what was answered.

use http::StatusCode;
use identity::{Caller, Platform};
use storage::{Column, Erasure, Owner, Reference, Retention, SealedWith, Statement, Table, Value};
use uuid::Uuid;
use vault::Field;

use super::{Answer, KEPT_SECONDS};
use crate::problem::Problem;

/// Keys of the last day, with their answers.
pub static IDEMPOTENCY_KEY: Table = Table {
    name: "idempotency_key",
    owner: Owner::Organization,
    columns: &[
        Column::bytes("place"),
        Column::bytes("fingerprint"),
        Column::integer("status").nullable(),
        Column::sealed("answer", SealedWith::Organization).nullable(),
        Column::time("created_at"),
    ],
    references: &[] as &[Reference],
    unique: &[&["place"]],
    indexes: &[&["created_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::None("answers are sealed, read by their key alone and gone after 24 hours"),
};

/// What a key stands for.
pub(crate) const FIND: Statement = Statement::organization(
    "web.idempotency_find",
    "select id, fingerprint, status, answer from idempotency_key where organization_id = $1 and place = $2",
);
/// Keys that are older than they are kept.
pub(crate) const EXPIRE: Statement = Statement::organization(
    "web.idempotency_expire",
    "delete from idempotency_key where organization_id = $1 and created_at <= $2",
);

/// What a key means now.
pub(super) enum Begun {
    /// Nobody used it: the work may begin under this row.
    First(Uuid),
    /// It is in use, or its work never ended.
    Running,
    /// It was used for something else.
    OtherRequest,
    /// It was used for the same; here is the answer, unless that is not kept.
    Done { status: StatusCode, answer: Option<Answer> },
}

/// Takes the key, or says what became of it. Of two at once the unique column lets one pass.
pub(super) async fn begin(
    platform: &Platform,
    caller: &Caller,
    place: [u8; 32],
    fingerprint: [u8; 32],
) -> Result<Begun, Problem> {
    let (id, now) = (platform.identifiers.next(), platform.now());
    let database = caller.database(platform);
    let mut transaction = database.begin().await?;
    transaction.execute(&EXPIRE, &[now.plus_seconds(-KEPT_SECONDS).into()]).await?;
    let fields = [
        ("id", id.into()),
        ("place", place.into()),
        ("fingerprint", fingerprint.into()),
        ("status", Value::Null),
        ("answer", Value::Null),
        ("created_at", now.into()),
    ];
    match transaction.insert(&IDEMPOTENCY_KEY, &fields).await {
        Ok(()) => {
            transaction.commit().await?;
            return Ok(Begun::First(id));
        }
        Err(storage::Error::Conflict { .. }) => drop(transaction),
        Err(other) => return Err(other.into()),
    }
    let rows = database.query(&FIND, &[place.into()]).await?;
    let Some(row) = rows.first() else { return Ok(Begun::Running) };
    if row.bytes("fingerprint")? != fingerprint {
        return Ok(Begun::OtherRequest);
    }
    let Some(status) = row.optional_integer("status")? else { return Ok(Begun::Running) };
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let Some(sealed) = row.optional_bytes("answer")? else { return Ok(Begun::Done { status, answer: None }) };
    let keyring = caller.keyring(platform).await?;
    let opened = keyring.open(Field::new(&IDEMPOTENCY_KEY, "answer", row.uuid("id")?), &sealed)?;
    Ok(Begun::Done { status, answer: serde_json::from_slice(&opened).ok() })
}

/// Keeps what was answered.
pub(super) async fn end(
    platform: &Platform,
    caller: &Caller,
    id: Uuid,
    status: StatusCode,
    answer: Option<&Answer>,
) -> Result<(), Problem> {
    let sealed = match answer {
        Some(answer) => {
            let text = serde_json::to_vec(answer).map_err(Problem::internal)?;
            let keyring = caller.keyring(platform).await?;
            Some(keyring.seal(Field::new(&IDEMPOTENCY_KEY, "answer", id), &text)?)
        }
        None => None,
    };
    let mut transaction = caller.database(platform).begin().await?;
    let fields = [("status", status.as_u16().into()), ("answer", sealed.into())];
    transaction.update(&IDEMPOTENCY_KEY, id, &fields).await?;
    Ok(transaction.commit().await?)
}

/// Frees a key whose work failed.
pub(super) async fn forget(platform: &Platform, caller: &Caller, id: Uuid) -> Result<(), Problem> {
    let mut transaction = caller.database(platform).begin().await?;
    transaction.delete(&IDEMPOTENCY_KEY, id).await?;
    Ok(transaction.commit().await?)
}
