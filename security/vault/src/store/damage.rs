//! What was found damaged, kept until it opens again or is gone.

use storage::{InstallationDb, OrganizationId, Row, Statement, Timestamp, Transaction};
use uuid::Uuid;

use super::tables::DAMAGE;
use crate::{error::Result, sweep::Damage};

pub(super) static DAMAGE_OF: Statement = Statement::installation(
    "vault.damage_of",
    "select id, organization_id, place, object_id, reason, found_at, seen_at from damage
     where organization_id = $1 order by found_at desc, id limit $2",
);

pub(super) static DAMAGE_AT: Statement = Statement::installation(
    "vault.damage_at",
    "select id from damage where organization_id = $1 and place = $2 and object_id = $3",
);

pub(super) static DAMAGE_MENDED: Statement =
    Statement::installation("vault.damage_mended", "delete from damage where organization_id = $1 and seen_at < $2");

pub(super) static DAMAGE_COUNT: Statement =
    Statement::installation("vault.damage_count", "select count(*) as damaged from damage");

/// Writes a damage down; true when it was not known.
pub(super) async fn note(transaction: &mut Transaction, id: Uuid, damage: &Damage) -> Result<bool> {
    let owner = owner(damage.organization);
    let at = [owner.into(), damage.place.as_str().into(), damage.object.into()];
    let known = transaction.query(&DAMAGE_AT, &at).await?;
    if let Some(row) = known.first() {
        let values = [("reason", damage.reason.as_str().into()), ("seen_at", damage.seen_at.into())];
        transaction.update(&DAMAGE, row.uuid("id")?, &values).await?;
        return Ok(false);
    }
    let values = [
        ("id", id.into()),
        ("organization_id", owner.into()),
        ("place", damage.place.as_str().into()),
        ("object_id", damage.object.into()),
        ("reason", damage.reason.as_str().into()),
        ("found_at", damage.found_at.into()),
        ("seen_at", damage.seen_at.into()),
    ];
    transaction.insert(&DAMAGE, &values).await?;
    Ok(true)
}

/// Forgets what a whole scrub, begun at this instant, did not see again: it was mended, or it is gone.
pub(super) async fn forget_mended(
    transaction: &mut Transaction,
    organization: Option<OrganizationId>,
    begun: Timestamp,
) -> Result<()> {
    transaction.execute(&DAMAGE_MENDED, &[owner(organization).into(), begun.into()]).await?;
    Ok(())
}

pub(super) async fn of(door: &InstallationDb, organization: Option<OrganizationId>, limit: i64) -> Result<Vec<Damage>> {
    let rows = door.query(&DAMAGE_OF, &[owner(organization).into(), limit.into()]).await?;
    rows.iter().map(damage).collect()
}

pub(super) async fn count(door: &InstallationDb) -> Result<i64> {
    let rows = door.query(&DAMAGE_COUNT, &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer("damaged"))?)
}

/// The id under which an owner's rows stand: the zero id for the installation.
pub(super) fn owner(organization: Option<OrganizationId>) -> Uuid {
    organization.map_or(Uuid::nil(), |organization| organization.0)
}

/// The other way round.
pub(super) fn organization(owner: Uuid) -> Option<OrganizationId> {
    (!owner.is_nil()).then_some(OrganizationId(owner))
}

fn damage(row: &Row) -> Result<Damage> {
    Ok(Damage {
        organization: organization(row.uuid("organization_id")?),
        place: row.text("place")?,
        object: row.uuid("object_id")?,
        reason: row.text("reason")?,
        found_at: row.timestamp("found_at")?,
        seen_at: row.timestamp("seen_at")?,
    })
}
