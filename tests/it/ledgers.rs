//! The ledgers: the rules on every engine, and what is particular to each.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::heartbeat::PostgresStateStore;
use koogallery::lease::Lease;
use koogallery::ledger::{
    Effect, LeaseOutcome, Ledger, LedgerError, MemoryLedger, MysqlLedger, OrderKey, PostgresLedger, PrunableLedger,
    Pruned, SqliteLedger, Step, Target,
};
use koogallery::{postgres, sqlite, testing};
use tokio::net::TcpListener;

use crate::servers::{Mysql, Schema};
use crate::support::NOW;

const HOUR: Duration = Duration::from_secs(3600);

fn lease(holder: u128) -> Lease {
    Lease::new(holder, HOUR)
}

fn create(order: OrderKey, id: &str) -> Step {
    let target = Target::Purchase { order, proposed_id: id.to_owned() };
    Step::new(target, Effect::Create { product_id: Some("P1".to_owned()), expire_time: None })
}

/// Does a step as a run does.
async fn perform(ledger: &dyn Ledger, step: &Step) -> LeaseOutcome {
    let begin = ledger.begin(step, lease(7), NOW).await.unwrap();
    if let LeaseOutcome::Run(instance) = &begin {
        ledger.complete(step, &instance.instance_id, lease(7), NOW).await.unwrap();
    }
    begin
}

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::new(&sqlite::Database::open(path).unwrap()).await.unwrap()
}

async fn postgres(schema: &Schema) -> PostgresLedger {
    PostgresLedger::new(&schema.database().await).await.unwrap()
}

async fn mysql(place: &Mysql) -> MysqlLedger {
    MysqlLedger::new(&place.database().await).await.unwrap()
}

/// Names for ledgers in one database.
#[derive(Default)]
struct Names(AtomicU8);

impl Names {
    fn next(&self) -> String {
        char::from(b'a' + self.0.fetch_add(1, Ordering::Relaxed)).to_string()
    }
}

