//! People whom an organization's own provider vouches for: found by issuer and subject, never by an e-mail address alone.
//!
//! An identity is worth something in its organization only, so a provider that lies opens no other one. An account that is
//! there already is joined to an identity by its address only when the provider has verified the address, when the account
//! works in this organization and in no other, and when it is not an owner's; everybody else signs in as before and joins
//! the two themselves. An account that a provider made has no password at all.

use std::net::IpAddr;

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Timestamp, Transaction};
use uuid::Uuid;
use vault::Field;

use crate::member::joining::{MAXIMUM_MEMBERS, make_member};
use crate::notice::{self, Kind};
use crate::store::external::{
    ADDRESS_HERE, EXTERNAL_IDENTITIES_OF_USER, EXTERNAL_IDENTITY, EXTERNAL_IDENTITY_DELETE, EXTERNAL_IDENTITY_FIND,
    EXTERNAL_IDENTITY_USED, MEMBERSHIPS_EVER_ELSEWHERE,
};
use crate::store::people::MEMBERSHIPS_COUNT;
use crate::store::{self, ORGANIZATION_LOCK};
use crate::user::{self, EmailAddress};
use crate::{Caller, Error, MembershipState, Platform, Result, Role, change, sign_in};

/// Identities of one person in one organization.
pub const MAXIMUM_PER_USER: usize = 10;

/// Who somebody is at a provider (OpenID Connect Core 1.0 section 5.7).
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The provider's address, exactly as it writes it.
    pub issuer: &'a str,
    /// The provider's name for the person: at most 255 characters, never used again for somebody else.
    pub subject: &'a str,
}

storage::debug_shows!(struct Subject<'a> { issuer });

/// An identity as its person sees it.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Its row.
    pub id: Uuid,
    /// The provider.
    pub issuer: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub used_at: Option<Timestamp>,
}

/// What an e-mail address is to an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No account has it.
    Nobody,
    /// Somebody who works or worked here.
    Member {
        /// The account.
        user: Uuid,
        /// What they are here.
        role: Role,
        /// Where the membership stands.
        state: MembershipState,
        /// Whether the account belongs to other organizations as well.
        elsewhere: bool,
    },
    /// An account that has nothing to do with this organization.
    Elsewhere,
}

/// A person who gets an account without a password.
#[derive(Clone, Copy)]
pub struct NewPerson<'a> {
    /// Their address, which nobody else has here.
    pub email: &'a EmailAddress,
    /// Their name, as [`user::name`] takes it.
    pub name: &'a str,
    /// What they will be. Never an owner.
    pub role: Role,
}

storage::debug_shows!(struct NewPerson<'a> { role });

/// The account behind an identity.
pub async fn find(platform: &Platform, organization: OrganizationId, subject: Subject<'_>) -> Result<Option<Uuid>> {
    let arguments = [organization.into(), index(platform, subject)?.into()];
    let rows = platform.database.installation().query(&EXTERNAL_IDENTITY_FIND, &arguments).await?;
    Ok(rows.first().map(|row| row.uuid("user_id")).transpose()?)
}

/// What an address is to an organization.
pub async fn standing(platform: &Platform, organization: OrganizationId, email: &EmailAddress) -> Result<Standing> {
    let index = user::email_index(&platform.vault.installation_keyring(), email)?;
    let rows = platform.database.installation().query(&ADDRESS_HERE, &[organization.into(), index.into()]).await?;
    let Some(row) = rows.first() else { return Ok(Standing::Nobody) };
    if row.optional_uuid("membership_id")?.is_none() {
        return Ok(Standing::Elsewhere);
    }
    Ok(Standing::Member {
        user: row.uuid("id")?,
        role: store::word(row, "role", Role::parse)?,
        state: store::word(row, "state", MembershipState::parse)?,
        elsewhere: row.integer("elsewhere")? > 0,
    })
}

/// Does this account belong to other organizations as well?
pub async fn works_elsewhere(platform: &Platform, organization: OrganizationId, user: Uuid) -> Result<bool> {
    let arguments = [organization.into(), user.into()];
    let rows = platform.database.installation().query(&MEMBERSHIPS_EVER_ELSEWHERE, &arguments).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer("memberships"))? > 0)
}

