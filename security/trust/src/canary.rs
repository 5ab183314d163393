//! Two organizations that exist to be attacked. Probes hold keys and sessions of theirs, so that no real organization is ever touched; they
//! are founded once, count as none, and have no member who could sign in by password.

use audit::{Actor, ActorKind};
use chat::embed_token::Quota;
use chat::widget::{self, NewWidget, Widget};
use identity::api_key::{self, ApiKey, NewKey};
use identity::founding::{self, Founding};
use identity::member::joining::{self, MAXIMUM_MEMBERS, Newcomer};
use identity::session::Device;
use identity::token::{KeyText, Secret};
use identity::user::EmailAddress;
use identity::{Caller, Environment, Factor, Platform, Role, member, one_time, sign_in};
use storage::OrganizationId;
use uuid::Uuid;

use crate::finding::Finding;
use crate::{Error, store};

/// A key of a canary lives at most this long, even when the probe that made it fell over.
const KEY_SECONDS: i64 = 600;
const NAMES: [&str; 2] = ["first", "second"];

/// An organization to be attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// Its id.
    pub organization: OrganizationId,
    /// Its owner, whose password nobody knows.
    pub owner: Uuid,
}

/// Both canaries; founded when they are not there yet. They do not count as organizations of this installation.
pub async fn pair(platform: &Platform) -> Result<[Canary; 2], Finding> {
    Ok([canary(platform, NAMES[0]).await?, canary(platform, NAMES[1]).await?])
}

/// A third one, whose networks change while it is looked at: the others stay reachable.
pub async fn behind_networks(platform: &Platform) -> Result<Canary, Finding> {
    canary(platform, "networks").await
}

/// A third one, for the probe that locks it: the others are in use meanwhile.
pub async fn to_be_locked(platform: &Platform) -> Result<Canary, Finding> {
    canary(platform, "locked").await
}

async fn canary(platform: &Platform, name: &str) -> Result<Canary, Finding> {
    let database = &platform.database;
    if let Some(canary) = store::canary(database, name).await.map_err(failed)? {
        return Ok(canary);
    }
    let email = format!("probe-{name}@{}.invalid", platform.identifiers.next().simple());
    let password = Secret::generate(platform.entropy.as_ref());
    let founding = Founding {
        organization_name: &format!("Probe, {name}"),
        name: "Probe",
        email: &email,
        password: password.reveal(),
    };
    let founded = founding::found_for_probes(platform, &founding).await.map_err(failed)?;
    let canary = Canary { organization: founded.organization, owner: founded.owner };
    match store::keep_canary(database, &platform.identifiers, name, canary).await {
        Ok(()) => Ok(canary),
        // Another process was quicker; its canary is the one.
        Err(Error::Storage(storage::Error::Conflict { .. })) => {
            let kept = store::canary(database, name).await.map_err(failed)?;
            kept.ok_or_else(|| failed("it was kept and is gone"))
        }
        Err(error) => Err(failed(error)),
    }
}

/// An error on the way to a canary means that nothing was measured.
fn failed(error: impl std::fmt::Display) -> Finding {
    Finding::not_measured(format!("The organizations for probes are not at hand: {error}"))
}

impl Canary {
    /// Acts in the canary as the program itself.
    pub fn caller(&self) -> Caller {
        Caller::for_channel(self.organization, Actor { kind: ActorKind::System, id: None, address: None })
    }

    /// A key of the canary that ends by itself within minutes.
    pub async fn key(&self, platform: &Platform, role: Role) -> Result<(ApiKey, KeyText), Finding> {
        self.key_of(platform, role, Environment::Live).await
    }

    /// The same for either world.
    pub async fn key_of(
        &self,
        platform: &Platform,
        role: Role,
        environment: Environment,
    ) -> Result<(ApiKey, KeyText), Finding> {
        let expires_at = Some(platform.now().plus_seconds(KEY_SECONDS));
        let new = NewKey { name: "probe", environment, role, expires_at };
        api_key::create(platform, &self.caller(), &new).await.map_err(failed)
    }

    /// Ends a key.
    pub async fn revoke(&self, platform: &Platform, key: &ApiKey) -> Result<(), Finding> {
        api_key::revoke(platform, &self.caller(), key.id, None).await.map(drop).map_err(failed)
    }

