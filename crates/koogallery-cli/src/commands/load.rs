//! `load`: buys at a fixed rate, and measures the answers.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Load as Test, LoadError};

use crate::support::duration;
use crate::support::environment::{access_keys, missing_for};
use crate::support::runtime;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::{Answer, Failure, Output};

const EXAMPLES: &str = "\
Every call is signed and differs from the others; all are purchases, which the endpoint takes for real ones unless --test marks
them. Calls are due at a fixed rate, however slow the answers are, and their latency counts from there. If the generator itself
was too slow, the report says so. It works on one thread; on the machine of the server it takes that from the server.

Examples:
  koogallery load http://127.0.0.1:8080/saasproduce
  koogallery load http://127.0.0.1:8080/saasproduce --rate 2000 --duration 60s --connections 64 --svg latency.svg
  koogallery load http://127.0.0.1:8080/saasproduce --orders 0         # every call buys another order
  koogallery load http://127.0.0.1:8080/saasproduce --profile saas-v1 --test --format json
  koogallery load https://staging.example.com/saasproduce --i-own-this-host

Exit codes: 0 every call was confirmed (000000, or 000004 where it counts), 1 some were not, or had no connection in time, 2
nothing could be sent.";

/// Buy at a fixed rate, and report how long the answers take.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Load {
    /// The production address.
    url: String,
    /// The protocol: saas-v2, saas-v1 or another with purchases; default: the first of these whose key is in the environment.
    #[arg(long, value_name = "NAME")]
    profile: Option<Protocol>,
    /// Calls per second.
    #[arg(long, value_name = "N", default_value = "50")]
    rate: f64,
    /// How long calls are due, such as 10s or 5min.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    duration: Duration,
    /// Connections, and so the greatest number of calls at the same time.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// How many different orders are bought in turn; after its first call the endpoint knows one. 0: every call buys another.
    #[arg(long, value_name = "N", default_value = "1")]
    orders: u16,
    /// Mark the calls as tests (testFlag 1).
    #[arg(long)]
    test: bool,
    /// Format of the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File for a plot of the latencies.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: TargetArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Load {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        let protocol = self.protocol(&keys)?;
        let test = Test::new(self.seller.target(&self.url)?, keys)
            .with_protocol(protocol)
            .with_rate(self.rate)
            .with_duration(self.duration)
            .with_connections(self.connections.into())
            .with_orders(self.orders.into())
            .as_test(self.test)
            .with_seed(self.seed.get()?);
        let calls = test.calls().ok_or_else(|| failure(protocol, &LoadError::Count))?;
        let orders = match self.orders {
            0 => "each of another order".to_owned(),
            1 => "all of one invented order".to_owned(),
            several => format!("of {several} invented orders in turn"),
        };
        let marked = if self.test { "marked as tests" } else { "not marked as tests" };
        output.aside(&format!(
            "sending {calls} signed purchases of {protocol} to {}, {} a second on {} connections, {orders}, {marked}",
            self.url, self.rate, self.connections
        ));
        let report = runtime::block_on(async { test.run().await.map_err(|error| failure(protocol, &error)) })?;
        match self.format {
            Format::Text => output.note(report.to_text().trim_end())?,
            Format::Json => output.bytes(report.to_json().as_bytes())?,
        }
        if let Some(warning) = report.warning() {
            output.warning(&warning);
        }
        if let Some(path) = &self.svg {
            std::fs::write(path, report.to_svg()).map_err(|error| Failure::of(path.display(), &error))?;
        }
        Ok(if report.is_ok() { Answer::Yes } else { Answer::No })
    }

    fn protocol(&self, keys: &AccessKeys) -> Result<Protocol, Failure> {
        const FIRST: [Protocol; 2] = [Protocol::SaasV2, Protocol::SaasV1];
        let has_key = |protocol: &Protocol| protocol.keys(keys).is_some();
        match self.profile {
            Some(given) if has_key(&given) => Ok(given),
            Some(given) => Err(missing_for(given)),
            None => FIRST.into_iter().find(has_key).ok_or_else(|| missing_for(FIRST[0])),
        }
    }
}

fn failure(protocol: Protocol, error: &LoadError) -> Failure {
    match error {
        LoadError::Target(error) => Failure::of("nothing was sent", error),
        other => Failure::of(protocol, other),
    }
}
