//! Answers come when they are due, whatever is slow: guard, ledger or a locked file.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use koogallery::clock::Clock as _;
use koogallery::lease::Lease;
use koogallery::ledger::{
    Instance, LeaseOutcome, Ledger, LedgerError, MemoryLedger, SqliteLedger, State, Step, StepStatus,
};
use koogallery::replay::{
    CallId, ClaimOutcome, ContentDigest, MemoryReplayGuard, ReplayError, ReplayGuard, SqliteReplayGuard,
};
use koogallery::signature::callback_v2;
use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Connection;
use koogallery::timestamp::Timestamp;
use tokio::sync::Barrier;
use tokio::time::sleep;

use crate::delegated::delegated;
use crate::support::*;

const DEADLINE: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(400);
/// By which an answer must be there on a busy machine.
const SOON: Duration = Duration::from_millis(350);

/// A ledger of which one method is slow.
#[derive(Clone)]
struct SlowLedger {
    ledger: Arc<MemoryLedger>,
    slow: &'static str,
}

impl SlowLedger {
    fn new(slow: &'static str) -> Self {
        Self { ledger: Arc::default(), slow }
    }

    fn then<'a, T: Send + 'a>(&'a self, method: &str, work: BoxFuture<'a, T>) -> BoxFuture<'a, T> {
        let is_slow = method == self.slow;
        async move {
            if is_slow {
                sleep(SLOW).await;
            }
            work.await
        }
        .boxed()
    }
}

impl Ledger for SlowLedger {
    delegated!(ledger: extend, abandon, instances);

    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        self.then("status", self.ledger.status(step, now))
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        self.then("begin", self.ledger.begin(step, lease, now))
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        self.then("complete", self.ledger.complete(step, id, lease, now))
    }

    fn instance<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        self.then("instance", self.ledger.instance(id))
    }
}

/// A guard that is slow in claiming, in remembering, or in both.
struct SlowGuard {
    guard: MemoryReplayGuard,
    claims: bool,
}

impl ReplayGuard for SlowGuard {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        async move {
            if self.claims {
                sleep(SLOW).await;
            }
            self.guard.claim(id, content, until, now).await
        }
        .boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        async move {
            sleep(SLOW).await;
            self.guard.remember_answer(id, content, answer).await
        }
        .boxed()
    }
}

fn on_slow(slow: &'static str) -> Stage {
    Stage::on(SlowLedger::new(slow), |builder| builder.v2_deadline(DEADLINE).v1_deadline(DEADLINE))
}

fn on_guard(claims: bool) -> Stage {
    let guard = SlowGuard { guard: MemoryReplayGuard::default(), claims };
    Stage::with(|builder| builder.replay_guard(guard).v2_deadline(DEADLINE).v1_deadline(DEADLINE))
}

/// The answer, which has to come within a time.
async fn within(time: Duration, answer: impl Future<Output = Answer>) -> Answer {
    let began = Instant::now();
    let answer = answer.await;
    assert!(began.elapsed() < time, "{:?} for {}", began.elapsed(), answer.json);
    answer
}

#[tokio::test]
async fn a_creation_whose_id_is_fixed_is_answered_with_it() {
    let stage = on_slow("complete");
    for copy in ["first", "second"] {
        let answer = within(SOON, stage.post(&purchase("CS1", copy))).await;
        assert_eq!((answer.code.as_str(), answer.instance_id()), ("000004", "first"));
    }
    let answer = within(SOON, stage.get(&v1_purchase("CS2", "old"))).await;
    assert_eq!((answer.code.as_str(), answer.instance_id()), ("000000", "old"));
    stage.service.wait_idle().await;
    assert_eq!(stage.post(&purchase("CS1", "third")).await.code, "000000");
    assert_eq!(stage.seller.runs(), 2, "the work went on");
}

