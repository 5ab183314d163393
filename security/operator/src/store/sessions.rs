//! Operators' sessions: a password opens half of one, a code finishes it under a new token.

use std::net::IpAddr;
use std::sync::Arc;

use audit::Outcome;
use identity::Platform;
use identity::token::{OPERATOR_PREFIX, SECRET_TEXT_LENGTH, Secret, hash};
use sign_in::totp::{self, SharedSecret};
use storage::Value;
use vault::Field;

use super::{
    FACTOR_FAILED, FACTOR_PROPOSE, FACTOR_TAKE, OPERATOR_ACCOUNT, OPERATOR_SESSION, SESSION_BY_TOKEN, SESSION_DELETE,
    SESSION_FINISH, SESSION_SEEN, SESSIONS_SWEEP, accounts,
};
use crate::account::{SignIn, standing};
use crate::caller::{Facts, OperatorCaller};
use crate::session::{ABSOLUTE_SECONDS, IDLE_SECONDS, lives};
use crate::{Error, Result};

/// Wrong codes in a row after which an operator's app is not asked any more (NIST SP 800-63B-4 section 3.2.2 allows 100); the
/// machine's own command line forgets it then, and another is enrolled.
pub const MAXIMUM_FAILURES: i64 = 100;
/// A session's last use is written down at most this often.
const SECONDS_BETWEEN_SEEN: i64 = 30;

/// Opens half a session for the right address and password: it permits nothing but giving the second factor. `None` for
/// anything else; what was wrong is not said.
pub async fn open(platform: &Platform, sign_in: &SignIn<'_>) -> Result<Option<String>> {
    let Some(operator) = accounts::check_password(platform, sign_in).await? else { return Ok(None) };
    let (token, now) = (fresh_token(platform), platform.now());
    let fields = [
        ("id", platform.identifiers.next().into()),
        ("operator_id", operator.into()),
        ("token_hash", hash(&token).into()),
        ("created_at", now.into()),
        ("seen_at", now.into()),
        ("factor_at", Value::Null),
    ];
    let mut transaction = platform.database.installation().begin().await?;
    transaction.insert(&OPERATOR_SESSION, &fields).await?;
    transaction.commit().await?;
    Ok(Some(token))
}

