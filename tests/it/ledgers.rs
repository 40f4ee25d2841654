//! Every ledger engine keeps the same rules.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::ledger::{
    Begin, Effect, Lease, Ledger, LedgerError, Look, MemoryLedger, OrderKey, PostgresLedger, SqliteLedger, State, Step,
    Target,
};
use koogallery::timestamp::Timestamp;
use koogallery::{postgres, sqlite};
use tokio::net::TcpListener;

use crate::servers::{Schema, Wire};
use crate::support::NOW;

const HOUR: Duration = Duration::from_secs(3600);

fn lease(holder: u128) -> Lease {
    Lease { holder, until: NOW.saturating_add(HOUR) }
}

fn create(order: OrderKey, id: &str) -> Step {
    let target = Target::Purchase { order, proposed_id: id.to_owned() };
    Step { target, effect: Effect::Create { product_id: Some("P1".to_owned()), expire_time: None } }
}

fn renew(id: &str, key: &str, expire_time: Timestamp) -> Step {
    Step::on(id, Effect::Renew { key: key.to_owned(), expire_time, product_id: None, unfreezes: false })
}

/// Does a step as a run does.
async fn perform(ledger: &dyn Ledger, step: &Step) -> Begin {
    let begin = ledger.begin(step, lease(7), NOW).await.unwrap();
    if let Begin::Run(instance) = &begin {
        ledger.complete(step, &instance.instance_id, lease(7), NOW).await.unwrap();
    }
    begin
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(&dyn Ledger)) {
    check(&MemoryLedger::new()).await;
    let folder = tempfile::tempdir().unwrap();
    check(&open(&folder.path().join("ledger.db")).await).await;
    if let Some(schema) = Schema::new().await {
        check(&postgres(&schema).await).await;
    }
}

/// Runs a check on every engine that several servers can share, as two of them see it.
async fn each_shared(check: impl AsyncFn([Arc<dyn Ledger>; 2])) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    check([Arc::new(open(&path).await), Arc::new(open(&path).await)]).await;
    if let Some(schema) = Schema::new().await {
        check([Arc::new(postgres(&schema).await), Arc::new(postgres(&schema).await)]).await;
    }
}

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::new(&sqlite::Database::open(path).unwrap()).await.unwrap()
}

async fn postgres(schema: &Schema) -> PostgresLedger {
    PostgresLedger::new(&schema.database().await).await.unwrap()
}

#[tokio::test]
async fn a_purchase_is_noted_with_its_instance_and_stays_so() {
    each(async |ledger| {
        let purchase = create(OrderKey::new("CS1").with_order_line("L1"), "id");
        let noted = Step::on("id", Effect::Note { key: purchase.key().unwrap().to_owned() });
        assert_eq!(ledger.look(&noted).await.unwrap(), Look::Unknown);
        ledger.begin(&purchase, lease(1), NOW).await.unwrap();
        for step in [&purchase, &Step::on("id", Effect::Release)] {
            assert!(matches!(ledger.look(&noted).await.unwrap(), Look::Done(_)));
            ledger.abandon("id", lease(1)).await.ok();
            ledger.begin(step, lease(1), NOW).await.unwrap();
            ledger.complete(step, "id", lease(1), NOW).await.unwrap();
        }
        let Look::Done(instance) = ledger.look(&noted).await.unwrap() else { panic!() };
        assert_eq!(instance.state, State::Released);

        // A note leaves everything else as it is.
        perform(ledger, &create(OrderKey::new("CS2"), "other")).await;
        let note = Step::on("other", Effect::Note { key: "seen".to_owned() });
        assert!(matches!(ledger.look(&note).await.unwrap(), Look::Open(_)));
        assert!(matches!(perform(ledger, &note).await, Begin::Run(_)));
        let Begin::Done(instance) = perform(ledger, &note).await else { panic!() };
        assert_eq!((instance.state, instance.product_id.as_deref()), (State::Active, Some("P1")));
    })
    .await;
}

