//! Orders by three replicas: with kills, lost answers and a clock that is ahead; and more work than they can do in time.

use std::collections::BTreeSet;
use std::time::Duration;

use koogallery::random::{self, OsRandom};

use crate::Outcome;
use crate::deliveries::{Delivered, Load, marketplace};
use crate::fleet::Fleet;
use crate::place::{Engine, Place};
use crate::replica::{ReplicaOptions, listen};
use crate::report::Row;

/// Time within which the marketplace wants the answer of V2.0.
pub const DEADLINE: Duration = Duration::from_secs(5);

const REPLICAS: usize = 3;

/// How far the clock of one replica is ahead.
const AHEAD: Duration = Duration::from_secs(30);

/// A trial with orders.
pub struct Trial {
    pub part: &'static str,
    pub load: Load,
    /// Time between two kills, if replicas are killed.
    pub kill_pause: Option<Duration>,
    /// The shortest time that opening an account takes, and the longest.
    pub opening: [Duration; 2],
    pub lease: Duration,
}

impl Trial {
    /// Calls of each order at the same time, one answer of twenty lost, a kill every two seconds, a clock ahead.
    pub fn with_kills(orders: usize, pause: Duration) -> Self {
        let load = Load { orders, copies: 5, pause, one_lost_of: 20, ..LOAD };
        let opening = [Duration::from_millis(50), Duration::from_millis(300)];
        let kill_pause = Some(Duration::from_secs(2));
        Self { part: "kills and a clock ahead", load, kill_pause, opening, lease: Duration::from_secs(2) }
    }

    /// Many orders at once, whose accounts take longer than an answer may.
    pub fn overload(orders: usize, within: Duration, opening: [Duration; 2]) -> Self {
        let pause = within / u32::try_from(orders).unwrap_or(u32::MAX);
        let load = Load { orders, copies: 3, pause, one_lost_of: 0, ..LOAD };
        Self { part: "overload", load, kill_pause: None, opening, lease: Duration::from_secs(5) }
    }

    pub async fn run(&self, place: &Place) -> Outcome<Row> {
        let key = random::hex(&OsRandom)?;
        let mut options =
            vec![
                ReplicaOptions { opening: self.opening, lease: self.lease, ..ReplicaOptions::new(&place.url) };
                REPLICAS
            ];
        // Processes on one file are on one machine, and so have one clock.
        if let (Some(last), true) = (options.last_mut(), self.kill_pause.is_some() && place.engine != Engine::Sqlite) {
            last.ahead = AHEAD;
        }
        let mut fleet = Fleet::start(&key, options).await?;
        let listener = listen()?;
        let marketplace = marketplace(listener.local_addr()?, &key)?;
        let balancer = tokio::spawn(fleet.balance(listener));
        let killing = async {
            match self.kill_pause {
                Some(pause) => fleet.kill_in_turn(pause).await,
                None => std::future::pending().await,
            }
        };
        let deliveries = tokio::select! {
            deliveries = self.load.deliver(&marketplace) => deliveries?,
            error = killing => return Err(error),
        };
        fleet.stop().await?;
        balancer.abort();
        Ok(self.judged(place, &fleet, &deliveries))
    }

    fn judged(&self, place: &Place, fleet: &Fleet, deliveries: &[Delivered]) -> Row {
        let ids: BTreeSet<&String> = deliveries.iter().flat_map(|order| &order.instance_ids).collect();
        let ambiguous = deliveries.iter().filter(|order| order.instance_ids.len() != 1).count();
        let runs: Vec<_> = ids.iter().map(|id| fleet.runs_of(id)).collect();
        let unexplained: usize = runs.iter().map(|runs| runs.unexplained).sum();
        let unfinished = runs.iter().filter(|runs| !runs.has_ended).count();
        let repeated: usize = runs.iter().map(|runs| runs.count.saturating_sub(1)).sum();
        let mut calls: Vec<Duration> = deliveries.iter().flat_map(|order| order.calls.iter().copied()).collect();
        calls.sort_unstable();
        let late = deliveries.iter().map(|order| order.timed_out).sum::<usize>();
        let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(&calls, percent));
        let Load { orders, copies, .. } = self.load;
        let cut_off = if self.kill_pause.is_some() {
            format!("; {repeated} runs again after {} kills", fleet.kills())
        } else {
            String::new()
        };
        let figures = format!(
            "{} instances of {orders} orders x {copies}, {ambiguous} with more ids than one; {unexplained} run twice \
             without a reason{cut_off}; {} calls, {late} not answered within 5 s; p50 {p50:.3} s, p99 {p99:.3} s, \
             longest {max:.3} s",
            ids.len(),
            calls.len(),
        );
        // A replica that is killed answers nothing, and its callers do not wait. Without kills, nothing may be late.
        let (is_in_time, goal) = match self.kill_pause {
            Some(_) => (p99 < DEADLINE.as_secs_f64(), "one instance and id per order, 0 run twice, p99 < 5 s"),
            None => (late == 0, "one instance and id per order, 0 run twice, 0 later than 5 s"),
        };
        let is_once = ids.len() == orders && ambiguous + unexplained + unfinished == 0;
        Row::promise(self.part, place.engine.name(), figures, goal, is_once && is_in_time)
    }
}

const LOAD: Load = Load {
    orders: 0,
    copies: 1,
    pause: Duration::ZERO,
    retry_pause: Duration::from_millis(500),
    one_lost_of: 0,
    timeout: Duration::from_secs(180),
};

/// Returns a percentile of times that are sorted, in seconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, Duration::as_secs_f64)
}