#[tokio::test]
async fn a_creation_without_an_id_yet_fails_and_goes_on() {
    let stage = on_slow("begin");
    assert_eq!(within(SOON, stage.post(&purchase("CS1", "first"))).await.code, "000005");
    assert!(stage.log.last().contains("the handler or a store did not finish within 100ms"), "{}", stage.log.last());
    stage.service.wait_idle().await;
    assert_eq!(stage.post(&purchase("CS1", "second")).await.instance_id(), "first");
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_ledger_that_is_slow_to_read_delays_nothing_beyond_the_deadline() {
    let stage = on_slow("status");
    assert_eq!(within(SOON, stage.post(&purchase("CS1", "first"))).await.code, "000005");
    assert_eq!(within(SOON, stage.get(&v1_purchase("CS2", "second"))).await.code, "000005");
    let stage = on_slow("instance");
    assert_eq!(stage.post(&purchase("CS1", "first")).await.code, "000000");
    let query = r#"{"activity":"queryInstance","instanceId":"first"}"#;
    assert_eq!(within(SOON, stage.post(query)).await.code, "000005");
    let check = r#"{"activity":"changeInstanceCheck","instanceId":"first","productInfo":{}}"#;
    assert_eq!(within(SOON, stage.post(check)).await.code, "000005");
}

#[tokio::test]
async fn a_slow_guard_delays_nothing_beyond_the_deadline() {
    let stage = on_guard(true);
    assert_eq!(within(SOON, stage.post(&purchase("CS1", "b"))).await.code, "000005");
    assert_eq!(within(SOON, stage.get(&v1_purchase("CS1", "b"))).await.code, "000005");
    assert_eq!(stage.seller.runs(), 0, "a call that was not claimed begins nothing");

    let stage = on_guard(false);
    let answers = [
        within(SOON, stage.get(&v1_purchase("CS1", "b"))).await,
        within(SOON, stage.post(&purchase("CS2", "b2"))).await,
    ];
    assert_eq!(
        answers.map(|answer| (answer.code.clone(), answer.instance_id().to_owned())),
        [("000000".to_owned(), "b".to_owned()), ("000000".to_owned(), "b2".to_owned()),]
    );
    let lines = stage.log.lines();
    let is_kept = |line: &&String| !line.contains("succeeded, but its answer could not be kept");
    assert_eq!(lines.iter().filter(is_kept).count(), 2, "{lines:?}");
}

/// A store that answers only once another one was asked as well.
struct Meeting<S> {
    store: S,
    both: Arc<Barrier>,
}

impl Ledger for Meeting<Arc<MemoryLedger>> {
    delegated!(store: begin, extend, complete, abandon, instances);

    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        async move {
            self.both.wait().await;
            self.store.status(step, now).await
        }
        .boxed()
    }

    fn instance<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        async move {
            self.both.wait().await;
            self.store.instance(id).await
        }
        .boxed()
    }
}

impl ReplayGuard for Meeting<MemoryReplayGuard> {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        async move {
            self.both.wait().await;
            self.store.claim(id, content, until, now).await
        }
        .boxed()
    }

    fn remember_answer<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        answer: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        self.store.remember_answer(id, content, answer)
    }
}

#[tokio::test]
async fn a_call_asks_guard_and_ledger_at_once() {
    let both = Arc::new(Barrier::new(2));
    let guard = Meeting { store: MemoryReplayGuard::default(), both: Arc::clone(&both) };
    let ledger = Meeting { store: Arc::<MemoryLedger>::default(), both };
    let stage = Stage::on(ledger, |builder| builder.replay_guard(guard));
    let freeze = r#"{"activity":"updateInstanceStatus","instanceId":"first","status":"FREEZE"}"#;
    let query = r#"{"activity":"queryInstance","instanceId":"first"}"#;
    for call in [&*purchase("CS1", "first"), query, freeze] {
        assert_eq!(within(SOON, stage.post(call)).await.code, "000000", "{call}");
    }
}

