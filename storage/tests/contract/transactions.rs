//! All or nothing, on both engines: commit, rollback, drop, cancellation and many writers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use storage::testing::TestDatabase;
use storage::{Error, OrganizationDb, Statement};

use crate::house::{ADD_TOTAL, CONTACT, COUNTER, TOTAL, add, contact, databases, id, organization, with};

const READ_TOTAL: Statement =
    Statement::organization("counters.read", "select total from counter where organization_id = $1 and id = $2");
const BOTH: Statement = Statement::organization(
    "counters.both",
    "select cast(sum(total) as bigint) as total, count(*) as rows from counter where organization_id = $1",
);

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    for test in databases().await {
        let door = test.database.organization(organization());
        let one = id();
        let mut transaction = door.begin().await.expect("begun");
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect("added");
        assert!(transaction.get(&CONTACT, one).await.expect("read").is_some(), "it sees its own rows");
        assert!(door.get(&CONTACT, one).await.expect("read").is_none(), "nobody else does");
        drop(transaction);
        assert!(door.get(&CONTACT, one).await.expect("read").is_none(), "{}", test.name);
        let mut transaction = door.begin().await.expect("the next one begins");
        assert!(transaction.get(&CONTACT, one).await.expect("read").is_none());
    }
}

#[tokio::test]
async fn hooks_run_after_the_commit_in_order_and_never_without_one() {
    for test in databases().await {
        let (door, one) = (test.database.organization(organization()), id());
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = |number: u32| {
            let order = order.clone();
            move || order.lock().expect("unpoisoned").push(number)
        };
        let mut dropped = door.begin().await.expect("begun");
        dropped.on_commit(note(9));
        drop(dropped);
        let mut transaction = door.begin().await.expect("begun");
        transaction.on_commit(note(1));
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect("added");
        transaction.on_commit(note(2));
        assert!(order.lock().expect("unpoisoned").is_empty());
        transaction.commit().await.expect("committed");
        assert_eq!(*order.lock().expect("unpoisoned"), [1, 2]);
        let mut refused = door.begin().await.expect("begun");
        refused.on_commit(note(8));
        refused.insert(&CONTACT, &contact(one, "Ada")).await.expect_err("a conflict");
        assert!(matches!(refused.commit().await, Err(Error::Aborted)));
        assert_eq!(*order.lock().expect("unpoisoned"), [1, 2], "{}", test.name);
    }
}

#[tokio::test]
async fn after_a_failed_step_nothing_is_committed() {
    for test in databases().await {
        let (door, one) = (test.database.organization(organization()), id());
        let mut transaction = door.begin().await.expect("begun");
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect("added");
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect_err("a conflict");
        assert!(matches!(transaction.get(&CONTACT, one).await, Err(Error::Aborted)), "{}", test.name);
        assert!(matches!(transaction.commit().await, Err(Error::Aborted)), "{}", test.name);
        assert!(door.get(&CONTACT, one).await.expect("read").is_none(), "{}", test.name);
    }
}

