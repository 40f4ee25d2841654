//! The stores' way with a MySQL or MariaDB server: connections, time limits, versions of tables.

use std::error::Error as _;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::heartbeat::{MysqlStateStore, StateError, StateStore};
use koogallery::mysql::{Database, DatabaseError};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, TxOpts};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::servers::Mysql;

const TIMEOUT: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 3;

async fn small_pool(place: &Mysql) -> Database {
    Database::builder(place.opts()).connections(CONNECTIONS).timeout(TIMEOUT).connect().await.unwrap()
}

fn database_error(error: &StateError) -> &DatabaseError {
    let StateError::Store(source) = error else { panic!("{error:?}") };
    source.downcast_ref().unwrap_or_else(|| panic!("{error:?}"))
}

/// The number of sessions in a database, but for the one that asks.
async fn sessions(admin: &mut Conn, place: &Mysql) -> u64 {
    let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()";
    admin.exec_first(count, (&place.name,)).await.unwrap().unwrap()
}

#[tokio::test]
async fn connections_are_limited_and_one_is_enough() {
    let Some(place) = Mysql::new().await else { return };
    let database = Database::builder(place.opts()).connections(1).connect().await.unwrap();
    let store = MysqlStateStore::new(&database).await.unwrap();
    let keys: Vec<String> = (0..20).map(|number| format!("key{number}")).collect();
    for saved in join_all(keys.iter().map(|key| store.save(key, key.clone().into_bytes()))).await {
        saved.unwrap();
    }
    for (key, loaded) in keys.iter().zip(join_all(keys.iter().map(|key| store.load(key))).await) {
        assert_eq!(loaded.unwrap().unwrap(), key.as_bytes());
    }
    assert_eq!(sessions(&mut place.client().await, &place).await, 1);
}

#[tokio::test]
async fn callers_who_lose_patience_get_no_one_elses_answer() {
    let Some(place) = Mysql::new().await else { return };
    let store = MysqlStateStore::new(&small_pool(&place).await).await.unwrap();
    for key in 0..50_u8 {
        store.save(&format!("key{key}"), vec![key]).await.unwrap();
    }
    for micros in (0..6000).step_by(20) {
        let load = store.load("key1");
        if let Ok(loaded) = timeout(Duration::from_micros(micros), load).await {
            assert_eq!(loaded.unwrap(), Some(vec![1]));
        }
        let key = (micros % 50) as u8;
        assert_eq!(store.load(&format!("key{key}")).await.unwrap(), Some(vec![key]));
    }
    let mut admin = place.client().await;
    assert!(sessions(&mut admin, &place).await <= CONNECTIONS as u64);
}

