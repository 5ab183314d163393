//! Signing in: with a password, or with a link that works once. Every success opens a new session with a new token, so a
//! token that somebody planted before is worth nothing.

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Row};
use uuid::Uuid;
use vault::Field;

use crate::assurance::{self, Factor};
use crate::session::{self, Device};
use crate::store::{self, MEMBERSHIPS_OF_USER, SECOND_FACTORS_COUNT, USER_ACCOUNT, USER_BY_EMAIL};
use crate::token::Secret;
use crate::user::{self, EmailAddress};
use crate::{Caller, Error, MembershipState, Platform, Result, caller, change, one_time};

/// Opens a session for the right address and password. `None` for anything else; what was wrong is not said, and an
/// unknown address costs the same work as a known one.
pub async fn with_password(
    platform: &Platform,
    email: &str,
    password: &str,
    device: &Device,
) -> Result<Option<Secret>> {
    let row = match EmailAddress::parse(email) {
        Ok(email) => find(platform, &email).await?,
        Err(_) => None,
    };
    let account = row.map(|row| account(platform, &row)).transpose()?;
    let stored = account.as_ref().map(|(_, stored)| stored.clone());
    let is_right = user::check_password(password, stored).await?;
    let user = account.map(|(user, _)| user);
    let organization = match user {
        Some(user) => workplace(platform, user, None).await?,
        None => None,
    };
    let (true, Some(user), Some(organization)) = (is_right, user, organization) else {
        refuse(platform, organization, user, device).await?;
        return Ok(None);
    };
    Ok(Some(begin(platform, organization, user, &[Factor::Password], device).await?))
}

/// Opens a session for somebody who has shown these factors to one of our own ceremonies (a passkey, an identity
/// provider): whoever calls this has checked them. `None` when the person works in no such organization at the moment.
pub async fn admit(
    platform: &Platform,
    user: Uuid,
    wanted: Option<OrganizationId>,
    factors: &[Factor],
    device: &Device,
) -> Result<Option<Secret>> {
    let Some(organization) = workplace(platform, user, wanted).await? else {
        refuse(platform, None, Some(user), device).await?;
        return Ok(None);
    };
    Ok(Some(begin(platform, organization, user, factors, device).await?))
}

async fn begin(
    platform: &Platform,
    organization: OrganizationId,
    user: Uuid,
    factors: &[Factor],
    device: &Device,
) -> Result<Secret> {
    let mut transaction = platform.database.organization(organization).begin().await?;
    let token = session::open(&mut transaction, platform, organization, user, device, factors).await?;
    let actor = Actor { kind: ActorKind::User, id: Some(user), address: device.address };
    let facts = vec![("by", assurance::to_text(factors))];
    change::append(&mut transaction, platform, &Entry { facts, ..entry(Some(user), actor) }).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Opens a session for whoever holds the link.
pub async fn with_link(platform: &Platform, presented: &str, device: &Device) -> Result<Secret> {
    let (organization, user) = one_time::subject(platform, presented).await?.ok_or(Error::TokenRefused)?;
    if workplace(platform, user, Some(organization)).await?.is_none() {
        return Err(Error::TokenRefused);
    }
    let mut transaction = platform.database.organization(organization).begin().await?;
    one_time::consume(&mut transaction, platform, one_time::Purpose::SignIn, presented).await?;
    let factors = [Factor::MachineLink];
    let token = session::open(&mut transaction, platform, organization, user, device, &factors).await?;
    let actor = Actor { kind: ActorKind::User, id: Some(user), address: device.address };
    let facts = vec![("by", assurance::to_text(&factors))];
    change::append(&mut transaction, platform, &Entry { facts, ..entry(Some(user), actor) }).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Writes a refusal down: with the organization when the account has one, else with the installation. Strangers cost the
/// same entry as members, so the time of the answer does not tell who exists.
pub(crate) async fn refuse(
    platform: &Platform,
    organization: Option<OrganizationId>,
    user: Option<Uuid>,
    device: &Device,
) -> Result<()> {
    let mut transaction = match organization {
        Some(organization) => platform.database.organization(organization).begin().await?,
        None => platform.database.installation().begin().await?,
    };
    let refused = Entry { outcome: Outcome::Refused, ..entry(user, caller::system(device.address)) };
    change::append(&mut transaction, platform, &refused).await?;
    Ok(transaction.commit().await?)
}

/// Has this account a second factor that counts?
pub async fn has_second_factor(platform: &Platform, user: Uuid) -> Result<bool> {
    let rows = platform.database.installation().query(&SECOND_FACTORS_COUNT, &[user.into()]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer("factors"))? > 0)
}

/// Is this the password of the person who asks? For confirmations; the work is the same either way.
pub async fn is_own_password(platform: &Platform, caller: &Caller, password: &str) -> Result<bool> {
    match caller.user() {
        Some(user) => is_password_of(platform, user, password).await,
        None => Ok(false),
    }
}

/// Is this the password of that person?
pub(crate) async fn is_password_of(platform: &Platform, user: Uuid, password: &str) -> Result<bool> {
    let Some(row) = platform.database.installation().get(&USER_ACCOUNT, user).await? else { return Ok(false) };
    let field = Field::new(&USER_ACCOUNT, "password", user);
    let stored = platform.vault.installation_keyring().open_text(field, &row.bytes("password")?)?;
    user::check_password(password, Some(stored)).await
}

/// A keyed hash of what was typed as address, to count attempts by without storing it. `None` when it is no address.
pub fn account_key(platform: &Platform, email: &str) -> Result<Option<[u8; 32]>> {
    let Ok(email) = EmailAddress::parse(email) else { return Ok(None) };
    let index = user::email_index(&platform.vault.installation_keyring(), &email)?;
    Ok(index.try_into().ok())
}

async fn find(platform: &Platform, email: &EmailAddress) -> Result<Option<Row>> {
    let index = user::email_index(&platform.vault.installation_keyring(), email)?;
    Ok(platform.database.installation().query(&USER_BY_EMAIL, &[index.into()]).await?.into_iter().next())
}

fn account(platform: &Platform, row: &Row) -> Result<(Uuid, String)> {
    let id = row.uuid("id")?;
    let field = Field::new(&USER_ACCOUNT, "password", id);
    Ok((id, platform.vault.installation_keyring().open_text(field, &row.bytes("password")?)?))
}

/// The organization to enter: the one asked for, else the one joined first, and only where the membership is active.
pub(crate) async fn workplace(
    platform: &Platform,
    user: Uuid,
    wanted: Option<OrganizationId>,
) -> Result<Option<OrganizationId>> {
    for row in platform.database.installation().query(&MEMBERSHIPS_OF_USER, &[user.into()]).await? {
        let organization = OrganizationId(row.uuid("organization_id")?);
        let active = store::word(&row, "state", MembershipState::parse)? == MembershipState::Active;
        let open = row.text("organization_state")? == "active";
        if active && open && wanted.is_none_or(|wanted| wanted == organization) {
            return Ok(Some(organization));
        }
    }
    Ok(None)
}

fn entry(user: Option<Uuid>, actor: Actor) -> Entry {
    Entry {
        actor,
        action: "session.start",
        object_kind: "user",
        object_id: user,
        outcome: Outcome::Done,
        facts: Vec::new(),
        personal: Vec::new(),
    }
}
