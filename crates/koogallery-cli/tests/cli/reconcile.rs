//! `reconcile`: an export of the seller console beside a database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use koogallery::clock::ManualClock;
use koogallery::lease::Lease;
use koogallery::metering::{Meter, RecordOutcome, SqliteUsageStore, Usage, UsageStore as _};
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use serde_json::Value;

use crate::support::{file, run};

/// Makes a database with a record of 0.5 for each of some hours of the 1st of November 2026 in Beijing, all delivered.
fn delivered(path: &Path, hours: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let begin: Timestamp = "20261031160000".parse().unwrap();
        let clock = Arc::new(ManualClock::new(begin));
        let store = SqliteUsageStore::new(&Database::open(path).unwrap()).await.unwrap();
        let meter = Meter::new(store.clone()).with_clock(Arc::clone(&clock));
        for _ in 0..hours {
            meter.record(Usage::new("cpu", "0.5".parse().unwrap())).await.unwrap();
            clock.advance(Duration::from_secs(3600));
        }
        let now = begin.saturating_add(Duration::from_secs(24 * 3600));
        store.close_periods(now).await.unwrap();
        let lease = Lease::new(1, Duration::from_secs(60));
        let records = store.claim(lease, now, 100).await.unwrap();
        let outcomes = records.into_iter().map(|record| (record.metering_sn, RecordOutcome::Delivered)).collect();
        store.settle(lease, now, outcomes).await.unwrap();
    });
}

const COLUMNS: [&str; 6] =
    ["--column", "instance_id=实例", "--column", "begin_time=开始时间", "--column", "amount=用量"];

#[test]
fn it_prints_what_is_missing_doubled_and_different() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    delivered(&path, 3);
    let database = path.to_str().unwrap();
    let reconcile = |export: &[u8], more: &[&str]| {
        let export = file(export);
        let export = export.path().to_str().unwrap().to_owned();
        let arguments = ["reconcile", &export, "--database", database, "--month", "2026-11"];
        run(&[], &[&arguments, &COLUMNS[..], more].concat())
    };
    let same = "实例;开始时间;用量\r\ncpu;2026-11-01 00:00:00;0.5\r\ncpu;2026-11-01 01:00:00;0.50\r\n\
                cpu;2026-11-01 02:00:00;0.5\r\n";
    let gbk = encoding_rs::GBK.encode(same).0.into_owned();
    for bytes in [same.as_bytes(), &gbk] {
        let run = reconcile(bytes, &[]);
        assert_eq!((run.code, run.line()), (0, "3 rows compared, 0 differences"), "{run:?}");
    }
    assert_eq!(reconcile(&gbk, &["--encoding", "gbk", "--separator", ";"]).code, 0);
    let other_zone = reconcile(same.as_bytes(), &["--zone", "0"]);
    assert_eq!(other_zone.code, 1, "{other_zone:?}");

    let export = "实例,开始时间,用量\ncpu,2026/11/1 0:00,0.5\ncpu,2026/11/1 0:00,0.5\ncpu,2026/11/1 1:00,5\n\
                  disk,2026/11/1 2:00,1\n";
    let csv = reconcile(export.as_bytes(), &["--format", "csv"]);
    assert_eq!(csv.code, 1);
    let lines: Vec<&str> = csv.out.lines().collect();
    assert_eq!(lines[0], "kind,row,first_row,metering_sn,instance_id,begin_time,field,here,there");
    assert_eq!(lines[1], "doubled,3,2,,cpu,20261031T160000Z,,,0.5");
    assert!(
        lines[2].starts_with("different,4,,") && lines[2].ends_with(",cpu,20261031T170000Z,amount,0.5,5"),
        "{csv:?}"
    );
    assert_eq!(lines[3], "missing_here,5,,,disk,20261031T180000Z,,,1");
    assert!(lines[4].starts_with("missing_there,,,") && lines[4].ends_with(",cpu,20261031T180000Z,,0.5,"), "{csv:?}");
    assert_eq!(lines.len(), 5);
    let json = reconcile(export.as_bytes(), &["--format", "json"]);
    let json: Value = serde_json::from_str(json.line()).unwrap();
    assert_eq!((&json[1]["kind"], &json[1]["here"], &json[1]["row"]), (&"different".into(), &"0.5".into(), &4.into()));
}

#[test]
fn what_cannot_be_read_says_why_and_prints_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    delivered(&path, 1);
    let database = path.to_str().unwrap();
    let reconcile = |export: &[u8], more: &[&str]| {
        let export = file(export);
        let export = export.path().to_str().unwrap().to_owned();
        run(&[], &[&["reconcile", &export, "--database", database, "--month", "2026-11"], more].concat())
    };
    let fails = |export: &str, more: &[&str], text: &str| {
        let run = reconcile(export.as_bytes(), more);
        run.says(2, text);
        assert_eq!(run.out, "");
    };
    let rows = "instanceId,beginTime,usageValue\ncpu,20261101000000,1\ncpu,1 November,1\n";
    fails(rows, &[], r#"row 3, column "beginTime": "1 November" is not a date and time"#);
    fails(rows, &COLUMNS, r#"row 1: no column "实例" for instance_id"#);
    fails(rows, &["--column", "price=x"], "no column \"price\"");
    fails(rows, &["--encoding", "ebcdic"], "expected utf-8, utf-16, gbk or gb18030");
    fails(rows, &["--separator", ";;"], "expected one ASCII character");

    // A month whose records are partly deleted cannot be compared one by one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteUsageStore::new(&Database::open(&path).unwrap()).await.unwrap();
        while store.forget("20270201000000".parse().unwrap()).await.unwrap() > 0 {}
    });
    fails("instanceId,beginTime,usageValue\n", &[], "1 delivered records of 2026-11 were deleted here");
}
