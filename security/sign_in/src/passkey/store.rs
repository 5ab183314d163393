//! Ceremonies that are going on, and passkeys by their credential.

use identity::Platform;
use storage::{Column, Erasure, Owner, Retention, SealedWith, Statement, Table};
use uuid::Uuid;
use vault::Field;
use zeroize::Zeroizing;

use super::CEREMONY_SECONDS;
use crate::Result;

/// Questions to passkeys that were not answered yet.
pub static PASSKEY_CEREMONY: Table = Table {
    name: "passkey_ceremony",
    owner: Owner::Installation,
    columns: &[
        Column::text("purpose"),
        Column::uuid("user_id").nullable(),
        Column::sealed("state", SealedWith::Installation),
        Column::time("expires_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["expires_at"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::DeleteRow("user_id"),
};

const fn statement(label: &'static str, sql: &'static str) -> Statement {
    Statement::installation(label, sql)
}

const CEREMONIES_SWEEP: Statement =
    statement("sign_in.ceremonies_sweep", "delete from passkey_ceremony where expires_at <= $1");
const CEREMONY: Statement = statement(
    "sign_in.ceremony",
    "select user_id, state from passkey_ceremony where id = $1 and purpose = $2 and expires_at > $3",
);
const CEREMONY_END: Statement = statement("sign_in.ceremony_end", "delete from passkey_ceremony where id = $1");
pub(crate) const FACTOR_BY_CREDENTIAL: Statement = statement(
    "sign_in.factor_by_credential",
    "select id, secret from second_factor \
     where credential_hash = $1 and user_id = $2 and kind = 'passkey' and confirmed_at is not null",
);
pub(crate) const FACTOR_USED: Statement = statement(
    "sign_in.factor_used",
    "update second_factor set secret = $3, used_at = $4 where id = $1 and user_id = $2",
);

/// Every statement about them.
pub const STATEMENTS: &[&Statement] =
    &[&CEREMONIES_SWEEP, &CEREMONY, &CEREMONY_END, &FACTOR_BY_CREDENTIAL, &FACTOR_USED];

/// What a ceremony is for; its answer is taken for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Register,
    Show,
    SignIn,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Show => "show",
            Self::SignIn => "sign_in",
        }
    }
}

/// Keeps the state of a ceremony, and forgets those that nobody finished.
pub(crate) async fn begin(
    platform: &Platform,
    purpose: Purpose,
    user: Option<Uuid>,
    state: &serde_json::Value,
) -> Result<Uuid> {
    let (id, now) = (platform.identifiers.next(), platform.now());
    let field = Field::new(&PASSKEY_CEREMONY, "state", id);
    let state = platform.vault.installation_keyring().seal_text(field, &state.to_string())?;
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&CEREMONIES_SWEEP, &[now.into()]).await?;
    let fields = [
        ("id", id.into()),
        ("purpose", purpose.as_str().into()),
        ("user_id", user.into()),
        ("state", state.into()),
        ("expires_at", now.plus_seconds(CEREMONY_SECONDS).into()),
    ];
    transaction.insert(&PASSKEY_CEREMONY, &fields).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Takes the state of a ceremony, once; `None` when there is none of this purpose and person.
pub(crate) async fn take(
    platform: &Platform,
    id: Uuid,
    purpose: Purpose,
    user: Option<Uuid>,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let mut transaction = platform.database.installation().begin().await?;
    let arguments = [id.into(), purpose.as_str().into(), platform.now().into()];
    let rows = transaction.query(&CEREMONY, &arguments).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.optional_uuid("user_id")? != user || transaction.execute(&CEREMONY_END, &[id.into()]).await? != 1 {
        return Ok(None);
    }
    let field = Field::new(&PASSKEY_CEREMONY, "state", id);
    let state = platform.vault.installation_keyring().open(field, &row.bytes("state")?)?;
    transaction.commit().await?;
    Ok(Some(state))
}
