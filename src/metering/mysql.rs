//! The usage store in MySQL or MariaDB.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::row::{
    ADD, AT_ONCE, CLOSED_UNTIL, COLUMNS, CORRECT, COUNT_DELIVERED, MOVING, SETTLE, Settlement, package, page, read,
    read_moving, read_status, read_sum, status as status_sql, stored,
};
use super::statement::{
    DELIVERED, Delivered, DeliveredRecord, delivered as add_up, fill_months, place, read_line, statement,
};
use super::sums::{Addition, Period, Sorted, Sums, ids_of, instances_of};
use super::totals::{Additions, Begins, TOTALS, additions, fill_totals, read_begins, read_total, renewed};
use super::waiting::{Queue, Waiting, answer};
use super::{
    Correction, Cycle, Entry, MeteringError, RecordDraft, RecordOutcome, RecordState, Recorded, RunningTotal,
    StatementLine, StatementMonth, Status, StoredRecord, UsageStore, UsageSum,
};
use crate::columns::Columns as _;
use crate::lease::Lease;
use crate::mysql::mysql_async::{Transaction, Value};
use crate::mysql::rows::{Column, parameter, table};
use crate::mysql::{
    Database, DatabaseError, Own, Schema, Session, Work, clock, end_of_lease, id, is_due, lock, lock_table, values,
};
use crate::open_api::push_usage::UsageRecord;
use crate::timestamp::Timestamp;

