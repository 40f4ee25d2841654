//! The replay guard in MySQL or MariaDB.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::batch::{Batch, Batches};
use crate::columns::Columns as _;
use crate::mysql::rows::{Column, parameter, table};
use crate::mysql::{Database, DatabaseError, Schema, Session as _, Work, values};
use crate::timestamp::Timestamp;

/// A replay guard for any number of replicas, in a table of its own (`koogallery_replay`). Calls are deleted five minutes
/// after their window, by the server's clock, and there is no limit but the disk.
///
/// A claim waits for the server's disk, unless that is set otherwise for the whole server
/// (`innodb_flush_log_at_trx_commit`).
///
/// Claims of one process that wait for the database at the same time share a transaction, and so do answers.
#[derive(Clone)]
pub struct MysqlReplayGuard {
    database: Database,
    claims: Batches<Claims>,
    answers: Batches<Answers>,
}

impl fmt::Debug for MysqlReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlReplayGuard").field("database", &self.database).finish_non_exhaustive()
    }
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
        let claims = Batches::new(Claims { database: database.clone() });
        let answers = Batches::new(Answers { database: database.clone() });
        Ok(Self { database: database.clone(), claims, answers })
    }
}

/// Rows that are not locked, so that a transaction never waits for another while it holds some. Late, and by the server's
/// clock, so that no replica deletes what the others still need; by the time at which the statement began, since no index is
/// used for a clock that goes on.
const OVER: &str = "SELECT call_digest FROM koogallery_replay FORCE INDEX (koogallery_replay_until) \
                    WHERE until < TIMESTAMPDIFF(MICROSECOND, '1970-01-01', NOW(6)) DIV 1000 - 300000 \
                    ORDER BY until LIMIT ?1 FOR UPDATE SKIP LOCKED";

struct Claim {
    digest: Vec<u8>,
    content: Option<Vec<u8>>,
    until: i64,
}

/// Claims calls.
#[derive(Clone)]
struct Claims {
    database: Database,
}

impl Batch for Claims {
    type Item = Claim;
    type Answer = Result<ClaimOutcome, Arc<DatabaseError>>;
    type Error = DatabaseError;

    async fn run(&self, claims: &[&Claim], ends: Instant) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        match self.database.run_together(ends, |work| async move { claim_all(&work, claims).await }).await {
            Ok(outcomes) => Ok(outcomes.into_iter().map(|outcome| Some(Ok(outcome))).collect()),
            // Nothing is claimed.
            Err(error @ (DatabaseError::Locked(_) | DatabaseError::Overtaken(_))) => Err(error),
            // Perhaps all are, so that each would find its own claim.
            Err(error) => {
                let error = Arc::new(error);
                Ok(claims.iter().map(|_| Some(Err(Arc::clone(&error)))).collect())
            }
        }
    }
}

/// Claims calls, of which the first of those with one digest comes first.
async fn claim_all(work: &Work, claims: &[&Claim]) -> Result<Vec<ClaimOutcome>, DatabaseError> {
    let rows: Vec<_> = claims.iter().map(|claim| values![&claim.digest[..]].to_vec()).collect();
    let find = format!(
        "SELECT call_digest, content, answer FROM {} AS wanted STRAIGHT_JOIN koogallery_replay USING (call_digest)",
        table(&[Column::Id("call_digest")])
    );
    let mut known = HashMap::new();
    for row in work.query(&find, &[parameter(&rows)]).await? {
        let digest = row.bytes_or_null("call_digest")?.unwrap_or_default();
        known.insert(digest, (row.bytes_or_null("content")?, row.bytes_or_null("answer")?.map(Bytes::from)));
    }
    let (mut outcomes, mut new) = (Vec::with_capacity(claims.len()), Vec::new());
    for Claim { digest, content, until } in claims.iter().copied() {
        outcomes.push(match known.get(digest) {
            Some((known, answer)) if known == content => ClaimOutcome::Repeated(answer.clone()),
            Some(_) => ClaimOutcome::OtherContent,
            None => {
                known.insert(digest.clone(), (content.clone(), None));
                new.push((digest, values![&digest[..], content.as_deref(), *until].to_vec()));
                ClaimOutcome::First
            }
        });
    }
    if new.is_empty() {
        return Ok(outcomes);
    }
    // In order, so that no two transactions wait for each other.
    new.sort_by_key(|(digest, _)| *digest);
    let claim = format!(
        "INSERT INTO koogallery_replay (call_digest, content, until) SELECT call_digest, content, until FROM {} AS new",
        table(&[Column::Id("call_digest"), Column::Id("content"), Column::Int("until")])
    );
    work.insert_missing(&claim, &[parameter(new.iter().map(|(_, row)| row))]).await?;
    let over = work.query(OVER, &values![100.max(2 * new.len())]).await?;
    let over = over.iter().map(|row| Ok(values![row.bytes_or_null("call_digest")?].to_vec()));
    let over = over.collect::<Result<Vec<_>, DatabaseError>>()?;
    let forget = |places: &str| format!("DELETE FROM koogallery_replay WHERE call_digest IN ({places})");
    work.execute_rows(forget, &[], &over).await?;
    Ok(outcomes)
}

