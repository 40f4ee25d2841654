//! Commits that callers share: as many as wait are served by one transaction.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};

use super::DatabaseError;
use super::presence::Presence;
use super::together::{self, Kind};

/// Time for which an operation waits for a file that another process has locked, counted from when it was asked for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Time that an operation has in any case: other processes hold the lock for that long without being stuck.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);

/// Operations in one commit at most, and time after which none is added: other processes wait for the file meanwhile.
const GROUP: usize = 1024;
const LONGEST: Duration = Duration::from_millis(20);

/// The stores together have some fifty statements.
const CACHED_STATEMENTS: usize = 128;

const SAVEPOINT: &str = "SAVEPOINT koogallery_operation";
const RELEASE: &str = "RELEASE koogallery_operation";
const ROLL_BACK: &str = "ROLLBACK TO koogallery_operation";

/// How an operation is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By itself, since it is an application's, which may do anything. On the disk before it is answered.
    Alone,
    /// With others. On the disk before it is answered.
    Shared,
    /// With others, and without waiting for the disk: it changes nothing, or what may be lost in a power cut.
    Quick,
    /// As `Quick`, and not at all if the caller is dropped before.
    QuickIfAwaited,
    /// As `QuickIfAwaited`, and it only reads.
    Read,
}

impl Way {
    fn waits_for_disk(self) -> bool {
        matches!(self, Self::Alone | Self::Shared)
    }
}

/// An operation that waits for its commit.
pub(super) struct Job {
    asked: Instant,
    way: Way,
    work: Box<dyn Work>,
    caller: Caller,
}

/// Gets the work back with its outcome, so that its memory is freed by the thread that has allocated it: another one would
/// wait for the allocator's lock.
pub(super) type Caller = oneshot::Sender<Box<dyn Work>>;

/// The statements of an operation, and their outcome.
pub(super) trait Work: Any + Send {
    /// Returns which operations it can be run with at once, if it can.
    fn kind(&self) -> Option<Kind> {
        None
    }

    /// Runs its statements and those of others of its kind at once, in order. Returns whether that was possible; otherwise,
    /// and where it fails, they are to be undone and run one by one.
    fn run_with(&mut self, _others: &mut [Job], _transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        Ok(false)
    }

    /// Runs the statements, maybe once more after they were undone. Returns why they failed; the caller gets the same.
    fn run(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()>;

    /// Notes that the commit failed, unless the statements did before.
    fn fail(&mut self, error: DatabaseError);
}

impl Job {
    pub(super) fn new(way: Way, work: Box<dyn Work>, caller: Caller) -> Self {
        Self { asked: Instant::now(), way, work, caller }
    }

    fn is_vain(&self) -> bool {
        matches!(self.way, Way::QuickIfAwaited | Way::Read) && self.caller.is_canceled()
    }

    /// Answers the caller, given what became of the commit.
    fn answer(mut self, committed: Result<(), DatabaseError>) {
        if let Err(error) = committed {
            self.work.fail(error);
        }
        // It may have been dropped; the work is done nevertheless.
        let _ = self.caller.send(self.work);
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        self.work.kind()
    }

    /// Returns the work, if it is of a type.
    pub(super) fn work_of<W: Work>(&mut self) -> Option<&mut W> {
        let work: &mut dyn Any = &mut *self.work;
        work.downcast_mut()
    }

    /// Behind a locked file the operations wait together, not one after the other.
    fn patience(&self) -> Duration {
        PATIENCE.saturating_sub(self.asked.elapsed()).max(LEAST_PATIENCE)
    }
}

/// The thread's side of a database.
pub(super) struct Commits {
    connection: Connection,
    presence: Presence,
    queue: Receiver<Job>,
    quick: VecDeque<Job>,
    durable: VecDeque<Job>,
    /// Whether commits may do without the disk: without a write-ahead log that could damage the file.
    has_log: bool,
    /// Whether the connection is set to wait for the disk.
    waits_for_disk: bool,
}

impl Commits {
    /// Takes over a connection whose commits wait for the disk.
    pub(super) fn new(connection: Connection, presence: Presence, queue: Receiver<Job>) -> Result<Self, DatabaseError> {
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Otherwise a statement whose plan may depend on a value is prepared again for each value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let (quick, durable) = (VecDeque::new(), VecDeque::new());
        Ok(Self { connection, presence, queue, quick, durable, has_log: mode == "wal", waits_for_disk: true })
    }