/// A usage store for any number of replicas, in tables of its own (`koogallery_usage_open`, `_record`, `_id`,
/// `_delivered`, `_lock`, `_total`, `_month`).
///
/// Recordings of one process that wait for the database at the same time share one commit.
///
/// ```no_run
/// use koogallery::metering::{Meter, MysqlUsageStore};
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let meter = Meter::new(MysqlUsageStore::new(&database).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MysqlUsageStore {
    pub(super) database: Database,
    waiting: Queue,
}

/// Amounts are whole numbers of ten-thousandths. A held record is one in the state `fix` with `held` set, as in SQLite;
/// in other states `held` means nothing. An empty package means none, since no column of a primary key may be NULL.
const TABLES: &str = concat!(
    "CREATE TABLE IF NOT EXISTS koogallery_usage_open (
    instance_id  VARBINARY(512) NOT NULL,
    period_begin BIGINT NOT NULL,
    package      VARBINARY(512) NOT NULL,
    period_end   BIGINT NOT NULL,
    first_at     BIGINT NOT NULL,
    amount       BIGINT NOT NULL,
    PRIMARY KEY (instance_id, period_begin, package),
    KEY koogallery_usage_open_end (period_end)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
CREATE TABLE IF NOT EXISTS koogallery_usage_record (
    metering_sn VARBINARY(64) PRIMARY KEY,
    instance_id VARBINARY(512) NOT NULL,
    package     VARBINARY(512) NOT NULL,
    begin_time  BIGINT NOT NULL,
    end_time    BIGINT NOT NULL,
    record_time BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    state       VARBINARY(16) NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'fix', 'dead')),
    attempts    BIGINT NOT NULL DEFAULT 0,
    due_at      BIGINT NOT NULL,
    holder      VARBINARY(32),
    code        LONGTEXT,
    description LONGTEXT,
    settled_at  BIGINT,
    held        BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE KEY koogallery_usage_record_times (instance_id, begin_time, end_time),
    KEY koogallery_usage_record_end (instance_id, end_time),
    KEY koogallery_usage_record_due (state, due_at),
    KEY koogallery_usage_record_held (state, held, due_at),
    KEY koogallery_usage_record_left (state, held, begin_time, amount),
    KEY koogallery_usage_record_page (state, metering_sn),
    KEY koogallery_usage_record_settled (state, settled_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_usage_id (
    usage_id    VARBINARY(512) PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    KEY koogallery_usage_id_time (recorded_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
CREATE TABLE IF NOT EXISTS koogallery_usage_delivered (
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    records BIGINT NOT NULL,
    amount  BIGINT NOT NULL
) ENGINE = InnoDB;
INSERT IGNORE INTO koogallery_usage_delivered VALUES (1, 0, 0);
",
    lock_table!("koogallery_usage_lock")
);

/// Running totals and statements, which begin with what is still stored. A total of zero without a related instance is the begin of a
/// cycle. A replica of an earlier version that still runs goes on without them: what it records and delivers is billed, but
/// neither has it.
const TOTALS_TABLE: &str = concat!(
    "CREATE TABLE IF NOT EXISTS koogallery_usage_total (
    instance_id VARBINARY(512) NOT NULL,
    related     VARBINARY(512) NOT NULL,
    cycle_begin BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, related, cycle_begin)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
",
    fill_totals!(),
    "CREATE TABLE IF NOT EXISTS koogallery_usage_month (
    month       BIGINT NOT NULL,
    instance_id VARBINARY(512) NOT NULL,
    package     VARBINARY(512) NOT NULL,
    records     BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    PRIMARY KEY (month, instance_id, package)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
",
    fill_months!("DATE_FORMAT('1970-01-01' + INTERVAL (begin_time DIV 1000 + 28800) SECOND, '%Y%m')")
);

impl MysqlUsageStore {
    /// Returns the tables that [`MysqlUsageStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("usage", "koogallery_usage_lock", &[TABLES, TOTALS_TABLE])
    }

    /// Opens the store, creating its tables if there are none, or updating those of an earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created, or are of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        Ok(Self { database: database.clone(), waiting: Queue::default() })
    }

    /// Records usage in a transaction of the seller's own (`READ COMMITTED`) on the same database, so that it counts if
    /// and only if that commits. The entry comes from [`Meter::entry`](super::Meter::entry).
    ///
    /// Until the transaction ends, other recordings for the instance wait. So record last, and in a transaction for
    /// several instances in the order of their ids. **After an error roll the transaction back**: where it was a
    /// deadlock, the server has none any more, and would commit what follows by itself.
    ///
    /// # Errors
    ///
    /// MySQL failed, or another transaction records usage of the same id.
    pub async fn record_in(transaction: &mut Transaction<'_>, entry: &Entry) -> Result<Recorded, DatabaseError> {
        let recorded = record(&Own::new(transaction), &[entry]).await?;
        Ok(recorded.first().copied().unwrap_or(Recorded::Repeated))
    }

    async fn run<T, F>(&self, work: impl Fn(Work) -> F) -> Result<T, MeteringError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.database.run(work).await.map_err(MeteringError::store)
    }

    /// Commits what waits.
    async fn commit_all(self, waiting: Vec<Waiting>) {
        let entries: Vec<&Entry> = waiting.iter().flat_map(|waiting| &waiting.item).collect();
        let entries = &entries[..];
        let outcome = self.run(|work| async move { record(&work, entries).await }).await;
        answer(waiting, outcome);
    }

    async fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        state: RecordState,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, MeteringError> {
        let (is_in_state, index) = match state {
            RecordState::Held => ("state = 'fix' AND held = TRUE", "koogallery_usage_record_held"),
            _ => ("state = 'pending'", "koogallery_usage_record_due"),
        };
        // Those that another replica is taking just now are left to it. In the order of the index, since all rows that are
        // sorted would be locked.
        let due = &format!(
            "SELECT {COLUMNS} FROM koogallery_usage_record FORCE INDEX ({index}) WHERE {is_in_state} AND {} \
             ORDER BY due_at LIMIT ?3 FOR UPDATE SKIP LOCKED",
            is_due("?1", "?2")
        );
        let claim = move |work: Work| async move {
            let parameters = values![now.as_unix_millis(), clock(&work).await?, limit];
            let due = work.query(due, &parameters).await?;
            let mut claimed = due.iter().map(read).collect::<Result<Vec<StoredRecord>, _>>()?;
            let numbers: Vec<_> = claimed.iter().map(|stored| values![&*stored.record.metering_sn].to_vec()).collect();
            let hold = |places: &str| {
                format!(
                    "UPDATE koogallery_usage_record SET holder = ?1, due_at = ?2, attempts = attempts + 1 \
                     WHERE metering_sn IN ({places})"
                )
            };
            let shared = values![lease.holder_text(), end_of_lease(&work, lease).await?];
            work.execute_rows(hold, &shared, &numbers).await?;
            claimed.iter_mut().for_each(|stored| stored.attempts += 1);
            Ok(claimed)
        };
        self.run(claim).await
    }
}