#[tokio::test]
async fn a_change_for_which_no_one_waits_any_more_is_undone() {
    let Some(place) = Mysql::new().await else { return };
    let store = MysqlStateStore::new(&small_pool(&place).await).await.unwrap();
    store.save("key", b"before".to_vec()).await.unwrap();
    let mut locker = place.client().await;
    let mut lock = locker.start_transaction(TxOpts::default()).await.unwrap();
    lock.query_drop("SELECT * FROM koogallery_license_state FOR UPDATE").await.unwrap();
    let impatient = timeout(Duration::from_millis(200), store.save("key", b"after".to_vec())).await;
    assert!(impatient.is_err());
    lock.commit().await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert_eq!(store.load("key").await.unwrap().unwrap(), b"before");
    let mut admin = place.client().await;
    let open = "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist \
                ON trx_mysql_thread_id = id WHERE db = ?";
    assert_eq!(admin.exec_first::<u64, _, _>(open, (&place.name,)).await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_takes_no_more_connections_than_the_pool_has() {
    let Some(place) = Mysql::new().await else { return };
    let store = MysqlStateStore::new(&small_pool(&place).await).await.unwrap();
    store.save("key", vec![]).await.unwrap();
    let (mut locker, mut admin) = (place.client().await, place.client().await);
    // Once as a whole, once its rows.
    for lock in ["LOCK TABLES koogallery_license_state WRITE", "SELECT * FROM koogallery_license_state FOR UPDATE"] {
        locker.query_drop("START TRANSACTION").await.unwrap();
        locker.query_drop(lock).await.unwrap();
        let locked_until = Instant::now() + 3 * TIMEOUT;
        let callers: Vec<_> = (0..8 * CONNECTIONS)
            .map(|caller| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut locked = 0;
                    while Instant::now() < locked_until - TIMEOUT {
                        // Every third caller loses patience.
                        if caller % 3 == 0 {
                            let _ = timeout(Duration::from_millis(150), store.save("key", vec![1])).await;
                            continue;
                        }
                        let began = Instant::now();
                        let error = store.save("key", vec![1]).await.unwrap_err();
                        assert!(began.elapsed() < TIMEOUT + Duration::from_millis(300), "{:?}", began.elapsed());
                        match database_error(&error) {
                            DatabaseError::Locked(_) | DatabaseError::Canceled(_) => locked += 1,
                            DatabaseError::Busy { connections: CONNECTIONS, waited: TIMEOUT } => {}
                            DatabaseError::TimedOut(TIMEOUT) => {}
                            error => panic!("{error:?}"),
                        }
                    }
                    locked
                })
            })
            .collect();
        let (mut most, mut before) = (0, 0);
        while Instant::now() < locked_until - TIMEOUT {
            // Beside the two of this test. The server lists one that was closed for a moment more.
            let listed = sessions(&mut admin, &place).await - 1;
            most = most.max(listed.min(before));
            before = listed;
            sleep(Duration::from_millis(50)).await;
        }
        let locked: usize = join_all(callers).await.into_iter().map(Result::unwrap).sum();
        assert!(locked > 0);
        assert!((1..=CONNECTIONS as u64).contains(&most), "{most} connections");
        locker.query_drop("COMMIT; UNLOCK TABLES").await.unwrap();
        // Those that were given up are through, too.
        let began = Instant::now();
        for loaded in join_all((0..CONNECTIONS).map(|_| store.load("key"))).await {
            assert_eq!(loaded.unwrap().unwrap(), b"", "what timed out left nothing");
        }
        assert!(began.elapsed() < TIMEOUT, "{:?} after the lock", began.elapsed());
    }
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let Some(place) = Mysql::new().await else { return };
    let store = MysqlStateStore::new(&place.database().await).await.unwrap();
    // Several at once, so that there are several connections.
    join_all((0..8).map(|_| store.load("key"))).await;
    let mut admin = place.client().await;
    let ids = "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()";
    let ids: Vec<u64> = admin.exec(ids, (&place.name,)).await.unwrap();
    assert!(ids.len() > 1, "{ids:?}");
    for id in ids {
        admin.query_drop(format!("KILL {id}")).await.unwrap();
    }
    for loaded in join_all((0..8).map(|_| store.load("key"))).await {
        assert_eq!(loaded.unwrap(), None);
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_an_error_soon_and_not_for_ever() {
    let Some(place) = Mysql::new().await else { return };
    let (wire, through) = place.wire().await;
    let database = Database::builder(through).connections(1).timeout(TIMEOUT).connect().await.unwrap();
    let store = MysqlStateStore::new(&database).await.unwrap();
    assert_eq!(store.load("key").await.unwrap(), None);

    wire.cut();
    let began = Instant::now();
    assert!(store.load("key").await.is_err());
    assert!(began.elapsed() < TIMEOUT + Duration::from_millis(500), "{:?}", began.elapsed());
    wire.repair();
    sleep(2 * TIMEOUT).await;
    assert_eq!(store.load("key").await.unwrap(), None, "the connection is not waited for");
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_a_clear_error_soon() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let began = Instant::now();
    let url = format!("mysql://nobody@{}/nothing", silent.local_addr().unwrap());
    let error = Database::connect(&url).await.unwrap_err();
    assert!(matches!(error, DatabaseError::TimedOut(_)), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(silent);
    let error = Database::connect(&url).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Connection(_)), "{error:?}");
    for url in ["mysql://", "postgres://nobody@127.0.0.1/x", "host=localhost", "", "mysql://127.0.0.1/x?no=1"] {
        let error = Database::connect(url).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Url(_) | DatabaseError::NoDatabase), "{url}: {error:?}");
    }
    let error = Database::connect("mysql://root@127.0.0.1:3306").await.unwrap_err();
    assert!(matches!(error, DatabaseError::NoDatabase), "{error:?}");
    let Some(place) = Mysql::new().await else { return };
    let error = Database::builder(place.opts().user(Some("no_one_at_all"))).connect().await.unwrap_err();
    assert!(matches!(error, DatabaseError::Denied(_)), "{error:?}");
    let error = Database::builder(place.opts().db_name(Some("no_such_database"))).connect().await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("no_such_database"), "{error:?}");
}

