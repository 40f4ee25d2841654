//! The replay guard in SQLite.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Transaction, params};

use super::{CallId, ClaimOutcome, ReplayError, ReplayGuard};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A replay guard that survives restarts and serves several processes on one file, in a table of its own
/// (`koogallery_replay`). Every call costs a durable write. Calls are deleted five minutes after their window, and there
/// is no limit but the disk.
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
        self.database.ask(ReplayError::store, move |transaction| claim(transaction, &id, until, now))
    }

    fn remember_answer<'a>(&'a self, id: CallId<'a>, answer: Bytes) -> BoxFuture<'a, Result<(), ReplayError>> {
        let id = id.to_key();
        self.database.run(ReplayError::store, move |transaction| {
            let statement = "UPDATE koogallery_replay SET answer = ?2 WHERE call_id = ?1";
            transaction.execute(statement, params![id, &answer[..]]).map(|_| ())
        })
    }
}

/// Time for which a claim that is over is kept: another process whose clock is behind may still receive the call. It is
/// five times the window of V2.0; a process whose clock is further off refuses the call for its time.
const KEPT_LONGER: Duration = Duration::from_secs(300);

const CLAIM: &str = "INSERT INTO koogallery_replay AS old (call_id, until) VALUES (?1, ?2) ON CONFLICT (call_id) \
                     DO UPDATE SET until = excluded.until, answer = NULL WHERE old.until < ?3";

/// A portion, so that a call after a long pause is not held up by all that the pause left.
const FORGET: &str = "DELETE FROM koogallery_replay WHERE call_id IN \
                      (SELECT call_id FROM koogallery_replay WHERE until < ?1 ORDER BY until LIMIT 100)";

fn claim(transaction: &Transaction<'_>, id: &str, until: Timestamp, now: Timestamp) -> rusqlite::Result<ClaimOutcome> {
    transaction.prepare_cached(FORGET)?.execute([now.saturating_sub(KEPT_LONGER).as_unix_millis()])?;
    let claim = params![id, until.as_unix_millis(), now.as_unix_millis()];
    if transaction.prepare_cached(CLAIM)?.execute(claim)? == 1 {
        return Ok(ClaimOutcome::First);
    }
    let answer: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT answer FROM koogallery_replay WHERE call_id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok(ClaimOutcome::Repeated(answer.map(Bytes::from)))
}
