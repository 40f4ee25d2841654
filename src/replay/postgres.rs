//! The replay guard in PostgreSQL.

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{CallId, ClaimOutcome, ReplayError, ReplayGuard};
use deadpool_postgres::Transaction;

use crate::postgres::{Database, DatabaseError, binary, int, text};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in a table of its own (`koogallery_replay`). Every call costs a durable
/// write; calls past their window are deleted, and there is no limit but the disk.
#[derive(Clone, Debug)]
pub struct PostgresReplayGuard {
    database: Database,
}

impl PostgresReplayGuard {
    /// The statements that [`PostgresReplayGuard::new`] runs if there is no table, for applications that manage their
    /// schema themselves.
    pub const SCHEMA: &str = r#"
CREATE TABLE IF NOT EXISTS koogallery_replay (
    call_id TEXT COLLATE "C" PRIMARY KEY,
    until   BIGINT NOT NULL,
    answer  BYTEA
);
CREATE INDEX IF NOT EXISTS koogallery_replay_until ON koogallery_replay (until);
"#;

    /// Opens the guard, creating its table if there is none.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.make_tables("koogallery_replay", Self::SCHEMA).await?;
        Ok(Self { database: database.clone() })
    }

    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, ReplayError> {
        self.database.transaction(work).await.map_err(ReplayError::store)
    }
}

impl ReplayGuard for PostgresReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        self.run(async move |transaction| claim(transaction, &id.to_key(), until, now).await).boxed()
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        self.run(async move |transaction| {
            let statement = "UPDATE koogallery_replay SET answer = $2 WHERE call_id = $1";
            transaction.execute_typed(statement, &[text(&id.to_key()), binary(&&answer[..])]).await?;
            Ok(())
        })
        .boxed()
    }
}

async fn claim(
    transaction: &Transaction<'_>,
    id: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<ClaimOutcome, DatabaseError> {
    let now = now.as_unix_millis();
    let claimed = transaction
        .execute_typed(
            "INSERT INTO koogallery_replay AS old (call_id, until) VALUES ($1, $2) ON CONFLICT (call_id) \
             DO UPDATE SET until = excluded.until, answer = NULL WHERE old.until < $3",
            &[text(&id), int(&until.as_unix_millis()), int(&now)],
        )
        .await?;
    if claimed == 0 {
        let statement = "SELECT answer FROM koogallery_replay WHERE call_id = $1";
        let row = transaction.query_typed_opt(statement, &[text(&id)]).await?;
        let answer: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?.flatten();
        return Ok(ClaimOutcome::Repeated(answer.map(Bytes::from)));
    }
    // Last, and skipping locked rows: a transaction that waits for none while holding rows cannot be part of a
    // deadlock.
    transaction
        .execute_typed(
            "DELETE FROM koogallery_replay WHERE call_id IN (SELECT call_id FROM koogallery_replay WHERE until < $1 \
             ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED)",
            &[int(&now)],
        )
        .await?;
    Ok(ClaimOutcome::First)
}
