//! What an organization asks of those who sign in: how long passwords are beside a second factor, whether everybody needs
//! one, and how many former passwords do not come back.

use storage::OrganizationId;
use uuid::Uuid;

use crate::store::{POLICIES_OF_USER, POLICY_DELETE, POLICY_OF_ORGANIZATION, SIGN_IN_POLICY};
use crate::{Caller, Error, Platform, Result, password};

/// Longest minimum that can be asked for: beyond it people write passwords down.
pub const MAXIMUM_LENGTH: i64 = 64;
/// Most former passwords that are remembered.
pub const MAXIMUM_HISTORY: i64 = 24;

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Fewest characters of a password beside a second factor, 8 to 64. Alone it needs at least 15 in any case.
    pub password_length: i64,
    /// Does everybody need a second factor? Owners and Admins do in any case.
    pub require_second_factor: bool,
    /// So many former passwords do not come back, 0 to 24.
    pub password_history: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { password_length: 8, require_second_factor: false, password_history: 5 }
    }
}

impl Policy {
    /// Fewest characters of a new password, for an account with or without a second factor.
    pub fn minimum_length(self, has_second_factor: bool) -> usize {
        let wanted = usize::try_from(self.password_length).unwrap_or(password::MINIMUM_LENGTH_WITH_SECOND_FACTOR);
        if has_second_factor { wanted } else { wanted.max(password::MINIMUM_LENGTH_ALONE) }
    }

    fn check(self) -> Result<()> {
        if !(8..=MAXIMUM_LENGTH).contains(&self.password_length) {
            return Err(Error::invalid("password_length", format!("Give a number from 8 to {MAXIMUM_LENGTH}.")));
        }
        if !(0..=MAXIMUM_HISTORY).contains(&self.password_history) {
            return Err(Error::invalid("password_history", format!("Give a number from 0 to {MAXIMUM_HISTORY}.")));
        }
        Ok(())
    }
}

fn read(row: &storage::Row) -> storage::Result<Policy> {
    Ok(Policy {
        password_length: row.integer("password_length")?,
        require_second_factor: row.boolean("require_second_factor")?,
        password_history: row.integer("password_history")?,
    })
}

/// The rules of an organization.
pub async fn get(platform: &Platform, organization: OrganizationId) -> Result<Policy> {
    let rows = platform.database.installation().query(&POLICY_OF_ORGANIZATION, &[organization.into()]).await?;
    Ok(rows.first().map(read).transpose()?.unwrap_or_default())
}

/// The strictest of every rule among the organizations that a person works in: there is one password for all of them.
pub async fn of_user(platform: &Platform, user: Uuid) -> Result<Policy> {
    let rows = platform.database.installation().query(&POLICIES_OF_USER, &[user.into()]).await?;
    let mut strictest: Option<Policy> = None;
    for row in &rows {
        // An organization that set nothing has the defaults.
        let is_set = row.optional_integer("password_length")?.is_some();
        let policy = if is_set { read(row)? } else { Policy::default() };
        let so_far = strictest.unwrap_or(policy);
        strictest = Some(Policy {
            password_length: so_far.password_length.max(policy.password_length),
            require_second_factor: so_far.require_second_factor || policy.require_second_factor,
            password_history: so_far.password_history.max(policy.password_history),
        });
    }
    Ok(strictest.unwrap_or_default())
}

/// Sets the rules of the caller's organization. They count for the next sign-in, the next password, and at once for whoever
/// is signed in by one factor where two are asked for now.
pub async fn set(platform: &Platform, caller: &Caller, policy: Policy) -> Result<()> {
    policy.check()?;
    let organization = caller.organization();
    let mut change = caller.change(platform, "sign_in_policy.change").await?;
    change.execute(&POLICY_DELETE, &[organization.into()]).await?;
    let id = platform.identifiers.next();
    let fields = [
        ("id", id.into()),
        ("organization_id", organization.into()),
        ("password_length", policy.password_length.into()),
        ("require_second_factor", policy.require_second_factor.into()),
        ("password_history", policy.password_history.into()),
        ("changed_at", platform.now().into()),
    ];
    change.insert(&SIGN_IN_POLICY, &fields).await?;
    let facts = vec![
        ("password_length", policy.password_length.to_string()),
        ("require_second_factor", policy.require_second_factor.to_string()),
        ("password_history", policy.password_history.to_string()),
    ];
    change.commit("sign_in_policy", Some(id), facts).await
}