/// Who shows this token, or nobody.
pub async fn authenticate(platform: &Platform, token: &str, address: Option<IpAddr>) -> Result<Option<OperatorCaller>> {
    if token.len() != OPERATOR_PREFIX.len() + SECRET_TEXT_LENGTH || !token.starts_with(OPERATOR_PREFIX) {
        return Ok(None);
    }
    let now = platform.now();
    let rows = platform.database.installation().query(&SESSION_BY_TOKEN, &[hash(token).into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (session, operator) = (row.uuid("id")?, row.uuid("operator_id")?);
    let (seen_at, factor_at) = (row.timestamp("seen_at")?, row.optional_timestamp("factor_at")?);
    let is_suspended = accounts::is_suspended(row)?;
    if is_suspended || !lives(row.timestamp("created_at")?, seen_at, factor_at, now) {
        return Ok(None);
    }
    if now >= seen_at.plus_seconds(SECONDS_BETWEEN_SEEN) {
        let mut transaction = platform.database.installation().begin().await?;
        transaction.execute(&SESSION_SEEN, &[session.into(), now.into()]).await?;
        transaction.commit().await?;
    }
    let trained_until = row.optional_timestamp("trained_until")?;
    let name = Field::new(&OPERATOR_ACCOUNT, "name", operator);
    Ok(Some(OperatorCaller(Arc::new(Facts {
        operator,
        session,
        name: platform.vault.installation_keyring().open_text(name, &row.bytes("name")?)?,
        role: accounts::role(row)?,
        standing: standing(is_suspended, trained_until, now),
        finished: factor_at.is_some(),
        enrolled: row.optional_timestamp("factor_confirmed_at")?.is_some(),
        trained_until,
        address,
    }))))
}

/// The secret to enrol, for an operator who has no second factor yet. Asked twice it is the same one, until a code of it
/// is confirmed; after that it is shown no more.
pub async fn proposed_factor(platform: &Platform, caller: &OperatorCaller) -> Result<SharedSecret> {
    if caller.is_enrolled() {
        return Err(Error::NotFound);
    }
    let operator = caller.operator();
    let secret = SharedSecret::generate(platform.entropy.as_ref());
    let sealed = platform.vault.installation_keyring().seal(factor_field(operator), secret.as_bytes())?;
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&FACTOR_PROPOSE, &[operator.into(), sealed.into()]).await?;
    transaction.commit().await?;
    Ok(factor(platform, operator).await?.0)
}

/// Finishes the session with a code, under a new token. `None` when the code is wrong, or was used before;
/// [`Error::FactorStopped`] after [`MAXIMUM_FAILURES`] of those in a row.
pub async fn finish(platform: &Platform, caller: &OperatorCaller, code: &str) -> Result<Option<String>> {
    let (operator, now) = (caller.operator(), platform.now());
    let (secret, failures) = factor(platform, operator).await?;
    let action = if caller.is_enrolled() { "operator.sign_in" } else { "operator.enrol" };
    if failures >= MAXIMUM_FAILURES {
        let facts = vec![("reason", "too many wrong codes".to_owned())];
        caller.note(platform, action, Outcome::Refused, facts).await?;
        return Err(Error::FactorStopped);
    }
    let mut change = caller.change(platform, action).await?;
    let taken = match totp::typed(code).and_then(|code| secret.check(&code, now)) {
        Some(step) => {
            let arguments = [operator.into(), step.into(), now.into(), MAXIMUM_FAILURES.into()];
            change.execute(&FACTOR_TAKE, &arguments).await? == 1
        }
        None => false,
    };
    if !taken {
        drop(change);
        let mut transaction = platform.database.installation().begin().await?;
        transaction.execute(&FACTOR_FAILED, &[operator.into(), MAXIMUM_FAILURES.into()]).await?;
        transaction.commit().await?;
        let facts = vec![("reason", "the code was wrong or was used before".to_owned())];
        caller.note(platform, action, Outcome::Refused, facts).await?;
        return Ok(None);
    }
    let token = fresh_token(platform);
    change.execute(&SESSION_FINISH, &[caller.session().into(), hash(&token).into(), now.into()]).await?;
    change.commit("operator", Some(operator), Vec::new()).await?;
    Ok(Some(token))
}

/// Signs the operator's browser out.
pub async fn close(platform: &Platform, caller: &OperatorCaller) -> Result<()> {
    let mut change = caller.change(platform, "operator.sign_out").await?;
    change.execute(&SESSION_DELETE, &[caller.session().into()]).await?;
    change.commit("operator", Some(caller.operator()), Vec::new()).await
}

/// Deletes what has expired. Called on a timer; the limits hold without it.
pub async fn sweep(platform: &Platform) -> Result<()> {
    let now = platform.now();
    let limits = [now.plus_seconds(-ABSOLUTE_SECONDS).into(), now.plus_seconds(-IDLE_SECONDS).into()];
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&SESSIONS_SWEEP, &limits).await?;
    Ok(transaction.commit().await?)
}

/// The secret of an operator's app, and the wrong codes since the last right one.
async fn factor(platform: &Platform, operator: uuid::Uuid) -> Result<(SharedSecret, i64)> {
    let row = platform.database.installation().get(&OPERATOR_ACCOUNT, operator).await?.ok_or(Error::NotFound)?;
    let sealed = row.optional_bytes("factor")?.ok_or(Error::NotFound)?;
    let secret = platform.vault.installation_keyring().open(factor_field(operator), &sealed)?;
    let secret = SharedSecret::from_bytes(&secret).ok_or(Error::NotFound)?;
    Ok((secret, row.integer("factor_failures")?))
}

fn factor_field(operator: uuid::Uuid) -> Field {
    Field::new(&OPERATOR_ACCOUNT, "factor", operator)
}

fn fresh_token(platform: &Platform) -> String {
    format!("{OPERATOR_PREFIX}{}", Secret::generate(platform.entropy.as_ref()).reveal())
}
