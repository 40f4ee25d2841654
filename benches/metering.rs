//! What recording usage durably costs: alone, and many at once sharing commits, against a bare SQLite commit in the same
//! run.

use std::time::{Duration, Instant};

use criterion::Criterion;
use futures_util::future::join_all;
use koogallery::metering::{Meter, SqliteUsageStore, Usage};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Transaction;
use tokio::runtime::Runtime;

/// Callers that wait at the same time.
const CALLERS: usize = 1000;
const BATCHES: usize = 40;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::open(directory.path().join("usage.db")).expect("a database");
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(SqliteUsageStore::new(&database)).expect("tables");
    let meter = Meter::new(store);
    let usage = |index: usize| Usage::new(format!("instance-{}", index % 97), 1.into());

    runtime
        .block_on(database.transaction(|transaction| transaction.execute_batch("CREATE TABLE bare (n INTEGER)")))
        .expect("a table");
    let bare = per_second(&runtime, 200, |_| async {
        let insert = |transaction: &Transaction<'_>| transaction.execute("INSERT INTO bare VALUES (1)", []);
        database.transaction(insert).await.expect("a commit");
    });
    let alone = per_second(&runtime, 200, |index| {
        let recorded = meter.record(usage(index));
        async { assert!(recorded.await.is_ok()) }
    });
    let at_once = CALLERS as f64
        * per_second(&runtime, BATCHES, |batch| {
            let named = move |index| usage(index).with_id(format!("request-{batch}-{index}"));
            let recorded = join_all((0..CALLERS).map(|index| meter.record(named(index))));
            async move { assert!(recorded.await.iter().all(Result::is_ok)) }
        });
    println!("\n| work | units a second | of bare commits | required |\n|---|---:|---:|---:|");
    println!("| bare commits of one row | {bare:.0} | 1.0 | |");
    println!("| recorded one after the other | {alone:.0} | {:.2} | |", alone / bare);
    println!("| {CALLERS} callers at once, each with an id | {at_once:.0} | {:.1} | 20000 |", at_once / bare);

    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(3));
    criterion.bench_function("metering/record", |bencher| {
        bencher.iter(|| runtime.block_on(meter.record(usage(1))));
    });
    criterion.final_summary();
}

/// The best of three rounds: the disk is shared with others.
fn per_second<F: Future<Output = ()>>(runtime: &Runtime, times: usize, work: impl Fn(usize) -> F) -> f64 {
    let round = |round: usize| {
        let began = Instant::now();
        (0..times).for_each(|index| runtime.block_on(work(round * times + index)));
        times as f64 / began.elapsed().as_secs_f64()
    };
    (0..3).map(round).fold(0.0, f64::max)
}