#[tokio::test]
async fn every_engine_keeps_the_rules() {
    testing::ledger(async || MemoryLedger::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite::Database::open(folder.path().join("ledger.db")).unwrap();
    let names = Names::default();
    testing::ledger(async || SqliteLedger::named(&database, &names.next()).await.unwrap()).await;
    if let Some(schema) = Schema::new().await {
        let database = schema.database().await;
        testing::ledger(async || PostgresLedger::named(&database, &names.next()).await.unwrap()).await;
    }
    if let Some(place) = Mysql::new().await {
        let (database, names) = (place.database().await, Names::default());
        testing::ledger(async || MysqlLedger::named(&database, &names.next()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn old_records_of_every_engine_can_be_deleted() {
    testing::prunable_ledger(async || MemoryLedger::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite::Database::open(folder.path().join("ledger.db")).unwrap();
    let names = Names::default();
    testing::prunable_ledger(async || SqliteLedger::named(&database, &names.next()).await.unwrap()).await;
    if let Some(schema) = Schema::new().await {
        let database = schema.database().await;
        testing::prunable_ledger(async || PostgresLedger::named(&database, &names.next()).await.unwrap()).await;
    }
    if let Some(place) = Mysql::new().await {
        let (database, names) = (place.database().await, Names::default());
        testing::prunable_ledger(async || MysqlLedger::named(&database, &names.next()).await.unwrap()).await;
    }
}

/// Releases an instance, and opens the ledger again on tables as the version before had them.
async fn released_by_the_version_before<L: PrunableLedger>(open: impl AsyncFn() -> L, undo: impl AsyncFnOnce(&str)) {
    let ledger = open().await;
    perform(&ledger, &create(OrderKey::new("CS1"), "id")).await;
    perform(&ledger, &Step::on("id", Effect::Release)).await;
    undo(
        "DROP INDEX koogallery_instance_released; ALTER TABLE koogallery_instance DROP COLUMN released_at; \
          DROP INDEX koogallery_step_done",
    )
    .await;
    let ledger = open().await;
    let (at_first, day) = (NOW.saturating_add(24 * HOUR), 24 * HOUR);
    let first = ledger.prune(at_first, 9, at_first).await.unwrap();
    assert_eq!(first, Pruned::default(), "it counts from the first time");
    assert_eq!(ledger.prune(at_first, 9, at_first.saturating_add(day)).await.unwrap(), Pruned::default());
    let after = at_first.saturating_add(day);
    assert_eq!(ledger.prune(after, 9, after).await.unwrap(), Pruned::new(1, 1, false));
}

#[tokio::test]
async fn what_the_version_before_released_counts_from_the_first_time() {
    let database = sqlite::Database::open(":memory:").unwrap();
    let undo = async |statements: &str| {
        let statements = statements.to_owned();
        database.transaction(move |transaction| transaction.execute_batch(&statements)).await.unwrap();
    };
    released_by_the_version_before(async || SqliteLedger::new(&database).await.unwrap(), undo).await;
    let Some(schema) = Schema::new().await else { return };
    let undo = async |statements: &str| {
        let back = format!("{statements}; UPDATE koogallery_schema SET version = 2");
        schema.client().await.batch_execute(&back).await.unwrap();
    };
    released_by_the_version_before(async || postgres(&schema).await, undo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_for_several_processes_keep_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    testing::shared_ledger(async || open(&folder.path().join("ledger.db")).await).await;
    if let Some(schema) = Schema::new().await {
        testing::shared_ledger(async || postgres(&schema).await).await;
    }
    if let Some(schema) = Schema::new().await {
        testing::replicated_ledger(async || postgres(&schema).await).await;
    }
    if let Some(place) = Mysql::new().await {
        testing::shared_ledger(async || mysql(&place).await).await;
    }
    if let Some(place) = Mysql::new().await {
        testing::replicated_ledger(async || mysql(&place).await).await;
    }
}

#[tokio::test]
async fn ledgers_with_different_names_know_nothing_of_each_other() {
    async fn check<L: Ledger>(ledgers: [L; 3]) {
        for (index, ledger) in ledgers.iter().enumerate() {
            let step = create(OrderKey::new("CS1"), &format!("id{index}"));
            assert!(matches!(perform(ledger, &step).await, LeaseOutcome::Run(_)));
        }
        for (index, ledger) in ledgers.iter().enumerate() {
            let listed = ledger.instances(None, 9).await.unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].instance_id, format!("id{index}"));
        }
    }
    let long = "n".repeat(32);
    let bad_names = ["", "Name", "a_b", "a1", "a b", "\"", "n".repeat(33).leak()];
    let database = sqlite::Database::open(":memory:").unwrap();
    let named = async |name: &str| SqliteLedger::named(&database, name).await;
    check([SqliteLedger::new(&database).await.unwrap(), named("a").await.unwrap(), named(&long).await.unwrap()]).await;
    for name in bad_names {
        assert!(matches!(named(name).await, Err(sqlite::DatabaseError::Name(_))), "{name:?}");
    }
    if let Some(place) = Mysql::new().await {
        let database = place.database().await;
        let named = async |name: &str| MysqlLedger::named(&database, name).await;
        check([MysqlLedger::new(&database).await.unwrap(), named("order").await.unwrap(), named(&long).await.unwrap()])
            .await;
        for name in bad_names {
            assert!(matches!(named(name).await, Err(koogallery::mysql::DatabaseError::Name(_))), "{name:?}");
        }
    }
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    let named = async |name: &str| PostgresLedger::named(&database, name).await;
    check([PostgresLedger::new(&database).await.unwrap(), named("a").await.unwrap(), named(&long).await.unwrap()])
        .await;
    for name in bad_names {
        assert!(matches!(named(name).await, Err(postgres::DatabaseError::Name(_))), "{name:?}");
    }
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not-a-database");
    std::fs::write(
        &path,
        "this is no database, it is longer than a header of a hundred bytes, and it says so all over again",
    )
    .unwrap();
    assert!(sqlite::Database::open(&path).is_err());
    for url in ["sqlite://", "postgres://localhost/x", "koogallery.db", ""] {
        assert!(sqlite::Database::open_url(url).is_err(), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_tables_are_made_by_several_servers_at_once() {
    let Some(schema) = Schema::new().await else { return };
    for _ in 0..5 {
        let databases = join_all((0..8).map(|_| schema.database())).await;
        let makers = databases.into_iter().map(|database| {
            tokio::spawn(async move {
                let ledger = PostgresLedger::new(&database).await.unwrap();
                koogallery::replay::PostgresReplayGuard::new(&database).await.unwrap();
                ledger.instance("id").await.unwrap()
            })
        });
        assert!(join_all(makers).await.into_iter().all(|found| found.unwrap().is_none()));
        let drop = "DROP TABLE koogallery_step, koogallery_instance, koogallery_replay, koogallery_schema";
        schema.client().await.batch_execute(drop).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_tables_made_by_another_role_need_no_right_to_make_some() {
    for is_recorded in [true, false] {
        let Some(schema) = Schema::new().await else { return };
        let (admin, role) = (schema.client().await, format!("{}_role", schema.name));
        for store in [PostgresLedger::schema(), PostgresStateStore::schema()] {
            admin.batch_execute(&store.statements(0)).await.unwrap();
        }
        if !is_recorded {
            admin.batch_execute("DROP TABLE koogallery_schema").await.unwrap();
        }
        admin
            .batch_execute(&format!(
                "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}; \
                 GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {name} TO {role}",
                name = schema.name
            ))
            .await
            .unwrap();
        let mut config = schema.config();
        config.options(format!("-c search_path={} -c role={role}", schema.name));
        let database = postgres::Database::connect_with(config, tokio_postgres::NoTls).await.unwrap();
        // Without a record they are taken for tables of the first version.
        PostgresStateStore::new(&database).await.unwrap();
        match PostgresLedger::new(&database).await {
            Ok(ledger) if is_recorded => {
                assert!(matches!(perform(&ledger, &create(OrderKey::new("CS1"), "id")).await, LeaseOutcome::Run(_)));
            }
            opened => assert!(!is_recorded && opened.is_err(), "{opened:?}"),
        }
        assert!(koogallery::replay::PostgresReplayGuard::new(&database).await.is_err());
        admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_replaces_connections_that_the_server_closed() {
    let Some(schema) = Schema::new().await else { return };
    let manager = deadpool_postgres::Manager::new(schema.config(), tokio_postgres::NoTls);
    let own_pool = deadpool_postgres::Pool::builder(manager).build().unwrap();
    for database in [schema.database().await, postgres::Database::from_pool(own_pool)] {
        let ledger = PostgresLedger::new(&database).await.unwrap();
        // Several at once, so that there are several connections.
        join_all((0..8).map(|_| ledger.instances(None, 9))).await;
        let admin = schema.client().await;
        let kill =
            "SELECT count(*), count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        let killed: i64 = admin.query_one(kill, &[&schema.name]).await.unwrap().get(0);
        assert!(killed > 1, "{killed}");
        while admin.query_one(kill, &[&schema.name]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for answer in join_all((0..8).map(|_| ledger.instances(None, 9))).await {
            assert_eq!(answer.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn postgres_that_falls_silent_is_an_error_soon_and_not_for_ever() {
    let Some(schema) = Schema::new().await else { return };
    let (wire, through_wire) = schema.wire().await;
    let database = postgres::Database::connect_with(through_wire, tokio_postgres::NoTls).await.unwrap();
    let ledger = PostgresLedger::new(&database).await.unwrap();

    wire.cut();
    let began = Instant::now();
    assert!(matches!(ledger.instance("id").await, Err(LedgerError::Store(_))));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    wire.repair();
    assert_eq!(ledger.instance("id").await.unwrap(), None);
}

#[tokio::test]
async fn postgres_that_cannot_be_reached_is_an_error_soon() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = Instant::now();
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    let error = postgres::Database::connect(&url).await.unwrap_err();
    assert!(matches!(error, postgres::DatabaseError::TimedOut(_)), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(silent);
    assert!(postgres::Database::connect(&url).await.is_err());
    for url in ["postgres://", "postgres://nobody@127.0.0.1:1/x", "sqlite://koogallery.db", "host=localhost", ""] {
        assert!(postgres::Database::connect(url).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn postgres_bears_that_no_one_waits_for_its_answer() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = postgres(&schema).await;
    let step = create(OrderKey::new("CS1"), "id");
    let no_time = |holder| Lease::new(holder, Duration::ZERO);
    for micros in (0..6000).step_by(30) {
        let begin = ledger.begin(&step, no_time(1), NOW);
        let Ok(begin) = tokio::time::timeout(Duration::from_micros(micros), begin).await else { continue };
        // One that was given up may have got the lease all the same.
        assert!(matches!(begin.unwrap(), LeaseOutcome::Run(_) | LeaseOutcome::Busy { .. }));
    }
    let tries = join_all((0..8).map(|_| ledger.begin(&step, no_time(2), NOW))).await;
    let is_answer = |begin: &Result<_, _>| matches!(begin, Ok(LeaseOutcome::Run(_) | LeaseOutcome::Busy { .. }));
    assert!(tries.iter().all(is_answer), "{tries:?}");
    // A lease of no time lasts until the clock shows the next millisecond.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(matches!(ledger.begin(&step, lease(2), NOW).await.unwrap(), LeaseOutcome::Run(_)));
    ledger.complete(&step, "id", lease(2), NOW).await.unwrap();
    assert!(matches!(perform(&ledger, &step).await, LeaseOutcome::Done(_)));
}

#[tokio::test]
async fn postgres_waits_for_a_lock_but_not_for_ever() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = postgres(&schema).await;
    let step = create(OrderKey::new("CS1"), "id");
    ledger.begin(&step, lease(1), NOW).await.unwrap();
    ledger.abandon("id", lease(1)).await.unwrap();

    let mut other = schema.client().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("SELECT FROM koogallery_instance FOR UPDATE").await.unwrap();
    let began = Instant::now();
    assert!(matches!(ledger.begin(&step, lease(2), NOW).await, Err(LedgerError::Store(_))));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(ledger.instance("id").await.unwrap().unwrap().handler_runs, 1, "readers need not wait");

    let begin = ledger.begin(&step, lease(3), NOW);
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        lock.commit().await.unwrap();
    };
    let (begin, ()) = tokio::join!(begin, unlock);
    let LeaseOutcome::Run(instance) = begin.unwrap() else { panic!() };
    assert_eq!(instance.handler_runs, 1, "what timed out left nothing");
}
