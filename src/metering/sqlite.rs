//! The usage store in SQLite.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, named_params, params};

use super::{
    Correction, Entry, MeteringError, RecordDraft, RecordOutcome, RecordRefusal, RecordState, Recorded, Status,
    StoredRecord, Total, UsageStore, UsageSum,
};
use crate::amount::Amount;
use crate::lease::Lease;
use crate::open_api::push_usage::{RecordCode, UsageRecord};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A usage store in tables of its own (`koogallery_usage_open`, `_record`, `_id`, `_delivered`).
///
/// Recordings that wait for the disk at the same time share one commit. Several processes may use the same file.
#[derive(Clone)]
pub struct SqliteUsageStore {
    database: Database,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

impl fmt::Debug for SqliteUsageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteUsageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A recording that waits for its commit.
struct Waiting {
    entries: Vec<Entry>,
    answer: oneshot::Sender<Result<Vec<Recorded>, MeteringError>>,
}

/// The most rows that are changed in one transaction.
const AT_ONCE: i64 = 500;

const COLUMNS: &str = "metering_sn, instance_id, package, begin_time, end_time, record_time, amount, state, held, \
                       attempts, code, description";

impl SqliteUsageStore {
    /// The statements that [`SqliteUsageStore::new`] runs, for applications that manage their schema themselves.
    ///
    /// Amounts are whole numbers of ten-thousandths; unless checked, SQLite would turn a sum that is too large into a
    /// float. A held record is one in the state `fix` with `held` set: the state came later, and a check of a column
    /// cannot be changed without copying the whole table. A program of an earlier version leaves such records alone; in
    /// other states `held` means nothing, since such a program does not reset it. An empty package means none, since no
    /// two NULLs of a key are equal.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_usage_open (
    instance_id  TEXT NOT NULL,
    period_begin INTEGER NOT NULL,
    package      TEXT NOT NULL,
    period_end   INTEGER NOT NULL,
    first_at     INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    PRIMARY KEY (instance_id, period_begin, package)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_usage_open_end ON koogallery_usage_open (period_end);
CREATE TABLE IF NOT EXISTS koogallery_usage_record (
    metering_sn TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    package     TEXT NOT NULL,
    begin_time  INTEGER NOT NULL,
    end_time    INTEGER NOT NULL,
    record_time INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'fix', 'dead')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    holder      TEXT,
    code        TEXT,
    description TEXT,
    settled_at  INTEGER,
    held        INTEGER NOT NULL DEFAULT 0,
    UNIQUE (instance_id, begin_time, end_time)
);
CREATE INDEX IF NOT EXISTS koogallery_usage_record_due ON koogallery_usage_record (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS koogallery_usage_record_held ON koogallery_usage_record (due_at)
    WHERE state = 'fix' AND held = 1;
CREATE INDEX IF NOT EXISTS koogallery_usage_record_left ON koogallery_usage_record (state, begin_time, amount)
    WHERE state <> 'delivered';
CREATE INDEX IF NOT EXISTS koogallery_usage_record_settled ON koogallery_usage_record (settled_at)
    WHERE state = 'delivered';
CREATE TABLE IF NOT EXISTS koogallery_usage_id (
    usage_id    TEXT PRIMARY KEY,
    recorded_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_usage_id_time ON koogallery_usage_id (recorded_at);
CREATE TABLE IF NOT EXISTS koogallery_usage_delivered (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    records INTEGER NOT NULL,
    amount  INTEGER NOT NULL CHECK (typeof(amount) = 'integer')
);
INSERT OR IGNORE INTO koogallery_usage_delivered VALUES (1, 0, 0);
";

    /// Opens the store, creating its tables if there are none, and updating those of an earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(make_tables).await?;
        Ok(Self { database: database.clone(), waiting: Arc::default() })
    }

    /// Records usage in a transaction of the seller's own on the same file, so that it counts if and only if that
    /// commits. The entry comes from [`Meter::entry`](super::Meter::entry).
    ///
    /// # Errors
    ///
    /// SQLite failed.
    pub fn record_in(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<Recorded> {
        let now = entry.recorded_at.as_unix_millis();
        if let Some(id) = &entry.usage.usage_id {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO koogallery_usage_id VALUES (?1, ?2)")?;
            if insert.execute(params![id, now])? == 0 {
                return Ok(Recorded::Repeated);
            }
        }
        let instance_id = &entry.usage.instance_id;
        let package = entry.usage.package_instance_id.as_deref().unwrap_or_default();
        let amount =
            entry.usage.amount.ten_thousandths().and_then(|amount| i64::try_from(amount).ok()).unwrap_or(i64::MAX);
        let mut at = entry.at;
        loop {
            let (begin, end) = entry.period.around(at);
            let [begin, end] = [begin, end].map(Timestamp::as_unix_millis);
            let mut add = transaction.prepare_cached(
                "UPDATE koogallery_usage_open SET amount = amount + ?4 \
                 WHERE instance_id = ?1 AND period_begin = ?2 AND package = ?3",
            )?;
            if add.execute(params![instance_id, begin, package, amount])? == 1 {
                return Ok(Recorded::First);
            }
            // Where a record was made of this time already, the usage counts after it.
            let closed_until: Option<i64> = transaction
                .prepare_cached(
                    "SELECT max(end_time) FROM koogallery_usage_record \
                     WHERE instance_id = ?1 AND begin_time < ?2 AND end_time > ?3",
                )?
                .query_row(params![instance_id, end, at.as_unix_millis()], |row| row.get(0))?;
            match closed_until {
                Some(later) => at = Timestamp::from_unix_millis(later),
                None => {
                    transaction
                        .prepare_cached("INSERT INTO koogallery_usage_open VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                        .execute(params![instance_id, begin, package, end, at.as_unix_millis(), amount])?;
                    return Ok(Recorded::First);
                }
            }
        }
    }

    fn run<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, MeteringError>>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database.run(MeteringError::store, work)
    }
}

impl UsageStore for SqliteUsageStore {
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(Waiting { entries, answer });
            waiting.len() == 1
        };
        // The first waiting caller starts a commit, which also covers all callers that arrive before it is made.
        if is_first {
            let waiting = Arc::clone(&self.waiting);
            let commit = move |connection: &mut Connection| {
                commit_all(connection, std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner)));
            };
            if let Err(error) = self.database.submit(commit) {
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return ready(Err(MeteringError::store(error))).boxed();
            }
        }
        async move { answered.await.unwrap_or_else(|_| Err(MeteringError::store(DatabaseError::Closed))) }.boxed()
    }

    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.run(move |transaction| {
            let ended: Vec<(String, i64, i64)> = transaction
                .prepare_cached(
                    "SELECT DISTINCT instance_id, period_begin, period_end FROM koogallery_usage_open \
                     WHERE period_end <= ?1 LIMIT ?2",
                )?
                .query_map(params![until.as_unix_millis(), AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?;
            let records = ended.iter().map(|(instance_id, begin, end)| {
                close(transaction, instance_id, *begin, Timestamp::from_unix_millis(*end), until)
            });
            records.sum()
        })
    }

    fn close_instance<'a>(
        &'a self,
        instance_id: &'a str,
        end: Timestamp,
    ) -> BoxFuture<'a, Result<usize, MeteringError>> {
        let instance_id = instance_id.to_owned();
        self.run(move |transaction| {
            let open: Vec<(i64, i64)> = transaction
                .prepare_cached(
                    "SELECT DISTINCT period_begin, period_end FROM koogallery_usage_open WHERE instance_id = ?1",
                )?
                .query_map([&instance_id], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let records = open.into_iter().map(|(begin, period_end)| {
                let end = end.min(Timestamp::from_unix_millis(period_end));
                close(transaction, &instance_id, begin, end, end)
            });
            records.sum()
        })
    }

    fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>> {
        self.run(move |transaction| {
            let claimed = claim_due(transaction, lease, now, RecordState::Pending, limit)?;
            Ok(claimed.into_iter().map(|stored| stored.record).collect())
        })
    }

    fn claim_held(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>> {
        self.run(move |transaction| claim_due(transaction, lease, now, RecordState::Held, limit))
    }

    fn settle(
        &self,
        lease: Lease,
        now: Timestamp,
        outcomes: Vec<(String, RecordOutcome)>,
    ) -> BoxFuture<'_, Result<(), MeteringError>> {
        self.run(move |transaction| {
            outcomes.iter().try_for_each(|(metering_sn, outcome)| settle(transaction, lease, now, metering_sn, outcome))
        })
    }

    fn correct<'a>(
        &'a self,
        metering_sn: &'a str,
        correction: Correction,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let metering_sn = metering_sn.to_owned();
        self.run(move |transaction| {
            let changed = transaction.execute(
                "UPDATE koogallery_usage_record SET state = 'pending', held = 0, holder = NULL, due_at = ?2, \
                 settled_at = NULL, begin_time = coalesce(?3, begin_time), end_time = coalesce(?4, end_time), \
                 package = coalesce(?5, package) WHERE metering_sn = ?1 AND state IN ('fix', 'dead')",
                params![
                    metering_sn,
                    now.as_unix_millis(),
                    correction.begin_time.map(Timestamp::as_unix_millis),
                    correction.end_time.map(Timestamp::as_unix_millis),
                    correction.package_instance_id,
                ],
            )?;
            Ok(changed == 1)
        })
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        self.run(move |transaction| status(transaction, risky_before))
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        let after = after.unwrap_or_default().to_owned();
        let (word, is_held) = stored(state);
        self.run(move |transaction| {
            transaction
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM koogallery_usage_record WHERE state = ?1 \
                     AND (state <> 'fix' OR held = ?2) AND metering_sn > ?3 ORDER BY metering_sn LIMIT ?4"
                ))?
                .query_map(params![word, is_held, after, clamped(limit)], read)?
                .collect()
        })
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.run(move |transaction| {
            let records = transaction.execute(
                "DELETE FROM koogallery_usage_record WHERE metering_sn IN (SELECT metering_sn \
                 FROM koogallery_usage_record WHERE state = 'delivered' AND settled_at < ?1 LIMIT ?2)",
                params![before.as_unix_millis(), AT_ONCE],
            )?;
            let ids = transaction.execute(
                "DELETE FROM koogallery_usage_id WHERE usage_id IN \
                 (SELECT usage_id FROM koogallery_usage_id WHERE recorded_at < ?1 LIMIT ?2)",
                params![before.as_unix_millis(), AT_ONCE],
            )?;
            Ok(records + ids)
        })
    }
}

