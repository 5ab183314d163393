//! Numbers: which organization and agent answers what is dialled.

use identity::{Caller, Platform};
use storage::{OrganizationId, Row, Statement};
use uuid::Uuid;

use super::PHONE_NUMBER;
use crate::Error;
use crate::record::{PhoneNumber, is_dialable};

/// Finds who answers a dialled user part.
pub static BY_CALLED: Statement = Statement::installation(
    "telephony.number_by_called",
    "select id, organization_id, agent_id, called, created_at from phone_number where called = $1",
);

/// All numbers of one organization.
pub static OF_ORGANIZATION: Statement = Statement::installation(
    "telephony.numbers_of_organization",
    "select id, organization_id, agent_id, called, created_at from phone_number where organization_id = $1 order by called",
);

/// A number with the organization it belongs to.
#[derive(Clone, Debug)]
pub struct Route {
    /// The organization.
    pub organization: OrganizationId,
    /// The number.
    pub number: PhoneNumber,
}

fn route(row: &Row) -> Result<Route, Error> {
    let number = PhoneNumber {
        id: row.uuid("id")?,
        called: row.text("called")?,
        agent_id: row.uuid("agent_id")?,
        created_at: row.timestamp("created_at")?,
    };
    Ok(Route { organization: OrganizationId(row.uuid("organization_id")?), number })
}

/// Who answers `called`, if anybody.
///
/// # Errors
/// When the database cannot be read.
pub async fn find(platform: &Platform, called: &str) -> Result<Option<Route>, Error> {
    if !is_dialable(called) {
        return Ok(None);
    }
    let rows = platform.database.installation().query(&BY_CALLED, &[called.into()]).await?;
    let Some(route) = rows.first().map(route).transpose()? else { return Ok(None) };
    // A locked organization answers nobody.
    Ok(identity::incident::is_open(platform, route.organization).await?.then_some(route))
}

/// The numbers of the caller's organization.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(platform: &Platform, caller: &Caller) -> Result<Vec<PhoneNumber>, Error> {
    let organization = caller.organization();
    let rows = platform.database.installation().query(&OF_ORGANIZATION, &[organization.into()]).await?;
    rows.iter().map(|row| route(row).map(|route| route.number)).collect()
}

/// Connects a number to an agent.
///
/// # Errors
/// [`Error::NotDialable`] for a number that no phone can dial, [`Error::NotPublished`] when the organization has no such
/// agent or it has no published version, [`Error::NumberTaken`] when somebody has the number already.
pub async fn connect(platform: &Platform, caller: &Caller, called: &str, agent_id: Uuid) -> Result<PhoneNumber, Error> {
    if !is_dialable(called) {
        return Err(Error::NotDialable);
    }
    // Numbers are the installation's, so no foreign key of the organization's stands behind this column.
    let (database, keyring) = (caller.database(platform), caller.keyring(platform).await?);
    let version = agents::store::published(&database, &keyring, agent_id).await.map_err(conversations::Error::from)?;
    if version.is_none() {
        return Err(Error::NotPublished);
    }
    let number = PhoneNumber {
        id: platform.identifiers.next(),
        called: called.to_owned(),
        agent_id,
        created_at: platform.clock.now(),
    };
    let mut change = caller.change(platform, "number.connect").await?;
    let row = [
        ("id", number.id.into()),
        ("organization_id", caller.organization().into()),
        ("agent_id", agent_id.into()),
        ("called", called.into()),
        ("created_at", number.created_at.into()),
    ];
    change.insert(&PHONE_NUMBER, &row).await.map_err(|error| match error {
        storage::Error::Conflict { .. } => Error::NumberTaken,
        other => other.into(),
    })?;
    change.commit("phone_number", Some(number.id), Vec::new()).await?;
    Ok(number)
}

/// Releases a number; calls to it are refused from then on.
///
/// # Errors
/// [`Error::NotFound`] when the organization has no such number.
pub async fn release(platform: &Platform, caller: &Caller, id: Uuid) -> Result<(), Error> {
    if !list(platform, caller).await?.iter().any(|number| number.id == id) {
        return Err(Error::NotFound);
    }
    let mut change = caller.change(platform, "number.release").await?;
    change.delete(&PHONE_NUMBER, id).await?;
    change.commit("phone_number", Some(id), Vec::new()).await?;
    Ok(())
}
