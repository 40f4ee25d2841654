//! Operations of one kind that wait at the same time, run at once.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::VecDeque;
use std::marker::PhantomData;

use rusqlite::{Transaction, ffi};

use super::DatabaseError;
use super::group::{Job, Way, Work, once_more};

/// An operation that costs less if many are run at once.
pub(crate) trait Together: Send + 'static {
    type Answer: Send + 'static;

    /// Whether there is a [`run_all`](Self::run_all); what leads to it is not compiled otherwise.
    const HAS_RUN_ALL: bool = true;

    /// Returns whether it can be run with others.
    fn is_shareable(&self) -> bool;

    /// Runs it by itself. It may have been run with others before, which was undone.
    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Self::Answer>;

    /// Runs several as if one after the other, and returns the answer of each; `None`, or an error, if they have to be run
    /// one by one.
    fn run_all(all: &[&Self], transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<Self::Answer>>>;
}

/// Operations that can be run at once are of one kind.
pub(super) type Kind = TypeId;

/// Statements that are run by themselves.
pub(super) struct Statements<T, F> {
    run: F,
    answer: PhantomData<fn() -> T>,
}

impl<T, F> Statements<T, F> {
    pub(super) fn new(run: F) -> Self {
        Self { run, answer: PhantomData }
    }
}

impl<T, F> Together for Statements<T, F>
where
    T: Send + 'static,
    F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
{
    type Answer = T;

    const HAS_RUN_ALL: bool = false;

    fn is_shareable(&self) -> bool {
        false
    }

    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<T> {
        (self.run)(transaction)
    }

    fn run_all(_all: &[&Self], _transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<T>>> {
        Ok(None)
    }
}

/// Statements that cannot be run once more, and so are alone in a transaction.
pub(super) struct Once<T, F> {
    run: Cell<Option<F>>,
    answer: PhantomData<fn() -> T>,
}

impl<T, F> Once<T, F> {
    pub(super) fn new(run: F) -> Self {
        Self { run: Cell::new(Some(run)), answer: PhantomData }
    }
}

impl<T, F> Together for Once<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
{
    type Answer = T;

    const HAS_RUN_ALL: bool = false;

    fn is_shareable(&self) -> bool {
        false
    }

    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<T> {
        let run = self.run.take();
        run.ok_or_else(|| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_MISUSE), None))?(transaction)
    }

    fn run_all(_all: &[&Self], _transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<T>>> {
        Ok(None)
    }
}

/// An operation, and its outcome.
pub(super) struct Asked<T: Together> {
    operation: T,
    outcome: Option<Result<T::Answer, DatabaseError>>,
}

impl<T: Together> Asked<T> {
    pub(super) fn new(operation: T) -> Self {
        Self { operation, outcome: None }
    }

    /// Returns the outcome, once the caller got it back.
    pub(super) fn outcome_of(work: Box<dyn Work>) -> Result<T::Answer, DatabaseError> {
        let work: Box<dyn Any> = work;
        let asked = work.downcast::<Self>().ok();
        asked.and_then(|asked| asked.outcome).unwrap_or(Err(DatabaseError::Closed))
    }
}

impl<T: Together> Work for Asked<T> {
    fn kind(&self) -> Option<Kind> {
        self.operation.is_shareable().then(TypeId::of::<T>)
    }

    fn run(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let outcome = self.operation.run(transaction);
        let reported = outcome.as_ref().map(drop).map_err(once_more);
        self.outcome = Some(outcome.map_err(DatabaseError::from));
        reported
    }

    fn run_with(&mut self, others: &mut [Job], transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        if !T::HAS_RUN_ALL {
            return Ok(false);
        }
        let mut all: Vec<&mut Self> = others.iter_mut().filter_map(Job::work_of).collect();
        all.insert(0, self);
        let operations: Vec<&T> = all.iter().map(|asked| &asked.operation).collect();
        let Some(answers) = T::run_all(&operations, transaction)? else { return Ok(false) };
        for (asked, answer) in all.into_iter().zip(answers) {
            asked.outcome = Some(Ok(answer));
        }
        Ok(true)
    }

