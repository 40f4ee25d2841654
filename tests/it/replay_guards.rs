//! The replay guards: the rules on every engine, and what is particular to each.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::replay::{
    CallId, ClaimOutcome, ContentDigest, MemoryReplayGuard, MysqlReplayGuard, PostgresReplayGuard, RedisReplayGuard,
    RedisWarning, ReplayError, ReplayGuard, SqliteReplayGuard,
};
use koogallery::sqlite::Database;
use koogallery::testing;
use koogallery::timestamp::Timestamp;
use mysql_async::prelude::Queryable as _;
use tokio::net::TcpListener;
use tokio_postgres::types::Type;

use crate::servers::{Keys, Mysql, Schema, Wire};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const A: Option<ContentDigest> = Some(ContentDigest::new([0xa0; 32]));

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

async fn open(path: &Path) -> SqliteReplayGuard {
    SqliteReplayGuard::new(&Database::open(path).unwrap()).await.unwrap()
}

async fn postgres(schema: &Schema) -> PostgresReplayGuard {
    PostgresReplayGuard::new(&schema.database().await).await.unwrap()
}

async fn mysql(place: &Mysql) -> MysqlReplayGuard {
    MysqlReplayGuard::new(&place.database().await).await.unwrap()
}

#[tokio::test]
async fn every_engine_keeps_the_rules() {
    testing::replay_guard(async || MemoryReplayGuard::default()).await;
    testing::replay_guard(async || open(Path::new(":memory:")).await).await;
    let schemas = Mutex::new(Vec::new());
    if Schema::new().await.is_some() {
        let make = async || {
            let schema = Schema::new().await.unwrap();
            let guard = postgres(&schema).await;
            schemas.lock().unwrap().push(schema);
            guard
        };
        testing::replay_guard(make).await;
    }
    let places = Mutex::new(Vec::new());
    if Mysql::new().await.is_some() {
        let make = async || {
            let place = Mysql::new().await.unwrap();
            let guard = mysql(&place).await;
            places.lock().unwrap().push(place);
            guard
        };
        testing::replay_guard(make).await;
    }
    if Keys::new().is_some() {
        testing::replay_guard(async || Keys::new().unwrap().guard().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_for_several_processes_keep_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    testing::shared_replay_guard(async || open(&folder.path().join("replay.db")).await).await;
    if let Some(schema) = Schema::new().await {
        testing::shared_replay_guard(async || postgres(&schema).await).await;
    }
    if let Some(place) = Mysql::new().await {
        testing::shared_replay_guard(async || mysql(&place).await).await;
    }
    if let Some(keys) = Keys::new() {
        testing::shared_replay_guard(async || keys.guard().await).await;
    }
}

#[tokio::test]
async fn postgres_forgets_what_is_over() {
    let Some(schema) = Schema::new().await else { return };
    let guard = postgres(&schema).await;
    let now = SystemClock.now();
    let admin = schema.client().await;
    // Over for more than the five minutes, and over for less.
    for (kind, rows, ago) in [("old", 250, 301), ("late", 250, 290)] {
        let until = now.saturating_sub(Duration::from_secs(ago)).as_unix_millis();
        let insert = "INSERT INTO koogallery_replay (call_id, until) SELECT 'v2:' || $1 || n, $2 \
                      FROM generate_series(1, $3) AS n";
        admin.execute_typed(insert, &[(&kind, Type::TEXT), (&until, Type::INT8), (&rows, Type::INT4)]).await.unwrap();
    }
    for (nonce, left) in [("a", 400), ("b", 300), ("c", 253), ("d", 254)] {
        // By the clock of this replica everything is long over.
        let (until, ahead) = (now.saturating_add(DAY + MINUTE), now.saturating_add(DAY));
        assert_eq!(guard.claim(CallId::SignedQuery(nonce), A, until, ahead).await.unwrap(), ClaimOutcome::First);
        let count = "SELECT count(*) FROM koogallery_replay";
        assert_eq!(admin.query_one(count, &[]).await.unwrap().get::<_, i64>(0), left);
    }
    let late = guard.claim(CallId::SignedQuery("late7"), None, now, now).await.unwrap();
    assert_eq!(late, ClaimOutcome::Repeated(None));
}

#[tokio::test]
async fn mysql_forgets_what_is_over() {
    let Some(place) = Mysql::new().await else { return };
    let guard = mysql(&place).await;
    let now = SystemClock.now();
    let mut admin = place.client().await;
    // Over for more than the five minutes, and over for less.
    for (kind, rows, ago) in [("old", 250, 301), ("late", 250, 290)] {
        let until = now.saturating_sub(Duration::from_secs(ago)).as_unix_millis();
        let insert = "INSERT INTO koogallery_replay (call_digest, until) WITH RECURSIVE numbers AS \
                      (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ?) \
                      SELECT UNHEX(SHA2(CONCAT('v2:', ?, seq), 256)), ? FROM numbers";
        admin.exec_drop(insert, (rows, kind, until)).await.unwrap();
    }
    for (nonce, left) in [("a", 401), ("b", 302), ("c", 253), ("d", 254)] {
        // By the clock of this replica everything is long over.
        let (until, ahead) = (now.saturating_add(DAY + MINUTE), now.saturating_add(DAY));
        assert_eq!(guard.claim(CallId::SignedQuery(nonce), A, until, ahead).await.unwrap(), ClaimOutcome::First);
        let count = "SELECT COUNT(*) FROM koogallery_replay";
        let found: Option<i64> = admin.query_first(count).await.unwrap();
        assert_eq!(found, Some(left), "{nonce}");
    }
    let late = guard.claim(CallId::SignedQuery("late7"), None, now, now).await.unwrap();
    assert_eq!(late, ClaimOutcome::Repeated(None));
}

#[tokio::test]
async fn postgres_takes_over_the_rows_of_the_version_before() {
    let Some(schema) = Schema::new().await else { return };
    let guard = postgres(&schema).await;
    let admin = schema.client().await;
    let old = "ALTER TABLE koogallery_replay DROP COLUMN content; UPDATE koogallery_schema SET version = 1";
    admin.batch_execute(old).await.unwrap();
    drop(guard);
    let guard = postgres(&schema).await;
    // As a replica writes them that still runs the version before.
    let until = SystemClock.now().saturating_add(MINUTE);
    let rows = format!(
        "INSERT INTO koogallery_replay (call_id, until, answer) VALUES ('v2:n', {until}, NULL), ('v1:{}', {until}, '{{}}')",
        "07".repeat(32),
        until = until.as_unix_millis()
    );
    admin.batch_execute(&rows).await.unwrap();
    rows_of_the_version_before_count(&guard).await;
}

#[tokio::test]
async fn sqlite_takes_over_the_rows_of_the_version_before() {
    let database = Database::open(":memory:").unwrap();
    let until = SystemClock.now().saturating_add(MINUTE).as_unix_millis();
    let rows = format!(
        "CREATE TABLE koogallery_replay (call_id TEXT PRIMARY KEY, until INTEGER NOT NULL, answer BLOB) WITHOUT ROWID;
         INSERT INTO koogallery_replay (call_id, until, answer) VALUES ('v2:n', {until}, NULL), ('v1:{}', {until}, x'7b7d')",
        "07".repeat(32)
    );
    database.transaction(move |transaction| transaction.execute_batch(&rows)).await.unwrap();
    for _ in 0..2 {
        rows_of_the_version_before_count(&SqliteReplayGuard::new(&database).await.unwrap()).await;
    }
}

#[tokio::test]
async fn redis_takes_over_the_values_of_the_version_before() {
    let Some(keys) = Keys::new() else { return };
    let guard = keys.guard().await;
    let mut redis = redis::Client::open(&*keys.url).unwrap().get_multiplexed_async_connection().await.unwrap();
    for (id, value) in [("v2:n".to_owned(), "-"), (format!("v1:{}", "07".repeat(32)), "+{}")] {
        let key = format!("{}{id}", keys.prefix);
        redis::cmd("SET").arg(key).arg(value).arg("PX").arg(60_000).exec_async(&mut redis).await.unwrap();
    }
    rows_of_the_version_before_count(&guard).await;
}

/// A nonce without a content is refused as before, and a token gets its answer.
async fn rows_of_the_version_before_count(guard: &dyn ReplayGuard) {
    let now = SystemClock.now();
    let claim = async |id, content| guard.claim(id, content, now.saturating_add(MINUTE), now).await.unwrap();
    assert_eq!(claim(CallId::SignedQuery("n"), A).await, ClaimOutcome::OtherContent);
    let answered = ClaimOutcome::Repeated(Some(Bytes::from_static(b"{}")));
    assert_eq!(claim(CallId::AuthToken(&[7; 32]), None).await, answered);
}

#[tokio::test]
async fn sqlite_forgets_in_portions_and_late() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("replay.db")).unwrap();
    let guard = SqliteReplayGuard::new(&database).await.unwrap();
    for index in 0..250 {
        guard.claim(CallId::SignedQuery(&index.to_string()), A, at(60_000), at(0)).await.unwrap();
    }
    let count = async || {
        let count = "SELECT count(*) FROM koogallery_replay";
        database.transaction(|transaction| transaction.query_row(count, [], |row| row.get::<_, i64>(0))).await.unwrap()
    };
    // A process whose clock is ahead makes no call acceptable again for one whose clock is right.
    guard.claim(CallId::SignedQuery("a"), A, at(400_000), at(110_000)).await.unwrap();
    assert_eq!(count().await, 251);
    let again = guard.claim(CallId::SignedQuery("0"), A, at(60_000), at(60_000)).await.unwrap();
    assert_eq!(again, ClaimOutcome::Repeated(None));
    for (nonce, left) in [("b", 152), ("c", 53), ("d", 4), ("e", 5)] {
        guard.claim(CallId::SignedQuery(nonce), A, at(400_000), at(360_001)).await.unwrap();
        assert_eq!(count().await, left);
    }
}

