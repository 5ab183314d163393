//! Orders against an authority that checks what a real one checks, on a clock that the test moves.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use storage::ManualClock;
use tokio_util::sync::DropGuard;

use super::*;
use crate::acme::testing::TestAuthority;
use crate::{HostNames, Listener, ListenerSettings, Protection};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const DAY: i64 = 86_400;

struct World {
    authority: TestAuthority,
    renewal: Renewal,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
    _redirect: DropGuard,
}

impl World {
    async fn new(names: &[&str]) -> Self {
        let (folder, clock) = (tempfile::tempdir().expect("a folder"), Arc::new(ManualClock::at(NOW)));
        let (challenges, stop) = (Challenges::default(), CancellationToken::new());
        let address = redirect(challenges.clone(), stop.clone()).await;
        let authority = TestAuthority::start(folder.path(), address, clock.clone()).await;
        let settings = AcmeSettings {
            directory: authority.directory(),
            contact: "mailto:security@desk.example".to_owned(),
            ca_file: Some(authority.root().to_owned()),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            folder: folder.path().join("acme"),
        };
        let renewal = Renewal::new(settings, challenges, Certificates::none_yet(), clock.clone());
        Self { authority, renewal, clock, folder, _redirect: stop.drop_guard() }
    }

    /// The same node after a restart.
    fn restarted(&self) -> Renewal {
        let old = &self.renewal;
        let (settings, challenges) = (old.settings.clone(), old.challenges.clone());
        Renewal::new(settings, challenges, Certificates::none_yet(), self.clock.clone())
    }

    fn names(&self) -> Vec<String> {
        self.renewal.certificates.current().map(|one| one.facts().names.clone()).unwrap_or_default()
    }
}

/// The listener on what would be port 80.
async fn redirect(challenges: Challenges, stop: CancellationToken) -> SocketAddr {
    let mut settings = ListenerSettings::at(SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.protection = Protection::NothingToProtect;
    settings.host_names = HostNames::Any;
    let listener = Listener::bind(settings).await.expect("a free port");
    let address = listener.local_address();
    tokio::spawn(listener.serve(crate::redirect::router("https://desk.example", challenges), stop));
    address
}

fn modes(folder: &Path) -> Vec<u32> {
    let files = std::fs::read_dir(folder).expect("there");
    files.map(|file| file.expect("readable").metadata().expect("there").permissions().mode() & 0o777).collect()
}

#[tokio::test]
async fn a_certificate_comes_is_kept_and_is_renewed_in_time() {
    let mut world = World::new(&["desk.example", "www.desk.example"]).await;
    world.renewal.resume().expect("nothing is there yet");
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    assert_eq!(world.names(), ["desk.example", "www.desk.example"]);
    assert_eq!(world.renewal.turn().await, Turn::Kept);
    assert!(world.renewal.challenges.0.read().expect("not poisoned").is_empty(), "no challenge stays open");
    let folder = world.folder.path().join("acme");
    assert_eq!(modes(&folder), [0o600, 0o600], "account and certificate are for their owner alone");
    let mode = std::fs::metadata(&folder).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // Signed an hour before now for 90 days, so a third is left 60 days after that hour.
    world.clock.set(NOW.plus_seconds(60 * DAY - 3_601));
    assert_eq!(world.renewal.turn().await, Turn::Kept);
    world.clock.set(NOW.plus_seconds(60 * DAY - 3_600));
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    assert_eq!((world.renewal.turn().await, world.authority.issued()), (Turn::Kept, 2));
}

#[tokio::test]
async fn a_restart_orders_nothing_and_uses_the_same_account() {
    let mut world = World::new(&["desk.example"]).await;
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    world.renewal = world.restarted();
    world.renewal.resume().expect("stored");
    assert_eq!((world.names(), world.renewal.turn().await), (vec!["desk.example".to_owned()], Turn::Kept));
    let account = super::super::store::account_path(&world.renewal.settings);
    let before = std::fs::read(&account).expect("stored");
    world.clock.set(NOW.plus_seconds(80 * DAY));
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    assert_eq!(std::fs::read(&account).expect("stored"), before);
}

#[tokio::test]
async fn nonces_that_grew_old_are_replaced_and_a_forgotten_account_is_made_again() {
    let mut world = World::new(&["desk.example"]).await;
    world.authority.behave(|behaviour| behaviour.bad_nonces = 2);
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    world.authority.behave(|behaviour| behaviour.accounts_forgotten = true);
    world.clock.set(NOW.plus_seconds(80 * DAY));
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    assert_eq!(world.authority.issued(), 2);
}

#[tokio::test]
async fn failures_keep_what_is_presented_and_pause_longer_each_time() {
    let mut world = World::new(&["desk.example"]).await;
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
    let due = NOW.plus_seconds(70 * DAY);
    world.clock.set(due);
    world.authority.behave(|behaviour| behaviour.rate_limited = true);
    assert_eq!((world.renewal.turn().await, world.renewal.turn().await), (Turn::Failed, Turn::Waiting));
    assert_eq!(world.names(), ["desk.example"], "the old one is presented until the last day");
    world.authority.behave(|behaviour| behaviour.rate_limited = false);
    world.clock.set(due.plus_seconds(3_599));
    assert_eq!(world.renewal.turn().await, Turn::Waiting, "an authority that wants fewer orders gets an hour");
    world.clock.set(due.plus_seconds(3_600));
    assert_eq!(world.renewal.turn().await, Turn::Renewed);
}

#[tokio::test]
async fn what_went_wrong_is_said_in_words() {
    let world = World::new(&["desk.example"]).await;
    let order = || client::order(&world.renewal.settings, &world.renewal.challenges);
    let error = async || order().await.err().expect("refused").to_string();
    world.authority.behave(|behaviour| behaviour.challenges_fail = true);
    let told = error().await;
    assert!(told.contains("desk.example") && told.contains("port 80") && told.contains("not found"), "{told}");
    world.authority.behave(|behaviour| (behaviour.challenges_fail, behaviour.rate_limited) = (false, true));
    assert!(matches!(order().await.err(), Some(AcmeError::TooMany(_))));
    world.authority.behave(|behaviour| {
        (behaviour.rate_limited, behaviour.signs_for) = (false, Some("evil.example".to_owned()));
    });
    let told = error().await;
    assert!(told.contains("not for desk.example"), "{told}");
    let mut settings = world.renewal.settings.clone();
    settings.ca_file = None;
    let told = client::order(&settings, &world.renewal.challenges).await.err().expect("not trusted").to_string();
    assert!(told.contains("cannot be spoken to"), "an authority that the system does not know: {told}");
}

#[tokio::test]
async fn a_certificate_for_other_days_is_not_taken() {
    let mut world = World::new(&["desk.example"]).await;
    world.authority.behave(|behaviour| behaviour.days = 0);
    assert_eq!(world.renewal.turn().await, Turn::Failed, "it was over before it came");
    assert!(world.renewal.certificates.current().is_none());
}
