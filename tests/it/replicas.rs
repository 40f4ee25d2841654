//! Several replicas on one ledger: clocks that differ, handlers that take longer than a lease, calls that come late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join, join_all, ready};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::subscription::{Event, Fence};
use koogallery::callback::{CallbackService, DebugCalls};
use koogallery::clock::{Clock, SystemClock};
use koogallery::lease::Lease;
use koogallery::ledger::{
    Instance, LeaseOutcome, Ledger, LedgerError, MemoryLedger, MysqlLedger, PostgresLedger, SqliteLedger, State, Step,
    StepStatus,
};
use koogallery::mysql;
use koogallery::postgres::Database;
use koogallery::replay::{CallId, ClaimOutcome, ContentDigest, ReplayError, ReplayGuard};
use koogallery::signature::callback_v2;
use koogallery::sqlite;
use koogallery::timestamp::Timestamp;
use tokio_postgres::NoTls;

use crate::delegated::delegated;
use crate::servers::{Mysql, Schema};
use crate::shared_ledger::{query, release, renew, set_status};
use crate::support::*;

/// The system's clock, so much ahead.
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(self.0)
    }
}

/// A replica of a server, with a clock of its own.
struct Replica {
    service: CallbackService,
    log: Log,
    ahead: Duration,
}

impl Replica {
    fn new(seller: &Seller, ledger: impl Ledger, ahead: Duration, lease: Duration) -> Self {
        let log = Log::default();
        let service = CallbackService::builder(keys(), TokioRuntime)
            .subscription(seller.clone(), ledger)
            .clock(Ahead(ahead))
            .lease(lease)
            .v2_deadline(Duration::from_secs(30))
            .observer(log.clone())
            .build();
        Self { service, log, ahead }
    }

    async fn post(&self, body: &str) -> Answer {
        let query = callback_v2::signed_query(&key(), &nonce(), Ahead(self.ahead).now(), body.as_bytes());
        Answer::read(self.service.call(post_request(&query, body.to_owned())).await)
    }

