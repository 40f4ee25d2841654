//! The usage store in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all, try_join3};
use tokio_postgres::Transaction;

use super::row::{
    ADD, AT_ONCE, CLOSED_UNTIL, COLUMNS, CORRECT, COUNT_DELIVERED, MOVING, SETTLE, Settlement, package, page, read,
    read_moving, read_status, read_sum, status, stored,
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
use crate::lock_key::lock_key;
use crate::open_api::push_usage::UsageRecord;
use crate::postgres::{
    Database, DatabaseError, Schema, Work, flag, int, ints, is_due, lease_end, limit as rows, shared, text, texts,
};
use crate::timestamp::Timestamp;

/// A usage store for any number of replicas, in tables of its own (`koogallery_usage_open`, `_record`, `_id`,
/// `_delivered`, `_total`, `_month`).
///
/// Recordings of one process that wait for the database at the same time share one commit.
///
/// ```no_run
/// use koogallery::metering::{Meter, PostgresUsageStore};
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let meter = Meter::new(PostgresUsageStore::new(&database).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresUsageStore {
    pub(super) database: Database,
    waiting: Queue,
}

/// Amounts are whole numbers of ten-thousandths. A held record is one in the state `fix` with `held` set, as in SQLite;
/// in other states `held` means nothing. An empty package means none, since no two NULLs of a key are equal.
const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_usage_open (
    instance_id  TEXT COLLATE "C" NOT NULL,
    period_begin BIGINT NOT NULL,
    package      TEXT COLLATE "C" NOT NULL,
    period_end   BIGINT NOT NULL,
    first_at     BIGINT NOT NULL,
    amount       BIGINT NOT NULL,
    PRIMARY KEY (instance_id, period_begin, package)
);
CREATE INDEX IF NOT EXISTS koogallery_usage_open_end ON koogallery_usage_open (period_end);
CREATE TABLE IF NOT EXISTS koogallery_usage_record (
    metering_sn TEXT COLLATE "C" PRIMARY KEY,
    instance_id TEXT COLLATE "C" NOT NULL,
    package     TEXT COLLATE "C" NOT NULL,
    begin_time  BIGINT NOT NULL,
    end_time    BIGINT NOT NULL,
    record_time BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'fix', 'dead')),
    attempts    BIGINT NOT NULL DEFAULT 0,
    due_at      BIGINT NOT NULL,
    holder      TEXT,
    code        TEXT,
    description TEXT,
    settled_at  BIGINT,
    held        BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (instance_id, begin_time, end_time)
);
CREATE INDEX IF NOT EXISTS koogallery_usage_record_end ON koogallery_usage_record (instance_id, end_time);
CREATE INDEX IF NOT EXISTS koogallery_usage_record_due ON koogallery_usage_record (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS koogallery_usage_record_held ON koogallery_usage_record (due_at)
    WHERE state = 'fix' AND held;
CREATE INDEX IF NOT EXISTS koogallery_usage_record_left ON koogallery_usage_record (state, held, begin_time, amount)
    WHERE state <> 'delivered';
CREATE INDEX IF NOT EXISTS koogallery_usage_record_page ON koogallery_usage_record (state, metering_sn);
CREATE INDEX IF NOT EXISTS koogallery_usage_record_settled ON koogallery_usage_record (settled_at)
    WHERE state = 'delivered';
CREATE TABLE IF NOT EXISTS koogallery_usage_id (
    usage_id    TEXT COLLATE "C" PRIMARY KEY,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS koogallery_usage_id_time ON koogallery_usage_id (recorded_at);
CREATE TABLE IF NOT EXISTS koogallery_usage_delivered (
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    records BIGINT NOT NULL,
    amount  BIGINT NOT NULL
);
INSERT INTO koogallery_usage_delivered VALUES (1, 0, 0) ON CONFLICT DO NOTHING;
"#;

/// Running totals and statements, which begin with what is still stored. A total of zero without a related instance is the begin of a
/// cycle. A replica of an earlier version that still runs goes on without them: what it records and delivers is billed, but
/// neither has it.
const TOTALS_TABLE: &str = concat!(
    r#"CREATE TABLE IF NOT EXISTS koogallery_usage_total (
    instance_id TEXT COLLATE "C" NOT NULL,
    related     TEXT COLLATE "C" NOT NULL,
    cycle_begin BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    PRIMARY KEY (instance_id, related, cycle_begin)
);
"#,
    fill_totals!(),
    r#"CREATE TABLE IF NOT EXISTS koogallery_usage_month (
    month       BIGINT NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL,
    package     TEXT COLLATE "C" NOT NULL,
    records     BIGINT NOT NULL,
    amount      BIGINT NOT NULL,
    PRIMARY KEY (month, instance_id, package)
);
"#,
    fill_months!(
        "to_char(TIMESTAMP '1970-01-01' + (begin_time / 1000 + 28800) * INTERVAL '1 second', 'YYYYMM')::BIGINT"
    )
);