    /// Serves the queue until no caller can add to it any more. What waits for the disk and what does not take turns.
    pub(super) fn run(mut self) {
        while self.wait() {
            self.commit(false);
            self.gather();
            self.commit(true);
        }
    }

    /// Waits for an operation. Returns whether there is one.
    fn wait(&mut self) -> bool {
        if self.quick.is_empty() && self.durable.is_empty() {
            let Ok(job) = self.queue.recv() else { return false };
            self.line(job.way.waits_for_disk()).push_back(job);
        }
        self.gather();
        true
    }

    fn gather(&mut self) {
        while let Ok(job) = self.queue.try_recv() {
            self.line(job.way.waits_for_disk()).push_back(job);
        }
    }

    fn line(&mut self, waits_for_disk: bool) -> &mut VecDeque<Job> {
        if waits_for_disk { &mut self.durable } else { &mut self.quick }
    }

    /// Commits what waits, as far as it fits into one commit.
    fn commit(&mut self, waits_for_disk: bool) {
        let mut waiting = std::mem::take(self.line(waits_for_disk));
        waiting.retain(|job| !job.is_vain());
        let Some(first) = waiting.front() else { return };
        match self.begin(waits_for_disk, first.patience()) {
            Ok(transaction) => {
                let (group, outcome) = run_group(transaction, &mut waiting);
                answer_all(group, outcome);
            }
            Err(error) => {
                let over = take_over(&mut waiting, &error);
                answer_all(over, Err(error));
            }
        }
        *self.line(waits_for_disk) = waiting;
    }

    fn begin(&mut self, waits_for_disk: bool, patience: Duration) -> Result<Transaction<'_>, DatabaseError> {
        self.presence.check()?;
        if self.has_log && self.waits_for_disk != waits_for_disk {
            let synchronous = if waits_for_disk { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.waits_for_disk = waits_for_disk;
        }
        self.connection.busy_timeout(patience)?;
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// Takes those that fail with an error that came before any statement: where the file is locked only those that have
/// waited long enough, and in any case the first.
fn take_over(waiting: &mut VecDeque<Job>, error: &DatabaseError) -> Vec<Job> {
    let is_locked = matches!(error, DatabaseError::Sqlite(error)
        if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
    let waits_on = |index: usize, job: &Job| is_locked && index > 0 && job.asked.elapsed() < PATIENCE;
    let (left, over): (Vec<_>, Vec<_>) =
        std::mem::take(waiting).into_iter().enumerate().partition(|(index, job)| waits_on(*index, job));
    waiting.extend(left.into_iter().map(|(_, job)| job));
    over.into_iter().map(|(_, job)| job).collect()
}

/// Runs operations and commits them. Returns those that were run, and what became of the commit.
fn run_group(transaction: Transaction<'_>, waiting: &mut VecDeque<Job>) -> (Vec<Job>, Result<(), DatabaseError>) {
    let is_alone = waiting.len() == 1 || waiting.front().is_some_and(|job| job.way == Way::Alone);
    let mut group = Vec::new();
    let mut outcome = run_all(&transaction, waiting, &mut group, if is_alone { Undo::Alone } else { Undo::Group });
    if !is_alone && outcome.is_err() {
        // Failures are rare, so only now each gets a savepoint.
        group.drain(..).rev().for_each(|job| waiting.push_front(job));
        if let Err(error) = begin_again(&transaction) {
            let error = DatabaseError::from(error);
            return (take_over(waiting, &error), Err(error));
        }
        outcome = run_all(&transaction, waiting, &mut group, Undo::Each);
    }
    // Otherwise it is rolled back when it is dropped.
    let outcome = outcome.and_then(|()| transaction.commit());
    (group, outcome.map_err(DatabaseError::from))
}

/// What is undone if an operation fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// The operation, which has the transaction for itself.
    Alone,
    /// All operations of the group, which are to be run again.
    Group,
    /// The operation, which has a savepoint.
    Each,
}

fn begin_again(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // Some errors, such as a full disk, have rolled it back already.
    if !transaction.is_autocommit() {
        transaction.execute_batch("ROLLBACK")?;
    }
    transaction.execute_batch("BEGIN IMMEDIATE")
}

/// Runs as many operations as fit into one commit, and adds them to the group. Fails if everything is lost, or is to be
/// undone.
fn run_all(
    transaction: &Transaction<'_>,
    waiting: &mut VecDeque<Job>,
    group: &mut Vec<Job>,
    undo: Undo,
) -> rusqlite::Result<()> {
    let began = Instant::now();
    while let Some(job) = waiting.pop_front() {
        run_next(transaction, job, waiting, group, undo)?;
        let goes_on = |next: &Job| next.way != Way::Alone && group.len() < GROUP && began.elapsed() < LONGEST;
        if undo == Undo::Alone || !waiting.front().is_some_and(goes_on) {
            break;
        }
    }
    Ok(())
}

/// Runs an operation, at once with those of its kind that wait as well, and adds what was run to the group. Fails if
/// everything is lost, or is to be undone.
fn run_next(
    transaction: &Transaction<'_>,
    mut job: Job,
    waiting: &mut VecDeque<Job>,
    group: &mut Vec<Job>,
    undo: Undo,
) -> rusqlite::Result<()> {
    let mut alike = together::take_alike(&job, waiting, GROUP.saturating_sub(group.len() + 1));
    if !alike.is_empty() {
        let at_once = run_undoably(transaction, undo, || job.work.run_with(&mut alike, transaction));
        if !matches!(at_once, Ok(Ok(false) | Err(_))) {
            group.push(job);
            group.append(&mut alike);
            return at_once.map(drop);
        }
    }
    let mut one_by_one = std::iter::once(job).chain(alike);
    for mut job in one_by_one.by_ref() {
        let outcome = run_one(transaction, &mut job, undo);
        group.push(job);
        if let Err(error) = outcome {
            // What was not run yet is not lost with it.
            one_by_one.rev().for_each(|job| waiting.push_front(job));
            return Err(error);
        }
    }
    Ok(())
}

/// Runs an operation, so that its failure changes nothing for the others. Fails if everything is lost, or is to be undone.
fn run_one(transaction: &Transaction<'_>, job: &mut Job, undo: Undo) -> rusqlite::Result<()> {
    if job.way == Way::Read {
        // There is nothing to undo.
        return job
            .work
            .run(transaction)
            .or_else(|error| if transaction.is_autocommit() { Err(error) } else { Ok(()) });
    }
    run_undoably(transaction, undo, || job.work.run(transaction).map(|()| true)).map(drop)
}

/// Runs statements. Returns their outcome; they are undone unless that is true. Fails if everything is lost, or is to be
/// undone.
fn run_undoably(
    transaction: &Transaction<'_>,
    undo: Undo,
    work: impl FnOnce() -> rusqlite::Result<bool>,
) -> rusqlite::Result<rusqlite::Result<bool>> {
    if undo == Undo::Each {
        return run_in_savepoint(transaction, work);
    }
    if work()? { Ok(Ok(true)) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), None)) }
}

