//! A process killed in the middle of its work: everything it acknowledged is there afterwards, and nothing is torn.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use storage::objects::ObjectFolder;
use storage::{Database, DatabaseConfig, PostgresLink};
use uuid::Uuid;

use crate::house::{CONTACT, COUNTER, contact, schema};

/// Tells the test below that it is the process to be killed: the address of its database and its folder, separated by a line end.
const VARIABLE: &str = "RINGFENCE_TEST_CRASH";
const ORGANIZATION: storage::OrganizationId = storage::OrganizationId(Uuid::from_u128(1));
/// One append.
const CHUNK_BYTES: usize = 16 * 1024;

/// Works for ever and says each time what is done; does nothing unless started by the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_to_be_killed() {
    let Ok(told) = std::env::var(VARIABLE) else { return };
    let (address, folder) = told.split_once('\n').expect("two lines");
    let config = match address.strip_prefix("sqlite:") {
        Some(path) => DatabaseConfig::Sqlite { path: path.into() },
        None => DatabaseConfig::Postgres { url: address.to_owned(), link: PostgresLink::ThisMachine },
    };
    let door = Database::open(&config, schema()).await.expect("opens").organization(ORGANIZATION);
    let objects = ObjectFolder::open(folder).await.expect("opens");
    let mut appender = objects.create("recording").await.expect("created");
    for number in 1..=1_000_000_u32 {
        let row = Uuid::from_u128(u128::from(number));
        let mut transaction = door.begin().await.expect("begun");
        transaction.insert(&CONTACT, &contact(row, "Ada")).await.expect("added");
        transaction.insert(&COUNTER, &[("id", row.into()), ("total", number.into())]).await.expect("added");
        transaction.commit().await.expect("committed");
        appender.append(&[number as u8; CHUNK_BYTES]).await.expect("appended");
        writeln!(std::io::stdout(), "\ndone {number}").expect("told");
    }
}

/// Starts the process above and kills it once it has acknowledged this much; gives the last number it acknowledged.
fn kill_after(address: &str, folder: &std::path::Path, acknowledged: u32) -> u32 {
    let this = std::env::current_exe().expect("this test binary");
    let mut child = Command::new(this)
        .args(["--exact", "crash::the_process_to_be_killed", "--nocapture"])
        .env(VARIABLE, format!("{address}\n{}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let mut last = 0;
    for line in lines.map_while(Result::ok) {
        if let Some(number) = line.strip_prefix("done ") {
            last = number.parse().expect("a number");
        }
        if last == acknowledged {
            // More may be acknowledged before the kill arrives; those lines are read too.
            child.kill().expect("killed");
        }
    }
    child.wait().expect("ended");
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    for test in crate::house::databases().await {
        let address = match test.config() {
            DatabaseConfig::Sqlite { path } => format!("sqlite:{}", path.display()),
            DatabaseConfig::Postgres { url, .. } => url.clone(),
        };
        test.database.close().await;
        let folder = test.folder().join("objects");
        let killed = tokio::task::spawn_blocking({
            let folder = folder.clone();
            move || kill_after(&address, &folder, 150)
        });
        let last = killed.await.expect("no panic");
        assert!(last >= 150, "{}: it worked", test.name);
        let door = test.reopen(schema()).await.expect("opens after the kill").organization(ORGANIZATION);
        for number in 1..=last + 1 {
            let row = Uuid::from_u128(u128::from(number));
            let (one, other) =
                (door.get(&CONTACT, row).await.expect("read"), door.get(&COUNTER, row).await.expect("read"));
            assert_eq!(one.is_some(), other.is_some(), "{}: {number} is torn", test.name);
            assert!(one.is_some() || number > last, "{}: {number} was acknowledged and is lost", test.name);
        }
        let objects = ObjectFolder::open(&folder).await.expect("opens");
        let length = objects.length("recording").await.expect("there");
        assert!(length >= u64::from(last) * CHUNK_BYTES as u64, "{}: appended bytes are lost", test.name);
        let tail =
            objects.read_at("recording", u64::from(last - 1) * CHUNK_BYTES as u64, CHUNK_BYTES).await.expect("read");
        assert!(tail == [last as u8; CHUNK_BYTES], "{}: the last chunk is whole", test.name);
    }
}
