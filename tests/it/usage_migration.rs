//! Usage databases made before records could be held.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use koogallery::clock::ManualClock;
use koogallery::lease::Lease;
use koogallery::metering::{Meter, RecordOutcome, RecordState, SqliteUsageStore, Usage, UsageStore as _};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Transaction;

use crate::support::NOW;

/// The tables as they were made then.
const BEFORE: &str = "
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
    UNIQUE (instance_id, begin_time, end_time)
);
CREATE INDEX IF NOT EXISTS koogallery_usage_record_due ON koogallery_usage_record (due_at) WHERE state = 'pending';
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

/// Records in every state, so many of each, a view of the seller's, and an open sum.
const ROWS: &str = "
CREATE VIEW sellers_view AS SELECT state, count(*) AS records FROM koogallery_usage_record GROUP BY state;
INSERT INTO koogallery_usage_open VALUES ('open', 0, '', 3600000, 5, 70000);
INSERT INTO koogallery_usage_id VALUES ('request-1', 1735787045000);
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)
INSERT INTO koogallery_usage_record
SELECT printf('%s-%08d', state, n), 'i' || (n % 10), 'p' || (n % 3), n * 1000, n * 1000 + rank, 7, 10000 + n, state, n % 5,
       n, NULL, CASE state WHEN 'fix' THEN '015' WHEN 'dead' THEN '001' END, 'words', n
FROM number, (SELECT 'pending' AS state, 1 AS rank UNION SELECT 'delivered', 2 UNION SELECT 'fix', 3 UNION SELECT 'dead', 4);
UPDATE koogallery_usage_delivered SET records = :count, amount = 12345;
";

async fn made_before(path: &Path, count: u32) -> Database {
    let database = Database::open(path).unwrap();
    let rows = ROWS.replace(":count", &count.to_string());
    database
        .transaction(move |transaction| {
            transaction.execute_batch(BEFORE)?;
            transaction.execute_batch(&rows)
        })
        .await
        .unwrap();
    database
}

/// All columns of all records as one text.
async fn contents(database: &Database) -> String {
    let all = "SELECT group_concat(line, char(10)) FROM (SELECT concat_ws('|', metering_sn, instance_id, package, begin_time, \
               end_time, record_time, amount, state, attempts, due_at, ifnull(holder, '-'), ifnull(code, '-'), description, \
               settled_at) AS line FROM koogallery_usage_record ORDER BY metering_sn)";
    database.transaction(move |transaction| transaction.query_row(all, [], |row| row.get(0))).await.unwrap()
}

