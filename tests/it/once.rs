//! Effects happen once: copies, failures, slow handlers, replays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, ready};
use koogallery::callback::Refusal;
use koogallery::callback::subscription::*;
use koogallery::clock::Clock as _;
use koogallery::lease::Lease;
use koogallery::ledger::{
    Effect, Instance, LeaseOutcome, Ledger, LedgerError, MemoryLedger, OrderKey, State, Step, Target,
};
use koogallery::replay::{CallId, ClaimOutcome, ContentDigest, MemoryReplayGuard, ReplayError, ReplayGuard};
use koogallery::result_code::ResultCode;
use koogallery::timestamp::Timestamp;

use crate::delegated::delegated;
use crate::support::*;

#[tokio::test]
async fn fifty_copies_at_once_run_the_handler_once() {
    let stage = Stage::new();
    stage.seller.set(Mood::Slow(Duration::from_millis(50)));
    let bodies: Vec<_> = (0..50).map(|copy| purchase("CS1", &format!("biz-{copy}"))).collect();
    let answers = join_all(bodies.iter().map(|body| stage.post(body))).await;
    assert!(answers.iter().all(|answer| answer.code == "000000" && answer.instance_id() == answers[0].instance_id()));
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let stage = Stage::new();
    for mood in [Mood::Failing, Mood::Panicking] {
        stage.seller.set(mood);
        let answer = stage.post(&purchase("CS1", "first")).await;
        assert_eq!(answer.code, "000005");
        assert_eq!(answer.json["resultMsg"], "internal error", "the caller learns nothing");
    }
    assert!(
        stage.log.lines()[0].contains("the disk is full"),
        "the seller learns everything: {}",
        stage.log.lines()[0]
    );
    let early = r#"{"activity":"updateInstanceStatus","instanceId":"first","status":"FREEZE"}"#;
    assert_eq!(stage.post(early).await.code, "000003", "not created yet");

    stage.seller.set(Mood::Willing);
    let answer = stage.post(&purchase("CS1", "third")).await;
    assert_eq!((answer.code.as_str(), answer.instance_id()), ("000000", "first"), "the id of the first sight");
    assert_eq!(stage.seller.runs(), 3);
}

#[tokio::test]
async fn a_refusal_carries_its_code_and_a_retry_may_succeed() {
    let stage = Stage::new();
    stage.seller.set(Mood::Refusing(Refusal::new(ResultCode::SoldOut).with_message("no seats left")));
    let answer = stage.post(&purchase("CS1", "b")).await;
    assert_eq!((answer.code.as_str(), &answer.json["resultMsg"]), ("000106", &"no seats left".into()));
    stage.seller.set(Mood::Willing);
    assert_eq!(stage.post(&purchase("CS1", "b")).await.code, "000000");
    let check = r#"{"activity":"changeInstanceCheck","instanceId":"b","productInfo":{}}"#;
    stage
        .seller
        .set(Mood::Refusing(Refusal::new(ResultCode::InvalidParameter).with_message("usage exceeds the target")));
    assert_eq!(stage.post(check).await.code, "000002");
}