impl fmt::Debug for MysqlUsageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlUsageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl UsageStore for MysqlUsageStore {
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        async move {
            let store = self.clone();
            let recorded = self.waiting.ask(entries, |waiting| store.commit_all(waiting)).await;
            recorded.unwrap_or_else(|_| Err(MeteringError::store(DatabaseError::Ended)))
        }
        .boxed()
    }

    fn totals<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>> {
        let read = move |work: Work| async move { totals(&work, instance_id).await };
        self.run(read).boxed()
    }

    fn begin_cycle<'a>(&'a self, instance_id: &'a str, at: Timestamp) -> BoxFuture<'a, Result<bool, MeteringError>> {
        let begin = move |work: Work| async move {
            let begin = "INSERT INTO koogallery_usage_total (instance_id, related, cycle_begin, amount) \
                         VALUES (?1, '', ?2, 0)";
            let at = Value::from(at.as_unix_millis());
            work.insert(begin, &[id("instance_id", instance_id)?, at]).await
        };
        self.run(begin).boxed()
    }

    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        let close = move |work: Work| async move {
            let ended = work.query(Period::ENDED, &values![until.as_unix_millis(), AT_ONCE]).await?;
            close(&work, Period::read_ended(&ended, until)?).await
        };
        self.run(close).boxed()
    }

    fn close_instance<'a>(
        &'a self,
        instance_id: &'a str,
        end: Timestamp,
    ) -> BoxFuture<'a, Result<usize, MeteringError>> {
        let close = move |work: Work| async move {
            let open = work.query(Period::OPEN, &[id("instance_id", instance_id)?]).await?;
            close(&work, Period::read_open(&open, instance_id, end)?).await
        };
        self.run(close).boxed()
    }

    fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>> {
        async move {
            let claimed = self.claim_due(lease, now, RecordState::Pending, limit).await?;
            Ok(claimed.into_iter().map(|stored| stored.record).collect())
        }
        .boxed()
    }

    fn claim_held(
        &self,
        lease: Lease,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>> {
        self.claim_due(lease, now, RecordState::Held, limit).boxed()
    }

    fn settle(
        &self,
        lease: Lease,
        now: Timestamp,
        mut outcomes: Vec<(String, RecordOutcome)>,
    ) -> BoxFuture<'_, Result<(), MeteringError>> {
        // In one order everywhere, so that two transactions never wait for each other.
        outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
        async move {
            let outcomes = &outcomes[..];
            let settle_all = |work: Work| async move {
                let mut delivered = vec![];
                for (metering_sn, outcome) in outcomes {
                    delivered.extend(settle(&work, lease, now, metering_sn, outcome).await?);
                }
                if !delivered.is_empty() {
                    let delivered = add_up(delivered);
                    add_to_months(&work, &delivered).await?;
                    let records: i64 = delivered.values().map(|(records, _)| records).sum();
                    let amount: i64 = delivered.values().map(|(_, amount)| amount).sum();
                    // Last, since all transactions change this row.
                    work.execute(COUNT_DELIVERED, &values![records, amount]).await?;
                }
                Ok(())
            };
            self.run(settle_all).await
        }
        .boxed()
    }

    fn correct<'a>(
        &'a self,
        metering_sn: &'a str,
        correction: Correction,
        cycle: Cycle,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        async move {
            let Correction { begin_time, end_time, package_instance_id } = correction;
            let [begin, end] = [begin_time, end_time].map(|time| time.map(Timestamp::as_unix_millis));
            let package = package_instance_id.as_deref();
            let correct = |work: Work| async move {
                let new = package.map(|package| id("package", package)).transpose()?.unwrap_or(Value::NULL);
                let number = id("metering_sn", metering_sn)?;
                let values = values![number.clone(), now.as_unix_millis(), begin, end, new];
                let Some(to) = package else { return Ok(work.execute(CORRECT, &values).await? == 1) };
                let Some(known) = work.query_opt(MOVING, std::slice::from_ref(&number)).await? else {
                    return Ok(false);
                };
                lock_instances(&work, &[&*known.text("instance_id")?].into()).await?;
                // It may have changed before the lock was had.
                let known = work.query_opt(MOVING, &[number]).await?;
                let moving = known.as_ref().map(read_moving).transpose()?;
                let is_corrected = work.execute(CORRECT, &values).await? == 1;
                if let Some(moving) = moving.filter(|_| is_corrected) {
                    let moved = moving.to(to, &totals(&work, &moving.from).await?, &totals(&work, to).await?, cycle);
                    add_to_totals(&work, &moved).await?;
                }
                Ok(is_corrected)
            };
            self.run(correct).await
        }
        .boxed()
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        let status = move |work: Work| async move {
            let totals = work.query(&status_sql("SIGNED"), &values![risky_before.as_unix_millis()]).await?;
            read_status(&totals)
        };
        self.run(status).boxed()
    }

    fn statement<'a>(
        &'a self,
        month: StatementMonth,
        after: Option<&'a StatementLine>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>> {
        let lines = move |work: Work| async move {
            let [begin, end] = [month.begin(), month.end()].map(Timestamp::as_unix_millis);
            let (instance_id, package) = place(after);
            let (instance_id, package) = (id("instance_id", instance_id)?, id("package", package)?);
            let values = values![month.number(), begin, end, instance_id, package, limit];
            work.query(&statement("SIGNED"), &values).await?.iter().map(read_line).collect()
        };
        self.run(lines).boxed()
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        let (word, is_held) = stored(state);
        let records = move |work: Work| async move {
            let after = id("metering_sn", after.unwrap_or_default())?;
            let rows = work.query(&page(""), &values![word, is_held, after, limit]).await?;
            rows.iter().map(read).collect()
        };
        self.run(records).boxed()
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        let forget = move |work: Work| async move {
            let mut deleted = 0;
            for (table, key, index, condition, time) in [
                ("koogallery_usage_record", "metering_sn", "record_settled", "state = 'delivered' AND", "settled_at"),
                ("koogallery_usage_id", "usage_id", "id_time", "", "recorded_at"),
            ] {
                let over = format!(
                    "SELECT {key} AS deleted FROM {table} FORCE INDEX (koogallery_usage_{index}) WHERE {condition} {time} < ?1 ORDER BY {time} LIMIT ?2 \
                     FOR UPDATE SKIP LOCKED"
                );
                let over = work.query(&over, &values![before.as_unix_millis(), AT_ONCE]).await?;
                let keys = over.iter().map(|row| Ok(values![row.text("deleted")?].to_vec()));
                let keys = keys.collect::<Result<Vec<_>, DatabaseError>>()?;
                let delete = |places: &str| format!("DELETE FROM {table} WHERE {key} IN ({places})");
                work.execute_rows(delete, &[], &keys).await?;
                deleted += keys.len();
            }
            Ok(deleted)
        };
        self.run(forget).boxed()
    }
}