/// The columns and indexes of the records.
async fn schema(database: &Database) -> Vec<String> {
    let all = "SELECT concat_ws(' ', name, type, \"notnull\", dflt_value, pk) FROM pragma_table_info('koogallery_usage_record') \
               UNION SELECT sql FROM sqlite_schema WHERE tbl_name = 'koogallery_usage_record' AND type = 'index'";
    database
        .transaction(move |transaction| {
            let rows =
                transaction.prepare(all)?.query_map([], |row| row.get(0))?.collect::<Result<Vec<Option<_>>, _>>();
            Ok(rows?.into_iter().flatten().collect())
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn records_from_before_are_kept_and_can_be_held() {
    let directory = tempfile::tempdir().unwrap();
    let database = made_before(&directory.path().join("usage.db"), 50).await;
    let before = contents(&database).await;
    assert_eq!(before.lines().count(), 200);
    let clock = Arc::new(ManualClock::new(NOW));
    for _ in 0..2 {
        let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap()).with_clock(Arc::clone(&clock));
        assert_eq!(contents(&database).await, before);
        let status = meter.status().await.unwrap();
        let records = [&status.open, &status.pending, &status.delivered, &status.held, &status.fix, &status.dead];
        assert_eq!(records.map(|total| total.records), [1, 50, 50, 0, 50, 50]);
        let fix = meter.records(RecordState::Fix, None, 100).await.unwrap();
        assert_eq!(fix[0].refusal.as_ref().unwrap().code.as_str(), "015");
        let again = Usage::new("i", 1.into()).with_id("request-1");
        assert_eq!(meter.record(again).await.unwrap(), koogallery::metering::Recorded::Repeated);
    }
    let new = Database::open(directory.path().join("new.db")).unwrap();
    SqliteUsageStore::new(&new).await.unwrap();
    assert_eq!(schema(&database).await, schema(&new).await, "as if it were made today");
    let view = "SELECT records FROM sellers_view WHERE state = 'fix'";
    let seen: i64 = database.transaction(move |t| t.query_row(view, [], |row| row.get(0))).await.unwrap();
    assert_eq!(seen, 50, "the seller's views go on");
    // A record of before is held like any other.
    let store = SqliteUsageStore::new(&database).await.unwrap();
    let (now, until) = (NOW, NOW.saturating_add(Duration::from_secs(60)));
    let lease = Lease::new(1, Duration::from_secs(60));
    let records = store.claim(lease, now, 1).await.unwrap();
    store.settle(lease, now, vec![(records[0].metering_sn.clone(), RecordOutcome::Held { at: until })]).await.unwrap();
    let meter = Meter::new(store.clone());
    assert_eq!(meter.records(RecordState::Held, None, 9).await.unwrap()[0].record, records[0]);
    let status = meter.status().await.unwrap();
    assert_eq!((status.pending.records, status.held.records, status.fix.records), (49, 1, 50));
    assert_eq!(store.claim_held(lease, now, 9).await.unwrap(), [], "not yet");
    let later = Lease::new(2, Duration::from_secs(60));
    assert_eq!(store.claim_held(later, until, 9).await.unwrap().len(), 1);
}

#[test]
fn several_processes_open_one_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usage.db");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = runtime().block_on(async { contents(&made_before(&path, 2000).await).await });
    std::thread::scope(|scope| {
        for index in 0..6 {
            let path = &path;
            scope.spawn(move || {
                runtime().block_on(async {
                    let database = Database::open(path).unwrap();
                    let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap());
                    meter.record(Usage::new(format!("new-{index}"), 1.into())).await.unwrap();
                });
            });
        }
    });
    runtime().block_on(async {
        let database = Database::open(&path).unwrap();
        assert_eq!(contents(&database).await, before);
        let meter = Meter::new(SqliteUsageStore::new(&database).await.unwrap());
        assert_eq!(meter.status().await.unwrap().open.records, 7);
    });
}

#[tokio::test]
async fn a_migration_that_was_cut_off_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let database = made_before(&directory.path().join("usage.db"), 10).await;
    let before = (contents(&database).await, schema(&database).await);
    // A table by the name of an index makes it fail after the column was added.
    let obstacle = "CREATE TABLE koogallery_usage_record_held (x)";
    database.transaction(move |transaction| transaction.execute_batch(obstacle)).await.unwrap();
    assert!(SqliteUsageStore::new(&database).await.is_err());
    let remove = "DROP TABLE koogallery_usage_record_held";
    database.transaction(move |transaction| transaction.execute_batch(remove)).await.unwrap();
    assert_eq!((contents(&database).await, schema(&database).await), before);
    SqliteUsageStore::new(&database).await.unwrap();
    assert_eq!(contents(&database).await, before.0);
}

#[tokio::test]
async fn many_records_are_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usage.db");
    let database = made_before(&path, 20_000).await;
    let page_count = |transaction: &Transaction<'_>| {
        transaction.query_row("SELECT page_count FROM pragma_page_count", [], |row| row.get::<_, i64>(0))
    };
    let pages = database.transaction(page_count).await.unwrap();
    SqliteUsageStore::new(&database).await.unwrap();
    let more = database.transaction(page_count).await.unwrap() - pages;
    // An index of what is left is made, which is all of them here.
    assert!(pages > 1000 && more < pages / 5, "{more} more pages than {pages}");
}
