//! The replay guard in PostgreSQL.

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join};

use super::{CallId, ClaimOutcome, ReplayError, ReplayGuard};
use crate::postgres::{Database, DatabaseError, Schema, binary, int, text};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in a table of its own (`koogallery_replay`). Every call costs a durable
/// write; calls past their window are deleted, and there is no limit but the disk.
#[derive(Clone, Debug)]
pub struct PostgresReplayGuard {
    database: Database,
}

const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_replay (
    call_id TEXT COLLATE "C" PRIMARY KEY,
    until   BIGINT NOT NULL,
    answer  BYTEA
);
CREATE INDEX IF NOT EXISTS koogallery_replay_until ON koogallery_replay (until);
"#;

impl PostgresReplayGuard {
    /// Returns the table that [`PostgresReplayGuard::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("replay", "koogallery_replay", &[TABLES])
    }

    /// Opens the guard, creating its table if there is none, or updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created, or is of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        Ok(Self { database: database.clone() })
    }

    async fn claim(&self, id: &str, until: Timestamp, now: Timestamp) -> Result<ClaimOutcome, DatabaseError> {
        let [until, now] = [until, now].map(Timestamp::as_unix_millis);
        let claimed = self
            .database
            .run(async move |work| {
                let (id, until, now) = (text(&id), int(&until), int(&now));
                let insert = [id, until, now.clone()];
                let claim = work.execute(CLAIM, &insert);
                let forget = [now];
                let forget = work.execute(FORGET, &forget);
                work.last(async { try_join(claim, forget).await }).await
            })
            .await?;
        if claimed.0 == 1 {
            return Ok(ClaimOutcome::First);
        }
        let rows = self.database.rows("SELECT answer FROM koogallery_replay WHERE call_id = $1", &[text(&id)]).await?;
        let answer: Option<Vec<u8>> = rows.first().map(|row| row.try_get(0)).transpose()?.flatten();
        Ok(ClaimOutcome::Repeated(answer.map(Bytes::from)))
    }
}

const CLAIM: &str = "INSERT INTO koogallery_replay AS old (call_id, until) VALUES ($1, $2) ON CONFLICT (call_id) \
                     DO UPDATE SET until = excluded.until, answer = NULL WHERE old.until < $3";

/// Last, and skipping locked rows: a transaction that waits for none while holding rows cannot be part of a deadlock.
/// By the places of the rows, since by their keys the whole table might be read.
const FORGET: &str = "DELETE FROM koogallery_replay WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_replay \
                      WHERE until < $1 ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED))";

impl ReplayGuard for PostgresReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        async move { self.claim(&id.to_key(), until, now).await.map_err(ReplayError::store) }.boxed()
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        async move {
            let statement = "UPDATE koogallery_replay SET answer = $2 WHERE call_id = $1";
            let (id, answer) = (id.to_key(), &answer[..]);
            let changed = self.database.execute(statement, &[text(&id), binary(&answer)]).await;
            changed.map(|_| ()).map_err(ReplayError::store)
        }
        .boxed()
    }
}
