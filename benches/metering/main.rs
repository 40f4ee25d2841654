//! What recording usage durably costs: alone, many at once sharing commits, with running totals and with packages, against
//! each other and a bare SQLite commit in the same run; what packages add on servers; and what an answer about 10,000,000
//! records costs.

mod servers;

use std::time::{Duration, Instant};

use criterion::Criterion;
use futures_util::future::join_all;
use koogallery::metering::package::{Package, PackageBook, SqlitePackageStore};
use koogallery::metering::{Meter, Recorded, SqliteUsageStore, Usage};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::{Transaction, params};
use koogallery::timestamp::Timestamp;
use koogallery_benches::ratio::median;
use tokio::runtime::Runtime;

/// Callers that wait at the same time.
const CALLERS: usize = 1000;
const INSTANCES: usize = 97;
const BATCHES: usize = 8;
const ROUNDS: usize = 5;

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    let open = |name: &str| Database::open(directory.path().join(name)).expect("a database");
    let usage_store = |database: &Database| runtime.block_on(SqliteUsageStore::new(database)).expect("tables");
    let (with_totals, without, with_packages) = (open("totals.db"), open("without.db"), open("packages.db"));
    let meter = Meter::new(usage_store(&with_totals));
    let plain = Meter::new(usage_store(&without));
    // The rows of totals vanish before they are written.
    let nothing = "CREATE TRIGGER none BEFORE INSERT ON koogallery_usage_total BEGIN SELECT RAISE(IGNORE); END;";
    let no_totals = without.transaction(move |work: &Transaction<'_>| work.execute_batch(nothing));
    runtime.block_on(no_totals).expect("a trigger");
    let usage_of_packages = usage_store(&with_packages);
    let packages = runtime.block_on(SqlitePackageStore::new(&usage_of_packages)).expect("tables");
    let book = runtime.block_on(filled(PackageBook::new(Meter::new(usage_of_packages), packages)));

    runtime
        .block_on(with_totals.transaction(|work: &Transaction<'_>| work.execute_batch("CREATE TABLE bare (n INTEGER)")))
        .expect("a table");
    let bare = |_: usize| {
        let insert = |transaction: &Transaction<'_>| transaction.execute("INSERT INTO bare VALUES (1)", []);
        runtime.block_on(with_totals.transaction(insert)).expect("a commit");
    };
    let alone = |index: usize| {
        runtime.block_on(meter.record(usage(index))).expect("usage");
    };

    let times = if is_test { 20 } else { 200 };
    let batches = if is_test { 1 } else { BATCHES };
    let mut rates: [Vec<f64>; 5] = Default::default();
    // In turn, since the disk is shared with others.
    for round in 0..ROUNDS {
        let rate = |times: usize, units: usize, work: &dyn Fn(usize)| {
            let began = Instant::now();
            (0..times).for_each(|index| work(round * times + index));
            (times * units) as f64 / began.elapsed().as_secs_f64()
        };
        rates[0].push(rate(times, 1, &bare));
        rates[1].push(rate(times, 1, &alone));
        rates[2].push(rate(batches, CALLERS, &|batch| at_once(&runtime, &plain, batch)));
        rates[3].push(rate(batches, CALLERS, &|batch| at_once(&runtime, &meter, batch)));
        rates[4].push(rate(batches, CALLERS, &|batch| from_packages(&runtime, &book, batch)));
    }
    let ratio = |of: usize, to: usize| {
        let mut ratios: Vec<_> = rates[of].iter().zip(&rates[to]).map(|(of, to)| of / to).collect();
        median(&mut ratios)
    };
    let [bare, alone, plain_rate, totals_rate, packages_rate] = rates.clone().map(|mut rates| median(&mut rates));
    println!(
        "\n| work, medians of {ROUNDS} rounds in turn | units a second | of bare commits | of without totals | required |"
    );
    println!("|---|---:|---:|---:|---:|");
    println!("| bare commits of one row | {bare:.0} | 1.0 | | |");
    println!("| recorded one after the other | {alone:.0} | {:.2} | | |", ratio(1, 0));
    println!(
        "| {CALLERS} callers at once, each with an id, without totals | {plain_rate:.0} | {:.1} | 1.00 | |",
        ratio(2, 0)
    );
    println!("| the same with totals | {totals_rate:.0} | {:.1} | {:.2} | 20000, 0.8 |", ratio(3, 0), ratio(3, 2));
    println!(
        "| the same with totals and packages | {packages_rate:.0} | {:.1} | {:.2} | 20000, 0.8 |",
        ratio(4, 0),
        ratio(4, 2)
    );

    servers::compare(&runtime, if is_test { 4 } else { BATCHES });

    let records = if is_test { 10_000 } else { 10_000_000 };
    runtime.block_on(fill(&with_totals, records));
    let answers = (0..1000).map(|_| {
        let began = Instant::now();
        runtime.block_on(meter.usage_info("behind")).expect("totals");
        began.elapsed().as_secs_f64() * 1e6
    });
    let mut answers: Vec<f64> = answers.collect();
    answers.sort_by(f64::total_cmp);
    println!("\n| `usage_info` of an instance with {records} records | µs | required |\n|---|---:|---:|");
    println!("| median of 1,000 | {:.0} | 1000 |\n| 99 of 100 | {:.0} | |", answers[500], answers[990]);

    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(3));
    criterion.bench_function("metering/record", |bencher| {
        bencher.iter(|| runtime.block_on(meter.record(usage(1))));
    });
    criterion.final_summary();
}

fn usage(index: usize) -> Usage {
    Usage::new(format!("instance-{}", index % INSTANCES), 1.into())
}

/// Records usage of all callers at once, each with an id.
fn at_once(runtime: &Runtime, meter: &Meter, batch: usize) {
    let named = |index| usage(index).with_id(format!("request-{batch}-{index}"));
    let recorded = runtime.block_on(join_all((0..CALLERS).map(|index| meter.record(named(index)))));
    assert!(recorded.iter().all(|recorded| *recorded.as_ref().expect("usage") == Recorded::First));
}

/// The same with packages.
fn from_packages(runtime: &Runtime, book: &PackageBook, batch: usize) {
    let named = |index| usage(index).with_id(format!("deduction-{batch}-{index}"));
    let recorded = runtime.block_on(join_all((0..CALLERS).map(|index| book.record(named(index)))));
    assert!(recorded.iter().all(|consumed| consumed.as_ref().expect("usage").recorded == Recorded::First));
}

/// Adds three packages for each instance.
async fn filled(book: PackageBook) -> PackageBook {
    let [begin, end] = ["20200101000000", "29990101000000"].map(|text| text.parse::<Timestamp>().expect("a time"));
    for number in 0..INSTANCES * 3 {
        let instance_id = format!("instance-{}", number % INSTANCES);
        let package = Package::new(format!("package-{number}"), instance_id, 90_000_000.into(), begin, end);
        book.add(package).await.expect("a package");
    }
    book
}

/// Delivered records of one instance, each of a second.
async fn fill(database: &Database, records: i64) {
    let fill = move |work: &Transaction<'_>| {
        work.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) \
             INSERT INTO koogallery_usage_record (metering_sn, instance_id, package, begin_time, end_time, record_time, \
             amount, state, due_at, settled_at) SELECT 'behind-' || n, 'behind', '', n * 1000, n * 1000 + 1000, 0, 1, \
             'delivered', 0, n FROM numbers",
            params![records],
        )?;
        work.execute("INSERT INTO koogallery_usage_total VALUES ('behind', '', 0, ?1)", params![records])
    };
    database.transaction(fill).await.expect("records");
}
