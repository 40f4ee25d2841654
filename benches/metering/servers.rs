//! What packages add on servers: as many callers, without and with them, in turn.

use std::time::Instant;

use koogallery::metering::package::{MysqlPackageStore, PackageBook, PostgresPackageStore};
use koogallery::metering::{Meter, MysqlUsageStore, PostgresUsageStore};
use koogallery::mysql::mysql_async::prelude::Queryable as _;
use koogallery::mysql::mysql_async::{Conn, Opts, OptsBuilder};
use koogallery::{mysql, postgres};
use koogallery_benches::ratio::median;
use koogallery_benches::schema::Schema;
use tokio::runtime::Runtime;

use super::{CALLERS, ROUNDS, at_once, filled, from_packages};

/// Prints a row for each server that is named.
pub fn compare(runtime: &Runtime, batches: usize) {
    println!(
        "\n| {CALLERS} callers at once, medians of {ROUNDS} rounds | with totals | and packages | ratio | required |"
    );
    println!("|---|---:|---:|---:|---:|");
    match runtime.block_on(Schema::new("metering")).expect("a schema") {
        Some(schema) => {
            let (meter, book) = runtime.block_on(on_postgres(&schema.url()));
            print_rates(runtime, "PostgreSQL", &meter, &book, batches);
            drop((meter, book));
            runtime.block_on(schema.remove()).expect("the schema");
        }
        None => println!("| PostgreSQL: not measured, since KOOGALLERY_TEST_POSTGRES_URL is not set | | | | |"),
    }
    match std::env::var("KOOGALLERY_TEST_MYSQL_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => {
            let name = format!("koogallery_metering_{}", std::process::id());
            let opts = OptsBuilder::from_opts(Opts::from_url(&url).expect("a URL")).prefer_socket(false);
            let version = runtime.block_on(administer(&opts, &format!("CREATE DATABASE {name}")));
            let (meter, book) = runtime.block_on(on_mysql(opts.clone().db_name(Some(&name))));
            print_rates(runtime, &version, &meter, &book, batches);
            drop((meter, book));
            runtime.block_on(administer(&opts, &format!("DROP DATABASE {name}")));
        }
        None => println!("| MySQL or MariaDB: not measured, since KOOGALLERY_TEST_MYSQL_URL is not set | | | | |"),
    }
}

async fn on_postgres(url: &str) -> (Meter, PackageBook) {
    let database = postgres::Database::connect(url).await.expect("the schema");
    let usage = PostgresUsageStore::new(&database).await.expect("tables");
    let packages = PostgresPackageStore::new(&usage).await.expect("tables");
    let meter = Meter::new(usage);
    (meter.clone(), filled(PackageBook::new(meter, packages)).await)
}

async fn on_mysql(opts: OptsBuilder) -> (Meter, PackageBook) {
    let database = mysql::Database::builder(opts).connect().await.expect("the database");
    let usage = MysqlUsageStore::new(&database).await.expect("tables");
    let packages = MysqlPackageStore::new(&usage).await.expect("tables");
    let meter = Meter::new(usage);
    (meter.clone(), filled(PackageBook::new(meter, packages)).await)
}

/// Runs a statement, and returns which server it is.
async fn administer(opts: &OptsBuilder, statement: &str) -> String {
    let mut connection = Conn::new(opts.clone().db_name(None::<String>)).await.expect("the server");
    connection.query_drop(statement).await.expect("the right to databases");
    let version: Option<String> = connection.query_first("SELECT VERSION()").await.expect("a version");
    connection.disconnect().await.expect("an end");
    let version = version.unwrap_or_default();
    if version.contains("MariaDB") { version } else { format!("MySQL {version}") }
}

fn print_rates(runtime: &Runtime, name: &str, meter: &Meter, book: &PackageBook, batches: usize) {
    let mut rates: [Vec<f64>; 3] = Default::default();
    // In turn, after a round in which connections and statements are made.
    for round in 0..=ROUNDS {
        let rate = |work: &dyn Fn(usize)| {
            let began = Instant::now();
            (0..batches).for_each(|index| work(round * batches + index));
            (batches * CALLERS) as f64 / began.elapsed().as_secs_f64()
        };
        let without = rate(&|batch| at_once(runtime, meter, batch));
        let with = rate(&|batch| from_packages(runtime, book, batch));
        if round > 0 {
            [without, with, with / without].into_iter().zip(&mut rates).for_each(|(rate, rates)| rates.push(rate));
        }
    }
    let [without, with, ratio] = rates.map(|mut rates| median(&mut rates));
    println!("| {name} | {without:.0} | {with:.0} | {ratio:.2} | 0.8 |");
}
