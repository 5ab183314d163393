//! A process that only looks leaves the work, and the trunk, to the node that serves.

use conversations::WAKE_JOB;
use storage::jobs::{Job, Jobs, enqueue};
use storage::{OrganizationId, Timestamp};
use tokio::net::UdpSocket;
use tokio::time::Instant;
use vault::SweepKind;

use super::*;
use crate::config::{Settings, Trunk};

/// Longer than any worker pauses between two looks.
const LOOKS: Duration = Duration::from_secs(3);
/// How long a node may take to do what is due.
const LIMIT: Duration = Duration::from_secs(15);

/// On free ports, at a trunk that wants registrations.
fn settings(folder: &std::path::Path, trunk: SocketAddr) -> Settings {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let password_file = folder.join("trunk.password");
    std::fs::write(&password_file, "correct horse").expect("written");
    let trunk = Trunk {
        address: trunk.to_string(),
        user: Some("office".into()),
        password_file: Some(password_file),
        register: true,
        ..Trunk::default()
    };
    Settings {
        data_dir: folder.join("data"),
        http: free,
        sip: free,
        admin: free,
        trunk: Some(trunk),
        stamp: Some(vault::Stamp::Production),
        ..Settings::default()
    }
}

/// Jobs that nobody has taken yet.
async fn waiting(house: &House, kind: &str) -> i64 {
    let jobs = Jobs::new(&house.platform.database, house.platform.identifiers.clone());
    let counts = jobs.counts().await.expect("counted");
    counts.iter().find(|count| count.kind == kind).map_or(0, |count| count.waiting)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_beside_a_node_takes_none_of_its_work_and_says_nothing_to_its_trunk() {
    let scratch = tempfile::tempdir().expect("a folder");
    let trunk = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let settings = settings(scratch.path(), trunk.local_addr().expect("bound"));
    let house = House::open(settings.clone()).await.expect("opens");
    let mut transaction = house.platform.database.installation().begin().await.expect("begun");
    let (id, organization) = (house.platform.identifiers.next(), OrganizationId(house.platform.identifiers.next()));
    let due = Job::new(id, WAKE_JOB, organization, Vec::new(), Timestamp::from_seconds(0));
    enqueue(&mut transaction, due).await.expect("enqueued");
    transaction.commit().await.expect("committed");

    let looking = House::open(settings).await.expect("opens");
    let looking = Running::start_beside_another(looking, &[]).await.expect("opens its doors");
    let mut heard = [0; 2_048];
    assert!(tokio::time::timeout(LOOKS, trunk.recv_from(&mut heard)).await.is_err(), "the trunk heard of it");
    assert_eq!(waiting(&house, WAKE_JOB).await, 1, "it is left to the node");
    let scrub = house.platform.vault.last_sweep(None, SweepKind::Scrub).await.expect("read");
    assert_eq!(scrub, None, "none is begun");
    looking.stop().await.expect("ends");

    // The node itself does both.
    let node = Running::start(house.clone(), &[]).await.expect("opens its doors");
    let (length, _) = tokio::time::timeout(LIMIT, trunk.recv_from(&mut heard)).await.expect("in time").expect("heard");
    assert!(heard[..length].starts_with(b"REGISTER "));
    let deadline = Instant::now() + LIMIT;
    while waiting(&house, WAKE_JOB).await > 0 {
        assert!(Instant::now() < deadline, "nobody does it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    node.hurry.cancel();
    node.stop().await.expect("ends");
}