#[tokio::test]
async fn a_slow_v2_creation_is_processing_and_then_done() {
    let stage = Stage::with(|builder| builder.v2_deadline(Duration::from_millis(40)));
    stage.seller.set(Mood::Slow(Duration::from_millis(200)));
    for copy in 0..2 {
        let answer = stage.post(&purchase("CS1", &format!("biz-{copy}"))).await;
        assert_eq!((answer.code.as_str(), answer.instance_id()), ("000004", "biz-0"));
    }
    let query = r#"{"activity":"queryInstance","instanceId":"biz-0"}"#;
    assert_eq!(stage.post(query).await.code, "000004");
    stage.service.wait_idle().await;
    assert_eq!(stage.post(query).await.code, "000000");
    assert_eq!(stage.post(&purchase("CS1", "biz-9")).await.instance_id(), "biz-0");
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_slow_v1_creation_is_answered_with_its_fixed_id() {
    let stage = Stage::with(|builder| builder.v1_deadline(Duration::from_millis(40)));
    stage.seller.set(Mood::Slow(Duration::from_millis(120)));
    let query = stage.signed(&v1_purchase("CS1", "biz-1"));
    let early = stage.get_signed(&query).await;
    assert_eq!((early.code.as_str(), early.instance_id()), ("000000", "biz-1"));
    assert!(early.json.get("appInfo").is_none());
    stage.service.wait_idle().await;
    let done = stage.get_signed(&query).await;
    assert!(done.json["appInfo"]["frontEndUrl"].is_string(), "what was not final is not repeated");
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_slow_renewal_goes_on_and_its_retry_finds_it_done() {
    let stage = Stage::with(|builder| builder.v2_deadline(Duration::from_millis(40)));
    stage.post(&purchase("CS1", "b")).await;
    stage.seller.set(Mood::Slow(Duration::from_millis(120)));
    let renewal = r#"{"activity":"refreshInstance","expireTime":"20270101000000","instanceId":"b","orderId":"CS2","orderLineId":"CS2-1","scene":"RENEWAL"}"#;
    assert_eq!(stage.post(renewal).await.code, "000005");
    stage.service.wait_idle().await;
    assert_eq!(stage.post(renewal).await.code, "000000");
    assert_eq!(stage.seller.runs(), 2);
}

/// Works for a while and fails in the end.
struct LateFailure(Seller);
impl SubscriptionHandler for LateFailure {
    async fn create(&self, purchase: Purchase) -> Result<(), koogallery::callback::HandlerError> {
        self.0.set(Mood::Slow(Duration::from_millis(80)));
        self.0.create(purchase).await?;
        Err(koogallery::callback::HandlerError::failed("too late"))
    }
    async fn renew(&self, event: Renewal) -> Result<(), koogallery::callback::HandlerError> {
        self.0.renew(event).await
    }
    async fn freeze(&self, event: Freeze) -> Result<(), koogallery::callback::HandlerError> {
        self.0.freeze(event).await
    }
    async fn unfreeze(&self, event: Unfreeze) -> Result<(), koogallery::callback::HandlerError> {
        self.0.unfreeze(event).await
    }
    async fn release(&self, event: Release) -> Result<(), koogallery::callback::HandlerError> {
        self.0.release(event).await
    }
    async fn upgrade(&self, event: Upgrade) -> Result<(), koogallery::callback::HandlerError> {
        self.0.upgrade(event).await
    }
    async fn check_change(&self, event: ChangeCheck) -> Result<(), koogallery::callback::HandlerError> {
        self.0.check_change(event).await
    }
    async fn describe(&self, query: InstanceQuery) -> Result<Description, koogallery::callback::HandlerError> {
        self.0.describe(query).await
    }
}

#[tokio::test]
async fn a_failure_after_the_answer_is_reported() {
    let stage = Stage::with(|builder| {
        builder.subscription(LateFailure(Seller::default()), MemoryLedger::new()).v2_deadline(Duration::from_millis(20))
    });
    assert_eq!(stage.post(&purchase("CS1", "b")).await.code, "000004");
    stage.service.wait_idle().await;
    tokio::task::yield_now().await;
    let last = stage.log.last();
    assert!(last.contains("create CS1") && last.contains("too late"), "{last}");
}

/// A guard whose store fails when the answer is to be kept.
#[derive(Default)]
struct Forgetful(MemoryReplayGuard);

impl ReplayGuard for Forgetful {
    fn claim<'a>(
        &'a self,
        id: CallId<'a>,
        content: Option<ContentDigest>,
        until: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<ClaimOutcome, ReplayError>> {
        self.0.claim(id, content, until, now)
    }

    fn remember_answer<'a>(
        &'a self,
        _: CallId<'a>,
        _: Option<ContentDigest>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        ready(Err(ReplayError::store("the store is gone"))).boxed()
    }
}

#[tokio::test]
async fn an_answer_that_the_guard_does_not_keep_is_given_and_reported() {
    let stage = Stage::with(|builder| builder.replay_guard(Forgetful::default()));
    let create = stage.signed(&v1_purchase("CS1", "b"));
    for _ in 0..2 {
        let answer = stage.get_signed(&create).await;
        assert_eq!((answer.code.as_str(), answer.instance_id()), ("000000", "b"));
        let lines = stage.log.lines();
        let [.., reported, exchange] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(
            reported,
            "SaaS V1.0 newInstance (order \"CS1\") succeeded, but its answer could not be kept for repeats of the call: \
             replay guard operation failed: the store is gone"
        );
        assert!(exchange.contains("answered 000000"), "{exchange}");
    }
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_repeated_token_gets_the_first_successful_answer() {
    let stage = Stage::new();
    let create = stage.signed(&v1_purchase("CS1", "b"));
    stage.seller.set(Mood::Failing);
    assert_eq!(stage.get_signed(&create).await.code, "000005");
    stage.seller.set(Mood::Willing);
    let first = stage.get_signed(&create).await;
    assert_eq!(first.code, "000000", "a failure is not remembered");
    assert_eq!(stage.get_signed(&create).await.body, first.body, "to the byte, initialisation vectors included");

    // A captured call does not undo what came after it.
    let expire = stage.signed("activity=expireInstance&instanceId=b");
    assert_eq!(stage.get_signed(&expire).await.code, "000000");
    let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=b&orderId=CS2";
    assert_eq!(stage.get(renewal).await.code, "000000");
    assert_eq!(stage.get_signed(&expire).await.code, "000000");
    let instance = stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
    assert_eq!(instance.state, State::Active);
}

#[tokio::test]
async fn a_full_replay_guard_refuses() {
    let stage = Stage::with(|builder| builder.replay_guard(MemoryReplayGuard::with_capacity(1)));
    assert_eq!(stage.post(&purchase("CS1", "b")).await.code, "000000");
    assert_eq!(stage.post(&purchase("CS2", "c")).await.code, "000005");
    assert_eq!(stage.seller.runs(), 1);
    stage.clock.advance(Duration::from_secs(62));
    assert_eq!(stage.post(&purchase("CS2", "c")).await.code, "000000");
}

#[tokio::test]
async fn a_dead_process_is_succeeded_when_its_lease_runs_out() {
    let ledger = Arc::new(MemoryLedger::new());
    let step = Step::new(
        Target::Purchase { order: OrderKey::new("CS1").with_order_line("CS1-000001"), proposed_id: "dead".into() },
        Effect::Create { product_id: None, expire_time: None },
    );
    let lease = Lease::new(1, Duration::from_secs(5));
    assert!(matches!(ledger.begin(&step, lease, NOW).await.unwrap(), LeaseOutcome::Run(_)));

    let stage = Stage::on(ledger.clone(), |builder| builder.v2_deadline(Duration::from_millis(60)));
    let waiting = stage.post(&purchase("CS1", "retry")).await;
    assert_eq!((waiting.code.as_str(), waiting.instance_id()), ("000004", "dead"));
    assert_eq!(stage.seller.runs(), 0);
    stage.clock.advance(Duration::from_secs(6));
    stage.service.wait_idle().await;
    assert_eq!(stage.seller.runs(), 1, "the waiting retry took over");
    let late = ledger.complete(&step, "dead", lease, NOW).await;
    assert!(late.is_err(), "the dead process cannot note anything any more");
}

/// After `000004` the marketplace only polls; nobody promises that it sends the purchase again.
#[tokio::test]
async fn a_creation_cut_off_after_its_answer_is_finished_by_the_query() {
    let ledger = Arc::new(MemoryLedger::new());
    let step = Step::new(
        Target::Purchase { order: OrderKey::new("CS1").with_order_line("CS1-1"), proposed_id: "cut".into() },
        Effect::Create { product_id: None, expire_time: None },
    );
    let lease = Lease::new(1, Duration::from_secs(5));
    ledger.begin(&step, lease, NOW).await.unwrap();

    let stage = Stage::on(ledger, |builder| builder);
    stage.clock.advance(Duration::from_secs(6));
    let query = r#"{"activity":"queryInstance","instanceId":"cut"}"#;
    stage.seller.set(Mood::Failing);
    assert_eq!(stage.post(query).await.code, "000004");
    stage.service.wait_idle().await;
    tokio::task::yield_now().await;
    assert!(stage.log.last().contains("the disk is full"), "{}", stage.log.last());
    stage.seller.set(Mood::Willing);
    assert_eq!(stage.post(query).await.code, "000004");
    stage.service.wait_idle().await;
    assert_eq!(stage.post(query).await.code, "000000");
    let Event::Create(event) = stage.seller.last() else { panic!() };
    assert_eq!((event.instance_id.as_str(), event.order_line_id.as_deref()), ("cut", Some("CS1-1")));
    assert_eq!(stage.seller.runs(), 2);
}

#[tokio::test]
async fn polls_while_a_creation_is_resumed_do_not_report_its_failure_again() {
    let ledger = Arc::new(MemoryLedger::new());
    let step = Step::new(
        Target::Purchase { order: OrderKey::new("CS1").with_order_line("CS1-1"), proposed_id: "cut".into() },
        Effect::Create { product_id: None, expire_time: None },
    );
    ledger.begin(&step, Lease::new(1, Duration::ZERO), NOW).await.unwrap();
    let seller = LateFailure(Seller::default());
    let stage = Stage::on(ledger.clone(), |builder| builder.subscription(seller, ledger));
    stage.clock.advance(Duration::from_secs(1));
    for _ in 0..5 {
        let query = r#"{"activity":"queryInstance","instanceId":"cut"}"#;
        assert_eq!(stage.post(query).await.code, "000004");
    }
    stage.service.wait_idle().await;
    tokio::task::yield_now().await;
    assert_eq!(stage.log.lines().iter().filter(|line| line.contains("too late")).count(), 1);
}

#[tokio::test]
async fn a_lease_is_prolonged_while_the_handler_runs() {
    let stage = Stage::with(|builder| builder.lease(Duration::from_millis(30)));
    stage.seller.set(Mood::Slow(Duration::from_millis(200)));
    let body = purchase("CS1", "b");
    let call = stage.post(&body);
    let other_process = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.clock.advance(Duration::from_millis(25));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let step = Step::new(
            Target::Purchase { order: OrderKey::new("CS1").with_order_line("CS1-000001"), proposed_id: "x".into() },
            Effect::Create { product_id: None, expire_time: None },
        );
        let now = stage.clock.now().saturating_add(Duration::from_millis(20));
        let lease = Lease::new(2, Duration::ZERO);
        stage.service.ledger().unwrap().begin(&step, lease, now).await.unwrap()
    };
    let (answer, other) = futures_util::future::join(call, other_process).await;
    assert!(matches!(other, LeaseOutcome::Busy { .. }), "{other:?}");
    assert_eq!(answer.code, "000000");
}

/// A ledger whose store fails now and then.
struct Flaky {
    inner: MemoryLedger,
    failures: AtomicU32,
    /// Whether what failed was done all the same.
    done_all_the_same: bool,
}

impl Ledger for Flaky {
    delegated!(inner: status, begin, extend, abandon, instance, instances);

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        Box::pin(async move {
            if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                if self.done_all_the_same {
                    self.inner.complete(step, id, lease, now).await?;
                }
                return Err(LedgerError::Store("the connection broke".into()));
            }
            self.inner.complete(step, id, lease, now).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_moment_does_not_double_the_work() {
    for (failures, done_all_the_same, code) in [(4, false, "000000"), (1, true, "000000"), (1_000, false, "000004")] {
        let ledger = Flaky { inner: MemoryLedger::new(), failures: AtomicU32::new(failures), done_all_the_same };
        let stage = Stage::on(ledger, |builder| builder);
        assert_eq!(stage.post(&purchase("CS1", "b")).await.code, code, "{failures} failures");
        stage.service.wait_idle().await;
        let reported = stage.log.lines().into_iter().filter(|line| line.contains("after the answer")).count();
        assert_eq!((stage.seller.runs(), reported), (1, usize::from(code != "000000")));
    }
}

#[tokio::test]
async fn answers_that_the_marketplace_would_refuse_do_not_leave() {
    let stage = Stage::new();
    stage.post(&purchase("CS1", "b")).await;
    let query = r#"{"activity":"queryInstance","instanceId":"b"}"#;
    let long = |length| "x".repeat(length);
    let access = || AccessInfo::new("https://app.example.com");
    for (broken, named) in [
        (AccessInfo::new(""), "frontEndUrl"),
        (AccessInfo::new(long(513)), "frontEndUrl"),
        (access().with_admin_url(long(513)), "adminUrl"),
        (access().with_login(long(129), "p"), "userName"),
        (access().with_login("u", long(129)), "password"),
        (access().with_memo(long(1025)), "memo"),
    ] {
        stage.seller.describe_as(Description::new(broken));
        assert_eq!(stage.post(query).await.code, "000005", "{named}");
        assert!(stage.log.last().contains(named), "{}", stage.log.last());
    }
    stage.seller.describe_as(Description::new(access().with_login(long(128), long(128)).with_memo("欢".repeat(1024))));
    assert_eq!(stage.post(query).await.code, "000000");

    // V1.0 measures the ciphertext, and allows no Chinese outside `memo`.
    let query = "activity=queryInstance&instanceId=b";
    for (broken, named) in
        [(access().with_login(long(80), "p"), "userName"), (AccessInfo::new("https://例子.cn"), "frontEndUrl")]
    {
        stage.seller.describe_as(Description::new(broken));
        assert_eq!(stage.get(query).await.code, "000005", "{named}");
        assert!(stage.log.last().contains(named), "{}", stage.log.last());
    }
    stage.seller.describe_as(Description::new(access().with_login(long(79), long(79)).with_memo("欢迎")));
    assert_eq!(stage.get(query).await.code, "000000");

    let v2 = r#"{"activity":"queryInstance","instanceId":"b"}"#;
    let used = |usage: &str, at| Description::new(access()).with_usage(UsageInfo::new(usage.parse().unwrap(), at));
    let no_time = Timestamp::from_unix_millis(i64::MAX);
    for (usage, at, named) in [
        ("0.00001", NOW, "usageValue"),
        ("-1", NOW, "usageValue"),
        ("100000000", NOW, "usageValue"),
        ("1E+30", NOW, "usageValue"),
        ("1", no_time, "statisticalTime"),
    ] {
        stage.seller.describe_as(used(usage, at));
        for answer in [stage.post(v2).await, stage.get(query).await] {
            assert_eq!(answer.code, "000005", "{usage}");
            assert!(stage.log.last().contains(named), "{}", stage.log.last());
        }
    }
    for usage in ["0", "0.0001", "99999999.9999", "1.50000"] {
        stage.seller.describe_as(used(usage, NOW));
        assert_eq!([stage.post(v2).await.code, stage.get(query).await.code], ["000000", "000000"], "{usage}");
    }

    // A code that does not belong to the callback.
    stage.seller.set(Mood::Refusing(Refusal::new(ResultCode::SoldOut)));
    assert_eq!(stage.post(r#"{"activity":"releaseInstance","instanceId":"b"}"#).await.code, "000005");
    assert!(stage.log.last().contains("000106"), "{}", stage.log.last());
}