#[tokio::test]
async fn redis_keeps_the_time_and_the_prefix_of_a_claim() {
    let Some(keys) = Keys::new() else { return };
    let (guard, other) = (keys.guard().await, keys.guard().await.with_prefix(format!("{}other:", keys.prefix)));
    let id = CallId::SignedQuery("nonce");
    assert_eq!(guard.claim(id, A, at(3000), at(0)).await.unwrap(), ClaimOutcome::First);
    assert_eq!(other.claim(id, A, at(3000), at(0)).await.unwrap(), ClaimOutcome::First);

    let mut redis = redis::Client::open(&*keys.url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut left = async || {
        let key = format!("{}v2:nonce", keys.prefix);
        redis::cmd("PTTL").arg(key).query_async::<i64>(&mut redis).await.unwrap()
    };
    let before = left().await;
    guard.remember_answer(id, A, Bytes::from_static(b"{}")).await.unwrap();
    let after = left().await;
    assert!(303_000 - 2000 < after && after <= before && before <= 303_000, "{before} {after}");
}

#[tokio::test]
async fn redis_connects_again_where_the_server_closed() {
    let Some(keys) = Keys::new() else { return };
    let client = redis::Client::open(&*keys.url).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let mut manager = client.get_connection_manager().await.unwrap();
    let guard = RedisReplayGuard::new(manager.clone()).with_prefix(&*keys.prefix);
    for round in 0..3 {
        let number: u64 = redis::cmd("CLIENT").arg("ID").query_async(&mut manager).await.unwrap();
        redis::cmd("CLIENT").arg("KILL").arg("ID").arg(number).exec_async(&mut admin).await.unwrap();
        let nonce = format!("nonce{round}");
        assert_eq!(guard.claim(CallId::SignedQuery(&nonce), A, at(3000), at(0)).await.unwrap(), ClaimOutcome::First);
    }
}

/// How the server is set is its owner's business, but it has to answer.
#[tokio::test]
async fn redis_says_how_it_is_set() {
    let Some(keys) = Keys::new() else { return };
    let mut reported = Vec::new();
    let guard = RedisReplayGuard::connect_with_report(&keys.url, |warning| reported.push(warning)).await.unwrap();
    let checked = guard.check().await;
    let lines = |warnings: &[RedisWarning]| warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&reported), lines(&checked));
    let is_answer = |warning: &RedisWarning| {
        matches!(warning, RedisWarning::Evicts { .. } | RedisWarning::NotAppendOnly { makes_snapshots: Some(_) })
    };
    assert!(checked.iter().all(is_answer), "{checked:?}");
}