/// An answer to keep.
struct Kept {
    digest: Vec<u8>,
    content: Option<Vec<u8>>,
    answer: Bytes,
}

/// Keeps answers.
#[derive(Clone)]
struct Answers {
    database: Database,
}

impl Batch for Answers {
    type Item = Kept;
    type Answer = ();
    type Error = DatabaseError;

    async fn run(&self, answers: &[&Kept], ends: Instant) -> Result<Vec<Option<()>>, DatabaseError> {
        self.database.run_together(ends, |work| async move { keep(&work, answers).await }).await?;
        Ok(vec![Some(()); answers.len()])
    }
}

async fn keep(work: &Work, answers: &[&Kept]) -> Result<(), DatabaseError> {
    let mut answers = answers.to_vec();
    answers.sort_by_key(|kept| &kept.digest);
    let row = |kept: &&Kept| values![&kept.digest[..], kept.content.as_deref(), &kept.answer[..]].to_vec();
    let rows: Vec<_> = answers.iter().map(row).collect();
    // Only rows that are there, so that it inserts none. An update of a table that is joined with rows is refused where
    // `sql_safe_updates` is on.
    let keep = format!(
        "INSERT INTO koogallery_replay (call_digest, content, until, answer) SELECT replay.call_digest, replay.content, \
         replay.until, kept.answer FROM {} AS kept STRAIGHT_JOIN koogallery_replay AS replay USING (call_digest) \
         WHERE replay.content <=> kept.content ON DUPLICATE KEY UPDATE answer = VALUES(answer)",
        table(&[Column::Id("call_digest"), Column::Id("content"), Column::Bytes("answer")])
    );
    work.execute(&keep, &[parameter(&rows)]).await.map(drop)
}

fn digest(id: CallId<'_>) -> Vec<u8> {
    Sha256::digest(id.to_key()).to_vec()
}

fn bytes(content: Option<ContentDigest>) -> Option<Vec<u8>> {
    content.map(|content| content.as_bytes().to_vec())
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
            let ends = self.database.ends();
            let claim = || Claim { digest: digest(id), content: bytes(content), until: until.as_unix_millis() };
            if let Some(outcome) = self.claims.ask(claim(), ends).await {
                return outcome.map_err(ReplayError::store);
            }
            let claims = [&claim()];
            let claimed = self.database.run_until(ends, |work| async move { claim_all(&work, &claims).await }).await;
            let outcome = claimed.map_err(ReplayError::store)?.pop();
            outcome.ok_or_else(|| ReplayError::store(DatabaseError::Ended))
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
            let ends = self.database.ends();
            let kept = || Kept { digest: digest(id), content: bytes(content), answer: answer.clone() };
            if self.answers.ask(kept(), ends).await.is_some() {
                return Ok(());
            }
            let answers = [&kept()];
            let alone = self.database.run_until(ends, |work| async move { keep(&work, &answers).await }).await;
            alone.map_err(ReplayError::store)
        }
        .boxed()
    }
}
