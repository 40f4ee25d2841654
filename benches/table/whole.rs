//! Calls from request to answer on each engine, for a server of one family and of all. The purchase is in the ledger, the nonce
//! is new: the guard of the engine commits it, as all replay guards do without waiting for the disk.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::Request;
use koogallery::CallbackService;
use koogallery::postgres::{self, tokio_postgres};
use koogallery::sqlite::{self, rusqlite::Connection};
use koogallery_benches::calls::Calls;
use koogallery_benches::schema::Schema;
use koogallery_benches::stores::Stores;
use tokio::runtime::Runtime;

use crate::sample::Kind::{Floor, Ours};
use crate::sample::Row;
use crate::signatures::{Bare, V1_TIME, signed_text};

const BATCH: usize = 50;
const BARE: &str = "a bare commit of one row, not waiting for the disk";

/// Returns the answer of a V1.0 purchase, with a login or without one.
pub fn v1_answer(calls: &Calls, login: bool) -> String {
    let request = calls.v1(1).remove(0);
    let answer = calls.service(login).call(request).now_or_never().expect("a ledger hit");
    String::from_utf8(answer.body().to_vec()).expect("JSON")
}

pub fn in_memory(calls: &'static Calls) -> Vec<Row> {
    let v2 = |group, service: fn(&Calls) -> CallbackService| {
        let requests = calls.v2(BATCH);
        Row::batches(group, "koogallery", Ours, BATCH, move || (service(calls), requests.clone()), answer_at_once)
    };
    let v1 = |group, login| {
        let requests = calls.v1(BATCH);
        let prepare = move || (calls.service(login), requests.clone());
        Row::batches(group, "koogallery", Ours, BATCH, prepare, answer_at_once)
    };
    let bare_v2 = |group| {
        let bare = Bare::new();
        Row::quick(group, "bare HMACs", Floor, move || bare.v2(&calls.body))
    };
    let bare_v1 = |group, login| {
        let (bare, text, answer) = (Bare::new(), signed_text(calls), v1_answer(calls, login));
        Row::quick(group, "bare HMACs", Floor, move || (Bare::token(&text, V1_TIME), bare.digest(&answer)))
    };
    vec![
        bare_v2("v2-memory"),
        v2("v2-memory", |calls| calls.service(true)),
        bare_v2("v2-memory-all"),
        v2("v2-memory-all", Calls::service_of_all),
        bare_v1("v1-memory", false),
        v1("v1-memory", false),
        bare_v1("v1-memory-encrypted", true),
        v1("v1-memory-encrypted", true),
    ]
}

fn answer_at_once((service, requests): (CallbackService, Vec<Request<Bytes>>)) {
    for request in requests {
        expect_success(&service.call(request).now_or_never().expect("a ledger hit does not wait"));
    }
}

fn expect_success(answer: &http::Response<Bytes>) {
    assert!(answer.body().starts_with(br#"{"resultCode":"000000""#), "{:?}", answer.body());
}

/// Calls one after the other, each with a nonce of its own.
fn one_by_one(
    group: &'static str,
    calls: &'static Calls,
    runtime: &Rc<Runtime>,
    service: CallbackService,
    nonces: &Rc<Cell<usize>>,
) -> Row {
    const CALLS: usize = 10;
    let (runtime, nonces) = (Rc::clone(runtime), Rc::clone(nonces));
    let prepare = move || {
        let begin = nonces.replace(nonces.get() + CALLS);
        calls.v2_numbered(begin..begin + CALLS)
    };
    let work = move |requests: Vec<Request<Bytes>>| {
        runtime.block_on(async {
            for request in requests {
                expect_success(&service.call(request).await);
            }
        });
    };
    Row::batches(group, "koogallery", Ours, CALLS, prepare, work).slow()
}

fn services(calls: &'static Calls, runtime: &Rc<Runtime>, stores: &Stores, [one, all]: [&'static str; 2]) -> [Row; 2] {
    let nonces = Rc::new(Cell::new(0));
    [(one, false), (all, true)]
        .map(|(group, of_all)| one_by_one(group, calls, runtime, calls.service_on(stores, of_all).build(), &nonces))
}

pub fn on_sqlite(calls: &'static Calls, runtime: &Rc<Runtime>, folder: &Path) -> Vec<Row> {
    let database = sqlite::Database::open(folder.join("whole.db")).expect("a database");
    let stores = runtime.block_on(Stores::sqlite(&database)).expect("tables");
    let [one, all] = services(calls, runtime, &stores, ["v2-sqlite", "v2-sqlite-all"]);
    let floors = ["v2-sqlite", "v2-sqlite-all"].map(|group| {
        let connection = Connection::open(folder.join(format!("{group}.db"))).expect("a database");
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE bare (n INTEGER)";
        connection.execute_batch(settings).expect("a table");
        let insert = move |()| {
            connection
                .prepare_cached("INSERT INTO bare VALUES (1)")
                .and_then(|mut insert| insert.execute([]))
                .expect("a row")
        };
        Row::batches(group, BARE, Floor, 1, || (), insert)
    });
    floors.into_iter().chain([one, all]).collect()
}

pub fn on_postgres(calls: &'static Calls, runtime: &Rc<Runtime>, schema: &Schema) -> Vec<Row> {
    let connect = async {
        let client = schema.connect().await?;
        client.batch_execute("SET synchronous_commit = off; CREATE TABLE bare (n INTEGER)").await?;
        let insert = client.prepare("INSERT INTO bare VALUES (1)").await?;
        Ok::<_, tokio_postgres::Error>((Rc::new(client), insert))
    };
    let (client, insert) = runtime.block_on(connect).expect("a table");
    let database = runtime.block_on(postgres::Database::connect(&schema.url())).expect("the same server");
    let stores = runtime.block_on(Stores::postgres(&database)).expect("tables");
    let [one, all] = services(calls, runtime, &stores, ["v2-postgres", "v2-postgres-all"]);
    let floors = ["v2-postgres", "v2-postgres-all"].map(|group| {
        let (client, insert, runtime) = (Rc::clone(&client), insert.clone(), Rc::clone(runtime));
        let work = move |()| runtime.block_on(client.execute(&insert, &[])).expect("a row");
        Row::batches(group, BARE, Floor, 1, || (), work).slow()
    });
    floors.into_iter().chain([one, all]).collect()
}
