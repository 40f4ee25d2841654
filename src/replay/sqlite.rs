//! The replay guard in SQLite.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Row, Transaction, params};

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::sqlite::{Database, DatabaseError, Together, add_column};
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
    answer  BLOB,
    content BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_replay_until ON koogallery_replay (until);
";

    /// Opens the guard, creating its table if there is none, and updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(make_table).await?;
        Ok(Self { database: database.clone() })
    }
}

impl ReplayGuard for SqliteReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        self.database.ask_together(ReplayError::store, Claim { id: id.to_key(), content, until, now })
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        let id = id.to_key();
        self.database.run_quickly(ReplayError::store, move |transaction| {
            let content = content.as_ref().map(ContentDigest::as_bytes);
            transaction.prepare_cached(REMEMBER)?.execute(params![id, content, &answer[..]]).map(drop)
        })
    }
}

/// Time for which a claim that is over is kept: another process whose clock is behind may still receive the call. It is
/// five times the window of V2.0; a process whose clock is further off refuses the call for its time.
const KEPT_LONGER: Duration = Duration::from_secs(300);

const CLAIM: &str = "INSERT OR IGNORE INTO koogallery_replay (call_id, content, until) VALUES (?1, ?2, ?3)";

const KNOWN: &str = "SELECT content IS ?2, answer FROM koogallery_replay WHERE call_id = ?1";

const REMEMBER: &str = "UPDATE koogallery_replay SET answer = ?3 WHERE call_id = ?1 AND content IS ?2";

/// A portion, so that a call after a long pause is not held up by all that the pause left.
const OVER: &str = "SELECT call_id FROM koogallery_replay WHERE until < ?1 ORDER BY until LIMIT ?2";
const PORTION: usize = 100;

const FORGET: &str = "DELETE FROM koogallery_replay WHERE call_id = ?1";

/// A call that claims its id.
struct Claim {
    id: String,
    content: Option<ContentDigest>,
    until: Timestamp,
    now: Timestamp,
}

impl Together for Claim {
    type Answer = ClaimOutcome;

    fn is_shareable(&self) -> bool {
        true
    }

    fn run(&self, transaction: &Transaction<'_>) -> rusqlite::Result<ClaimOutcome> {
        forget(transaction, &[self])?;
        self.insert(transaction)
    }

    fn run_all(all: &[&Self], transaction: &Transaction<'_>) -> rusqlite::Result<Option<Vec<ClaimOutcome>>> {
        forget(transaction, all)?;
        all.iter().map(|claim| claim.insert(transaction)).collect::<Result<_, _>>().map(Some)
    }
}

impl Claim {
    fn insert(&self, transaction: &Transaction<'_>) -> rusqlite::Result<ClaimOutcome> {
        let content = self.content.as_ref().map(ContentDigest::as_bytes);
        let parameters = params![self.id, content, self.until.as_unix_millis()];
        if transaction.prepare_cached(CLAIM)?.execute(parameters)? == 1 {
            return Ok(ClaimOutcome::First);
        }
        let known = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?));
        let (is_same, answer) = transaction.prepare_cached(KNOWN)?.query_row(params![self.id, content], known)?;
        Ok(if is_same { ClaimOutcome::Repeated(answer.map(Bytes::from)) } else { ClaimOutcome::OtherContent })
    }
}

/// Deletes claims that are over: more than come with these, so that they do not pile up.
fn forget(transaction: &Transaction<'_>, claims: &[&Claim]) -> rusqlite::Result<()> {
    let Some(now) = claims.iter().map(|claim| claim.now).min() else { return Ok(()) };
    let limit = i64::try_from(PORTION.max(2 * claims.len())).unwrap_or(i64::MAX);
    let before = now.saturating_sub(KEPT_LONGER).as_unix_millis();
    // Mostly none is over. One statement for all would make a temporary table each time.
    let over: Vec<String> = transaction
        .prepare_cached(OVER)?
        .query_map(params![before, limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    over.iter().try_for_each(|id| transaction.prepare_cached(FORGET)?.execute([id]).map(drop))
}

fn make_table(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SqliteReplayGuard::SCHEMA)?;
    // Rows of earlier versions have no content, as the calls of V1.0.
    add_column(transaction, "koogallery_replay", "content", "BLOB")
}
