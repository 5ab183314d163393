//! Databases for tests: each call gives a fresh SQLite file and a fresh PostgreSQL database, so that every store test of the house
//! runs on both engines. Used by the tests of all parts; nothing in the product calls it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::database::{Database, DatabaseConfig, PostgresLink};
use crate::error::Result;
use crate::schema::Schema;

pub(crate) mod driver;

/// One fresh database. Its files and its database go when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// `"sqlite"` or `"postgres"`, for messages.
    pub name: &'static str,
    /// Open, with the schema given.
    pub database: Database,
    config: DatabaseConfig,
    folder: TestFolder,
    server: Option<driver::FreshDatabase>,
}

impl TestDatabase {
    /// How to open the same database again.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// An empty folder of this test, for objects and keys.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// How a superuser would open it, on PostgreSQL: for looking behind the walls, and for tests that the product refuses such a role.
    pub fn superuser_url(&self) -> Option<&str> {
        self.server.as_ref().map(|server| server.superuser_url.as_str())
    }

    /// Opens the same database once more, as a restarted or second process would.
    pub async fn reopen(&self, schema: Schema) -> Result<Database> {
        Database::open(&self.config, schema).await
    }
}

/// A folder that goes when dropped.
#[derive(Debug)]
struct TestFolder(PathBuf);

impl TestFolder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("ringfence-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("tests can write to the temporary folder");
        Self(path)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        // A folder left behind in the temporary folder harms no test.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A fresh database of each engine with this schema. PostgreSQL is left out, with a printed line, where it is not installed or
/// `RINGFENCE_TEST_POSTGRES=off`; with `CI` set a missing PostgreSQL fails.
///
/// # Panics
/// When a database cannot be made: a test cannot go on without it.
pub async fn databases(schema: Schema) -> Vec<TestDatabase> {
    let mut databases = vec![sqlite(schema.clone()).await];
    databases.extend(postgres(schema).await);
    databases
}

/// A fresh SQLite database only, for tests that are about something else.
///
/// # Panics
/// When it cannot be made.
pub async fn sqlite(schema: Schema) -> TestDatabase {
    let folder = TestFolder::new();
    let config = DatabaseConfig::Sqlite { path: folder.0.join("database.sqlite") };
    let database = Database::open(&config, schema).await.expect("a fresh SQLite database opens");
    TestDatabase { name: "sqlite", database, config, folder, server: None }
}

/// A fresh PostgreSQL database only, or `None` as [`databases`] leaves it out.
///
/// # Panics
/// When it cannot be made.
pub async fn postgres(schema: Schema) -> Option<TestDatabase> {
    let server = driver::FreshDatabase::new().await?;
    let config = DatabaseConfig::Postgres { url: server.url.clone(), link: PostgresLink::ThisMachine };
    let database = Database::open(&config, schema).await.expect("a fresh PostgreSQL database opens");
    Some(TestDatabase { name: "postgres", database, config, folder: TestFolder::new(), server: Some(server) })
}
