//! Rotations and scrubs on both databases, cut off at any point, and what they leave.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    pin::Pin,
    process::{Command, Stdio},
    sync::Arc,
};

use storage::{
    Database, DatabaseConfig, OrganizationDb, SystemEntropy,
    objects::ObjectFolder,
    testing::{TestDatabase, databases},
};

use super::*;
use crate::{
    Field, KeySource, ObjectContext, ObjectPlace, SealedWriter,
    sealed_object::ObjectCatalogue,
    store::tests::{NOTE, schema},
};

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
const LATER: Timestamp = Timestamp::from_seconds(1_767_225_600 + 3_600);
const HERE: OrganizationId = OrganizationId(Uuid::from_u128(0x0a));
const THERE: OrganizationId = OrganizationId(Uuid::from_u128(0x0b));
const PERSON: Uuid = Uuid::from_u128(5);
const RECORDING: Uuid = Uuid::from_u128(6);
/// Tells a test that it is the process to be killed.
const VARIABLE: &str = "RINGFENCE_TEST_SWEEP_CRASH";

/// The objects of a folder, named by their recordings.
struct Catalogue(ObjectFolder);

impl ObjectCatalogue for Catalogue {
    fn find<'a>(
        &'a self,
        _door: &'a OrganizationDb,
        recording: Uuid,
    ) -> Pin<Box<dyn Future<Output = storage::Result<Option<ObjectPlace>>> + Send + 'a>> {
        let context = ObjectContext::new("recording", recording);
        let place = ObjectPlace { folder: self.0.clone(), name: recording.simple().to_string(), context };
        Box::pin(async move { Ok(Some(place)) })
    }
}

/// An installation with two organizations; the first has notes, a person and a recording.
struct World {
    test: TestDatabase,
    vault: Vault,
    catalogue: Catalogue,
    identifiers: Identifiers,
}

async fn vault(database: &Database, key: std::path::PathBuf) -> Vault {
    Vault::open(KeySource::File(key), database, Arc::new(SystemEntropy)).await.expect("opens")
}

async fn worlds(notes: u128) -> Vec<World> {
    let mut worlds = Vec::new();
    for test in databases(schema()).await {
        let vault = vault(&test.database, test.folder().join("root.key")).await;
        let objects = ObjectFolder::open(test.folder().join("objects")).await.expect("opens");
        let world = World { vault, catalogue: Catalogue(objects), identifiers: Identifiers::system(), test };
        world.furnish(notes).await;
        worlds.push(world);
    }
    worlds
}

fn note(row: u128) -> Field {
    Field::new(&NOTE, "text", Uuid::from_u128(row))
}

fn author(row: u128) -> Field {
    Field::new(&NOTE, "author", Uuid::from_u128(row))
}

impl World {
    fn door(&self) -> OrganizationDb {
        self.test.database.organization(HERE)
    }

    async fn furnish(&self, notes: u128) {
        for organization in [HERE, THERE] {
            let door = self.test.database.organization(organization);
            let mut transaction = door.begin().await.expect("begins");
            let keyring = self.vault.create_organization(&mut transaction, NOW).await.expect("made");
            let person = keyring.create_person_key(&mut transaction, PERSON, NOW).await.expect("made");
            for row in 0..notes {
                let values = [
                    ("id", Uuid::from_u128(row).into()),
                    ("text", keyring.seal_text(note(row), &format!("note {row}")).expect("sealed").into()),
                    ("person_id", PERSON.into()),
                    ("author", person.seal_text(author(row), &format!("author {row}")).expect("sealed").into()),
                ];
                transaction.insert(&NOTE, &values).await.expect("inserted");
            }
            if organization == HERE {
                let key = keyring.create_recording_key(&mut transaction, RECORDING, NOW).await.expect("made");
                let name = RECORDING.simple().to_string();
                let context = ObjectContext::new("recording", RECORDING);
                let mut writer = SealedWriter::create(&self.catalogue.0, &name, &key, context).await.expect("created");
                writer.write(&vec![7; 100_000]).await.expect("written");
                writer.finish().await.expect("finished");
            }
            transaction.commit().await.expect("commits");
        }
    }

