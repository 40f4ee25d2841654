//! `statement`: what the intake of the open APIs has, and what it has not.

use std::sync::Arc;
use std::time::Duration;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::amount::Amount;
use koogallery::clock::ManualClock;
use koogallery::key::AccessKey;
use koogallery::metering::{Meter, Pusher, SqliteUsageStore, Usage, UsageStore as _};
use koogallery::open_api::Client;
use koogallery::site::Site;
use koogallery::sqlite::Database;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Instance, OpenApiServer};
use serde_json::Value;

use crate::support::run;

const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

#[test]
fn its_sums_are_those_of_the_intake() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = runtime.block_on(async {
        let noon: Timestamp = "20261130040000".parse().unwrap();
        let clock = Arc::new(ManualClock::new(noon));
        let key = || AccessKey::new(KEY).unwrap();
        let intake = OpenApiServer::builder().access_keys(key()).clock(Arc::clone(&clock)).build();
        for instance_id in ["cpu", "disk"] {
            intake.put_instance(Instance::on_demand(instance_id, noon));
        }
        let store = SqliteUsageStore::new(&Database::open(&path).unwrap()).await.unwrap();
        let meter = Meter::new(store.clone()).with_clock(Arc::clone(&clock));
        let client = Client::builder(Site::China, intake.clone(), TokioRuntime)
            .access_key(key())
            .clock(Arc::clone(&clock))
            .build()
            .unwrap();
        let pusher = Pusher::new(meter.clone(), client, TokioRuntime);
        let record = async |instance_id: &str, amount: &str| {
            meter.record(Usage::new(instance_id, amount.parse().unwrap())).await.unwrap();
        };
        for _ in 0..3 {
            record("cpu", "0.1").await;
            record("disk", "12.3456").await;
            record("unknown", "1").await;
            clock.advance(Duration::from_secs(2 * 3600));
            pusher.run_once().await.unwrap();
        }
        record("cpu", "7").await;
        // The delivered records are forgotten.
        while store.forget("20270201000000".parse().unwrap()).await.unwrap() > 0 {}
        intake.usage()
    });
    let of = |instance_id: &str| {
        let of_instance = taken.iter().filter(|record| record.instance_id == instance_id);
        let sum = of_instance.clone().filter_map(|record| record.usage_value.ten_thousandths()).sum::<i128>();
        (of_instance.count(), Amount::from_ten_thousandths(i64::try_from(sum).unwrap()).to_string())
    };
    assert_eq!((of("cpu"), of("disk").0), ((3, "0.3".to_owned()), 3), "{taken:?}");

    let (cpu, disk) = (of("cpu"), of("disk"));
    let file = path.to_str().unwrap();
    let csv = run(&[], &["statement", "--database", file, "--month", "2026-11"]);
    assert_eq!((csv.code, csv.err.as_str()), (0, ""));
    let refused = csv.out.lines().last().unwrap();
    assert!(refused.starts_with("2026-11,unknown,,0,0,"), "{refused}");
    let lines: Vec<&str> = csv.out.lines().take(3).collect();
    let header = "month,instance_id,package_instance_id,delivered_records,delivered_usage,waiting_records,waiting_usage,\
                  refused_records,refused_usage";
    let expected = [
        header.to_owned(),
        format!("2026-11,cpu,,{},{},1,7,0,0", cpu.0, cpu.1),
        format!("2026-11,disk,,{},{},0,0,0,0", disk.0, disk.1),
    ];
    assert_eq!(lines, expected);

    let url = format!("sqlite://{file}");
    let json = run(&[], &["statement", "--database", &url, "--month", "2026-11", "--format", "json"]);
    let json: Value = serde_json::from_str(json.line()).unwrap();
    assert_eq!(json["month"], "2026-11");
    assert_eq!(json["lines"][0]["delivered_usage"].to_string(), cpu.1);
    assert_eq!(json["lines"][0]["package_instance_id"], Value::Null);
    let next = run(&[], &["statement", "--database", file, "--month", "2026-12"]);
    assert_eq!(next.line(), header);
}

#[test]
fn what_cannot_be_read_says_why() {
    let statement = |database: &str, month: &str| run(&[], &["statement", "--database", database, "--month", month]);
    statement("/no/such/file.db", "2026-11").says(2, "/no/such/file.db is not a file");
    statement("oracle://x", "2026-11").says(2, "oracle://");
    statement("x.db", "2026-13").says(2, "yyyy-MM");
    statement("x.db", "November").says(2, "yyyy-MM");
}