impl PostgresUsageStore {
    /// Returns the tables that [`PostgresUsageStore::new`] makes, for applications that manage their schema themselves.
    ///
    /// ```
    /// use koogallery::metering::PostgresUsageStore;
    ///
    /// let schema = PostgresUsageStore::schema();
    /// assert!(schema.version() >= 2);
    /// assert!(schema.statements(schema.version() - 1).len() < schema.statements(0).len());
    /// ```
    pub fn schema() -> Schema {
        Schema::postgres("usage", "koogallery_usage_delivered", &[TABLES, TOTALS_TABLE])
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
    /// several instances in the order of their ids.
    ///
    /// # Errors
    ///
    /// PostgreSQL failed.
    pub async fn record_in(transaction: &Transaction<'_>, entry: &Entry) -> Result<Recorded, DatabaseError> {
        let recorded = record(&Work::new(transaction.client()), &[entry]).await?;
        Ok(recorded.first().copied().unwrap_or(Recorded::Repeated))
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(&Work<'_>) -> Result<T, DatabaseError>) -> Result<T, MeteringError> {
        self.database.run(work).await.map_err(MeteringError::store)
    }

    /// Commits what waits.
    async fn commit_all(self, waiting: Vec<Waiting>) {
        let outcome = self
            .run(async |work| {
                let entries: Vec<&Entry> = waiting.iter().flat_map(|waiting| &waiting.item).collect();
                record(work, &entries).await
            })
            .await;
        answer(waiting, outcome);
    }

    async fn claim_due(
        &self,
        lease: Lease,
        now: Timestamp,
        state: RecordState,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, MeteringError> {
        // As the index of the state has it.
        let is_in_state = if state == RecordState::Held { "state = 'fix' AND held" } else { "state = 'pending'" };
        // Those that another replica is taking just now are left to it. By the places of the rows, since by their keys the
        // whole table might be read.
        let claim = format!(
            "UPDATE koogallery_usage_record SET holder = $3, due_at = {end}, attempts = attempts + 1 \
             WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_usage_record WHERE {is_in_state} AND {is_due} \
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING {COLUMNS}",
            end = lease_end("$4"),
            is_due = is_due("$1"),
        );
        let (now, limit) = (now.as_unix_millis(), rows(limit));
        let (holder, duration) = (lease.holder_text(), lease.duration_millis());
        let claimed = self.database.rows(&claim, &[int(&now), int(&limit), text(&holder), int(&duration)]).await;
        claimed.and_then(|rows| rows.iter().map(read).collect()).map_err(MeteringError::store)
    }
}

impl fmt::Debug for PostgresUsageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUsageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

/// The process ended while a recording waited.
#[derive(Debug, thiserror::Error)]
#[error("the recording was not committed: the runtime has ended")]
struct Unanswered;

impl UsageStore for PostgresUsageStore {
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>> {
        async move {
            let store = self.clone();
            let recorded = self.waiting.ask(entries, |waiting| store.commit_all(waiting)).await;
            recorded.unwrap_or_else(|_| Err(MeteringError::store(Unanswered)))
        }
        .boxed()
    }

    fn totals<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>> {
        async move {
            let totals = self.database.rows(&shared(TOTALS), &[text(&instance_id)]).await;
            totals.and_then(|rows| rows.iter().map(read_total).collect()).map_err(MeteringError::store)
        }
        .boxed()
    }

    fn begin_cycle<'a>(&'a self, instance_id: &'a str, at: Timestamp) -> BoxFuture<'a, Result<bool, MeteringError>> {
        async move {
            let begin = "INSERT INTO koogallery_usage_total (instance_id, related, cycle_begin, amount) \
                         VALUES ($1, '', $2, 0) ON CONFLICT (instance_id, related, cycle_begin) DO NOTHING";
            let begun = self.database.execute(begin, &[text(&instance_id), int(&at.as_unix_millis())]).await;
            begun.map(|begun| begun == 1).map_err(MeteringError::store)
        }
        .boxed()
    }

    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.run(async move |work| {
            let ended = shared(Period::ENDED);
            let ended = work.query(&ended, &[int(&until.as_unix_millis()), int(&AT_ONCE)]).await?;
            close(work, Period::read_ended(&ended, until)?).await
        })
        .boxed()
    }

    fn close_instance<'a>(
        &'a self,
        instance_id: &'a str,
        end: Timestamp,
    ) -> BoxFuture<'a, Result<usize, MeteringError>> {
        self.run(async move |work| {
            let open = work.query(&shared(Period::OPEN), &[text(&instance_id)]).await?;
            close(work, Period::read_open(&open, instance_id, end)?).await
        })
        .boxed()
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
        self.run(async move |work| {
            let settled = outcomes.iter().map(|(metering_sn, outcome)| settle(work, lease, now, metering_sn, outcome));
            let delivered: Vec<_> = try_join_all(settled).await?.into_iter().flatten().collect();
            if !delivered.is_empty() {
                let (records, amount) =
                    (rows(delivered.len()), delivered.iter().map(|record| record.amount).sum::<i64>());
                let parameters = [int(&records), int(&amount)];
                add_to_months(work, &add_up(delivered)).await?;
                // Last, since all transactions change this row.
                work.last(work.execute(&shared(COUNT_DELIVERED), &parameters)).await?;
            }
            Ok(())
        })
        .boxed()
    }

