//! Second factors and backup codes as they are stored; the tables are identity's, which judges every session by them.

use identity::{Platform, SECOND_FACTOR, USER_ACCOUNT};
use storage::{Row, Statement, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::{Kind, SecondFactor};
use crate::Result;

const fn statement(label: &'static str, sql: &'static str) -> Statement {
    Statement::installation(label, sql)
}

pub(crate) const FACTORS_OF_USER: Statement = statement(
    "sign_in.factors_of_user",
    "select id, kind, name, secret, failures, created_at, confirmed_at, session_id, used_at from second_factor \
     where user_id = $1 order by created_at, id",
);
pub(crate) const FACTOR_CONFIRM: Statement = statement(
    "sign_in.factor_confirm",
    "update second_factor set confirmed_at = $3, used_at = $3, last_step = $4, name = $5, session_id = null \
     where id = $1 and user_id = $2 and confirmed_at is null",
);
/// Takes a step's code, unless this step or a later one was taken before.
pub(crate) const FACTOR_STEP: Statement = statement(
    "sign_in.factor_step",
    "update second_factor set last_step = $3, used_at = $4, failures = 0 \
     where id = $1 and user_id = $2 and confirmed_at is not null and failures < $5 \
     and (last_step is null or last_step < $3)",
);
pub(crate) const FACTORS_FAILED: Statement = statement(
    "sign_in.factors_failed",
    "update second_factor set failures = failures + 1 \
     where user_id = $1 and kind = 'totp' and confirmed_at is not null and failures < $2",
);
/// Another factor was shown: the apps are asked again.
pub(crate) const FACTORS_FORGIVE: Statement = statement(
    "sign_in.factors_forgive",
    "update second_factor set failures = 0 where user_id = $1 and kind = 'totp' and failures > 0",
);
pub(crate) const FACTORS_DROP_UNCONFIRMED: Statement = statement(
    "sign_in.factors_drop_unconfirmed",
    "delete from second_factor where user_id = $1 and confirmed_at is null",
);
pub(crate) const FACTOR_REMOVE: Statement = statement(
    "sign_in.factor_remove",
    "delete from second_factor where id = $1 and user_id = $2 and confirmed_at is not null",
);
pub(crate) const FACTORS_DROP_OTHERS: Statement =
    statement("sign_in.factors_drop_others", "delete from second_factor where user_id = $1 and id <> $2");
pub(crate) const CODES_OF_USER: Statement = statement(
    "sign_in.codes_of_user",
    "select id, salt, code_hash from backup_code where user_id = $1 and used_at is null order by id",
);
pub(crate) const CODE_USE: Statement = statement(
    "sign_in.code_use",
    "update backup_code set used_at = $3 where id = $1 and user_id = $2 and used_at is null",
);
pub(crate) const CODES_DELETE: Statement =
    statement("sign_in.codes_delete", "delete from backup_code where user_id = $1");

/// Every statement about them.
pub const STATEMENTS: &[&Statement] = &[
    &FACTORS_OF_USER,
    &FACTOR_CONFIRM,
    &FACTOR_STEP,
    &FACTORS_FAILED,
    &FACTORS_FORGIVE,
    &FACTORS_DROP_UNCONFIRMED,
    &FACTOR_REMOVE,
    &FACTORS_DROP_OTHERS,
    &CODES_OF_USER,
    &CODE_USE,
    &CODES_DELETE,
];

/// A factor with its secret, opened.
pub(crate) struct Stored {
    pub id: Uuid,
    pub kind: Kind,
    pub name: String,
    pub secret: zeroize::Zeroizing<Vec<u8>>,
    pub failures: i64,
    pub created_at: Timestamp,
    pub session: Option<Uuid>,
    pub confirmed_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

impl Stored {
    /// The factor without its secret; `None` while it is only being set up.
    pub fn into_factor(self) -> Option<SecondFactor> {
        let created_at = self.confirmed_at?;
        Some(SecondFactor { id: self.id, kind: self.kind, name: self.name, created_at, used_at: self.used_at })
    }
}

/// All factors of a person, those being set up included.
pub(crate) async fn of_user(platform: &Platform, user: Uuid) -> Result<Vec<Stored>> {
    let rows = platform.database.installation().query(&FACTORS_OF_USER, &[user.into()]).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().filter_map(|row| read(row, &keyring).transpose()).collect()
}

fn read(row: &Row, keyring: &Keyring) -> Result<Option<Stored>> {
    let id = row.uuid("id")?;
    // A kind that a newer version stored is not ours to judge.
    let Some(kind) = Kind::parse(&row.text("kind")?) else { return Ok(None) };
    Ok(Some(Stored {
        id,
        kind,
        name: keyring.open_text(Field::new(&SECOND_FACTOR, "name", id), &row.bytes("name")?)?,
        secret: keyring.open(Field::new(&SECOND_FACTOR, "secret", id), &row.bytes("secret")?)?,
        failures: row.integer("failures")?,
        created_at: row.timestamp("created_at")?,
        session: row.optional_uuid("session_id")?,
        confirmed_at: row.optional_timestamp("confirmed_at")?,
        used_at: row.optional_timestamp("used_at")?,
    }))
}

/// The e-mail address of an account.
pub(crate) async fn email(platform: &Platform, user: Uuid) -> Result<String> {
    let Some(row) = platform.database.installation().get(&USER_ACCOUNT, user).await? else {
        return Ok(String::new());
    };
    let field = Field::new(&USER_ACCOUNT, "email", user);
    Ok(platform.vault.installation_keyring().open_text(field, &row.bytes("email")?)?)
}
