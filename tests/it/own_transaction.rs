//! Handlers that mark their change done in a transaction of their own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use koogallery::callback::{CallbackServiceBuilder, DebugCalls, HandlerError};
use koogallery::lease::Lease;
use koogallery::ledger::{Completion, Ledger, LedgerError, MysqlLedger, PostgresLedger, SqliteLedger, State};
use koogallery::license_store::MemoryLicenseStore;
use koogallery::sqlite;
use koogallery::tenant::TenantName;
use koogallery::timestamp::Timestamp;
use mysql_async::prelude::Queryable as _;
use mysql_async::{IsolationLevel, TxOpts};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::delegated::delegated;
use crate::old_ledger::old_database;
use crate::servers::{Mysql, Schema};
use crate::shared_ledger::*;
use crate::support::{Answer, purchase, v1_purchase};

/// No key, so that a run that is repeated shows.
const TABLE: &str = "CREATE TABLE own (line VARCHAR(200) NOT NULL)";

/// A database with a ledger, and a table of the seller's.
enum Place {
    /// The crate lends the seller its connection.
    Lent(sqlite::Database, SqliteLedger),
    /// The seller opens the file as well.
    File(PathBuf, SqliteLedger, #[expect(dead_code, reason = "it is deleted when dropped")] TempDir),
    Postgres(Schema, PostgresLedger),
    Mysql(Mysql, MysqlLedger),
}

impl Place {
    async fn lent() -> Self {
        let database = sqlite::Database::open(":memory:").unwrap();
        Self::lent_by(database).await
    }

    async fn lent_by(database: sqlite::Database) -> Self {
        database.transaction(|transaction| transaction.execute_batch(TABLE)).await.unwrap();
        let ledger = SqliteLedger::new(&database).await.unwrap();
        Self::Lent(database, ledger)
    }

    async fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.db");
        let ledger = open(&path).await;
        Connection::open(&path).unwrap().execute_batch(TABLE).unwrap();
        Self::File(path, ledger, folder)
    }

    async fn postgres() -> Option<Self> {
        let schema = Schema::new().await?;
        schema.client().await.batch_execute(TABLE).await.unwrap();
        let ledger = PostgresLedger::named(&schema.database().await, "own").await.unwrap();
        Some(Self::Postgres(schema, ledger))
    }

    async fn mysql() -> Option<Self> {
        let place = Mysql::new().await?;
        place.client().await.query_drop(TABLE).await.unwrap();
        let ledger = MysqlLedger::named(&place.database().await, "own").await.unwrap();
        Some(Self::Mysql(place, ledger))
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        match self {
            Self::Lent(_, ledger) | Self::File(_, ledger, _) => Arc::new(ledger.clone()),
            Self::Postgres(_, ledger) => Arc::new(ledger.clone()),
            Self::Mysql(_, ledger) => Arc::new(ledger.clone()),
        }
    }

    /// Writes a row and marks the change done, in one transaction.
    async fn write(&self, line: String, completion: Completion, commits: bool) -> Result<(), HandlerError> {
        match self {
            Self::Lent(database, ledger) => {
                let ledger = ledger.clone();
                let work = move |transaction: &Transaction<'_>| {
                    transaction.execute("INSERT INTO own VALUES (?1)", [&line])?;
                    ledger.complete_in(transaction, &completion)?;
                    if commits { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
                };
                match database.transaction(work).await {
                    Err(sqlite::DatabaseError::Sqlite(rusqlite::Error::InvalidQuery)) => {}
                    outcome => outcome?,
                }
            }
            Self::File(path, ledger, _) => {
                let (path, ledger) = (path.clone(), ledger.clone());
                let work = move || {
                    let mut connection = Connection::open(path)?;
                    connection.busy_timeout(Duration::from_secs(30))?;
                    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    transaction.execute("INSERT INTO own VALUES (?1)", [&line])?;
                    ledger.complete_in(&transaction, &completion)?;
                    if commits { transaction.commit() } else { transaction.rollback() }
                };
                tokio::task::spawn_blocking(work).await??;
            }
            Self::Postgres(schema, ledger) => {
                let mut client = schema.client().await;
                let transaction = client.transaction().await?;
                transaction.execute("INSERT INTO own VALUES ($1)", &[&line]).await?;
                ledger.complete_in(&transaction, &completion).await?;
                if commits { transaction.commit().await? } else { transaction.rollback().await? }
            }
            Self::Mysql(place, ledger) => {
                let mut connection = place.client().await;
                let mut options = TxOpts::new();
                options.with_isolation_level(IsolationLevel::ReadCommitted);
                let mut transaction = connection.start_transaction(options).await?;
                transaction.exec_drop("INSERT INTO own VALUES (?)", (&line,)).await?;
                ledger.complete_in(&mut transaction, &completion).await?;
                if commits { transaction.commit().await? } else { transaction.rollback().await? }
            }
        }
        Ok(())
    }