/// Reads, then writes: with deferred transactions SQLite would answer most of these with BUSY.
async fn count_up(test: &TestDatabase, writers: u32, times: u32) -> i64 {
    let (organization, counter) = (organization(), id());
    add(test, organization, &COUNTER, &[("id", counter.into()), ("total", 0_i64.into())]).await.expect("added");
    let writer = |database: storage::Database| async move {
        let door = database.organization(organization);
        for _ in 0..times {
            let mut transaction = door.begin().await.expect("begun");
            let total =
                transaction.query(&TOTAL, &[counter.into()]).await.expect("read")[0].integer("total").expect("integer");
            transaction.execute(&ADD_TOTAL, &[counter.into(), (total + 1).into()]).await.expect("written");
            transaction.commit().await.expect("committed");
        }
    };
    let running: Vec<_> = (0..writers).map(|_| tokio::spawn(writer(test.database.clone()))).collect();
    for writer in running {
        writer.await.expect("no writer was refused");
    }
    let rows = test.database.organization(organization).query(&READ_TOTAL, &[counter.into()]).await.expect("read");
    rows[0].integer("total").expect("integer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_lose_no_update_and_are_never_refused() {
    for test in databases().await {
        // On PostgreSQL all eight contend for one row's lock; fewer rounds show the same.
        let times = if test.name == "sqlite" { 500 } else { 60 };
        assert_eq!(count_up(&test, 8, times).await, i64::from(8 * times), "{}", test.name);
    }
}

/// Gives the future this many polls that find it waiting, then drops it: its request is on its way, its answer is not awaited.
async fn cancelled_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Adds two rows that must appear together.
async fn add_pair(door: OrganizationDb, committed: Arc<AtomicU32>) -> storage::Result<()> {
    let mut transaction = door.begin().await?;
    transaction.insert(&COUNTER, &[("id", id().into()), ("total", 1_i64.into())]).await?;
    transaction.insert(&COUNTER, &[("id", id().into()), ("total", (-1_i64).into())]).await?;
    transaction.on_commit(move || {
        committed.fetch_add(1, Ordering::SeqCst);
    });
    transaction.commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_callers_leave_nothing_torn_open_or_stuck() {
    const ROUNDS: u32 = 3000;
    /// More than the waits of one whole transaction, so that every one of them is cut in some round.
    const WAITS: u32 = 8;
    for test in databases().await {
        let door = test.database.organization(organization());
        let committed = Arc::new(AtomicU32::new(0));
        let mut cancelled = 0;
        for round in (0..ROUNDS).step_by(10) {
            let tasks: Vec<_> = (round..round + 10)
                .map(|round| {
                    let (pair, list) = (add_pair(door.clone(), committed.clone()), door.clone());
                    tokio::spawn(async move {
                        let read = cancelled_after(round / 10 % 3, list.query(&BOTH, &[])).await;
                        assert!(read.is_none_or(|read| read.is_ok()));
                        cancelled_after(round % WAITS, pair).await
                    })
                })
                .collect();
            for task in tasks {
                match task.await.expect("no panic") {
                    Some(finished) => finished.expect("no refusal"),
                    None => cancelled += 1,
                }
            }
        }
        assert!(cancelled > ROUNDS / 4, "{}: only {cancelled} were cancelled", test.name);
        // A fresh transaction gets its turn after everything cancelled: nothing is stuck.
        tokio::time::timeout(Duration::from_secs(20), async { door.begin().await.expect("begun") })
            .await
            .expect("not stuck");
        for _ in 0..100 {
            if open_transactions(&test).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(open_transactions(&test).await, 0, "{}", test.name);
        let row = door.query(&BOTH, &[]).await.expect("read").remove(0);
        let (sum, rows) =
            (row.optional_integer("total").expect("sum").unwrap_or(0), row.integer("rows").expect("count"));
        assert_eq!((sum, rows % 2), (0, 0), "{}: a transaction was torn", test.name);
        assert_eq!(rows / 2, i64::from(committed.load(Ordering::SeqCst)), "{}: hooks and commits differ", test.name);
        println!("{}: of {ROUNDS}, {cancelled} were cancelled and {} committed", test.name, rows / 2);
    }
}

/// Server processes of this database that still have a transaction open.
async fn open_transactions(test: &TestDatabase) -> i64 {
    let Some(url) = test.superuser_url() else { return 0 };
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connects");
    tokio::spawn(connection);
    let open = "select count(*) from pg_stat_activity
                where datname = current_database() and state like 'idle in transaction%'";
    client.query_one(open, &[]).await.expect("counted").get(0)
}

#[tokio::test]
async fn a_step_whose_caller_stopped_waiting_spoils_the_transaction() {
    for test in databases().await {
        let (door, one) = (test.database.organization(organization()), id());
        let mut transaction = door.begin().await.expect("begun");
        // Large enough that no engine answers before the first poll ends.
        let fields = with(contact(one, "Ada"), "email", vec![7; 8 << 20]);
        let polled_once = futures_util::FutureExt::now_or_never(transaction.insert(&CONTACT, &fields));
        assert!(polled_once.is_none());
        assert!(matches!(transaction.get(&CONTACT, one).await, Err(Error::Aborted)));
        assert!(matches!(transaction.commit().await, Err(Error::Aborted)));
        assert!(door.get(&CONTACT, one).await.expect("read").is_none(), "{}", test.name);
    }
}

#[tokio::test]
async fn everything_committed_is_there_after_opening_again() {
    for test in databases().await {
        let (organization, one) = (organization(), id());
        add(&test, organization, &CONTACT, &with(contact(one, "Ada"), "note", "kept")).await.expect("added");
        let again = test.reopen(crate::house::schema()).await.expect("opens beside the first");
        assert!(again.organization(organization).get(&CONTACT, one).await.expect("read").is_some());
        again.close().await;
        test.database.close().await;
        let closed = test.database.organization(organization).get(&CONTACT, one).await.expect_err("closed");
        assert!(matches!(closed, Error::Closed(_)), "{} {closed}", test.name);
        assert!(test.database.organization(organization).begin().await.is_err());
        let again = test.reopen(crate::house::schema()).await.expect("opens");
        let row = again.organization(organization).get(&CONTACT, one).await.expect("read").expect("there");
        assert_eq!(row.text("note").expect("text"), "kept");
    }
}

#[tokio::test]
async fn a_value_is_replaced_only_while_it_is_what_it_was() {
    for test in databases().await {
        let (door, one) = (test.database.organization(organization()), id());
        let mut transaction = door.begin().await.expect("begun");
        transaction.insert(&CONTACT, &contact(one, "Ada")).await.expect("added");
        let elsewhere = test.database.organization(organization());
        let replace = [("name", "Grace".into())];
        let held = storage::Value::from("Ada");
        assert!(transaction.replace(&CONTACT, one, ("name", &held), &replace).await.expect("replaced"));
        assert!(!transaction.replace(&CONTACT, one, ("name", &held), &replace).await.expect("it changed since"));
        assert!(!transaction.replace(&CONTACT, id(), ("name", &held), &replace).await.expect("no such row"));
        transaction.commit().await.expect("committed");
        let mut other = elsewhere.begin().await.expect("begun");
        let held = storage::Value::from("Grace");
        assert!(!other.replace(&CONTACT, one, ("name", &held), &replace).await.expect("of another organization"));
        assert!(other.replace(&CONTACT, one, ("nonsense", &held), &replace).await.is_err(), "{}", test.name);
    }
}

#[tokio::test]
async fn a_table_is_walked_row_by_row_within_its_organization() {
    for test in databases().await {
        let (door, other) = (test.database.organization(organization()), test.database.organization(organization()));
        let ids = [0_u128, 1, 2, u128::MAX].map(uuid::Uuid::from_u128);
        for (number, id) in ids.into_iter().enumerate() {
            let mut transaction = door.begin().await.expect("begun");
            transaction.insert(&CONTACT, &contact(id, &format!("Ada {number}"))).await.expect("added");
            transaction.commit().await.expect("committed");
        }
        assert_eq!(door.count(&CONTACT).await.expect("counted"), 4);
        let (mut from, mut seen) = (uuid::Uuid::nil(), Vec::new());
        loop {
            let rows = door.page(&CONTACT, &["name"], from, 3).await.expect("read");
            seen.extend(rows.iter().map(|row| row.uuid("id").expect("an id")));
            let Some(last) = rows.last() else { break };
            assert!(last.text("name").is_ok() && last.text("note").is_err(), "only what was asked for");
            match last.uuid("id").expect("an id").as_u128().checked_add(1) {
                Some(next) => from = uuid::Uuid::from_u128(next),
                None => break,
            }
        }
        assert_eq!(seen, ids, "{}", test.name);
        assert_eq!(other.count(&CONTACT).await.expect("counted"), 0, "another organization's");
        assert!(other.page(&CONTACT, &[], uuid::Uuid::nil(), 9).await.expect("read").is_empty());
    }
}