/// Locks instances against each other's recording and closing, since which sum an entry adds to depends on the records
/// that were made.
pub(super) async fn lock_instances(work: &impl Session, instances: &BTreeSet<&str>) -> Result<(), DatabaseError> {
    let names: Vec<[&str; 1]> = instances.iter().map(|instance_id| [*instance_id]).collect();
    let things: Vec<&[&str]> = names.iter().map(|name| &name[..]).collect();
    lock(work, "koogallery_usage_lock", &things).await
}

/// Adds entries to the open sums.
pub(super) async fn record(work: &impl Session, entries: &[&Entry]) -> Result<Vec<Recorded>, DatabaseError> {
    lock_instances(work, &instances_of(entries)).await?;
    let new_ids = insert_ids(work, ids_of(entries)).await?;
    let closed = closed(work, entries).await?;
    add_sorted(work, entries, Sorted::new(entries, new_ids, &closed)).await
}

/// As [`record`], where the instances are locked and the ids stored by now.
pub(super) async fn record_new(work: &impl Session, entries: &[&Entry]) -> Result<(), DatabaseError> {
    let closed = closed(work, entries).await?;
    add_sorted(work, entries, Sorted::all_new(entries, &closed)).await.map(drop)
}

/// Returns the instances that have records which end after some entry.
async fn closed(work: &impl Session, entries: &[&Entry]) -> Result<BTreeSet<String>, DatabaseError> {
    let earliest = entries.iter().map(|entry| entry.at.as_unix_millis()).min().unwrap_or(i64::MAX);
    let names = instances_of(entries).into_iter().map(|instance_id| Ok(vec![id("instance_id", instance_id)?]));
    let names = names.collect::<Result<Vec<_>, DatabaseError>>()?;
    let closed = |places: &str| {
        format!(
            "SELECT DISTINCT instance_id FROM koogallery_usage_record WHERE instance_id IN ({places}) AND end_time > ?1"
        )
    };
    let closed = work.query_rows(closed, &values![earliest], &names).await?;
    closed.iter().map(|row| row.text("instance_id")).collect()
}