#[tokio::test]
async fn redis_that_falls_silent_is_an_error_soon() {
    let Some(keys) = Keys::new() else { return };
    let info = redis::Client::open(&*keys.url).unwrap().get_connection_info().clone();
    let redis::ConnectionAddr::Tcp(host, port) = info.addr() else { panic!("no TCP: {}", keys.url) };
    let server = tokio::net::lookup_host((host.as_str(), *port)).await.unwrap().next().unwrap();
    let wire = Wire::to(server).await;
    let guard = RedisReplayGuard::connect(&format!("redis://{}", wire.address)).await.unwrap();
    wire.cut();
    let began = Instant::now();
    let claim = guard.claim(CallId::SignedQuery("nonce"), A, at(3000), at(0)).await;
    assert!(matches!(claim, Err(ReplayError::Store(_))), "{claim:?}");
    assert!(guard.remember_answer(CallId::SignedQuery("nonce"), A, Bytes::new()).await.is_err());
    let warnings = guard.check().await;
    assert!(matches!(warnings[..], [RedisWarning::NotChecked(ReplayError::Store(_))]), "{warnings:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn redis_that_cannot_be_reached_is_an_error_soon() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let began = Instant::now();
    assert!(RedisReplayGuard::connect(&url).await.is_err());
    drop(silent);
    assert!(RedisReplayGuard::connect(&url).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for url in ["", "koogallery", "http://127.0.0.1", "postgres://127.0.0.1/x"] {
        assert!(RedisReplayGuard::connect(url).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn nothing_that_is_printed_tells_a_password() {
    let Some(keys) = Keys::new() else { return };
    let printed = format!("{:?}", keys.guard().await);
    assert!(printed.contains(&keys.prefix) && !printed.contains("127.0.0.1"), "{printed}");
}
