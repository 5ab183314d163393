//! The threads around SQLite: one writer that owns the only writing connection, and a few readers. Every transaction holds the
//! writer's permit from `begin` to its end, so writers queue in order and never meet `SQLITE_BUSY` inside one process.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{from_engine, places};
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::row::Row;

/// Reading threads. Readers never wait for the writer (WAL), so a few are enough to keep slow lists from delaying point reads.
pub const READERS: usize = 4;
/// How long a transaction waits for its turn before [`Error::Busy`].
pub const WRITER_WAIT_SECONDS: u64 = 30;
/// How long SQLite waits for another process that holds the file.
const OTHER_PROCESS_WAIT_MILLISECONDS: u64 = 10_000;
/// Prepared statements kept by each connection.
const PREPARED_STATEMENTS: usize = 512;
/// The write-ahead log is cut back to this size after a checkpoint.
const JOURNAL_LIMIT_BYTES: u32 = 64 * 1024 * 1024;

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// Tasks for one thread or a few; closed when its last sender goes.
struct Queue {
    state: Mutex<(VecDeque<Task>, bool)>,
    arrived: Condvar,
}

impl Queue {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new((VecDeque::new(), true)), arrived: Condvar::new() })
    }

    fn push(&self, task: Task) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 {
            state.0.push_back(task);
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// The next task, or `None` when the queue is closed and empty.
    fn pop(&self) -> Option<Task> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = state.0.pop_front() {
                return Some(task);
            }
            if !state.1 {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = false;
        self.arrived.notify_all();
    }
}

/// Held by a serving thread: should a task panic, those waiting in the queue get an error instead of waiting for ever.
struct Ending {
    queue: Arc<Queue>,
    _alive: Arc<()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.close();
        if std::thread::panicking() {
            let waiting = std::mem::take(&mut self.queue.state.lock().unwrap_or_else(PoisonError::into_inner).0);
            drop(waiting);
        }
    }
}

/// Threads that serve one queue; the threads end when this is dropped and the queue is empty.
struct Threads {
    queue: Arc<Queue>,
    running: Weak<()>,
}

impl Threads {
    fn start(name: &str, connections: Vec<Connection>) -> Result<Self> {
        let queue = Queue::new();
        let alive = Arc::new(());
        let running = Arc::downgrade(&alive);
        let threads = Self { queue, running };
        for mut connection in connections {
            let (queue, alive) = (threads.queue.clone(), alive.clone());
            let serve = move || {
                let _ending = Ending { queue: queue.clone(), _alive: alive };
                while let Some(task) = queue.pop() {
                    task(&mut connection);
                }
                drop(connection);
            };
            let started = std::thread::Builder::new().name(name.to_owned()).spawn(serve);
            started.map_err(|source| Error::File { what: "starting a database thread".to_owned(), source })?;
        }
        Ok(threads)
    }

    /// Runs on one of the threads. The task runs to its end even when the caller stops waiting.
    async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.queue.push(Box::new(move |connection| {
            // Nobody waits any more: the caller was cancelled, which is no error.
            let _ = sender.send(task(connection));
        }));
        receiver.await.map_err(|_| Error::Closed("its thread has ended".to_owned()))?
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// An open SQLite database.
#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: Arc<Threads>,
    readers: Arc<Threads>,
    permit: Arc<Semaphore>,
    wait: Duration,
}

