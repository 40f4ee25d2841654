//! What is counted during a load test.

use std::collections::BTreeMap;
use std::fs;
use std::thread::{self, ThreadId};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::delivery::DeliveryOutcome;

/// Times are in microseconds.
pub(super) struct Tally {
    /// From the time at which a call was due to its answer.
    pub(super) latency: Histogram<u64>,
    /// From sending it.
    pub(super) service: Histogram<u64>,
    /// Delay in sending on a free connection, which is the generator's own.
    pub(super) lag: Histogram<u64>,
    /// Calls for which no connection was free when they were due.
    pub(super) waited: u64,
    /// Calls that were due and had no connection until the end.
    pub(super) not_sent: u64,
    pub(super) reconnects: u64,
    pub(super) confirmed: u64,
    /// Other outcomes, in words.
    pub(super) others: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            lag: histogram(),
            waited: 0,
            not_sent: 0,
            reconnects: 0,
            confirmed: 0,
            others: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, outcome: &DeliveryOutcome) {
        match outcome.is_final() {
            true => self.confirmed += 1,
            false => *self.others.entry(named(outcome)).or_default() += 1,
        }
    }
}

/// Names what is in an answer, but not the instance, so that equal outcomes have equal names.
fn named(outcome: &DeliveryOutcome) -> String {
    match outcome {
        DeliveryOutcome::Processing { .. } => "000004".to_owned(),
        other => other.to_string(),
    }
}

fn histogram() -> Histogram<u64> {
    /// An hour, in microseconds: no call lasts as long.
    const LONGEST: u64 = 3_600_000_000;
    Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("bounds and digits are allowed"))
}

/// How long this thread has worked, where the system says it.
pub(super) struct Busy {
    thread: ThreadId,
    worked: Option<Duration>,
}

impl Busy {
    pub(super) fn now() -> Self {
        let text = fs::read_to_string("/proc/thread-self/schedstat").ok();
        let worked = text.and_then(|text| text.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
        Self { thread: thread::current().id(), worked }
    }

    /// Returns the share of the time since then in which this thread worked.
    pub(super) fn share(&self, elapsed: Duration) -> Option<f64> {
        let now = Self::now();
        let worked = now.worked?.checked_sub(self.worked?)?;
        (now.thread == self.thread).then(|| worked.as_secs_f64() / elapsed.as_secs_f64())
    }
}