    fn correct<'a>(
        &'a self,
        metering_sn: &'a str,
        correction: Correction,
        cycle: Cycle,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>> {
        self.run(async move |work| {
            let Correction { begin_time, end_time, package_instance_id } = correction;
            let [begin, end] = [begin_time, end_time].map(|time| time.map(Timestamp::as_unix_millis));
            let now = now.as_unix_millis();
            let parameters = [text(&metering_sn), int(&now), int(&begin), int(&end), text(&package_instance_id)];
            let Some(to) = &package_instance_id else {
                return Ok(work.execute(&shared(CORRECT), &parameters).await? == 1);
            };
            let find = shared(MOVING);
            let Some(known) = work.query_opt(&find, &[text(&metering_sn)]).await? else { return Ok(false) };
            lock(work, &[&*known.text("instance_id")?].into()).await?;
            // It may have changed before the lock was had.
            let known = work.query_opt(&find, &[text(&metering_sn)]).await?;
            let moving = known.as_ref().map(read_moving).transpose()?;
            let is_corrected = work.execute(&shared(CORRECT), &parameters).await? == 1;
            if let Some(moving) = moving.filter(|_| is_corrected) {
                let moved = moving.to(to, &totals(work, &moving.from).await?, &totals(work, to).await?, cycle);
                add_to_totals(work, &moved).await?;
            }
            Ok(is_corrected)
        })
        .boxed()
    }

    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>> {
        async move {
            let risky_before = risky_before.as_unix_millis();
            let totals = self.database.rows(&shared(&status("BIGINT")), &[int(&risky_before)]).await;
            totals.and_then(|totals| read_status(&totals)).map_err(MeteringError::store)
        }
        .boxed()
    }

    fn statement<'a>(
        &'a self,
        month: StatementMonth,
        after: Option<&'a StatementLine>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>> {
        async move {
            let [begin, end] = [month.begin(), month.end()].map(Timestamp::as_unix_millis);
            let (number, (instance_id, package), limit) = (month.number(), place(after), rows(limit));
            let parameters = [int(&number), int(&begin), int(&end), text(&instance_id), text(&package), int(&limit)];
            let lines = self.database.rows(&shared(&statement("BIGINT")), &parameters).await;
            lines.and_then(|rows| rows.iter().map(read_line).collect()).map_err(MeteringError::store)
        }
        .boxed()
    }

    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>> {
        async move {
            let (word, is_held) = stored(state);
            let (after, limit) = (after.unwrap_or_default(), rows(limit));
            let parameters = [text(&word), flag(&is_held), text(&after), int(&limit)];
            let found = self.database.rows(&shared(&page("")), &parameters).await;
            found.and_then(|rows| rows.iter().map(read).collect()).map_err(MeteringError::store)
        }
        .boxed()
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>> {
        self.run(async move |work| {
            let records = "DELETE FROM koogallery_usage_record WHERE ctid = ANY (ARRAY(SELECT ctid \
                           FROM koogallery_usage_record WHERE state = 'delivered' AND settled_at < $1 \
                           ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
            let ids = "DELETE FROM koogallery_usage_id WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_usage_id \
                       WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
            let before = before.as_unix_millis();
            let parameters = [int(&before), int(&AT_ONCE)];
            let deletions = try_join(work.execute(records, &parameters), work.execute(ids, &parameters));
            let (records, ids) = work.last(deletions).await?;
            Ok(usize::try_from(records + ids).unwrap_or(usize::MAX))
        })
        .boxed()
    }
}

