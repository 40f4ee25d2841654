//! What all parts of a simulation share.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use koogallery::ledger::MemoryLedger;
use koogallery::license_store::MemoryLicenseStore;
use koogallery::metering::MemoryUsageStore;
use koogallery::replay::MemoryReplayGuard;
use koogallery_simulator::{OpenApiServer, SeededRandom};

use crate::monitor::Monitor;
use crate::rng::Rng;
use crate::scheduler::{Owner, Scheduler};
use crate::{Bug, Settings};

/// How much goes wrong at present, in thousandths.
#[derive(Clone, Copy, Default)]
pub(crate) struct FaultRates {
    /// Operations of a store that fail, half of them after they took effect.
    pub(crate) store: u32,
    /// Operations of a store that take long.
    pub(crate) slow_store: u32,
    /// Requests and answers that are lost.
    pub(crate) network: u32,
    /// Calls of the handler that fail.
    pub(crate) handler: u32,
    /// Calls of the handler that take long.
    pub(crate) slow_handler: u32,
}

pub(crate) struct Simulation {
    pub(crate) settings: Settings,
    pub(crate) scheduler: Scheduler,
    pub(crate) rng: Rng,
    /// Of the marketplace, for nonces and ids.
    pub(crate) seeded: SeededRandom,
    pub(crate) open_api: OpenApiServer,
    pub(crate) ledger: MemoryLedger,
    pub(crate) guard: MemoryReplayGuard,
    pub(crate) licenses: MemoryLicenseStore,
    pub(crate) usage: MemoryUsageStore,
    /// Whether nothing is left to do, or something is wrong.
    pub(crate) is_over: Arc<AtomicBool>,
    monitor: Mutex<Monitor>,
    rates: Mutex<FaultRates>,
}

/// A failure that was injected.
#[derive(Debug)]
pub(crate) struct Injected(&'static str);

impl std::fmt::Display for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Injected {
    pub(crate) fn because(why: &'static str) -> Self {
        Self(why)
    }

    pub(crate) fn waits() -> Self {
        Self("an engine in memory waits")
    }
}

impl std::error::Error for Injected {}

/// What happens to one operation of a store.
struct Plan {
    fails_before: bool,
    fails_after: bool,
    /// The time on the way there and back; without it the operation is done in the task that asks.
    travel: Option<[Duration; 2]>,
    yields: usize,
}

impl Simulation {
    pub(crate) fn new(settings: Settings, scheduler: Scheduler, rng: Rng, open_api: OpenApiServer) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        Self {
            seeded: SeededRandom::new(settings.seed ^ 0x5eed),
            monitor: Mutex::new(Monitor::new(settings.keeps_history, Arc::clone(&is_over))),
            rates: Mutex::default(),
            ledger: MemoryLedger::new(),
            guard: MemoryReplayGuard::default(),
            licenses: MemoryLicenseStore::new(),
            usage: MemoryUsageStore::new(),
            is_over,
            settings,
            scheduler,
            rng,
            open_api,
        }
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.settings.bug == Some(bug)
    }

    pub(crate) fn monitor(&self) -> MutexGuard<'_, Monitor> {
        let mut monitor = self.monitor.lock().unwrap_or_else(PoisonError::into_inner);
        monitor.set_time(self.scheduler.elapsed());
        monitor
    }

    pub(crate) fn rates(&self) -> FaultRates {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_rates(&self, rates: FaultRates) {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
    }

    /// Does an operation of a shared store for a process: it may fail before or after its effect, take long, or let other tasks
    /// go first. On its way it is the network's, so it takes effect although the process has died.
    pub(crate) async fn operate<T, E>(
        self: &Arc<Self>,
        owner: Owner,
        name: &'static str,
        holder: Option<u128>,
        fail: fn(Injected) -> E,
        effect: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let plan = self.plan(owner, name, holder);
        for _ in 0..plan.yields {
            self.scheduler.yield_now().await;
        }
        let Plan { fails_before, fails_after, travel, .. } = plan;
        let outcome = move || match (fails_before, fails_after) {
            (true, _) => Err(fail(Injected("the store failed"))),
            (_, true) => {
                // Whatever it said, it did not arrive.
                drop(effect());
                Err(fail(Injected("the connection to the store broke")))
            }
            _ => effect(),
        };
        let Some([there, back]) = travel else { return outcome() };
        let (send, arrived) = oneshot::channel();
        let scheduler = self.scheduler.clone();
        self.scheduler.spawn(Owner::Outside, async move {
            scheduler.sleep(there).await;
            let outcome = outcome();
            scheduler.sleep(back).await;
            drop(send.send(outcome));
        });
        arrived.await.unwrap_or_else(|_| Err(fail(Injected("the store is gone"))))
    }

    fn plan(&self, owner: Owner, name: &'static str, holder: Option<u128>) -> Plan {
        let rates = self.rates();
        let fails = self.rng.chance(rates.store);
        let is_after = fails && self.rng.chance(500);
        let is_slow = self.rng.chance(rates.slow_store);
        let short = || self.rng.between(Duration::ZERO, Duration::from_millis(8));
        let long = || self.rng.between(Duration::ZERO, Duration::from_secs(7));
        let travel = match is_slow {
            true => Some([long(), long()]),
            false if self.rng.chance(300) => Some([short(), short()]),
            false => None,
        };
        if fails || is_slow {
            let kind = match (is_slow, fails, is_after) {
                (true, false, _) => "store slow",
                (_, _, true) => "store failed after its effect",
                _ => "store failed before its effect",
            };
            let mut monitor = self.monitor();
            monitor.count_fault(kind);
            monitor.note(owner, format_args!("fault: {kind}: {name}"));
            holder.into_iter().for_each(|holder| monitor.disturb(holder));
        }
        let yields = if self.rng.chance(400) { 1 + self.rng.below(3) } else { 0 };
        Plan { fails_before: fails && !is_after, fails_after: is_after, travel, yields }
    }

    /// Spawns a task of a process.
    pub(crate) fn spawn(self: &Arc<Self>, owner: Owner, task: impl Future<Output = ()> + Send + 'static) {
        self.scheduler.spawn(owner, task);
    }
}
