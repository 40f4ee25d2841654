//! One transaction of a store, with few round trips.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join;
use tokio::time::Instant;
use tokio_postgres::{Client, Row};

use super::{DatabaseError, Parameter, ints};

/// Time after which the server ends a transaction whose client has gone silent.
const IDLE: Duration = Duration::from_secs(10);

/// Gives up waiting for a lock after a moment: for a transaction of many, in which one must not make the others wait.
pub(crate) const WAIT_BRIEFLY: &str = "SET LOCAL lock_timeout = 200";

/// A transaction of a store. Statements whose futures are polled together travel together, in the order of the futures.
pub(crate) struct Work<'a> {
    client: &'a Client,
    is_committed: AtomicBool,
}

impl<'a> Work<'a> {
    /// Takes part in a transaction that is open already, and is ended by another.
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client, is_committed: AtomicBool::new(false) }
    }

    pub(crate) async fn query(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.client.query_typed(statement, parameters).await?)
    }

    pub(crate) async fn query_opt(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.client.query_typed_opt(statement, parameters).await?)
    }

    pub(crate) async fn execute(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<u64, DatabaseError> {
        Ok(self.client.execute_typed(statement, parameters).await?)
    }

    pub(crate) async fn batch(&self, statements: &str) -> Result<(), DatabaseError> {
        Ok(self.client.batch_execute(statements).await?)
    }

    /// Waits for advisory locks, which last until the end of the transaction. The keys must be sorted, so that two
    /// transactions never wait for each other.
    pub(crate) async fn lock(&self, keys: &[i64]) -> Result<(), DatabaseError> {
        let statement = "SELECT pg_advisory_xact_lock(key) FROM unnest($1) AS key";
        self.query(statement, &[ints(&keys)]).await.map(drop)
    }

    /// Commits in one round trip with the last statements.
    pub(crate) async fn last<T>(
        &self,
        statements: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        self.is_committed.store(true, Ordering::Relaxed);
        // After a failed statement it does nothing.
        let (value, committed) = join(statements, self.client.batch_execute("COMMIT")).await;
        let value = value?;
        committed?;
        Ok(value)
    }

    /// Commits unless that was done with the last statements.
    pub(super) async fn commit(&self) -> Result<(), DatabaseError> {
        if self.is_committed.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.batch("COMMIT").await
    }
}

/// Returns the statements that begin a transaction with limits.
pub(super) fn begin(ends: Instant) -> String {
    format!("START TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; {}", limits(ends))
}

/// Returns the statements that let the server give up before `ends`, so that it says why, and its locks are gone. They
/// hold for the transaction, since a pooler may give the next one to another server connection. The last one tells which
/// transaction it is, to be able to cancel it.
pub(super) fn limits(ends: Instant) -> String {
    let left = ends.saturating_duration_since(Instant::now());
    let [lock, statement, idle] =
        [left.mul_f32(0.8), left.mul_f32(0.9), IDLE].map(|limit| limit.as_millis().clamp(1, 1 << 30));
    format!(
        "SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; \
         SELECT pg_backend_pid(), (extract(epoch FROM now()) * 1000000)::BIGINT"
    )
}
