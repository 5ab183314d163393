//! How somebody becomes a member because the organization's directory says so, and what the directory may set of them.
//!
//! The account that is made has no password: its person comes in by single sign-on, or by an invitation that is made for
//! this one account and lets them choose one. An address that has an account here already is not taken over: that person
//! joins by an invitation, with their own password. Address and name of an account are the directory's to change only while
//! the directory made it and nobody else relies on it.

use storage::{OrganizationId, Row, Transaction};
use uuid::Uuid;
use vault::Field;
use zeroize::Zeroizing;

use super::standing::lock;
use crate::store::people::{
    ACCOUNT_READDRESS, ACCOUNT_RENAME, MEMBERSHIP_OF_USER, MEMBERSHIPS_COUNT, MEMBERSHIPS_ELSEWHERE,
};
use crate::store::{self, MEMBERSHIP, USER_ACCOUNT, USER_BY_EMAIL};
use crate::user::{self, EmailAddress};
use crate::{Change, Error, MembershipState, Platform, Result, Role};

/// People of one organization, those who left not counted, beyond whom no directory adds any.
pub const MAXIMUM_MEMBERS: i64 = 10_000;

/// Who comes.
pub struct Newcomer<'a> {
    /// Their e-mail address.
    pub email: &'a EmailAddress,
    /// Their name.
    pub name: &'a str,
    /// What they will be.
    pub role: Role,
    /// People that the organization may have: [`MAXIMUM_MEMBERS`].
    pub maximum_members: i64,
}

/// A membership that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// Its row.
    pub membership: Uuid,
    /// The person.
    pub user: Uuid,
    /// Whether the account is the directory's: made by it, and without a password of its own.
    pub is_own_account: bool,
}

