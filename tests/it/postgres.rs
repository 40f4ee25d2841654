//! The stores' way with a PostgreSQL server: connections, time limits, round trips, versions of tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::lease::Lease;
use koogallery::ledger::{Effect, Ledger, LedgerError, OrderKey, PostgresLedger, Step, Target};
use koogallery::license_store::{ApplicationId, LicenseApplication, LicenseStore as _, PostgresLicenseStore};
use koogallery::postgres::{Database, DatabaseError};
use koogallery::replay::{CallId, PostgresReplayGuard, ReplayGuard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_postgres::NoTls;

use crate::servers::Schema;
use crate::support::{NOW, Stage, purchase};

const TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 3;

async fn small_pool(schema: &Schema) -> Database {
    Database::builder(schema.config()).connections(CONNECTIONS).timeout(TIMEOUT).connect(NoTls).await.unwrap()
}

fn create(order: &str, id: &str) -> Step {
    let target = Target::Purchase { order: OrderKey::new(order), proposed_id: id.to_owned() };
    Step::new(target, Effect::Create { product_id: None, expire_time: None })
}

fn lease() -> Lease {
    Lease::new(7, Duration::from_secs(60))
}

/// The most connections that the stores of a schema had at once, counted until it is asked for.
struct Watch {
    is_over: Arc<AtomicBool>,
    most: tokio::task::JoinHandle<i64>,
}

impl Watch {
    async fn on(schema: &Schema) -> Self {
        let (client, name, is_over) = (schema.client().await, schema.name.clone(), Arc::<AtomicBool>::default());
        let over = Arc::clone(&is_over);
        let most = tokio::spawn(async move {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
                most = most.max(client.query_one(count, &[&name]).await.unwrap().get(0));
                sleep(Duration::from_millis(10)).await;
            }
            most
        });
        Self { is_over, most }
    }

    async fn most(self) -> i64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.most.await.unwrap()
    }
}

fn database_error(error: &LedgerError) -> &DatabaseError {
    let LedgerError::Store(source) = error else { panic!("{error:?}") };
    source.downcast_ref().unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_takes_no_more_connections_than_the_pool_has() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = PostgresLedger::new(&small_pool(&schema).await).await.unwrap();
    let watch = Watch::on(&schema).await;
    let mut locker = schema.client().await;
    let lock = locker.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE koogallery_instance IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let locked_until = Instant::now() + 4 * TIMEOUT;
    let callers = (0..8 * CONNECTIONS).map(|caller| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let step = create(&format!("CS{caller}"), &format!("id{caller}"));
            let mut locked = 0;
            while Instant::now() < locked_until - TIMEOUT {
                let began = Instant::now();
                // Every third caller loses patience.
                if caller % 3 == 0 {
                    let _ = timeout(Duration::from_millis(150), ledger.begin(&step, lease(), NOW)).await;
                    continue;
                }
                let error = match caller % 3 {
                    1 => ledger.begin(&step, lease(), NOW).await.unwrap_err(),
                    _ => ledger.instance("id").await.unwrap_err(),
                };
                assert!(began.elapsed() < TIMEOUT + Duration::from_millis(300), "{:?}", began.elapsed());
                match database_error(&error) {
                    DatabaseError::Locked(_) => locked += 1,
                    DatabaseError::Busy { connections: CONNECTIONS, waited: TIMEOUT } => {}
                    DatabaseError::Canceled(_) | DatabaseError::TimedOut(TIMEOUT) => {}
                    error => panic!("{error:?}"),
                }
            }
            locked
        })
    });
    let callers: Vec<_> = callers.collect();
    let other = schema.client().await;
    while Instant::now() < locked_until - TIMEOUT {
        let began = Instant::now();
        other.query_one("SELECT 1", &[]).await.unwrap();
        // A lock would hold it for `4 * TIMEOUT`; a busy machine takes a while too.
        assert!(began.elapsed() < 2 * TIMEOUT, "another client is not disturbed");
        sleep(Duration::from_millis(50)).await;
    }
    let locked: usize = join_all(callers).await.into_iter().map(Result::unwrap).sum();
    assert!(locked > 0);

    lock.commit().await.unwrap();
    let began = Instant::now();
    let answers = join_all((0..CONNECTIONS).map(|_| ledger.instance("id"))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_none()));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?} after the lock", began.elapsed());
    let most = watch.most().await;
    assert!((1..=CONNECTIONS as i64).contains(&most), "{most} connections");
}