    /// The numbers of the keys in the headers of a column's values.
    async fn numbers(&self, column: &'static str) -> Vec<u8> {
        let rows = self.door().page(&NOTE, &[column], Uuid::nil(), 10_000).await.expect("read");
        rows.iter().map(|row| row.bytes(column).expect("bytes")[5]).collect()
    }

    async fn everything_opens(&self, vault: &Vault) {
        let (door, count) = (self.door(), self.door().count(&NOTE).await.expect("counted") as u128);
        let keyring = vault.keyring(&door).await.expect("read");
        let person = keyring.person_key(&door, PERSON).await.expect("read");
        for row in 0..count {
            let stored = door.get(&NOTE, Uuid::from_u128(row)).await.expect("read").expect("there");
            let text = keyring.open_text(note(row), &stored.bytes("text").expect("bytes")).expect("opens");
            let name = person.open_text(author(row), &stored.bytes("author").expect("bytes")).expect("opens");
            assert_eq!((text, name), (format!("note {row}"), format!("author {row}")), "{}", self.test.name);
        }
        let key = keyring.recording_key(&door, RECORDING).await.expect("read");
        let place = self.catalogue.find(&door, RECORDING).await.expect("known").expect("there");
        crate::check_object(&place, &key).await.expect("whole");
    }

    async fn begin(&self, organization: Option<OrganizationId>, kind: SweepKind) -> Uuid {
        let mut transaction = match organization {
            Some(organization) => self.test.database.organization(organization).begin().await.expect("begins"),
            None => self.test.database.installation().begin().await.expect("begins"),
        };
        let (vault, identifiers) = (&self.vault, &self.identifiers);
        let sweep = match kind {
            SweepKind::Rotation => vault.begin_rotation(&mut transaction, identifiers, NOW).await,
            SweepKind::PersonRotation => vault.begin_person_rotation(&mut transaction, identifiers, NOW).await,
            SweepKind::Scrub => vault.begin_scrub(&mut transaction, identifiers, NOW).await,
        };
        transaction.commit().await.expect("commits");
        sweep.expect("begun")
    }

    /// Walks to the end, at a time when nobody can be writing with an older key. What is shown of it on the way only rises.
    async fn walk(&self, sweep: Uuid) -> (Sweep, Vec<Damage>) {
        let walker = Walker { objects: &self.catalogue, identifiers: &self.identifiers };
        let (mut found, mut shown) = (Vec::new(), Vec::new());
        let finished = loop {
            match self.vault.step(sweep, &walker, LATER).await.expect("a step") {
                Step::More(damages) => found.extend(damages),
                Step::Wait(_) => panic!("the grace is over"),
                Step::Finished(sweep) => break sweep,
            }
            shown.push(self.vault.sweep(sweep).await.expect("read").expect("it runs").percent());
        };
        assert!(shown.is_sorted() && shown.iter().all(|percent| *percent < 100), "{shown:?}");
        assert!(shown.len() < 4 || shown.iter().any(|percent| *percent > 0), "{shown:?}");
        (finished, found)
    }
}

#[tokio::test]
async fn a_rotation_seals_everything_anew_and_ends_the_old_key() {
    for world in worlds(70).await {
        let before = fs::read(world.test.folder().join("objects").join(RECORDING.simple().to_string())).expect("read");
        let sweep = world.begin(Some(HERE), SweepKind::Rotation).await;
        assert_eq!(world.numbers("text").await, [1; 70], "{}: nothing is done yet", world.test.name);
        let (sweep, found) = world.walk(sweep).await;
        assert!(found.is_empty() && sweep.ended_old_keys() && sweep.percent() == 100, "{sweep:?}");
        // The notes, the person's key and the recording's.
        assert_eq!(sweep.changed, 72, "{}", world.test.name);
        assert_eq!(world.numbers("text").await, [2; 70]);
        assert_eq!(world.numbers("author").await, [1; 70], "persons keep their keys, wrapped anew");
        world.everything_opens(&world.vault).await;
        let main = Uuid::from_u128(1);
        let old = world.door().get(&super::super::ORGANIZATION_KEY, main).await.expect("read");
        assert!(old.is_none(), "the old key is gone");
        let after = fs::read(world.test.folder().join("objects").join(RECORDING.simple().to_string())).expect("read");
        assert!(before == after, "sound is not rewritten");
        // A fresh process opens everything without it.
        let fresh = vault(&world.test.database, world.test.folder().join("root.key")).await;
        world.everything_opens(&fresh).await;
        let other = fresh.keyring(&world.test.database.organization(THERE)).await.expect("read");
        assert_eq!(other.seal(note(1), b"x").expect("sealed")[5], 1, "the other organization was not touched");
    }
}

