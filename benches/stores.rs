//! What calls cost on durable stores: creations and queries per second, by one caller and by many at once, as multiples of
//! the bare commits of one row that the same disk makes in the same run.
//!
//! Arguments: `sqlite` (a file in the temporary folder), and the URLs of a PostgreSQL database, whose tables are made in
//! a schema of their own. Without any, SQLite.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::{Ledger, PostgresLedger, SqliteLedger};
use koogallery::postgres;
use koogallery::replay::{PostgresReplayGuard, ReplayGuard, SqliteReplayGuard};
use koogallery::signature::callback_v2;
use koogallery::sqlite::Database;
use koogallery::testing::AcceptAll;
use rusqlite::Connection;
use tokio::runtime::Runtime;

const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const ROUNDS: usize = 3;

/// Makes the body of a call with a number.
type Body = fn(usize) -> String;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let arguments = if arguments.is_empty() { vec!["sqlite".to_owned()] } else { arguments };
    println!("\n| stores | work | callers | per second | of bare commits |\n|---|---|---:|---:|---:|");
    for argument in arguments {
        if argument == "sqlite" {
            let folder = tempfile::tempdir().expect("a folder");
            let service = runtime.block_on(on_sqlite(&folder.path().join("stores.db")));
            measure(&runtime, "SQLite", &service, Some(&mut bare_sqlite(&folder.path().join("bare.db"))));
        } else {
            let schema = format!("koogallery_bench_{}", std::process::id());
            let admin = runtime.block_on(postgres::Database::connect(&argument)).expect("a database");
            let run = |statement: String| {
                let run = admin.transaction(async |work| Ok(work.batch_execute(&statement).await?));
                runtime.block_on(run).expect("a schema");
            };
            run(format!("CREATE SCHEMA {schema}"));
            let service = runtime.block_on(on_postgres(&argument, &schema));
            measure(&runtime, "PostgreSQL", &service, None);
            run(format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

async fn on_sqlite(path: &Path) -> CallbackService {
    let database = Database::open(path).expect("a database");
    let ledger = SqliteLedger::new(&database).await.expect("tables");
    service(ledger, SqliteReplayGuard::new(&database).await.expect("a table"))
}

async fn on_postgres(url: &str, schema: &str) -> CallbackService {
    let sign = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{sign}options=-c%20search_path%3D{schema}");
    let database = postgres::Database::connect(&url).await.expect("a database");
    let ledger = PostgresLedger::new(&database).await.expect("tables");
    service(ledger, PostgresReplayGuard::new(&database).await.expect("a table"))
}

fn service(ledger: impl Ledger, guard: impl ReplayGuard) -> CallbackService {
    let keys = AccessKeys::new().with(InterfaceType::Basic, key()).expect("one key");
    CallbackService::builder(keys, TokioRuntime).subscription(AcceptAll::new(), ledger).replay_guard(guard).build()
}

fn key() -> AccessKey {
    AccessKey::new(KEY).expect("a key")
}

/// Commits of one row, as an application makes them by itself: how many per second.
fn bare_sqlite(path: &Path) -> impl FnMut() -> f64 {
    let connection = Connection::open(path).expect("a database");
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (n INTEGER)";
    connection.execute_batch(settings).expect("a table");
    move || {
        let began = Instant::now();
        for _ in 0..200 {
            connection.execute("INSERT INTO bare VALUES (1)", []).expect("a commit");
        }
        200.0 / began.elapsed().as_secs_f64()
    }
}

/// The best of some rounds, in which the bare commits and the work take turns: the disk is shared with others.
fn measure(runtime: &Runtime, stores: &str, service: &CallbackService, mut bare: Option<&mut dyn FnMut() -> f64>) {
    let works: [(&str, usize, usize, Body); 4] = [
        ("create", 1, 200, creation),
        ("create", 32, 3200, creation),
        ("query", 1, 1000, query),
        ("query", 32, 12_800, query),
    ];
    let next = AtomicUsize::new(0);
    let mut best = [0.0_f64; 4];
    let mut best_bare = 0.0_f64;
    for _ in 0..ROUNDS {
        best_bare = bare.as_mut().map_or(0.0, |bare| bare()).max(best_bare);
        for (best, (_, callers, calls, body)) in best.iter_mut().zip(works) {
            let began = Instant::now();
            runtime.block_on(async {
                let callers = (0..callers).map(|_| {
                    let first = next.fetch_add(calls / callers, Ordering::Relaxed);
                    tokio::spawn(call_all(service.clone(), body, first..first + calls / callers))
                });
                join_all(callers).await.into_iter().for_each(|caller| caller.expect("answers"));
            });
            *best = best.max(calls as f64 / began.elapsed().as_secs_f64());
        }
    }
    for (best, (work, callers, ..)) in best.into_iter().zip(works) {
        let ratio = if best_bare > 0.0 { format!("{:.1}", best / best_bare) } else { String::new() };
        println!("| {stores} | {work} | {callers} | {best:.0} | {ratio} |");
    }
}

async fn call_all(service: CallbackService, body: Body, numbers: std::ops::Range<usize>) {
    let key = key();
    for number in numbers {
        let body = body(number);
        let query = callback_v2::signed_query(&key, &format!("{number:032}"), SystemClock.now(), body.as_bytes());
        let request = Request::post(format!("/saasproduce?{query}")).body(Bytes::from(body)).expect("valid");
        let answer = service.call(request).await;
        assert!(answer.body().starts_with(br#"{"resultCode":"000000""#), "{:?}", answer.body());
    }
}

fn creation(number: usize) -> String {
    let order = format!(r#""orderId":"CS{number}","orderLineId":"CS{number}-000001""#);
    format!(r#"{{"activity":"newInstance","businessId":"business-{number}",{order}}}"#)
}

/// Of the first instance, which the first creation made.
fn query(_: usize) -> String {
    r#"{"activity":"queryInstance","instanceId":"business-0"}"#.to_owned()
}
