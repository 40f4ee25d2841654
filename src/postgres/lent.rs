//! A connection lent by the pool, and what becomes of it where its work does not end well.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use futures_util::future::{BoxFuture, join};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::{Database, DatabaseError, int};

/// Time that the server gets to end a statement by its own limits, beyond the end of the operation.
const GRACE: Duration = Duration::from_millis(500);

/// Timeout of canceling a statement.
const CANCELING: Duration = Duration::from_secs(2);

/// Time after which a connection is given up that does not answer although its statement was canceled. The server may
/// hang, and for as long the connection counts as one of the pool.
const HELD: Duration = Duration::from_secs(300);

/// Opens a connection beside the pool.
pub(super) type Connect = dyn Fn() -> BoxFuture<'static, Result<Client, Error>> + Send + Sync;

/// A connection lent by the pool. Unless it is given back, it is seen to that its work ends, and it counts as one of
/// the pool until then: also where a caller no longer waits.
pub(super) struct Lent {
    /// `None` once it is given back.
    client: Option<Object>,
    database: Database,
    running: Running,
    ends: Instant,
}

/// The transaction that runs on a connection: process and time of begin, which no other transaction has, so that no
/// statement of another is canceled, even where a pooler gave the process to another client.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<OnceLock<(i64, i64)>>);

impl Running {
    /// Reads what the server answers to [`limits`](super::work::limits).
    pub(super) fn set(&self, answer: &[SimpleQueryMessage]) -> Result<(), DatabaseError> {
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        for row in rows {
            let number = |index| row.try_get(index).map(|number| number.and_then(|number| number.parse().ok()));
            if let (Some(process), Some(begin)) = (number(0)?, number(1)?) {
                let _ = self.0.set((process, begin));
            }
        }
        Ok(())
    }
}

impl Lent {
    pub(super) fn new(client: Object, database: &Database, ends: Instant) -> Self {
        Self { client: Some(client), database: database.clone(), running: Running::default(), ends }
    }

    pub(super) fn running(&self) -> Running {
        self.running.clone()
    }

    /// Returns the connection to the pool; no statement is running on it, and no transaction is open.
    pub(super) fn give_back(mut self) {
        drop(self.client.take());
    }

    /// Gives the connection back if its work ended well.
    pub(super) fn finish<T>(self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let value = outcome?;
        self.give_back();
        Ok(value)
    }
}

impl Deref for Lent {
    type Target = ClientWrapper;

    #[allow(clippy::expect_used, reason = "only `give_back` and `drop` take it, and both end the use")]
    fn deref(&self) -> &ClientWrapper {
        self.client.as_ref().expect("a connection in use")
    }
}

impl DerefMut for Lent {
    #[allow(clippy::expect_used, reason = "only `give_back` and `drop` take it, and both end the use")]
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        self.client.as_mut().expect("a connection in use")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => {
                let (database, running) = (self.database.clone(), self.running.clone());
                drop(runtime.spawn(recover(client, database, running, self.ends)));
            }
            Err(_) => drop(Object::take(client)),
        }
    }
}

/// Ends the work on a connection and returns it to the pool, or closes it.
async fn recover(client: Object, database: Database, running: Running, ends: Instant) {
    let patience = ends.saturating_duration_since(Instant::now()) + GRACE;
    if is_settled(&client, patience).await {
        return;
    }
    // Where it fails, the server may yet end the statement.
    let canceled = timeout(CANCELING, database.cancel(&running));
    let (_, is_idle) = join(canceled, is_settled(&client, HELD)).await;
    // Once more, so that what was canceled late is none of the next transaction's statements.
    if is_idle && is_settled(&client, GRACE).await {
        return;
    }
    drop(Object::take(client));
}

/// Returns whether the connection has answered everything and has no transaction open.
async fn is_settled(client: &Client, within: Duration) -> bool {
    matches!(timeout(within, client.batch_execute("ROLLBACK")).await, Ok(Ok(())))
}

impl Database {
    /// Cancels the statement of a transaction, if that still runs. In SQL, since the protocol's cancel request, which
    /// the driver does not see through, ends the process of PgBouncer 1.18.
    async fn cancel(&self, running: &Running) -> Result<(), DatabaseError> {
        let Some((process, begin)) = running.0.get() else { return Ok(()) };
        let _one_at_a_time = self.canceling.lock().await;
        let Some(connect) = &self.connect else { return Ok(()) };
        // Beside the pool, whose connections may all wait for the same.
        let client = connect().await?;
        let cancel = "SELECT pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity \
                      WHERE pid = $1 AND (extract(epoch FROM xact_start) * 1000000)::BIGINT = $2";
        client.query_typed(cancel, &[int(process), int(begin)]).await?;
        Ok(())
    }
}
