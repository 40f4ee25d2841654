//! `serve`: the marketplace, which a seller's server calls, and which calls it.

mod action;
mod control;
mod form;
mod page;
mod view;

use std::time::Duration;

use clap::{Args, value_parser};
use koogallery::adapter::serve::Server;
use koogallery_simulator::{Marketplace, serve_open_api};
use tokio::net::TcpListener;

use crate::support::environment::access_keys;
use crate::support::interrupt::interrupted;
use crate::support::open_api;
use crate::support::runtime;
use crate::support::seed::Seed;
use crate::support::target::TargetArgs;
use crate::{Answer, Failure, Output};
use control::Control;

const EXAMPLES: &str = "\
Examples:
  koogallery serve --listen 127.0.0.1:9090
  koogallery serve --listen 127.0.0.1:9090 --target http://127.0.0.1:8080/saasproduce --compress 3600
  curl http://127.0.0.1:9090/_marketplace/orders -d profile=saas-v2 -d 'period=1 year'
  curl http://127.0.0.1:9090/_marketplace/orders -d mode=package -d 'period=1 month' -d count=30 -d quota=OFFI1:1000
  curl http://127.0.0.1:9090/_marketplace/subscriptions/INSTANCE/renew -d 'period=1 month'

A seller's server with KOOGALLERY_OPEN_API_URL=http://127.0.0.1:9090 and the same KOOGALLERY_AK and KOOGALLERY_SK then uses
this mock. The documented mock orders, such as MOCKPERIODYEARNEW, exist. Signatures are verified strictly, and a mismatch
is explained line by line.

With --target the marketplace also calls the seller. The page /_marketplace sells, and lists subscriptions and calls;
/_marketplace/subscriptions and /_marketplace/log return JSON. Expired subscriptions are frozen, then released after 15 days.";

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
    /// Refuse usage of packages that have expired or are used up (018); otherwise it is accepted and noted in the log, since
    /// the documents do not forbid it.
    #[arg(long)]
    strict_packages: bool,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: TargetArgs,
}

impl Serve {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        let seed = self.seed.get()?;
        let open_api = open_api::server(seed, &keys, self.strict_packages)?;
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
            match marketplace {
                None => serve_open_api(listener, open_api, interrupted()).await,
                Some(marketplace) => {
                    output.note(&format!("the marketplace is at http://{address}/_marketplace"))?;
                    tokio::spawn(live(marketplace.clone()));
                    Server::new().serve(listener, Control::new(marketplace, keys), interrupted()).await;
                }
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
