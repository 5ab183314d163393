//! What changes about a membership: its role, and whether it is stopped for now. Nobody acts on somebody above them,
//! nobody hands out more than they hold, and the last active owner stays.

use storage::Value;
use uuid::Uuid;

use super::Member;
use crate::store::people::{
    ACCESS_SETTING, INVITATIONS_REVOKE_FOR, MEMBER_OF_ORGANIZATION, MEMBERS_PRIVILEGED, MEMBERSHIPS_OF_OWNERS,
    PRIVILEGED_LIMIT_KEEP, SESSIONS_DELETE_OF_MEMBER,
};
use crate::store::{MEMBERSHIP, ORGANIZATION_LOCK};
use crate::{Caller, Change, Error, MembershipState, Platform, Result, Role, reset};

/// Owners and admins beyond which the organization is warned, until it sets its own number.
pub const PRIVILEGED_LIMIT: i64 = 3;
/// The largest number that can be set.
pub const MAXIMUM_PRIVILEGED_LIMIT: i64 = 100;

/// How many may do nearly everything, and how many the organization wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileged {
    /// Active owners and admins.
    pub members: i64,
    /// More than so many are too many.
    pub limit: i64,
}

impl Privileged {
    /// Are there too many?
    pub const fn is_too_many(self) -> bool {
        self.members > self.limit
    }
}

/// How many owners and admins there are, and how many are wanted at most.
pub async fn privileged(platform: &Platform, caller: &Caller) -> Result<Privileged> {
    let organization = caller.organization();
    let rows = platform.database.installation().query(&MEMBERS_PRIVILEGED, &[organization.into()]).await?;
    let members = rows.first().map_or(Ok(0), |row| row.integer("members"))?;
    let setting = caller.database(platform).get(&ACCESS_SETTING, organization.0).await?;
    let limit = setting.map_or(Ok(PRIVILEGED_LIMIT), |row| row.integer("privileged_limit"))?;
    Ok(Privileged { members, limit })
}

/// Sets how many owners and admins are wanted at most, 1 to [`MAXIMUM_PRIVILEGED_LIMIT`].
pub async fn set_privileged_limit(platform: &Platform, caller: &Caller, limit: i64) -> Result<()> {
    if !(1..=MAXIMUM_PRIVILEGED_LIMIT).contains(&limit) {
        let reason = format!("Give a number from 1 to {MAXIMUM_PRIVILEGED_LIMIT}.");
        return Err(Error::invalid("privileged_limit", reason));
    }
    let mut change = caller.change(platform, "access_setting.update").await?;
    change.execute(&PRIVILEGED_LIMIT_KEEP, &[caller.organization().0.into(), limit.into()]).await?;
    let facts = vec![("privileged_limit", limit.to_string())];
    change.commit("organization", Some(caller.organization().0), facts).await
}

/// Gives a member another role.
pub async fn change_role(platform: &Platform, caller: &Caller, id: Uuid, role: Role) -> Result<()> {
    let mut change = caller.change(platform, "member.role").await?;
    let from = change_role_within(&mut change, caller, id, role).await?;
    let facts = vec![("from", from.as_str().to_owned()), ("to", role.as_str().to_owned())];
    change.commit("membership", Some(id), facts).await
}

/// The same within a change that says why. Answers with the role from before. Links by which somebody vouched for who they were
/// end: they were made by whoever could grant the role from before.
pub async fn change_role_within(change: &mut Change, caller: &Caller, id: Uuid, role: Role) -> Result<Role> {
    let target = Target::of(change, caller, id).await?;
    target.may_be_changed_by(caller)?;
    if caller.role().is_some_and(|own| !own.may_grant(role)) {
        return Err(Error::BeyondOwnRole);
    }
    if target.state == MembershipState::Left {
        return Err(Error::Conflict("this person has left: invite them again"));
    }
    if role != Role::Owner {
        target.must_not_be_the_last_owner(change, caller).await?;
    }
    change.update(&MEMBERSHIP, id, &[("role", role.as_str().into())]).await?;
    if role != target.role {
        let arguments = [caller.organization().into(), target.user.into(), change.platform().now().into()];
        change.execute(&INVITATIONS_REVOKE_FOR, &arguments).await?;
        reset::withdraw(change, target.user).await?;
    }
    Ok(target.role)
}