    fn background_failures(&self) -> Vec<String> {
        self.log.lines().into_iter().filter(|line| line.contains("after the answer")).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_whose_clocks_differ_run_a_handler_once() {
    if let Some(schema) = Schema::new().await {
        let open = async || PostgresLedger::new(&schema.database().await).await.unwrap();
        clocks_may_differ(async || Arc::new(open().await) as Arc<dyn Ledger>).await;
    }
    if let Some(place) = Mysql::new().await {
        let open = async || MysqlLedger::new(&place.database().await).await.unwrap();
        clocks_may_differ(async || Arc::new(open().await) as Arc<dyn Ledger>).await;
    }
}

async fn clocks_may_differ(open: impl AsyncFn() -> Arc<dyn Ledger>) {
    let seller = Seller::default();
    seller.set(Mood::Slow(Duration::from_millis(1200)));
    for (round, ahead) in [4, 30].map(Duration::from_secs).into_iter().enumerate() {
        let lease = Duration::from_millis(600);
        let replicas = [Duration::ZERO, ahead].map(async |ahead| Replica::new(&seller, open().await, ahead, lease));
        let replicas = join_all(replicas).await;
        let bodies: Vec<_> = (0..8).map(|order| purchase(&format!("CS{round}{order}"), "b")).collect();
        let copies = bodies.iter().flat_map(|body| replicas.iter().map(move |replica| replica.post(body)));
        let answers = join_all(copies).await;
        assert!(answers.iter().all(|answer| answer.code == "000000"), "{answers:?}");
        assert_eq!(seller.runs(), 8 * (round + 1), "a replica is {ahead:?} ahead");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_creations_on_few_connections_run_once_each() {
    let patience = Duration::from_secs(60);
    if let Some(schema) = Schema::new().await {
        let connect = async || Database::builder(schema.config()).connections(1).timeout(patience).connect(NoTls).await;
        let open = async || PostgresLedger::new(&connect().await.unwrap()).await.unwrap();
        slow_creations_run_once(async || Arc::new(open().await) as Arc<dyn Ledger>).await;
    }
    if let Some(place) = Mysql::new().await {
        let connect = async || mysql::Database::builder(place.opts()).connections(1).timeout(patience).connect().await;
        let open = async || MysqlLedger::new(&connect().await.unwrap()).await.unwrap();
        slow_creations_run_once(async || Arc::new(open().await) as Arc<dyn Ledger>).await;
    }
}

async fn slow_creations_run_once(open: impl AsyncFn() -> Arc<dyn Ledger>) {
    let seller = Seller::default();
    seller.set(Mood::Slow(Duration::from_secs(3)));
    let mut replicas = Vec::new();
    for _ in 0..2 {
        replicas.push(Replica::new(&seller, open().await, Duration::ZERO, Duration::from_secs(1)));
    }
    let bodies: Vec<_> = (0..100).map(|order| purchase(&format!("CS{order}"), &format!("b{order}"))).collect();
    let copies = (0..3).flat_map(|copy| {
        let replicas = &replicas;
        bodies.iter().enumerate().map(move |(order, body)| replicas[(order + copy) % 2].post(body))
    });
    join_all(copies).await;
    join_all(replicas.iter().map(|replica| replica.service.wait_idle())).await;
    assert_eq!(seller.runs(), 100);
    for replica in &replicas {
        assert_eq!(replica.background_failures(), Vec::<String>::new());
    }
}

/// The lease of a handler is extended although the only connection of the pool, or the row of another instance, is taken
/// for longer than the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_extended_whatever_else_waits() {
    let Some(schema) = Schema::new().await else { return };
    let seller = Seller::default();
    let lease = Duration::from_secs(1);
    let database = Database::builder(schema.config()).connections(1).connect(NoTls).await.unwrap();
    let busy = Replica::new(&seller, PostgresLedger::new(&database).await.unwrap(), Duration::ZERO, lease);
    let other = PostgresLedger::new(&schema.database().await).await.unwrap();
    let other = Replica::new(&seller, other, Duration::ZERO, lease);
    busy.post(&purchase("CS0", "locked")).await;
    seller.set(Mood::Slow(Duration::from_secs(3)));
    let mut client = schema.client().await;
    let (freeze, create) = (set_status("locked", "FREEZE"), purchase("CS1", "b"));
    let work = async { tokio::join!(busy.post(&freeze), busy.post(&create)) };
    let block = async {
        while seller.runs() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let lock = client.transaction().await.unwrap();
        lock.batch_execute("SELECT FROM koogallery_instance WHERE instance_id = 'locked' FOR UPDATE").await.unwrap();
        let sleep = async |transaction: &deadpool_postgres::Transaction<'_>| {
            transaction.batch_execute("SELECT pg_sleep(4)").await?;
            Ok(())
        };
        database.transaction(sleep).await.unwrap();
        lock.commit().await.unwrap();
    };
    let copy = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        other.post(&create).await
    };
    let ((frozen, created), (), copy) = tokio::join!(work, block, copy);
    let codes = [frozen, created, copy].map(|answer| answer.code);
    assert_eq!((codes, seller.runs()), (["000000"; 3].map(str::to_owned), 3));
}

/// A ledger that counts what it is asked.
struct Counted {
    ledger: Arc<MemoryLedger>,
    reads: AtomicU32,
    begins: AtomicU32,
}

impl Ledger for Counted {
    delegated!(ledger: extend, complete, abandon, instances);

    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.ledger.status(step, now)
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        self.begins.fetch_add(1, Ordering::Relaxed);
        self.ledger.begin(step, lease, now)
    }

