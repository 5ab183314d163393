//! Everybody there is, and one of a few things that they can ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat::widget::NewWidget;
use contacts::ContactSource;
use identity::api_key::{self, NewKey};
use identity::founding::{self, Founding};
use identity::member::standing::suspend;
use identity::session::{ABSOLUTE_SECONDS, Device};
use identity::support::{self, NewGrant, Operator, Scope};
use identity::testing::{PASSWORD, seat};
use identity::{Authenticator, Environment, Factor, MembershipState, Permission, Platform, Presented, Role};
use operator::account::NewAccount;
use operator::store::trainings::{self, Attestation};
use operator::store::{accounts, sessions};
use operator::{OperatorRole, Standing};
use storage::{Clock, ManualClock, OrganizationId, Timestamp};
use uuid::Uuid;
use web::RouteRule;

use super::GRANTED;

/// Who asks, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    Nobody,
    WrongKey,
    Session(Role),
    /// Signed in by a password alone.
    HalfSession(Role),
    Key(Role),
    TestKey(Role),
    Directory,
    /// Signed in once, and no active member since.
    Member(Role, MembershipState),
    ExpiredSession,
    ExpiredKey,
    RevokedKey,
    /// A key whose owner was suspended after it was made.
    SuspendedKey,
    /// An owner of another organization, who asks about what is here.
    Stranger,
    /// A key of that owner's.
    StrangerKey,
    /// A key for the directory of the other organization.
    StrangerDirectory,
    Visitor,
    Operator,
    /// The same token where a browser keeps its session.
    OperatorCookie,
    Support,
    SupportOfOne,
}

impl Persona {
    /// Asks about what belongs to an organization that they have nothing to do with.
    pub fn is_from_elsewhere(self) -> bool {
        matches!(self, Self::Stranger | Self::StrangerKey | Self::StrangerDirectory)
    }
}

/// The columns of the text.
pub const PERSONAS: [(&str, Persona); 38] = [
    ("nobody", Persona::Nobody),
    ("a key that was never made", Persona::WrongKey),
    ("owner, signed in", Persona::Session(Role::Owner)),
    ("admin, signed in", Persona::Session(Role::Admin)),
    ("manager, signed in", Persona::Session(Role::Manager)),
    ("viewer, signed in", Persona::Session(Role::Viewer)),
    ("owner, by a password alone", Persona::HalfSession(Role::Owner)),
    ("admin, by a password alone", Persona::HalfSession(Role::Admin)),
    ("owner's key", Persona::Key(Role::Owner)),
    ("admin's key", Persona::Key(Role::Admin)),
    ("manager's key", Persona::Key(Role::Manager)),
    ("viewer's key", Persona::Key(Role::Viewer)),
    ("owner's key for trying out", Persona::TestKey(Role::Owner)),
    ("manager's key for trying out", Persona::TestKey(Role::Manager)),
    ("viewer's key for trying out", Persona::TestKey(Role::Viewer)),
    ("a directory's key", Persona::Directory),
    ("owner, invited", Persona::Member(Role::Owner, MembershipState::Invited)),
    ("owner, suspended", Persona::Member(Role::Owner, MembershipState::Suspended)),
    ("owner, left", Persona::Member(Role::Owner, MembershipState::Left)),
    ("manager, invited", Persona::Member(Role::Manager, MembershipState::Invited)),
    ("manager, suspended", Persona::Member(Role::Manager, MembershipState::Suspended)),
    ("manager, left", Persona::Member(Role::Manager, MembershipState::Left)),
    ("viewer, invited", Persona::Member(Role::Viewer, MembershipState::Invited)),
    ("viewer, suspended", Persona::Member(Role::Viewer, MembershipState::Suspended)),
    ("viewer, left", Persona::Member(Role::Viewer, MembershipState::Left)),
    ("owner, session expired", Persona::ExpiredSession),
    ("owner's key, expired", Persona::ExpiredKey),
    ("owner's key, revoked", Persona::RevokedKey),
    ("owner's key, its owner suspended", Persona::SuspendedKey),
    ("owner of another organization, signed in, asked about what is here", Persona::Stranger),
    ("the same owner's key, asked about what is here", Persona::StrangerKey),
    ("a key of that organization's directory, asked about what is here", Persona::StrangerDirectory),
    ("a widget's token in the place of a key", Persona::Visitor),
    ("operator, signed in with two factors and trained", Persona::Operator),
    ("the same, the token in the place of a member's cookie", Persona::OperatorCookie),
    ("support by a grant of all that can be granted", Persona::Support),
    ("the same, of one object, asked about it", Persona::SupportOfOne),
    ("the same, asked about another object", Persona::SupportOfOne),
];
/// The last column asks about an object that the grant does not name.
pub const ASKS_ABOUT_ANOTHER: usize = PERSONAS.len() - 1;