async fn add_sorted(
    work: &impl Session,
    entries: &[&Entry],
    sorted: Sorted<'_>,
) -> Result<Vec<Recorded>, DatabaseError> {
    let Sorted { recorded, sums, late } = sorted;
    for entry in late {
        record_late(work, entry).await?;
    }
    add(work, &sums).await?;
    let begins = begins(work, &renewed(entries)).await?;
    add_to_totals(work, &additions(entries.iter().copied(), &recorded, &begins)).await?;
    Ok(recorded)
}

/// Returns when the cycles of instances and packages began.
async fn begins(work: &impl Session, renewed: &BTreeSet<&str>) -> Result<Begins, DatabaseError> {
    let names = renewed.iter().map(|name| Ok(vec![id("instance_id", name)?]));
    let names = names.collect::<Result<Vec<_>, DatabaseError>>()?;
    let begins = |places: &str| {
        format!(
            "SELECT instance_id, cycle_begin FROM koogallery_usage_total \
             WHERE instance_id IN ({places}) AND related = ''"
        )
    };
    read_begins(&work.query_rows(begins, &[], &names).await?)
}

async fn totals(work: &impl Session, instance_id: &str) -> Result<Vec<RunningTotal>, DatabaseError> {
    work.query(TOTALS, &[id("instance_id", instance_id)?]).await?.iter().map(read_total).collect()
}

/// Begins running totals or adds to them, in the order of their keys.
async fn add_to_totals(work: &impl Session, totals: &Additions) -> Result<(), DatabaseError> {
    let row = |((instance_id, related, begin), amount): (&(String, String, i64), &i64)| {
        Ok(values![id("instance_id", instance_id)?, id("related", related)?, *begin, *amount].to_vec())
    };
    let rows = totals.iter().map(row).collect::<Result<Vec<_>, DatabaseError>>()?;
    let add = |places: &str| {
        format!(
            "INSERT INTO koogallery_usage_total (instance_id, related, cycle_begin, amount) \
             VALUES {places} ON DUPLICATE KEY UPDATE amount = amount + VALUES(amount)"
        )
    };
    work.execute_rows(add, &[], &rows).await.map(drop)
}

/// Stores usage ids in order, so that two transactions never wait for each other, given their times. Returns those that were
/// not stored before.
pub(super) async fn insert_ids<'a>(
    work: &impl Session,
    mut times: BTreeMap<&'a str, i64>,
) -> Result<BTreeSet<&'a str>, DatabaseError> {
    let ids = times.keys().map(|usage_id| Ok(vec![id("usage_id", usage_id)?]));
    let ids = ids.collect::<Result<Vec<_>, DatabaseError>>()?;
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let find = format!(
        "SELECT known.usage_id FROM {} AS wanted STRAIGHT_JOIN koogallery_usage_id AS known USING (usage_id)",
        table(&[Column::Id("usage_id")])
    );
    for known in work.query(&find, &[parameter(&ids)]).await? {
        times.remove(&*known.text("usage_id")?);
    }
    let new: Vec<_> = times.iter().map(|(usage_id, time)| values![*usage_id, *time].to_vec()).collect();
    let insert = format!(
        "INSERT INTO koogallery_usage_id (usage_id, recorded_at) SELECT usage_id, recorded_at FROM {} AS new",
        table(&[Column::Id("usage_id"), Column::Int("recorded_at")])
    );
    work.insert_missing(&insert, &[parameter(&new)]).await?;
    Ok(times.into_keys().collect())
}

/// Opens sums or adds to them, in the order of their keys.
async fn add(work: &impl Session, sums: &Sums<'_>) -> Result<(), DatabaseError> {
    let row = |((instance_id, begin, package), sum): (&(&str, i64, &str), &Addition)| {
        let (instance_id, package) = (id("instance_id", instance_id)?, id("package", package)?);
        Ok(values![instance_id, *begin, package, sum.period_end, sum.first_at, sum.amount].to_vec())
    };
    let rows = sums.iter().map(row).collect::<Result<Vec<_>, DatabaseError>>()?;
    let add = |places: &str| {
        format!(
            "INSERT INTO koogallery_usage_open (instance_id, period_begin, package, period_end, first_at, amount) \
             VALUES {places} ON DUPLICATE KEY UPDATE amount = amount + VALUES(amount)"
        )
    };
    work.execute_rows(add, &[], &rows).await.map(drop)
}