    fn instance<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.ledger.instance(id)
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_another_replica_only_reads_and_seldom() {
    let (seller, ledger) = (Seller::default(), Arc::new(MemoryLedger::new()));
    let worker = Stage::on(Arc::clone(&ledger), |builder| builder);
    worker.seller.set(Mood::Slow(Duration::from_secs(30)));
    assert_eq!(worker.post(&purchase("CS1", "b")).await.code, "000004");
    let counted = Arc::new(Counted { ledger, reads: AtomicU32::new(0), begins: AtomicU32::new(0) });
    let waiter = Stage::on(Arc::clone(&counted), |builder| builder.subscription(seller.clone(), Arc::clone(&counted)));
    let counts = || [&counted.reads, &counted.begins].map(|count| count.swap(0, Ordering::Relaxed));
    for _ in 0..10 {
        assert_eq!(waiter.post(&query("b")).await.code, "000004");
    }
    assert_eq!(counts(), [20, 0], "a query reads the instance and whether somebody works on it");
    assert_eq!(waiter.post(&purchase("CS1", "b")).await.code, "000004");
    waiter.service.wait_idle().await;
    let [reads, begins] = counts();
    assert!((26..=60).contains(&reads) && begins == 0, "{reads} reads and {begins} tries in 26 seconds");
    assert_eq!((worker.seller.runs(), seller.runs()), (1, 0));
}

/// The marketplace asks for a creation at another replica than the one that is at work.
#[tokio::test(start_paused = true)]
async fn a_query_for_a_creation_that_goes_well_elsewhere_reports_no_failure() {
    let (seller, ledger) = (Seller::default(), Arc::new(MemoryLedger::new()));
    let stages = [0, 1]
        .map(|_| Stage::on(Arc::clone(&ledger), |builder| builder.subscription(seller.clone(), Arc::clone(&ledger))));
    seller.set(Mood::Slow(Duration::from_secs(75)));
    assert_eq!(stages[0].post(&purchase("CS1", "b")).await.code, "000004");
    assert_eq!(stages[1].post(&purchase("CS1", "b")).await.code, "000004", "a copy");
    for _ in 0..21 {
        assert_eq!(stages[1].post(&query("b")).await.code, "000004");
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    stages[0].service.wait_idle().await;
    assert_eq!(stages[1].post(&query("b")).await.code, "000000");
    assert_eq!(seller.runs(), 1);
    for stage in &stages {
        let lines = stage.log.lines();
        assert!(!lines.iter().any(|line| line.contains("after the answer")), "{lines:?}");
    }
}

/// A guard that knows no call any more.
struct Forgetful;

impl ReplayGuard for Forgetful {
    fn claim<'a>(
        &'a self,
        _: CallId<'a>,
        _: Option<ContentDigest>,
        _: Timestamp,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        ready(Ok(ClaimOutcome::First)).boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        _: CallId<'a>,
        _: Option<ContentDigest>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        ready(Ok(())).boxed()
    }
}

/// Runs a check on a ledger of every engine.
async fn each(check: impl AsyncFn(Arc<dyn Ledger>)) {
    check(Arc::new(MemoryLedger::new())).await;
    check(Arc::new(SqliteLedger::new(&sqlite::Database::open(":memory:").unwrap()).await.unwrap())).await;
    if let Some(schema) = Schema::new().await {
        check(Arc::new(PostgresLedger::new(&schema.database().await).await.unwrap())).await;
    }
    if let Some(place) = Mysql::new().await {
        check(Arc::new(MysqlLedger::new(&place.database().await).await.unwrap())).await;
    }
}

#[tokio::test]
async fn a_captured_freeze_does_not_undo_what_came_after_it() {
    each(async |ledger| {
        let stage = Stage::on(ledger, |builder| builder.replay_guard(Forgetful));
        stage.post(&purchase("CS1", "b")).await;
        let state = async || stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap().state;
        let signed = |body: &str| callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), body.as_bytes());
        let (freeze, unfreeze) = (set_status("b", "FREEZE"), set_status("b", "UNFREEZE"));
        let captured = signed(&freeze);
        assert_eq!(stage.post_signed(&captured, freeze.clone()).await.code, "000000");
        stage.clock.advance(Duration::from_secs(5));
        let captured_unfreeze = signed(&unfreeze);
        assert_eq!(stage.post_signed(&captured_unfreeze, unfreeze.clone()).await.code, "000000");
        stage.clock.advance(Duration::from_secs(5));
        assert_eq!(stage.post_signed(&captured, freeze.clone()).await.code, "000000");
        assert_eq!((state().await, stage.seller.runs()), (State::Active, 3), "a captured freeze");

        assert_eq!(stage.post(&freeze).await.code, "000000");
        assert_eq!(stage.post_signed(&captured_unfreeze, unfreeze.clone()).await.code, "000000");
        assert_eq!((state().await, stage.seller.runs()), (State::Frozen, 4), "a captured unfreeze");

        // Two calls may be made within one millisecond.
        assert_eq!(stage.post(&unfreeze).await.code, "000000");
        assert_eq!((state().await, stage.seller.runs()), (State::Active, 5), "a call of the same time");

        let late_release = signed(&release("b"));
        stage.clock.advance(Duration::from_secs(1));
        assert_eq!(stage.post(&freeze).await.code, "000000");
        assert_eq!(stage.post_signed(&late_release, release("b")).await.code, "000000");
        assert_eq!(state().await, State::Frozen, "a captured release");
        assert_eq!(stage.post(&renew("b", "CS2")).await.code, "000000");
        assert_eq!(stage.post(&release("b")).await.code, "000000");
        assert_eq!((state().await, stage.seller.runs()), (State::Released, 8));
    })
    .await;
}

