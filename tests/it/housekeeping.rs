//! The housekeeper: what it deletes, how it goes on after failures, and when it stops.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use koogallery::clock::ManualClock;
use koogallery::housekeeping::{AgeTooShort, Housekeeper, HousekeepingEvent, Observer};
use koogallery::lease::Lease;
use koogallery::ledger::{
    Effect, LeaseOutcome, Ledger, LedgerError, MemoryLedger, OrderKey, PrunableLedger, Pruned, Step, Target,
};
use koogallery::runtime::Runtime;
use koogallery::timestamp::Timestamp;
use tokio::sync::Notify;

use crate::delegated::delegated;
use crate::support::NOW;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// A runtime whose sleeps end at once, until there were so many; then it stops the run.
#[derive(Clone)]
struct Sleeps {
    slept: Arc<Mutex<Vec<Duration>>>,
    most: usize,
    stop: Arc<Notify>,
}

impl Sleeps {
    fn until(most: usize) -> Self {
        Self { slept: Arc::default(), most, stop: Arc::default() }
    }
}

impl Runtime for Sleeps {
    fn spawn(&self, _task: BoxFuture<'static, ()>) {
        panic!("nothing is spawned");
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut slept = self.slept.lock().unwrap();
        slept.push(duration);
        if slept.len() == self.most {
            self.stop.notify_one();
            return futures_util::future::pending().boxed();
        }
        ready(()).boxed()
    }
}

#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Observer for Reports {
    fn on_event(&self, event: &HousekeepingEvent<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

/// A ledger that fails the first times.
#[derive(Default)]
struct Failing {
    ledger: MemoryLedger,
    failures: AtomicUsize,
}

impl Failing {
    fn times(failures: usize) -> Arc<Self> {
        Arc::new(Self { ledger: MemoryLedger::new(), failures: AtomicUsize::new(failures) })
    }
}

impl PrunableLedger for Failing {
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        let count_down = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count_down).is_ok() {
            return ready(Err(LedgerError::store("the disk is full"))).boxed();
        }
        self.ledger.prune(before, limit, now)
    }
}

impl Ledger for Failing {
    delegated!(ledger: status, begin, extend, complete, abandon, instance, instances);
}

/// Buys an instance and releases it.
async fn release(ledger: &dyn Ledger, id: &str, at: Timestamp) {
    let target = Target::Purchase { order: OrderKey::new(id), proposed_id: id.to_owned() };
    let create = Step::new(target, Effect::Create { product_id: None, expire_time: None });
    let lease = Lease::new(1, HOUR);
    for step in [create, Step::on(id, Effect::Release)] {
        assert!(matches!(ledger.begin(&step, lease, at).await.unwrap(), LeaseOutcome::Run(_)));
        ledger.complete(&step, id, lease, at).await.unwrap();
    }
}

/// Runs until there were so many pauses; returns them, and the events.
async fn run(
    ledger: &Arc<Failing>,
    pauses: usize,
    set: impl FnOnce(Housekeeper) -> Housekeeper,
) -> (Vec<Duration>, Vec<String>) {
    let (runtime, reports) = (Sleeps::until(pauses), Reports::default());
    let housekeeper = Housekeeper::new(Arc::clone(ledger), runtime.clone())
        .with_observer(reports.clone())
        .with_clock(ManualClock::new(NOW));
    let stop = Arc::clone(&runtime.stop);
    set(housekeeper).run(async move { stop.notified().await }).await;
    let (slept, reports) = (runtime.slept.lock().unwrap().clone(), reports.0.lock().unwrap().clone());
    (slept, reports)
}

#[tokio::test]
async fn what_is_old_is_deleted_in_batches_and_the_rest_is_kept() {
    let ledger = Failing::times(0);
    for index in 0..5 {
        release(&*ledger, &format!("old{index}"), NOW.saturating_sub(181 * DAY)).await;
    }
    release(&*ledger, "recent", NOW.saturating_sub(179 * DAY)).await;
    let (slept, reports) = run(&ledger, 4, |housekeeper| housekeeper.with_batch(2)).await;
    let batch = Duration::from_millis(200);
    assert_eq!(slept, [batch, batch, HOUR, HOUR], "a pause between batches, and between runs");
    assert_eq!(
        reports,
        ["5 old instances and 5 old steps were deleted from the ledger"],
        "one event a run with an effect"
    );
    assert!(ledger.instance("recent").await.unwrap().is_some());

    let (_, reports) = run(&ledger, 1, |housekeeper| housekeeper.with_age(30 * DAY).unwrap()).await;
    assert_eq!(reports, ["1 old instances and 1 old steps were deleted from the ledger"]);
}

#[tokio::test]
async fn a_run_that_is_stopped_reports_what_it_did() {
    let ledger = Failing::times(0);
    for index in 0..5 {
        release(&*ledger, &format!("old{index}"), NOW.saturating_sub(181 * DAY)).await;
    }
    let (_, reports) = run(&ledger, 1, |housekeeper| housekeeper.with_batch(2)).await;
    assert_eq!(reports, ["2 old instances and 2 old steps were deleted from the ledger"]);
    assert_eq!(ledger.instances(None, 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_failure_is_retried_after_longer_and_longer_pauses() {
    let ledger = Failing::times(12);
    release(&*ledger, "old", NOW.saturating_sub(181 * DAY)).await;
    let (slept, reports) = run(&ledger, 13, |housekeeper| housekeeper).await;
    for (failures, pause) in slept[..12].iter().enumerate() {
        let longest = (Duration::from_secs(5) * (1 << failures)).min(HOUR);
        assert!(*pause >= longest / 2 && *pause <= longest, "{slept:?}");
    }
    assert_eq!((slept[12], reports.len()), (HOUR, 13), "{reports:?}");
    let (failure, end) = (&reports[0], "s: ledger operation failed: the disk is full");
    let begin = "old records could not be deleted from the ledger, retry after ";
    assert!(failure.starts_with(begin) && failure.ends_with(end), "{failure}");
    assert_eq!(reports[12], "1 old instances and 1 old steps were deleted from the ledger");
}

#[test]
fn records_of_calls_that_may_be_repeated_are_not_deleted() {
    let housekeeper = || Housekeeper::new(MemoryLedger::new(), Sleeps::until(1));
    assert!(housekeeper().with_age(Housekeeper::SHORTEST_AGE).is_ok());
    let age = Housekeeper::SHORTEST_AGE - Duration::from_secs(1);
    let error = housekeeper().with_age(age).unwrap_err();
    assert!(matches!(error, AgeTooShort { age: refused, .. } if refused == age));
    assert_eq!(error.to_string(), "records would be deleted after 719 hours: expected at least 30 days");
}
