//! Who asks, within which organization. There is no way to an organization's data without one.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use audit::{Actor, ActorKind, Entry, Outcome};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use storage::{OrganizationDb, OrganizationId};
use uuid::Uuid;
use vault::Keyring;

use crate::api_key::KeyRole;
use crate::support::Scope;
use crate::{
    Change, Environment, Error, MembershipState, Outstanding, Permission, Platform, Result, Role, SignedIn, allows,
};
use crate::{authenticator, change};

/// By what the caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A browser's session.
    Session(Uuid),
    /// A program's key.
    ApiKey(Uuid),
    /// None: a phone call, a visitor's chat, a worker.
    Channel,
    /// An operator whom the organization lets look.
    Support {
        /// The support session.
        session: Uuid,
        /// What allows it.
        grant: Uuid,
    },
}

/// Whoever asks. Cheap to clone.
#[derive(Clone)]
pub struct Caller(Arc<Facts>);

pub(crate) struct Facts {
    pub organization: OrganizationId,
    pub organization_name: String,
    pub actor: Actor,
    pub credential: Credential,
    pub standing: Option<(Role, MembershipState)>,
    /// The key of a directory: one permission, whatever its standing.
    pub provisions: bool,
    /// What the organization lets support look at; only with [`Credential::Support`].
    pub support: Option<Scope>,
    pub user: Option<Uuid>,
    pub signed_in: Option<SignedIn>,
    pub display_name: String,
    pub environment: Environment,
    /// Entries that this caller has put into the audit log; the guard of a route looks whether there were any.
    pub entries: AtomicU32,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Caller({:?}, {:?})", self.0.organization, self.0.credential)
    }
}

impl Caller {
    pub(crate) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// A caller without credentials: the phone line, a visitor whose embed token was checked, a worker that took a job of
    /// this organization. It permits nothing by role; the places that make one are listed by a test of the house.
    pub fn for_channel(organization: OrganizationId, actor: Actor) -> Self {
        Self::new(Facts {
            organization,
            organization_name: String::new(),
            actor,
            credential: Credential::Channel,
            standing: None,
            provisions: false,
            support: None,
            user: None,
            signed_in: None,
            display_name: String::new(),
            environment: Environment::Live,
            entries: AtomicU32::new(0),
        })
    }

    /// The organization asked for.
    pub fn organization(&self) -> OrganizationId {
        self.0.organization
    }

    /// Its public name; empty for a channel.
    pub fn organization_name(&self) -> &str {
        &self.0.organization_name
    }

    /// The caller as the audit log names it.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// By what the caller is known.
    pub fn credential(&self) -> Credential {
        self.0.credential
    }

    /// What the caller is here; nothing for a channel.
    pub fn role(&self) -> Option<Role> {
        self.0.standing.map(|(role, _)| role)
    }

    /// Is it the key of a directory, which provisions members and does nothing else? Its role only says how far up it reaches.
    pub fn provisions(&self) -> bool {
        self.0.provisions
    }

    /// The person, when one is signed in.
    pub fn user(&self) -> Option<Uuid> {
        self.0.user
    }