/// A credential as it is presented.
pub enum Shown {
    Nothing,
    Bearer(String),
    Cookie(String),
}

/// An organization with everybody's keys and grants, and one of each of a few things; made anew when a request has ended it.
pub struct World {
    platform: Platform,
    organization: OrganizationId,
    /// Another one, where the stranger is an owner.
    elsewhere: OrganizationId,
    tokens: BTreeMap<usize, String>,
    things: Things,
}

/// What is here, to be asked for by id.
#[derive(Default)]
struct Things {
    agent: Uuid,
    contact: Uuid,
    key: Uuid,
    membership: Uuid,
    widget: Uuid,
    widget_token: String,
    grant: Uuid,
}

async fn organization(platform: &Platform) -> OrganizationId {
    let email = format!("{}@matrix.example", platform.identifiers.next());
    let founding = Founding { organization_name: "Matrix", name: "Olive Owner", email: &email, password: PASSWORD };
    founding::found(platform, &founding).await.expect("founded").organization
}

impl World {
    pub async fn found(platform: &Platform) -> Self {
        let (organization, elsewhere) = (organization(platform).await, organization(platform).await);
        let (tokens, things) = (BTreeMap::new(), Things::default());
        let mut world = Self { platform: platform.clone(), organization, elsewhere, tokens, things };
        world.things = world.make_things().await;
        for (column, (_, persona)) in PERSONAS.iter().enumerate() {
            if let Some(token) = world.token(*persona).await {
                world.tokens.insert(column, token);
            }
        }
        // One operator's token, shown in two ways.
        let column = |wanted| PERSONAS.iter().position(|(_, persona)| *persona == wanted).expect("a column");
        let operator = world.tokens[&column(Persona::Operator)].clone();
        world.tokens.insert(column(Persona::OperatorCookie), operator);
        world
    }

    async fn make_things(&self) -> Things {
        let (platform, owner) = (&self.platform, self.owner().await);
        let agent = agents::store::create(platform, &owner, agents::profile::sample()).await.expect("an agent").id;
        let quota = chat::embed_token::Quota::default();
        let new = NewWidget { name: "matrix", agent_id: agent, origins: &[], expires_at: None, quota };
        let widget = chat::widget::create(platform, &owner, &new).await.expect("a widget");
        let (keyring, contact) = (owner.keyring(platform).await.expect("open"), platform.identifiers.next());
        let mut change = owner.change(platform, "contact.create").await.expect("begun");
        let made =
            contacts::store::create(&mut change, &keyring, contact, ContactSource::Entered, platform.now()).await;
        made.expect("a contact");
        change.commit("contact", Some(contact), Vec::new()).await.expect("committed");
        Things {
            agent,
            contact,
            key: self.key(Role::Viewer).await.0,
            membership: self.membership(&owner, owner.user().expect("a person")).await,
            widget: widget.token.id,
            widget_token: widget.text,
            grant: self.grant(&[]).await,
        }
    }

    /// Something that is here and that this route is about; nothing where none was made.
    pub fn thing(&self, rule: &RouteRule) -> Option<Uuid> {
        let things = &self.things;
        let by_start = [
            ("/agents/{", things.agent),
            ("/v1/agents/{", things.agent),
            ("/contacts/{", things.contact),
            ("/v1/contacts/{", things.contact),
            ("/settings/keys/{", things.key),
            ("/v1/keys/{", things.key),
            ("/settings/members/{", things.membership),
            ("/v1/members/{", things.membership),
            ("/settings/widgets/{", things.widget),
            ("/v1/widgets/{", things.widget),
            ("/settings/provisioning/people/{", things.membership),
            ("/v1/provisioning/people/{", things.membership),
            ("/scim/v2/Users/{", things.membership),
            ("/settings/support/{", things.grant),
            ("/v1/support-grants/{", things.grant),
        ];
        by_start.into_iter().find(|(start, _)| rule.path.starts_with(start)).map(|(_, thing)| thing)
    }

