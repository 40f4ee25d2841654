//! What a load test found, as text and JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::tally::Tally;
use super::{Load, plot};
use crate::target::Target as _;

/// Percentiles that are named in reports.
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100.0)];
/// Delay of its own, in microseconds, up to which 99 of 100 calls count as sent in time.
const GREATEST_LAG: u64 = 10_000;
/// Share of a thread's time beyond which it is taken as busy all the time.
const GREATEST_SHARE: f64 = 0.9;

/// Result of a load test. Latencies of all calls that were sent count, confirmed or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadReport {
    /// The address.
    pub target: String,
    /// The protocol's id.
    pub protocol: String,
    /// Calls per second that were due.
    pub rate: f64,
    /// Connections, and so the greatest number of calls at the same time.
    pub connections: usize,
    /// The number of calls that were due.
    pub due: u64,
    /// Time until the last answer.
    pub elapsed: Duration,
    /// Calls that the endpoint confirmed.
    pub confirmed: u64,
    /// Calls with another outcome, by its code or reason.
    pub others: BTreeMap<String, u64>,
    /// Calls for which no connection became free before the end.
    pub not_sent: u64,
    /// Calls that waited for a free connection, those included.
    pub waited: u64,
    /// Connections that were opened again.
    pub reconnects: u64,
    /// Share of its thread's time in which the generator worked; `None` where the system does not say it.
    pub busy: Option<f64>,
    pub(super) latency: Histogram<u64>,
    pub(super) service: Histogram<u64>,
    lag: Histogram<u64>,
}

impl LoadReport {
    pub(super) fn new(load: &Load, due: u64, elapsed: Duration, busy: Option<f64>, tally: Tally) -> Self {
        Self {
            target: load.target.name(),
            protocol: load.protocol.id().to_owned(),
            rate: load.rate,
            connections: load.connections,
            due,
            elapsed,
            confirmed: tally.confirmed,
            others: tally.others,
            not_sent: tally.not_sent,
            waited: tally.waited + tally.not_sent,
            reconnects: tally.reconnects,
            busy,
            latency: tally.latency,
            service: tally.service,
            lag: tally.lag,
        }
    }

    /// Returns whether every call that was due was sent and confirmed.
    pub fn is_ok(&self) -> bool {
        self.confirmed == self.due
    }

    /// Returns whether the generator sent in time wherever a connection was free, and was not busy all the time. Otherwise its
    /// own delays are among the latencies.
    pub fn kept_up(&self) -> bool {
        self.lag.value_at_percentile(99.0) <= GREATEST_LAG && self.busy.is_none_or(|share| share <= GREATEST_SHARE)
    }

    /// Returns the calls per second that were answered.
    pub fn answered_per_second(&self) -> f64 {
        self.latency.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the latency from the time at which a call was due, below or at which this percentage of the calls is.
    pub fn latency(&self, percent: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_percentile(percent))
    }

    /// Returns the same from the time at which it was sent.
    pub fn service_time(&self, percent: f64) -> Duration {
        Duration::from_micros(self.service.value_at_percentile(percent))
    }

    /// Formats the report for people.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{}: {} calls of {} in {:.1} s, {:.0} a second of {} due, on {} connections\n",
            self.target,
            self.latency.len(),
            self.protocol,
            self.elapsed.as_secs_f64(),
            self.answered_per_second(),
            self.rate,
            self.connections
        );
        let _ = writeln!(text, "confirmed: {} of {}", self.confirmed, self.due);
        for (outcome, count) in &self.others {
            let _ = writeln!(text, "{count} times: {outcome}");
        }
        if self.not_sent > 0 {
            let _ = writeln!(text, "not sent, since no connection became free: {}", self.not_sent);
        }
        if self.waited > 0 {
            let _ = writeln!(text, "waited for a free connection: {}", self.waited);
        }
        if self.reconnects > 0 {
            let _ = writeln!(text, "connections opened again: {}", self.reconnects);
        }
        let _ = writeln!(text, "\n{:>8}  {:>16}  {:>12}", "", "from being due", "from sending");
        for (name, percent) in PERCENTILES {
            let (latency, service) = (millis(&self.latency, percent), millis(&self.service, percent));
            let _ = writeln!(text, "{name:>8}  {latency:>13.3} ms  {service:>9.3} ms");
        }
        text
    }

    /// Returns what is wrong with the measurement itself, if anything is.
    pub fn warning(&self) -> Option<String> {
        let busy = self.busy.map(|share| format!(", and it worked for {:.0}% of the time", share * 100.0));
        (!self.kept_up()).then(|| {
            format!(
                "the generator could not keep up: 99 of 100 calls were sent within {:.1} ms of their time where a connection \
                 was free{}. Its own delays are among the latencies; lower the rate, or measure from another machine",
                millis(&self.lag, 99.0),
                busy.unwrap_or_default()
            )
        })
    }

    /// Formats the report as JSON. Times are in milliseconds.
    pub fn to_json(&self) -> String {
        let times = |histogram: &Histogram<u64>| {
            let named = PERCENTILES.map(|(name, percent)| (name.to_owned(), Value::from(millis(histogram, percent))));
            let mut times: serde_json::Map<String, Value> = named.into_iter().collect();
            times.insert("mean".to_owned(), Value::from(histogram.mean() / 1000.0));
            times
        };
        let report = json!({
            "target": self.target,
            "protocol": self.protocol,
            "rate": self.rate,
            "connections": self.connections,
            "due": self.due,
            "answeredPerSecond": self.answered_per_second(),
            "seconds": self.elapsed.as_secs_f64(),
            "confirmed": self.confirmed,
            "others": self.others,
            "notSent": self.not_sent,
            "waited": self.waited,
            "reconnects": self.reconnects,
            "generator": { "keptUp": self.kept_up(), "busy": self.busy, "lag": times(&self.lag) },
            "latency": times(&self.latency),
            "serviceTime": times(&self.service),
        });
        format!("{report:#}\n")
    }

    /// Draws the distribution of the latencies as SVG, legible on light and dark pages.
    pub fn to_svg(&self) -> String {
        plot::svg(self)
    }
}

fn millis(histogram: &Histogram<u64>, percent: f64) -> f64 {
    histogram.value_at_percentile(percent) as f64 / 1000.0
}
