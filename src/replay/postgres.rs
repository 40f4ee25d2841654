//! The replay guard in PostgreSQL.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join3};
use tokio::time::Instant;
use tokio_postgres::Row;

use super::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use crate::batch::{Batch, Batches};
use crate::postgres::{Database, DatabaseError, Schema, WAIT_BRIEFLY, Work, binaries, int, ints, limit, texts};
use crate::timestamp::Timestamp;
use crate::waiting::{Queue, Waiting};

/// A replay guard for any number of replicas, in a table of its own (`koogallery_replay`). Calls are deleted five minutes
/// after their window, by the server's clock, and there is no limit but the disk.
///
/// A claim does not wait for the server's disk (`synchronous_commit = off`): it survives the end of a replica and of the
/// server's processes, and goes to a standby, but a crash of the server itself may lose the claims of its last second.
/// The table is a logged one all the same, since an unlogged one would be emptied by such a crash.
///
/// Claims of one process that wait for the database at the same time share a transaction, and so do answers.
#[derive(Clone)]
pub struct PostgresReplayGuard {
    database: Database,
    waiting: Queue<Claim, Answer>,
    answers: Batches<Answers>,
}

impl fmt::Debug for PostgresReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReplayGuard").field("database", &self.database).finish_non_exhaustive()
    }
}

struct Claim {
    id: String,
    content: Option<ContentDigest>,
    until: i64,
}

type Answer = Result<ClaimOutcome, Arc<DatabaseError>>;

const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_replay (
    call_id TEXT COLLATE "C" PRIMARY KEY,
    until   BIGINT NOT NULL,
    answer  BYTEA
);
CREATE INDEX IF NOT EXISTS koogallery_replay_until ON koogallery_replay (until);
"#;

/// Rows of earlier versions, and of replicas that still run one, have no content, as the calls of V1.0.
const CONTENT: &str = "ALTER TABLE koogallery_replay ADD COLUMN IF NOT EXISTS content BYTEA;\n";

impl PostgresReplayGuard {
    /// Returns the table that [`PostgresReplayGuard::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("replay", "koogallery_replay", &[TABLES, CONTENT])
    }

    /// Opens the guard, creating its table if there is none, or updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created, or is of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        let answers = Batches::new(Answers { database: database.clone() });
        Ok(Self { database: database.clone(), waiting: Queue::default(), answers })
    }

    /// Claims what waits.
    async fn claim_all(self, mut group: Vec<Waiting<Claim, Answer>>) {
        group.retain(|waiting| !waiting.is_vain());
        // So that no two groups wait for each other. What came first stays first among equals.
        group.sort_by(|one, other| one.item.id.cmp(&other.item.id));
        let claims: Vec<&Claim> = group.iter().map(|waiting| &waiting.item).collect();
        match self.claim_group(&claims).await.map_err(Arc::new) {
            Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(waiting, outcome)| waiting.answer(Ok(outcome))),
            Err(error) => group.into_iter().for_each(|waiting| waiting.answer(Err(Arc::clone(&error)))),
        }
    }

    /// Returns the outcome of each claim.
    async fn claim_group(&self, claims: &[&Claim]) -> Result<Vec<ClaimOutcome>, DatabaseError> {
        let ids: Vec<&str> = claims.iter().map(|claim| &*claim.id).collect();
        let contents: Vec<Option<&[u8]>> = claims.iter().map(|claim| bytes_of(&claim.content)).collect();
        let until: Vec<i64> = claims.iter().map(|claim| claim.until).collect();
        let forgotten = limit(claims.len() + 100);
        let (_, claimed, _) = self
            .database
            .run(async |work| {
                let claim = [texts(&ids), binaries(&contents), ints(&until)];
                let forget = [int(&forgotten)];
                let (claim, forget) = (work.query(CLAIM, &claim), work.execute(FORGET, &forget));
                work.last(try_join3(work.batch(UNFLUSHED), claim, forget)).await
            })
            .await?;
        let mut firsts: HashSet<String> = claimed.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let known = if firsts.len() < claims.len() { self.known(&ids).await? } else { HashMap::new() };
        let outcome = |claim: &&Claim| match known.get(&claim.id) {
            _ if firsts.remove(&claim.id) => ClaimOutcome::First,
            Some((content, answer)) if content.as_deref() == bytes_of(&claim.content) => {
                ClaimOutcome::Repeated(answer.clone())
            }
            // Where it was deleted in between, it was claimed long ago.
            _ => ClaimOutcome::OtherContent,
        };
        Ok(claims.iter().map(outcome).collect())
    }

    /// Returns content and answer of the calls that are claimed.
    async fn known(&self, ids: &[&str]) -> Result<HashMap<String, (Option<Vec<u8>>, Option<Bytes>)>, DatabaseError> {
        let statement = "SELECT call_id, content, answer FROM koogallery_replay WHERE call_id = ANY ($1)";
        let rows = self.database.rows(statement, &[texts(&ids)]).await?;
        let known = |row: &Row| {
            let answer: Option<Vec<u8>> = row.try_get(2)?;
            Ok((row.try_get(0)?, (row.try_get(1)?, answer.map(Bytes::from))))
        };
        rows.iter().map(known).collect()
    }
}