    /// What lasts longer than one request.
    async fn token(&self, persona: Persona) -> Option<String> {
        match persona {
            Persona::Key(role) => Some(self.key(role).await.1),
            Persona::TestKey(role) => {
                let new = NewKey { name: "matrix", environment: Environment::Test, role, expires_at: None };
                let made = api_key::create(&self.platform, &self.owner().await, &new).await.expect("made");
                Some(made.1.reveal().to_owned())
            }
            Persona::SuspendedKey => {
                let (owner, leaver) = (self.owner().await, self.owner().await);
                let new =
                    NewKey { name: "matrix", environment: Environment::Live, role: Role::Owner, expires_at: None };
                let made = api_key::create(&self.platform, &leaver, &new).await.expect("made");
                let membership = self.membership(&owner, leaver.user().expect("a person")).await;
                suspend(&self.platform, &owner, membership).await.expect("suspended");
                Some(made.1.reveal().to_owned())
            }
            Persona::Visitor => Some(self.things.widget_token.clone()),
            Persona::Operator => Some(self.operator().await),
            Persona::Directory => Some(self.directory_key(&self.owner().await).await),
            Persona::StrangerDirectory => Some(self.directory_key(&self.owner_of(self.elsewhere).await).await),
            Persona::StrangerKey => {
                let new =
                    NewKey { name: "matrix", environment: Environment::Live, role: Role::Owner, expires_at: None };
                let owner = self.owner_of(self.elsewhere).await;
                let made = api_key::create(&self.platform, &owner, &new).await.expect("made");
                Some(made.1.reveal().to_owned())
            }
            Persona::ExpiredKey => {
                // Made a minute ago for half a minute.
                let then = self.platform.now().plus_seconds(-60);
                let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(then));
                let past = Platform { clock, ..self.platform.clone() };
                let expires_at = Some(then.plus_seconds(30));
                let new = NewKey { name: "matrix", environment: Environment::Live, role: Role::Owner, expires_at };
                let made = api_key::create(&past, &self.owner().await, &new).await.expect("made");
                Some(made.1.reveal().to_owned())
            }
            Persona::RevokedKey => {
                let (id, text) = self.key(Role::Owner).await;
                let owner = self.owner().await;
                api_key::revoke(&self.platform, &owner, id, None).await.expect("revoked");
                Some(text)
            }
            Persona::Support => Some(self.support(&[]).await),
            Persona::SupportOfOne => Some(self.support(&[GRANTED]).await),
            _ => None,
        }
    }

    /// Somebody of the operator plane, as far in as anybody gets there: both factors shown, training in the register.
    async fn operator(&self) -> String {
        let platform = &self.platform;
        let email = format!("{}@operators.example", platform.identifiers.next());
        let role = OperatorRole::Administrator;
        let new = NewAccount { name: "Ida Operator", email: &email, password: PASSWORD, role };
        let operator = accounts::create(platform, &new).await.expect("made");
        let training = Attestation { operator, course: "Handling data", attested_at: platform.now() };
        trainings::attest_by_machine(platform, &training).await.expect("attested");
        let sign_in = operator::account::SignIn { email: &email, password: PASSWORD, address: None };
        let half = sessions::open(platform, &sign_in).await.expect("asked").expect("signed in");
        let caller = sessions::authenticate(platform, &half, None).await.expect("asked").expect("known");
        let code = sessions::proposed_factor(platform, &caller).await.expect("a secret").code_at(platform.now());
        let whole = sessions::finish(platform, &caller, &code).await.expect("asked").expect("the right code");
        let caller = sessions::authenticate(platform, &whole, None).await.expect("asked").expect("known");
        assert!(caller.is_finished() && caller.standing() == Standing::Good, "{:?}", caller.standing());
        whole
    }

    async fn membership(&self, owner: &identity::Caller, user: Uuid) -> Uuid {
        let members = identity::member::list(&self.platform, owner, None, 1000).await.expect("listed");
        members.iter().find(|member| member.user == user).expect("a member").id
    }

    async fn owner(&self) -> identity::Caller {
        self.owner_of(self.organization).await
    }

    async fn directory_key(&self, owner: &identity::Caller) -> String {
        let made = api_key::create_for_provisioning(&self.platform, owner, "matrix", None).await;
        made.expect("made").1.reveal().to_owned()
    }

    async fn owner_of(&self, organization: OrganizationId) -> identity::Caller {
        let seat = seat(&self.platform, organization, Role::Owner, MembershipState::Active).await;
        let presented = Presented { session: Some(seat.session.reveal()), ..Presented::default() };
        let caller = Authenticator::new(self.platform.clone()).authenticate(presented).await;
        caller.expect("asked").expect("an owner is let in")
    }

    async fn key(&self, role: Role) -> (Uuid, String) {
        let new = NewKey { name: "matrix", environment: Environment::Live, role, expires_at: None };
        let (key, text) = api_key::create(&self.platform, &self.owner().await, &new).await.expect("made");
        (key.id, text.reveal().to_owned())
    }

    async fn grant(&self, objects: &[Uuid]) -> Uuid {
        let grantable: Vec<Permission> =
            Permission::ALL.into_iter().filter(|permission| support::is_grantable(*permission)).collect();
        let scope = Scope::new(&grantable, objects).expect("grantable");
        let new = NewGrant { scope, hours: 1, reason: "the matrix" };
        support::grant(&self.platform, &self.owner().await, &new).await.expect("granted").id
    }

    async fn support(&self, objects: &[Uuid]) -> String {
        let grant = self.grant(objects).await;
        let until = Timestamp(i64::MAX);
        let operator = Operator { id: Uuid::from_u128(7), name: "Sam Support", address: None, until };
        support::open(&self.platform, operator, grant).await.expect("asked").expect("opened").0
    }

    async fn session(&self, platform: &Platform, role: Role, state: MembershipState) -> Shown {
        Shown::Cookie(seat(platform, self.organization, role, state).await.session.reveal().to_owned())
    }

    async fn half_session(&self, role: Role) -> Shown {
        let user = seat(&self.platform, self.organization, role, MembershipState::Active).await.user;
        let (wanted, device) = (Some(self.organization), Device::default());
        let opened = identity::sign_in::admit(&self.platform, user, wanted, &[Factor::Password], &device).await;
        Shown::Cookie(opened.expect("asked").expect("signed in").reveal().to_owned())
    }

    /// What this persona shows. Sessions are fresh each time: some requests end them.
    pub async fn shown(&self, column: usize) -> Shown {
        let kept = || self.tokens[&column].clone();
        match PERSONAS[column].1 {
            Persona::Nobody => Shown::Nothing,
            Persona::WrongKey => Shown::Bearer(format!("rf_live_{}", "0".repeat(86))),
            Persona::Session(role) => self.session(&self.platform, role, MembershipState::Active).await,
            Persona::HalfSession(role) => self.half_session(role).await,
            Persona::Stranger => {
                let seat = seat(&self.platform, self.elsewhere, Role::Owner, MembershipState::Active).await;
                Shown::Cookie(seat.session.reveal().to_owned())
            }
            Persona::Member(role, state) => self.session(&self.platform, role, state).await,
            Persona::ExpiredSession => {
                let then = self.platform.now().plus_seconds(-ABSOLUTE_SECONDS);
                let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(then));
                let past = Platform { clock, ..self.platform.clone() };
                self.session(&past, Role::Owner, MembershipState::Active).await
            }
            Persona::OperatorCookie => Shown::Cookie(kept()),
            Persona::Key(_)
            | Persona::TestKey(_)
            | Persona::Directory
            | Persona::StrangerKey
            | Persona::StrangerDirectory
            | Persona::ExpiredKey
            | Persona::RevokedKey
            | Persona::SuspendedKey
            | Persona::Visitor
            | Persona::Operator
            | Persona::Support
            | Persona::SupportOfOne => Shown::Bearer(kept()),
        }
    }

    /// Do both organizations still stand, and all that was made, after a request that may have stopped something?
    pub async fn stands(&self) -> bool {
        let dead = [
            Persona::ExpiredKey,
            Persona::RevokedKey,
            Persona::SuspendedKey,
            Persona::Visitor,
            Persona::Operator,
            Persona::OperatorCookie,
        ];
        let kept = self.tokens.iter().filter(|(column, _)| !dead.contains(&PERSONAS[**column].1));
        let judge = Authenticator::new(self.platform.clone());
        for (_, token) in kept {
            let presented = Presented { bearer: Some(token), ..Presented::default() };
            if judge.authenticate(presented).await.expect("asked").is_none() {
                return false;
            }
        }
        let stranger = seat(&self.platform, self.elsewhere, Role::Owner, MembershipState::Active).await;
        let presented = Presented { session: Some(stranger.session.reveal()), ..Presented::default() };
        judge.authenticate(presented).await.expect("asked").is_some()
    }
}