    fn fail(&mut self, error: DatabaseError) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error));
        }
    }
}

/// Takes those that can be run with an operation, at most `limit`, of all that wait before the next one of the
/// application's. The others keep their order.
pub(super) fn take_alike(job: &Job, waiting: &mut VecDeque<Job>, limit: usize) -> Vec<Job> {
    let Some(kind) = job.kind() else { return Vec::new() };
    let (mut alike, mut is_over) = (Vec::new(), false);
    let mut others = VecDeque::with_capacity(waiting.len());
    for job in waiting.drain(..) {
        is_over |= job.way() == Way::Alone || alike.len() == limit;
        if !is_over && job.kind() == Some(kind) {
            alike.push(job);
        } else {
            others.push_back(job);
        }
    }
    *waiting = others;
    alike
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use futures_util::future::{BoxFuture, join, join_all};
    use futures_util::{FutureExt as _, TryFutureExt as _};

    use super::super::Database;
    use super::*;

    /// Inserts a number, and answers with how many were inserted at once.
    struct Insert(i64);

    /// Several of these cannot be run at once.
    const ODD: i64 = 100;

    fn insert(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<()> {
        transaction.execute("INSERT INTO one VALUES (?1)", [number]).map(drop)
    }

    impl Together for Insert {
        type Answer = usize;

        fn is_shareable(&self) -> bool {
            self.0 >= 0
        }

        fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
            insert(transaction, self.0).map(|()| 1)
        }

        fn run_all(all: &[&Self], transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<usize>>> {
            all.iter().try_for_each(|one| insert(transaction, one.0))?;
            let is_possible = all.iter().all(|one| one.0 != ODD);
            Ok(is_possible.then(|| vec![all.len(); all.len()]))
        }
    }

    /// Asks for what waits together, in order: a number, or an empty transaction of the application's for `None`. Returns the
    /// answers, zero for a failure, and the numbers stored.
    async fn asked(operations: Vec<Option<i64>>) -> (Vec<usize>, Vec<i64>) {
        let database = Database::open(":memory:").unwrap();
        let make =
            |transaction: &Transaction<'_>| transaction.execute_batch("CREATE TABLE one (n INTEGER PRIMARY KEY)");
        database.transaction(make).await.unwrap();
        let busy = database.transaction(|_| {
            sleep(Duration::from_millis(50));
            Ok(())
        });
        let ask = |operation| -> BoxFuture<'_, usize> {
            match operation {
                Some(number) => database.run_together(drop, Insert(number)).unwrap_or_else(|()| 0).boxed(),
                None => database.transaction(|_| Ok(1)).unwrap_or_else(|_| 0).boxed(),
            }
        };
        let (busy, answers) = join(busy, join_all(operations.into_iter().map(ask))).await;
        busy.unwrap();
        let rows = |transaction: &Transaction<'_>| {
            transaction.prepare("SELECT n FROM one ORDER BY n")?.query_map([], |row| row.get(0))?.collect()
        };
        (answers, database.transaction(rows).await.unwrap())
    }

    #[tokio::test]
    async fn operations_of_one_kind_are_run_at_once() {
        let (answers, rows) = asked((0..9).map(Some).collect()).await;
        assert_eq!((answers, rows), (vec![9; 9], (0..9).collect()));
    }

    #[tokio::test]
    async fn others_between_them_and_transactions_of_the_application_keep_their_place() {
        let (answers, rows) = asked(vec![Some(1), Some(-1), Some(2), None, Some(3), Some(4)]).await;
        assert_eq!(answers, [2, 1, 2, 1, 2, 2]);
        assert_eq!(rows, [-1, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn where_one_fails_each_is_run_by_itself() {
        let (answers, rows) = asked([1, 2, 2, 3, 1, 4].map(Some).to_vec()).await;
        assert_eq!(answers, [1, 1, 0, 1, 0, 1], "the failure of one is that of no other");
        assert_eq!(rows, [1, 2, 3, 4]);
        let (answers, rows) = asked([1, ODD, 2].map(Some).to_vec()).await;
        assert_eq!((answers, rows), (vec![1; 3], vec![1, 2, ODD]), "what was tried is undone");
    }
}
