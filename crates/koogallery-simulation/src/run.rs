//! One history, from its seed to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::key::AccessKey;
use koogallery::metering::{Correction, Cycle, RecordState, Status, UsageStore as _};
use koogallery_simulator::OpenApiServer;

use crate::marketplace::Marketplace;
use crate::monitor::Violation;
use crate::order::Order;
use crate::replica::{Replica, credentials};
use crate::rng::Rng;
use crate::scheduler::{Owner, Scheduler, SkewedClock};
use crate::simulation::Simulation;
use crate::{Bug, Error, Invariant, disturbance};

/// Time for which things go wrong. Orders are placed meanwhile.
const DISTURBED: Duration = Duration::from_secs(2 * 3600);

/// Time after which everything must have come to its end: the longest interval between calls is an hour.
const LATEST_END: Duration = Duration::from_secs(14 * 3600);

/// What is simulated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The seed, from which everything is drawn.
    pub seed: u64,
    /// The number of orders.
    pub orders: usize,
    /// The number of replicas.
    pub replicas: usize,
    /// A planted bug.
    pub bug: Option<Bug>,
    /// Whether the history is kept.
    pub keeps_history: bool,
}

impl Settings {
    /// Creates the settings of a seed: 40 orders and three replicas.
    pub fn new(seed: u64) -> Self {
        Self { seed, orders: 40, replicas: 3, bug: None, keeps_history: false }
    }
}

/// What a history has come to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// The history, if it was kept: a line for each event.
    pub history: String,
    /// The figures.
    pub totals: Totals,
}

/// Figures of one or several histories.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Histories.
    pub histories: u64,
    /// Time by the clocks of the simulation.
    pub simulated: Duration,
    /// Orders.
    pub orders: u64,
    /// Calls of the marketplace, without copies.
    pub calls: u64,
    /// Answers of the replicas.
    pub answers: u64,
    /// Runs of handlers.
    pub handler_runs: u64,
    /// Steps of tasks.
    pub steps: u64,
    /// Usage records that were billed.
    pub usage_records: u64,
    /// Injected faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// Adds the figures of another history.
    pub fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.simulated += other.simulated;
        self.orders += other.orders;
        self.calls += other.calls;
        self.answers += other.answers;
        self.handler_runs += other.handler_runs;
        self.steps += other.steps;
        self.usage_records += other.usage_records;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }
}

/// Runs one history.
///
/// # Errors
///
/// The simulation cannot be set up.
pub fn run(settings: Settings) -> Result<Outcome, Error> {
    let rng = Rng::new(settings.seed);
    let scheduler = Scheduler::new(rng.clone());
    let clock = SkewedClock { scheduler: scheduler.clone(), skew_millis: 0 };
    let open_api = OpenApiServer::builder()
        .clock(clock)
        .seed(settings.seed)
        .credentials(credentials()?)
        .access_keys(AccessKey::new("simulated-basic-key")?)
        .build();
    let orders = settings.orders;
    let replicas = settings.replicas;
    let simulation = Arc::new(Simulation::new(settings, scheduler.clone(), rng, open_api));
    let replicas: Vec<_> = (0..replicas).map(|index| Arc::new(Replica::new(Arc::clone(&simulation), index))).collect();
    for replica in &replicas {
        replica.start()?;
    }
    let market = Arc::new(Marketplace::new(Arc::clone(&simulation), replicas)?);
    market.open_orders.store(orders, Ordering::Relaxed);
    for _ in 0..orders {
        let begin = simulation.rng.between(Duration::ZERO, DISTURBED * 3 / 4);
        let market = Arc::clone(&market);
        let begun = async move {
            market.sleep(begin).await;
            Order::place(market).run().await;
        };
        simulation.spawn(Owner::Outside, begun);
    }
    simulation.spawn(Owner::Outside, disturbance::run(Arc::clone(&market), DISTURBED));
    let operator = operate(Arc::clone(&market));
    simulation.spawn(Owner::Outside, operator);
    let steps = scheduler.run(|| simulation.is_over.load(Ordering::Relaxed) || scheduler.elapsed() > LATEST_END);
    if !simulation.is_over.load(Ordering::Relaxed) {
        let open = market.open_orders.load(Ordering::Relaxed);
        let what = format!("{open} orders have not ended, or their usage is not billed");
        simulation.monitor().violate(Invariant::EverythingEnds, what);
    }
    let mut monitor = simulation.monitor();
    let totals = Totals {
        histories: 1,
        simulated: scheduler.elapsed(),
        orders: orders as u64,
        calls: market.calls.load(Ordering::Relaxed),
        answers: monitor.answers,
        handler_runs: monitor.runs_started,
        steps,
        usage_records: simulation.open_api.usage().len() as u64,
        faults: monitor.faults.clone(),
    };
    let outcome = Outcome { violation: monitor.violation.clone(), history: monitor.take_history(), totals };
    drop(monitor);
    // Tasks and what they share hold each other.
    scheduler.clear();
    market.replicas.iter().for_each(|replica| replica.kill());
    Ok(outcome)
}

/// Corrects refused usage records, as the seller's operator does, and ends the simulation when nothing is left to do.
async fn operate(market: Arc<Marketplace>) {
    let Marketplace { simulation, open_orders, .. } = &*market;
    loop {
        market.sleep(Duration::from_secs(60)).await;
        correct(simulation);
        let is_disturbed = simulation.scheduler.elapsed() <= DISTURBED;
        if is_disturbed || open_orders.load(Ordering::Relaxed) > 0 || !is_billed(simulation) {
            continue;
        }
        let billed = simulation.open_api.usage().into_iter().filter_map(|usage| usage.usage_value.ten_thousandths());
        simulation.monitor().check_billed(i64::try_from(billed.sum::<i128>()).unwrap_or(i64::MAX));
        simulation.is_over.store(true, Ordering::Relaxed);
        return;
    }
}

fn correct(simulation: &Simulation) {
    let refused = simulation.usage.records(RecordState::Fix, None, 1000).now_or_never();
    for stored in refused.and_then(Result::ok).unwrap_or_default() {
        let (sn, now) = (&stored.record.metering_sn, simulation.scheduler.now());
        drop(simulation.usage.correct(sn, Correction::default(), Cycle::default(), now).now_or_never());
    }
}

fn is_billed(simulation: &Simulation) -> bool {
    let status = simulation.usage.status(simulation.scheduler.now()).now_or_never().and_then(Result::ok);
    status.is_some_and(|Status { open, pending, held, fix, dead, .. }| {
        [open, pending, held, fix, dead].iter().all(|total| total.records == 0)
    })
}