    /// How the person signed in; nothing for keys and channels.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        self.0.signed_in.as_ref()
    }

    /// What a session still has to show before it may do anything else.
    pub fn outstanding(&self) -> Option<Outstanding> {
        self.0.signed_in.as_ref().and_then(|signed_in| signed_in.outstanding)
    }

    /// The person's name or the key's.
    pub fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Live, or the world of simulated carriers.
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// Where the request came from.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.actor.address
    }

    /// May this caller do that? Never while a factor is outstanding.
    pub fn permits(&self, permission: Permission) -> bool {
        if self.0.provisions {
            return KeyRole::Provisioning.allows(permission);
        }
        match &self.0.support {
            Some(scope) => scope.permits(permission),
            None => {
                self.outstanding().is_none()
                    && self.0.standing.is_some_and(|(role, state)| allows(role, state, permission))
            }
        }
    }

    /// May this be shown to the caller beside what the route is about: by this permission, of these objects, none of them for
    /// a list? The guard of a route asks for one permission and the objects in its path; a page that shows more than that
    /// asks here, or it would tell support that was narrowed to one object about all the others.
    pub fn reaches(&self, permission: Permission, objects: &[Uuid]) -> bool {
        self.permits(permission) && self.0.support.as_ref().is_none_or(|scope| scope.covers(objects))
    }

    /// What the organization lets support look at, when that is who asks.
    pub fn support(&self) -> Option<&Scope> {
        self.0.support.as_ref()
    }

    /// The organization's door.
    pub fn database(&self, platform: &Platform) -> OrganizationDb {
        platform.database.organization(self.0.organization)
    }

    /// The organization's keys.
    pub async fn keyring(&self, platform: &Platform) -> Result<Keyring> {
        Ok(platform.vault.keyring(&self.database(platform)).await?)
    }

    /// Begins a change; it commits with one entry in the audit log under this action. Support only looks: for it there is
    /// no change, whatever a route or handler forgot to ask.
    pub async fn change(&self, platform: &Platform, action: &'static str) -> Result<Change> {
        if self.0.support.is_some() {
            return Err(Error::SupportOnlyLooks);
        }
        self.begin(platform, action).await
    }

    /// The same for what identity itself writes down about anybody.
    ///
    /// # Errors
    /// [`Error::Stopped`] when what the caller showed was stopped since the request came in: a body may take a minute to arrive.
    pub(crate) async fn begin(&self, platform: &Platform, action: &'static str) -> Result<Change> {
        let mut transaction = self.database(platform).begin().await?;
        authenticator::still_stands(&mut transaction, self, platform.now()).await?;
        Ok(Change::new(transaction, platform.clone(), self.clone(), action))
    }

    /// Writes down that something was looked at.
    pub async fn note(
        &self,
        platform: &Platform,
        action: &'static str,
        object_kind: &'static str,
        object_id: Option<Uuid>,
    ) -> Result<()> {
        self.begin(platform, action).await?.commit(object_kind, object_id, Vec::new()).await
    }

    /// Writes down that support looked: every answer to it leaves an entry, also where members leave none.
    pub async fn note_look(&self, platform: &Platform, route: &'static str, object: Option<Uuid>) -> Result<()> {
        let facts = vec![("route", route.to_owned())];
        self.begin(platform, "support.look").await?.commit("route", object, facts).await
    }

    /// Writes down that something was refused, and why in a word.
    pub async fn note_refusal(&self, platform: &Platform, action: &'static str, reason: String) -> Result<()> {
        let mut transaction = self.database(platform).begin().await?;
        let mut entry = Entry { outcome: Outcome::Refused, ..self.entry(action, "route", None) };
        entry.facts.push(("reason", reason));
        change::append(&mut transaction, platform, &entry).await?;
        transaction.commit().await?;
        self.count_entry();
        Ok(())
    }

    /// How many entries this caller has put into the audit log since it was made.
    pub fn entries(&self) -> u32 {
        self.0.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn count_entry(&self) {
        self.0.entries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn entry(&self, action: &'static str, object_kind: &'static str, object_id: Option<Uuid>) -> Entry {
        Entry {
            actor: self.0.actor,
            action,
            object_kind,
            object_id,
            outcome: Outcome::Done,
            // Whatever support does in an organization names the grant that allows it.
            facts: match self.0.credential {
                Credential::Support { grant, .. } => vec![("grant", grant.to_string())],
                _ => Vec::new(),
            },
            personal: Vec::new(),
        }
    }
}

/// An actor for work that the house does by itself.
pub(crate) fn system(address: Option<IpAddr>) -> Actor {
    Actor { kind: ActorKind::System, id: None, address }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    /// The caller that the guard of the route put beside the request.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> std::result::Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    /// The caller, on public pages that look different for those who are signed in.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> std::result::Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