#[tokio::test]
async fn what_the_guard_decides_alone_does_not_wait_for_the_ledger() {
    let guard = Arc::<MemoryReplayGuard>::default();
    let stage = Stage::with(|builder| builder.replay_guard(Arc::clone(&guard)));
    let signed = |body: &str| callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), body.as_bytes());
    let calls = [
        (purchase("CS1", "first"), "status", "000000"),
        (r#"{"activity":"queryInstance","instanceId":"first"}"#.to_owned(), "instance", "000002"),
    ];
    for (call, slow, when_repeated) in calls {
        let query = signed(&call);
        assert_eq!(stage.post_signed(&query, call.clone()).await.code, "000000");
        let repeated_to = Stage::on(SlowLedger::new(slow), |builder| builder.replay_guard(Arc::clone(&guard)));
        assert_eq!(within(SOON, repeated_to.post_signed(&query, call)).await.code, when_repeated, "{slow}");
    }
}

#[tokio::test]
async fn what_is_created_while_a_claim_waits_is_known() {
    let ledger = Arc::<MemoryLedger>::default();
    let guard = SlowGuard { guard: MemoryReplayGuard::default(), claims: true };
    let slow = Stage::on(Arc::clone(&ledger), |builder| builder.replay_guard(guard));
    let quick = Stage::on(ledger, |builder| builder);
    let calls = [
        ("first", r#"{"activity":"updateInstanceStatus","instanceId":"first","status":"FREEZE"}"#),
        ("second", r#"{"activity":"queryInstance","instanceId":"second"}"#),
    ];
    for (instance, call) in calls {
        let creation = purchase(&format!("CS-{instance}"), instance);
        let created = async {
            sleep(SLOW / 4).await;
            quick.post(&creation).await
        };
        let (answer, created) = tokio::join!(slow.post(call), created);
        assert_eq!((created.code.as_str(), answer.code.as_str()), ("000000", "000000"), "{call}");
    }
}

/// Another process that writes and does not end.
fn lock(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_behind_a_locked_file_are_answered_in_time_and_leave_no_queue() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let database = Database::open(&path).unwrap();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let guard = SqliteReplayGuard::new(&database).await.unwrap();
    let stage = Stage::on(ledger.clone(), |builder| builder.replay_guard(guard));
    let lock = lock(&path);
    let began = Instant::now();

    let bodies: Vec<_> = (0..20).map(|order| purchase(&format!("CS{order}"), &format!("b{order}"))).collect();
    let answers = join_all(bodies.iter().map(|body| within(Duration::from_millis(4700), stage.post(body))));
    // The last in the queue: the file is locked for it too, but nothing before it takes 5 seconds for itself.
    let late = async {
        sleep(Duration::from_millis(500)).await;
        assert!(ledger.instance("b0").await.is_err());
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    };
    let (answers, ()) = tokio::join!(answers, late);
    assert!(answers.iter().all(|answer| answer.code == "000005"), "{answers:?}");
    drop(lock);
    for body in &bodies {
        assert_eq!(within(Duration::from_secs(2), stage.post(body)).await.code, "000000");
    }
    assert_eq!(stage.seller.runs(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_done_while_the_file_is_locked_is_noted_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let ledger = SqliteLedger::new(&Database::open(&path).unwrap()).await.unwrap();
    let stage = Stage::on(ledger.clone(), |builder| builder.v2_deadline(Duration::from_millis(600)));
    stage.seller.set(Mood::Slow(Duration::from_millis(300)));
    let body = purchase("CS1", "first");
    let locked = async {
        while stage.seller.runs() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        lock(&path)
    };
    let (answer, lock) = tokio::join!(within(Duration::from_millis(1500), stage.post(&body)), locked);
    assert_eq!((answer.code.as_str(), answer.instance_id()), ("000004", "first"));
    let copy = within(Duration::from_millis(1500), stage.post(&purchase("CS1", "second"))).await;
    assert_eq!((copy.code.as_str(), copy.instance_id()), ("000004", "first"));

    // Longer than one try waits.
    sleep(Duration::from_millis(5500)).await;
    drop(lock);
    stage.service.wait_idle().await;
    assert_eq!(ledger.instance("first").await.unwrap().unwrap().state, State::Active);
    assert_eq!(stage.post(&body).await.code, "000000");
    assert_eq!(stage.seller.runs(), 1);
}
