//! The replay guard in MySQL or MariaDB.

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::columns::Columns as _;
use crate::mysql::mysql_async::Value;
use crate::mysql::{Database, DatabaseError, Schema, Session as _, Work, clock, values};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in a table of its own (`koogallery_replay`). Calls are deleted five minutes
/// after their window, by the server's clock, and there is no limit but the disk.
///
/// A claim waits for the server's disk, unless that is set otherwise for the whole server
/// (`innodb_flush_log_at_trx_commit`).
#[derive(Clone, Debug)]
pub struct MysqlReplayGuard {
    database: Database,
}

/// A digest in place of the id, which may be of any length and has to be compared byte by byte. It alone is unique: a
/// second unique key would keep its locks on gaps.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS koogallery_replay (
    call_digest BINARY(32) PRIMARY KEY,
    content     BINARY(32),
    until       BIGINT NOT NULL,
    answer      MEDIUMBLOB,
    KEY koogallery_replay_until (until)
) ENGINE = InnoDB;
";

impl MysqlReplayGuard {
    /// Returns the table that [`MysqlReplayGuard::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("replay", "koogallery_replay", &[TABLES])
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
}

/// Plain, since `INSERT IGNORE` and others do not tell a call that is claimed from other failures.
const CLAIM: &str = "INSERT INTO koogallery_replay (call_digest, content, until) VALUES (?1, ?2, ?3)";

const FIND: &str = "SELECT content <=> ?2 AS is_same, answer FROM koogallery_replay WHERE call_digest = ?1";

/// Rows that are not locked, so that a transaction never waits for another while it holds some. Late, and by the server's
/// clock, so that no replica deletes what the others still need.
const OVER: &str = "SELECT call_digest FROM koogallery_replay FORCE INDEX (koogallery_replay_until) \
                    WHERE until < ?1 - 300000 ORDER BY until LIMIT 100 FOR UPDATE SKIP LOCKED";

async fn claim(work: &Work, call: &[u8], content: &Value, until: Timestamp) -> Result<ClaimOutcome, DatabaseError> {
    let claim = values![call, content, until.as_unix_millis()];
    if !work.insert(CLAIM, &claim).await? {
        // Where it was deleted in between, it was claimed long ago.
        let found = work.query_opt(FIND, &claim[..2]).await?;
        let Some(row) = found else { return Ok(ClaimOutcome::OtherContent) };
        return Ok(match row.flag("is_same")? {
            true => ClaimOutcome::Repeated(row.bytes_or_null("answer")?.map(Bytes::from)),
            false => ClaimOutcome::OtherContent,
        });
    }
    let over = work.query(OVER, &values![clock(work).await?]).await?;
    let over = over.iter().map(|row| Ok(values![row.bytes_or_null("call_digest")?].to_vec()));
    let over = over.collect::<Result<Vec<_>, DatabaseError>>()?;
    let forget = |places: &str| format!("DELETE FROM koogallery_replay WHERE call_digest IN ({places})");
    work.execute_rows(forget, &[], &over).await?;
    Ok(ClaimOutcome::First)
}

fn digest(id: CallId<'_>) -> Vec<u8> {
    Sha256::digest(id.to_key()).to_vec()
}

fn value(content: Option<ContentDigest>) -> Value {
    content.map(|content| content.as_bytes().to_vec()).into()
}

impl ReplayGuard for MysqlReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        async move {
            let (call, content) = (&digest(id)[..], &value(content));
            let claimed = self.database.run(|work: Work| async move { claim(&work, call, content, until).await });
            claimed.await.map_err(ReplayError::store)
        }
        .boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        async move {
            let parameters = &values![digest(id), value(content), &answer[..]];
            let remember = |work: Work| async move {
                let remember = "UPDATE koogallery_replay SET answer = ?3 WHERE call_digest = ?1 AND content <=> ?2";
                work.execute(remember, parameters).await
            };
            self.database.run(remember).await.map(drop).map_err(ReplayError::store)
        }
        .boxed()
    }
}
