//! What nodes that are gone left open, and who takes it over.

use identity::Platform;
use storage::{OrganizationId, Row, Statement};
use uuid::Uuid;

use super::calls::channel;
use crate::Error;

/// Calls, and recordings, that one look finds at most.
const MOST_AT_ONCE: i64 = 10_000;

/// A call or a recording whose node is gone.
#[derive(Clone, Copy, Debug)]
pub struct Abandoned {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its identifier.
    pub id: Uuid,
    /// The node that held it.
    pub node_id: Uuid,
}

/// Everything that stands open, by a statement that asks for calls or for recordings.
///
/// # Errors
/// When the database cannot be read.
pub async fn all(platform: &Platform, which: &'static Statement) -> Result<Vec<Abandoned>, Error> {
    let door = platform.database.installation();
    let rows = door.query(which, &[platform.now().into(), MOST_AT_ONCE.into()]).await?;
    let read = |row: &Row| {
        Ok(Abandoned {
            organization: row.organization("organization_id")?,
            id: row.uuid("id")?,
            node_id: row.uuid("node_id")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Whether this node is the one that mends it now.
///
/// # Errors
/// When the database refuses.
pub async fn adopt(platform: &Platform, how: &'static Statement, left: Abandoned, by: Uuid) -> Result<bool, Error> {
    let mut transaction = channel(left.organization).database(platform).begin().await?;
    let taken = transaction.execute(how, &[left.id.into(), left.node_id.into(), by.into()]).await?;
    transaction.commit().await?;
    Ok(taken > 0)
}