#[tokio::test]
async fn a_statement_that_the_server_does_not_end_is_canceled() {
    let Some(schema) = Schema::new().await else { return };
    let database = small_pool(&schema).await;
    let watch = Watch::on(&schema).await;
    let admin = schema.client().await;
    let endless = async |transaction: &deadpool_postgres::Transaction<'_>| {
        transaction.batch_execute("SET LOCAL statement_timeout = 0; SELECT pg_sleep(60)").await?;
        Ok(())
    };
    for _ in 0..2 {
        let began = Instant::now();
        let sleepers = join_all((0..CONNECTIONS).map(|_| database.transaction(endless)));
        let late = database.transaction(async |_: &deadpool_postgres::Transaction<'_>| Ok(()));
        let (sleepers, late) = tokio::join!(biased; sleepers, late);
        assert!(matches!(late, Err(DatabaseError::Busy { connections: CONNECTIONS, .. })), "{late:?}");
        assert!(sleepers.iter().all(|outcome| matches!(outcome, Err(DatabaseError::TimedOut(_)))), "{sleepers:?}");
        assert!(began.elapsed() < TIMEOUT + Duration::from_millis(300), "{:?}", began.elapsed());
        sleep(2 * TIMEOUT).await;
    }
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'";
    assert_eq!(admin.query_one(running, &[&schema.name]).await.unwrap().get::<_, i64>(0), 0);
    let began = Instant::now();
    assert!(PostgresLedger::new(&database).await.unwrap().instance("id").await.unwrap().is_none());
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
    // One more to cancel, while the one before it is ending.
    assert!(watch.most().await <= CONNECTIONS as i64 + 2);
}

#[tokio::test]
async fn one_connection_is_enough_for_every_operation() {
    let Some(schema) = Schema::new().await else { return };
    let database = Database::builder(schema.config()).connections(1).connect(NoTls).await.unwrap();
    let ledger = PostgresLedger::new(&database).await.unwrap();
    let steps: Vec<_> = (0..20).map(|number| create(&format!("CS{number}"), &format!("id{number}"))).collect();
    for outcome in join_all(steps.iter().map(|step| ledger.begin(step, lease(), NOW))).await {
        outcome.unwrap();
    }
    assert_eq!(ledger.instances(None, 99).await.unwrap().len(), 20);
}

/// A way to a server that counts how often the direction turns.
async fn counted(schema: &Schema) -> (Database, Arc<AtomicUsize>) {
    let mut config = schema.config();
    let [tokio_postgres::config::Host::Tcp(host)] = config.get_hosts() else { panic!("no TCP: {config:?}") };
    let server = (host.clone(), config.get_ports().first().copied().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.hostaddr("127.0.0.1".parse().unwrap());
    let port = listener.local_addr().unwrap().port();
    let mut through = tokio_postgres::Config::new();
    through.host("127.0.0.1").port(port).user(config.get_user().unwrap()).dbname(config.get_dbname().unwrap());
    through.options(config.get_options().unwrap()).password(config.get_password().unwrap_or_default());
    let turns = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&turns);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (server, counter) = (server.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let mut far = TcpStream::connect(server).await.unwrap();
                let (mut question, mut answer) = ([0; 1 << 16], [0; 1 << 16]);
                let mut is_answered = true;
                loop {
                    tokio::select! {
                        read = near.read(&mut question) => {
                            let Ok(length @ 1..) = read else { return };
                            counter.fetch_add(usize::from(std::mem::take(&mut is_answered)), Ordering::Relaxed);
                            // What follows at once belongs to it.
                            sleep(Duration::from_millis(5)).await;
                            far.write_all(&question[..length]).await.unwrap();
                        }
                        read = far.read(&mut answer) => {
                            let Ok(length @ 1..) = read else { return };
                            is_answered = true;
                            near.write_all(&answer[..length]).await.unwrap();
                        }
                    }
                }
            });
        }
    });
    (Database::connect_with(through, NoTls).await.unwrap(), turns)
}

#[tokio::test]
async fn operations_take_few_round_trips() {
    let Some(schema) = Schema::new().await else { return };
    let (database, turns) = counted(&schema).await;
    let ledger = PostgresLedger::new(&database).await.unwrap();
    let guard = PostgresReplayGuard::new(&database).await.unwrap();
    let step = create("CS1", "id");
    macro_rules! count {
        ($operation:expr) => {{
            turns.store(0, Ordering::Relaxed);
            $operation.await.unwrap();
            turns.load(Ordering::Relaxed)
        }};
    }
    let until = NOW.saturating_add(TIMEOUT);
    assert_eq!(count!(guard.claim(CallId::SignedQuery("nonce"), None, until, NOW)), 1, "claim");
    assert_eq!(count!(guard.remember_answer(CallId::SignedQuery("nonce"), None, "{}".into())), 1, "remember_answer");
    assert_eq!(count!(ledger.status(&step, NOW)), 1, "status");
    assert_eq!(count!(ledger.begin(&step, lease(), NOW)), 1, "begin");
    // The first one opens the connection for it.
    ledger.extend("id", lease(), NOW).await.unwrap();
    assert_eq!(count!(ledger.extend("id", lease(), NOW)), 1, "extend");
    assert_eq!(count!(ledger.complete(&step, "id", lease(), NOW)), 1, "complete");
    assert_eq!(count!(ledger.instance("id")), 1, "instance");
    assert_eq!(count!(ledger.instances(None, 9)), 1, "instances");
}