/// Locks instances against each other's recording and closing, since which sum an entry adds to depends on the records
/// that were made.
pub(super) async fn lock(work: &Work<'_>, instances: &BTreeSet<&str>) -> Result<(), DatabaseError> {
    let mut keys: Vec<i64> = instances.iter().map(|instance_id| lock_key(&["usage", instance_id])).collect();
    keys.sort_unstable();
    work.lock(&keys).await
}

/// Adds entries to the open sums.
pub(super) async fn record(work: &Work<'_>, entries: &[&Entry]) -> Result<Vec<Recorded>, DatabaseError> {
    let (ids, times): (Vec<&str>, Vec<i64>) = ids_of(entries).into_iter().unzip();
    let id_parameters = [texts(&ids), ints(&times)];
    let insert_ids = "INSERT INTO koogallery_usage_id (usage_id, recorded_at) SELECT * FROM unnest($1, $2) \
                      ON CONFLICT DO NOTHING RETURNING usage_id";
    let ((), new_ids, closed) =
        try_join3(lock(work, &instances_of(entries)), work.query(insert_ids, &id_parameters), closed(work, entries))
            .await?;
    let new_ids = new_ids.iter().map(|row| row.text("usage_id")).collect::<Result<BTreeSet<_>, _>>()?;
    add_sorted(work, entries, Sorted::new(entries, new_ids, &closed)).await
}

/// As [`record`], where the instances are locked and the ids stored by now.
pub(super) async fn record_new(work: &Work<'_>, entries: &[&Entry]) -> Result<(), DatabaseError> {
    let closed = closed(work, entries).await?;
    add_sorted(work, entries, Sorted::all_new(entries, &closed)).await.map(drop)
}

/// Returns the instances that have records which end after some entry.
async fn closed(work: &Work<'_>, entries: &[&Entry]) -> Result<BTreeSet<String>, DatabaseError> {
    let earliest = entries.iter().map(|entry| entry.at.as_unix_millis()).min().unwrap_or(i64::MAX);
    let names: Vec<&str> = instances_of(entries).into_iter().collect();
    let closed =
        "SELECT DISTINCT instance_id FROM koogallery_usage_record WHERE instance_id = ANY($1) AND end_time > $2";
    let closed = work.query(closed, &[texts(&names), int(&earliest)]).await?;
    closed.iter().map(|row| row.text("instance_id")).collect()
}

async fn add_sorted(work: &Work<'_>, entries: &[&Entry], sorted: Sorted<'_>) -> Result<Vec<Recorded>, DatabaseError> {
    let Sorted { recorded, sums, late } = sorted;
    for entry in late {
        record_late(work, entry).await?;
    }
    let begins = begins(work, &renewed(entries)).await?;
    let totals = additions(entries.iter().copied(), &recorded, &begins);
    try_join(add(work, &sums), add_to_totals(work, &totals)).await?;
    Ok(recorded)
}

/// Returns when the cycles of instances and packages began.
async fn begins(work: &Work<'_>, renewed: &BTreeSet<&str>) -> Result<Begins, DatabaseError> {
    if renewed.is_empty() {
        return Ok(Begins::new());
    }
    let renewed: Vec<&str> = renewed.iter().copied().collect();
    let begins = "SELECT instance_id, cycle_begin FROM koogallery_usage_total \
                  WHERE instance_id = ANY($1) AND related = ''";
    read_begins(&work.query(begins, &[texts(&renewed)]).await?)
}

async fn totals(work: &Work<'_>, instance_id: &str) -> Result<Vec<RunningTotal>, DatabaseError> {
    work.query(&shared(TOTALS), &[text(&instance_id)]).await?.iter().map(read_total).collect()
}