#[tokio::test]
async fn the_second_pass_waits_and_takes_what_was_written_late_with_the_old_key() {
    for world in worlds(3).await {
        let late = world.vault.keyring(&world.door()).await.expect("read").seal_text(note(1), "note 1").expect("old");
        let sweep = world.begin(Some(HERE), SweepKind::Rotation).await;
        let walker = Walker { objects: &world.catalogue, identifiers: &world.identifiers };
        let waits = loop {
            match world.vault.step(sweep, &walker, NOW).await.expect("a step") {
                Step::More(_) => {}
                Step::Wait(until) => break until,
                Step::Finished(sweep) => panic!("too early: {sweep:?}"),
            }
        };
        assert_eq!(waits, NOW.plus_seconds(crate::sweep::GRACE_SECONDS));
        assert_eq!(late[5], 1, "sealed before the rotation");
        let mut transaction = world.door().begin().await.expect("begins");
        transaction.update(&NOTE, Uuid::from_u128(1), &[("text", late.into())]).await.expect("written late");
        transaction.commit().await.expect("commits");
        let (sweep, _) = world.walk(sweep).await;
        assert!(sweep.ended_old_keys(), "{}", world.test.name);
        assert_eq!(world.numbers("text").await, [2; 3]);
        world.everything_opens(&world.vault).await;
    }
}

#[tokio::test]
async fn two_rotations_of_the_same_keys_do_not_run_at_once() {
    for world in worlds(1).await {
        world.begin(Some(HERE), SweepKind::Rotation).await;
        let mut transaction = world.door().begin().await.expect("begins");
        let second = world.vault.begin_rotation(&mut transaction, &world.identifiers, NOW).await;
        assert!(matches!(second, Err(Error::RotationRuns)), "{second:?}");
        drop(transaction);
        assert!(world.vault.last_sweep(Some(THERE), SweepKind::Rotation).await.expect("read").is_none());
        world.begin(Some(THERE), SweepKind::Rotation).await;
    }
}

#[tokio::test]
async fn what_does_not_open_keeps_the_old_key_for_what_a_backup_brings_back() {
    for world in worlds(3).await {
        let row = world.door().get(&NOTE, Uuid::from_u128(1)).await.expect("read").expect("there");
        let whole = row.bytes("text").expect("bytes");
        let write = async |text: Vec<u8>| {
            let mut transaction = world.door().begin().await.expect("begins");
            transaction.update(&NOTE, Uuid::from_u128(1), &[("text", text.into())]).await.expect("written");
            transaction.commit().await.expect("commits");
        };
        let mut damaged = whole.clone();
        damaged[40] ^= 1;
        write(damaged).await;
        let (sweep, found) = {
            let sweep = world.begin(Some(HERE), SweepKind::Rotation).await;
            world.walk(sweep).await
        };
        assert!(!sweep.ended_old_keys() && sweep.damaged == 1, "{sweep:?}");
        assert_eq!((found.len(), found[0].place.as_str(), found[0].object), (1, "note.text", Uuid::from_u128(1)));
        write(whole).await;
        let sweep = world.begin(Some(HERE), SweepKind::Rotation).await;
        assert!(world.walk(sweep).await.0.ended_old_keys(), "{}", world.test.name);
        world.everything_opens(&world.vault).await;
    }
}