#[tokio::test]
async fn the_id_of_an_order_is_fixed_before_any_work() {
    each(async |ledger| {
        let first = create(OrderKey::new("CS1"), "first");
        assert_eq!(ledger.look(&first).await.unwrap(), Look::Unknown);
        assert!(matches!(ledger.begin(&first, lease(1), NOW).await.unwrap(), Begin::Run(_)));
        let second = create(OrderKey::new("CS1"), "second");
        let Begin::Busy(instance) = ledger.begin(&second, lease(2), NOW).await.unwrap() else { panic!() };
        assert_eq!((instance.instance_id.as_str(), instance.state), ("first", State::Creating));
        ledger.abandon("first", lease(1)).await.unwrap();
        let Begin::Run(instance) = ledger.begin(&second, lease(2), NOW).await.unwrap() else { panic!() };
        assert_eq!((instance.instance_id.as_str(), instance.handler_runs), ("first", 1));
        let done = ledger.complete(&second, "first", lease(2), NOW).await.unwrap();
        assert_eq!((done.state, done.product_id.as_deref(), done.handler_runs), (State::Active, Some("P1"), 2));
        assert_eq!(ledger.look(&first).await.unwrap(), Look::Done(done));
    })
    .await;
}

#[tokio::test]
async fn purchases_differ_by_every_part_of_their_key() {
    each(async |ledger| {
        let orders = [
            OrderKey::new("CS1"),
            OrderKey::new("CS1").with_order_line("1"),
            OrderKey::new("CS1").with_product("1"),
            OrderKey::new("CS1").with_order_line("1").with_product("1"),
        ];
        for (index, order) in orders.iter().enumerate() {
            assert!(matches!(perform(ledger, &create(order.clone(), &format!("id{index}"))).await, Begin::Run(_)));
        }
        let taken = create(OrderKey::new("CS2"), "id0");
        assert_eq!(ledger.begin(&taken, lease(1), NOW).await.unwrap(), Begin::IdTaken);
        assert_eq!(ledger.look(&taken).await.unwrap(), Look::Unknown, "nothing was written");
    })
    .await;
}

#[tokio::test]
async fn a_lease_keeps_others_out_until_it_ends() {
    each(async |ledger| {
        let step = create(OrderKey::new("CS1"), "id");
        let short = Lease { holder: 1, until: NOW.saturating_add(Duration::from_secs(5)) };
        ledger.begin(&step, short, NOW).await.unwrap();
        ledger.extend("id", lease(1)).await.unwrap();
        let later = NOW.saturating_add(Duration::from_secs(60));
        assert!(matches!(ledger.begin(&step, lease(2), later).await.unwrap(), Begin::Busy(_)));
        let too_late = NOW.saturating_add(2 * HOUR);
        assert!(matches!(ledger.begin(&step, lease(2), too_late).await.unwrap(), Begin::Run(_)));

        assert!(matches!(ledger.extend("id", lease(1)).await, Err(LedgerError::LeaseLost(_))));
        assert!(matches!(ledger.abandon("id", lease(1)).await, Err(LedgerError::LeaseLost(_))));
        assert!(matches!(ledger.complete(&step, "id", lease(1), NOW).await, Err(LedgerError::LeaseLost(_))));
        assert_eq!(ledger.instance("id").await.unwrap().unwrap().state, State::Creating);
        ledger.complete(&step, "id", lease(2), NOW).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn steps_are_done_once() {
    each(async |ledger| {
        perform(ledger, &create(OrderKey::new("CS1"), "id")).await;
        let expiry = |days: u64| NOW.saturating_add(Duration::from_secs(86_400 * days));
        for (step, runs) in [
            (renew("id", "a", expiry(30)), true),
            (renew("id", "b", expiry(10)), true),
            (renew("id", "a", expiry(30)), false),
            (Step::on("id", Effect::Unfreeze), false),
            (Step::on("id", Effect::Freeze), true),
            (Step::on("id", Effect::Freeze), false),
            (Step::on("id", Effect::Unfreeze), true),
            (Step::on("id", Effect::Upgrade { key: "a".to_owned(), product_id: Some("P2".to_owned()) }), false),
            (Step::on("id", Effect::Upgrade { key: "c".to_owned(), product_id: Some("P2".to_owned()) }), true),
        ] {
            assert_eq!(matches!(perform(ledger, &step).await, Begin::Run(_)), runs, "{step:?}");
        }
        let instance = ledger.instance("id").await.unwrap().unwrap();
        assert_eq!(instance.expire_time, Some(expiry(10)), "the late copy did not move it again");
        assert_eq!(instance.product_id.as_deref(), Some("P2"));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Run(_)));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Done(_)));
        assert_eq!(perform(ledger, &renew("id", "d", expiry(1))).await, Begin::Unknown);
        assert_eq!(perform(ledger, &renew("nobody", "d", expiry(1))).await, Begin::Unknown);
    })
    .await;
}