fn make_tables(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let columns =
        "SELECT count(*), count(*) FILTER (WHERE name = 'held') FROM pragma_table_info('koogallery_usage_record')";
    let (columns, held): (i64, i64) = transaction.query_row(columns, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if columns > 0 && held == 0 {
        let add = "ALTER TABLE koogallery_usage_record ADD COLUMN held INTEGER NOT NULL DEFAULT 0";
        transaction.execute(add, [])?;
    }
    transaction.execute_batch(SqliteUsageStore::SCHEMA)
}

/// A state as it is stored: its word, and whether `held` is set.
fn stored(state: RecordState) -> (&'static str, bool) {
    match state {
        RecordState::Held => (RecordState::Fix.as_str(), true),
        state => (state.as_str(), false),
    }
}

/// Leases records in a state that are due.
fn claim_due(
    transaction: &Transaction<'_>,
    lease: Lease,
    now: Timestamp,
    state: RecordState,
    limit: usize,
) -> rusqlite::Result<Vec<StoredRecord>> {
    // As the index of the state has it.
    let is_in_state = if state == RecordState::Held { "state = 'fix' AND held = 1" } else { "state = 'pending'" };
    transaction
        .prepare_cached(&format!(
            "UPDATE koogallery_usage_record SET holder = :holder, due_at = :until, attempts = attempts + 1 \
             WHERE metering_sn IN (SELECT metering_sn FROM koogallery_usage_record \
             WHERE {is_in_state} AND due_at <= :now ORDER BY due_at LIMIT :limit) RETURNING {COLUMNS}"
        ))?
        .query_map(
            named_params! {
                ":holder": lease.holder_text(),
                ":until": lease.until.as_unix_millis(),
                ":now": now.as_unix_millis(),
                ":limit": clamped(limit),
            },
            read,
        )?
        .collect()
}

/// Records what waits in one transaction, and then answers every caller.
fn commit_all(connection: &mut Connection, waiting: Vec<Waiting>) {
    let record = |transaction: &Transaction<'_>| {
        let record_each = |entries: &[Entry]| {
            entries.iter().map(|entry| SqliteUsageStore::record_in(transaction, entry)).collect::<Result<Vec<_>, _>>()
        };
        waiting.iter().map(|waiting| record_each(&waiting.entries)).collect::<rusqlite::Result<Vec<_>>>()
    };
    let outcome = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        let recorded = record(&transaction)?;
        transaction.commit()?;
        Ok(recorded)
    });
    // The caller may have been dropped; its usage is recorded nevertheless.
    match outcome {
        Ok(recorded) => {
            for (waiting, recorded) in waiting.into_iter().zip(recorded) {
                let _ = waiting.answer.send(Ok(recorded));
            }
        }
        Err(error) => {
            let error = MeteringError::store(DatabaseError::from(error));
            for waiting in waiting {
                let _ = waiting.answer.send(Err(error.clone()));
            }
        }
    }
}