/// Makes somebody a member, with an account that has no password, or lets in again who had left.
///
/// [`Error::Conflict`] when they are a member already; [`Error::EmailTaken`] when the address has an account that works
/// elsewhere on this installation or never worked here.
pub async fn join(change: &mut Change, newcomer: &Newcomer<'_>) -> Result<Joined> {
    let organization = change.caller().organization();
    lock(change).await?;
    if change.caller().role().is_some_and(|own| !own.may_grant(newcomer.role)) {
        return Err(Error::BeyondOwnRole);
    }
    let platform = change.platform().clone();
    let index = user::email_index(&platform.vault.installation_keyring(), newcomer.email)?;
    let rows = change.query(&USER_BY_EMAIL, &[index.into()]).await?;
    let known = rows.first().map(|row| row.uuid("id")).transpose()?;
    let former = match known {
        Some(user) => change.query(&MEMBERSHIP_OF_USER, &[organization.into(), user.into()]).await?,
        None => Vec::new(),
    };
    if let Some(row) = former.first()
        && store::word(row, "state", MembershipState::parse)? != MembershipState::Left
    {
        return Err(Error::Conflict("somebody with this e-mail address is a member already"));
    }
    let counted = change.query(&MEMBERSHIPS_COUNT, &[organization.into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("members"))? >= newcomer.maximum_members {
        return Err(Error::Conflict("the organization has as many people as one can have: remove some first"));
    }
    match (known, former.first(), rows.first()) {
        (Some(user), Some(membership), Some(account)) => rejoin(change, newcomer, user, membership, account).await,
        (Some(_), ..) => Err(Error::EmailTaken),
        _ => {
            let person = (newcomer.email, newcomer.name);
            let (user, membership) = make_member(change, &platform, organization, person, newcomer.role).await?;
            Ok(Joined { membership, user, is_own_account: true })
        }
    }
}

/// Makes an account without a password and its active membership: the user and the membership. [`Error::EmailTaken`] when
/// the address has an account.
pub async fn make_member(
    transaction: &mut Transaction,
    platform: &Platform,
    organization: OrganizationId,
    (email, name): (&EmailAddress, &str),
    role: Role,
) -> Result<(Uuid, Uuid)> {
    let (user, membership) = (platform.identifiers.next(), platform.identifiers.next());
    user::insert(transaction, platform, user, (email, name), "").await?;
    let fields = [
        ("id", membership.into()),
        ("organization_id", organization.into()),
        ("user_id", user.into()),
        ("role", role.as_str().into()),
        ("state", MembershipState::Active.as_str().into()),
        ("created_at", platform.now().into()),
    ];
    transaction.insert(&MEMBERSHIP, &fields).await?;
    Ok((user, membership))
}

async fn rejoin(
    change: &mut Change,
    newcomer: &Newcomer<'_>,
    user: Uuid,
    membership: &Row,
    account: &Row,
) -> Result<Joined> {
    if !works_only_here(change, user).await? {
        return Err(Error::EmailTaken);
    }
    let id = membership.uuid("id")?;
    let keyring = change.platform().vault.installation_keyring();
    let password = keyring.open_text(Field::new(&USER_ACCOUNT, "password", user), &account.bytes("password")?)?;
    let is_own_account = Zeroizing::new(password).is_empty();
    let now = change.platform().now();
    let fields = [
        ("role", newcomer.role.as_str().into()),
        ("state", MembershipState::Active.as_str().into()),
        ("created_at", now.into()),
    ];
    change.update(&MEMBERSHIP, id, &fields).await?;
    if is_own_account {
        rename(change, user, newcomer.name).await?;
    }
    Ok(Joined { membership: id, user, is_own_account })
}

/// Reads what [`MEMBERSHIPS_ELSEWHERE`] counted. Whoever sets the password of an account may sign in with it everywhere, so an
/// organization does so only for those who work nowhere else; who is suspended there counts, they may be let in again.
pub(crate) fn is_elsewhere(counted: &[Row]) -> Result<bool> {
    Ok(counted.first().map_or(Ok(0), |row| row.integer("elsewhere"))? > 0)
}

/// Does this person work in another organization of the installation, too?
pub(crate) async fn works_elsewhere(platform: &Platform, organization: OrganizationId, user: Uuid) -> Result<bool> {
    let arguments = [user.into(), organization.into()];
    is_elsewhere(&platform.database.installation().query(&MEMBERSHIPS_ELSEWHERE, &arguments).await?)
}

/// Does this person work in no other organization of the installation?
pub async fn works_only_here(change: &mut Change, user: Uuid) -> Result<bool> {
    let organization = change.caller().organization();
    let rows = change.query(&MEMBERSHIPS_ELSEWHERE, &[user.into(), organization.into()]).await?;
    Ok(!is_elsewhere(&rows)?)
}

/// Gives an account another name; whoever calls this has seen that it may be changed.
pub async fn rename(change: &mut Change, user: Uuid, name: &str) -> Result<()> {
    let name = user::name("name", name)?;
    let keyring = change.platform().vault.installation_keyring();
    let sealed = keyring.seal_text(Field::new(&USER_ACCOUNT, "name", user), &name)?;
    change.execute(&ACCOUNT_RENAME, &[user.into(), sealed.into()]).await?;
    Ok(())
}

/// Gives an account another address; whoever calls this has seen that it may be changed. [`Error::EmailTaken`] when another
/// account has it.
pub async fn readdress(change: &mut Change, user: Uuid, email: &EmailAddress) -> Result<()> {
    let keyring = change.platform().vault.installation_keyring();
    let index = user::email_index(&keyring, email)?;
    let known = change.query(&USER_BY_EMAIL, &[index.as_slice().into()]).await?;
    match known.first().map(|row| row.uuid("id")).transpose()? {
        Some(other) if other != user => return Err(Error::EmailTaken),
        _ => {}
    }
    let sealed = keyring.seal_text(Field::new(&USER_ACCOUNT, "email", user), email.as_str())?;
    let arguments = [user.into(), sealed.into(), index.into()];
    change.execute(&ACCOUNT_READDRESS, &arguments).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => Error::EmailTaken,
        other => other.into(),
    })?;
    Ok(())
}
