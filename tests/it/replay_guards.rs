//! The replay guards: the rules on every engine, and what is particular to each.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use koogallery::replay::{
    CallId, ClaimOutcome, MemoryReplayGuard, PostgresReplayGuard, RedisReplayGuard, ReplayError, ReplayGuard,
    SqliteReplayGuard,
};
use koogallery::sqlite::Database;
use koogallery::testing;
use koogallery::timestamp::Timestamp;
use tokio::net::TcpListener;

use crate::servers::{Keys, Schema, Wire};

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

async fn open(path: &Path) -> SqliteReplayGuard {
    SqliteReplayGuard::new(&Database::open(path).unwrap()).await.unwrap()
}

async fn postgres(schema: &Schema) -> PostgresReplayGuard {
    PostgresReplayGuard::new(&schema.database().await).await.unwrap()
}

#[tokio::test]
async fn every_engine_keeps_the_rules() {
    let told = async |_| ();
    testing::replay_guard(async || MemoryReplayGuard::default(), told).await;
    testing::replay_guard(async || open(Path::new(":memory:")).await, told).await;
    let schemas = Mutex::new(Vec::new());
    if Schema::new().await.is_some() {
        let make = async || {
            let schema = Schema::new().await.unwrap();
            let guard = postgres(&schema).await;
            schemas.lock().unwrap().push(schema);
            guard
        };
        testing::replay_guard(make, told).await;
    }
    if Keys::new().is_some() {
        testing::replay_guard(async || Keys::new().unwrap().guard().await, tokio::time::sleep).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_for_several_processes_keep_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    testing::shared_replay_guard(async || open(&folder.path().join("replay.db")).await).await;
    if let Some(schema) = Schema::new().await {
        testing::shared_replay_guard(async || postgres(&schema).await).await;
    }
    if let Some(keys) = Keys::new() {
        testing::shared_replay_guard(async || keys.guard().await).await;
    }
}

#[tokio::test]
async fn postgres_forgets_what_is_over() {
    let Some(schema) = Schema::new().await else { return };
    let guard = postgres(&schema).await;
    for index in 0..250 {
        guard.claim(CallId::SignedQuery(&index.to_string()), at(100), at(0)).await.unwrap();
    }
    for (nonce, left) in [("a", 151), ("b", 52), ("c", 3), ("d", 4)] {
        guard.claim(CallId::SignedQuery(nonce), at(300), at(101)).await.unwrap();
        let count = "SELECT count(*) FROM koogallery_replay";
        assert_eq!(schema.client().await.query_one(count, &[]).await.unwrap().get::<_, i64>(0), left);
    }
}

#[tokio::test]
async fn sqlite_forgets_in_portions_and_late() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("replay.db")).unwrap();
    let guard = SqliteReplayGuard::new(&database).await.unwrap();
    for index in 0..250 {
        guard.claim(CallId::SignedQuery(&index.to_string()), at(60_000), at(0)).await.unwrap();
    }
    let count = async || {
        let count = "SELECT count(*) FROM koogallery_replay";
        database.transaction(|transaction| transaction.query_row(count, [], |row| row.get::<_, i64>(0))).await.unwrap()
    };
    // A process whose clock is ahead makes no call acceptable again for one whose clock is right.
    guard.claim(CallId::SignedQuery("a"), at(400_000), at(110_000)).await.unwrap();
    assert_eq!(count().await, 251);
    let again = guard.claim(CallId::SignedQuery("0"), at(60_000), at(60_000)).await.unwrap();
    assert_eq!(again, ClaimOutcome::Repeated(None));
    for (nonce, left) in [("b", 152), ("c", 53), ("d", 4), ("e", 5)] {
        guard.claim(CallId::SignedQuery(nonce), at(400_000), at(360_001)).await.unwrap();
        assert_eq!(count().await, left);
    }
}

#[tokio::test]
async fn redis_keeps_the_time_and_the_prefix_of_a_claim() {
    let Some(keys) = Keys::new() else { return };
    let (guard, other) = (keys.guard().await, keys.guard().await.with_prefix(format!("{}other:", keys.prefix)));
    let id = CallId::SignedQuery("nonce");
    assert_eq!(guard.claim(id, at(3000), at(0)).await.unwrap(), ClaimOutcome::First);
    assert_eq!(other.claim(id, at(3000), at(0)).await.unwrap(), ClaimOutcome::First);

    let mut redis = redis::Client::open(&*keys.url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut left = async || {
        let key = format!("{}v2:nonce", keys.prefix);
        redis::cmd("PTTL").arg(key).query_async::<i64>(&mut redis).await.unwrap()
    };
    let before = left().await;
    guard.remember_answer(id, Bytes::from_static(b"{}")).await.unwrap();
    let after = left().await;
    assert!(0 < after && after <= before && before <= 3001, "{before} {after}");
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
        assert_eq!(guard.claim(CallId::SignedQuery(&nonce), at(3000), at(0)).await.unwrap(), ClaimOutcome::First);
    }
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
    let claim = guard.claim(CallId::SignedQuery("nonce"), at(3000), at(0)).await;
    assert!(matches!(claim, Err(ReplayError::Store(_))), "{claim:?}");
    assert!(guard.remember_answer(CallId::SignedQuery("nonce"), Bytes::new()).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
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