#[tokio::test]
async fn every_person_gets_a_new_key() {
    for world in worlds(40).await {
        let held = world.vault.keyring(&world.door()).await.expect("read");
        let before = held.person_key(&world.door(), PERSON).await.expect("read");
        let sweep = world.begin(Some(HERE), SweepKind::PersonRotation).await;
        let (sweep, found) = world.walk(sweep).await;
        assert!(found.is_empty() && sweep.ended_old_keys(), "{sweep:?}");
        assert_eq!((world.numbers("author").await, world.numbers("text").await), (vec![2; 40], vec![1; 40]));
        world.everything_opens(&world.vault).await;
        let row = world.door().get(&NOTE, Uuid::from_u128(0)).await.expect("read").expect("there");
        let sealed = row.bytes("author").expect("bytes");
        assert!(before.open(author(0), &sealed).is_err(), "{}: the old key opens nothing new", world.test.name);
        let keys = world.door().get(&super::super::PERSON_KEY, PERSON).await.expect("read").expect("there");
        assert!(keys.optional_bytes("previous").expect("bytes").is_none(), "and is gone");
        // An erased person stays erased.
        let mut transaction = world.door().begin().await.expect("begins");
        assert!(held.destroy_person_key(&mut transaction, PERSON).await.expect("destroyed"));
        transaction.commit().await.expect("commits");
        let sweep = world.begin(Some(HERE), SweepKind::PersonRotation).await;
        let (sweep, found) = world.walk(sweep).await;
        assert!(found.is_empty() && sweep.changed == 0, "{sweep:?}");
    }
}

#[tokio::test]
async fn the_installation_s_key_is_rotated_and_wraps_the_organizations_keys_anew() {
    for world in worlds(2).await {
        let sweep = world.begin(None, SweepKind::Rotation).await;
        let (sweep, found) = world.walk(sweep).await;
        assert!(found.is_empty() && sweep.ended_old_keys(), "{sweep:?}");
        assert_eq!(sweep.changed, 6, "three keys of each of two organizations: {}", world.test.name);
        let fresh = vault(&world.test.database, world.test.folder().join("root.key")).await;
        world.everything_opens(&fresh).await;
        world.vault.refresh(LATER).await.expect("refreshed");
        world.everything_opens(&world.vault).await;
        Vault::rotate_root_key(
            &world.test.database,
            &KeySource::File(world.test.folder().join("root.key")),
            &SystemEntropy,
        )
        .await
        .expect("the root key still turns");
        world.everything_opens(&vault(&world.test.database, world.test.folder().join("root.key")).await).await;
    }
}

#[tokio::test]
async fn a_scrub_names_what_is_damaged_once_and_forgets_it_when_it_is_mended() {
    for world in worlds(2).await {
        let scrub = async || {
            let sweep = world.begin(Some(HERE), SweepKind::Scrub).await;
            world.walk(sweep).await
        };
        let (sweep, found) = scrub().await;
        assert!(found.is_empty() && sweep.damaged == 0 && sweep.changed == 0, "{sweep:?}");
        let path = world.test.folder().join("objects").join(RECORDING.simple().to_string());
        let whole = fs::read(&path).expect("read");
        let mut altered = whole.clone();
        altered[50_000] ^= 1;
        fs::write(&path, &altered).expect("written");
        let (sweep, found) = scrub().await;
        assert_eq!((sweep.damaged, found.len()), (1, 1), "{}", world.test.name);
        let damage = &found[0];
        assert_eq!((damage.organization, damage.place.as_str(), damage.object), (Some(HERE), "object", RECORDING));
        assert!(damage.reason.contains("altered") && damage.found_at == LATER, "{damage:?}");
        assert_eq!(world.vault.damages(Some(HERE), 9).await.expect("read"), found);
        assert_eq!(world.vault.damages(Some(THERE), 9).await.expect("read"), []);
        assert_eq!(scrub().await.1, [], "what is known is not news");
        assert_eq!(world.vault.damage_count().await.expect("read"), 1);
        fs::remove_file(&path).expect("removed");
        scrub().await;
        assert_eq!(world.vault.damages(Some(HERE), 9).await.expect("read")[0].reason, "it is missing");
        fs::write(&path, &whole).expect("written");
        // The clock of this test stands: mended is what a later scrub does not see.
        let sweep = world.begin(Some(HERE), SweepKind::Scrub).await;
        let mut transaction = world.test.database.installation().begin().await.expect("begins");
        let later = [("started_at", LATER.plus_seconds(1).into())];
        transaction.update(&super::super::tables::VAULT_SWEEP, sweep, &later).await.expect("written");
        transaction.commit().await.expect("commits");
        world.walk(sweep).await;
        assert_eq!(world.vault.damages(Some(HERE), 9).await.expect("read"), [], "{}", world.test.name);
    }
}