    /// What was committed, in the order of the texts.
    async fn rows(&self) -> Vec<String> {
        let select = "SELECT line FROM own ORDER BY line";
        let read = |connection: &Connection| {
            connection.prepare(select)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        let mut rows: Vec<String> = match self {
            Self::Lent(database, _) => database.transaction(move |transaction| read(transaction)).await.unwrap(),
            Self::File(path, ..) => read(&Connection::open(path).unwrap()).unwrap(),
            Self::Postgres(schema, _) => {
                let rows = schema.client().await.query(select, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::Mysql(place, _) => place.client().await.query(select).await.unwrap(),
        };
        rows.sort();
        rows
    }
}

/// What a seller does with its transaction.
#[derive(Clone)]
enum Mood {
    Commits,
    /// And is never heard of again: a process that dies at that moment.
    Dies,
    /// And fails, or not.
    RollsBack {
        fails: bool,
    },
    /// Before it writes.
    Waits(Arc<Notify>),
}

struct Books {
    place: Arc<Place>,
    mood: Mutex<Mood>,
    /// The instance `b`, as the ledger had it after each commit.
    states: Mutex<Vec<(String, State)>>,
}

impl Work for Books {
    fn run(&self, line: String, completion: Completion) -> BoxFuture<'_, Result<(), HandlerError>> {
        let mood = self.mood.lock().unwrap().clone();
        async move {
            if let Mood::Waits(go) = &mood {
                go.notified().await;
            }
            let commits = !matches!(mood, Mood::RollsBack { .. });
            self.place.write(line.clone(), completion, commits).await?;
            if let Some(instance) = self.place.ledger().instance("b").await? {
                self.states.lock().unwrap().push((line, instance.state));
            }
            match mood {
                Mood::Dies => std::future::pending().await,
                Mood::RollsBack { fails: true } => Err(HandlerError::failed("the disk is full")),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

/// A replica of a seller's server.
struct Replica {
    house: House,
    books: Arc<Books>,
}

impl Replica {
    fn new(place: &Arc<Place>) -> Self {
        Self::with(place, place.ledger(), |builder| builder)
    }

    fn with<L: Ledger + Clone>(
        place: &Arc<Place>,
        ledger: L,
        configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder,
    ) -> Self {
        let house = House::with(ledger.clone(), ledger, MemoryLicenseStore::new(), "", configure);
        let books =
            Arc::new(Books { place: Arc::clone(place), mood: Mutex::new(Mood::Commits), states: Mutex::default() });
        *house.handled.work.lock().unwrap() = Some(Arc::clone(&books) as Arc<dyn Work>);
        Self { house, books }
    }

    fn set(&self, mood: Mood) {
        *self.books.mood.lock().unwrap() = mood;
    }
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(Arc<Place>)) {
    check(Arc::new(Place::lent().await)).await;
    check(Arc::new(Place::file().await)).await;
    for place in [Place::postgres().await, Place::mysql().await].into_iter().flatten() {
        check(Arc::new(place)).await;
    }
}

/// A call of every family and kind.
async fn call(house: &House, number: usize) -> Option<Answer> {
    Some(match number {
        0 => house.saas(&purchase("CS1", "b")).await,
        1 => house.saas(&renew("b", "CS2")).await,
        2 => house.saas(&set_status("b", "FREEZE")).await,
        3 => house.saas(&set_status("b", "UNFREEZE")).await,
        4 => house.saas(&upgrade("b", "CS3")).await,
        5 => house.saas(&release("b")).await,
        6 => house.v1(&v1_purchase("CS4", "v")).await,
        7 => house.v1(&package("CS5", "P1", "p")).await,
        8 => house.notify("CS6").await,
        9 => house.license(&purchase("CS7", "l")).await,
        10 => house.license(&renew("l", "CS8")).await,
        11 => house.license(&renew_code("CODE1", "CS9")).await,
        _ => return None,
    })
}

fn upgrade(id: &str, order: &str) -> String {
    format!(
        r#"{{"activity":"upgradeInstance","instanceId":"{id}","orderId":"{order}","orderLineId":"{order}-000001"}}"#
    )
}

/// A process that is killed after the commit, and another that gets the call again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_dies_after_its_commit_is_not_repeated() {
    each(async |place| {
        for tenant in [None, Some("shop")] {
            let of_tenant = |builder: CallbackServiceBuilder| match tenant {
                Some(name) => builder.tenant(TenantName::new(name).unwrap()),
                None => builder,
            };
            let short = Duration::from_millis(100);
            let hasty = |builder| of_tenant(builder).v1_deadline(short).v2_deadline(short);
            let [dying, alive] =
                [Replica::with(&place, place.ledger(), hasty), Replica::with(&place, place.ledger(), of_tenant)];
            dying.set(Mood::Dies);
            for number in 0..12 {
                let before = place.rows().await.len();
                let mut died = Vec::new();
                // On a busy machine the answer is due before the work begins, or so early that it never does.
                for try_number in 0.. {
                    if try_number % 200 == 0 {
                        call(&dying.house, number).await.unwrap();
                    }
                    died = dying.house.handled.take();
                    if !died.is_empty() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let answer = call(&alive.house, number).await.unwrap();
                assert_eq!(answer.code, "000000", "call {number}");
                died.extend(dying.house.handled.take());
                assert_eq!(died.len(), 1, "call {number}");
                assert_eq!(alive.house.handled.take(), Vec::<String>::new(), "call {number}");
                assert_eq!(place.rows().await.len(), before + 1, "call {number}");
            }
            assert!(call(&dying.house, 12).await.is_none(), "all kinds of calls were tried");
            assert_eq!(alive.house.log.lines().iter().filter(|line| line.contains("after the answer")).count(), 0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_done_once_its_transaction_is_committed() {
    each(async |place| {
        let replica = Replica::new(&place);
        for number in 0..12 {
            for _ in 0..2 {
                assert_eq!(call(&replica.house, number).await.unwrap().code, "000000", "call {number}");
            }
        }
        let mut handled = replica.house.handled.take();
        handled.sort();
        assert_eq!(handled.len(), 12);
        assert_eq!(place.rows().await, handled);
        let of_b = [State::Active, State::Active, State::Frozen, State::Active, State::Active, State::Released];
        let states = replica.books.states.lock().unwrap();
        assert_eq!(states.iter().take(6).map(|(_, state)| *state).collect::<Vec<_>>(), of_b);
        let lines = replica.house.log.lines();
        assert!(lines.iter().all(|line| line.contains("000000")), "{lines:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rolled_back_marks_nothing() {
    each(async |place| {
        let replica = Replica::new(&place);
        let state = async || replica.house.service.ledger().unwrap().instance("b").await.unwrap().unwrap().state;
        replica.set(Mood::RollsBack { fails: true });
        assert_eq!(replica.house.saas(&purchase("CS1", "b")).await.code, "000005");
        assert_eq!((place.rows().await.len(), state().await), (0, State::Creating));
        replica.set(Mood::Commits);
        assert_eq!(replica.house.saas(&purchase("CS1", "b")).await.code, "000000");
        assert_eq!((place.rows().await.len(), state().await), (1, State::Active));
        replica.set(Mood::RollsBack { fails: false });
        for _ in 0..2 {
            assert_eq!(replica.house.saas(&set_status("b", "FREEZE")).await.code, "000000");
        }
        assert_eq!((place.rows().await.len(), state().await), (1, State::Frozen), "the service marks it");
        assert_eq!(replica.house.handled.take().len(), 3);
    })
    .await;
}

/// A ledger whose leases are not extended, as those of a process that is paused.
#[derive(Clone)]
struct Paused(Arc<dyn Ledger>);

impl Ledger for Paused {
    delegated!(0: status, begin, complete, abandon, instance, instances);

    fn extend<'a>(&'a self, _: &'a str, _: Lease, _: Timestamp) -> BoxFuture<'a, Result<(), LedgerError>> {
        std::future::ready(Ok(())).boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_has_lost_its_lease_writes_nothing() {
    each(async |place| {
        let lease = Duration::from_millis(300);
        let paused = Replica::with(&place, Paused(place.ledger()), |builder| builder.lease(lease));
        let other = Replica::new(&place);
        other.house.saas(&purchase("CS0", "frozen")).await;
        other.house.saas(&set_status("frozen", "FREEZE")).await;
        let before = place.rows().await;
        // A purchase, and a renewal that unfreezes, of which the first event marks nothing.
        let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=frozen&orderId=CS2";
        for round in 0..2 {
            let go = Arc::new(Notify::new());
            paused.set(Mood::Waits(Arc::clone(&go)));
            paused.house.handled.take();
            let buy = purchase("CS1", "b");
            let late = async {
                match round {
                    0 => paused.house.saas(&buy).await,
                    _ => paused.house.v1(renewal).await,
                }
            };
            let takeover = async {
                while paused.house.handled.take().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                // By the clock of the server, and of the caller.
                tokio::time::sleep(lease * 2).await;
                other.house.advance(lease * 2);
                let answer = match round {
                    0 => other.house.saas(&purchase("CS1", "b")).await,
                    _ => other.house.v1(renewal).await,
                };
                assert_eq!(answer.code, "000000");
                go.notify_one();
            };
            let (late, ()) = tokio::join!(late, takeover);
            assert_eq!(late.code, "000005");
            let last = paused.house.log.last();
            assert!(last.contains("was lost"), "{last}");
            assert_eq!(paused.house.handled.take(), Vec::<String>::new(), "round {round}: it goes no further");
        }
        let mut expected =
            [&before[..], &["saas create CS1 b", "saas renew frozen", "saas unfreeze frozen"].map(Into::into)].concat();
        expected.sort();
        assert_eq!(place.rows().await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_last_event_of_a_change_marks_it() {
    each(async |place| {
        let replica = Replica::new(&place);
        replica.house.v1(&v1_purchase("CS1", "b")).await;
        replica.house.v1("activity=expireInstance&instanceId=b").await;
        let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=b&orderId=CS2";
        for _ in 0..2 {
            assert_eq!(replica.house.v1(renewal).await.code, "000000");
        }
        let states = replica.books.states.lock().unwrap().clone();
        let expected = [
            ("saas create CS1 b", State::Active),
            ("saas freeze b", State::Frozen),
            ("saas renew b", State::Frozen),
            ("saas unfreeze b", State::Active),
        ];
        assert_eq!(states, expected.map(|(line, state)| (line.to_owned(), state)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_on_another_database_than_the_ledgers_is_refused() {
    each(async |place| {
        let elsewhere = SqliteLedger::new(&sqlite::Database::open(":memory:").unwrap()).await.unwrap();
        let replica = Replica::with(&place, elsewhere, |builder| builder);
        assert_eq!(replica.house.saas(&purchase("CS1", "b")).await.code, "000005");
        let last = replica.house.log.last();
        assert!(last.contains(r#"instance "b" is not in this ledger"#), "{last}");
        assert_eq!(place.rows().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_test_call_writes_and_marks_nothing() {
    let place = Arc::new(Place::lent().await);
    let replica = Replica::with(&place, place.ledger(), |builder| builder.debug_calls(DebugCalls::Handle));
    let body = purchase("CS1", "b").replace('}', r#","testFlag":"1"}"#);
    assert_eq!(replica.house.saas(&body).await.code, "000000");
    assert_eq!(place.rows().await.len(), 1, "the handler decides what it writes");
    assert!(replica.house.service.ledger().unwrap().instances(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_instance_from_before_families_had_ids_of_their_own_is_marked() {
    let (_folder, database) = old_database();
    let place = Arc::new(Place::lent_by(database).await);
    let [dying, alive] = [Duration::from_millis(100), Duration::from_secs(10)]
        .map(|deadline| Replica::with(&place, place.ledger(), |builder| builder.v2_deadline(deadline)));
    dying.set(Mood::Dies);
    dying.house.license(&renew("license-1", "LO9")).await;
    assert_eq!(alive.house.license(&renew("license-1", "LO9")).await.code, "000000");
    assert_eq!(alive.house.handled.take(), Vec::<String>::new());
    assert_eq!(place.rows().await, ["license renew license-1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_write_at_once_write_every_order_once() {
    each(async |place| {
        let replicas = [Replica::new(&place), Replica::new(&place)];
        let bodies: Vec<String> = (0..20).map(|order| purchase(&format!("CS{order}"), &format!("b{order}"))).collect();
        let bodies = &bodies;
        let copies = replicas
            .iter()
            .flat_map(|replica| (0..2).flat_map(move |_| bodies.iter().map(move |body| replica.house.saas(body))));
        for answer in join_all(copies).await {
            assert!(["000000", "000004"].contains(&&*answer.code), "{answer:?}");
        }
        join_all(replicas.iter().map(|replica| replica.house.service.wait_idle())).await;
        let rows = place.rows().await;
        let mut expected: Vec<_> = (0..20).map(|order| format!("saas create CS{order} b{order}")).collect();
        expected.sort();
        assert_eq!(rows, expected);
    })
    .await;
}
