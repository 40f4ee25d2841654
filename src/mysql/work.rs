//! One transaction of a store, in a task that owns its connection.
//!
//! A statement that was given up leaves the driver's connection with an answer that would be taken for the one to the next
//! statement. So no caller ever holds a connection: a task does, which is not dropped before its statements have ended.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Error, Params, Transaction, Value};
use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::is_duplicate;
use super::pool::{Patience, Pool};
use super::statement::{by_order, portions, tuples};
use super::{DatabaseError, Row};

/// Time that the server gets to end a statement by its own limits, beyond the end of the operation.
const GRACE: Duration = Duration::from_millis(500);

/// Pause between asking whether a statement is still running.
const PAUSE: Duration = Duration::from_secs(5);

/// Time after which a connection is given up whose statement still runs. For as long it counts as one of the pool.
const HELD: Duration = Duration::from_secs(300);

/// The answer to a statement.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    rows: Vec<Row>,
    /// The number of rows that match, where a statement changes rows.
    changed: u64,
    /// What an insertion failed by whose key is there already.
    duplicate: Option<Error>,
}

/// Statements on one connection, in one transaction.
pub(crate) trait Session: Sync {
    /// Runs a statement with parameters `?1`, `?2` and so on. Any error but that of a duplicate ends the transaction.
    fn run(&self, statement: &str, values: &[Value]) -> impl Future<Output = Result<Reply, DatabaseError>> + Send;

    async fn query(&self, statement: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.run(statement, values).await?.rows)
    }

    async fn query_opt(&self, statement: &str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.query(statement, values).await?.pop())
    }

    /// Returns the number of rows that match.
    async fn execute(&self, statement: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let Reply { changed, duplicate, .. } = self.run(statement, values).await?;
        duplicate.map_or(Ok(changed), |error| Err(error.into()))
    }

    /// Returns whether the row was inserted: not if its key is there already. Then the row there stays locked against
    /// changes by others until the end of the transaction, so that it must not be changed here: two that do so would wait
    /// for each other.
    async fn insert(&self, statement: &str, values: &[Value]) -> Result<bool, DatabaseError> {
        Ok(self.run(statement, values).await?.duplicate.is_none())
    }

    /// Inserts a row that was not there a moment ago. If it is there now, the transaction has to begin again.
    async fn insert_missing(&self, statement: &str, values: &[Value]) -> Result<(), DatabaseError> {
        self.run(statement, values).await?.duplicate.map_or(Ok(()), |error| Err(DatabaseError::Overtaken(error)))
    }

    /// Runs a statement for many rows, in portions, and returns how many rows it changed. It is made of the parameters of the
    /// rows, which come after those of the shared values.
    async fn execute_rows(
        &self,
        statement: impl Fn(&str) -> String + Send,
        shared: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        let mut changed = 0;
        for portion in portions(rows) {
            let values = [shared.to_vec(), portion.concat()].concat();
            changed += self.execute(&statement(&tuples(shared.len(), portion)), &values).await?;
        }
        Ok(changed)
    }

    /// As `execute_rows`, for a question.
    async fn query_rows(
        &self,
        statement: impl Fn(&str) -> String + Send,
        shared: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        let mut found = vec![];
        for portion in portions(rows) {
            let values = [shared.to_vec(), portion.concat()].concat();
            found.extend(self.query(&statement(&tuples(shared.len(), portion)), &values).await?);
        }
        Ok(found)
    }
}

/// A transaction on a connection of the pool. If it is dropped with all clones, it is undone.
#[derive(Clone)]
pub(crate) struct Work {
    commands: mpsc::Sender<Command>,
}

enum Command {
    Run { statement: String, values: Vec<Value>, reply: oneshot::Sender<Result<Reply, DatabaseError>> },
    Commit { reply: oneshot::Sender<Result<Reply, DatabaseError>> },
}

impl Work {
    /// Begins a transaction on a connection of the pool, as soon as one is free.
    pub(super) async fn begin(pool: &Arc<Pool>, limit: Duration, patience: Patience) -> Result<Self, DatabaseError> {
        let permit = pool.permit(limit, patience.ends).await?;
        let (commands, received) = mpsc::channel(1);
        drop(tokio::spawn(serve(Arc::clone(pool), permit, received, patience)));
        Ok(Self { commands })
    }

