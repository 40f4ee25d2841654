//! `serve`: the marketplace, which a seller's server calls, and which calls it.

mod access;
mod action;
mod checking;
mod compose;
pub mod control;
mod detail;
mod events;
pub mod fault;
mod filter;
pub mod form;
mod jobs;
pub mod lang;
mod page;
mod recorder;
pub mod reply;
mod routes;
pub mod sales;
mod scripting;
mod state;
pub mod tenants;
pub mod usage;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use koogallery::adapter::serve::Server;
use koogallery_simulator::{Instance, Marketplace};
use tokio::net::TcpListener;

use crate::support::environment::{access_keys, optional_credentials};
use crate::support::interrupt::interrupted;
use crate::support::open_api;
use crate::support::runtime;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::{Answer, Failure, Output};
use access::Access;
use checking::Seller;
use control::Control;

const EXAMPLES: &str = "\
Examples:
  koogallery serve --listen 127.0.0.1:9090 --instance inst-1
  koogallery serve --listen 127.0.0.1:9090 --target http://127.0.0.1:8080/saasproduce --compress 3600
  curl http://127.0.0.1:9090/_marketplace/orders -d profile=saas-v2 -d 'period=1 year'
  curl http://127.0.0.1:9090/_marketplace/orders -d mode=package -d 'period=1 month' -d count=30 -d quota=OFFI1:1000
  curl http://127.0.0.1:9090/_marketplace/subscriptions/INSTANCE/renew -d 'period=1 month'
  curl http://127.0.0.1:9090/_marketplace/tenants -d tenant=t-1 -d callback=http://127.0.0.1:8080/sso -d users=lihua
  curl http://127.0.0.1:9090/_marketplace/tenants/t-1/login -d user=lihua
  curl http://127.0.0.1:9090/_marketplace/usage -d instance=inst-1 -d value=12.5
  curl http://127.0.0.1:9090/_marketplace/faults -d fault=lost-answer -d api=push-usage -d times=2
  curl http://127.0.0.1:9090/_marketplace/faults/callbacks -d fault=duplicate -d activity=newInstance

A seller's server with KOOGALLERY_OPEN_API_URL=http://127.0.0.1:9090 and the same keys then uses this mock; the usage push
needs no AK/SK. The documented mock orders, such as MOCKPERIODYEARNEW, exist. Signatures are verified strictly, and a mismatch
is explained line by line.

The page /_marketplace, in English and Chinese, shows everything and has a form for each action. On an address that other
machines reach, it needs the token in the printed address; scripts send it as Authorization: Bearer. For scripts, all below
/_marketplace:
  GET subscriptions, instances, tenants, faults (also those that can be switched on), log, calls/N and requests/N in full, and
    events: each call and request as it happens, if wanted with profile, activity, verdict (right, wrong) or contains. The logs
    hold the latest 10,000 each; calls are kept in full up to 64 MB
  POST calls: profile, activity, message (JSON), and to go wrong on purpose clock (such as -61s), wrong_key, damaged, hang_up;
    checks: profile (default: all that the seller serves), charging, probe, timing; GET checks/N, checks/N/report.html, .md,
    .json and .xml; scenarios: text (TOML; validate to check it only), GET scenarios/N, and scenarios/recorded.toml, what was
    done so far as a scenario; calls/N/repeat: the same bytes again; clock: by, such as 15d, after which retries and expiries become due
  POST orders: profile, product, mode (period, one-time, on-demand, package), period, amount, customer; for packages count and
    quota, for on-demand needs_package; several products, separated by commas, are lines of one order
  POST subscriptions/INSTANCE/ACTION: renew and convert_trial (period), cancel_renewal, upgrade (product, mode, period, amount),
    freeze, unfreeze, release, query, apply (for a License)
  POST instances: instance, and the fields of an order; usage is accepted for it
  POST tenants: profile, tenant, callback, instance, app, client, secret, users; tenants/TENANT/login: user;
    tenants/TENANT/users: users, who are added; tenants/TENANT/unbind. Without --target tenantSync, applicationSync and authSync are left to `koogallery fire`
  GET state: orders, subscriptions, usage and authorization codes as JSON, without secrets; POST state: text, such a file
  POST usage: api (push-usage, or push-usage-old by AK/SK), instance, product (billing item), value, begin, end (such as
    20260101T000000Z), package, metering_sn, wrong_key: a record is pushed as a seller pushes it, once
  POST faults: fault, value, api, times, percent; faults/callbacks: fault (duplicate, out-of-order, lost-answer), activity,
    times, percent, for the calls that the marketplace makes by itself; faults/clear

With --target the marketplace also calls the seller. Expired subscriptions are frozen, then released after 15 days. Client
secrets are encrypted with the public part of KOOGALLERY_RSA_PRIVATE_KEY_FILE; without it no applicationSync is sent.";

/// Serve a mock of the marketplace: order query, usage, Licenses, upload, and an authentication center; with --target
/// also its calls.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: String,
    /// The production address of the seller.
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Speed time up by this factor: with 3600, an hour between two attempts takes a second.
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    compress: u32,
    /// Accept usage of this pay-per-use instance, as if it had been bought; repeatable.
    #[arg(long, value_name = "ID")]
    instance: Vec<String>,
    /// Refuse usage of packages that have expired or are used up (018); otherwise it is accepted and noted in the log, since
    /// the documents do not forbid it.
    #[arg(long)]
    strict_packages: bool,
    /// Keep orders, subscriptions, usage, authorization codes, enterprises and the calendar in this file across restarts. It
    /// holds the client secrets that were given or invented.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: TargetArgs,
}

impl Serve {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        let seed = self.seed.get()?;
        let open_api = open_api::server_of_pushes(seed, &keys, self.strict_packages)?;
        let credentials = optional_credentials()?;
        for id in &self.instance {
            open_api.put_instance(Instance::on_demand(id, open_api.now()));
        }
        let marketplace = match &self.target {
            None => None,
            Some(url) => {
                let target = self.seller.target(url)?;
                let marketplace = Marketplace::builder(target, keys.clone()).open_api(open_api.clone());
                Some(marketplace.compressed(self.compress).seed(seed.wrapping_add(1)).build())
            }
        };
        runtime::block_on(async {
            let listener = TcpListener::bind(&self.listen).await.map_err(|error| Failure::of(&self.listen, &error))?;
            let address = listener.local_addr().map_err(|error| Failure::of(&self.listen, &error))?;
            output.result(&format!("listening on http://{address}"))?;
            let access = Access::at(address.ip()).map_err(|error| Failure::of("no randomness for a token", &error))?;
            output.note(&format!("the marketplace is at http://{address}/_marketplace{}", access.query()))?;
            let control = Control::new(open_api, marketplace, &keys, &format!("http://{address}"));
            let control = control.with_credentials(credentials);
            let options = self.seller;
            let seller = self.target.map(|url| Seller { url, options });
            let control = control.with_seller(seller).with_access(access);
            if let Some(path) = &self.state {
                control.restore(path)?;
                tokio::spawn(control.clone().keep(path.clone()));
            }
            if let Some(marketplace) = control.marketplace.clone() {
                tokio::spawn(live(marketplace));
            }
            // Pages keep a connection open for what happens.
            let server = Server::new().shutdown_timeout(Duration::from_secs(1));
            server.serve(listener, control.clone(), interrupted()).await;
            if let Some(path) = &self.state {
                control.write(path, &mut String::new());
            }
            Ok(Answer::Yes)
        })
    }
}

/// Processes what becomes due.
async fn live(marketplace: Marketplace) {
    loop {
        marketplace.run_due().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
