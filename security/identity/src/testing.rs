//! People for tests: a platform on each kind of database, organizations, members of every role, and keys. Used by the
//! tests of all parts above; nothing in the product calls it.

use std::sync::Arc;

use audit::AuditLog;
use storage::objects::ObjectFolder;
use storage::testing::TestDatabase;
use storage::{
    Clock, Entropy, Identifiers, ManualClock, OrganizationId, Schema, SystemEntropy, Timestamp, Transaction,
};
use uuid::Uuid;
use vault::{KeySource, Vault};

use crate::alert::Alerts;
use crate::api_key::NewKey;
use crate::founding::{self, Founded, Founding};
use crate::password::breached::Breached;
use crate::session::{self, Device};
use crate::store::{MEMBERSHIP, USER_ACCOUNT};
use crate::token::{KeyText, Secret};
use crate::user::{self, EmailAddress};
use crate::{
    Authenticator, Caller, Environment, Factor, MembershipState, Platform, Presented, Role, api_key, password,
};

/// A password that every persona has.
pub const PASSWORD: &str = "kettle moss lantern 4";
/// When the clocks of tests start.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A platform on a fresh database with a clock that moves only when told.
pub struct TestPlatform {
    /// Which kind of database, for messages.
    pub name: &'static str,
    /// The platform.
    pub platform: Platform,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// The database behind it; gone when dropped.
    pub database: TestDatabase,
}

/// Somebody signed in.
pub struct Persona {
    /// The person.
    pub user: Uuid,
    /// Their e-mail address; the password is [`PASSWORD`].
    pub email: String,
    /// What their browser's cookie holds.
    pub session: Secret,
    /// Their caller.
    pub caller: Caller,
}

/// Everything that stands below the parts, and what the test adds.
pub fn schema(extra: &Schema) -> Schema {
    Schema::new()
        .with(vault::TABLES, vault::STATEMENTS)
        .with(audit::TABLES, audit::STATEMENTS)
        .with(crate::TABLES, crate::STATEMENTS)
        .with(crate::support::TABLES, crate::support::STATEMENTS)
        .with(&extra.tables, &extra.statements)
}

/// A platform on each kind of database; the tables below identity are there, `extra` holds those of the part tested.
pub async fn platforms(extra: Schema) -> Vec<TestPlatform> {
    let mut platforms = Vec::new();
    for database in storage::testing::databases(schema(&extra)).await {
        platforms.push(TestPlatform::on(database).await);
    }
    platforms
}

/// A platform on SQLite only, for tests that are about something else than storing.
pub async fn platform(extra: Schema) -> TestPlatform {
    TestPlatform::on(storage::testing::sqlite(schema(&extra)).await).await
}

impl TestPlatform {
    async fn on(database: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let source = KeySource::File(database.folder().join("root.key"));
        let vault = Vault::open(source, &database.database, Arc::clone(&entropy)).await.expect("the vault opens");
        let objects = ObjectFolder::open(database.folder().join("objects")).await.expect("the folder opens");
        let audit =
            AuditLog::open(&database.database, &vault, Arc::clone(&entropy), None).await.expect("the log opens");
        let platform = Platform {
            database: database.database.clone(),
            vault,
            audit,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            identifiers: Identifiers::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&entropy)),
            entropy,
            objects,
            belongings: &[],
            breached: Breached::in_folder(database.folder()),
            alerts: Alerts::default(),
        };
        Self { name: database.name, platform, clock, database }
    }

    /// An organization with an owner; the owner's address is `owner@<name>.example`.
    pub async fn organization(&self, name: &str) -> Founded {
        let email = format!("owner@{name}.example");
        let founding = Founding { organization_name: name, name: "Olive Owner", email: &email, password: PASSWORD };
        founding::found(&self.platform, &founding).await.expect("founded")
    }

    /// A signed-in member of this role.
    pub async fn member(&self, organization: OrganizationId, role: Role) -> Persona {
        self.member_in(organization, role, MembershipState::Active).await.expect("an active member is let in")
    }

    /// A member of this role and state with an open session; `None` when the session is not good, as it should be for
    /// every state but active.
    pub async fn member_in(&self, organization: OrganizationId, role: Role, state: MembershipState) -> Option<Persona> {
        let Seat { user, email, session } = seat(&self.platform, organization, role, state).await;
        let presented = Presented { session: Some(session.reveal()), ..Presented::default() };
        let caller = Authenticator::new(self.platform.clone()).authenticate(presented).await.expect("asked")?;
        Some(Persona { user, email, session, caller })
    }

    /// A live key of this role.
    pub async fn key(&self, organization: OrganizationId, role: Role) -> KeyText {
        let owner = self.member(organization, Role::Owner).await;
        let new = NewKey { name: "test", environment: Environment::Live, role, expires_at: None };
        api_key::create(&self.platform, &owner.caller, &new).await.expect("made").1
    }
}

/// Somebody with an open session, whether or not it is good.
pub struct Seat {
    /// The person.
    pub user: Uuid,
    /// Their e-mail address; the password is [`PASSWORD`].
    pub email: String,
    /// What their browser's cookie holds.
    pub session: Secret,
}

/// A member of this role and state with a session of two factors, on any platform.
pub async fn seat(platform: &Platform, organization: OrganizationId, role: Role, state: MembershipState) -> Seat {
    let user = platform.identifiers.next();
    let email = format!("{user}@{}.example", role.as_str());
    let address = EmailAddress::parse(&email).expect("an address");
    // The real hash takes a while and few tests sign in by password: they use the owner.
    let hash = password::hash_with(PASSWORD, platform.entropy.as_ref(), 64).expect("hashed");
    let keyring = platform.vault.installation_keyring();
    let sealed = user::seal(&keyring, user, &address, "Mika Member", &hash).expect("sealed");
    let mut transaction = platform.database.organization(organization).begin().await.expect("begun");
    let now = platform.now();
    let account = [
        ("id", user.into()),
        ("email", sealed.email.into()),
        ("email_index", sealed.email_index.into()),
        ("name", sealed.name.into()),
        ("password", sealed.password.into()),
        ("created_at", now.into()),
    ];
    transaction.insert(&USER_ACCOUNT, &account).await.expect("inserted");
    insert_membership(platform, &mut transaction, organization, user, (role, state)).await;
    let device = Device::new(None, "a test");
    let factors = [Factor::Password, Factor::OneTimeCode];
    let session = session::open(&mut transaction, platform, organization, user, &device, &factors).await;
    let session = session.expect("opened");
    transaction.commit().await.expect("committed");
    Seat { user, email, session }
}

/// Lets somebody who has an account work in one more organization.
pub async fn works_too(
    platform: &Platform,
    organization: OrganizationId,
    user: Uuid,
    role: Role,
    state: MembershipState,
) {
    let mut transaction = platform.database.organization(organization).begin().await.expect("begun");
    insert_membership(platform, &mut transaction, organization, user, (role, state)).await;
    transaction.commit().await.expect("committed");
}

async fn insert_membership(
    platform: &Platform,
    transaction: &mut Transaction,
    organization: OrganizationId,
    user: Uuid,
    (role, state): (Role, MembershipState),
) {
    let membership = [
        ("id", platform.identifiers.next().into()),
        ("organization_id", organization.into()),
        ("user_id", user.into()),
        ("role", role.as_str().into()),
        ("state", state.as_str().into()),
        ("created_at", platform.now().into()),
    ];
    transaction.insert(&MEMBERSHIP, &membership).await.expect("inserted");
}