    /// The canary's one agent, never published: nobody is ever answered by it.
    pub async fn agent(&self, platform: &Platform) -> Result<Uuid, Finding> {
        let caller = self.caller();
        let listed = agents::store::list(platform, &caller, Uuid::max(), 1).await.map_err(failed)?;
        if let Some(agent) = listed.first() {
            return Ok(agent.id);
        }
        let made = agents::store::create(platform, &caller, agents::profile::sample()).await;
        made.map(|agent| agent.id).map_err(failed)
    }

    /// The canary's one widget; made when it is not there yet, with an empty list of origins.
    pub async fn widget(&self, platform: &Platform) -> Result<Widget, Finding> {
        let caller = self.caller();
        let listed = widget::list(platform, &caller, Uuid::max(), 1).await.map_err(failed)?;
        if let Some(widget) = listed.into_iter().find(|widget| widget.token.revoked_at.is_none()) {
            return Ok(widget);
        }
        let agent_id = self.agent(platform).await?;
        let new = NewWidget { name: "probe", agent_id, origins: &[], expires_at: None, quota: Quota::default() };
        widget::create(platform, &caller, &new).await.map_err(failed)
    }

    /// A session of a member of this role that has shown a password alone.
    pub async fn session_by_one_factor(&self, platform: &Platform, role: Role) -> Result<Secret, Finding> {
        let (wanted, device) = (Some(self.organization), Device::default());
        let member = self.member(platform, role).await?;
        let opened = sign_in::admit(platform, member, wanted, &[Factor::Password], &device).await;
        opened.map_err(failed)?.ok_or_else(|| failed("its member is not let in"))
    }

    /// The canary's one member of this role, without a password of their own; made when not there yet.
    async fn member(&self, platform: &Platform, role: Role) -> Result<Uuid, Finding> {
        if role == Role::Owner {
            return Ok(self.owner);
        }
        let email = format!("probe-{}@{}.invalid", role.as_str(), self.organization.0.simple());
        if let Some(member) = member::find(platform, self.organization, &email).await.map_err(failed)? {
            return Ok(member);
        }
        let email = EmailAddress::parse(&email).map_err(failed)?;
        let mut change = self.caller().change(platform, "member.add").await.map_err(failed)?;
        let newcomer = Newcomer { email: &email, name: "Probe", role, maximum_members: MAXIMUM_MEMBERS };
        let joined = joining::join(&mut change, &newcomer).await.map_err(failed)?;
        let facts = vec![("role", role.as_str().to_owned())];
        change.commit("membership", Some(joined.membership), facts).await.map_err(failed)?;
        Ok(joined.user)
    }

    /// A browser's session of the owner, by a one-time link.
    pub async fn session(&self, platform: &Platform) -> Result<Secret, Finding> {
        let link = one_time::issue_sign_in_link(platform, self.organization, self.owner).await.map_err(failed)?;
        sign_in::with_link(platform, link.reveal(), &Device::default()).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use storage::Schema;

    use super::pair;
    use crate::store::{STATEMENTS, TABLES};

    #[tokio::test]
    async fn two_processes_that_look_at_once_agree() {
        let schema = Schema { tables: TABLES.to_vec(), statements: STATEMENTS.to_vec() };
        for test in identity::testing::platforms(schema).await {
            let (one, other) = tokio::join!(pair(&test.platform), pair(&test.platform));
            assert_eq!(one.expect("founded"), other.expect("founded"), "{}", test.name);
        }
    }

    #[tokio::test]
    async fn canaries_are_founded_once_and_leave_the_first_owners_place_free() {
        let schema = Schema { tables: TABLES.to_vec(), statements: STATEMENTS.to_vec() };
        for test in identity::testing::platforms(schema).await {
            let first = pair(&test.platform).await.expect("founded");
            assert_eq!(pair(&test.platform).await.expect("found again"), first, "{}", test.name);
            assert_ne!(first[0].organization, first[1].organization);
            let mut apart = crate::canaries(&test.platform.database).await.expect("listed");
            apart.sort_unstable();
            let mut founded = first.map(|canary| canary.organization);
            founded.sort_unstable();
            assert_eq!(apart, founded, "{}", test.name);
            assert!(identity::founding::is_needed(&test.platform).await.expect("asked"), "{}", test.name);
        }
    }
}
