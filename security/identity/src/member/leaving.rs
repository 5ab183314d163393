//! How a membership ends: the person's sessions here, the keys and widgets that they made, the invitations that they have
//! open and the one-time links that name them all end in one transaction, so that nothing of them is good at the next
//! request. The membership itself stays as a line, so that the log still has a name to show.

use storage::OrganizationId;
use uuid::Uuid;

use super::standing::{Target, set_state};
use crate::store::KEYS_REVOKE_OF_OWNER;
use crate::store::people::{
    INVITATIONS_REVOKE_OF_MAKER, MEMBERSHIP_OF_USER, PROVISIONED_USER_DELETE, SESSIONS_DELETE_OF_MEMBER,
    SESSIONS_DELETE_OF_VOUCHED, TOKENS_DELETE_OF_MEMBER,
};
use crate::{Caller, Change, Error, MembershipState, Platform, Result};

/// What ended with a membership.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Signed-in browsers.
    pub sessions: u64,
    /// API keys.
    pub keys: u64,
    /// Invitations that nobody had used yet.
    pub invitations: u64,
    /// Links that would have signed the person in, or let them choose a password.
    pub links: u64,
    /// Widgets and whatever else the parts above have.
    pub belongings: u64,
}

/// Ends somebody's membership.
pub async fn remove(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Ended> {
    let mut change = caller.change(platform, "member.remove").await?;
    let ended = remove_within(&mut change, caller, id).await?;
    change.commit("membership", Some(id), facts(&ended)).await?;
    Ok(ended)
}

/// The same within a change that says why; whoever commits it writes [`facts`] down.
pub async fn remove_within(change: &mut Change, caller: &Caller, id: Uuid) -> Result<Ended> {
    let target = Target::of(change, caller, id).await?;
    target.may_be_changed_by(caller)?;
    end(change, caller, id, &target).await
}

/// Ends the caller's own membership. The last owner cannot leave.
pub async fn leave(platform: &Platform, caller: &Caller) -> Result<Ended> {
    let user = caller.user().ok_or(Error::Conflict("a program has no membership: revoke its key"))?;
    let mut change = caller.change(platform, "member.leave").await?;
    let rows = change.query(&MEMBERSHIP_OF_USER, &[caller.organization().into(), user.into()]).await?;
    let id = rows.first().ok_or(Error::NotFound)?.uuid("id")?;
    let target = Target::of(&mut change, caller, id).await?;
    let ended = end(&mut change, caller, id, &target).await?;
    change.commit("membership", Some(id), facts(&ended)).await?;
    Ok(ended)
}

async fn end(change: &mut Change, caller: &Caller, id: Uuid, target: &Target) -> Result<Ended> {
    if target.state == MembershipState::Left {
        return Err(Error::Conflict("this person has left already"));
    }
    target.must_not_be_the_last_owner(change, caller).await?;
    set_state(change, id, MembershipState::Left).await?;
    // What a directory said about the person goes with the membership; the door of the organization binds its id.
    change.execute(&PROVISIONED_USER_DELETE, &[target.user.into()]).await?;
    cut_off(change, caller.organization(), target.user).await
}

/// What ended, for the audit log.
pub fn facts(ended: &Ended) -> Vec<(&'static str, String)> {
    vec![
        ("sessions", ended.sessions.to_string()),
        ("keys", ended.keys.to_string()),
        ("invitations", ended.invitations.to_string()),
        ("links", ended.links.to_string()),
        ("belongings", ended.belongings.to_string()),
    ]
}

/// Ends everything by which this person, or what they made, is let into this organization. The membership stays, and so does what
/// a directory needs to find them by.
pub(crate) async fn cut_off(change: &mut Change, organization: OrganizationId, user: Uuid) -> Result<Ended> {
    let now = change.platform().now();
    let (person, person_now) = ([organization.into(), user.into()], [organization.into(), user.into(), now.into()]);
    // Before the links go: it is by them that those are found whom they let in.
    change.execute(&SESSIONS_DELETE_OF_VOUCHED, &person).await?;
    let mut ended = Ended {
        sessions: change.execute(&SESSIONS_DELETE_OF_MEMBER, &person).await?,
        keys: change.execute(&KEYS_REVOKE_OF_OWNER, &person_now).await?,
        invitations: change.execute(&INVITATIONS_REVOKE_OF_MAKER, &person_now).await?,
        links: change.execute(&TOKENS_DELETE_OF_MEMBER, &person).await?,
        belongings: 0,
    };
    for belonging in change.platform().belongings {
        ended.belongings += change.execute(belonging.revoke_of_maker, &person_now[1..]).await?;
    }
    Ok(ended)
}