#[tokio::test]
async fn scrubs_are_due_for_everybody_once_and_not_for_the_sealed() {
    for world in worlds(1).await {
        let due = async |before| world.vault.due_for_scrub(before).await.expect("asked");
        assert_eq!(due(NOW).await, [None, Some(HERE), Some(THERE)], "{}", world.test.name);
        let sweep = world.begin(Some(HERE), SweepKind::Scrub).await;
        assert_eq!(due(LATER).await, [None, Some(THERE)], "one is going on");
        world.walk(sweep).await;
        assert_eq!(due(NOW).await, [None, Some(THERE)]);
        assert_eq!(due(NOW.plus_seconds(1)).await, [None, Some(HERE), Some(THERE)]);
        let mut transaction = world.test.database.organization(THERE).begin().await.expect("begins");
        world.vault.seal_organization(&mut transaction, NOW).await.expect("sealed");
        transaction.commit().await.expect("commits");
        assert_eq!(due(NOW).await, [None]);
    }
}

/// Rotates for ever and says each time how far it is; does nothing unless started by the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_to_be_killed() {
    let Ok(told) = std::env::var(VARIABLE) else { return };
    let lines: Vec<&str> = told.split('\n').collect();
    let [address, folder, kind] = lines[..] else { panic!("three lines") };
    let config = match address.strip_prefix("sqlite:") {
        Some(path) => DatabaseConfig::Sqlite { path: path.into() },
        None => DatabaseConfig::Postgres { url: address.to_owned(), link: storage::PostgresLink::ThisMachine },
    };
    let database = Database::open(&config, schema()).await.expect("opens");
    let folder = std::path::Path::new(folder);
    let vault = vault(&database, folder.join("root.key")).await;
    let catalogue = Catalogue(ObjectFolder::open(folder.join("objects")).await.expect("opens"));
    let identifiers = Identifiers::system();
    let kind = SweepKind::parse(kind).expect("a kind");
    let walker = Walker { objects: &catalogue, identifiers: &identifiers };
    loop {
        let running = vault.last_sweep(Some(HERE), kind).await.expect("read");
        let sweep = if let Some(sweep) = running.filter(|sweep| sweep.finished_at.is_none()) {
            sweep.id
        } else {
            let mut transaction = database.organization(HERE).begin().await.expect("begins");
            let begun = match kind {
                SweepKind::PersonRotation => vault.begin_person_rotation(&mut transaction, &identifiers, NOW).await,
                _ => vault.begin_rotation(&mut transaction, &identifiers, NOW).await,
            };
            transaction.commit().await.expect("commits");
            begun.expect("begun")
        };
        while !matches!(vault.step(sweep, &walker, LATER).await.expect("a step"), Step::Finished(_)) {
            writeln!(std::io::stdout(), "\nstep").expect("told");
        }
    }
}