/// Runs statements in a savepoint, so that their failure changes nothing for others. Returns their outcome; they are undone
/// unless that is true. Fails if everything is lost.
fn run_in_savepoint(
    transaction: &Transaction<'_>,
    work: impl FnOnce() -> rusqlite::Result<bool>,
) -> rusqlite::Result<rusqlite::Result<bool>> {
    let execute = |statement| transaction.prepare_cached(statement)?.execute([]).map(drop);
    execute(SAVEPOINT)?;
    let outcome = work();
    if !matches!(outcome, Ok(true)) {
        // Some errors, such as a full disk, roll back the whole transaction.
        if let (Err(error), true) = (&outcome, transaction.is_autocommit()) {
            return Err(once_more(error));
        }
        execute(ROLL_BACK)?;
    }
    execute(RELEASE)?;
    Ok(outcome)
}

fn answer_all(group: Vec<Job>, outcome: Result<(), DatabaseError>) {
    for job in group {
        job.answer(match &outcome {
            Ok(()) => Ok(()),
            Err(DatabaseError::FileGone(path)) => Err(DatabaseError::FileGone(path.clone())),
            Err(DatabaseError::Sqlite(error)) => Err(once_more(error).into()),
            Err(_) => Err(DatabaseError::Closed),
        });
    }
}

