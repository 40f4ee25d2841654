//! The connections that there are at most, and those of them that are idle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::DatabaseError;

/// Timeout of the begin of a transaction on a connection that was idle, after which another one is taken.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Timeout of finding out whether a statement is still running.
const ASKING: Duration = Duration::from_secs(2);

/// How long a transaction waits for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    Until(Instant),
    Brief,
}

impl Patience {
    /// Returns the statements that begin a transaction, in one round trip. The server counts in whole seconds, and gives up
    /// before the operation times out, if there is a second for it.
    fn begin(self) -> String {
        let seconds = match self {
            Self::Brief => 1,
            Self::Until(ends) => {
                ends.saturating_duration_since(Instant::now()).mul_f64(0.85).as_secs().clamp(1, 1 << 30)
            }
        };
        format!("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}; START TRANSACTION")
    }
}

pub(super) struct Pool {
    opts: Opts,
    connections: usize,
    /// Of the driver's own pool nothing would say that a connection is lost whose answer never comes.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Conn>>,
}

impl Pool {
    pub(super) fn new(opts: Opts, connections: usize) -> Self {
        let permits = Arc::new(Semaphore::new(connections));
        Self { opts, connections, permits, idle: Mutex::default() }
    }

    /// Waits for the right to a connection, which is counted until the permit is dropped.
    pub(super) async fn permit(&self, limit: Duration, ends: Instant) -> Result<OwnedSemaphorePermit, DatabaseError> {
        match timeout_at(ends, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| DatabaseError::Ended),
            Err(_) => Err(DatabaseError::Busy { connections: self.connections, waited: limit }),
        }
    }

    /// Returns a connection with a new transaction: an idle one if it works, as the begin shows.
    pub(super) async fn begin(&self, patience: Patience) -> Result<Conn, DatabaseError> {
        while let Some(mut connection) = self.take() {
            if matches!(timeout(CHECK_TIMEOUT, connection.query_drop(patience.begin())).await, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        let mut connection = self.connect().await?;
        connection.query_drop(patience.begin()).await?;
        Ok(connection)
    }

    /// Opens a connection, which is none of the pool yet.
    pub(super) async fn connect(&self) -> Result<Conn, DatabaseError> {
        Ok(Conn::new(self.opts.clone()).await?)
    }

    fn take(&self) -> Option<Conn> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection for the next transaction. None may be open on it.
    pub(super) fn give_back(&self, connection: Conn) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Returns whether the server can be reached, and is still at work on a connection.
    pub(super) async fn is_at_work(&self, connection_id: u32) -> bool {
        let asking = async {
            let mut connection = self.connect().await.ok()?;
            let sessions: Vec<mysql_async::Row> = connection.query("SHOW PROCESSLIST").await.ok()?;
            let is_at_work = sessions.iter().any(|session| {
                let id: Option<Result<u64, _>> = session.get_opt("Id");
                let command: Option<Result<String, _>> = session.get_opt("Command");
                matches!((id, command), (Some(Ok(id)), Some(Ok(command)))
                    if id == u64::from(connection_id) && command != "Sleep")
            });
            let _ = connection.disconnect().await;
            Some(is_at_work)
        };
        matches!(timeout(ASKING, asking).await, Ok(Some(true)))
    }
}