impl Sqlite {
    /// Opens or creates the file (mode 0600) with its threads.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let opening = tokio::task::spawn_blocking(move || open_connections(&path));
        let (writer, readers) = opening.await.map_err(|_| Error::Closed("opening was cancelled".to_owned()))??;
        Ok(Self {
            writer: Arc::new(Threads::start("sqlite-writer", vec![writer])?),
            readers: Arc::new(Threads::start("sqlite-reader", readers)?),
            permit: Arc::new(Semaphore::new(1)),
            wait: Duration::from_secs(WRITER_WAIT_SECONDS),
        })
    }

    /// Runs a reading statement outside any transaction; it sees everything committed before it started.
    pub async fn read(&self, operation: Operation) -> Result<Vec<Row>> {
        self.readers.run(move |connection| super::query(connection, &operation)).await
    }

    /// Waits for the writer and begins.
    pub async fn begin(&self) -> Result<SqliteTransaction> {
        let waiting = self.permit.clone().acquire_owned();
        let permit = tokio::time::timeout(self.wait, waiting).await;
        let permit = permit.map_err(|_| Error::Busy)?.map_err(|_| Error::Closed("it was closed".to_owned()))?;
        let transaction = SqliteTransaction { writer: self.writer.clone(), permit: Some(permit) };
        // From here on the guard's drop rolls back, so a caller that is cancelled while waiting leaves nothing open.
        transaction.writer.run(|connection| batch(connection, "begin", "begin immediate")).await?;
        Ok(transaction)
    }

    /// Prepares a statement without running it.
    pub async fn prepare(&self, name: &'static str, sql: &'static str) -> Result<()> {
        let prepare = move |connection: &mut Connection| {
            let statement = connection.prepare(sql).map_err(|error| from_engine(name, &error))?;
            places(&statement, name).map(drop)
        };
        self.readers.run(prepare).await
    }

    /// Brings every earlier commit to the disk: a commit under `synchronous = full` flushes the whole log before it returns.
    pub async fn sync(&self) -> Result<()> {
        let turn = self.begin().await?;
        let flush = |connection: &mut Connection| {
            let count = flushes(connection)?.wrapping_add(1);
            // The setting cannot change inside a transaction, and only a commit that changes a page flushes: SQLite leaves out
            // writing what is there already. So a number in the file's header, which nothing else uses, counts the flushes.
            batch(connection, "sync", "rollback; pragma synchronous = full")?;
            let written = batch(connection, "sync", &format!("pragma user_version = {count}"));
            batch(connection, "sync", "pragma synchronous = normal").and(written)
        };
        turn.writer.run(flush).await
    }

    /// Are foreign keys enforced, deletions overwritten and readers kept from writing?
    pub async fn check_walls(&self) -> Result<()> {
        let setting = |connection: &mut Connection, name: &'static str| {
            let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            match value.map_err(|error| from_engine(name, &error))? {
                1 => Ok(()),
                _ => Err(Error::Schema(format!("SQLite's setting {name} is off"))),
            }
        };
        let writes = move |connection: &mut Connection| {
            setting(connection, "foreign_keys").and_then(|()| setting(connection, "secure_delete"))
        };
        self.writer.run(writes).await?;
        self.readers.run(move |connection| setting(connection, "query_only")).await
    }

    /// Ends the threads after their last task and waits until the files are closed.
    pub async fn close(&self) {
        self.permit.close();
        for threads in [&self.readers, &self.writer] {
            threads.queue.close();
            while threads.running.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// An open transaction: the writer's permit. Dropping it rolls back before the next one begins.
pub(crate) struct SqliteTransaction {
    writer: Arc<Threads>,
    permit: Option<OwnedSemaphorePermit>,
}

impl SqliteTransaction {
    /// Runs a statement and reads its rows.
    pub async fn query(&self, operation: Operation) -> Result<Vec<Row>> {
        self.writer.run(move |connection| within(connection).and_then(|()| super::query(connection, &operation))).await
    }

    /// Runs a statement; gives the number of rows changed.
    pub async fn execute(&self, operation: Operation) -> Result<u64> {
        self.writer
            .run(move |connection| within(connection).and_then(|()| super::execute(connection, &operation)))
            .await
    }

    /// Runs words without arguments, such as `create table`.
    pub async fn batch(&self, words: String) -> Result<()> {
        let run =
            move |connection: &mut Connection| within(connection).and_then(|()| batch(connection, "schema", &words));
        self.writer.run(run).await
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        let commit =
            |connection: &mut Connection| within(connection).and_then(|()| batch(connection, "commit", "commit"));
        self.writer.run(commit).await
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let permit = self.permit.take();
        self.writer.queue.push(Box::new(move |connection| {
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("rollback")
            {
                tracing::error!(%error, "a transaction could not be rolled back");
            }
            drop(permit);
        }));
    }
}

/// SQLite ends a transaction by itself after a full disk or a failed read; nothing may then run outside it.
fn within(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Err(Error::Aborted) } else { Ok(()) }
}

/// How often this file was flushed, by its header.
fn flushes(connection: &Connection) -> Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| from_engine("sync", &error))
}

fn batch(connection: &Connection, name: &'static str, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(|error| from_engine(name, &error))
}

fn open_connections(path: &Path) -> Result<(Connection, Vec<Connection>)> {
    create_privately(path)?;
    let writer = open_connection(path)?;
    let settings = format!(
        "pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma secure_delete = on;
         pragma journal_size_limit = {JOURNAL_LIMIT_BYTES}; pragma temp_store = memory"
    );
    batch(&writer, "opening the database", &settings)?;
    let reader = |_| {
        let reader = open_connection(path)?;
        batch(&reader, "opening the database", "pragma query_only = on; pragma temp_store = memory")?;
        Ok(reader)
    };
    let readers = (0..READERS).map(reader).collect::<Result<Vec<_>>>()?;
    Ok((writer, readers))
}

fn open_connection(path: &Path) -> Result<Connection> {
    let failed = |error: rusqlite::Error| from_engine("opening the database", &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(Duration::from_millis(OTHER_PROCESS_WAIT_MILLISECONDS)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // `like` compares as PostgreSQL does; functions in a tampered schema are not trusted.
    batch(&connection, "opening the database", "pragma case_sensitive_like = on; pragma trusted_schema = off")?;
    Ok(connection)
}

/// Makes the file readable for its owner only; SQLite gives its side files the same mode.
fn create_privately(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(path);
    opened.map(drop).map_err(|source| Error::File { what: "creating the database file".to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_transaction_inside_the_first_is_refused_in_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sqlite = Sqlite::open(&folder.path().join("database")).await.expect("opens");
        sqlite.wait = Duration::from_millis(20);
        let first = sqlite.begin().await.expect("begun");
        assert!(matches!(sqlite.begin().await, Err(Error::Busy)));
        drop(first);
        sqlite.begin().await.expect("the writer is free again");
    }

    #[tokio::test]
    async fn a_flush_leaves_the_settings_and_the_writer_as_they_were() {
        let test = crate::testing::sqlite(crate::Schema::new()).await;
        let crate::engine::Engine::Sqlite(sqlite) = test.database.engine() else { return };
        let level = |connection: &mut Connection| {
            connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).map_err(|_| Error::Aborted)
        };
        for count in 1..=3 {
            test.database.sync().await.expect("flushed");
            assert_eq!(sqlite.writer.run(level).await.expect("read"), 1);
            assert_eq!(sqlite.writer.run(|connection| flushes(connection)).await.expect("read"), count);
            sqlite.begin().await.expect("begun").commit().await.expect("committed");
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_gives_errors_not_silence() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::open(&folder.path().join("database")).await.expect("opens");
        let broken: Result<()> = sqlite.writer.run(|_| panic!("a fault planted by this test")).await;
        assert!(matches!(broken, Err(Error::Closed(_))));
        assert!(matches!(sqlite.begin().await, Err(Error::Closed(_))));
    }
}