/// Stops a member for now: sessions end, and so do links by which they vouched for others; keys are refused until they are let in
/// again. Stopping twice changes nothing.
pub async fn suspend(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let mut change = caller.change(platform, "member.suspend").await?;
    match suspend_within(&mut change, caller, id).await? {
        Some(sessions) => change.commit("membership", Some(id), vec![("sessions", sessions.to_string())]).await,
        None => Ok(()),
    }
}

/// The same within a change that says why. Answers how many sessions ended, those of others whom the member vouched for not
/// counted; nothing when the member was suspended before.
pub async fn suspend_within(change: &mut Change, caller: &Caller, id: Uuid) -> Result<Option<u64>> {
    let target = Target::of(change, caller, id).await?;
    target.may_be_changed_by(caller)?;
    match target.state {
        MembershipState::Suspended => return Ok(None),
        MembershipState::Active => {}
        MembershipState::Invited | MembershipState::Left => {
            return Err(Error::Conflict("only somebody who works here can be suspended"));
        }
    }
    target.must_not_be_the_last_owner(change, caller).await?;
    set_state(change, id, MembershipState::Suspended).await?;
    reset::withdraw(change, target.user).await?;
    let arguments = [caller.organization().into(), target.user.into()];
    Ok(Some(change.execute(&SESSIONS_DELETE_OF_MEMBER, &arguments).await?))
}

/// Lets a suspended member in again. They sign in anew; keys that they answer for work again.
pub async fn reinstate(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let mut change = caller.change(platform, "member.reinstate").await?;
    if reinstate_within(&mut change, caller, id).await? {
        return change.commit("membership", Some(id), Vec::new()).await;
    }
    Ok(())
}

/// The same within a change that says why. `false` when the member was let in all along.
pub async fn reinstate_within(change: &mut Change, caller: &Caller, id: Uuid) -> Result<bool> {
    let target = Target::of(change, caller, id).await?;
    target.may_be_changed_by(caller)?;
    match target.state {
        MembershipState::Active => return Ok(false),
        MembershipState::Suspended => {}
        MembershipState::Invited | MembershipState::Left => {
            return Err(Error::Conflict("this person is not suspended: invite them"));
        }
    }
    set_state(change, id, MembershipState::Active).await?;
    Ok(true)
}

/// Makes everybody wait who changes memberships of this organization, until the change ends: two owners who remove each
/// other at the same moment must not both succeed, and what was read is what is changed.
pub async fn lock(change: &mut Change) -> Result<()> {
    let organization = change.caller().organization();
    change.query(&ORGANIZATION_LOCK, &[organization.into()]).await?;
    Ok(())
}

pub(super) async fn set_state(change: &mut Change, id: Uuid, state: MembershipState) -> Result<()> {
    change.update(&MEMBERSHIP, id, &[("state", Value::from(state.as_str()))]).await?;
    Ok(())
}

/// The membership that a change is about, read while nobody else can change memberships of this organization.
pub(crate) struct Target {
    pub user: Uuid,
    pub role: Role,
    pub state: MembershipState,
}

impl Target {
    pub async fn of(change: &mut Change, caller: &Caller, id: Uuid) -> Result<Self> {
        let organization = caller.organization();
        lock(change).await?;
        let rows = change.query(&MEMBER_OF_ORGANIZATION, &[organization.into(), id.into()]).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        let member: Member = super::read(row, &change.platform().vault.installation_keyring())?;
        Ok(Self { user: member.user, role: member.role, state: member.state })
    }

    /// Nobody acts on somebody who may do what they may not.
    pub fn may_be_changed_by(&self, caller: &Caller) -> Result<()> {
        if caller.role().is_some_and(|own| !own.may_grant(self.role)) { Err(Error::BeyondOwnRole) } else { Ok(()) }
    }

    pub async fn must_not_be_the_last_owner(&self, change: &mut Change, caller: &Caller) -> Result<()> {
        if self.role != Role::Owner || self.state != MembershipState::Active {
            return Ok(());
        }
        let arguments = [caller.organization().into(), self.user.into()];
        let rows = change.query(&MEMBERSHIPS_OF_OWNERS, &arguments).await?;
        if rows.first().map_or(Ok(0), |row| row.integer("owners"))? == 0 {
            return Err(Error::Conflict("this is the last owner: make somebody else an owner first"));
        }
        Ok(())
    }
}