#[tokio::test]
async fn an_unfinished_instance_can_only_be_finished_or_released() {
    each(async |ledger| {
        let step = create(OrderKey::new("CS1"), "id");
        ledger.begin(&step, lease(1), NOW).await.unwrap();
        ledger.abandon("id", lease(1)).await.unwrap();
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Freeze)).await, Begin::NotCreated(_)));
        assert!(matches!(perform(ledger, &Step::on("id", Effect::Release)).await, Begin::Run(_)));
        assert!(matches!(perform(ledger, &step).await, Begin::Done(_)), "a released order is not revived");
    })
    .await;
}

#[tokio::test]
async fn instances_are_listed_in_pages() {
    each(async |ledger| {
        for index in 0..25 {
            perform(ledger, &create(OrderKey::new(format!("CS{index}")), &format!("id{index:02}"))).await;
        }
        let mut listed = Vec::new();
        loop {
            let after = listed.last().cloned();
            let page = ledger.instances(after.as_deref(), 10).await.unwrap();
            if page.is_empty() {
                break;
            }
            listed.extend(page.iter().map(|instance| instance.instance_id.clone()));
        }
        assert_eq!(listed, (0..25).map(|index| format!("id{index:02}")).collect::<Vec<_>>());
    })
    .await;
}

async fn is_kept_over_a_restart<L: Ledger>(open: impl AsyncFn() -> L) {
    let expiry = NOW.saturating_add(HOUR);
    let order = OrderKey::new("CS1").with_order_line("1").with_product("P");
    {
        let ledger = open().await;
        perform(&ledger, &create(order.clone(), "id")).await;
        perform(&ledger, &renew("id", "a", expiry)).await;
        perform(&ledger, &Step::on("id", Effect::Freeze)).await;
    }
    let ledger = open().await;
    let Look::Done(instance) = ledger.look(&create(order.clone(), "other")).await.unwrap() else { panic!() };
    assert_eq!((instance.instance_id.as_str(), &instance.order), ("id", &order));
    assert_eq!((instance.state, instance.expire_time, instance.handler_runs), (State::Frozen, Some(expiry), 3));
    assert!(matches!(perform(&ledger, &renew("id", "a", expiry)).await, Begin::Done(_)));
}

