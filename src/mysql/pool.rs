//! The connections that there are at most, and those of them that are idle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::DatabaseError;
use super::builder::Server;

/// Timeout of the begin of a transaction on a connection that was idle, after which another one is taken.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Timeout of finding out whether a statement is still running.
const ASKING: Duration = Duration::from_secs(2);

/// How long a transaction of many waits for a lock.
const BRIEFLY: Duration = Duration::from_secs(1);

/// The end of a transaction, and whether it waits for locks until then, or only a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) ends: Instant,
    pub(super) is_brief: bool,
}

pub(super) struct Pool {
    opts: Opts,
    server: Server,
    connections: usize,
    /// Of the driver's own pool nothing would say that a connection is lost whose answer never comes.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Conn>>,
}

impl Pool {
    pub(super) fn new(opts: Opts, server: Server, connections: usize) -> Self {
        let permits = Arc::new(Semaphore::new(connections));
        Self { opts, server, connections, permits, idle: Mutex::default() }
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
            let begin = self.begin_statements(patience);
            if matches!(timeout(CHECK_TIMEOUT, connection.query_drop(begin)).await, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        let mut connection = self.connect().await?;
        connection.query_drop(self.begin_statements(patience)).await?;
        Ok(connection)
    }

    /// Returns the statements that begin a transaction with its limits, in one round trip.
    fn begin_statements(&self, Patience { ends, is_brief }: Patience) -> String {
        let left = ends.saturating_duration_since(Instant::now());
        let lock = if is_brief { left.min(BRIEFLY) } else { left };
        format!("{}; START TRANSACTION", self.server.limits(lock, left))
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