/// Returns an error for one more caller.
pub(super) fn once_more(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::sleep;

    use futures_util::future::{join, join_all};

    use super::super::Database;
    use super::*;

    /// A table whose rows must not repeat, and may name another one until the commit at the latest.
    async fn table() -> Database {
        let database = Database::open(":memory:").unwrap();
        let make = "CREATE TABLE one (n INTEGER PRIMARY KEY, \
                    other INTEGER REFERENCES one DEFERRABLE INITIALLY DEFERRED)";
        database.transaction(|transaction| transaction.execute_batch(make)).await.unwrap();
        database
    }

    /// Runs statements that wait together, since the thread is busy when they come.
    async fn together(database: &Database, statements: Vec<String>) -> Vec<Result<(), String>> {
        let busy = database.transaction(|_| {
            sleep(Duration::from_millis(50));
            Ok(())
        });
        let run = |statement: String| {
            database.run(|error: DatabaseError| error, move |transaction| transaction.execute_batch(&statement))
        };
        let (busy, outcomes) = join(busy, join_all(statements.into_iter().map(run))).await;
        busy.unwrap();
        outcomes.into_iter().map(|outcome| outcome.map_err(|error| format!("{error:?}"))).collect()
    }

    async fn rows(database: &Database) -> Vec<i64> {
        let rows = |transaction: &Transaction<'_>| {
            transaction.prepare("SELECT n FROM one ORDER BY n")?.query_map([], |row| row.get(0))?.collect()
        };
        database.transaction(rows).await.unwrap()
    }

    fn insert(n: i64) -> String {
        format!("INSERT INTO one (n) VALUES ({n})")
    }

    #[tokio::test]
    async fn what_fails_changes_nothing_for_the_others() {
        let database = table().await;
        // The second of each pair fails in its second statement.
        let pairs = (0..20).flat_map(|n| [insert(n), format!("{}; {}", insert(100 + n), insert(n))]);
        let outcomes = together(&database, pairs.collect()).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_ok(), index % 2 == 0, "{outcome:?}");
        }
        assert_eq!(rows(&database).await, (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn only_beside_a_failure_operations_are_run_once_more() {
        for (last, succeeded, runs) in [(9, 10, 10), (8, 9, 20)] {
            let database = table().await;
            let count = Arc::new(AtomicUsize::new(0));
            let busy = database.transaction(|_| {
                sleep(Duration::from_millis(50));
                Ok(())
            });
            let run = |statement: String| {
                let count = Arc::clone(&count);
                database.run(drop, move |transaction| {
                    count.fetch_add(1, Ordering::Relaxed);
                    transaction.execute_batch(&statement)
                })
            };
            let (busy, outcomes) = join(busy, join_all((0..9).chain([last]).map(insert).map(run))).await;
            busy.unwrap();
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), succeeded);
            assert_eq!(rows(&database).await.len(), succeeded);
            assert_eq!(count.load(Ordering::Relaxed), runs);
        }
    }

    #[tokio::test]
    async fn a_failed_commit_is_a_failure_of_all_that_share_it() {
        let database = table().await;
        let dangling = "INSERT INTO one (n, other) VALUES (7, 8)".to_owned();
        let outcomes = together(&database, vec![insert(1), dangling.clone(), insert(1), insert(2)]).await;
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
        assert!(outcomes[0].as_ref().unwrap_err().contains("FOREIGN KEY"), "{outcomes:?}");
        assert!(outcomes[2].as_ref().unwrap_err().contains("UNIQUE"), "its own failure: {outcomes:?}");
        assert!(rows(&database).await.is_empty());
        // It was the commit's, and not the connection's.
        assert_eq!(together(&database, vec![insert(1), insert(2)]).await, [Ok(()), Ok(())]);
    }

    #[tokio::test]
    async fn what_rolls_everything_back_fails_those_before_it_and_none_after() {
        let database = table().await;
        let fatal = format!("{}; INSERT OR ROLLBACK INTO one (n) VALUES (3)", insert(3));
        let outcomes = together(&database, vec![insert(1), insert(2), fatal, insert(4), insert(5)]).await;
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, false, true, true]);
        assert!(outcomes[0].as_ref().unwrap_err().contains("UNIQUE"), "the cause is named: {outcomes:?}");
        assert_eq!(rows(&database).await, [4, 5]);
    }

    #[tokio::test]
    async fn a_transaction_of_the_application_shares_nothing() {
        let database = table().await;
        let dangling = database.transaction(|transaction| {
            sleep(Duration::from_millis(20));
            transaction.execute("INSERT INTO one (n, other) VALUES (7, 8)", [])
        });
        let others = together(&database, (0..5).map(insert).collect());
        let (others, dangling) = join(others, dangling).await;
        assert!(dangling.is_err());
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        assert_eq!(rows(&database).await, [0, 1, 2, 3, 4]);
    }
}