/// Starts the process above and kills it after so many steps and a while.
fn kill_after(told: &str, steps: usize, while_microseconds: u64) {
    let mut child = Command::new(std::env::current_exe().expect("this test binary"))
        .args(["--exact", "store::sweeps::tests::the_process_to_be_killed", "--nocapture"])
        .env(VARIABLE, told)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    // Read on to the end: a process whose pipe is gone would end by itself.
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let steps = lines.by_ref().map_while(std::result::Result::ok).filter(|line| line == "step").take(steps).count();
    assert!(steps > 0, "it came that far");
    std::thread::sleep(std::time::Duration::from_micros(while_microseconds));
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_again_and_again_loses_nothing_and_comes_to_its_end() {
    for world in worlds(200).await {
        let address = match world.test.config() {
            DatabaseConfig::Sqlite { path } => format!("sqlite:{}", path.display()),
            DatabaseConfig::Postgres { url, .. } => url.clone(),
        };
        for round in 0..12_u64 {
            let kind = if round % 2 == 0 { SweepKind::Rotation } else { SweepKind::PersonRotation };
            let told = format!("{address}\n{}\n{}", world.test.folder().display(), kind.as_str());
            // Any point will do; these are spread over steps and within them.
            let (steps, microseconds) = (1 + (round * 7) as usize % 23, (round * 1_237) % 4_000);
            tokio::task::spawn_blocking(move || kill_after(&told, steps, microseconds)).await.expect("no panic");
            let fresh = vault(&world.test.database, world.test.folder().join("root.key")).await;
            world.everything_opens(&fresh).await;
        }
        for kind in [SweepKind::Rotation, SweepKind::PersonRotation] {
            let sweep = world.vault.last_sweep(Some(HERE), kind).await.expect("read").expect("begun");
            let (sweep, found) = world.walk(sweep.id).await;
            assert!(found.is_empty() && sweep.ended_old_keys(), "{}: {sweep:?}", world.test.name);
        }
        let fresh = vault(&world.test.database, world.test.folder().join("root.key")).await;
        world.everything_opens(&fresh).await;
        let (texts, authors) = (world.numbers("text").await, world.numbers("author").await);
        assert!(texts.iter().all(|number| *number == texts[0]) && authors.iter().all(|number| *number == authors[0]));
    }
}

#[tokio::test]
async fn the_calendar_tells_scrubs_that_stopped_or_stand_still_from_owners_that_are_young() {
    for world in worlds(1).await {
        let calendar = async |since| {
            let calendar = world.vault.scrub_calendar(since).await.expect("asked");
            (calendar.looked_through, calendar.waiting, calendar.overdue)
        };
        let after = |seconds| NOW.plus_seconds(seconds);
        assert_eq!(calendar(NOW).await, (0, 3, 0), "{}: all are young", world.test.name);
        assert_eq!(
            calendar(after(1)).await,
            (0, 1, 2),
            "no scrub was begun; how old the installation is, nobody knows"
        );
        let sweep = world.begin(Some(HERE), SweepKind::Scrub).await;
        assert_eq!(calendar(NOW).await, (0, 3, 0), "begun is not over");
        assert_eq!(calendar(after(1)).await, (0, 1, 2), "one that stands still is late");
        world.walk(sweep).await;
        assert_eq!(calendar(NOW).await, (1, 2, 0));
        let second = world.begin(Some(HERE), SweepKind::Scrub).await;
        assert_eq!(calendar(NOW).await, (1, 2, 0), "while the next one runs, the one before counts");
        world.walk(second).await;
        let installation = world.begin(None, SweepKind::Scrub).await;
        world.walk(installation).await;
        assert_eq!(calendar(NOW).await, (2, 1, 0));
        assert_eq!(calendar(after(1)).await, (0, 0, 3));
        let mut transaction = world.test.database.organization(THERE).begin().await.expect("begins");
        world.vault.seal_organization(&mut transaction, NOW).await.expect("sealed");
        transaction.commit().await.expect("commits");
        assert_eq!(calendar(after(1)).await, (0, 0, 2), "the sealed are not looked through");
        let mut transaction = world.test.database.organization(THERE).begin().await.expect("begins");
        world.vault.unseal_organization(&mut transaction, after(9)).await.expect("unsealed");
        transaction.commit().await.expect("commits");
        assert_eq!(calendar(after(1)).await, (0, 1, 2), "who was unsealed just now is young again");
    }
}
