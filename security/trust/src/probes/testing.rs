//! What the tests of probes share: a context with a real database, vault and data folder, and a real server on a free port.

use std::sync::Arc;

use axum::Router;
use storage::objects::ObjectFolder;
use storage::testing::{TestDatabase, sqlite};
use storage::{Identifiers, ManualClock, Schema, SeededEntropy, SystemEntropy, Timestamp};
use vault::{KeySource, Vault};

use crate::probe::ProbeContext;
use crate::store::{STATEMENTS, TABLES};

/// The moment at which tests stand.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

/// A context over a fresh database and vault, without a server. The database goes when the second value is dropped.
pub async fn context() -> (ProbeContext, TestDatabase) {
    let tables = [TABLES, vault::TABLES].concat();
    let statements = [STATEMENTS, vault::STATEMENTS].concat();
    let test = sqlite(Schema { tables, statements }).await;
    let clock = Arc::new(ManualClock::at(NOW));
    let entropy = Arc::new(SystemEntropy);
    let key = KeySource::File(test.folder().join("root.key"));
    let context = ProbeContext {
        database: test.database.clone(),
        vault: Vault::open(key, &test.database, entropy.clone()).await.expect("a fresh vault opens"),
        objects: ObjectFolder::open(test.folder().join("objects")).await.expect("a fresh folder"),
        clock: clock.clone(),
        entropy,
        identifiers: Identifiers::new(clock, Arc::new(SeededEntropy::new(5))),
        base_url: None,
        data_folder: Some(test.folder().to_path_buf()),
        ports: None,
    };
    (context, test)
}

/// Serves the router on a free loopback port for the rest of the test; returns its address.
pub async fn served(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
    format!("http://{address}")
}
