//! The usage store in SQLite.

mod together;

use std::fmt;

use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, Transaction, named_params, params};

use super::row::{
    ADD, AT_ONCE, CLOSED_UNTIL, COLUMNS, CORRECT, COUNT_DELIVERED, MOVING, SETTLE, Settlement, package, page, read,
    read_moving, read_sum, stored,
};
use super::statement::{DELIVERED, DeliveredRecord, fill_months, place, read_line, statement};
use super::totals::{TOTALS, fill_totals, read_total, totals_of};
use super::{
    Correction, Cycle, Entry, MeteringError, RecordDraft, RecordOutcome, RecordState, Recorded, RunningTotal,
    StatementLine, StatementMonth, Status, StoredRecord, Total, UsageStore, UsageSum,
};
use crate::amount::Amount;
use crate::lease::Lease;
use crate::open_api::push_usage::UsageRecord;
use crate::sqlite::{Database, DatabaseError, add_column};
use crate::timestamp::Timestamp;

use together::add_id;
pub(super) use together::{add_all, add_ids, remove_id};

/// A usage store in tables of its own (`koogallery_usage_open`, `_record`, `_id`, `_delivered`,
/// `_total`, `_month`).
///
/// Recordings that wait for the disk at the same time share one commit. Several processes may use the same file.
#[derive(Clone)]
pub struct SqliteUsageStore {
    pub(super) database: Database,
}

impl fmt::Debug for SqliteUsageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteUsageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl SqliteUsageStore {
    /// The statements that [`SqliteUsageStore::new`] runs, for applications that manage their schema themselves.
    ///
    /// Amounts are whole numbers of ten-thousandths; unless checked, SQLite would turn a sum that is too large into a
    /// float. A held record is one in the state `fix` with `held` set: the state came later, and a check of a column
    /// cannot be changed without copying the whole table. A program of an earlier version leaves such records alone; in
    /// other states `held` means nothing, since such a program does not reset it. An empty package means none, since no
    /// two NULLs of a key are equal.
    ///
    /// Running totals of a file of an earlier version begin with what it still has. A program of an earlier version that
    /// works on the same file goes on without them: what it records is pushed and billed, but no running total has it. A
    /// running total without an amount and a related instance is the begin of a cycle.
    pub const SCHEMA: &str = concat!(
        "
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
CREATE INDEX IF NOT EXISTS koogallery_usage_record_page ON koogallery_usage_record (state, metering_sn)
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
CREATE TABLE IF NOT EXISTS koogallery_usage_total (
    instance_id TEXT NOT NULL,
    related     TEXT NOT NULL,
    cycle_begin INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    PRIMARY KEY (instance_id, related, cycle_begin)
) WITHOUT ROWID;
",
        fill_totals!(),
        "CREATE TABLE IF NOT EXISTS koogallery_usage_month (
    month       INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    package     TEXT NOT NULL,
    records     INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    PRIMARY KEY (month, instance_id, package)
) WITHOUT ROWID;
",
        fill_months!("CAST(strftime('%Y%m', begin_time / 1000 + 28800, 'unixepoch') AS INTEGER)")
    );

    /// Opens the store, creating its tables if there are none, and updating those of an earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(make_tables).await?;
        Ok(Self { database: database.clone() })
    }

    /// Records usage in a transaction of the seller's own on the same file, so that it counts if and only if that
    /// commits. The entry comes from [`Meter::entry`](super::Meter::entry).
    ///
    /// # Errors
    ///
    /// SQLite failed.
    pub fn record_in(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<Recorded> {
        if let Some(id) = &entry.usage.usage_id
            && !add_id(transaction, id, entry.recorded_at)?
        {
            return Ok(Recorded::Repeated);
        }
        add_to_totals(transaction, entry)?;
        Self::add(transaction, entry)?;
        Ok(Recorded::First)
    }

    /// Adds an entry to the open sums.
    fn add(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
        let instance_id = &entry.usage.instance_id;
        let package = package(&entry.usage.package_instance_id);
        let amount = entry.ten_thousandths();
        let mut at = entry.at;
        loop {
            let (begin, end) = entry.period.around(at);
            let [begin, end] = [begin, end].map(Timestamp::as_unix_millis);
            if transaction.prepare_cached(ADD)?.execute(params![instance_id, begin, package, amount])? == 1 {
                return Ok(());
            }
            // Where a record was made of this time already, the usage counts after it.
            let closed_until: Option<i64> = transaction
                .prepare_cached(CLOSED_UNTIL)?
                .query_row(params![instance_id, end, at.as_unix_millis()], |row| row.get(0))?;
            match closed_until {
                Some(later) => at = Timestamp::from_unix_millis(later),
                None => {
                    transaction
                        .prepare_cached("INSERT INTO koogallery_usage_open VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                        .execute(params![instance_id, begin, package, end, at.as_unix_millis(), amount])?;
                    return Ok(());
                }
            }
        }
    }

    fn run<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, MeteringError>>
    where
        T: Send + 'static,
        F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database.run(MeteringError::store, work)
    }
}