/// Begins running totals or adds to them, in the order of their keys.
async fn add_to_totals(work: &Work<'_>, totals: &Additions) -> Result<(), DatabaseError> {
    if totals.is_empty() {
        return Ok(());
    }
    let (instances, related): (Vec<&str>, Vec<&str>) =
        totals.keys().map(|(instance, related, _)| (&**instance, &**related)).unzip();
    let (begins, amounts): (Vec<i64>, Vec<i64>) = totals.iter().map(|((.., begin), amount)| (*begin, *amount)).unzip();
    let add = "INSERT INTO koogallery_usage_total AS known (instance_id, related, cycle_begin, amount) \
               SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT (instance_id, related, cycle_begin) DO UPDATE \
               SET amount = known.amount + excluded.amount";
    let parameters = [texts(&instances), texts(&related), ints(&begins), ints(&amounts)];
    work.execute(add, &parameters).await.map(drop)
}

/// Opens sums or adds to them, in the order of their keys.
async fn add(work: &Work<'_>, sums: &Sums<'_>) -> Result<(), DatabaseError> {
    if sums.is_empty() {
        return Ok(());
    }
    let (instances, packages): (Vec<&str>, Vec<&str>) =
        sums.keys().map(|(instance, _, package)| (*instance, *package)).unzip();
    let begins: Vec<i64> = sums.keys().map(|(_, begin, _)| *begin).collect();
    let column = |value: fn(&Addition) -> i64| sums.values().map(value).collect::<Vec<i64>>();
    let [ends, first, amounts] = [column(|sum| sum.period_end), column(|sum| sum.first_at), column(|sum| sum.amount)];
    let statement = "INSERT INTO koogallery_usage_open AS known \
                     (instance_id, period_begin, package, period_end, first_at, amount) \
                     SELECT * FROM unnest($1, $2, $3, $4, $5, $6) \
                     ON CONFLICT (instance_id, period_begin, package) DO UPDATE \
                     SET amount = known.amount + excluded.amount";
    let parameters = [texts(&instances), ints(&begins), texts(&packages), ints(&ends), ints(&first), ints(&amounts)];
    work.execute(statement, &parameters).await?;
    Ok(())
}