/// The earlier one has no effect, since the freeze was signed after it.
#[tokio::test]
async fn a_later_unfreeze_does_not_share_the_end_of_an_earlier_one() {
    let stage = Stage::new();
    stage.post(&purchase("CS1", "b")).await;
    let (freeze, unfreeze) = (set_status("b", "FREEZE"), set_status("b", "UNFREEZE"));
    let earlier = callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), unfreeze.as_bytes());
    stage.clock.advance(Duration::from_secs(1));
    stage.seller.set(Mood::Slow(Duration::from_millis(500)));
    let earlier = async {
        while stage.seller.runs() < 2 {
            tokio::task::yield_now().await;
        }
        let waiting = stage.post_signed(&earlier, unfreeze.clone());
        let later = async {
            // Once the earlier one waits for the freeze.
            tokio::time::sleep(Duration::from_millis(20)).await;
            stage.clock.advance(Duration::from_secs(1));
            stage.post(&unfreeze).await
        };
        join(waiting, later).await
    };
    let (frozen, (waited, unfrozen)) = join(stage.post(&freeze), earlier).await;
    for answer in [frozen, waited, unfrozen] {
        assert_eq!(answer.code, "000000");
    }
    let instance = stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
    assert_eq!((instance.state, stage.seller.runs()), (State::Active, 3), "the later one takes effect");
}

/// The guard knows the call, which has no final answer. The unfreeze finds it active by the ledger, and comes after it.
#[tokio::test]
async fn a_freeze_that_failed_and_comes_again_does_not_undo_what_came_after_it() {
    each(async |ledger| {
        let stage = Stage::on(ledger, |builder| builder);
        stage.post(&purchase("CS1", "b")).await;
        let state = async || stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap().state;
        let (freeze, unfreeze) = (set_status("b", "FREEZE"), set_status("b", "UNFREEZE"));
        for later in [&[&unfreeze][..], &[&freeze, &unfreeze], &[&unfreeze, &freeze, &unfreeze]] {
            let failed = callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), freeze.as_bytes());
            stage.seller.set(Mood::Failing);
            assert_eq!(stage.post_signed(&failed, freeze.clone()).await.code, "000005");
            stage.seller.set(Mood::Willing);
            for body in later {
                stage.clock.advance(Duration::from_secs(1));
                assert_eq!(stage.post(body).await.code, "000000");
            }
            let runs = stage.seller.runs();
            assert_eq!(stage.post_signed(&failed, freeze.clone()).await.code, "000000");
            assert_eq!((state().await, stage.seller.runs()), (State::Active, runs), "after {later:?}");
        }
        assert_eq!(stage.seller.runs(), 10, "what may have been frozen is unfrozen, and repeats are noted alone");
        let failures = stage.log.lines().into_iter().filter(|line| line.contains("after the answer"));
        assert_eq!(failures.count(), 0);
    })
    .await;
}

/// It finds the instance still frozen, and is not done by that.
#[tokio::test(start_paused = true)]
async fn a_freeze_during_an_unfreeze_is_not_lost() {
    let stage = Stage::new();
    let (freeze, unfreeze) = (set_status("b", "FREEZE"), set_status("b", "UNFREEZE"));
    stage.post(&purchase("CS1", "b")).await;
    stage.post(&freeze).await;
    stage.seller.set(Mood::Slow(Duration::from_secs(1)));
    stage.clock.advance(Duration::from_secs(1));
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage.clock.advance(Duration::from_secs(1));
        stage.post(&freeze).await
    };
    let (unfrozen, frozen) = tokio::join!(stage.post(&unfreeze), late);
    assert_eq!([unfrozen.code, frozen.code], ["000000", "000000"]);
    let instance = stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
    assert_eq!((instance.state, stage.seller.runs()), (State::Frozen, 4));
}

