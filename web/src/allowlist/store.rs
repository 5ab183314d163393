//! The table of network rules: one row for each organization that has any.

use identity::{Caller, Platform};
use storage::{Column, Erasure, OrganizationId, Owner, Reference, Retention, Statement, Table};

use super::{Allowlist, Allowlists, Error};

/// From where an organization may be reached. The row's id is the organization's.
pub static NETWORK_RULE: Table = Table {
    name: "network_rule",
    owner: Owner::Organization,
    // Read at every request, before any key is opened; the networks of an office are no secret.
    columns: &[Column::text("dashboard"), Column::text("api"), Column::time("changed_at")],
    references: &[] as &[Reference],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::None("networks of a business"),
};

/// The lists of an organization.
pub(crate) const ROW: Statement =
    Statement::organization("web.network_rule", "select dashboard, api from network_rule where organization_id = $1");
/// Both lists, taken away.
pub(crate) const DELETE: Statement =
    Statement::organization("web.network_rule_delete", "delete from network_rule where organization_id = $1");

/// The lists of an organization; empty ones where nothing was set.
pub async fn read(platform: &Platform, organization: OrganizationId) -> storage::Result<Allowlists> {
    let rows = platform.database.organization(organization).query(&ROW, &[]).await?;
    let Some(row) = rows.first() else { return Ok(Allowlists::default()) };
    Ok(Allowlists { dashboard: stored(&row.text("dashboard")?)?, api: stored(&row.text("api")?)? })
}

/// A stored list that cannot be read lets nobody in: it was written by a newer version, or by hand.
fn stored(text: &str) -> storage::Result<Allowlist> {
    Allowlist::parse(text.split_whitespace()).map_err(|_| storage::Error::ColumnType {
        column: "network_rule".to_owned(),
        expected: "a list of networks",
        found: "something else",
    })
}

/// Sets both lists, unless that would shut out whoever asks.
pub async fn replace(platform: &Platform, caller: &Caller, lists: &Allowlists) -> Result<(), Error> {
    if !lists.permit(caller) {
        return Err(Error::ShutsOutTheCaller(caller.address()));
    }
    let mut change = caller.change(platform, "allowlist.update").await?;
    change.execute(&DELETE, &[]).await?;
    if !lists.dashboard.is_empty() || !lists.api.is_empty() {
        let fields = [
            ("id", caller.organization().0.into()),
            ("dashboard", lists.dashboard.to_string().into()),
            ("api", lists.api.to_string().into()),
            ("changed_at", platform.now().into()),
        ];
        change.insert(&NETWORK_RULE, &fields).await?;
    }
    let facts = vec![("dashboard", lists.dashboard.to_string()), ("api", lists.api.to_string())];
    change.commit("allowlist", Some(caller.organization().0), facts).await?;
    Ok(())
}

/// Empties both lists, wherever the caller is: the way out for whoever runs the machine.
pub async fn clear(platform: &Platform, caller: &Caller) -> Result<(), Error> {
    let mut change = caller.change(platform, "allowlist.clear").await?;
    change.execute(&DELETE, &[]).await?;
    change.commit("allowlist", Some(caller.organization().0), Vec::new()).await?;
    Ok(())
}