#[tokio::test]
async fn nothing_that_is_printed_has_a_password() {
    let Some(place) = Mysql::new().await else { return };
    let builder = Database::builder(place.opts());
    let printed = format!("{builder:?} {:?}", MysqlStateStore::new(&place.database().await).await.unwrap());
    assert!(!printed.contains("127.0.0.1") && !printed.contains("root"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_by_several_servers_at_once() {
    let Some(place) = Mysql::new().await else { return };
    let mut admin = place.client().await;
    for _ in 0..5 {
        let makers = (0..8).map(|_| {
            let opts = place.opts();
            tokio::spawn(async move {
                let database = Database::builder(opts).connect().await.unwrap();
                MysqlStateStore::new(&database).await.unwrap().load("key").await.unwrap()
            })
        });
        let makers: Vec<_> = makers.collect();
        assert!(join_all(makers).await.into_iter().all(|found| found.unwrap().is_none()));
        admin.query_drop("DROP TABLE koogallery_license_state, koogallery_schema").await.unwrap();
    }
}

/// Making tables may take longer than other operations.
#[tokio::test]
async fn a_replica_waits_until_another_has_made_the_tables() {
    let Some(place) = Mysql::new().await else { return };
    let mut other = place.client().await;
    let lock = "SELECT GET_LOCK(CONCAT('koogallery ', LEFT(SHA2(DATABASE(), 256), 32)), 0)";
    assert_eq!(other.query_first(lock).await.unwrap(), Some(1));
    let database = small_pool(&place).await;
    let began = Instant::now();
    let unlock = async {
        sleep(2 * TIMEOUT).await;
        other.disconnect().await.unwrap();
    };
    let (opened, ()) = tokio::join!(MysqlStateStore::new(&database), unlock);
    assert_eq!(opened.unwrap().load("key").await.unwrap(), None);
    assert!(began.elapsed() >= 2 * TIMEOUT, "{:?}", began.elapsed());
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused_and_those_without_one_taken_over() {
    let Some(place) = Mysql::new().await else { return };
    let database = place.database().await;
    MysqlStateStore::new(&database).await.unwrap().save("key", vec![7]).await.unwrap();
    let mut admin = place.client().await;
    admin.query_drop("UPDATE koogallery_schema SET version = 99").await.unwrap();
    let error = MysqlStateStore::new(&database).await.unwrap_err();
    assert!(
        matches!(&error, DatabaseError::NewerSchema { store, found: 99, supported: 1 } if store == "license_state"),
        "{error:?}"
    );
    admin.query_drop("DROP TABLE koogallery_schema").await.unwrap();
    let store = MysqlStateStore::new(&database).await.unwrap();
    assert_eq!(store.load("key").await.unwrap(), Some(vec![7]), "nothing is lost");
    let versions: Vec<(String, i64)> = admin.query("SELECT store, version FROM koogallery_schema").await.unwrap();
    assert_eq!(versions, [("license_state".to_owned(), 1)]);
}