/// A renewal of V1.0 also ends a freeze; what was paid is never lost.
#[tokio::test]
async fn a_renewal_from_before_a_freeze_renews_and_does_not_end_it() {
    each(async |ledger| {
        let stage = Stage::on(ledger, |builder| builder.replay_guard(Forgetful));
        stage.get(&v1_purchase("CS1", "b")).await;
        let renewal =
            |order: &str| format!("activity=refreshInstance&expireTime=20270102000000&instanceId=b&orderId={order}");
        let at = |seconds: u64| NOW.saturating_add(Duration::from_secs(seconds));
        let send = async |parameters: &str, seconds| {
            stage.get_signed(&v1_query(&stage.key, parameters, at(seconds))).await.code
        };
        assert_eq!(send("activity=expireInstance&instanceId=b", 20).await, "000000");
        assert_eq!(send(&renewal("CS2"), 10).await, "000000");
        let instance = async || stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
        let found = instance().await;
        assert_eq!((found.state, stage.seller.runs()), (State::Frozen, 3), "no unfreeze");
        assert_eq!(found.expire_time.unwrap().to_string(), "20270102000000");
        assert_eq!(send(&renewal("CS3"), 30).await, "000000");
        assert_eq!((instance().await.state, stage.seller.runs()), (State::Active, 5), "renewed, unfrozen");
    })
    .await;
}

fn fence_of(event: &Event) -> Fence {
    match event {
        Event::Create(event) => event.fence,
        Event::Renew(event) => event.fence,
        Event::Freeze(event) => event.fence,
        Event::Unfreeze(event) => event.fence,
        Event::Release(event) => event.fence,
        Event::Upgrade(event) => event.fence,
        event => panic!("{event:?} has no fence"),
    }
}

#[tokio::test]
async fn events_have_the_number_of_the_run_and_the_end_of_the_lease() {
    each(async |ledger| {
        let lease = Duration::from_secs(9);
        let stage = Stage::on(ledger, |builder| builder.lease(lease));
        let last = || fence_of(&stage.seller.last());
        let end = || stage.clock.now().saturating_add(lease);
        stage.seller.set(Mood::Failing);
        stage.post(&purchase("CS1", "b")).await;
        assert_eq!(last(), Fence::new(1, end()));
        stage.seller.set(Mood::Willing);
        let upgrade = r#"{"activity":"upgradeInstance","instanceId":"b","orderId":"CS3","orderLineId":"CS3-1"}"#;
        let calls = [
            purchase("CS1", "b"),
            renew("b", "CS2"),
            upgrade.to_owned(),
            set_status("b", "FREEZE"),
            set_status("b", "UNFREEZE"),
            release("b"),
        ];
        for (index, call) in calls.iter().enumerate() {
            stage.clock.advance(Duration::from_secs(1));
            assert_eq!(stage.post(call).await.code, "000000", "{call}");
            assert_eq!(last(), Fence::new(index as u32 + 2, end()), "{call}");
        }
        assert_eq!(stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap().handler_runs, 7);
    })
    .await;
}

/// The end is that of the time when a method is called: what comes before it, such as the order query, may take longer
/// than the lease.
#[tokio::test]
async fn the_end_of_the_lease_is_as_it_was_extended_last() {
    let stage = Stage::with(|builder| builder.lease(Duration::from_millis(60)));
    stage.get(&v1_purchase("CS1", "b")).await;
    stage.get("activity=expireInstance&instanceId=b").await;
    stage.seller.set(Mood::Slow(Duration::from_millis(200)));
    let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=b&orderId=CS2";
    let advance = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stage.clock.advance(Duration::from_millis(30));
    };
    join(stage.get(renewal), advance).await;
    let events = stage.seller.events.lock().unwrap().clone();
    let [.., Event::Renew(renewed), Event::Unfreeze(unfrozen)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(renewed.fence, Fence::new(3, NOW.saturating_add(Duration::from_millis(60))));
    assert_eq!(unfrozen.fence, Fence::new(3, NOW.saturating_add(Duration::from_millis(90))), "one run");
}

#[tokio::test]
async fn a_test_call_has_a_fence_that_writes_nothing() {
    let stage = Stage::with(|builder| builder.debug_calls(DebugCalls::Handle));
    stage.post(r#"{"activity":"releaseInstance","instanceId":"b","testFlag":"1"}"#).await;
    assert_eq!(fence_of(&stage.seller.last()), Fence::default());
    assert_eq!(Fence::default().token, 0);
}