#[tokio::test]
async fn everything_is_kept_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    is_kept_over_a_restart(async || open(&folder.path().join("ledger.db")).await).await;
    if let Some(schema) = Schema::new().await {
        is_kept_over_a_restart(async || postgres(&schema).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_gets_the_lease_also_across_servers() {
    each_shared(async |ledgers| {
        let tries = (0..40).map(|index| {
            let ledger = Arc::clone(&ledgers[index % 2]);
            tokio::spawn(async move {
                let step = create(OrderKey::new("CS1"), &format!("id{index}"));
                ledger.begin(&step, lease(index as u128), NOW).await.unwrap()
            })
        });
        let begun: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let running: Vec<_> = begun.iter().filter(|begin| matches!(begin, Begin::Run(_))).collect();
        let [Begin::Run(instance)] = running[..] else { panic!("{begun:?}") };
        assert_eq!(begun.iter().filter(|begin| matches!(begin, Begin::Busy(_))).count(), 39);
        assert_eq!(ledgers[0].instances(None, 100).await.unwrap().len(), 1, "{instance:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_orders_at_once_one_gets_the_id() {
    each_shared(async |ledgers| {
        let tries = (0..40).map(|index| {
            let ledger = Arc::clone(&ledgers[index % 2]);
            tokio::spawn(async move {
                let step = create(OrderKey::new(format!("CS{index}")), "id");
                ledger.begin(&step, lease(index as u128), NOW).await.unwrap()
            })
        });
        let begun: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(begun.iter().filter(|begin| matches!(begin, Begin::Run(_))).count(), 1, "{begun:?}");
        assert_eq!(begun.iter().filter(|begin| **begin == Begin::IdTaken).count(), 39, "{begun:?}");
    })
    .await;
}

/// Who waited for the instance must also see the note that came with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_done_once_however_many_do_it_at_once() {
    each_shared(async |ledgers| {
        perform(&*ledgers[0], &create(OrderKey::new("CS1"), "id")).await;
        for round in 0..20 {
            let tries = (0..8).map(|index| {
                let ledger = Arc::clone(&ledgers[index % 2]);
                tokio::spawn(async move {
                    let step = renew("id", &format!("renewal{round}"), NOW);
                    loop {
                        match ledger.begin(&step, lease(index as u128), NOW).await.unwrap() {
                            Begin::Run(_) => {
                                ledger.complete(&step, "id", lease(index as u128), NOW).await.unwrap();
                                return true;
                            }
                            Begin::Done(_) => return false,
                            Begin::Busy(_) => {}
                            begin => panic!("{begin:?}"),
                        }
                    }
                })
            });
            let runs = join_all(tries).await.into_iter().filter(|run| *run.as_ref().unwrap()).count();
            assert_eq!(runs, 1, "round {round}");
        }
        assert_eq!(ledgers[1].instance("id").await.unwrap().unwrap().handler_runs, 21);
    })
    .await;
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
        let drop = "DROP TABLE koogallery_step, koogallery_instance, koogallery_replay";
        schema.client().await.batch_execute(drop).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_tables_made_by_another_role_need_no_right_to_make_some() {
    let Some(schema) = Schema::new().await else { return };
    let (admin, role) = (schema.client().await, format!("{}_role", schema.name));
    admin
        .batch_execute(&format!(
            "{} CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}; \
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {name} TO {role}",
            PostgresLedger::SCHEMA,
            name = schema.name
        ))
        .await
        .unwrap();
    let mut config = schema.config();
    config.options(format!("-c search_path={} -c role={role}", schema.name));
    let database = postgres::Database::connect_with(config, tokio_postgres::NoTls).await.unwrap();
    let ledger = PostgresLedger::new(&database).await.unwrap();
    assert!(matches!(perform(&ledger, &create(OrderKey::new("CS1"), "id")).await, Begin::Run(_)));
    assert!(koogallery::replay::PostgresReplayGuard::new(&database).await.is_err());
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn postgres_replaces_connections_that_the_server_closed() {
    let Some(schema) = Schema::new().await else { return };
    let manager = deadpool_postgres::Manager::new(schema.config(), tokio_postgres::NoTls);
    let own_pool = deadpool_postgres::Pool::builder(manager).build().unwrap();
    for database in [schema.database().await, postgres::Database::from_pool(own_pool)] {
        let ledger = PostgresLedger::new(&database).await.unwrap();
        // Several at once, so that there are several connections.
        join_all((0..8).map(|_| ledger.instance("id"))).await;
        let admin = schema.client().await;
        let kill =
            "SELECT count(*), count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        let killed: i64 = admin.query_one(kill, &[&schema.name]).await.unwrap().get(0);
        assert!(killed > 1, "{killed}");
        while admin.query_one(kill, &[&schema.name]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for answer in join_all((0..8).map(|_| ledger.instance("id"))).await {
            assert_eq!(answer.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn postgres_that_falls_silent_is_an_error_soon_and_not_for_ever() {
    let Some(schema) = Schema::new().await else { return };
    let config = schema.config();
    let [tokio_postgres::config::Host::Tcp(host)] = config.get_hosts() else { panic!("no TCP: {config:?}") };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let server = tokio::net::lookup_host((host.as_str(), port)).await.unwrap().next().unwrap();
    let wire = Wire::to(server).await;
    let mut through_wire = tokio_postgres::Config::new();
    through_wire.host("127.0.0.1").port(wire.address.port()).user(config.get_user().unwrap());
    through_wire.dbname(config.get_dbname().unwrap()).options(config.get_options().unwrap());
    through_wire.password(config.get_password().unwrap_or_default());
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
async fn postgres_bears_that_nobody_waits_for_its_answer() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = postgres(&schema).await;
    let step = create(OrderKey::new("CS1"), "id");
    for micros in (0..6000).step_by(30) {
        let begin = ledger.begin(&step, lease(1), NOW);
        let Ok(begin) = tokio::time::timeout(Duration::from_micros(micros), begin).await else { continue };
        // One that was given up may have got the lease all the same.
        assert!(matches!(begin.unwrap(), Begin::Run(_) | Begin::Busy(_)));
    }
    let later = NOW.saturating_add(2 * HOUR);
    let tries = join_all((0..8).map(|_| ledger.begin(&step, lease(2), later))).await;
    assert!(tries.iter().all(|begin| matches!(begin, Ok(Begin::Run(_)))), "{tries:?}");
    ledger.complete(&step, "id", lease(2), later).await.unwrap();
    assert!(matches!(perform(&ledger, &step).await, Begin::Done(_)));
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
    let Begin::Run(instance) = begin.unwrap() else { panic!() };
    assert_eq!(instance.handler_runs, 1, "what timed out left nothing");
}
