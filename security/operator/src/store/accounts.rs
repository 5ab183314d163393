//! Accounts: made at the machine's own command line, listed, stopped and let go on.

use audit::{Actor, ActorKind, Entry, Outcome};
use identity::user::{self, EmailAddress};
use identity::{Platform, password};
use storage::{Row, Value};
use uuid::Uuid;
use vault::{Field, Keyring};

use super::{ACCOUNT_BY_EMAIL, ACCOUNT_SET_STATE, ACCOUNTS, FACTOR_FORGET, OPERATOR_ACCOUNT, SESSIONS_DELETE_OF};
use identity::password_change::judge;

use crate::account::{Account, NewAccount, SignIn};
use crate::caller::{OperatorCaller, OperatorChange, entry};
use crate::role::OperatorRole;
use crate::{Error, Result};

const ACTIVE: &str = "active";
const SUSPENDED: &str = "suspended";

/// Makes an operator, from the machine's own command line. They can do nothing until they have a second factor and a
/// training stands in the register.
pub async fn create(platform: &Platform, new: &NewAccount<'_>) -> Result<Uuid> {
    let name = user::name("name", new.name)?;
    let email = EmailAddress::parse(new.email)?;
    judge(platform, new.password, password::MINIMUM_LENGTH_ALONE, &[email.as_str(), &name]).await?;
    let hash = user::hash_password(new.password, platform.entropy.clone()).await?;
    let (id, keyring) = (platform.identifiers.next(), platform.vault.installation_keyring());
    let seal = |column, text: &str| keyring.seal_text(Field::new(&OPERATOR_ACCOUNT, column, id), text);
    let fields = [
        ("id", id.into()),
        ("email", seal("email", email.as_str())?.into()),
        ("email_index", email_index(&keyring, &email)?.into()),
        ("name", seal("name", &name)?.into()),
        ("password", seal("password", &hash)?.into()),
        ("role", new.role.as_str().into()),
        ("state", ACTIVE.into()),
        ("factor", Value::Null),
        ("factor_confirmed_at", Value::Null),
        ("factor_step", 0_i64.into()),
        ("factor_failures", 0_i64.into()),
        ("created_at", platform.now().into()),
    ];
    let mut change = OperatorChange::by_machine(platform, "operator.create").await?;
    change.insert(&OPERATOR_ACCOUNT, &fields).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => Error::invalid("email", "There is an operator with this e-mail address."),
        other => other.into(),
    })?;
    change.commit("operator", Some(id), vec![("role", new.role.as_str().to_owned())]).await?;
    Ok(id)
}

/// Every operator by age, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, after: Option<Uuid>, limit: i64) -> Result<Vec<Account>> {
    let arguments = [after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&ACCOUNTS, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().map(|row| read(row, &keyring)).collect()
}

/// The operator with this e-mail address.
pub async fn find(platform: &Platform, email: &str) -> Result<Option<Uuid>> {
    let index = email_index(&platform.vault.installation_keyring(), &EmailAddress::parse(email)?)?;
    let rows = platform.database.installation().query(&ACCOUNT_BY_EMAIL, &[index.into()]).await?;
    Ok(rows.first().map(|row| row.uuid("id")).transpose()?)
}

/// Stops an operator and everything they look at, or lets them go on. Nobody judges themselves.
pub async fn set_suspended(platform: &Platform, by: &OperatorCaller, id: Uuid, suspended: bool) -> Result<()> {
    if by.operator() == id {
        return Err(Error::OwnCase);
    }
    let action = if suspended { "operator.suspend" } else { "operator.resume" };
    stop_or_resume(platform, by.change(platform, action).await?, id, suspended).await
}

/// The same from the machine's own command line.
pub async fn set_suspended_by_machine(platform: &Platform, id: Uuid, suspended: bool) -> Result<()> {
    let action = if suspended { "operator.suspend" } else { "operator.resume" };
    stop_or_resume(platform, OperatorChange::by_machine(platform, action).await?, id, suspended).await
}

async fn stop_or_resume(platform: &Platform, mut change: OperatorChange, id: Uuid, suspended: bool) -> Result<()> {
    let state = if suspended { SUSPENDED } else { ACTIVE };
    if change.execute(&ACCOUNT_SET_STATE, &[id.into(), state.into()]).await? == 0 {
        return Err(Error::NotFound);
    }
    if suspended {
        change.execute(&SESSIONS_DELETE_OF, &[id.into()]).await?;
        identity::support::end_sessions_of(&mut change, id, platform.now()).await?;
    }
    change.commit("operator", Some(id), Vec::new()).await
}

