//! The replay guard in SQLite.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{CallId, ClaimOutcome, ReplayError, ReplayGuard};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A replay guard that survives restarts and serves several processes on one file, in a table of its own
/// (`koogallery_replay`). Every call costs a durable write; calls past their window are deleted, and there is no limit
/// but the disk.
#[derive(Clone, Debug)]
pub struct SqliteReplayGuard {
    database: Database,
}

impl SqliteReplayGuard {
    /// The statements that [`SqliteReplayGuard::new`] runs, for applications that manage their schema themselves.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_replay (
    call_id TEXT PRIMARY KEY,
    until   INTEGER NOT NULL,
    answer  BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_replay_until ON koogallery_replay (until);
";

    /// Opens the guard, creating its table if there is none.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(Self::SCHEMA)).await?;
        Ok(Self { database: database.clone() })
    }
}

impl ReplayGuard for SqliteReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        let id = id.to_key();
        self.database.run(ReplayError::store, move |transaction| claim(transaction, &id, until, now))
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        let id = id.to_key();
        self.database.run(ReplayError::store, move |transaction| {
            let statement = "UPDATE koogallery_replay SET answer = ?2 WHERE call_id = ?1";
            transaction.execute(statement, params![id, &answer[..]]).map(|_| ())
        })
    }
}

fn claim(transaction: &Transaction<'_>, id: &str, until: Timestamp, now: Timestamp) -> rusqlite::Result<ClaimOutcome> {
    transaction.prepare_cached("DELETE FROM koogallery_replay WHERE until < ?1")?.execute([now.as_unix_millis()])?;
    let answer: Option<Option<Vec<u8>>> = transaction
        .prepare_cached("SELECT answer FROM koogallery_replay WHERE call_id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(answer) = answer {
        return Ok(ClaimOutcome::Repeated(answer.map(Bytes::from)));
    }
    transaction
        .prepare_cached("INSERT INTO koogallery_replay (call_id, until) VALUES (?1, ?2)")?
        .execute(params![id, until.as_unix_millis()])?;
    Ok(ClaimOutcome::First)
}
