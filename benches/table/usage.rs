//! Usage, recorded durably in a file of SQLite.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use futures_util::future::join_all;
use koogallery::metering::{Meter, SqliteUsageStore, Usage};
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Transaction;
use tokio::runtime::Runtime;

use crate::sample::Kind::{Floor, Ours};
use crate::sample::Row;

/// Callers that wait at the same time.
const CALLERS: usize = 1000;
const INSTANCES: usize = 97;

pub fn rows(runtime: &Rc<Runtime>, folder: &Path) -> Vec<Row> {
    let database = Database::open(folder.join("usage.db")).expect("a database");
    let store = runtime.block_on(SqliteUsageStore::new(&database)).expect("tables");
    let meter = Rc::new(Meter::new(store));
    let table = "CREATE TABLE bare (n INTEGER)";
    runtime.block_on(database.transaction(move |work: &Transaction<'_>| work.execute_batch(table))).expect("a table");
    let floor = |group| {
        let (database, runtime) = (database.clone(), Rc::clone(runtime));
        let insert = move |()| {
            let insert = |work: &Transaction<'_>| work.execute("INSERT INTO bare VALUES (1)", []);
            runtime.block_on(database.transaction(insert)).expect("a commit")
        };
        Row::batches(group, "a bare durable commit of one row", Floor, 1, || (), insert).slow()
    };
    let numbers = Rc::new(Cell::new(0));
    let record = |group, callers: usize| {
        let (meter, runtime, numbers) = (Rc::clone(&meter), Rc::clone(runtime), Rc::clone(&numbers));
        let prepare = move || {
            let begin = numbers.replace(numbers.get() + callers);
            let usage = |number: usize| {
                Usage::new(format!("instance-{}", number % INSTANCES), 1.into()).with_id(format!("request-{number}"))
            };
            (begin..begin + callers).map(usage).collect::<Vec<_>>()
        };
        let work = move |units: Vec<Usage>| {
            let recorded = runtime.block_on(join_all(units.into_iter().map(|usage| meter.record(usage))));
            assert!(recorded.iter().all(Result::is_ok));
        };
        Row::batches(group, "koogallery", Ours, callers, prepare, work).slow()
    };
    vec![floor("usage-one"), record("usage-one", 1), floor("usage-many"), record("usage-many", CALLERS)]
}