impl UsageStore for SqliteUsageStore {
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        self.run(move |transaction| entries.iter().map(|entry| Self::record_in(transaction, entry)).collect())
    }

    fn totals<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>> {
        let instance_id = instance_id.to_owned();
        self.run(move |transaction| totals(transaction, &instance_id))
    }

    fn begin_cycle<'a>(&'a self, instance_id: &'a str, at: Timestamp) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let instance_id = instance_id.to_owned();
        self.run(move |transaction| {
            let begin = "INSERT OR IGNORE INTO koogallery_usage_total VALUES (?1, '', ?2, 0)";
            Ok(transaction.execute(begin, params![instance_id, at.as_unix_millis()])? == 1)
        })
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
        cycle: Cycle,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let metering_sn = metering_sn.to_owned();
        self.run(move |transaction| {
            let moving =
                transaction.prepare_cached(MOVING)?.query_row([&metering_sn], |row| read_moving(row)).optional()?;
            let changed = transaction.execute(
                CORRECT,
                params![
                    metering_sn,
                    now.as_unix_millis(),
                    correction.begin_time.map(Timestamp::as_unix_millis),
                    correction.end_time.map(Timestamp::as_unix_millis),
                    &correction.package_instance_id,
                ],
            )?;
            if let (1, Some(moving), Some(to)) = (changed, moving, &correction.package_instance_id) {
                let moved = moving.to(to, &totals(transaction, &moving.from)?, &totals(transaction, to)?, cycle);
                for ((owner, related, begin), amount) in moved {
                    transaction.prepare_cached(ADD_TO_TOTAL)?.execute(params![owner, related, begin, amount])?;
                }
            }
            Ok(changed == 1)
        })
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        self.run(move |transaction| status(transaction, risky_before))
    }

    fn statement<'a>(
        &'a self,
        month: StatementMonth,
        after: Option<&'a StatementLine>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>> {
        let [begin, end] = [month.begin(), month.end()].map(Timestamp::as_unix_millis);
        let (instance_id, package) = place(after);
        let (instance_id, package) = (instance_id.to_owned(), package.to_owned());
        self.run(move |transaction| {
            transaction
                .prepare_cached(&statement("INTEGER"))?
                .query_map(params![month.number(), begin, end, instance_id, package, clamped(limit)], |row| {
                    read_line(row)
                })?
                .collect()
        })
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        let after = after.unwrap_or_default().to_owned();
        let (word, is_held) = stored(state);
        // The condition of the index of what is left.
        let hint = if state == RecordState::Delivered { "" } else { "AND state <> 'delivered'" };
        self.run(move |transaction| {
            transaction
                .prepare_cached(&page(hint))?
                .query_map(params![word, is_held, after, clamped(limit)], |row| read(row))?
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
    add_column(transaction, "koogallery_usage_record", "held", "INTEGER NOT NULL DEFAULT 0")?;
    transaction.execute_batch(SqliteUsageStore::SCHEMA)
}

fn totals(transaction: &Transaction<'_>, instance_id: &str) -> rusqlite::Result<Vec<RunningTotal>> {
    transaction.prepare_cached(TOTALS)?.query_map([instance_id], |row| read_total(row))?.collect()
}

/// Parameters: usage id, time.
const ADD_ID: &str = "INSERT OR IGNORE INTO koogallery_usage_id VALUES (?1, ?2)";

/// The begin of the last cycle until a time. Parameters: instance or package, time.
pub(super) const RENEWAL: &str = "SELECT max(cycle_begin) FROM koogallery_usage_total \
    WHERE instance_id = ?1 AND related = '' AND cycle_begin <= ?2";

/// Parameters: instance or package, related instance or an empty text, begin of the cycle, amount.
pub(super) const ADD_TO_TOTAL: &str = "INSERT INTO koogallery_usage_total VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount";

/// Adds an entry to the running totals.
fn add_to_totals(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    for (owner, related) in totals_of(entry) {
        let renewal: Option<i64> = match entry.cycle {
            Cycle::AtRenewal => transaction
                .prepare_cached(RENEWAL)?
                .query_row(params![owner, entry.at.as_unix_millis()], |row| row.get(0))?,
            _ => None,
        };
        let renewal = renewal.map(Timestamp::from_unix_millis);
        let begin = entry.cycle.begin(entry.at, renewal.as_slice()).as_unix_millis();
        transaction.prepare_cached(ADD_TO_TOTAL)?.execute(params![owner, related, begin, entry.ten_thousandths()])?;
    }
    Ok(())
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
                ":until": lease.end(now).as_unix_millis(),
                ":now": now.as_unix_millis(),
                ":limit": clamped(limit),
            },
            |row| read(row),
        )?
        .collect()
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
        .query_map(params![instance_id, period_begin], |row| read_sum(row))?
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
            package(&draft.package_instance_id),
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
    let Settlement { state, is_held, due_at, code, description } = Settlement::new(outcome, now);
    let (now, holder) = (now.as_unix_millis(), lease.holder_text());
    let settled = transaction
        .prepare_cached(&format!("{SETTLE} RETURNING {DELIVERED}"))?
        .query_row(params![metering_sn, now, holder, state, is_held, due_at, code, description], |row| {
            DeliveredRecord::read(row)
        })
        .optional()?;
    if let (Some(record), RecordOutcome::Delivered) = (settled, outcome) {
        let DeliveredRecord { month, instance_id, package, amount } = record;
        transaction
            .prepare_cached(
                "INSERT INTO koogallery_usage_month VALUES (?1, ?2, ?3, 1, ?4) \
                 ON CONFLICT DO UPDATE SET records = records + 1, amount = amount + excluded.amount",
            )?
            .execute(params![month, instance_id, package, amount])?;
        transaction.prepare_cached(COUNT_DELIVERED)?.execute([1, amount])?;
    }
    Ok(())
}

/// SQLite takes the index of what is left only if the condition of that index is there word for word.
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
        "SELECT min(begin_time) FROM koogallery_usage_record WHERE state IN ('pending', 'fix') AND state <> 'delivered'",
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
             WHERE state IN ('pending', 'fix') AND state <> 'delivered' AND begin_time < ?1",
            &[&risky_before.as_unix_millis()],
        )?,
    })
}

fn clamped(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