/// Makes records of the open sums of an instance and period.
fn close(
    transaction: &Transaction<'_>,
    instance_id: &str,
    period_begin: i64,
    end: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let sums: Vec<UsageSum> = transaction
        .prepare_cached(
            "DELETE FROM koogallery_usage_open WHERE instance_id = ?1 AND period_begin = ?2 \
             RETURNING package, first_at, amount",
        )?
        .query_map(params![instance_id, period_begin], |row| {
            Ok(UsageSum {
                package_instance_id: package(row)?,
                first_at: Timestamp::from_unix_millis(row.get("first_at")?),
                ten_thousandths: row.get("amount")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let drafts = UsageSum::into_drafts(sums, end);
    let count = drafts.len();
    for mut draft in drafts {
        while !insert(transaction, instance_id, &draft, now)? {
            draft.avoid_collision();
        }
    }
    Ok(count)
}

/// Returns whether the record was inserted: not if the instance has one of these times already.
fn insert(
    transaction: &Transaction<'_>,
    instance_id: &str,
    draft: &RecordDraft,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let inserted = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO koogallery_usage_record \
             (metering_sn, instance_id, package, begin_time, end_time, record_time, amount, due_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            draft.metering_sn(instance_id),
            instance_id,
            draft.package_instance_id.as_deref().unwrap_or_default(),
            draft.begin.as_unix_millis(),
            draft.end.as_unix_millis(),
            now.as_unix_millis(),
            draft.ten_thousandths,
            now.as_unix_millis(),
        ])?;
    Ok(inserted == 1)
}

fn settle(
    transaction: &Transaction<'_>,
    lease: Lease,
    now: Timestamp,
    metering_sn: &str,
    outcome: &RecordOutcome,
) -> rusqlite::Result<()> {
    let (state, due_at, refusal) = match outcome {
        RecordOutcome::Delivered => (RecordState::Delivered, now, None),
        RecordOutcome::Retry { at, refusal } => (RecordState::Pending, *at, refusal.as_ref()),
        RecordOutcome::Held { at } => (RecordState::Held, *at, None),
        RecordOutcome::Fix(refusal) => (RecordState::Fix, now, Some(refusal)),
        RecordOutcome::Dead(refusal) => (RecordState::Dead, now, Some(refusal)),
    };
    let (word, is_held) = stored(state);
    let settled: Option<i64> = transaction
        .prepare_cached(
            "UPDATE koogallery_usage_record SET state = :state, held = :held, due_at = :due_at, holder = NULL, \
             settled_at = :now, code = coalesce(:code, code), description = coalesce(:description, description) \
             WHERE metering_sn = :metering_sn AND state <> 'delivered' \
             AND (holder = :holder OR :state = 'delivered') RETURNING amount",
        )?
        .query_row(
            named_params! {
                ":state": word,
                ":held": is_held,
                ":due_at": due_at.as_unix_millis(),
                ":now": now.as_unix_millis(),
                ":code": refusal.map(|refusal| refusal.code.as_str()),
                ":description": refusal.and_then(|refusal| refusal.description.as_deref()),
                ":metering_sn": metering_sn,
                ":holder": lease.holder_text(),
            },
            |row| row.get(0),
        )
        .optional()?;
    if let (Some(amount), RecordState::Delivered) = (settled, state) {
        transaction
            .prepare_cached("UPDATE koogallery_usage_delivered SET records = records + 1, amount = amount + ?1")?
            .execute([amount])?;
    }
    Ok(())
}

fn status(transaction: &Transaction<'_>, risky_before: Timestamp) -> rusqlite::Result<Status> {
    let total = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql)?.query_row(parameters, |row| {
            Ok(Total {
                records: row.get::<_, i64>(0)?.unsigned_abs(),
                usage: Amount::from_ten_thousandths(row.get(1)?),
            })
        })
    };
    let in_state = |state: RecordState| {
        let (word, is_held) = stored(state);
        total(
            "SELECT count(*), coalesce(sum(amount), 0) FROM koogallery_usage_record \
             WHERE state = ?1 AND (state <> 'fix' OR held = ?2) AND state <> 'delivered'",
            &[&word, &is_held],
        )
    };
    let oldest: Option<i64> = transaction.query_row(
        "SELECT min(begin_time) FROM koogallery_usage_record WHERE state IN ('pending', 'fix')",
        [],
        |row| row.get(0),
    )?;
    Ok(Status {
        open: total("SELECT count(*), coalesce(sum(amount), 0) FROM koogallery_usage_open", &[])?,
        pending: in_state(RecordState::Pending)?,
        delivered: total("SELECT records, amount FROM koogallery_usage_delivered", &[])?,
        held: in_state(RecordState::Held)?,
        fix: in_state(RecordState::Fix)?,
        dead: in_state(RecordState::Dead)?,
        oldest: oldest.map(Timestamp::from_unix_millis),
        at_risk: total(
            "SELECT count(*), coalesce(sum(amount), 0) FROM koogallery_usage_record \
             WHERE state IN ('pending', 'fix') AND begin_time < ?1",
            &[&risky_before.as_unix_millis()],
        )?,
    })
}

fn clamped(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn package(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    row.get("package").map(|package: String| Some(package).filter(|package| !package.is_empty()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    let time = |column: &str| row.get(column).map(Timestamp::from_unix_millis);
    let state: String = row.get("state")?;
    let code: Option<String> = row.get("code")?;
    let mut record = UsageRecord::new(
        row.get::<_, String>("metering_sn")?,
        row.get::<_, String>("instance_id")?,
        time("begin_time")?,
        time("end_time")?,
        Amount::from_ten_thousandths(row.get("amount")?),
    );
    record.record_time = time("record_time")?;
    record.relate_pkg_instance = package(row)?;
    let description = row.get("description")?;
    Ok(StoredRecord {
        record,
        state: match (RecordState::from_word(&state).ok_or(rusqlite::Error::InvalidQuery)?, row.get("held")?) {
            (RecordState::Fix, true) => RecordState::Held,
            (state, _) => state,
        },
        attempts: row.get("attempts")?,
        refusal: code.map(|code| RecordRefusal { code: RecordCode::new(&code), description }),
    })
}