/// Adds an entry of an instance that has records which end after some entry.
async fn record_late(work: &Work<'_>, entry: &Entry) -> Result<(), DatabaseError> {
    let (instance_id, package) = (&*entry.usage.instance_id, package(&entry.usage.package_instance_id));
    let amount = entry.ten_thousandths();
    let (add_to_open, closed_until) = (shared(ADD), shared(CLOSED_UNTIL));
    let mut at = entry.at;
    loop {
        let (begin, end) = entry.period.around(at);
        let [begin, end, first_at] = [begin, end, at].map(Timestamp::as_unix_millis);
        let added =
            work.execute(&add_to_open, &[text(&instance_id), int(&begin), text(&package), int(&amount)]).await?;
        if added == 1 {
            return Ok(());
        }
        // Where a record was made of this time already, the usage counts after it.
        let row = work.query_opt(&closed_until, &[text(&instance_id), int(&end), int(&first_at)]).await?;
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
async fn close(work: &Work<'_>, periods: Vec<Period>) -> Result<usize, DatabaseError> {
    if periods.is_empty() {
        return Ok(0);
    }
    let (instances, begins): (Vec<&str>, Vec<i64>) =
        periods.iter().map(|period| (&*period.instance_id, period.begin)).unzip();
    let take = "DELETE FROM koogallery_usage_open AS sum USING unnest($1, $2) AS ended (instance_id, period_begin) \
                WHERE sum.instance_id = ended.instance_id AND sum.period_begin = ended.period_begin \
                RETURNING sum.instance_id, sum.period_begin, sum.package, sum.first_at, sum.amount";
    let parameters = [texts(&instances), ints(&begins)];
    let locked: BTreeSet<&str> = instances.iter().copied().collect();
    let ((), rows) = try_join(lock(work, &locked), work.query(take, &parameters)).await?;
    let mut sums: HashMap<(String, i64), Vec<UsageSum>> = HashMap::new();
    for row in &rows {
        let period = (row.text("instance_id")?, row.int("period_begin")?);
        sums.entry(period).or_default().push(read_sum(row)?);
    }

    // The records of an instance come one after the other, since one may have to avoid another.
    let mut drafts: BTreeMap<String, VecDeque<(RecordDraft, Timestamp)>> = BTreeMap::new();
    for period in periods {
        let Some(mut sums) = sums.remove(&(period.instance_id.clone(), period.begin)) else { continue };
        sums.sort_by(|one, other| one.package_instance_id.cmp(&other.package_instance_id));
        let made = UsageSum::into_drafts(sums, period.end).into_iter().map(|draft| (draft, period.record_time));
        drafts.entry(period.instance_id).or_default().extend(made);
    }
    let count = drafts.values().map(VecDeque::len).sum();
    while !drafts.is_empty() {
        let made = insert(work, &drafts).await?;
        drafts.retain(|instance_id, drafts| {
            let is_made = drafts.front().is_none_or(|(draft, _)| made.contains(&draft.metering_sn(instance_id)));
            if is_made {
                drafts.pop_front();
            } else if let Some((draft, _)) = drafts.front_mut() {
                draft.avoid_collision();
            }
            !drafts.is_empty()
        });
    }
    Ok(count)
}

/// Inserts the first record of each instance and returns the numbers of those that were inserted: not those whose
/// instance has one of these times already.
async fn insert(
    work: &Work<'_>,
    drafts: &BTreeMap<String, VecDeque<(RecordDraft, Timestamp)>>,
) -> Result<BTreeSet<String>, DatabaseError> {
    let first: Vec<_> = drafts
        .iter()
        .filter_map(|(instance_id, drafts)| drafts.front().map(|(draft, time)| (&**instance_id, draft, *time)))
        .collect();
    let numbers: Vec<String> = first.iter().map(|(instance_id, draft, _)| draft.metering_sn(instance_id)).collect();
    let instances: Vec<&str> = first.iter().map(|(instance_id, ..)| *instance_id).collect();
    let packages: Vec<&str> = first.iter().map(|(_, draft, _)| package(&draft.package_instance_id)).collect();
    let column = |value: fn(&RecordDraft) -> i64| first.iter().map(|(_, draft, _)| value(draft)).collect::<Vec<i64>>();
    let begins = column(|draft| draft.begin.as_unix_millis());
    let ends = column(|draft| draft.end.as_unix_millis());
    let amounts = column(|draft| draft.ten_thousandths);
    let times: Vec<i64> = first.iter().map(|(_, _, time)| time.as_unix_millis()).collect();
    let statement = "INSERT INTO koogallery_usage_record \
                     (metering_sn, instance_id, package, begin_time, end_time, record_time, amount, due_at) \
                     SELECT sn, instance, package, begins, ends, made, amount, made \
                     FROM unnest($1, $2, $3, $4, $5, $6, $7) AS new (sn, instance, package, begins, ends, made, amount) \
                     ON CONFLICT DO NOTHING RETURNING metering_sn";
    let parameters = [
        texts(&numbers),
        texts(&instances),
        texts(&packages),
        ints(&begins),
        ints(&ends),
        ints(&times),
        ints(&amounts),
    ];
    let made = work.query(statement, &parameters).await?;
    made.iter().map(|row| row.text("metering_sn")).collect()
}

/// Adds delivered records to the statements, in the order of their keys.
async fn add_to_months(work: &Work<'_>, delivered: &Delivered) -> Result<(), DatabaseError> {
    let months: Vec<i64> = delivered.keys().map(|(month, ..)| *month).collect();
    let (instances, packages): (Vec<&str>, Vec<&str>) =
        delivered.keys().map(|(_, instance_id, package)| (&**instance_id, &**package)).unzip();
    let (records, amounts): (Vec<i64>, Vec<i64>) = delivered.values().copied().unzip();
    let add = "INSERT INTO koogallery_usage_month AS known (month, instance_id, package, records, amount) \
               SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT (month, instance_id, package) DO UPDATE \
               SET records = known.records + excluded.records, amount = known.amount + excluded.amount";
    let parameters = [ints(&months), texts(&instances), texts(&packages), ints(&records), ints(&amounts)];
    work.execute(add, &parameters).await.map(drop)
}

/// Stores an outcome, and returns the record if it is delivered by it.
async fn settle(
    work: &Work<'_>,
    lease: Lease,
    now: Timestamp,
    metering_sn: &str,
    outcome: &RecordOutcome,
) -> Result<Option<DeliveredRecord>, DatabaseError> {
    let Settlement { state, is_held, due_at, code, description } = Settlement::new(outcome, now);
    let (now, holder) = (now.as_unix_millis(), lease.holder_text());
    let place = [text(&metering_sn), int(&now), text(&holder)];
    let values = [text(&state), flag(&is_held), int(&due_at), text(&code), text(&description)];
    let settled =
        work.query_opt(&shared(&format!("{SETTLE} RETURNING {DELIVERED}")), &[&place[..], &values].concat()).await?;
    let settled = settled.filter(|_| matches!(outcome, RecordOutcome::Delivered));
    settled.map(|row| DeliveredRecord::read(&row)).transpose()
}