/// An answer to keep.
struct Kept {
    id: String,
    content: Option<ContentDigest>,
    answer: Bytes,
}

/// Keeps answers.
#[derive(Clone)]
struct Answers {
    database: Database,
}

impl Answers {
    async fn keep(&self, answers: &[&Kept], ends: Instant, settings: &str) -> Result<(), DatabaseError> {
        let ids: Vec<&str> = answers.iter().map(|kept| &*kept.id).collect();
        let contents: Vec<Option<&[u8]>> = answers.iter().map(|kept| bytes_of(&kept.content)).collect();
        let bodies: Vec<&[u8]> = answers.iter().map(|kept| &*kept.answer).collect();
        let remember = async |work: &Work<'_>| {
            let remember = [texts(&ids), binaries(&contents), binaries(&bodies)];
            let remember = work.execute(REMEMBER, &remember);
            work.last(try_join(work.batch(settings), remember)).await
        };
        self.database.run_until(ends, remember).await.map(drop)
    }
}

impl Batch for Answers {
    type Item = Kept;
    type Answer = ();
    type Error = DatabaseError;

    async fn run(&self, answers: &[&Kept], ends: Instant) -> Result<Vec<Option<()>>, DatabaseError> {
        self.keep(answers, ends, &format!("{UNFLUSHED}; {WAIT_BRIEFLY}")).await?;
        Ok(vec![Some(()); answers.len()])
    }
}

fn bytes_of(content: &Option<ContentDigest>) -> Option<&[u8]> {
    content.as_ref().map(|content| &content.as_bytes()[..])
}

/// For the transaction alone, since a pooler may give the next one to another server connection.
const UNFLUSHED: &str = "SET LOCAL synchronous_commit = off";

const CLAIM: &str = "INSERT INTO koogallery_replay (call_id, content, until) SELECT * FROM unnest($1, $2, $3) \
                     ON CONFLICT (call_id) DO NOTHING RETURNING call_id";

/// Late, and by the server's clock, so that no replica deletes what the others still need. Last, and skipping locked rows:
/// a transaction that waits for none while holding rows cannot be part of a deadlock. By the places of the rows, since by
/// their keys the whole table might be read.
const FORGET: &str = "DELETE FROM koogallery_replay WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_replay \
                      WHERE until < (extract(epoch FROM statement_timestamp()) * 1000)::BIGINT - 300000 \
                      ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED))";

const REMEMBER: &str = "UPDATE koogallery_replay AS replay SET answer = kept.answer FROM unnest($1, $2, $3) \
                        AS kept (call_id, content, answer) WHERE replay.call_id = kept.call_id \
                        AND replay.content IS NOT DISTINCT FROM kept.content";

impl ReplayGuard for PostgresReplayGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        async move {
            let guard = self.clone();
            let claim = Claim { id: id.to_key(), content, until: until.as_unix_millis() };
            let claimed = self.waiting.ask(claim, |group| guard.claim_all(group)).await;
            claimed.map_err(ReplayError::store)?.map_err(ReplayError::store)
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
            let kept = || Kept { id: id.to_key(), content, answer: answer.clone() };
            if self.answers.ask(kept(), ends).await.is_some() {
                return Ok(());
            }
            let alone = Answers { database: self.database.clone() };
            alone.keep(&[&kept()], ends, UNFLUSHED).await.map_err(ReplayError::store)
        }
        .boxed()
    }
}
