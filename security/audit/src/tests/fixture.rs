//! A log with two organizations on a fresh database, for the tests of this part.

use std::{path::PathBuf, sync::Arc};

use storage::{Database, OrganizationId, Schema, SystemEntropy, Timestamp, testing::TestDatabase};
use uuid::Uuid;
use vault::{KeySource, Vault};

use crate::{Actor, ActorKind, AuditLog, Entry, Evidence, Outcome, Report, verify::verify};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
pub(crate) const PRACTICE: OrganizationId = OrganizationId(Uuid::from_u128(0x0a));
pub(crate) const AGENCY: OrganizationId = OrganizationId(Uuid::from_u128(0x0b));
pub(crate) const USER: Uuid = Uuid::from_u128(0x51);
/// A personal value that must be nowhere in clear.
pub(crate) const NAME: &str = "Grace Hopper-Quesenberry";

pub(crate) fn schema() -> Schema {
    Schema::new().with(vault::TABLES, vault::STATEMENTS).with(crate::TABLES, crate::STATEMENTS)
}

pub(crate) struct Fixture {
    pub(crate) test: TestDatabase,
    pub(crate) vault: Vault,
    pub(crate) log: AuditLog,
}

impl Fixture {
    pub(crate) async fn new(test: TestDatabase) -> Self {
        let source = KeySource::File(test.folder().join("root.key"));
        let vault = Vault::open(source, &test.database, Arc::new(SystemEntropy)).await.expect("opens");
        for organization in [PRACTICE, AGENCY] {
            let mut transaction = test.database.organization(organization).begin().await.expect("begins");
            vault.create_organization(&mut transaction, NOW).await.expect("made");
            transaction.commit().await.expect("commits");
        }
        let folder = test.folder().join("outside");
        let log = AuditLog::open(&test.database, &vault, Arc::new(SystemEntropy), Some(folder)).await.expect("opens");
        Self { test, vault, log }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.test.database
    }

    /// The folder outside the database.
    pub(crate) fn folder(&self) -> PathBuf {
        self.test.folder().join("outside")
    }

    pub(crate) async fn append(&self, organization: Option<OrganizationId>, entry: &Entry) -> u64 {
        let mut transaction = match organization {
            Some(organization) => self.database().organization(organization).begin().await,
            None => self.database().installation().begin().await,
        }
        .expect("begins");
        let index = self.log.append(&mut transaction, NOW, entry).await.expect("appended");
        transaction.commit().await.expect("commits");
        index
    }

    /// Appends so many entries, of the practice, the agency and the installation in turn.
    pub(crate) async fn grow(&self, count: u64) {
        for number in 0..count {
            let organization = [Some(PRACTICE), Some(AGENCY), None][number as usize % 3];
            self.append(organization, &entry("agent.publish")).await;
        }
    }

    pub(crate) async fn checkpoint(&self) -> String {
        self.log.checkpoint(NOW).await.expect("signed")
    }

    /// Verifies with everything that is outside the database.
    pub(crate) async fn verified(&self) -> Report {
        let evidence = Evidence::read(self.folder()).await.expect("read");
        verify(self.database(), &evidence).await.expect("verified")
    }
}

pub(crate) fn entry(action: &'static str) -> Entry {
    let address = Some("192.0.2.77".parse().expect("an address"));
    Entry {
        actor: Actor { kind: ActorKind::User, id: Some(USER), address },
        action,
        object_kind: "agent",
        object_id: Some(Uuid::from_u128(0xa9)),
        outcome: Outcome::Done,
        facts: vec![("version", "3".to_owned())],
        personal: vec![("name", NAME.to_owned())],
    }
}