/// Adds an entry of an instance that has records which end after some entry.
async fn record_late(work: &impl Session, entry: &Entry) -> Result<(), DatabaseError> {
    let (instance_id, package) = (&*entry.usage.instance_id, package(&entry.usage.package_instance_id));
    let amount = entry.ten_thousandths();
    let mut at = entry.at;
    loop {
        let (begin, end) = entry.period.around(at);
        let [begin, end, first_at] = [begin, end, at].map(Timestamp::as_unix_millis);
        if work.execute(ADD, &values![instance_id, begin, package, amount]).await? == 1 {
            return Ok(());
        }
        // Where a record was made of this time already, the usage counts after it.
        let row = work.query_opt(CLOSED_UNTIL, &values![instance_id, end, first_at]).await?;
        match row.map(|row| row.time_or_null("closed_until")).transpose()?.flatten() {
            Some(later) => at = later,
            None => {
                let sum = Addition { period_end: end, first_at, amount };
                return add(work, &Sums::from([((instance_id, begin, package), sum)])).await;
            }
        }
    }
}

/// Makes records of the open sums of periods.
async fn close(work: &Work, periods: Vec<Period>) -> Result<usize, DatabaseError> {
    lock_instances(work, &periods.iter().map(|period| &*period.instance_id).collect()).await?;
    let mut count = 0;
    for Period { instance_id, begin, end, record_time } in periods {
        let place = values![&*instance_id, begin];
        let sums = "SELECT package, first_at, amount FROM koogallery_usage_open \
                    WHERE instance_id = ?1 AND period_begin = ?2 ORDER BY package";
        let sums = work.query(sums, &place).await?;
        let sums = sums.iter().map(read_sum).collect::<Result<_, _>>()?;
        let take = "DELETE FROM koogallery_usage_open WHERE instance_id = ?1 AND period_begin = ?2";
        work.execute(take, &place).await?;
        for mut draft in UsageSum::into_drafts(sums, end) {
            while !insert(work, &instance_id, &draft, record_time).await? {
                draft.avoid_collision();
            }
            count += 1;
        }
    }
    Ok(count)
}

/// Returns whether the record was inserted: not if the instance has one of these times already.
async fn insert(
    work: &Work,
    instance_id: &str,
    draft: &RecordDraft,
    record_time: Timestamp,
) -> Result<bool, DatabaseError> {
    let insert = "INSERT INTO koogallery_usage_record \
                  (metering_sn, instance_id, package, begin_time, end_time, record_time, amount, due_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)";
    let [begin, end, made] = [draft.begin, draft.end, record_time].map(Timestamp::as_unix_millis);
    let (number, package) = (draft.metering_sn(instance_id), package(&draft.package_instance_id));
    work.insert(insert, &values![number, instance_id, package, begin, end, made, draft.ten_thousandths]).await
}

/// Adds delivered records to the statements, in the order of their keys.
async fn add_to_months(work: &Work, delivered: &Delivered) -> Result<(), DatabaseError> {
    let row = |((month, instance_id, package), (records, amount)): (&(i64, String, String), &(i64, i64))| {
        values![*month, &**instance_id, &**package, *records, *amount].to_vec()
    };
    let rows: Vec<_> = delivered.iter().map(row).collect();
    let add = |places: &str| {
        format!(
            "INSERT INTO koogallery_usage_month (month, instance_id, package, records, amount) VALUES {places} \
             ON DUPLICATE KEY UPDATE records = records + VALUES(records), amount = amount + VALUES(amount)"
        )
    };
    work.execute_rows(add, &[], &rows).await.map(drop)
}

/// Stores an outcome, and returns the record if it is delivered by it.
async fn settle(
    work: &Work,
    lease: Lease,
    now: Timestamp,
    metering_sn: &str,
    outcome: &RecordOutcome,
) -> Result<Option<DeliveredRecord>, DatabaseError> {
    let Settlement { state, is_held, due_at, code, description } = Settlement::new(outcome, now);
    let place = [id("metering_sn", metering_sn)?];
    let values = values![now.as_unix_millis(), lease.holder_text(), state, is_held, due_at, code, description];
    let is_settled = work.execute(SETTLE, &[&place[..], &values].concat()).await? == 1;
    if !is_settled || !matches!(outcome, RecordOutcome::Delivered) {
        return Ok(None);
    }
    let find = format!("SELECT {DELIVERED} FROM koogallery_usage_record WHERE metering_sn = ?1");
    work.query_opt(&find, &place).await?.map(|row| DeliveredRecord::read(&row)).transpose()
}