/// A creation: it is claimed and looked up, begun, done, and its answer is kept.
#[tokio::test]
async fn a_creation_takes_at_most_eight_round_trips_and_many_at_once_share_them() {
    let Some(schema) = Schema::new().await else { return };
    let (database, turns) = counted(&schema).await;
    let guard = PostgresReplayGuard::new(&database).await.unwrap();
    let stage =
        Stage::on(Arc::new(PostgresLedger::new(&database).await.unwrap()), |builder| builder.replay_guard(guard));
    // Opens two connections: guard and ledger are asked at once.
    assert_eq!(stage.post(&purchase("CS", "b")).await.code, "000000");
    turns.store(0, Ordering::Relaxed);
    assert_eq!(stage.post(&purchase("CS0", "b0")).await.code, "000000");
    assert_eq!(turns.load(Ordering::Relaxed), 5);

    turns.store(0, Ordering::Relaxed);
    let bodies: Vec<_> = (1..=32).map(|order| purchase(&format!("CS{order}"), &format!("b{order}"))).collect();
    let answers = join_all(bodies.iter().map(|body| stage.post(body))).await;
    assert!(answers.iter().all(|answer| answer.code == "000000"), "{answers:?}");
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns <= 32 * 2, "{turns} round trips for 32 creations");
    assert_eq!(stage.seller.runs(), 34);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    PostgresLedger::new(&database).await.unwrap();
    let admin = schema.client().await;
    let rows = "SELECT version FROM koogallery_schema WHERE store = 'ledger'";
    assert_eq!(admin.query_one(rows, &[]).await.unwrap().get::<_, i64>(0), 4);
    admin.batch_execute("UPDATE koogallery_schema SET version = 99").await.unwrap();
    let error = PostgresLedger::new(&database).await.unwrap_err();
    assert!(
        matches!(&error, DatabaseError::NewerSchema { store, found: 99, supported: 4 } if store == "ledger"),
        "{error:?}"
    );
    PostgresLedger::named(&database, "other").await.unwrap();
}

#[tokio::test]
async fn tables_without_a_version_are_taken_over() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    PostgresLedger::new(&database).await.unwrap().begin(&create("CS1", "id"), lease(), NOW).await.unwrap();
    PostgresReplayGuard::new(&database).await.unwrap();
    let admin = schema.client().await;
    admin.batch_execute("DROP TABLE koogallery_schema").await.unwrap();
    let ledger = PostgresLedger::new(&database).await.unwrap();
    assert!(ledger.instance("id").await.unwrap().is_some(), "nothing is lost");
    PostgresReplayGuard::new(&database).await.unwrap();
    let versions = "SELECT string_agg(store || ' ' || version, ', ' ORDER BY store) FROM koogallery_schema";
    assert_eq!(admin.query_one(versions, &[]).await.unwrap().get::<_, String>(0), "ledger 4, replay 2");
}

#[tokio::test]
async fn tables_of_the_first_version_are_updated() {
    let Some(schema) = Schema::new().await else { return };
    let database = schema.database().await;
    PostgresLedger::new(&database).await.unwrap().begin(&create("CS1", "id"), lease(), NOW).await.unwrap();
    let id = ApplicationId::Event("E1".to_owned());
    let application = LicenseApplication::new(id.clone(), "id");
    PostgresLicenseStore::new(&database).await.unwrap().apply(application, NOW).await.unwrap();
    let before = "ALTER TABLE koogallery_instance DROP COLUMN status_signed_at, DROP COLUMN released_at, \
                  DROP COLUMN status_unsettled; \
                  ALTER TABLE koogallery_license DROP COLUMN attempts; UPDATE koogallery_schema SET version = 1";
    schema.client().await.batch_execute(before).await.unwrap();
    let ledger = PostgresLedger::new(&database).await.unwrap();
    let done = ledger.complete(&create("CS1", "id"), "id", lease(), NOW).await.unwrap();
    assert_eq!(done.status_signed_at, None);
    let store = PostgresLicenseStore::new(&database).await.unwrap();
    assert_eq!(store.claim(&id, lease(), NOW).await.unwrap().unwrap().attempts, 1);
}
