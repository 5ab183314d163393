//! Signing in: with a password, or with a link that works once. Every success opens a new session with a new token, so a
//! token that somebody planted before is worth nothing.

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Row, Transaction};
use uuid::Uuid;
use vault::Field;

use crate::assurance::{self, Factor};
use crate::one_time::Purpose;
use crate::session::{self, Device};
use crate::store::{self, MEMBERSHIPS_OF_USER, ORGANIZATION_LOCK, SECOND_FACTORS_COUNT, USER_ACCOUNT, USER_BY_EMAIL};
use crate::token::Secret;
use crate::user::{self, EmailAddress};
use crate::{Caller, Error, MembershipState, Platform, Result, Role, caller, change, one_time};

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
    let factors = [Factor::Password];
    let workplace = match user {
        Some(user) => workplace(platform, user, None, &factors).await?,
        None => Workplace::None,
    };
    let (true, Some(user), Workplace::Open(organization)) = (is_right, user, workplace) else {
        refuse(platform, workplace.organization(), user, device).await?;
        return if is_right { workplace.refusal() } else { Ok(None) };
    };
    Ok(Some(begin(platform, organization, user, &factors, device).await?))
}

/// Opens a session for somebody who has shown these factors to one of our own ceremonies (a passkey, an identity
/// provider): whoever calls this has checked them. `None` when the person works in no such organization at the moment;
/// [`Error::SingleSignOnRequired`] when all of them ask for their own provider.
pub async fn admit(
    platform: &Platform,
    user: Uuid,
    wanted: Option<OrganizationId>,
    factors: &[Factor],
    device: &Device,
) -> Result<Option<Secret>> {
    let workplace = workplace(platform, user, wanted, factors).await?;
    let Workplace::Open(organization) = workplace else {
        refuse(platform, workplace.organization(), Some(user), device).await?;
        return workplace.refusal();
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
    with_token(platform, Purpose::SignIn, presented, &[Factor::MachineLink], device).await
}

/// Uses a token of this purpose up and opens a session that has shown these factors, in one transaction.
pub(crate) async fn with_token(
    platform: &Platform,
    purpose: Purpose,
    presented: &str,
    factors: &[Factor],
    device: &Device,
) -> Result<Secret> {
    let (organization, user) = one_time::subject_of(platform, purpose, presented).await?.ok_or(Error::TokenRefused)?;
    // Where single sign-on is required, help back in would go past it.
    let Workplace::Open(organization) = workplace(platform, user, Some(organization), factors).await? else {
        return Err(Error::TokenRefused);
    };
    let mut transaction = door(platform, organization).await?;
    // What its maker and its subject are is read where nobody changes memberships meanwhile.
    transaction.query(&ORGANIZATION_LOCK, &[organization.into()]).await?;
    one_time::consume(&mut transaction, platform, purpose, presented).await?;
    let token = session::open(&mut transaction, platform, organization, user, device, factors).await?;
    let actor = Actor { kind: ActorKind::User, id: Some(user), address: device.address };
    let facts = vec![("by", assurance::to_text(factors))];
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

/// The organization's door for those who are let in at this moment and are no caller yet: the word of its provider, or a
/// link that was checked, has decided which organization it is.
pub(crate) async fn door(platform: &Platform, organization: OrganizationId) -> Result<Transaction> {
    Ok(platform.database.organization(organization).begin().await?)
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

/// Where somebody is let in.
#[derive(Debug, Clone, Copy)]
enum Workplace {
    /// Here.
    Open(OrganizationId),
    /// They work here, and only its own provider lets them in.
    ByProvider(OrganizationId),
    /// Nowhere.
    None,
}

impl Workplace {
    fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Open(organization) | Self::ByProvider(organization) => Some(organization),
            Self::None => None,
        }
    }

    /// What somebody is told who showed who they are and is not let in.
    fn refusal(self) -> Result<Option<Secret>> {
        match self {
            Self::ByProvider(_) => Err(Error::SingleSignOnRequired),
            Self::Open(_) | Self::None => Ok(None),
        }
    }
}

/// The organization to enter: the one asked for, else the one joined first; only where the membership is active, and only
/// where these factors are taken. An organization that requires single sign-on takes anything else from its owners alone,
/// and the link that the machine itself printed.
async fn workplace(
    platform: &Platform,
    user: Uuid,
    wanted: Option<OrganizationId>,
    factors: &[Factor],
) -> Result<Workplace> {
    let is_past_provider = factors.iter().any(|factor| factor.is_of_provider() || *factor == Factor::MachineLink);
    let mut by_provider = Workplace::None;
    for row in platform.database.installation().query(&MEMBERSHIPS_OF_USER, &[user.into()]).await? {
        let organization = OrganizationId(row.uuid("organization_id")?);
        let active = store::word(&row, "state", MembershipState::parse)? == MembershipState::Active;
        let open = row.text("organization_state")? == "active";
        if !active || !open || wanted.is_some_and(|wanted| wanted != organization) {
            continue;
        }
        let is_owner = store::word(&row, "role", Role::parse)? == Role::Owner;
        if is_past_provider || is_owner || row.integer("provider_demands")? == 0 {
            return Ok(Workplace::Open(organization));
        }
        by_provider = Workplace::ByProvider(organization);
    }
    Ok(by_provider)
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