/// Forgets a lost second factor and ends every session; the next sign-in enrols a new one. Only the machine's own command
/// line does this.
pub async fn forget_factor(platform: &Platform, id: Uuid) -> Result<()> {
    let mut change = OperatorChange::by_machine(platform, "operator.forget_factor").await?;
    if change.execute(&FACTOR_FORGET, &[id.into()]).await? == 0 {
        return Err(Error::NotFound);
    }
    change.execute(&SESSIONS_DELETE_OF, &[id.into()]).await?;
    identity::support::end_sessions_of(&mut change, id, platform.now()).await?;
    change.commit("operator", Some(id), Vec::new()).await
}

/// A keyed hash of what was typed as address, to count attempts by. `None` when it is no address.
pub(crate) fn account_key(platform: &Platform, email: &str) -> Option<[u8; 32]> {
    let email = EmailAddress::parse(email).ok()?;
    email_index(&platform.vault.installation_keyring(), &email).ok()?.try_into().ok()
}

/// The account behind the right address and password; a refusal is written down and costs the same work for anybody.
pub(super) async fn check_password(platform: &Platform, sign_in: &SignIn<'_>) -> Result<Option<Uuid>> {
    let keyring = platform.vault.installation_keyring();
    let row = match EmailAddress::parse(sign_in.email) {
        Ok(email) => {
            let index = email_index(&keyring, &email)?;
            platform.database.installation().query(&ACCOUNT_BY_EMAIL, &[index.into()]).await?.into_iter().next()
        }
        Err(_) => None,
    };
    let found = row.map(|row| stored(&row, &keyring)).transpose()?;
    let is_right = user::check_password(sign_in.password, found.as_ref().map(|(_, _, hash)| hash.clone())).await?;
    match found {
        Some((id, true, _)) if is_right => Ok(Some(id)),
        other => {
            let actor = Actor { kind: ActorKind::System, id: None, address: sign_in.address };
            let id = other.map(|(id, ..)| id);
            let refused = Entry { outcome: Outcome::Refused, ..entry(actor, "operator.sign_in", "operator", id) };
            let mut transaction = platform.database.installation().begin().await?;
            platform.audit.append(&mut transaction, platform.now(), &refused).await?;
            transaction.commit().await?;
            Ok(None)
        }
    }
}

fn stored(row: &Row, keyring: &Keyring) -> Result<(Uuid, bool, String)> {
    let id = row.uuid("id")?;
    let hash = keyring.open_text(Field::new(&OPERATOR_ACCOUNT, "password", id), &row.bytes("password")?)?;
    Ok((id, row.text("state")? == ACTIVE, hash))
}

fn email_index(keyring: &Keyring, email: &EmailAddress) -> Result<Vec<u8>> {
    Ok(keyring.blind_index(&OPERATOR_ACCOUNT, "email", email.as_str())?)
}

fn read(row: &Row, keyring: &Keyring) -> Result<Account> {
    let id = row.uuid("id")?;
    let open = |column| -> Result<String> {
        Ok(keyring.open_text(Field::new(&OPERATOR_ACCOUNT, column, id), &row.bytes(column)?)?)
    };
    Ok(Account {
        id,
        name: open("name")?,
        email: open("email")?,
        role: role(row)?,
        is_suspended: is_suspended(row)?,
        is_enrolled: row.optional_timestamp("factor_confirmed_at")?.is_some(),
        trained_until: row.optional_timestamp("trained_until")?,
        created_at: row.timestamp("created_at")?,
    })
}

/// The role of a row. A word that this version does not know was written by a newer one, or by hand: then nobody comes in.
pub(super) fn role(row: &Row) -> Result<OperatorRole> {
    let unknown =
        || storage::Error::ColumnType { column: "role".into(), expected: "a known word", found: "another word" };
    Ok(OperatorRole::parse(&row.text("role")?).ok_or_else(unknown)?)
}

/// Anything but `active` is stopped.
pub(super) fn is_suspended(row: &Row) -> Result<bool> {
    Ok(row.text("state")? != ACTIVE)
}
