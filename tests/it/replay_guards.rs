//! Every engine of the replay guard keeps the same rules.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use koogallery::replay::{
    CallId, Claim, MemoryReplayGuard, PostgresReplayGuard, RedisReplayGuard, ReplayError, ReplayGuard,
    SqliteReplayGuard,
};
use koogallery::sqlite::Database;
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

/// Where an engine has its time from.
#[derive(Clone, Copy)]
enum Time {
    /// From its caller.
    Told,
    /// From a clock of its own, once a claim is made.
    Own,
}

impl Time {
    async fn pass(self, millis: u64) {
        if let Self::Own = self {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(&dyn ReplayGuard, Time)) {
    check(&MemoryReplayGuard::default(), Time::Told).await;
    let folder = tempfile::tempdir().unwrap();
    check(&open(&folder.path().join("replay.db")).await, Time::Told).await;
    if let Some(schema) = Schema::new().await {
        check(&postgres(&schema).await, Time::Told).await;
    }
    if let Some(keys) = Keys::new() {
        check(&keys.guard().await, Time::Own).await;
    }
}

/// Runs a check on every engine that several servers can share, as two of them see it.
async fn each_shared(check: impl AsyncFn([Arc<dyn ReplayGuard>; 2])) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay.db");
    check([Arc::new(open(&path).await), Arc::new(open(&path).await)]).await;
    if let Some(schema) = Schema::new().await {
        check([Arc::new(postgres(&schema).await), Arc::new(postgres(&schema).await)]).await;
    }
    if let Some(keys) = Keys::new() {
        check([Arc::new(keys.guard().await), Arc::new(keys.guard().await)]).await;
    }
}

#[tokio::test]
async fn a_call_is_first_once_until_its_time_is_over() {
    each(async |guard, time| {
        let id = CallId::SignedQuery("nonce");
        assert_eq!(guard.claim(id, at(3000), at(0)).await.unwrap(), Claim::First);
        assert_eq!(guard.claim(id, at(3000), at(3000)).await.unwrap(), Claim::Repeated(None));
        assert_eq!(guard.claim(CallId::SignedQuery("other"), at(3000), at(0)).await.unwrap(), Claim::First);
        time.pass(3100).await;
        assert_eq!(guard.claim(id, at(6000), at(3001)).await.unwrap(), Claim::First);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_given_again_and_goes_with_its_claim() {
    each(async |guard, time| {
        let (id, answer) = (CallId::AuthToken(&[7; 32]), Bytes::from_static(b"{}"));
        guard.remember_answer(id, answer.clone()).await.unwrap();
        assert_eq!(guard.claim(id, at(3000), at(0)).await.unwrap(), Claim::First, "only claimed calls have answers");
        assert_eq!(guard.claim(id, at(3000), at(1)).await.unwrap(), Claim::Repeated(None));
        guard.remember_answer(id, answer.clone()).await.unwrap();
        assert_eq!(guard.claim(id, at(3000), at(2)).await.unwrap(), Claim::Repeated(Some(answer)));
        time.pass(3100).await;
        assert_eq!(guard.claim(id, at(7000), at(4000)).await.unwrap(), Claim::First);
        assert_eq!(guard.claim(id, at(7000), at(4000)).await.unwrap(), Claim::Repeated(None));
    })
    .await;
}

#[tokio::test]
async fn an_answer_may_be_any_bytes() {
    each(async |guard, _| {
        let everything: Vec<u8> = (0..=255).collect();
        let long = vec![b'x'; 100_000];
        let answers: [&[u8]; 7] = [b"", b"-", b"+", b"\0", b"\r\n", &everything, &long];
        for (index, answer) in answers.into_iter().enumerate() {
            let token = [index as u8; 32];
            let (id, answer) = (CallId::AuthToken(&token), Bytes::copy_from_slice(answer));
            assert_eq!(guard.claim(id, at(9000), at(0)).await.unwrap(), Claim::First);
            guard.remember_answer(id, answer.clone()).await.unwrap();
            assert_eq!(guard.claim(id, at(9000), at(0)).await.unwrap(), Claim::Repeated(Some(answer)), "{index}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_is_already_over_can_be_made() {
    each(async |guard, _| {
        for (until, now) in [(0, 1000), (1000, 1000), (i64::MIN, i64::MAX)] {
            let nonce = format!("{until} {now}");
            assert_eq!(guard.claim(CallId::SignedQuery(&nonce), at(until), at(now)).await.unwrap(), Claim::First);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_first_also_across_servers() {
    each_shared(async |guards| {
        // The second round is on claims that are over, and have to go while others are made.
        for (until, now) in [(20_000, 0), (40_000, 20_001)] {
            let tries = (0..200).map(|index| {
                let guard = Arc::clone(&guards[index % 2]);
                tokio::spawn(async move {
                    let nonce = format!("{}/{now}", index % 20);
                    guard.claim(CallId::SignedQuery(&nonce), at(until), at(now)).await.unwrap() == Claim::First
                })
            });
            let firsts = join_all(tries).await.into_iter().filter(|first| *first.as_ref().unwrap()).count();
            assert_eq!(firsts, 20);
        }
    })
    .await;
}

async fn is_remembered_over_a_restart<G: ReplayGuard>(open: impl AsyncFn() -> G) {
    let id = CallId::AuthToken(&[7; 32]);
    {
        let guard = open().await;
        guard.claim(id, at(9000), at(0)).await.unwrap();
        guard.remember_answer(id, Bytes::from_static(b"{}")).await.unwrap();
    }
    let again = open().await.claim(id, at(9000), at(1)).await.unwrap();
    assert_eq!(again, Claim::Repeated(Some(Bytes::from_static(b"{}"))));
}

#[tokio::test]
async fn calls_are_remembered_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    is_remembered_over_a_restart(async || open(&folder.path().join("replay.db")).await).await;
    if let Some(schema) = Schema::new().await {
        is_remembered_over_a_restart(async || postgres(&schema).await).await;
    }
    if let Some(keys) = Keys::new() {
        is_remembered_over_a_restart(async || keys.guard().await).await;
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
async fn redis_keeps_the_time_and_the_prefix_of_a_claim() {
    let Some(keys) = Keys::new() else { return };
    let (guard, other) = (keys.guard().await, keys.guard().await.with_prefix(format!("{}other:", keys.prefix)));
    let id = CallId::SignedQuery("nonce");
    assert_eq!(guard.claim(id, at(3000), at(0)).await.unwrap(), Claim::First);
    assert_eq!(other.claim(id, at(3000), at(0)).await.unwrap(), Claim::First);

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
        assert_eq!(guard.claim(CallId::SignedQuery(&nonce), at(3000), at(0)).await.unwrap(), Claim::First);
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
