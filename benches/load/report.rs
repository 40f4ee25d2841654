//! The report in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use koogallery_benches::machine;
use koogallery_benches::ratio::median;
use serde_json::Value;

/// One load on one server.
pub struct Run {
    /// What the generator printed.
    pub report: Value,
    /// Time of the server on all processors.
    pub worked: Option<Duration>,
    /// Its resident memory over time, in MiB.
    pub resident: Vec<f64>,
}

pub struct Load<'a> {
    pub engine: &'a str,
    pub rate: u32,
    pub round: usize,
    pub run: Run,
}

impl Load<'_> {
    fn number(&self, path: &str) -> f64 {
        self.run.report.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// Calls that were answered, with whatever.
    fn answered(&self) -> f64 {
        self.number("/answeredPerSecond") * self.number("/seconds")
    }
}

pub fn markdown(loads: &[Load<'_>], rates: &[u32], seconds: usize, rounds: usize) -> String {
    let mut text = format!(
        "# Servers under load\n\nMade by `cargo bench -p koogallery-benches --features peers --bench load`. `koogallery load` \
         makes signed V2.0 purchases of 20 orders in turn, on 64 connections; each call has a nonce of its own, and finds \
         its order in the ledger. The server has two threads and all families, as `isv_server` has; `constant` answers a \
         constant on the same HTTP server. Generator, server and databases share the machine. Latencies count from the time at \
         which a call was due; medians of {rounds} rounds in turn, {seconds} s each, and of \
         their ratios; memory is that of the first and last round.\n\n"
    );
    for (name, value) in machine::described() {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text.push_str(
        "\n| server | due per second | answered per second | of the constant | p50 | p99 | p99.9 | CPU per call | resident, \
         begin to end (most) | generator: busy | late, p99 | not confirmed |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for rate in rates {
        let of_rate: Vec<&Load<'_>> = loads.iter().filter(|load| load.rate == *rate).collect();
        for engine in of_rate.iter().filter(|load| load.round == 0).map(|load| load.engine) {
            text.push_str(&row(engine, *rate, &of_rate));
        }
    }
    text.push_str(
        "\nAt the last rate every server is overloaded: calls wait for a connection, so that its latencies say how far it fell \
         behind, and its answers per second how many it can give. Where the generator is busy all the time, it is the limit; \
         where it is late, as on a machine that others use, its delay is among the latencies. \
         The CPU of the database server is not in the figures.\n",
    );
    text
}

fn row(engine: &str, rate: u32, of_rate: &[&Load<'_>]) -> String {
    let own: Vec<&Load<'_>> = of_rate.iter().copied().filter(|load| load.engine == engine).collect();
    let of = |value: &dyn Fn(&Load<'_>) -> f64| median(&mut own.iter().map(|load| value(load)).collect::<Vec<_>>());
    let answered = |load: &Load<'_>| load.number("/answeredPerSecond");
    let constant = of_rate.iter().filter(|load| load.engine == "constant");
    let shares = own.iter().zip(constant).map(|(own, constant)| answered(own) / answered(constant));
    let share = median(&mut shares.collect::<Vec<_>>());
    let [p50, p99, p999] = ["p50", "p99", "p99.9"].map(|name| of(&|load| load.number(&format!("/latency/{name}"))));
    let worked = |load: &Load<'_>| load.run.worked.map_or(f64::NAN, |worked| worked.as_secs_f64());
    let cpu = of(&|load| worked(load) * 1e6 / load.answered());
    let resident = || own.iter().flat_map(|load| load.run.resident.iter().copied());
    let (begin, end) = (resident().next().unwrap_or(f64::NAN), resident().next_back().unwrap_or(f64::NAN));
    let most = resident().fold(f64::NAN, f64::max);
    let (busy, late) =
        (of(&|load| load.number("/generator/busy")) * 100.0, of(&|load| load.number("/generator/lag/p99")));
    let others = of(&|load| load.answered().round() - load.number("/confirmed"));
    let answered = of(&answered);
    format!(
        "| {engine} | {rate} | {answered:.0} | {share:.2} | {p50:.2} ms | {p99:.2} ms | {p999:.2} ms | {cpu:.0} µs | \
         {begin:.0} to {end:.0} MiB ({most:.0}) | {busy:.0}% | {late:.2} ms | {others:.0} |\n"
    )
}
