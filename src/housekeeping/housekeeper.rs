//! The task that deletes what is old.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::{HousekeepingEvent, Observer, PruneFailure, StderrObserver};
use crate::backoff;
use crate::clock::{Clock, SystemClock};
use crate::ledger::{LedgerError, PrunableLedger, Pruned};
use crate::random::{OsRandom, Random};
use crate::runtime::Runtime;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The pause between two batches, in which calls get at the database.
const BATCH_PAUSE: Duration = Duration::from_millis(200);
/// The pause after the first failure; the pauses after it double.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// A background worker that deletes what is old from a ledger. Any number of them, in any number of processes, may work
/// on one ledger; one is enough.
///
/// In SQL the ledger's role needs the right to delete. The space is used again for new records; a file or table does not
/// get smaller by itself.
pub struct Housekeeper {
    ledger: Arc<dyn PrunableLedger>,
    runtime: Arc<dyn Runtime>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    age: Duration,
    interval: Duration,
    batch: usize,
}

impl Housekeeper {
    /// The shortest age of records that may be deleted: 30 days.
    ///
    /// The marketplace repeats a failed call for up to 3 hours, and a person may restart it in the seller console later.
    pub const SHORTEST_AGE: Duration = DAY.saturating_mul(30);

    /// Creates a housekeeper of a whole ledger, with the instances of every service and tenant on it.
    pub fn new(ledger: impl PrunableLedger, runtime: impl Runtime) -> Self {
        Self {
            ledger: Arc::new(ledger),
            runtime: Arc::new(runtime),
            observer: Arc::new(StderrObserver),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            age: DAY * 180,
            interval: Duration::from_secs(3600),
            batch: 500,
        }
    }

    /// Sets the observer (default: [`StderrObserver`]).
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sets the clock (default: the operating system's).
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the source of randomness for pauses (default: the operating system's).
    #[must_use]
    pub fn with_random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Sets how long records are kept after an instance was released or a step done (default: 180 days).
    ///
    /// # Errors
    ///
    /// It is less than [`SHORTEST_AGE`](Self::SHORTEST_AGE).
    pub fn with_age(mut self, age: Duration) -> Result<Self, AgeTooShort> {
        if age < Self::SHORTEST_AGE {
            return Err(AgeTooShort { age });
        }
        self.age = age;
        Ok(self)
    }

    /// Sets the interval between runs (default: 1 hour). It is also the longest pause after a failure.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the number of instances, and of steps, that are deleted in one transaction (default: 500, at least 1). Between
    /// two transactions of a run is a pause of 0.2 seconds.
    #[must_use]
    pub fn with_batch(mut self, records: usize) -> Self {
        self.batch = records.max(1);
        self
    }

    /// Runs until `stop` is ready, and then ends after the current batch. The first run begins at once. Spawn it as a
    /// task when the server starts.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let mut failures = 0;
        let mut deleted = Pruned::default();
        loop {
            let pause = match self.prune().await {
                Ok(pruned) => {
                    failures = 0;
                    deleted.instances += pruned.instances;
                    deleted.steps += pruned.steps;
                    if pruned.has_more {
                        BATCH_PAUSE
                    } else {
                        self.report(&mut deleted);
                        self.interval
                    }
                }
                Err(error) => {
                    self.report(&mut deleted);
                    let pause = backoff::pause(FIRST_PAUSE, self.interval, failures, &*self.random);
                    failures = failures.saturating_add(1);
                    self.observer.on_event(&HousekeepingEvent::Failed(PruneFailure::new(&error, pause)));
                    pause
                }
            };
            if let Either::Right(_) = select(self.runtime.sleep(pause), &mut stop).await {
                self.report(&mut deleted);
                return;
            }
        }
    }

    async fn prune(&self) -> Result<Pruned, LedgerError> {
        let now = self.clock.now();
        self.ledger.prune(now.saturating_sub(self.age), self.batch, now).await
    }

    /// Reports what was deleted since the last report, if anything was.
    fn report(&self, deleted: &mut Pruned) {
        let deleted = std::mem::take(deleted);
        if deleted != Pruned::default() {
            self.observer.on_event(&HousekeepingEvent::Pruned(deleted));
        }
    }
}

impl fmt::Debug for Housekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Housekeeper").field("age", &self.age).field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// The age is less than [`Housekeeper::SHORTEST_AGE`], so calls might still be repeated whose records would be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("records would be deleted after {} hours: expected at least {} days", .age.as_secs() / 3600, Housekeeper::SHORTEST_AGE.as_secs() / DAY.as_secs())]
#[non_exhaustive]
pub struct AgeTooShort {
    /// The age.
    pub age: Duration,
}
