//! A database that is away for some time, and one that may only be read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use koogallery::ledger::{Ledger, MysqlLedger, PostgresLedger, State};
use koogallery::mysql;
use koogallery::postgres;
use koogallery::replay::{MysqlReplayGuard, PostgresReplayGuard, ReplayGuard};
use mysql_async::prelude::Queryable as _;
use tokio::time::sleep;
use tokio_postgres::NoTls;

use crate::servers::{Mysql, Schema, Wire};
use crate::shared_ledger::{query, set_status};
use crate::support::{Mood, Stage, purchase};

const OUTAGE: Duration = Duration::from_secs(10);

/// After the deadline of V2.0, with room for a busy machine.
const LONGEST: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_that_is_silent_for_ten_seconds_costs_no_order() {
    let Some(schema) = Schema::new().await else { return };
    postgresql_is_away(&schema, Wire::cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_that_is_down_for_ten_seconds_costs_no_order() {
    let Some(schema) = Schema::new().await else { return };
    postgresql_is_away(&schema, Wire::close).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_that_is_silent_for_ten_seconds_costs_no_order() {
    let Some(place) = Mysql::new().await else { return };
    mysql_is_away(&place, Wire::cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_that_is_down_for_ten_seconds_costs_no_order() {
    let Some(place) = Mysql::new().await else { return };
    mysql_is_away(&place, Wire::close).await;
}

async fn postgresql_is_away(schema: &Schema, go: fn(&Wire)) {
    let (wire, through) = schema.wire().await;
    let database = postgres::Database::connect_with(through, NoTls).await.unwrap();
    let ledger = Arc::new(PostgresLedger::new(&database).await.unwrap());
    let guard = Arc::new(PostgresReplayGuard::new(&database).await.unwrap());
    is_away(ledger, guard, || go(&wire), || wire.repair()).await;
}

async fn mysql_is_away(place: &Mysql, go: fn(&Wire)) {
    let (wire, through) = place.wire().await;
    let database = mysql::Database::builder(through).connect().await.unwrap();
    let ledger = Arc::new(MysqlLedger::new(&database).await.unwrap());
    let guard = Arc::new(MysqlReplayGuard::new(&database).await.unwrap());
    is_away(ledger, guard, || go(&wire), || wire.repair()).await;
}

/// The database goes while a handler runs. Calls are refused in time until it is back; then every retry succeeds.
async fn is_away(ledger: Arc<dyn Ledger>, guard: Arc<dyn ReplayGuard>, go: impl Fn(), come_back: impl Fn()) {
    let stage = Stage::on(ledger, |builder| builder.replay_guard(guard));
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    stage.seller.set(Mood::Slow(Duration::from_secs(1)));
    let cut_off = purchase("CS2", "b2");
    let during = async {
        while stage.seller.runs() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
        stage.seller.set(Mood::Willing);
        go();
        let ends = Instant::now() + OUTAGE;
        while Instant::now() < ends {
            for body in [purchase("CS3", "b3"), set_status("b1", "FREEZE"), query("b1")] {
                let began = Instant::now();
                let answer = stage.post(&body).await;
                assert_eq!(answer.code, "000005", "{body}");
                assert!(began.elapsed() < LONGEST, "{body} took {:?}", began.elapsed());
                sleep(Duration::from_millis(100)).await;
            }
        }
        assert_eq!(stage.seller.runs(), 2, "nothing is done that cannot be noted");
        come_back();
    };
    tokio::join!(stage.post(&cut_off), during);

    for body in [&cut_off, &purchase("CS3", "b3"), &set_status("b1", "FREEZE"), &query("b1")] {
        let began = Instant::now();
        while stage.post(body).await.code != "000000" {
            assert!(began.elapsed() < Duration::from_secs(30), "{body} does not succeed: {}", stage.log.last());
            sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(stage.seller.runs(), 4, "the outcome of the run that was cut off was noted in the end");
    let instances = stage.service.ledger().unwrap().instances(None, 9).await.unwrap();
    let states: Vec<_> = instances.iter().map(|instance| (&*instance.instance_id, instance.state)).collect();
    assert_eq!(states, [("b1", State::Frozen), ("b2", State::Active), ("b3", State::Active)]);
}

#[tokio::test]
async fn a_role_of_postgresql_that_may_only_read_answers_what_is_done() {
    let Some(schema) = Schema::new().await else { return };
    let (admin, role) = (schema.client().await, format!("{}_reader", schema.name));
    let writing = PostgresLedger::new(&schema.database().await).await.unwrap();
    let grant = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {role}",
        name = schema.name
    );
    admin.batch_execute(&grant).await.unwrap();
    let mut config = schema.config();
    config.options(format!("-c search_path={} -c role={role}", schema.name));
    let database = postgres::Database::connect_with(config, NoTls).await.unwrap();
    let reading = PostgresLedger::new(&database).await.unwrap();
    answers_what_is_done(writing, reading, "permission denied").await;
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn a_user_of_mysql_who_may_only_read_answers_what_is_done() {
    let Some(place) = Mysql::new().await else { return };
    let writing = MysqlLedger::new(&place.database().await).await.unwrap();
    let mut admin = place.client().await;
    let user = format!("reader_{}", place.name.rsplit_once("test_").unwrap().1);
    admin.query_drop(format!("CREATE USER '{user}' IDENTIFIED BY 'secret'")).await.unwrap();
    admin.query_drop(format!("GRANT SELECT ON {}.* TO '{user}'", place.name)).await.unwrap();
    let opts = place.opts().user(Some(&user)).pass(Some("secret"));
    let database = mysql::Database::builder(opts).connect().await.unwrap();
    let reading = MysqlLedger::new(&database).await.unwrap();
    answers_what_is_done(writing, reading, "denies access").await;
    admin.query_drop(format!("DROP USER '{user}'")).await.unwrap();
}

/// What only reads goes on. A change is refused, and its handler does not run.
async fn answers_what_is_done(writing: impl Ledger, reading: impl Ledger, reason: &str) {
    let before = Stage::on(writing, |builder| builder);
    assert_eq!(before.post(&purchase("CS1", "b1")).await.code, "000000");
    let stage = Stage::on(reading, |builder| builder);
    for body in [purchase("CS1", "b1"), query("b1")] {
        assert_eq!(stage.post(&body).await.code, "000000", "{body}");
    }
    for body in [purchase("CS2", "b2"), set_status("b1", "FREEZE")] {
        assert_eq!(stage.post(&body).await.code, "000005", "{body}");
        assert!(stage.log.last().contains(reason), "{}", stage.log.last());
    }
    assert_eq!(stage.seller.runs(), 0);
    for body in [purchase("CS2", "b2"), set_status("b1", "FREEZE")] {
        assert_eq!(before.post(&body).await.code, "000000", "{body}: the retry, once it can be written");
    }
}

/// The server says that its disk is full, as a trigger makes it do.
#[tokio::test]
async fn postgresql_with_a_full_disk_costs_no_order() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = PostgresLedger::new(&schema.database().await).await.unwrap();
    let admin = schema.client().await;
    let fill = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$; \
                CREATE TRIGGER full_disk BEFORE INSERT ON koogallery_step EXECUTE FUNCTION full_disk()";
    let stage = Stage::on(ledger, |builder| builder);
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    admin.batch_execute(fill).await.unwrap();
    is_full(&stage).await;
    admin.batch_execute("DROP FUNCTION full_disk CASCADE").await.unwrap();
    has_space_again(&stage).await;
}

#[tokio::test]
async fn mysql_with_a_full_disk_costs_no_order() {
    let Some(place) = Mysql::new().await else { return };
    let ledger = MysqlLedger::new(&place.database().await).await.unwrap();
    let mut admin = place.client().await;
    let fill = "CREATE TRIGGER full_disk BEFORE INSERT ON koogallery_step FOR EACH ROW \
                SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'";
    let stage = Stage::on(ledger, |builder| builder);
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    admin.query_drop(fill).await.unwrap();
    is_full(&stage).await;
    admin.query_drop("DROP TRIGGER full_disk").await.unwrap();
    has_space_again(&stage).await;
}

/// A purchase is refused before its handler runs, in clear words; nothing of it is stored.
async fn is_full(stage: &Stage) {
    for _ in 0..2 {
        assert_eq!(stage.post(&purchase("CS2", "b2")).await.code, "000005");
        assert!(stage.log.last().contains("has no space left on its disk"), "{}", stage.log.last());
    }
    assert_eq!(stage.post(&query("b1")).await.code, "000000", "what only reads goes on");
    assert_eq!(stage.seller.runs(), 1);
    assert_eq!(stage.service.ledger().unwrap().instances(None, 9).await.unwrap().len(), 1);
}

/// The retry succeeds, without a restart.
async fn has_space_again(stage: &Stage) {
    assert_eq!(stage.post(&purchase("CS2", "b2")).await.code, "000000");
    assert_eq!(stage.seller.runs(), 2);
    let instances = stage.service.ledger().unwrap().instances(None, 9).await.unwrap();
    let states: Vec<_> = instances.iter().map(|instance| (&*instance.instance_id, instance.state)).collect();
    assert_eq!(states, [("b1", State::Active), ("b2", State::Active)]);
}
