//! Who works in an organization. How a directory adds somebody stands in [`joining`], what changes about a membership in
//! [`standing`], how it ends in [`leaving`].

use storage::{OrganizationId, Row, Timestamp};
use uuid::Uuid;
use vault::{Field, Keyring};

pub mod joining;
pub mod leaving;
pub mod standing;

use crate::store::people::MEMBER_OF_ORGANIZATION;
use crate::store::{self, MEMBER_BY_EMAIL, MEMBERS_OF_ORGANIZATION, ORGANIZATION, ORGANIZATIONS_FIRST, USER_ACCOUNT};
use crate::user::{self, EmailAddress};
use crate::{Caller, Error, MembershipState, Platform, Result, Role};

/// One membership.
#[derive(Clone)]
pub struct Member {
    /// Its row.
    pub id: Uuid,
    /// The person.
    pub user: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// What they are here.
    pub role: Role,
    /// Where the membership stands.
    pub state: MembershipState,
    /// Since when.
    pub created_at: Timestamp,
    /// The last request of a browser of theirs here, to the minute.
    pub seen_at: Option<Timestamp>,
}

storage::debug_shows!(struct Member { id, user, role, state, created_at });

/// An organization as its members see it.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its public name.
    pub name: String,
    /// When it was founded.
    pub created_at: Timestamp,
}

/// The members by age, from after the given one; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<Member>> {
    let arguments = [caller.organization().into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let rows = platform.database.installation().query(&MEMBERS_OF_ORGANIZATION, &arguments).await?;
    let keyring = platform.vault.installation_keyring();
    rows.iter().map(|row| read(row, &keyring)).collect()
}

/// One member of the caller's organization.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Option<Member>> {
    let arguments = [caller.organization().into(), id.into()];
    let rows = platform.database.installation().query(&MEMBER_OF_ORGANIZATION, &arguments).await?;
    rows.first().map(|row| read(row, &platform.vault.installation_keyring())).transpose()
}

fn read(row: &Row, keyring: &Keyring) -> Result<Member> {
    let user = row.uuid("user_id")?;
    Ok(Member {
        id: row.uuid("id")?,
        user,
        name: keyring.open_text(Field::new(&USER_ACCOUNT, "name", user), &row.bytes("name")?)?,
        email: keyring.open_text(Field::new(&USER_ACCOUNT, "email", user), &row.bytes("email")?)?,
        role: store::word(row, "role", Role::parse)?,
        state: store::word(row, "state", MembershipState::parse)?,
        created_at: row.timestamp("created_at")?,
        seen_at: row.optional_timestamp("seen_at")?,
    })
}

/// The caller's organization; `None` once it is gone.
pub async fn organization(platform: &Platform, caller: &Caller) -> Result<Option<Organization>> {
    let id = caller.organization().0;
    let Some(row) = platform.database.installation().get(&ORGANIZATION, id).await? else { return Ok(None) };
    Ok(Some(Organization { id, name: row.text("name")?, created_at: row.timestamp("created_at")? }))
}

/// The two oldest organizations of this installation, fewer when there are fewer. Those set `apart` do not count:
/// organizations that no business stands behind.
pub async fn first_organizations(platform: &Platform, apart: &[OrganizationId]) -> Result<Vec<OrganizationId>> {
    let rows = platform.database.installation().query(&ORGANIZATIONS_FIRST, &[(apart.len() as i64 + 2).into()]).await?;
    let mut found = rows.iter().map(|row| row.uuid("id").map(OrganizationId)).collect::<storage::Result<Vec<_>>>()?;
    found.retain(|organization| !apart.contains(organization));
    found.truncate(2);
    Ok(found)
}

/// The one organization of this installation, for the command line, which needs no name while there is only one.
pub async fn only_organization(platform: &Platform, apart: &[OrganizationId]) -> Result<OrganizationId> {
    match first_organizations(platform, apart).await?.as_slice() {
        [organization] => Ok(*organization),
        [] => Err(Error::invalid("organization", "There is no organization yet; open the first owner's link first.")),
        _ => Err(Error::invalid(
            "organization",
            "There are several; name one with --organization. `ringfence organization list` shows their ids.",
        )),
    }
}

/// The member of this organization with this e-mail address, whatever their state.
pub async fn find(platform: &Platform, organization: OrganizationId, email: &str) -> Result<Option<Uuid>> {
    let index = user::email_index(&platform.vault.installation_keyring(), &EmailAddress::parse(email)?)?;
    let arguments = [organization.into(), index.into()];
    let rows = platform.database.installation().query(&MEMBER_BY_EMAIL, &arguments).await?;
    Ok(rows.first().map(|row| row.uuid("id")).transpose()?)
}