/// The identities of a person in an organization.
pub async fn of_user(platform: &Platform, organization: OrganizationId, user: Uuid) -> Result<Vec<Joined>> {
    let arguments = [organization.into(), user.into()];
    let rows = platform.database.installation().query(&EXTERNAL_IDENTITIES_OF_USER, &arguments).await?;
    let read = |row: &storage::Row| {
        Ok(Joined {
            id: row.uuid("id")?,
            issuer: row.text("issuer")?,
            created_at: row.timestamp("created_at")?,
            used_at: row.optional_timestamp("used_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Notes that an identity signed in.
pub async fn note_use(platform: &Platform, organization: OrganizationId, subject: Subject<'_>) -> Result<()> {
    let arguments = [organization.into(), index(platform, subject)?.into(), platform.now().into()];
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&EXTERNAL_IDENTITY_USED, &arguments).await?;
    Ok(transaction.commit().await?)
}

/// Joins an identity to an account that is there, at the word of the provider: the caller of this has checked that the
/// account may be found by its address.
pub async fn join(
    platform: &Platform,
    organization: OrganizationId,
    user: Uuid,
    subject: Subject<'_>,
    address: Option<IpAddr>,
) -> Result<()> {
    let mut transaction = sign_in::door(platform, organization).await?;
    let id = insert(&mut transaction, platform, organization, user, subject).await?;
    let entry = entry("external_identity.join", "external_identity", id, user, address, "verified address");
    change::append(&mut transaction, platform, &entry).await?;
    notice::write(&mut transaction, platform, user, Kind::ProviderChanged, None).await?;
    Ok(transaction.commit().await?)
}

/// Joins an identity to the account of whoever is signed in.
pub async fn join_own(platform: &Platform, caller: &Caller, subject: Subject<'_>) -> Result<()> {
    let user = caller.user().ok_or(Error::NotFound)?;
    let organization = caller.organization();
    if of_user(platform, organization, user).await?.len() >= MAXIMUM_PER_USER {
        return Err(Error::Conflict("there are ten connections already: remove one first"));
    }
    let mut change = caller.change(platform, "external_identity.join").await?;
    let id = insert(&mut change, platform, organization, user, subject).await?;
    notice::write(&mut change, platform, user, Kind::ProviderChanged, Some(caller)).await?;
    change.commit("external_identity", Some(id), vec![("by", "own request".to_owned())]).await
}

/// Takes one of the caller's own identities away.
pub async fn remove_own(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let user = caller.user().ok_or(Error::NotFound)?;
    let mut change = caller.change(platform, "external_identity.remove").await?;
    let arguments = [caller.organization().into(), user.into(), id.into()];
    if change.execute(&EXTERNAL_IDENTITY_DELETE, &arguments).await? == 0 {
        return Err(Error::NotFound);
    }
    notice::write(&mut change, platform, user, Kind::ProviderChanged, Some(caller)).await?;
    change.commit("external_identity", Some(id), Vec::new()).await
}

/// Makes an account without a password and a membership for somebody whom the provider brings for the first time; gives the
/// account. [`Error::EmailTaken`] when somebody has the address.
pub async fn arrive(
    platform: &Platform,
    organization: OrganizationId,
    person: NewPerson<'_>,
    subject: Subject<'_>,
    address: Option<IpAddr>,
) -> Result<Uuid> {
    if person.role == Role::Owner {
        return Err(Error::BeyondOwnRole);
    }
    let mut transaction = sign_in::door(platform, organization).await?;
    // Whoever counts members of this organization waits.
    transaction.query(&ORGANIZATION_LOCK, &[organization.into()]).await?;
    let counted = transaction.query(&MEMBERSHIPS_COUNT, &[organization.into()]).await?;
    if counted.first().map_or(Ok(0), |row| row.integer("members"))? >= MAXIMUM_MEMBERS {
        return Err(Error::Conflict("the organization has as many people as one can have: remove some first"));
    }
    let whom = (person.email, person.name);
    let (user, membership) = make_member(&mut transaction, platform, organization, whom, person.role).await?;
    insert(&mut transaction, platform, organization, user, subject).await?;
    let mut entry = entry("member.join", "membership", membership, user, address, "single_sign_on");
    entry.facts.push(("role", person.role.as_str().to_owned()));
    change::append(&mut transaction, platform, &entry).await?;
    transaction.commit().await?;
    Ok(user)
}

async fn insert(
    transaction: &mut Transaction,
    platform: &Platform,
    organization: OrganizationId,
    user: Uuid,
    subject: Subject<'_>,
) -> Result<Uuid> {
    let (keyring, id) = (platform.vault.installation_keyring(), platform.identifiers.next());
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("user_id", user.into()),
        ("issuer", subject.issuer.into()),
        ("subject", keyring.seal_text(Field::new(&EXTERNAL_IDENTITY, "subject", id), subject.subject)?.into()),
        ("subject_index", index(platform, subject)?.into()),
        ("created_at", platform.now().into()),
        ("used_at", storage::Value::Null),
    ];
    transaction.insert(&EXTERNAL_IDENTITY, &fields).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => Error::Conflict("this identity belongs to another account already"),
        other => other.into(),
    })?;
    Ok(id)
}

/// Where an identity would be found. Issuers hold no line break, so no two pairs give the same text.
fn index(platform: &Platform, subject: Subject<'_>) -> Result<Vec<u8>> {
    let text = format!("{}\n{}", subject.issuer, subject.subject);
    Ok(platform.vault.installation_keyring().blind_index(&EXTERNAL_IDENTITY, "subject", &text)?)
}

fn entry(
    action: &'static str,
    object_kind: &'static str,
    object: Uuid,
    user: Uuid,
    address: Option<IpAddr>,
    by: &str,
) -> Entry {
    Entry {
        actor: Actor { kind: ActorKind::User, id: Some(user), address },
        action,
        object_kind,
        object_id: Some(object),
        outcome: Outcome::Done,
        facts: vec![("by", by.to_owned())],
        personal: Vec::new(),
    }
}