    pub(super) async fn commit(self) -> Result<(), DatabaseError> {
        self.ask(|reply| Command::Commit { reply }).await.map(drop)
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<Reply, DatabaseError>>) -> Command,
    ) -> Result<Reply, DatabaseError> {
        let (reply, replied) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| DatabaseError::Ended)?;
        replied.await.unwrap_or(Err(DatabaseError::Ended))
    }
}

impl Session for Work {
    async fn run(&self, statement: &str, values: &[Value]) -> Result<Reply, DatabaseError> {
        let (statement, values) = by_order(statement, values);
        self.ask(|reply| Command::Run { statement, values, reply }).await
    }
}

/// A transaction of the application's own.
pub(crate) struct Own<'a, 't>(Mutex<&'a mut Transaction<'t>>);

impl<'a, 't> Own<'a, 't> {
    pub(crate) fn new(transaction: &'a mut Transaction<'t>) -> Self {
        Self(Mutex::new(transaction))
    }
}

impl Session for Own<'_, '_> {
    async fn run(&self, statement: &str, values: &[Value]) -> Result<Reply, DatabaseError> {
        let (statement, values) = by_order(statement, values);
        run(&mut **self.0.lock().await, &statement, values).await
    }
}

/// Runs a transaction to its end, and gives up the connection only where nothing is heard of it any more.
async fn serve(
    pool: Arc<Pool>,
    permit: OwnedSemaphorePermit,
    mut commands: mpsc::Receiver<Command>,
    patience: Patience,
) {
    let ends = patience.ends;
    let connection_id = AtomicU32::new(0);
    let mut transaction = pin!(transact(&pool, &mut commands, &connection_id, patience));
    if timeout_at(ends + GRACE, transaction.as_mut()).await.is_err() {
        // The way to the server may be broken. Then it ends the statement by its own limits, if it ever got it.
        while Instant::now() < ends + HELD && pool.is_at_work(connection_id.load(Ordering::Relaxed)).await {
            if timeout(PAUSE, transaction.as_mut()).await.is_ok() {
                break;
            }
        }
    }
    drop(permit);
}

/// Runs the commands of a transaction. Without a commit, it is undone.
async fn transact(pool: &Pool, commands: &mut mpsc::Receiver<Command>, connection_id: &AtomicU32, patience: Patience) {
    let mut connection = match pool.begin(patience).await {
        Ok(connection) => connection,
        Err(error) => {
            if let Some(Command::Run { reply, .. } | Command::Commit { reply }) = commands.recv().await {
                let _ = reply.send(Err(error));
            }
            return;
        }
    };
    connection_id.store(connection.id(), Ordering::Relaxed);
    let (reply, outcome) = loop {
        match commands.recv().await {
            Some(Command::Run { statement, values, reply }) => {
                match run(&mut connection, &statement, values).await {
                    Ok(answer) => {
                        let _ = reply.send(Ok(answer));
                    }
                    // After a deadlock the server would commit each further statement by itself; after other errors the
                    // transaction is still open.
                    Err(error) => break (Some(reply), Err(error)),
                }
            }
            // No caller would know of what it did.
            Some(Command::Commit { reply }) if reply.is_closed() => break (None, Ok(())),
            Some(Command::Commit { reply }) => {
                let committed = connection.query_drop("COMMIT").await;
                let is_committed = committed.is_ok();
                let outcome = committed.map_err(DatabaseError::from);
                if is_committed {
                    pool.give_back(connection);
                    let _ = reply.send(outcome.map(|()| Reply::default()));
                    return;
                }
                break (Some(reply), outcome);
            }
            None => break (None, Ok(())),
        }
    };
    // Before the answer, so that the caller that gets it finds nothing of the transaction.
    if connection.query_drop("ROLLBACK").await.is_ok() {
        pool.give_back(connection);
    }
    if let Some(reply) = reply {
        let _ = reply.send(outcome.map(|()| Reply::default()));
    }
}

async fn run(connection: &mut impl Queryable, statement: &str, values: Vec<Value>) -> Result<Reply, DatabaseError> {
    let values = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
    let answer = async {
        let mut answer = connection.exec_iter(statement, values).await?;
        let rows = answer.collect::<mysql_async::Row>().await?.into_iter().map(Row).collect();
        let changed = answer.affected_rows();
        answer.drop_result().await?;
        Ok(Reply { rows, changed, duplicate: None })
    };
    match answer.await {
        Err(error) if is_duplicate(&error) => Ok(Reply { duplicate: Some(error), ..Reply::default() }),
        answer => answer.map_err(DatabaseError::from),
    }
}
